"""Relations: what a FROM item, a subquery or a common table expression hands to the query around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from assets_core.column_lineage import ROWS, ColumnRef, EdgeKind, Resolution
from lineage.columns.sql_flow import NOTHING, Flow, Origin, marked, merged, through

STAR = "*"
"""The name of an output that stands for all columns of something whose columns are not known."""


@dataclass(slots=True)
class Tail:
    """The columns behind a star that are not known by name.

    Arguments:
        flow: the edge of the star as a whole.
        pick: gives the flow of one of them by name.
        without: names (in lower case) that the star leaves out or that are listed beside it.
        untold: whether there are such columns whatever is known of the tables, as behind a star over a struct.
    """

    flow: Flow
    pick: Callable[[str], Flow]
    without: frozenset[str] = frozenset()
    untold: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name behind the star; None if the star leaves it out."""
        return None if name.lower() in self.without else Column(name, self.pick(name))

    def leaving_out(self, names: Iterable[str]) -> Tail:
        """The tail without the given names."""
        return replace(self, without=self.without | {name.lower() for name in names})

    def passing(self, operator: EdgeKind) -> Tail:
        """The tail behind an operator."""
        pick = self.pick
        return replace(self, flow=through(self.flow, operator), pick=lambda name: through(pick(name), operator))


@dataclass(slots=True)
class Column:
    """One output column: its flow; the fields of a struct where they are told; its tail if it is a star.

    ``touch`` says that the column is read. A star alone does not read the columns it stands for: what nobody asks a
    subquery for, its tables need not give. Whoever uses a column otherwise than by passing it on touches it.
    """

    name: str
    flow: Flow
    fields: dict[str, Flow] | None = None
    tail: Tail | None = None
    touch: Callable[[], None] | None = None


@dataclass(slots=True)
class Relation:
    """A table-like thing.

    Arguments:
        columns: the columns in order; names may repeat, and a star stands for unknown ones.
        rows: what decides which rows there are: indirect kinds only.
        counted: the row counts of the tables beneath (``*`` columns, as identities).
    """

    columns: list[Column]
    rows: Flow = NOTHING
    counted: Flow = NOTHING
    _index: dict[str, list[Column]] | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether there may be columns that are not listed."""
        return any(column.tail for column in self.columns)

    @property
    def hides(self) -> bool:
        """Whether there are columns that are not listed whatever is known of the tables."""
        return any(column.tail is not None and column.tail.untold for column in self.columns)

    def listed(self, name: str) -> Column | None:
        """A column that is listed by name; of several of that name, all that they could be."""
        if self._index is None:
            self._index = {}
            for column in self.columns:
                if column.tail is None:
                    self._index.setdefault(column.name.lower(), []).append(column)
        return one_of(touched(self._index.get(name.lower(), [])), name)

    def beneath_stars(self, name: str) -> Column | None:
        """A column that a star may hide; of several stars, all that it could be."""
        found = [hit for column in self.columns if column.tail and (hit := column.tail.column(name))]
        return one_of(found, name)

    def find(self, name: str) -> Column | None:
        """The column of that name, listed or behind a star."""
        return self.listed(name) or self.beneath_stars(name)

    def names(self) -> list[str]:
        """The names of the listed columns."""
        return [column.name for column in self.columns if column.tail is None]

    def expanded(self) -> Iterator[Column]:
        """The columns that ``*`` stands for."""
        return iter(self.columns)

    def renamed(self, names: list[str]) -> Relation:
        """The relation with its first columns renamed, as ``AS t(a, b)`` does."""
        if not names:
            return self
        columns = touched(list(self.expanded()))
        if columns and columns[0].tail and len(columns) == 1:
            tail = columns[0].tail
            renamed = [Column(name, marked(tail.flow, Resolution.STAR)) for name in names]
            return Relation(renamed, self.rows, self.counted)
        renamed = [
            Column(name, column.flow, column.fields, column.tail) for name, column in zip(names, columns, strict=False)
        ]
        return Relation([*renamed, *columns[len(names) :]], self.rows, self.counted)

    def everything(self) -> Flow:
        """The flows of all columns together."""
        return merged(column.flow for column in touched(list(self.expanded())))


class Table(Relation):
    """A table of the database: columns are made when they are asked for, and asking is recorded.

    Arguments:
        name: the table's name as edges carry it.
        known: its columns; None where they are not known.
        read: called with every column that is read.
        spell: gives the one spelling of a column whose table is not known.
    """

    __slots__ = ("_found", "_keys", "_known", "_read", "_spell", "_wide", "name")

    def __init__(
        self,
        name: str,
        known: tuple[str, ...] | None,
        read: Callable[[str, str], None],
        spell: Callable[[str, str], str],
    ) -> None:
        self.name = name
        self._known = known
        self._read = read
        self._spell = spell
        self._keys: dict[str, list[str]] | None = None
        self._found: dict[str, Column] = {}
        self._wide: list[Column] | None = None
        super().__init__([], NOTHING, frozenset({Origin(ColumnRef(name, ROWS), EdgeKind.IDENTITY)}))

    @property
    def open(self) -> bool:
        return self._known is None

    def listed(self, name: str) -> Column | None:
        if self._known is None:
            return None
        if self._keys is None:
            self._keys = {}
            for column in self._known:
                self._keys.setdefault(column.lower(), []).append(column)
        spellings = self._keys.get(name.lower())
        if not spellings:
            return None
        return self._column(name if name in spellings else spellings[0])

    def beneath_stars(self, name: str) -> Column | None:
        return self._column(self._spell(self.name, name)) if self._known is None else None

    def names(self) -> list[str]:
        return list(self._known or ())

    def expanded(self) -> Iterator[Column]:
        if self._known is None:
            self._read(self.name, STAR)
            origin = Origin(ColumnRef(self.name, STAR), EdgeKind.IDENTITY, Resolution.STAR)
            tail = Tail(frozenset({origin}), lambda name: self._column(self._spell(self.name, name)).flow)
            return iter([Column(STAR, tail.flow, None, tail)])
        if self._wide is None:
            self._wide = [self._found.get(name) or self._unread(name) for name in self._known]
        return iter(self._wide)

    def _unread(self, name: str) -> Column:
        flow = frozenset({Origin(ColumnRef(self.name, name), EdgeKind.IDENTITY)})
        return Column(name, flow, touch=partial(self._read, self.name, name))

    def _column(self, name: str) -> Column:
        found = self._found.get(name)
        if found is None:
            found = Column(name, frozenset({Origin(ColumnRef(self.name, name), EdgeKind.IDENTITY)}))
            self._found[name] = found
            self._read(self.name, name)
        return found


def touched(columns: list[Column]) -> list[Column]:
    """The columns, every one of them read."""
    for column in columns:
        if column.touch is not None:
            column.touch()
    return columns


def one_of(found: list[Column], name: str) -> Column | None:
    """The only candidate, or one column that says it is one of several."""
    if len(found) < 2:
        return found[0] if found else None
    return Column(name, marked(merged(column.flow for column in found), Resolution.AMBIGUOUS))


def spread(flow: Flow, names: Iterable[str] = ()) -> Relation:
    """What a table function gives: named columns, or any column, each from all that it was called with.

    Arguments:
        flow: what its arguments carry.
        names: names of its columns; none means that they are not known.
    """
    listed = [Column(name, flow) for name in names]
    if listed:
        return Relation(listed)
    return Relation([untold(flow)])


def untold(flow: Flow) -> Column:
    """A star for columns whose names are not known, any of which carries the flow."""
    tail = Tail(marked(flow, Resolution.STAR), lambda _: flow, untold=True)
    return Column(STAR, tail.flow, None, tail)
