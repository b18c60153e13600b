"""Turns what was learned of a plan's last frame into edges, and bounds them by what polars says is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef, Edge, EdgeKind, Resolution
from lineage.columns.polars_state import (
    AGGREGATION,
    FILTER,
    IDENTITY,
    INDIRECT_KINDS,
    JOIN,
    SORT,
    TRANSFORMATION,
    UNSUPPORTED,
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
    for position, (name, column) in enumerate(state.columns.items()):
        deps = column.whole()
        for source, mask in deps.items():
            edges.update(_edges(sources.refs[source], mask, name, position))
        # A row count is implied by any column of the same table; it is said where nothing else is.
        touched = everywhere | {sources.refs[source].table for source in deps}
        for source in implied:
            if sources.refs[source].table not in touched:
                edges.add(Edge(sources.refs[source], name, EdgeKind.FILTER, position))
    return frozenset(edges)


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
    assumed influence reaches: that column alone may then have decided how many rows there are.
    """
    read = {
        target: {(table, column) for table, columns in asked.items() for column in (*columns, ROWS, ORDER)}
        for target, asked in needs.items()
    }
    assumed = {edge.target for edge in edges if edge.target and edge.resolution is Resolution.UNSUPPORTED}
    anywhere = set.intersection(*read.values()) if read else set()
    anywhere = anywhere.union(*(read[target] for target in assumed))
    return frozenset(
        edge
        for edge in edges
        if edge.resolution is not Resolution.UNSUPPORTED
        or edge.source in (anywhere if edge.target is None else read[edge.target])
    )


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
