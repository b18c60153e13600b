"""The SELECT list: which output columns it gives, with stars expanded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_expressions import fields_of, flow_of, qualified_star
from lineage.columns.sql_flow import Flow
from lineage.columns.sql_names import unnamed
from lineage.columns.sql_relation import Column, touched, untold
from lineage.columns.sql_scope import Scope, resolve

_T = EdgeKind.TRANSFORMATION


def projected(node: exp.Select, scope: Scope) -> list[Column]:
    """The output columns of a SELECT, in order; aliases are brought into the scope as they come."""
    columns: list[Column] = []
    for place, item in enumerate(node.expressions):
        for column in _columns(item, place, columns, scope):
            columns.append(column)
            if not column.tail and isinstance(item, exp.Alias | exp.Aliases):
                scope.aliases.setdefault(column.name.lower(), column)
    kind = node.args.get("kind")
    if kind in ("STRUCT", "VALUE") and kind == "STRUCT":
        fields = {column.name.lower(): column.flow for column in columns}
        flow: Flow = frozenset(origin for column in columns for origin in column.flow)
        return [Column("f0_", flow, fields)]
    return columns


def _columns(item: exp.Expr, place: int, before: list[Column], scope: Scope) -> Iterator[Column]:
    bare = item
    while isinstance(bare, exp.Paren):
        bare = bare.this
    if isinstance(bare, exp.Star):
        columns = list(_star(scope))
        _note_star(item, bare, columns, None, scope)
        yield from _with_modifiers(bare, columns, scope)
    elif isinstance(bare, exp.Column) and isinstance(bare.this, exp.Star):
        columns = qualified_star(bare, scope)
        _note_star(item, bare.this, columns, bare.args.get("table"), scope)
        yield from _with_modifiers(bare.this, columns, scope)
    elif isinstance(bare, exp.Dot) and isinstance(bare.expression, exp.Star):
        yield untold(flow_of(bare.this, scope, _T))
    elif isinstance(bare, exp.QueryTransform):
        flow = flow_of(bare, scope, _T)
        schema = bare.args.get("schema")
        names = [column.name for column in schema.expressions] if isinstance(schema, exp.Expr) else ["key", "value"]
        yield from (Column(name, flow) for name in names)
    elif isinstance(item, exp.Aliases):
        flow = flow_of(item.this, scope)
        spell = scope.context.rules.spell
        yield from (Column(spell(alias), flow) for alias in item.args.get("expressions") or ())
    elif (chosen := _chosen(item)) is not None:
        yield from _dynamic(item, chosen, scope)
    elif isinstance(bare, exp.Column):
        column = resolve(bare, scope)
        as_stored = scope.context.rules.name == "duckdb" and _same(column.name, bare)
        name = column.name if as_stored else _spelled(bare, scope)
        yield Column(name, column.flow, column.fields)
    elif isinstance(item, exp.Alias):
        name = scope.context.rules.spell(item.args["alias"])
        yield Column(name, flow_of(item.this, scope), fields_of(item.this, scope))
    elif isinstance(bare, exp.Inline | exp.PropertyEQ | exp.EQ) and (named := _assigned(bare, scope)):
        yield named
    else:
        text = scope.context.texts.get(id(item), "")
        name = unnamed(item, place, before, scope.context.rules, text)
        flow = flow_of(item, scope)
        yield Column(name, flow, fields_of(item, scope))
        if isinstance(bare, exp.Explode) and scope.context.rules.name == "duckdb":
            yield untold(flow)  # of a list one column comes out, of a struct its fields


def _note_star(
    item: exp.Expr, star: exp.Expr, columns: list[Column], table: exp.Identifier | None, scope: Scope
) -> None:
    """Notes down what a plain star stands for, so that the tree can be digested as if it were written out."""
    if any(star.args.values()):
        names = [(column.name, column.tail is None) for column in columns]
        scope.context.stars[id(item)] = (item, [item, *(exp.column(name) for name, listed in names if listed)])
    elif not any(column.tail for column in columns):
        scope.context.stars[id(item)] = (item, [exp.column(column.name, table=table) for column in columns])


def _same(name: str, node: exp.Expr) -> bool:
    return name.lower() == node.name.lower()


def _spelled(node: exp.Column, scope: Scope) -> str:
    return scope.context.rules.spell(node.this)


def _assigned(node: exp.Expr, scope: Scope) -> Column | None:
    """T-SQL's ``SELECT name = expression`` where the parser left it as a comparison; variables are no columns."""
    if scope.context.rules.name != "tsql" or not isinstance(node, exp.EQ | exp.PropertyEQ):
        return None
    if isinstance(node.this, exp.Parameter):
        return Column(node.this.sql("tsql"), flow_of(node.expression, scope))
    return None


def _star(scope: Scope) -> Iterator[Column]:
    """``*``: the columns of every FROM item; those merged by USING once."""
    given: set[str] = set()
    using = {key: column for key, column in scope.using.items() if not column.flow or column.name}
    if scope.context.rules.using_first:
        for key, column in using.items():
            given.add(key)
            yield column
    for source in scope.visible():
        for column in source.relation.expanded():
            key = column.name.lower()
            if column.tail is not None:
                yield Column(column.name, column.flow, None, column.tail.leaving_out(using))
            elif key not in using:
                yield column
            elif key not in given:
                given.add(key)
                yield using[key]


def _with_modifiers(star: exp.Expr, columns: list[Column], scope: Scope) -> Iterator[Column]:
    """EXCEPT, REPLACE, RENAME, ILIKE on a star."""
    without = {_named(item).lower() for item in star.args.get("except_") or ()}
    replaced = {item.alias.lower(): item for item in star.args.get("replace") or ()}
    spell = scope.context.rules.spell
    renamed = {
        _named(item.this).lower(): spell(item.args["alias"]) for item in star.args.get("rename") or () if item.alias
    }
    if not (without or replaced or renamed or star.args.get("ilike")):
        yield from columns
        return
    touched(columns)
    pattern = star.args.get("ilike")
    matches = _like(pattern.name) if isinstance(pattern, exp.Literal) else None
    left_over = {**replaced}
    for column in columns:
        key = column.name.lower()
        if column.tail is not None:
            tail = column.tail.leaving_out({*without, *replaced, *renamed})
            yield Column(column.name, column.flow, None, tail)
            for old, new in renamed.items():
                hit = column.tail.column(old)
                if hit is not None:
                    yield Column(new, hit.flow)
        elif key in without or (matches and not matches(column.name)):
            continue
        elif key in replaced:
            left_over.pop(key, None)
            yield Column(column.name, flow_of(replaced[key].this, scope))
        else:
            yield Column(renamed.get(key, column.name), column.flow, column.fields)
    if any(column.tail for column in columns):
        yield from (Column(item.alias, flow_of(item.this, scope)) for item in left_over.values())


def _named(node: exp.Expr) -> str:
    return str(node.name)


def _like(pattern: str) -> Callable[[str], bool]:
    regex = re.compile(re.escape(pattern).replace("%", ".*").replace("_", "."), re.IGNORECASE | re.DOTALL)
    return lambda name: regex.fullmatch(name) is not None


def _chosen(item: exp.Expr) -> exp.Expr | None:
    """The COLUMNS(...) for each of whose columns there is an output column: none in a subquery, none unpacked."""
    for node in item.walk(prune=lambda one: isinstance(one, exp.Query)):
        if isinstance(node, exp.Columns) and not node.args.get("unpack"):
            return node
    return None


def _dynamic(item: exp.Expr, chosen: exp.Expr, scope: Scope) -> Iterator[Column]:
    """DuckDB's COLUMNS(...): the item once for every column chosen."""
    for column in touched(list(_picked(chosen, scope))):
        before, scope.chosen = scope.chosen, column
        flow = flow_of(item, scope)
        scope.chosen = before
        name = item.alias if isinstance(item, exp.Alias) and "\\" not in item.alias else column.name
        yield Column(name, flow, None, column.tail.passing(_T) if column.tail else None)


def _picked(chosen: exp.Expr, scope: Scope) -> Iterator[Column]:
    argument = chosen.this
    columns = list(_star(scope))
    if isinstance(argument, exp.Star):
        yield from _with_modifiers(argument, columns, scope)
    elif isinstance(argument, exp.Literal) and argument.is_string:
        try:
            pattern = re.compile(argument.name)
        except re.error:
            yield from columns
            return
        yield from (column for column in columns if column.tail or pattern.search(column.name))
    elif isinstance(argument, exp.Array):
        names = {item.name.lower() for item in argument.expressions}
        yield from (column for column in columns if column.tail or column.name.lower() in names)
    else:
        yield from columns
