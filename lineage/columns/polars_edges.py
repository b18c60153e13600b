"""Turns what was learned of a plan's last frame into edges, and bounds them by what polars says is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef, Edge, EdgeKind, Resolution
from lineage.columns.polars_state import (
    AGGREGATION,
    DIRECT,
    FILTER,
    IDENTITY,
    INDIRECT_KINDS,
    JOIN,
    SORT,
    TRANSFORMATION,
    UNSUPPORTED,
    Deps,
    FrameState,
    Sources,
)


def edges_of(state: FrameState, sources: Sources, *, ordered: bool = False) -> frozenset[Edge]:
    """The edges that a frame's state says, those that touch every column alike once for the frame.

    Arguments:
        ordered: whether the order of the rows is content, so that whatever decides it has influence.
    """
    edges: set[Edge] = set()
    counted = {s: m for s, m in state.rows.items() if s in sources.stars and not m & ~(FILTER | JOIN)}
    implied = {source for source, mask in counted.items() if mask == FILTER}
    for source, mask in state.rows.items():
        if source not in counted:
            edges.update(_edges(sources.refs[source], mask, None, None))
    # That a table is joined is said by its keys; without any, by how many rows it has.
    keyed = {edge.source.table for edge in edges}
    for source in counted.keys() - implied:
        if sources.refs[source].table not in keyed:
            edges.add(Edge(sources.refs[source], None, EdgeKind.JOIN))
    for source, mask in state.order.items():
        if ordered or (mask & SORT and sources.refs[source].column not in (ORDER, ROWS)):
            edges.update(_edges(sources.refs[source], SORT | mask & UNSUPPORTED, None, None))
    everywhere = {edge.source.table for edge in edges}
    influences = [column.whole() for column in state.columns.values()]
    whole = _assumed_everywhere(influences)
    edges.update(Edge(sources.refs[s], None, EdgeKind.TRANSFORMATION, None, Resolution.UNSUPPORTED) for s in whole)
    for position, (name, deps) in enumerate(zip(state.columns, influences, strict=True)):
        for source, mask in deps.items():
            edges.update(_edges(sources.refs[source], mask & ~DIRECT if source in whole else mask, name, position))
        # A row count is implied by any column of the same table; it is said where nothing else is.
        touched = everywhere | {sources.refs[source].table for source in deps}
        for source in implied:
            if sources.refs[source].table not in touched:
                edges.add(Edge(sources.refs[source], name, EdgeKind.FILTER, position))
    return frozenset(edges)


def _assumed_everywhere(influences: Sequence[Deps]) -> frozenset[int]:
    """The sources whose values are assumed to reach every one of several columns.

    They came through one step that was not understood, such as a Python function over a frame: that is one claim
    about the frame, and would be as many edges as it has columns.
    """
    if len(influences) < 2:
        return frozenset()
    return frozenset(
        source
        for source, mask in influences[0].items()
        if mask & UNSUPPORTED and all(_is_assumed(deps.get(source, 0)) for deps in influences)
    )


def _is_assumed(mask: int) -> bool:
    return bool(mask & UNSUPPORTED and mask & DIRECT)


def _edges(ref: ColumnRef, mask: int, target: str | None, position: int | None) -> Iterator[Edge]:
    resolution = Resolution.UNSUPPORTED if mask & UNSUPPORTED else Resolution.EXACT
    for bit, kind in (
        (IDENTITY, EdgeKind.IDENTITY),
        (TRANSFORMATION, EdgeKind.TRANSFORMATION),
        (AGGREGATION, EdgeKind.AGGREGATION),
    ):
        if mask & bit:
            yield Edge(ref, target, kind, position, resolution)
            break
    for bit, kind in INDIRECT_KINDS:
        if mask & bit:
            yield Edge(ref, target, kind, position, resolution)


def trimmed(edges: frozenset[Edge], asked: Mapping[str, list[str]]) -> frozenset[Edge]:
    """The edges without those from columns that polars does not even read."""
    read = {table: {*columns, ROWS, ORDER} for table, columns in asked.items()}
    return frozenset(edge for edge in edges if edge.source.column in read.get(edge.source.table, ()))


Needs = Mapping[str, Mapping[str, list[str]]]
"""By output column, the columns of each input that polars reads for that column alone."""


def bounded(edges: frozenset[Edge], needs: Needs) -> frozenset[Edge]:
    """The edges without those that were only assumed and that polars does not read for the column in question.

    An assumed influence on all rows stays if polars reads it whatever column is wanted, or for a column that an
    assumed influence reaches: that column alone may then have decided how many rows there are. An assumed value in
    every column is one in those for which polars reads it.
    """
    read = {
        target: {(table, column) for table, columns in asked.items() for column in (*columns, ROWS, ORDER)}
        for target, asked in needs.items()
    }
    exact = frozenset(edge for edge in edges if edge.resolution is not Resolution.UNSUPPORTED)
    assumed = edges - exact
    values = [edge for edge in assumed if edge.kind.direct]
    whole = any(edge.target is None for edge in values)
    deciding = read.keys() if whole else {edge.target for edge in assumed if edge.target is not None}
    anywhere = set.intersection(*read.values()) if read else set()
    anywhere = anywhere.union(*(read[target] for target in deciding))
    deciders = [
        edge
        for edge in assumed
        if not edge.kind.direct and edge.source in (anywhere if edge.target is None else read[edge.target])
    ]
    return exact.union(deciders, (made for edge in values for made in _where_read(edge, read)))


def _where_read(edge: Edge, read: Mapping[str, Set[tuple[str, str]]]) -> Iterator[Edge]:
    """An assumed value's edge, for those columns for which polars reads its source: one where that is all of them."""
    targets = read if edge.target is None else (edge.target,)
    wanted = [target for target in targets if edge.source in read[target]]
    if edge.target is not None or len(wanted) == len(read):
        yield from [edge] * bool(wanted)
        return
    for position, target in enumerate(read):
        if edge.source in read[target]:
            yield edge._replace(target=target, position=position)


def covers(edges: frozenset[Edge], needs: Needs) -> bool:
    """Whether every column that polars reads for an output is among the influences on it, or on all rows."""
    everywhere = {edge.source for edge in edges if edge.target is None}
    reached: dict[str, set[ColumnRef]] = {}
    for edge in edges:
        if edge.target is not None:
            reached.setdefault(edge.target, set()).add(edge.source)
    return all(
        ColumnRef(table, column) in everywhere or ColumnRef(table, column) in reached.get(target, ())
        for target, asked in needs.items()
        for table, columns in asked.items()
        for column in columns
    )


def order_read(table: str, lineage: ColumnLineage) -> bool:
    """Whether the order of an input's rows reaches values."""
    return any(edge.source == (table, ORDER) for edge in lineage.edges)
