"""Statements that change tables: INSERT, UPDATE, DELETE, COPY."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_context import Context
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import NOTHING, Flow, merged, through
from lineage.columns.sql_query import add_ctes, evaluate
from lineage.columns.sql_relation import Column, Relation, Table
from lineage.columns.sql_scope import Scope, Source
from lineage.columns.sql_sources import add_item, add_sources
from lineage.columns.sql_targets import base_table, name_and_columns, target_names
from lineage.columns.sql_written import Written, assignments, onto

_FILTER, _JOIN = EdgeKind.FILTER, EdgeKind.JOIN


def insert(node: exp.Insert, context: Context) -> list[Written]:
    """INSERT: the columns written are named by the list, the table, or the query."""
    scope = Scope(context)
    add_ctes(node, scope)
    body = node.args.get("expression")
    body = body or node.args.get("source")
    if isinstance(body, exp.Table):
        body = exp.select("*").from_(body.copy())
    relation = evaluate(body, scope) if isinstance(body, exp.Query | exp.Values) else Relation([])
    return [_inserted(node, relation, context)]


def _inserted(node: exp.Insert, relation: Relation, context: Context) -> Written:
    name, names = name_and_columns(node.this, context)
    columns = list(relation.expanded())
    if not names and not node.args.get("by_name"):
        names = target_names(node, columns, context)
    columns = onto(names, columns)
    conflict = node.args.get("conflict")
    if conflict is not None:
        columns = _conflict(conflict, name, columns, context)
    return Written(name, columns, relation.rows, relation.counted, whole=False)


def _conflict(conflict: exp.Expr, name: str, columns: list[Column], context: Context) -> list[Column]:
    """ON CONFLICT DO UPDATE, ON DUPLICATE KEY UPDATE: the assigned columns have more origins."""
    scope = Scope(context)
    target = context.table(exp.Table(this=exp.to_identifier(name, quoted=True)))
    target.name = name
    scope.sources = [
        Source(name.rsplit(".", 1)[-1].lower(), tuple(name.lower().split(".")), target),
        Source("excluded", (), Relation(columns), named=True, hidden=True),
        Source("values", (), Relation(columns), named=True, hidden=True),
    ]
    result = {column.name.lower(): column for column in columns}
    for column_name, flow in assignments(conflict.expressions, scope):
        known = result.get(column_name.lower())
        result[column_name.lower()] = Column(column_name, flow | known.flow if known else flow)
    return list(result.values())


def multi_insert(node: exp.MultitableInserts, context: Context) -> list[Written]:
    """Hive's FROM-first inserts, and Snowflake's INSERT ALL: one source, many tables."""
    found: list[Written] = []
    source = node.args.get("source")
    for item in node.expressions:
        condition: exp.Expr | None = None
        if isinstance(item, exp.ConditionalInsert):
            condition, item = item.args.get("expression"), item.this
        if not isinstance(item, exp.Insert):
            continue
        scope = Scope(context)
        add_ctes(node, scope)
        body = item.args.get("expression")
        if isinstance(body, exp.Select) and source is not None and not body.args.get("from_"):
            body = body.copy()
            body.set("from_", exp.From(this=source.this if isinstance(source, exp.From) else source.copy()))
            found.append(_inserted(item, evaluate(body, scope), context))
            continue
        if isinstance(source, exp.Expr):
            add_item(source, scope)
        found.append(_inserted(item, _row(body, scope), context))
        found[-1].rows = merged((found[-1].rows, flow_of(condition, scope, _FILTER)))
    return found


def _row(body: exp.Expr | None, scope: Scope) -> Relation:
    """``VALUES (a, b)`` over a source: one output column each; nothing means all of the source's."""
    rows = merged(source.relation.rows for source in scope.sources)
    if isinstance(body, exp.Values) and body.expressions:
        first = body.expressions[0]
        items = first.expressions if isinstance(first, exp.Tuple) else body.expressions
        return Relation([Column(item.alias_or_name, flow_of(item, scope)) for item in items], rows)
    return Relation([column for source in scope.sources for column in source.relation.expanded()], rows)


def update(node: exp.Update, context: Context) -> list[Written]:
    """UPDATE: the columns assigned; FROM, joins and WHERE decide on rows."""
    scope = Scope(context)
    add_ctes(node, scope)
    rows = [add_sources(node, scope)]
    table = node.this
    spelled = [part.lower() for part in context.parts(table)] if isinstance(table, exp.Table) else []
    own = scope.source(spelled) if spelled else None
    if own is None and len(spelled) == 1 and spelled[0] in scope.ctes:
        own = Source(spelled[0], (), scope.ctes[spelled[0]])
        scope.sources.insert(0, own)
    if own is None or table.args.get("joins"):
        mark = len(scope.sources)
        rows.append(add_item(table, scope))
        own = scope.sources[mark]
        scope.sources = scope.sources[mark:] + scope.sources[:mark]
    rows += [source.relation.rows for source in scope.sources]
    if len(scope.sources) > 1:
        rows += [through(source.relation.counted, _JOIN) for source in scope.sources if source is not own]
    rows.append(flow_of(node.args.get("where"), scope, _FILTER))
    return _by_target(node, own, scope, merged(rows), context)


def _by_target(node: exp.Update, own: Source, scope: Scope, rows: Flow, context: Context) -> list[Written]:
    """The assignments grouped by the table they write: MySQL may write several in one UPDATE."""
    groups: dict[str, list[Column]] = {}
    default = base_table(own)
    for item in node.expressions:
        target = default
        left = item.this if isinstance(item, exp.EQ | exp.PropertyEQ) else None
        if isinstance(left, exp.Column) and left.table:
            source = scope.source([left.table.lower()])
            if source is not None:
                target = source.relation.name if isinstance(source.relation, Table) else source.alias
        pairs = [Column(name, flow) for name, flow in assignments([item], scope)]
        groups.setdefault(target, []).extend(pairs)
    return [Written(target, columns, rows, whole=False) for target, columns in groups.items()]


def delete(node: exp.Delete, context: Context) -> list[Written]:
    """DELETE: no columns; what decides on rows touches the whole table."""
    scope = Scope(context)
    add_ctes(node, scope)
    rows = [add_sources(node, scope)]
    rows += [add_item(item, scope) for item in node.args.get("using") or () if isinstance(item, exp.Expr)]
    names: list[str] = []
    tables = node.args.get("tables") or ([node.this] if isinstance(node.this, exp.Table) else [])
    if node.args.get("tables") and isinstance(node.this, exp.Table):
        rows.append(add_item(node.this, scope))
    for table in tables:
        own = scope.source([part.lower() for part in context.parts(table)])
        if own is None:
            rows.append(add_item(table, scope))
            own = scope.sources[-1]
        names.append(own.relation.name if isinstance(own.relation, Table) else own.alias)
    rows += [source.relation.rows for source in scope.sources]
    if len(scope.sources) > 1:
        rows += [through(source.relation.counted, _JOIN) for source in scope.sources]
    rows.append(flow_of(node.args.get("where"), scope, _FILTER))
    counted = merged(source.relation.counted for source in scope.sources)
    return [Written(name, [], merged(rows), counted, whole=False) for name in names]


def copy(node: exp.Copy, context: Context) -> list[Written]:
    """COPY: a query or table into a file, or a file into a table."""
    files = [item.name for item in node.args.get("files") or () if isinstance(item, exp.Expr)]
    this = node.this
    if isinstance(this, exp.Query):
        relation = evaluate(this, Scope(context))
        return [Written(files[0] if files else None, list(relation.expanded()), relation.rows)]
    name, names = name_and_columns(this, context)
    inside = next((item for item in node.args.get("files") or () if isinstance(item, exp.Query)), None)
    if inside is not None:
        relation = evaluate(inside, Scope(context))
        return [Written(name, onto(names, list(relation.expanded())), relation.rows, relation.counted, whole=False)]
    if node.args.get("kind") is False or not files:
        table = context.table(this.this if isinstance(this, exp.Schema) else this)
        columns = [table.find(column) or Column(column, NOTHING) for column in names] or list(table.expanded())
        return [Written(files[0] if files else None, columns)]
    source = context.table(exp.Table(this=exp.to_identifier(files[0], quoted=True)))
    return [Written(name, onto(names, list(source.expanded())), whole=False)]


def load(node: exp.Expr, context: Context) -> list[Written]:
    """LOAD DATA INPATH: all columns of a file into a table."""
    name, _ = name_and_columns(node.this, context)
    path = node.args.get("inpath")
    source = path.name if isinstance(path, exp.Expr) else "a file"
    file = context.table(exp.Table(this=exp.to_identifier(source, quoted=True)))
    return [Written(name, list(file.expanded()), whole=False)]
