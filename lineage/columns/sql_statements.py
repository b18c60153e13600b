"""Statements: what each kind writes, column by column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from assets_core.column_lineage import EdgeKind, Resolution
from lineage.columns.sql_context import Context
from lineage.columns.sql_embedded import embedded
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import NOTHING, Flow, marked, merged, through
from lineage.columns.sql_merge import merge
from lineage.columns.sql_query import add_ctes, evaluate
from lineage.columns.sql_relation import Column, Relation, Table, touched
from lineage.columns.sql_scope import Scope, Source
from lineage.columns.sql_sources import add_item, add_sources
from lineage.columns.sql_written import Written, assignments, onto

_FILTER, _JOIN = EdgeKind.FILTER, EdgeKind.JOIN


def written(node: exp.Expr, context: Context) -> list[Written]:
    """What a statement writes: one item a table, one without target for a bare query.

    Statements that carry no lineage give nothing and are named in a warning.
    """
    for kind, handler in _HANDLERS:
        if isinstance(node, kind):
            parts = handler(node, context)
            for part in parts:
                touched(part.columns)
            return parts
    if isinstance(node, _SILENT):
        context.warn(f"{node.key.upper()} carries no lineage")
        return []
    return _kept_whole(node, context)


_SILENT = (exp.Drop, exp.Use, exp.Set, exp.Transaction, exp.Commit, exp.Rollback, exp.Pragma, exp.Comment,
           exp.Grant, exp.TruncateTable, exp.Alter, exp.Analyze, exp.Kill, exp.Attach, exp.Detach, exp.Show,
           exp.Refresh, exp.Uncache, exp.Execute)  # fmt: skip


def _kept_whole(node: exp.Expr, context: Context) -> list[Written]:
    """A statement that is not understood: the queries in it are read, and marked."""
    found: list[Written] = []
    if isinstance(node, exp.Command):
        return _command(node, context)
    context.warn(f"a statement of kind {node.key!r} is not understood; the queries in it are kept")
    for query in _outermost_queries(node):
        relation = evaluate(query, Scope(context))
        columns = [
            Column(column.name, marked(column.flow, Resolution.UNSUPPORTED), None, column.tail)
            for column in relation.expanded()
        ]
        found.append(Written(None, columns, relation.rows))
    return found


def _command(node: exp.Command, context: Context) -> list[Written]:
    """Text that the parser left whole: its statements are read one by one, and the rest is marked."""
    rest = node.args.get("expression")
    text = rest.name if isinstance(rest, exp.Expr) else str(rest or "")
    if str(node.this).upper() == "REPLACE":
        node_text = f"INSERT {text}"  # MySQL's REPLACE writes as INSERT does
        found = [part for statement in embedded(node_text, context.rules) for part in written(statement, context)]
        if found:
            return found
    return _embedded(f"{node.this} {text}", context)


def _embedded(text: str, context: Context) -> list[Written]:
    found: list[Written] = []
    for statement in embedded(text, context.rules):
        parts = written(statement, context)
        for part in parts:
            context_after(part, context)
        found += parts
    destination = _UNLOADED.search(text)
    if destination and text.lstrip()[:6].upper() == "UNLOAD":
        return [replace(part, target=part.target or destination[1]) for part in found]
    head = " ".join(text.split())[:40]
    context.warn(f"only the statements found in {head!r} are read; control flow and variables are not followed")
    return found


def _outermost_queries(node: exp.Expr) -> list[exp.Expr]:
    queries: list[exp.Expr] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, exp.Select | exp.SetOperation | exp.Subquery):
            queries.append(current)
            continue
        stack.extend(reversed(list(current.iter_expressions())))
    return queries


def _query(node: exp.Expr, context: Context) -> list[Written]:
    relation = evaluate(node, Scope(context))
    first = node
    while isinstance(first, exp.SetOperation):
        first = first.args["this"]
    into = first.args.get("into")
    if not isinstance(into, exp.Into) or not isinstance(into.this, exp.Expr):
        return [Written(None, list(relation.expanded()), relation.rows, relation.counted)]
    table = into.this
    name = context.table_name(table) if isinstance(table, exp.Table) else str(table.name)
    temporary = bool(into.args.get("temporary")) or name.startswith("#")
    return [Written(name, list(relation.expanded()), relation.rows, relation.counted, temporary=temporary)]


def _name_and_columns(node: exp.Expr | None, context: Context) -> tuple[str, list[str]]:
    """The written table and its column list, of ``t``, ``t(a, b)``, ``TABLE t``, a directory."""
    names: list[str] = []
    if isinstance(node, exp.Schema):
        spell = context.rules.spell
        names = [
            spell(item.this if isinstance(item, exp.ColumnDef) else item)
            for item in node.expressions
            if isinstance(item, exp.ColumnDef | exp.Identifier | exp.Column)
        ]
        node = node.this
    while isinstance(node, exp.StoredProcedure | exp.UserDefinedFunction | exp.Partition):
        node = node.this
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier | exp.Parameter | exp.Var):
        return context.table_name(node), names
    if isinstance(node, exp.Directory):
        return node.this.name if isinstance(node.this, exp.Expr) else str(node.this), names
    return (node.sql(context.rules.dialect) if node is not None else ""), names


def _create(node: exp.Create, context: Context) -> list[Written]:
    body = node.args.get("expression")
    while isinstance(body, exp.Paren):
        body = body.this
    if isinstance(body, exp.Block):
        return _block(body, context)
    if isinstance(body, exp.RawString | exp.Heredoc | exp.Command) or node.args.get("kind") in ("PROCEDURE", "TRIGGER"):
        return written(body, context) if isinstance(body, exp.Expr) else []
    name, names = _name_and_columns(node.this, context)
    properties = node.args.get("properties")
    listed = properties.expressions if properties is not None else []
    temporary = any(isinstance(item, exp.TemporaryProperty) for item in listed) or name.startswith("#")
    to = next((item for item in listed if isinstance(item, exp.ToTableProperty)), None)
    if isinstance(body, exp.Query):
        scope = Scope(context)
        add_ctes(node, scope)
        relation = evaluate(body, scope)
        if to is not None:
            name, _ = _name_and_columns(to.this, context)
        columns = onto(names, list(relation.expanded()))
        return [Written(name, columns, relation.rows, relation.counted, temporary=temporary)]
    clone = node.args.get("clone")
    if clone is not None and isinstance(clone.this, exp.Table):
        return [Written(name, list(context.table(clone.this).expanded()), NOTHING, temporary=temporary)]
    if names and node.args.get("kind") == "TABLE":
        return [Written(name, [Column(column, NOTHING) for column in names], temporary=temporary, defined=True)]
    if isinstance(body, exp.Expr):
        if isinstance(body, exp.Literal) and body.is_string:
            return _embedded(body.name, context)
        return written(body, context) if isinstance(body, exp.DML | exp.Block) else _kept_whole(node, context)
    context.warn(f"CREATE {node.args.get('kind') or ''} carries no lineage")
    return []


def _block(node: exp.Expr, context: Context) -> list[Written]:
    """The statements of a procedure's body, one after the other."""
    found: list[Written] = []
    for item in node.expressions:
        parts = written(item, context) if isinstance(item, exp.Expr) else []
        for part in parts:
            context_after(part, context)
        found += parts
    return found


def _branches(node: exp.Expr, context: Context) -> list[Written]:
    """IF and WHILE: the statements of every branch."""
    found: list[Written] = []
    condition = flow_of(node.this, Scope(context), _FILTER) if isinstance(node.this, exp.Expr) else NOTHING
    for name in ("true", "body", "false"):
        branch = node.args.get(name)
        if isinstance(branch, exp.Expr):
            found += written(branch, context)
    return [replace(part, rows=merged((part.rows, condition))) for part in found]


def _declare(node: exp.Declare, context: Context) -> list[Written]:
    """DECLARE: table variables have columns from then on; others are not followed."""
    for item in node.expressions:
        kind = item.args.get("kind")
        names = item.this if isinstance(item.this, list) else [item.this]
        if isinstance(kind, exp.Schema):
            listed = [column for column in kind.expressions if isinstance(column, exp.ColumnDef)]
            columns = [Column(context.rules.spell(column.this), NOTHING) for column in listed]
            for name in names:
                context.temporary[f"@{name.name.lower()}"] = Relation(columns)
    if any(item.find(exp.Query) for item in node.expressions):
        return _kept_whole(node, context)
    context.warn("DECLARE carries no lineage")
    return []


def _locked(node: exp.Expr, context: Context) -> list[Written]:
    """Teradata's LOCKING ROW FOR ACCESS in front of a statement."""
    return written(node.args["expression"], context)


def _load(node: exp.Expr, context: Context) -> list[Written]:
    """LOAD DATA INPATH: all columns of a file into a table."""
    name, _ = _name_and_columns(node.this, context)
    path = node.args.get("inpath")
    source = path.name if isinstance(path, exp.Expr) else "a file"
    file = context.table(exp.Table(this=exp.to_identifier(source, quoted=True)))
    return [Written(name, list(file.expanded()), whole=False)]


def _nothing(node: exp.Expr, context: Context) -> list[Written]:
    """The end of a block."""
    return []


def _quoted(node: exp.Expr, context: Context) -> list[Written]:
    """A body in quotes, such as ``$$ BEGIN ... END $$``."""
    return _embedded(str(node.this), context)


def context_after(part: Written, context: Context) -> None:
    """Makes what was written known to the statements that follow."""
    if part.target is None:
        return
    key = part.target.lower()
    if part.temporary or key in context.temporary or key.startswith(("#", "@")):
        before = context.temporary.get(key)
        context.temporary[key] = part.onto_relation(before)
    elif part.columns and not any(column.tail for column in part.columns) and part.whole:
        context.known.add(part.target, [column.name for column in part.columns])


def _insert(node: exp.Insert, context: Context) -> list[Written]:
    scope = Scope(context)
    add_ctes(node, scope)
    body = node.args.get("expression")
    body = body or node.args.get("source")
    if isinstance(body, exp.Table):
        body = exp.select("*").from_(body.copy())
    relation = evaluate(body, scope) if isinstance(body, exp.Query | exp.Values) else Relation([])
    return [_inserted(node, relation, context)]


def _inserted(node: exp.Insert, relation: Relation, context: Context) -> Written:
    name, names = _name_and_columns(node.this, context)
    columns = list(relation.expanded())
    if not names and not node.args.get("by_name"):
        names = _target_names(node, columns, context)
    columns = onto(names, columns)
    conflict = node.args.get("conflict")
    if conflict is not None:
        columns = _conflict(conflict, name, columns, context)
    return Written(name, columns, relation.rows, relation.counted, whole=False)


def _target_names(node: exp.Insert, columns: list[Column], context: Context) -> list[str]:
    """The columns of the table written, where they are known and there are enough of them."""
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier | exp.Parameter):
        return []
    key = ".".join(context.parts(table)).lower()
    temporary = context.temporary.get(key)
    known = tuple(temporary.names()) if temporary is not None else context.known.columns(context.parts(table))
    if not known or (len(known) < len(columns) and not any(column.tail for column in columns)):
        return []
    return list(known)


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


def _multi_insert(node: exp.MultitableInserts, context: Context) -> list[Written]:
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


def _update(node: exp.Update, context: Context) -> list[Written]:
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


def _base_table(source: Source) -> str:
    """The table that an update of a FROM item writes: through a view or common table expression, its only table."""
    if isinstance(source.relation, Table):
        return source.relation.name
    if source.path:  # a temporary table
        return ".".join(source.path)
    tables = {origin.ref.table for origin in source.relation.everything() if origin.kind.direct}
    return tables.pop() if len(tables) == 1 else source.alias


def _by_target(node: exp.Update, own: Source, scope: Scope, rows: Flow, context: Context) -> list[Written]:
    """The assignments grouped by the table they write: MySQL may write several in one UPDATE."""
    groups: dict[str, list[Column]] = {}
    default = _base_table(own)
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


def _delete(node: exp.Delete, context: Context) -> list[Written]:
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


def _copy(node: exp.Copy, context: Context) -> list[Written]:
    files = [item.name for item in node.args.get("files") or () if isinstance(item, exp.Expr)]
    this = node.this
    if isinstance(this, exp.Query):
        relation = evaluate(this, Scope(context))
        return [Written(files[0] if files else None, list(relation.expanded()), relation.rows)]
    name, names = _name_and_columns(this, context)
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


_STATISTICS = ("min", "max", "approx_unique", "avg", "std", "q25", "q50", "q75", "count", "null_percentage")


def _summarized(body: exp.Expr, context: Context) -> Written:
    """DuckDB's SUMMARIZE: a row a column, with figures made of all its values."""
    relation = evaluate(body, Scope(context))
    flow = through(relation.everything(), EdgeKind.AGGREGATION)
    named = [Column(name, NOTHING) for name in ("column_name", "column_type")]
    figures = [Column(name, flow) for name in _STATISTICS]
    return Written(None, [*named, *figures], relation.rows, relation.counted)


def _inner_query(node: exp.Expr, context: Context) -> list[Written]:
    """CACHE TABLE t AS query, DESCRIBE query, SUMMARIZE query."""
    body = node.args.get("expression") or node.this
    if isinstance(node, exp.Summarize):
        return [_summarized(body, context)]
    if isinstance(node, exp.Describe) and isinstance(body, exp.Table):
        context.warn("DESCRIBE of a table carries no lineage")
        return []
    if isinstance(body, exp.Query):
        relation = evaluate(body, Scope(context))
        uri = next((item for item in node.find_all(exp.Property) if item.name.lower() == "uri"), None)
        if isinstance(node, exp.Export) and uri is not None:
            return [Written(uri.args["value"].name, list(relation.expanded()), relation.rows, relation.counted)]
        target = context.table_name(node.this) if isinstance(node.this, exp.Table) else None
        return [Written(target, list(relation.expanded()), relation.rows, temporary=target is not None)]
    if isinstance(body, exp.Table):
        table = context.table(body)
        return [Written(None, list(table.expanded()))]
    return written(body, context) if isinstance(body, exp.DML | exp.DDL) else _kept_whole(node, context)


_UNLOADED = re.compile(r"\)\s*TO\s*'([^']*)'", re.IGNORECASE)
_Handler = Callable[..., list[Written]]
_HANDLERS: list[tuple[type[exp.Expr], _Handler]] = [
    (exp.Insert, _insert),
    (exp.MultitableInserts, _multi_insert),
    (exp.Update, _update),
    (exp.Delete, _delete),
    (exp.Merge, merge),
    (exp.Create, _create),
    (exp.Copy, _copy),
    (exp.Cache, _inner_query),
    (exp.Describe, _inner_query),
    (exp.Summarize, _inner_query),
    (exp.Export, _inner_query),
    (exp.LockingStatement, _locked),
    (exp.LoadData, _load),
    (exp.Block, _block),
    (exp.IfBlock, _branches),
    (exp.Declare, _declare),
    (exp.EndStatement, _nothing),
    (exp.WhileBlock, _branches),
    (exp.RawString, _quoted),
    (exp.Heredoc, _quoted),
    (exp.Values, _query),
    (exp.Query, _query),
    (exp.Pivot, _query),
]
