"""PIVOT and UNPIVOT: what the turned table's columns come from."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import Flow, merged, through
from lineage.columns.sql_relation import Column, Relation, touched, untold
from lineage.columns.sql_scope import Scope, Source

_A, _T, _CONDITIONAL = EdgeKind.AGGREGATION, EdgeKind.TRANSFORMATION, EdgeKind.CONDITIONAL


def pivoted(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    """The relation behind PIVOT (...) or UNPIVOT (...), in FROM or as DuckDB's statement."""
    inner = Scope(scope.context, scope.parent, scope.ctes, [Source("", (), relation)])
    if pivot.args.get("unpivot"):
        return _unpivoted(pivot, relation, inner)
    if isinstance(pivot.args.get("using"), list) or not pivot.args.get("fields"):
        return _simply_pivoted(pivot, relation, inner)
    return _pivoted(pivot, relation, inner)


def turned_by_data(node: exp.Expr) -> bool:
    """Whether a query turns rows to columns that only the data tell."""
    turns = [pivot for pivot in node.find_all(exp.Pivot) if not pivot.args.get("unpivot")]
    return any(not _listed(item) for pivot in turns for item in pivot.args.get("fields") or pivot.expressions)


def _listed(item: exp.Expr) -> bool:
    """Whether the values are written out, as in ``year IN (2020, 2021)``."""
    return isinstance(item, exp.In) and bool(item.expressions) and item.find(exp.PivotAny, exp.Query) is None


def _names_in(nodes: Iterable[exp.Expr]) -> set[str]:
    return {column.name.lower() for node in nodes for column in node.find_all(exp.Column)}


def _rest(relation: Relation, used: set[str]) -> list[Column]:
    """The columns that stay beside the turned ones."""
    rest = []
    for column in touched(list(relation.expanded())):
        if column.tail is not None:
            rest.append(Column(column.name, column.flow, None, column.tail.leaving_out(used)))
        elif column.name.lower() not in used:
            rest.append(column)
    return rest


def _behind(relation: Relation, columns: list[Column], rows: Iterable[Flow]) -> Relation:
    return Relation(columns, merged((relation.rows, *rows)), relation.counted)


def _pivoted(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    aggregates = pivot.args.get("expressions") or []
    fields = pivot.args["fields"]
    chosen = [field.this for field in fields if isinstance(field, exp.In)]
    condition = merged(flow_of(item, scope, _CONDITIONAL) for item in chosen)
    flows = [merged((flow_of(item, scope, _A), condition)) for item in aggregates]
    spell = scope.context.rules.spell
    names = [spell(item) for item in pivot.args.get("columns") or ()] or _pivot_names(fields, aggregates)
    if any(item.find(exp.PivotAny, exp.Query) for field in fields for item in field.args.get("expressions") or ()):
        names = []  # which values there are, only the data tell
    turned = [Column(name, flows[place % len(flows)] if flows else condition) for place, name in enumerate(names)]
    rest = _rest(relation, _names_in([*aggregates, *chosen]))
    if not turned:
        turned = [untold(merged(flows))]
    groups = [through(column.flow, EdgeKind.GROUP_BY) for column in rest]
    return _behind(relation, [*rest, *turned], groups)


def _pivot_names(fields: list[exp.Expr], aggregates: list[exp.Expr]) -> list[str]:
    values = [
        item.alias if isinstance(item, exp.Alias | exp.PivotAlias) else item.name
        for field in fields
        if isinstance(field, exp.In)
        for item in field.expressions
    ]
    suffixes = [item.alias for item in aggregates]
    return [f"{value}_{suffix}" if suffix else value for value in values for suffix in suffixes or [""]]


def _simply_pivoted(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    """DuckDB's ``PIVOT t ON year USING sum(x) GROUP BY g``; which columns come out only the data tell."""
    on = pivot.args.get("expressions") or []
    aggregates = pivot.args.get("using") or []
    aggregates = aggregates if isinstance(aggregates, list) else []
    condition = merged(flow_of(item.this if isinstance(item, exp.In) else item, scope, _CONDITIONAL) for item in on)
    flows = [merged((flow_of(item, scope, _A), condition)) for item in aggregates]
    if not flows:
        flows = [merged((through(scope.rows(), _A), condition))]
    group = pivot.args.get("group")
    if group is not None:
        rest = [Column(item.alias_or_name, flow_of(item, scope)) for item in group.expressions]
    else:
        rest = _rest(relation, _names_in([*on, *aggregates]))
    groups = [through(column.flow, EdgeKind.GROUP_BY) for column in rest]
    return _behind(relation, [*rest, untold(merged(flows))], groups)


def _unpivoted(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    """Names and values: a value comes from each of the columns turned, a name from none."""
    label, value_names, turned = _unpivot_parts(pivot, scope)
    groups = [group for item in turned for group in _groups(item, relation)]
    values = []
    for place, name in enumerate(value_names or ["value"]):
        picked = [group[place] for group in groups if len(group) > place]
        picked = picked or [item for group in groups for item in group]
        values.append(Column(name, merged(flow_of(item, scope) for item in picked)))
    rest = _rest(relation, {column.name.lower() for group in groups for column in group})
    # A row of which every turned value is null is left out.
    present = [through(column.flow, EdgeKind.FILTER) for column in values]
    return _behind(relation, [*rest, Column(label, frozenset()), *values], present)


def _unpivot_parts(pivot: exp.Expr, scope: Scope) -> tuple[str, list[str], list[exp.Expr]]:
    """The name column, the value columns and the turned items of an UNPIVOT."""
    spell = scope.context.rules.spell
    given = pivot.args.get("expressions") or []
    into = pivot.args.get("into")
    if isinstance(into, exp.Expr) and isinstance(into.this, exp.Expr):
        return into.this.name, [item.name for item in into.expressions], given
    field = next((item for item in pivot.args.get("fields") or () if isinstance(item, exp.In)), None)
    if field is None:
        return "name", ["value"], given
    label = spell(field.this.this if isinstance(field.this, exp.Column) else field.this)
    return label, [spell(name) for item in given for name in _value_names(item)], field.expressions


def _value_names(node: exp.Expr) -> list[exp.Expr]:
    """The names of the value columns: ``v``, or ``(x, y)`` where several columns are turned at once."""
    items = node.expressions if isinstance(node, exp.Tuple) else [node]
    return [item.this if isinstance(item, exp.Column) else item for item in items]


def _groups(item: exp.Expr, relation: Relation) -> list[list[exp.Expr]]:
    """The columns that are turned together, of each turned item: of a star or COLUMNS(...) each one by itself."""
    if item.find(exp.Star, exp.Columns) is None:
        return [_plain(item)]
    return [[exp.column(column.name)] for column in touched(list(relation.expanded())) if column.tail is None]


def _plain(node: exp.Expr) -> list[exp.Expr]:
    """The columns of one turned item: ``a``, ``(a, b)``, ``a AS 'x'``."""
    return list(node.find_all(exp.Column)) or ([exp.column(node.name)] if node.name else [])
