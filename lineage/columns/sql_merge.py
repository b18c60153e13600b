"""MERGE: all branches write one table."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_context import Context
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import Flow, merged, through
from lineage.columns.sql_query import add_ctes
from lineage.columns.sql_relation import Column, Table
from lineage.columns.sql_scope import Scope, Source
from lineage.columns.sql_sources import add_item
from lineage.columns.sql_written import Written, assignments

_FILTER, _JOIN = EdgeKind.FILTER, EdgeKind.JOIN


def merge(node: exp.Merge, context: Context) -> list[Written]:
    """What MERGE writes: every branch's columns together; the conditions decide on rows."""
    scope = Scope(context)
    add_ctes(node, scope)
    rows = [add_item(node.this, scope)]
    target = scope.sources[0]
    rows.append(add_item(node.args["using"], scope))
    sources = scope.sources[1:]
    rows += [source.relation.rows for source in sources]
    rows += [through(source.relation.counted, _JOIN) for source in sources]
    rows.append(flow_of(node.args.get("on"), scope, _JOIN))
    columns: dict[str, Column] = {}
    whens = node.args.get("whens")
    for when in whens.expressions if whens is not None else ():
        rows.append(flow_of(when.args.get("condition"), scope, _FILTER))
        for column in _branch(when.args.get("then"), target, sources, scope):
            known = columns.get(column.name.lower())
            columns[column.name.lower()] = Column(known.name, known.flow | column.flow) if known else column
    name = target.relation.name if isinstance(target.relation, Table) else target.alias
    return [Written(name, list(columns.values()), merged(rows), whole=False)]


def _branch(then: exp.Expr | None, target: Source, sources: list[Source], scope: Scope) -> list[Column]:
    if isinstance(then, exp.Update):
        items = then.args.get("expressions")
        if not isinstance(items, list):
            return _all(sources)
        columns = [Column(name, flow) for name, flow in assignments(items, scope)]
        return columns or (_all(sources) if items else [])
    if not isinstance(then, exp.Insert):
        return []
    inner = Scope(scope.context, scope.parent, scope.ctes, sources)
    body, listed = then.args.get("expression"), then.this
    if isinstance(body, exp.Values) and body.expressions:
        body = body.expressions[0]
    if not isinstance(body, exp.Tuple | exp.Paren):
        return _all(sources)
    flows: list[Flow] = [flow_of(item, inner) for item in (body.expressions or [body.this])]
    spell = scope.context.rules.spell
    if isinstance(listed, exp.Tuple | exp.Schema):
        names = [spell(item.this) if isinstance(item, exp.Column) else item.name for item in listed.expressions]
    elif isinstance(listed, exp.Paren):
        names = [spell(listed.this.this)] if isinstance(listed.this, exp.Column) else [listed.this.name]
    else:
        names = target.relation.names() or [item.alias_or_name for item in body.expressions]
    return [Column(name, flow) for name, flow in zip(names, flows, strict=False)]


def _all(sources: list[Source]) -> list[Column]:
    """``UPDATE SET *``, ``INSERT *``, ``INSERT ROW``: the source's columns under their own names."""
    return [
        Column(column.name, column.flow, None, column.tail)
        for source in sources
        for column in source.relation.expanded()
    ]
