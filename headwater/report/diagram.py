"""Column lineage as text for drawing programs: Mermaid and Graphviz."""

from __future__ import annotations

from assets_core.column_lineage import ORDER, ROWS
from headwater.report.flow import Flow, Point, Walk


def mermaid(walk: Walk) -> str:
    """A Mermaid flowchart: a box an asset, a node a column, solid arrows for values, dotted ones for the rest."""
    nodes = _numbered(walk)
    lines = ["flowchart LR"]
    for place, (table, points) in enumerate(_by_table(nodes).items()):
        lines.append(f'  subgraph t{place}["{_mermaid_text(table or "query")}"]')
        lines.extend(f'    {nodes[point]}["{_mermaid_text(_label(point))}"]' for point in points)
        lines.append("  end")
    for source, target, direct, kinds in _joined(walk.flows):
        arrow = f'-->|"{kinds}"|' if direct else f'-.->|"{kinds}"|'
        lines.append(f"  {nodes[source]} {arrow} {nodes[target]}")
    return "\n".join(lines)


def dot(walk: Walk) -> str:
    """A Graphviz graph of the same."""
    nodes = _numbered(walk)
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for place, (table, points) in enumerate(_by_table(nodes).items()):
        lines.append(f"  subgraph cluster_{place} {{")
        lines.append(f"    label={_dot_text(table or 'query')};")
        lines.extend(f"    {nodes[point]} [label={_dot_text(_label(point))}];" for point in points)
        lines.append("  }")
    for source, target, direct, kinds in _joined(walk.flows):
        style = "" if direct else ", style=dashed"
        lines.append(f"  {nodes[source]} -> {nodes[target]} [label={_dot_text(kinds)}{style}];")
    return "\n".join([*lines, "}"])


def _numbered(walk: Walk) -> dict[Point, str]:
    points = dict.fromkeys(walk.roots)
    for flow in walk.flows:
        points.update({flow.source: None, flow.target: None})
    return {point: f"n{place}" for place, point in enumerate(points)}


def _by_table(nodes: dict[Point, str]) -> dict[str, list[Point]]:
    tables: dict[str, list[Point]] = {}
    for point in nodes:
        tables.setdefault(point.table, []).append(point)
    return tables


def _joined(flows: tuple[Flow, ...]) -> list[tuple[Point, Point, bool, str]]:
    kinds: dict[tuple[Point, Point], dict[str, bool]] = {}
    for flow in flows:
        kinds.setdefault((flow.source, flow.target), {})[str(flow.kind)] = flow.kind.direct
    return [
        (source, target, any(found.values()), ", ".join(sorted(found))) for (source, target), found in kinds.items()
    ]


def _label(point: Point) -> str:
    if point.column is None:
        return "every column"
    return {ROWS: "row count", ORDER: "row order"}.get(point.column, point.column)


def _mermaid_text(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
