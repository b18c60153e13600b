"""Statements: what each kind writes, column by column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from assets_core.column_lineage import EdgeKind, Resolution
from lineage.columns.sql_context import Context
from lineage.columns.sql_dml import copy, delete, insert, load, multi_insert, update
from lineage.columns.sql_embedded import embedded
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import NOTHING, marked, merged, through
from lineage.columns.sql_merge import merge
from lineage.columns.sql_query import add_ctes, evaluate
from lineage.columns.sql_relation import Column, Relation, touched
from lineage.columns.sql_scope import Scope
from lineage.columns.sql_targets import name_and_columns
from lineage.columns.sql_written import Written, onto

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
    if not any(word in text.upper() for word in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "FROM")):
        context.warn(f"{' '.join(text.split())[:20]!r} carries no lineage")
        return []
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
    into_variables = context.rules.name in ("oracle", "mysql", "snowflake", "bigquery")
    if into_variables or not isinstance(into, exp.Into) or not isinstance(into.this, exp.Expr):
        return [Written(None, list(relation.expanded()), relation.rows, relation.counted)]
    table = into.this
    name = context.table_name(table) if isinstance(table, exp.Table) else str(table.name)
    temporary = bool(into.args.get("temporary")) or name.startswith("#")
    return [Written(name, list(relation.expanded()), relation.rows, relation.counted, temporary=temporary)]


def _create(node: exp.Create, context: Context) -> list[Written]:
    body = node.args.get("expression")
    while isinstance(body, exp.Paren):
        body = body.this
    if isinstance(body, exp.Block):
        return _block(body, context)
    if isinstance(body, exp.RawString | exp.Heredoc | exp.Command) or node.args.get("kind") in ("PROCEDURE", "TRIGGER"):
        return written(body, context) if isinstance(body, exp.Expr) else []
    name, names = name_and_columns(node.this, context)
    properties = node.args.get("properties")
    listed = properties.expressions if properties is not None else []
    temporary = any(isinstance(item, exp.TemporaryProperty) for item in listed) or name.startswith("#")
    to = next((item for item in listed if isinstance(item, exp.ToTableProperty)), None)
    if isinstance(body, exp.Query):
        scope = Scope(context)
        add_ctes(node, scope)
        relation = evaluate(body, scope)
        if to is not None:
            name, _ = name_and_columns(to.this, context)
        columns = list(relation.expanded())
        if names and context.rules.name == "mysql":  # columns declared beside the query's own, which keep their names
            given = {column.name.lower() for column in columns}
            columns = [*(Column(item, NOTHING) for item in names if item.lower() not in given), *columns]
        else:
            columns = onto(names, columns)
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
    (exp.Insert, insert),
    (exp.MultitableInserts, multi_insert),
    (exp.Update, update),
    (exp.Delete, delete),
    (exp.Merge, merge),
    (exp.Create, _create),
    (exp.Copy, copy),
    (exp.Cache, _inner_query),
    (exp.Describe, _inner_query),
    (exp.Summarize, _inner_query),
    (exp.Export, _inner_query),
    (exp.LockingStatement, _locked),
    (exp.LoadData, load),
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
