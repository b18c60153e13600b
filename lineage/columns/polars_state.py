"""What is known of a frame half-way through a plan: who decides its values, its rows and their order.

Influences are dictionaries from a source's number to a set of edge kinds, written as bits: a source may reach
one column by several ways at once. The dictionaries are shared between frames and never changed in place.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from assets_core.column_lineage import ORDER, ROWS, ColumnRef, EdgeKind

Deps = dict[int, int]
"""Source number to the bits of the edge kinds by which it has influence."""

IDENTITY = 1
TRANSFORMATION = 2
AGGREGATION = 4
JOIN = 8
GROUP_BY = 16
FILTER = 32
SORT = 64
WINDOW = 128
CONDITIONAL = 256
UNSUPPORTED = 512
"""Not a kind: the influence was assumed because a construct on the way was not understood."""

DIRECT = IDENTITY | TRANSFORMATION | AGGREGATION

INDIRECT_KINDS: tuple[tuple[int, EdgeKind], ...] = (
    (JOIN, EdgeKind.JOIN),
    (GROUP_BY, EdgeKind.GROUP_BY),
    (FILTER, EdgeKind.FILTER),
    (SORT, EdgeKind.SORT),
    (WINDOW, EdgeKind.WINDOW),
    (CONDITIONAL, EdgeKind.CONDITIONAL),
)
NOTHING: Deps = {}


def merge(*parts: Deps) -> Deps:
    """Everything that any of the parts names, by all their kinds."""
    filled = [part for part in parts if part]
    if len(filled) < 2:
        return filled[0] if filled else NOTHING
    merged = dict(filled[0])
    for part in filled[1:]:
        for source, mask in part.items():
            merged[source] = merged.get(source, 0) | mask
    return merged


def transformed(deps: Deps) -> Deps:
    """The same influences after a computation row by row."""
    return {source: mask ^ IDENTITY | TRANSFORMATION if mask & IDENTITY else mask for source, mask in deps.items()}


def aggregated(deps: Deps) -> Deps:
    """The same influences after an aggregation: what carried values carries them summed up."""
    return {source: mask & ~DIRECT | AGGREGATION if mask & DIRECT else mask for source, mask in deps.items()}


def indirect(deps: Deps, kind: int) -> Deps:
    """Influences of the given indirect kind, whatever they were before."""
    return {source: kind | mask & UNSUPPORTED for source, mask in deps.items()}


def assumed(deps: Deps) -> Deps:
    """Influences through an expression that was not understood: what carried values may carry any value now, and what
    only decided which values there are still does no more."""
    return {
        source: mask & ~DIRECT | UNSUPPORTED | (TRANSFORMATION if mask & DIRECT else 0) for source, mask in deps.items()
    }


@dataclass(slots=True)
class Column:
    """The influences on one column; ``fields`` holds those on each field of a struct that is known that well."""

    deps: Deps
    fields: dict[str, Column] | None = None

    def whole(self) -> Deps:
        """The influences on the value taken as one."""
        if self.fields is None:
            return self.deps
        return merge(self.deps, *(item.whole() for item in self.fields.values()))

    def mapped(self) -> Column:
        """The column after a computation row by row that keeps no fields."""
        return Column(transformed(self.whole()))


@dataclass(slots=True)
class FrameState:
    """What is known of a frame.

    ``rows`` decides which rows there are, ``order`` in which order they come (both only as indirect kinds);
    ``tables`` numbers every leaf below; ``sorted_by`` is the column a sort put first, while that holds;
    ``unique`` is a set of columns that no two rows agree on, where a group-by or a dedupe made one;
    ``hidden`` is the order that a complete sort did away with: polars drops the sort where what follows does not
    keep order, and then it is back.
    """

    columns: dict[str, Column]
    rows: Deps
    order: Deps
    tables: frozenset[int]
    sorted_by: str | None = None
    unique: frozenset[str] | None = None
    hidden: Deps = field(default_factory=dict)

    def changed(self, columns: dict[str, Column], *, rows: Deps | None = None, order: Deps | None = None) -> FrameState:
        """The frame with other columns; what is known of sortedness and uniqueness holds while its columns stay."""
        kept = self.sorted_by if self.sorted_by is not None and self._keeps(columns, self.sorted_by) else None
        unique = self.unique
        if unique is not None and not all(self._keeps(columns, name) for name in unique):
            unique = None
        return FrameState(
            columns,
            self.rows if rows is None else rows,
            self.order if order is None else order,
            self.tables,
            kept,
            unique,
            self.hidden,
        )

    def _keeps(self, columns: dict[str, Column], name: str) -> bool:
        return columns.get(name) is self.columns[name]

    def assumed(self, stars: Set[int]) -> Deps:
        """The influences on every value that a function makes of the whole frame.

        It may put any value anywhere, and count the rows; what only decides which rows it is given, and in which
        order, does no more than that, whatever it makes of them.

        Arguments:
            stars: the sources that are numbers of rows.
        """
        values = merge(*(column.whole() for column in self.columns.values()))
        counted = {source: TRANSFORMATION for source in self.rows if source in stars}
        chosen = merge(indirect(self.rows, FILTER), indirect(self.order, SORT), indirect(self.hidden, SORT))
        return assumed(merge(values, counted, {s: mask for s, mask in chosen.items() if s not in counted}))


@dataclass(slots=True)
class Sources:
    """The numbers given to the columns of all leaves, and to their pseudo-columns."""

    refs: list[ColumnRef] = field(default_factory=list)
    numbers: dict[ColumnRef, int] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    order: dict[int, int] = field(default_factory=dict)
    stars: set[int] = field(default_factory=set)
    tables: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)

    def number(self, table: str, column: str) -> int:
        """The number of one source column."""
        ref = ColumnRef(table, column)
        found = self.numbers.get(ref)
        if found is None:
            found = self.numbers[ref] = len(self.refs)
            self.refs.append(ref)
        return found

    def leaf(self, table: str, columns: list[str]) -> FrameState:
        """The state of a frame that is a table as it stands."""
        rows, order = self.number(table, ROWS), self.number(table, ORDER)
        self.stars.add(rows)
        if table in self.columns:
            number = self.tables.index(table)
            self.columns[table] += [name for name in columns if name not in self.columns[table]]
        else:
            number = len(self.tables)
            self.tables.append(table)
            self.columns[table] = list(columns)
        return FrameState(
            {name: Column({self.number(table, name): IDENTITY}) for name in columns},
            {rows: FILTER},
            {order: SORT},
            frozenset((number,)),
        )

    def all_of(self, tables: frozenset[int]) -> Deps:
        """Every column and pseudo-column of some leaves, as influences that were only assumed."""
        return {
            self.number(self.tables[table], column): TRANSFORMATION | UNSUPPORTED
            for table in tables
            for column in (*self.columns[self.tables[table]], ROWS, ORDER)
        }
