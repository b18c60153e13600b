"""Flows: what influences one value, and how influences compose through operators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from assets_core.column_lineage import ColumnRef, EdgeKind, Resolution


class Origin(NamedTuple):
    """One source column that reaches a value: in which way, and how surely it is known."""

    ref: ColumnRef
    kind: EdgeKind
    resolution: Resolution = Resolution.EXACT


Flow = frozenset[Origin]
"""Everything that influences one value (direct and indirect), or one set of rows (indirect only)."""

NOTHING: Flow = frozenset()

_I, _T, _A = EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION
DIRECT = frozenset({_I, _T, _A})

_SURENESS = {
    Resolution.EXACT: 0,
    Resolution.STAR: 1,
    Resolution.AMBIGUOUS: 2,
    Resolution.UNSUPPORTED: 3,
}


def _composed(inner: EdgeKind, outer: EdgeKind) -> EdgeKind:
    if inner not in DIRECT:
        return inner
    if outer not in DIRECT:
        return outer
    return max(inner, outer, key=(_I, _T, _A).index)


COMPOSED: dict[tuple[EdgeKind, EdgeKind], EdgeKind] = {
    (inner, outer): _composed(inner, outer) for inner in EdgeKind for outer in EdgeKind
}
"""(kind of an influence, operator it passes) -> kind behind the operator.

Identity is neutral, aggregation absorbs transformation, and what is indirect once stays as it is.
"""


def through(flow: Flow, operator: EdgeKind) -> Flow:
    """The flow behind an operator of the given kind."""
    if operator is _I or not flow:
        return flow
    return frozenset(Origin(ref, COMPOSED[kind, operator], resolution) for ref, kind, resolution in flow)


def marked(flow: Flow, resolution: Resolution) -> Flow:
    """The flow with every origin known no more surely than ``resolution``."""
    floor = _SURENESS[resolution]
    return frozenset(Origin(ref, kind, resolution if _SURENESS[own] < floor else own) for ref, kind, own in flow)


def merged(flows: Iterable[Flow]) -> Flow:
    """The union of flows; the very object where there is only one."""
    listed = [flow for flow in flows if flow]
    if not listed:
        return NOTHING
    return listed[0] if len(listed) == 1 else listed[0].union(*listed[1:])


def surest(flow: Iterable[Origin]) -> dict[tuple[ColumnRef, EdgeKind], Resolution]:
    """Each (column, kind) once, with the surest way in which it is known."""
    best: dict[tuple[ColumnRef, EdgeKind], Resolution] = {}
    for ref, kind, resolution in flow:
        known = best.get((ref, kind))
        if known is None or _SURENESS[resolution] < _SURENESS[known]:
            best[ref, kind] = resolution
    return best
