"""Walking column lineage up to where values come from, or down to what they feed.

Beside the edges that lineages hold, two kinds are implied, because a lineage does not repeat them for every column:
the number of rows of an asset depends on the number of rows of every table it reads, and the order of its rows on
the order of theirs. They are followed, and shown, where ``*`` or ``#`` is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef, Edge, EdgeKind, Evidence, Resolution
from lineage.catalog.store import Catalog

Direction = Literal["up", "down"]


class TraceEdge(NamedTuple):
    """One influence between two assets.

    Arguments:
        asset: key of the asset that is influenced.
        column: its column; None when all of them are, and its rows.
        evidence: how far the edge may be believed.
    """

    source: ColumnRef
    asset: str
    column: str | None
    kind: EdgeKind
    evidence: Evidence

    @property
    def target(self) -> ColumnRef | str:
        """The column that is influenced, or the key of an asset that is as a whole."""
        return self.asset if self.column is None else ColumnRef(self.asset, self.column)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a walk over columns found.

    Arguments:
        start: the columns it started from.
        edges: every influence met, nearest first, then by target, source and kind.
        columns: every column reached, those it started from left out.
        leaves: the columns at which it ended, because nothing goes further or the depth was reached.
    """

    start: tuple[ColumnRef, ...]
    direction: Direction
    edges: tuple[TraceEdge, ...]
    columns: frozenset[ColumnRef]
    leaves: frozenset[ColumnRef]


def trace(
    start: Iterable[ColumnRef],
    lineages: Mapping[str, Collection[ColumnLineage]],
    *,
    direction: Direction = "up",
    depth: int | None = None,
    direct: bool = False,
) -> Trace:
    """Walks from columns over the lineages of assets; the cost is linear in their edges.

    Arguments:
        start: columns of assets, among them the pseudo-columns ``*`` and ``#``.
        lineages: by asset key, one lineage or, where the partitions of an asset were made by different code,
            several; their tables are asset keys.
        direction: ``up`` to what influences the columns, ``down`` to what they influence.
        depth: how many assets to go; None for all.
        direct: only edges that carry values.
    """
    walk = _Up(lineages, direct) if direction == "up" else _Down(lineages, direct)
    begun = tuple(dict.fromkeys(start))
    found: dict[TraceEdge, None] = {}
    layer: list[_Node] = [_Node(*ref) for ref in begun]
    seen = set(layer)
    ends: set[_Node] = set()
    hops = 0
    while layer:
        reached: dict[_Node, None] = {}
        edges: set[TraceEdge] = set()
        for node in layer:
            steps = list(walk.steps(node)) if depth is None or hops < depth else []
            if not steps:
                ends.add(node)
            for edge, following in steps:
                edges.add(edge)
                if following not in seen:
                    seen.add(following)
                    reached[following] = None
        found.update(dict.fromkeys(sorted(edges - found.keys(), key=_edge_order)))
        layer = list(reached)
        hops += 1
    columns = _expanded(seen, lineages) - set(begun)
    return Trace(begun, direction, tuple(found), columns, _expanded(ends, lineages))


def combine(lineage: ColumnLineage, bindings: Mapping[str, str]) -> ColumnLineage:
    """The lineage with its tables renamed, as from the names that inputs are bound to, to asset keys.

    Arguments:
        bindings: new names by old ones; a table that is not among them keeps its name.
    """
    return ColumnLineage(
        lineage.columns,
        frozenset(
            edge._replace(source=ColumnRef(bindings.get(edge.source.table, edge.source.table), edge.source.column))
            for edge in lineage.edges
        ),
        lineage.evidence,
        lineage.target,
        lineage.warnings,
    )


def lineages_as_of(
    catalog: Catalog, env: str, as_of: datetime | int | None = None
) -> dict[str, tuple[ColumnLineage, ...]]:
    """The lineages of all that an environment shows, or showed after a moment or log entry, by asset key."""
    return catalog.lineages(env, as_of=as_of)


class _Node(NamedTuple):
    """A column, or with None an asset as a whole."""

    asset: str
    column: str | None


_Step = tuple[TraceEdge, _Node]


@dataclass(slots=True)
class _Edges:
    """The edges of one asset, found by what they point at."""

    by_target: dict[str, list[tuple[Edge, Evidence]]] = field(default_factory=dict)
    whole: list[tuple[Edge, Evidence]] = field(default_factory=list)
    tables: dict[str, Evidence] = field(default_factory=dict)


class _Up:
    """Steps from a column to what influences it."""

    def __init__(self, lineages: Mapping[str, Collection[ColumnLineage]], direct: bool) -> None:
        self._lineages = lineages
        self._direct = direct
        self._indexed: dict[str, _Edges] = {}
        self._opened: set[str] = set()

    def steps(self, node: _Node) -> Iterator[_Step]:
        asset, column = node
        edges = self._edges(asset)
        if column is None:
            own = [pair for pairs in edges.by_target.values() for pair in pairs]
        else:
            own = edges.by_target.get(column, [])
        for edge, evidence in own:
            yield self._step(asset, edge, evidence)
        # What touches the whole asset is walked once, not once for every column; one step tells that there is more.
        whole = edges.whole[:1] if asset in self._opened else edges.whole
        self._opened.add(asset)
        for edge, evidence in whole:
            yield self._step(asset, edge, evidence)
        pseudo = ROWS if column is None else column
        if pseudo in (ROWS, ORDER) and not self._direct:
            for table, evidence in edges.tables.items():
                yield _implied(table, asset, pseudo, evidence), _Node(table, pseudo)

    def _step(self, asset: str, edge: Edge, evidence: Evidence) -> _Step:
        unnamed = edge.resolution is Resolution.STAR and edge.source.column == ROWS
        following = _Node(edge.source.table, None if unnamed else edge.source.column)
        return TraceEdge(edge.source, asset, edge.target, edge.kind, evidence), following

    def _edges(self, asset: str) -> _Edges:
        edges = self._indexed.get(asset)
        if edges is None:
            edges = self._indexed[asset] = _Edges()
            for edge, evidence in _edges_of(self._lineages.get(asset, ()), self._direct):
                edges.tables.setdefault(edge.source.table, evidence)
                if edge.target is None:
                    edges.whole.append((edge, evidence))
                else:
                    edges.by_target.setdefault(edge.target, []).append((edge, evidence))
        return edges


class _Down:
    """Steps from a column to what it influences."""

    def __init__(self, lineages: Mapping[str, Collection[ColumnLineage]], direct: bool) -> None:
        self._direct = direct
        self._by_source: dict[str, dict[str, list[TraceEdge]]] = {}
        self._stars: dict[str, list[TraceEdge]] = {}
        self._readers: dict[str, dict[str, Evidence]] = {}
        for asset, several in lineages.items():
            for edge, evidence in _edges_of(several, direct):
                table, column = edge.source
                made = TraceEdge(edge.source, asset, edge.target, edge.kind, evidence)
                self._by_source.setdefault(table, {}).setdefault(column, []).append(made)
                self._readers.setdefault(table, {}).setdefault(asset, evidence)
                if edge.resolution is Resolution.STAR and column == ROWS:
                    self._stars.setdefault(table, []).append(made)

    def steps(self, node: _Node) -> Iterator[_Step]:
        asset, column = node
        sources = self._by_source.get(asset, {})
        if column is None:
            own = [edge for edges in sources.values() for edge in edges]
        else:
            own = [*sources.get(column, ()), *(self._stars.get(asset, ()) if column != ROWS else ())]
        for edge in own:
            yield edge, _Node(edge.asset, edge.column)
        pseudo = (ROWS, ORDER) if column is None else (column,) if column in (ROWS, ORDER) else ()
        if not self._direct:
            for name in pseudo:
                for reader, evidence in self._readers.get(asset, {}).items():
                    yield _implied(asset, reader, name, evidence), _Node(reader, name)


def _implied(table: str, asset: str, column: str, evidence: Evidence) -> TraceEdge:
    kind = EdgeKind.FILTER if column == ROWS else EdgeKind.SORT
    return TraceEdge(ColumnRef(table, column), asset, column, kind, evidence)


def _edges_of(lineages: Collection[ColumnLineage], direct: bool) -> Iterator[tuple[Edge, Evidence]]:
    for lineage in dict.fromkeys(lineages):  # partitions made by the same code have equal ones
        for edge in lineage.edges:
            if edge.kind.direct or not direct:
                yield edge, lineage.evidence


def _expanded(nodes: Collection[_Node], lineages: Mapping[str, Collection[ColumnLineage]]) -> frozenset[ColumnRef]:
    """The columns that nodes stand for: an asset as a whole for all of its columns and the number of its rows."""
    columns: set[ColumnRef] = set()
    for asset, column in nodes:
        if column is not None:
            columns.add(ColumnRef(asset, column))
            continue
        columns.add(ColumnRef(asset, ROWS))
        for lineage in dict.fromkeys(lineages.get(asset, ())):
            columns.update(ColumnRef(asset, name) for name in lineage.columns)
    return frozenset(columns)


def _edge_order(edge: TraceEdge) -> tuple[object, ...]:
    return (edge.asset, edge.column is not None, edge.column or "", edge.source, edge.kind, edge.evidence)
