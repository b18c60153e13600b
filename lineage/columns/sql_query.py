"""Queries from the bottom up: SELECT, set operations, VALUES, common table expressions."""

from __future__ import annotations

from sqlglot import exp

from assets_core.column_lineage import EdgeKind, Resolution
from lineage.columns.sql_expressions import flow_of
from lineage.columns.sql_flow import NOTHING, Flow, marked, merged, through
from lineage.columns.sql_match import matched
from lineage.columns.sql_pivot import pivoted
from lineage.columns.sql_projection import projected
from lineage.columns.sql_relation import Column, Relation, spread, touched
from lineage.columns.sql_scope import Scope, Source
from lineage.columns.sql_sources import add_item, add_sources, values
from lineage.columns.sql_unions import combined, plain_union, unions

_FILTER, _GROUP_BY, _SORT = EdgeKind.FILTER, EdgeKind.GROUP_BY, EdgeKind.SORT
_MOST_ROUNDS = 60


def evaluate(node: exp.Expr, around: Scope) -> Relation:
    """The relation of a query.

    Arguments:
        node: a query, in parentheses or not.
        around: the scope it stands in, whose names it may use as correlated ones.
    """
    if isinstance(node, exp.Subquery):
        return _parenthesized(node, around)
    scope = around.child()
    add_ctes(node, scope)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, scope)
    if isinstance(node, exp.Select):
        return _select(node, scope)
    if isinstance(node, exp.Values):
        return values(node, scope)
    if isinstance(node, exp.Table):
        add_item(node, scope)
        return _all_of(scope)
    if isinstance(node, exp.Pivot):
        add_item(node.this, scope)
        return pivoted(node, _all_of(scope), scope)
    scope.context.warn(f"a query of kind {node.key!r} is not understood; everything in it is kept")
    return spread(marked(flow_of(node, scope, EdgeKind.TRANSFORMATION), Resolution.UNSUPPORTED))


def _all_of(scope: Scope) -> Relation:
    sources = scope.visible()
    columns = [column for source in sources for column in source.relation.expanded()]
    rows = merged(source.relation.rows for source in sources)
    return Relation(columns, rows, merged(source.relation.counted for source in sources))


def add_ctes(node: exp.Expr, scope: Scope) -> None:
    """Brings the common table expressions of a statement into its scope, in order."""
    with_ = node.args.get("with_")
    if with_ is None:
        return
    spell = scope.context.rules.spell
    for cte in with_.expressions:
        alias = cte.args.get("alias")
        name = spell(alias.this) if alias is not None and alias.this is not None else ""
        names = [spell(column) for column in (alias.args.get("columns") or ()) if alias] if alias else []
        body = cte.this
        if isinstance(body, exp.DML):
            scope.ctes[name.lower()] = _returned(body, scope).renamed(names)
            continue
        if not isinstance(body, exp.Query):
            scope.named[name.lower()] = body
            continue
        if with_.recursive or scope.context.rules.name in ("tsql", "oracle", "hive"):
            relation = _recursive(name, names, body, scope)
        else:
            relation = evaluate(body, scope).renamed(names)
        scope.ctes[name.lower()] = relation


def _returned(statement: exp.Expr, scope: Scope) -> Relation:
    """What a statement inside WITH hands on through RETURNING; what it writes is noted down beside the query."""
    context = scope.context
    parts = context.write(statement, context)
    context.beside += parts
    target = statement.this
    while isinstance(target, exp.Schema):
        target = target.this
    returning = statement.args.get("returning")
    if returning is None or not isinstance(target, exp.Table) or not parts:
        return Relation([])
    table = context.table(target)
    fresh = {column.name.lower(): column for column in parts[0].columns}
    columns = [fresh.pop(column.name.lower(), column) for column in table.expanded()]
    relation = Relation([*fresh.values(), *columns], parts[0].rows, table.counted)
    inner = Scope(context, None, scope.ctes, [Source(table.name.rsplit(".", 1)[-1].lower(), (), relation)])
    query = exp.Select(expressions=returning.expressions)
    return Relation(projected(query, inner), relation.rows, relation.counted)


def _recursive(name: str, names: list[str], body: exp.Expr, scope: Scope) -> Relation:
    """The fixpoint of a recursive CTE: flows only grow, and there are finitely many."""
    inner = body
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    if not isinstance(inner, exp.SetOperation) or not _mentions(inner, name):
        return evaluate(body, scope).renamed(names)
    within = Scope(scope.context, scope.parent, dict(scope.ctes), aliases=scope.aliases)
    add_ctes(inner, within)
    anchor = inner.left
    while isinstance(anchor, exp.SetOperation) and _mentions(anchor, name):
        anchor = anchor.left
    relation = evaluate(anchor, within).renamed(names)
    for _ in range(_MOST_ROUNDS):
        within.ctes[name.lower()] = relation
        step = _set_operation(inner, within).renamed(names)
        grown = _grown(relation, step)
        if grown is None:
            break
        relation = grown
    return relation


def _mentions(node: exp.Expr, name: str) -> bool:
    key = name.lower()
    return any(table.name.lower() == key and not table.db for table in node.find_all(exp.Table))


def _grown(before: Relation, after: Relation) -> Relation | None:
    """Both relations together, or None if the second adds nothing."""
    rows = before.rows | after.rows
    counted = before.counted | after.counted
    changed = rows != before.rows or counted != before.counted
    columns = []
    for old, new in zip(before.columns, after.columns, strict=False):
        flow = old.flow | new.flow
        changed = changed or flow != old.flow
        columns.append(Column(old.name, flow, None, old.tail))
    columns += before.columns[len(columns) :]
    return Relation(columns, rows, counted) if changed else None


def _parenthesized(node: exp.Subquery, around: Scope) -> Relation:
    """``(query) ORDER BY ... LIMIT ...``, with joins and aliases where there are any."""
    scope = around.child()
    add_ctes(node, scope)
    if isinstance(node.this, exp.Query):
        relation = evaluate(node.this, scope)
    else:
        rows = add_item(node.this, scope)
        relation = _all_of(scope)
        relation.rows = merged((relation.rows, rows))
    for pivot in node.args.get("pivots") or ():
        relation = pivoted(pivot, relation, scope)
    if any(node.args.get(name) for name in ("order", "limit", "offset", "sort")):
        relation.rows = merged((relation.rows, _ordering(node, relation, scope)))
    return relation


def _set_operation(node: exp.SetOperation, scope: Scope) -> Relation:
    """UNION, INTERSECT, EXCEPT: columns meet by position, or by name where it says so."""
    operands: list[exp.SetOperation] = []
    current: exp.Expr = node
    while isinstance(current, exp.SetOperation) and (current is node or not current.args.get("with_")):
        operands.append(current)
        current = current.args["this"]
    relation = evaluate(current, scope)
    pending: list[tuple[exp.SetOperation, Relation]] = []
    for operation in reversed(operands):
        right = evaluate(operation.args["expression"], scope)
        if plain_union(operation, relation, right):
            pending.append((operation, right))
            continue
        relation = combined(operation, unions(relation, pending), right)
        pending = []
        if any(operation.args.get(name) for name in ("order", "limit", "offset")):
            relation.rows = merged((relation.rows, _ordering(operation, relation, scope)))
    return unions(relation, pending)


def _select(node: exp.Select, scope: Scope) -> Relation:
    rows = [add_sources(node, scope)]
    rows += [source.relation.rows for source in scope.sources]
    if len(scope.sources) > 1:
        rows += [through(source.relation.counted, EdgeKind.JOIN) for source in scope.sources]
    match = node.args.get("match")
    if match is not None:
        rows.append(matched(match, scope))
    for window in node.args.get("windows") or ():
        scope.windows[window.this.name.lower()] = window
    scope.aliases_win = scope.context.rules.alias_first
    for name, body in scope.named.items():
        scope.aliases[name] = Column(name, flow_of(body, scope))
    columns = projected(node, scope)
    relation = Relation(columns, NOTHING, merged(source.relation.counted for source in scope.sources))
    rows += _clauses(node, relation, scope)
    relation.rows = merged(rows)
    return relation


def _clauses(node: exp.Select, relation: Relation, scope: Scope) -> list[Flow]:
    """What WHERE, GROUP BY, HAVING, QUALIFY, DISTINCT, ORDER BY and LIMIT make the rows depend on."""
    args = node.args
    rows = [flow_of(args.get(name), scope, _FILTER) for name in ("where", "prewhere")]
    scope.aliases_join = True
    rows.append(flow_of(args.get("connect"), scope, EdgeKind.JOIN))
    rows += [flow_of(args.get(name), scope, _FILTER) for name in ("having", "qualify")]
    group = args.get("group")
    if group is not None:
        rows.append(_grouping(group, relation, scope))
    distinct = args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        rows.append(
            _listed(on.expressions, relation, scope, _GROUP_BY)
            if on is not None
            else through(relation.everything(), _GROUP_BY)
        )
    rows.append(_ordering(node, relation, scope))
    rows.append(_unfolding(node, scope))
    return rows


def _grouping(group: exp.Group, relation: Relation, scope: Scope) -> Flow:
    if group.args.get("all"):
        parent = group.parent
        keys = [item for item in (parent.expressions if parent is not None else ()) if not _aggregates(item)]
        return merged(
            through(relation.everything(), _GROUP_BY)
            if item.find(exp.Star, exp.Columns)
            else flow_of(item, scope, _GROUP_BY)
            for item in keys
        )
    listed = [_listed(group.expressions, relation, scope, _GROUP_BY)]
    for name in ("grouping_sets", "cube", "rollup"):
        for item in group.args.get(name) or ():
            if isinstance(item, exp.Expr):
                listed.append(_listed(item.expressions or [item], relation, scope, _GROUP_BY))
    return merged(listed)


def _aggregates(item: exp.Expr) -> bool:
    """Whether a SELECT item aggregates in the query itself, not in a subquery or over a window."""
    stack = [item]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.AggFunc | exp.AnonymousAggFunc | exp.WithinGroup):
            return True
        if not isinstance(node, exp.Query | exp.Window):
            stack.extend(node.iter_expressions())
    return False


def _unfolding(node: exp.Select, scope: Scope) -> Flow:
    """What decides how many rows come of ``SELECT unnest(items)`` and its like."""
    flows = []
    for item in node.expressions:
        for inner in item.find_all(exp.UDTF, exp.Explode, exp.Inline, exp.GenerateSeries, exp.Anonymous):
            if not isinstance(inner, exp.Anonymous) or inner.name.lower() in _UNFOLDING:
                flows.append(flow_of(inner, scope, EdgeKind.JOIN))
    return merged(flows)


_UNFOLDING = frozenset(
    {"unnest", "generate_series", "json_array_elements", "jsonb_array_elements", "json_each", "jsonb_each",
     "jsonb_object_keys", "regexp_split_to_table", "stack", "inline", "json_tuple", "arrayjoin", "explode_outer",
     "posexplode_outer", "inline_outer", "flatten", "regexp_matches", "generate_subscripts"}
)  # fmt: skip


def _ordering(node: exp.Expr, relation: Relation, scope: Scope) -> Flow:
    """ORDER BY, SORT BY, DISTRIBUTE BY, CLUSTER BY, and what LIMIT is computed from."""
    listed: list[Flow] = []
    before, scope.aliases_win = scope.aliases_win, True
    if not isinstance(node, exp.Select):
        scope.aliases = {column.name.lower(): column for column in relation.expanded() if not column.tail}
    for name in ("order", "sort", "distribute", "cluster"):
        clause = node.args.get(name)
        if clause is not None:
            listed.append(_listed(clause.expressions, relation, scope, _SORT))
            if any(
                isinstance(_bare(item), exp.Var | exp.Star) and _bare(item).name.upper() in ("ALL", "*", "")
                for item in clause.expressions
            ):
                listed.append(through(relation.everything(), _SORT))
    scope.aliases_win = before
    for name in ("limit", "offset", "fetch"):
        clause = node.args.get(name)
        if clause is not None:
            listed.append(_listed(clause.args.get("expressions") or [], relation, scope, _GROUP_BY))
            listed.append(flow_of(clause.args.get("expression"), scope, _FILTER))
    return merged(listed)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Ordered | exp.Paren):
        node = node.this
    return node


def _listed(items: list[exp.Expr], relation: Relation, scope: Scope, kind: EdgeKind) -> Flow:
    """The flow of a list in which a whole number means the output column in that place."""
    flows = []
    columns = relation.columns
    for item in items:
        bare = _bare(item)
        if isinstance(bare, exp.Literal) and not bare.is_string and bare.name.isdigit():
            place = int(bare.name) - 1
            touched(columns)  # a place is counted over all columns before it
            stars = any(column.tail for column in columns[: place + 1])
            if 0 <= place < len(columns) and not stars:
                flows.append(through(columns[place].flow, kind))
            elif stars:
                flows.append(through(relation.everything(), kind))
        elif isinstance(bare, exp.Tuple):
            flows.append(_listed(bare.expressions, relation, scope, kind))
        else:
            flows.append(flow_of(item, scope, kind))
            if scope.aliases_win and not isinstance(bare, exp.Column):
                flows.append(_of_columns(item, scope, kind))
    return merged(flows)


def _of_columns(item: exp.Expr, scope: Scope, kind: EdgeKind) -> Flow:
    """Within an expression, as in ``ORDER BY b + 1``, a name means the column before the alias, in most dialects."""
    scope.aliases_win = False
    flow = flow_of(item, scope, kind)
    scope.aliases_win = True
    return flow
