"""Column lineage between assets as one shape, whatever it was read from: what the tree and the diagrams draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from assets_core.column_lineage import ORDER, ROWS, ColumnLineage, ColumnRef, EdgeKind, Evidence

if TYPE_CHECKING:
    from lineage.trace import Trace


class Point(NamedTuple):
    """A column of a table; None stands for every column of it alike."""

    table: str
    column: str | None

    def __str__(self) -> str:
        name = self.table or "query"
        if self.column is None:
            return f"{name} (every column)"
        if self.column == ROWS:
            return f"{name} (row count)"
        if self.column == ORDER:
            return f"{name} (row order)"
        return f"{self.table}:{self.column}" if self.table else self.column


class Flow(NamedTuple):
    """One influence of a column on a column of another table."""

    source: Point
    target: Point
    kind: EdgeKind
    evidence: Evidence = Evidence.DERIVED


class Walk(NamedTuple):
    """What was walked: where from, which way, and every influence met.

    Arguments:
        roots: the columns that were asked about.
        up: whether the way led to what influences them; else to what they influence.
    """

    roots: tuple[Point, ...]
    flows: tuple[Flow, ...]
    up: bool = True


def walk_of_trace(trace: Trace) -> Walk:
    """What a walk over assets found; its depth may have bounded it."""
    up = trace.direction == "up"
    flows = tuple(
        Flow(_source(edge.source, edge.kind), Point(edge.asset, edge.column), edge.kind, edge.evidence)
        for edge in trace.edges
    )
    return Walk(tuple(Point(*ref) for ref in trace.start), flows, up)


def _source(ref: ColumnRef, kind: EdgeKind) -> Point:
    # A star over a table whose columns are not known hands all of them on.
    return Point(ref.table, None) if ref.column == ROWS and kind is EdgeKind.IDENTITY else Point(*ref)


def joined(walks: Sequence[Walk]) -> Walk:
    """Several walks as one, for a single drawing."""
    roots = dict.fromkeys(root for walk in walks for root in walk.roots)
    flows = dict.fromkeys(flow for walk in walks for flow in walk.flows)
    return Walk(tuple(roots), tuple(flows), all(walk.up for walk in walks))


def walk_of_query(lineage: ColumnLineage, *, direct: bool = False) -> Walk:
    """The lineage of one statement; of outputs that share a name, the later ones are numbered.

    Arguments:
        direct: only influences that carry values.
    """
    table = lineage.target or ""
    labels = _labels(lineage.columns)
    flows = []
    for edge in lineage.edges:
        if direct and not edge.kind.direct:
            continue
        column = edge.target if edge.position is None else labels[edge.position]
        flows.append(Flow(_source(edge.source, edge.kind), Point(table, column), edge.kind, lineage.evidence))
    return Walk(tuple(Point(table, label) for label in labels), tuple(sorted(flows, key=flow_order)))


def flow_order(flow: Flow) -> tuple[Any, ...]:
    """Sorts direct influences before indirect ones, then by name."""
    return (flow.target.table, flow.target.column or "", not flow.kind.direct, flow.source.table, flow.source.column)


def lineage_document(flows: Iterable[Flow]) -> dict[str, Any]:
    """``{"edges": [{"source": {"asset", "column"}, "target": {"asset", "column"}, "kind", "evidence"}]}``."""
    return {
        "edges": [
            {
                "source": {"asset": flow.source.table, "column": flow.source.column},
                "target": {"asset": flow.target.table or None, "column": flow.target.column},
                "kind": str(flow.kind),
                "evidence": str(flow.evidence),
            }
            for flow in flows
        ]
    }


def _labels(columns: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    labels = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        labels.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return labels
