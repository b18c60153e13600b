"""FROM: tables, subqueries, laterals, table functions, joins, and the columns that joins merge."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_expressions import fields_of, flow_of
from lineage.columns.sql_flow import NOTHING, Flow, merged, through
from lineage.columns.sql_pivot import pivoted
from lineage.columns.sql_relation import Column, Relation, spread
from lineage.columns.sql_scope import Scope, Source

_T = EdgeKind.TRANSFORMATION

_FUNCTION_COLUMNS = {
    "generate_series": ("generate_series",), "range": ("range",), "json_each": ("key", "value"),
    "jsonb_each": ("key", "value"), "json_each_text": ("key", "value"), "jsonb_each_text": ("key", "value"),
    "json_array_elements": ("value",), "jsonb_array_elements": ("value",), "string_split": ("value", "ordinal"),
    "json_array_elements_text": ("value",), "jsonb_array_elements_text": ("value",),
    "jsonb_object_keys": ("jsonb_object_keys",), "openjson": ("key", "value", "type"), "posexplode": ("pos", "col"),
    "regexp_split_to_table": ("regexp_split_to_table",), "explode": ("col",), "flatten": (
        "SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"), "split_to_table": ("SEQ", "INDEX", "VALUE"),
    "posexplode_outer": ("pos", "col"), "explode_outer": ("col",), "inline": (), "stack": (),
}  # fmt: skip
_FILES = (
    "s3",
    "url",
    "file",
    "hdfs",
    "gcs",
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "parquet_scan",
    "read_json",
    "read_json_auto",
    "read_ndjson",
)


def add_sources(node: exp.Expr, scope: Scope) -> Flow:
    """Brings the FROM clause and joins of a query into its scope.

    Returns:
        what the joins make the rows depend on.
    """
    rows: list[Flow] = []
    from_ = node.args.get("from_")
    if from_ is not None:
        rows.append(add_item(from_.this, scope))
    for lateral in node.args.get("laterals") or ():
        rows.append(add_item(lateral, scope))
    for join in node.args.get("joins") or ():
        rows.append(_add_join(join, scope))
    return merged(rows)


def add_item(node: exp.Expr, scope: Scope, *, hidden: bool = False) -> Flow:
    """Brings one FROM item, with the joins nested in it, into a scope; what those joins make rows depend on."""
    while isinstance(node, exp.Final | exp.Paren | exp.Stream | exp.AtIndex):
        node = node.this
    rows = NOTHING
    if isinstance(node, exp.Subquery) and not node.alias and _is_join_group(node):
        rows = add_item(node.this, scope, hidden=hidden)
    else:
        source = _source(node, scope)
        source.hidden = hidden
        scope.sources.append(source)
    nested = [_add_join(join, scope) for join in node.args.get("joins") or ()]
    nested += [add_item(lateral, scope) for lateral in node.args.get("laterals") or ()]
    return merged((rows, *nested))


def _is_join_group(node: exp.Expr) -> bool:
    """Whether parentheses hold tables and joins rather than a query."""
    while isinstance(node, exp.Subquery) and not node.alias:
        node = node.this
    return not isinstance(node, exp.Query) or bool(isinstance(node, exp.Subquery) and node.alias)


def _source(node: exp.Expr, scope: Scope) -> Source:
    if isinstance(node, exp.Table):
        return _table(node, scope)
    if isinstance(node, exp.Unnest):
        return _unnest(node, scope)
    if isinstance(node, exp.Lateral):
        return _lateral(node, scope)
    if isinstance(node, exp.Subquery):
        return _subquery(node, scope)
    if isinstance(node, exp.Values):
        return _finished(node, values(node, scope), scope)
    if isinstance(node, exp.Query):
        return _finished(node, scope.context.evaluate(node, outer(scope)), scope)
    if isinstance(node, exp.Pivot):
        inner = _source(node.this, scope)
        return _finished(node, pivoted(node, inner.relation, scope), scope)
    if isinstance(node, exp.Alias):
        flow = flow_of(node.this, scope, _T)
        return Source(node.alias.lower(), (), Relation([Column(node.alias, flow)]), named=True)
    if isinstance(node, exp.Column | exp.Dot):
        return Source("", (), spread(flow_of(node, scope, _T), [node.name] if node.name else ()), weak=True)
    if isinstance(node, exp.Summarize | exp.Describe):
        parts = scope.context.write(node, scope.context)
        return _finished(node, Relation(parts[0].columns if parts else [], NOTHING), scope)
    if isinstance(node, exp.Func | exp.TableFromRows):
        return _function(node, node, scope)
    scope.context.warn(f"a FROM item of kind {node.key!r} is not understood; its columns are kept as its own")
    return _finished(node, spread(flow_of(node, scope, _T)), scope)


def outer(scope: Scope) -> Scope:
    """What a subquery in FROM sees: the names around the query, and its CTEs; its neighbours only in DuckDB, where
    every such subquery is a lateral one.
    """
    if scope.context.rules.name == "duckdb" and scope.sources:
        return scope
    return Scope(scope.context, scope.parent, scope.ctes, named=scope.named)


def _alias_names(node: exp.Expr, scope: Scope) -> tuple[str, list[str]]:
    alias = node.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return (node.alias or ""), []
    spell = scope.context.rules.spell
    name = spell(alias.this) if isinstance(alias.this, exp.Expr) else ""
    columns = [item.this if isinstance(item, exp.ColumnDef) else item for item in alias.args.get("columns") or ()]
    return name, [spell(column) for column in columns]


def _finished(node: exp.Expr, relation: Relation, scope: Scope, *, weak: bool = False) -> Source:
    """A source under its alias, its columns renamed and pivoted as the item says."""
    name, columns = _alias_names(node, scope)
    relation = relation.renamed(columns)
    for pivot in node.args.get("pivots") or ():
        relation = pivoted(pivot, relation, scope)
        name = pivot.alias or name
        relation = relation.renamed(_alias_names(pivot, scope)[1] if pivot.args.get("alias") else [])
    return Source(name.lower(), (), relation, named=bool(name), weak=weak)


def _table(node: exp.Table, scope: Scope) -> Source:
    if not isinstance(node.this, exp.Identifier | exp.Parameter | exp.Var):
        return _table_function(node, scope)
    context = scope.context
    parts = context.parts(node)
    key = ".".join(parts).lower()
    if len(parts) == 1 and key in scope.ctes:
        relation: Relation = scope.ctes[key]
    elif len(parts) > 1 and (field := _array_of_neighbour(parts, scope)) is not None:
        name, columns = _alias_names(node, scope)
        relation = (
            Relation([Column(name or parts[-1], field.flow, field.fields)])
            if not columns
            else spread(field.flow, columns)
        )
        return Source((name or parts[-1]).lower(), (), relation, named=True)
    elif key in context.temporary:
        relation = context.temporary[key]
    else:
        relation = context.table(node)
    source = _finished(node, relation, scope)
    if not (len(parts) == 1 and key in scope.ctes):
        source.path = tuple(part.lower() for part in parts)
    if not source.named:
        source.alias = parts[-1].lower()
    for sample in (node.args.get("when"), node.args.get("version")):
        if isinstance(sample, exp.Expr):
            flow_of(sample, scope)
    return source


def _array_of_neighbour(parts: list[str], scope: Scope) -> Column | None:
    """``FROM t, t.items AS i``: the second item is an array column of the first."""
    neighbour = next((source for source in scope.sources if source.alias == parts[0].lower()), None)
    if neighbour is None or not neighbour.alias:
        return None
    column = neighbour.relation.find(parts[1])
    return Column(column.name, through(column.flow, _T)) if column is not None else None


def _table_function(node: exp.Table, scope: Scope) -> Source:
    function = node.this
    if not isinstance(function, exp.Expr):  # ROWS FROM (f(a), g(b))
        flow = merged(flow_of(item, scope, _T) for item in node.args.get("rows_from") or ())
        relation = spread(flow, _alias_names(node, scope)[1])
        relation.rows = through(flow, EdgeKind.JOIN)
        return Source(node.alias.lower(), (), relation, named=bool(node.alias), weak=True)
    if isinstance(function, exp.Anonymous) and function.name.upper() == "IDENTIFIER" and function.expressions:
        parts = [exp.to_identifier(part) for part in function.expressions[0].name.split(".")]
        table = exp.Table(**dict(zip(("this", "db", "catalog"), parts[::-1], strict=False)))
        table.set("alias", node.args.get("alias"))
        return _table(table, scope)
    name = (
        (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        if isinstance(function, exp.Func)
        else ""
    )
    files = [item for item in function.find_all(exp.Literal) if item.is_string] if name in _FILES else []
    if files:
        table = exp.Table(this=exp.to_identifier(files[0].name, quoted=True))
        return _finished(node, scope.context.table(table), scope)
    return _function(node, function, scope)


def _function(node: exp.Expr, function: exp.Expr, scope: Scope) -> Source:
    """A table function: whatever it gives comes from all of its arguments."""
    while isinstance(function, exp.TableFromRows | exp.Paren):
        function = function.this
    flow = flow_of(function, scope, _T)
    alias, columns = _alias_names(node, scope)
    name = function.name.lower() if isinstance(function, exp.Anonymous) else _function_name(function)
    if name == "explode" and scope.context.rules.name == "snowflake":
        name = "flatten"
    known = _FUNCTION_COLUMNS.get(name, ())
    if len(columns) < len(known):
        columns = [*columns, *known[len(columns) :]]
    elif alias and not columns and name in ("unnest", "generate_subscripts"):
        columns = [alias]
    columns = columns or _declared(function, scope)
    relation = spread(flow, columns)
    relation.rows = through(flow, EdgeKind.JOIN)
    return Source(alias.lower() or name, (), relation, named=bool(alias), weak=True, unfolds=name == "inline")


def _declared(function: exp.Expr, scope: Scope) -> list[str]:
    """The columns that XMLTABLE, JSON_TABLE and the like declare within their parentheses."""
    spell = scope.context.rules.spell
    schema = function.args.get("schema")
    listed = schema.expressions if isinstance(schema, exp.Expr) else function.args.get("columns") or []
    found = []
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, exp.ColumnDef | exp.JSONColumnDef) and isinstance(item.this, exp.Expr):
            found.append(spell(item.this))
    return found


def _function_name(function: exp.Expr) -> str:
    if isinstance(function, exp.Posexplode):
        return "posexplode"
    if isinstance(function, exp.Explode):
        return "explode"
    if isinstance(function, exp.GenerateSeries | exp.ExplodingGenerateSeries):
        return "generate_series"
    return function.sql_name().lower() if isinstance(function, exp.Func) else ""


def _unnest(node: exp.Unnest, scope: Scope) -> Source:
    arguments = node.expressions
    alias, columns = _alias_names(node, scope)
    flows = [flow_of(argument, scope, _T) for argument in arguments]
    offset = node.args.get("offset")
    names = columns or ([alias] if alias else ["unnest"])
    listed: list[Column] = []
    for place, name in enumerate(names):
        flow = flows[place] if len(flows) == len(names) or place < len(flows) > 1 else merged(flows)
        listed.append(Column(name, flow, _element_fields(arguments, place, scope)))
    if isinstance(offset, exp.Identifier | exp.Alias):
        listed.append(Column(offset.name, through(merged(flows), _T)))
    relation = Relation(listed, counted=NOTHING, rows=through(merged(flows), EdgeKind.JOIN))
    return Source((alias or (columns[0] if columns else "unnest")).lower(), (), relation, named=bool(alias))


def _element_fields(arguments: list[exp.Expr], place: int, scope: Scope) -> dict[str, Flow] | None:
    if place >= len(arguments) or not isinstance(arguments[place], exp.Array):
        return None
    items = [fields_of(item, scope) for item in arguments[place].expressions]
    if not items or any(fields is None for fields in items):
        return None
    first = items[0] or {}
    return {name: merged((fields or {}).get(name, NOTHING) for fields in items) for name in first}


def _lateral(node: exp.Lateral, scope: Scope) -> Source:
    inner = node.this
    if isinstance(inner, exp.Query):
        return _finished(node, scope.context.evaluate(inner, scope), scope)
    if isinstance(inner, exp.Table):
        source = _table(inner, scope)
        return _finished(node, source.relation, scope) if node.alias else source
    if isinstance(inner, exp.Unnest):
        return _unnest_of_lateral(node, inner, scope)
    return _function(node, inner, scope)


def _unnest_of_lateral(node: exp.Lateral, inner: exp.Unnest, scope: Scope) -> Source:
    source = _unnest(inner, scope)
    if not node.args.get("alias"):
        return source
    alias, columns = _alias_names(node, scope)
    relation = source.relation.renamed(columns)
    return Source(alias.lower(), (), relation, named=bool(alias))


def _subquery(node: exp.Subquery, scope: Scope) -> Source:
    if isinstance(node.this, exp.Query):
        return _finished(node, scope.context.evaluate(node.this, outer(scope)), scope)
    group = scope.child()
    rows = add_item(node.this, group)
    columns = [column for source in group.visible() for column in source.relation.expanded()]
    relation = Relation(columns, merged((rows, *(source.relation.rows for source in group.sources))))
    relation.counted = merged(source.relation.counted for source in group.sources)
    return _finished(node, relation, scope)


def values(node: exp.Values, scope: Scope) -> Relation:
    """VALUES: each column from the expressions in its place in every row."""
    flows: list[list[Flow]] = []
    for row in node.expressions:
        items = row.expressions if isinstance(row, exp.Tuple) else [row]
        for place, item in enumerate(items):
            if place == len(flows):
                flows.append([])
            flows[place].append(flow_of(item, scope))
    pattern = {"duckdb": "col{}", "spark": "col{}", "databricks": "col{}", "hive": "col{}", "mysql": "column_{}"}
    form = pattern.get(scope.context.rules.name, "column{}")
    start = 0 if scope.context.rules.name in ("duckdb", "mysql") else 1
    return Relation([Column(form.format(place + start), merged(items)) for place, items in enumerate(flows)])


def _add_join(join: exp.Join, scope: Scope) -> Flow:
    kind = f"{join.args.get('kind') or ''} {join.args.get('side') or ''}".upper()
    if "ARRAY" in kind:
        return _array_join(join, scope)
    before = list(scope.visible())
    mark = len(scope.sources)
    hidden = "SEMI" in kind or "ANTI" in kind
    rows = [add_item(join.this, scope, hidden=hidden)]
    added = scope.sources[mark:]
    if (join.args.get("method") or "").upper() == "NATURAL":
        shared = _shared_names(before, added)
    else:
        shared = [scope.context.rules.spell(item) for item in join.args.get("using") or ()]
    rows += [_merge_columns(name, before, added, scope) for name in shared]
    for source in added:
        source.hidden = False
    rows.append(flow_of(join.args.get("on"), scope, EdgeKind.JOIN))
    rows.append(flow_of(join.args.get("match_condition"), scope, EdgeKind.JOIN))
    for source in added:
        source.hidden = hidden
        if hidden:
            rows.append(through(source.relation.counted, EdgeKind.JOIN))
    return merged(rows)


def _array_join(join: exp.Join, scope: Scope) -> Flow:
    """ClickHouse's ARRAY JOIN: a column is unfolded under its own name or an alias."""
    items = [join.this, *(join.args.get("expressions") or ())]
    flows = []
    for item in items:
        flow = flow_of(item, scope, _T)
        flows.append(through(flow, EdgeKind.JOIN))
        name = item.alias or item.name
        scope.using[name.lower()] = Column(name, flow)
    return merged(flows)


def _shared_names(left: list[Source], right: list[Source]) -> list[str]:
    names = {name.lower() for source in right for name in source.relation.names()}
    return [name for source in left for name in source.relation.names() if name.lower() in names]


def _merge_columns(name: str, before: list[Source], added: list[Source], scope: Scope) -> Flow:
    """USING (name): one column from both sides; the rows depend on it."""
    key = name.lower()
    left = [scope.using[key]] if key in scope.using else _hits(name, before)
    both = [*left, *_hits(name, added)]
    flow = merged(column.flow for column in both)
    scope.using[key] = Column(both[0].name if both else name, flow)
    return through(flow, EdgeKind.JOIN)


def _hits(name: str, sources: list[Source]) -> list[Column]:
    listed = [hit for source in sources if (hit := source.relation.listed(name))]
    return listed or [hit for source in sources if (hit := source.relation.beneath_stars(name))]
