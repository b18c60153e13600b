"""Column lineage as a value: which columns of which tables can influence which columns of one result.

Edge kinds are those of OpenLineage's column lineage facet, 1-2-0: direct ones carry a value, indirect ones
decide which rows there are, how they are grouped, or which value is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

ROWS = "*"
"""The pseudo-column that stands for the number of rows of a table."""
ORDER = "#"
"""The pseudo-column that stands for the order of the rows of a table."""


class EdgeKind(StrEnum):
    """How a column influences another; the first three carry its value, the others do not."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    FILTER = "FILTER"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"

    @property
    def direct(self) -> bool:
        """Whether the value of the source reaches the value of the target."""
        return self in _DIRECT


_DIRECT = frozenset({EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION})


class Evidence(StrEnum):
    """Where a lineage comes from, and so how far it may be believed."""

    DERIVED = "derived"
    """Read off the SQL tree or the polars plan: sound, and as fine as the reading allows."""
    DECLARED = "declared"
    """Stated by a person with ``Column(derived_from=...)``."""
    OPAQUE = "opaque"
    """Not readable: every column of every input may influence every column."""


class Resolution(StrEnum):
    """How surely the source column of an edge is known."""

    EXACT = "exact"
    STAR = "star"
    """Through ``select *`` of a table whose columns are not known."""
    AMBIGUOUS = "ambiguous"
    """One of several candidates, each of which has its edge."""
    UNSUPPORTED = "unsupported"
    """The construct is not understood, and everything below it is kept."""


class ColumnRef(NamedTuple):
    """One column of one table or asset; the column may be ``*`` (row count) or ``#`` (row order)."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}:{self.column}"


class Edge(NamedTuple):
    """One influence.

    ``target`` is the name of the output column, None when every output column is touched alike;
    ``position`` is its place among the outputs, counted from 0, because names may repeat.
    """

    source: ColumnRef
    target: str | None
    kind: EdgeKind
    position: int | None = None
    resolution: Resolution = Resolution.EXACT


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """The lineage of one result.

    Arguments:
        columns: names of the output columns in order; names may repeat.
        edges: every influence.
        evidence: where the edges come from.
        target: the table that a statement writes, None for a bare query or a frame.
        warnings: sentences about what was not understood and therefore kept whole.
    """

    columns: tuple[str, ...]
    edges: frozenset[Edge]
    evidence: Evidence = Evidence.DERIVED
    target: str | None = None
    warnings: tuple[str, ...] = ()

    def upstream(self, column: str | int, *, direct: bool = False) -> frozenset[ColumnRef]:
        """The columns that can influence one output column.

        Arguments:
            column: an output's name, or its position counted from 0.
            direct: only those whose value reaches it; otherwise indirect ones too, those that touch
                the whole result included.

        Raises:
            KeyError: there is no such output column.
        """
        if isinstance(column, int):
            if not 0 <= column < len(self.columns):
                raise KeyError(column)
        elif column not in self.columns:
            raise KeyError(column)
        return frozenset(
            edge.source
            for edge in self.edges
            if (edge.kind.direct or not direct) and (edge.target is None or self._matches(edge, column))
        )

    def over(self, columns: Iterable[str]) -> ColumnLineage:
        """The lineage over the columns that there turn out to be.

        An output called ``*`` stands for however many; each of those has the edges of every one that it can be.

        Arguments:
            columns: names of all the output columns, in order.
        """
        names = tuple(columns)
        stars = [place for place, name in enumerate(self.columns) if name == ROWS]
        if not stars:
            return self if self.columns else replace(self, columns=names)
        before, more = stars[0], len(names) - len(self.columns)
        behind = stars[-1] + 1
        edges: set[Edge] = set()
        for edge in self.edges:
            if edge.position is None or behind + more < before:  # fewer than are told: any of them may be any
                edges.add(edge._replace(target=None, position=None))
                continue
            first, end = before, behind + more
            if edge.position < before:
                first, end = edge.position, edge.position + 1
            elif edge.position >= behind:
                first, end = edge.position + more, edge.position + more + 1
            edges |= {edge._replace(target=names[at], position=at) for at in range(first, end)}
        return replace(self, columns=names, edges=frozenset(edges))

    def tables(self) -> frozenset[str]:
        """The names of all tables that any edge starts from."""
        return frozenset(edge.source.table for edge in self.edges)

    @staticmethod
    def _matches(edge: Edge, column: str | int) -> bool:
        if isinstance(column, str):
            return edge.target == column
        return edge.position == column


def opaque_lineage(
    columns: Iterable[str], inputs: dict[str, Iterable[str]], *, warnings: Iterable[str] = ()
) -> ColumnLineage:
    """Everything influences everything: what is said of code that cannot be read.

    Arguments:
        columns: the output columns, empty where they are not known.
        inputs: the columns of every input table; ``*`` and ``#`` are added to each.
    """
    refs = [ColumnRef(table, column) for table, names in inputs.items() for column in (*names, ROWS, ORDER)]
    edges = frozenset(Edge(ref, None, EdgeKind.TRANSFORMATION) for ref in refs)
    return ColumnLineage(tuple(columns), edges, Evidence.OPAQUE, warnings=tuple(warnings))
