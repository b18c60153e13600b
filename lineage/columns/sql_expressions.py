"""One walk over an expression, from the top down: which columns reach its value, and in which way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_flow import COMPOSED, NOTHING, Flow, merged, through
from lineage.columns.sql_relation import Column, touched, untold
from lineage.columns.sql_rules import RULES
from lineage.columns.sql_scope import Scope, inside, resolve

_I, _T, _A = EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION
_CONDITIONAL = EdgeKind.CONDITIONAL

Handler = Callable[["Walk", exp.Expr, EdgeKind], None]


def flow_of(node: exp.Expr | None, scope: Scope, operator: EdgeKind = _I) -> Flow:
    """Everything that influences the value of an expression.

    Arguments:
        node: the expression; None gives nothing.
        scope: the names it sees.
        operator: what the value passes through afterwards (``FILTER`` for a WHERE condition).
    """
    if node is None:
        return NOTHING
    walk = Walk(scope)
    walk.push(node, operator)
    return walk.run()


class Walk:
    """The walk's stack of (expression, operator around it) and the flows found so far.

    The stack is a list, so that a chain of ten thousand additions costs no recursion.
    """

    __slots__ = ("flows", "scope", "stack")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.stack: list[tuple[exp.Expr, EdgeKind]] = []
        self.flows: list[Flow] = []

    def push(self, node: object, operator: EdgeKind, within: EdgeKind = _I) -> None:
        """Queues an expression (or a list of them) that passes ``within`` and then ``operator``."""
        if isinstance(node, exp.Expr):
            self.stack.append((node, COMPOSED[operator, within]))
        elif isinstance(node, list):
            for item in node:
                self.push(item, operator, within)

    def push_args(self, node: exp.Expr, operator: EdgeKind, within: EdgeKind, *, without: Iterable[str] = ()) -> None:
        """Queues all arguments of a node but some."""
        left_out = frozenset(without)
        for name, value in node.args.items():
            if value and name not in left_out and type(value) is not str:
                self.push(value, operator, within)

    def add(self, flow: Flow, operator: EdgeKind) -> None:
        """Adds a flow that passes ``operator``."""
        if flow:
            self.flows.append(through(flow, operator))

    def run(self) -> Flow:
        """Walks to the end; the union of all that was found."""
        while self.stack:
            node, operator = self.stack.pop()
            handler = _HANDLERS.get(type(node))
            if handler is None:
                handler = _handler_of(type(node))
            handler(self, node, operator)
        return merged(self.flows)


def _handler_of(kind: type[exp.Expr]) -> Handler:
    for base in kind.__mro__:
        if base in _HANDLERS:
            _HANDLERS[kind] = _HANDLERS[base]
            return _HANDLERS[kind]
    _HANDLERS[kind] = _transformation
    return _transformation


def _transformation(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push_args(node, operator, _T)


def _parameter(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """Bound values carry no lineage, but Snowflake's ``$1`` is the first column of a staged file."""
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        for source in walk.scope.visible():
            column = source.relation.beneath_stars(f"${node.this.name}")
            if column is not None:
                walk.add(column.flow, operator)


def _identity(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push_args(node, operator, _I)


def _nothing(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """Literals, types, parameters: they carry no lineage."""


def _column(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    if isinstance(node.this, exp.Star):
        walk.add(merged(column.flow for column in touched(qualified_star(node, walk.scope))), operator)
        return
    walk.add(resolve(node, walk.scope).flow, operator)  # type: ignore[arg-type] # registered for Column only


def qualified_star(node: exp.Expr, scope: Scope) -> list[Column]:
    """The columns of ``t.*``; of a struct column ``s.*`` its fields, or one star where they are not told."""
    spell = scope.context.rules.spell
    parts = [spell(node.args[name]) for name in ("catalog", "db", "table") if node.args.get(name)]
    for around in scope.chain():
        source = around.source([part.lower() for part in parts])
        if source is not None:
            return list(source.relation.expanded())
    reference = exp.column(*[exp.to_identifier(part, quoted=True) for part in reversed(parts)])
    return struct_fields(resolve(reference, scope))


def struct_fields(column: Column) -> list[Column]:
    """The fields of a struct column as columns; one star of it where they are not told."""
    if column.fields:
        return [Column(name, flow) for name, flow in column.fields.items()]
    return [untold(through(column.flow, _T))]


def _star(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    for source in walk.scope.visible():
        walk.add(source.relation.everything(), operator)


def _columns(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """``COLUMNS(...)``: the one that it stands for in this output column; outside the SELECT list, all there are."""
    if walk.scope.chosen is None:
        _star(walk, node, operator)
    else:
        walk.add(walk.scope.chosen.flow, operator)


def _map(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """``MAP {key: value}``, which is parsed as a struct whose fields have names: here these are computed."""
    pairs = node.this.expressions if isinstance(node.this, exp.Struct) else [node.this]
    for pair in pairs:
        if isinstance(pair, exp.PropertyEQ):
            walk.push([pair.this, pair.expression], operator, _T)
        else:
            walk.push(pair, operator, _T)


def _lambda(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """The parser has turned the parameters in the body into plain identifiers already."""
    walk.push(node.this, operator, _T)


def _named_argument(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.args.get("expression"), operator, _T)


def _comprehension(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """``[x + y for x in l if x > 1]``: within it, ``x`` means the items of ``l``."""
    items = flow_of(node.args.get("iterator"), walk.scope, _T)
    inner = walk.scope.child()
    inner.aliases_win = True
    variable = node.args.get("expression")
    names = variable.find_all(exp.Identifier) if isinstance(variable, exp.Expr) else ()
    inner.aliases = {name.name.lower(): Column(name.name, items) for name in names}
    walk.add(merged((items, flow_of(node.this, inner, _T))), operator)
    walk.add(flow_of(node.args.get("condition"), inner, _CONDITIONAL), operator)


def _dot(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    column = struct_path(node, walk.scope)
    if column is not None:
        walk.add(column.flow, operator)
        return
    if isinstance(node, exp.Bracket):
        walk.push_args(node, operator, _T)
        return
    called = isinstance(node.args.get("expression"), exp.Func)
    # ``s.upper()`` is upper(s): the parser leaves a bare name before the dot.
    base = exp.column(node.this) if called and isinstance(node.this, exp.Identifier) else node.this
    walk.push(base, operator, _T)
    if called:
        walk.push(node.args["expression"], operator, _T)


def struct_path(node: exp.Expr, scope: Scope) -> Column | None:
    """The field that ``column.field`` or ``column['field']`` means; None if it is no such path."""
    path: list[str] = []
    base = node
    while isinstance(base, exp.Dot | exp.Bracket | exp.Paren):
        if isinstance(base, exp.Dot) and isinstance(base.args.get("expression"), exp.Identifier):
            path.append(base.args["expression"].name)
        elif isinstance(base, exp.Bracket):
            keys = base.args.get("expressions") or []
            if len(keys) != 1 or not (isinstance(keys[0], exp.Literal) and keys[0].is_string):
                return None
            path.append(keys[0].name)
        elif not isinstance(base, exp.Paren):
            return None
        base = base.this
    if not path:
        return None
    if isinstance(base, exp.Column) and not isinstance(base.this, exp.Star):
        row = scope.source([base.name.lower()]) if not base.table else None
        if row is not None and row.relation.listed(base.name) is None:
            # PostgreSQL's (t).a: a column of the whole row.
            field = row.relation.find(path[-1])
            return inside(field, path[-2::-1]) if field is not None else None
        return inside(resolve(base, scope), path[::-1])
    fields = fields_of(base, scope)
    return inside(Column("", NOTHING, fields), path[::-1]) if fields else None


def fields_of(node: exp.Expr, scope: Scope) -> dict[str, Flow] | None:
    """The flows of the fields that a struct constructor names; None if it is none, or names them not."""
    while isinstance(node, exp.Paren | exp.Alias):
        node = node.this
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        return resolve(node, scope).fields
    if not isinstance(node, exp.Struct):
        return None
    fields: dict[str, Flow] = {}
    for item in node.expressions:
        if isinstance(item, exp.PropertyEQ | exp.Alias):
            value = item.args["expression"] if isinstance(item, exp.PropertyEQ) else item.this
            key = item.this.name if isinstance(item, exp.PropertyEQ) else item.alias
            fields[key.lower()] = flow_of(value, scope)
        elif isinstance(item, exp.Column):
            fields[item.name.lower()] = flow_of(item, scope)
        else:
            return None
    return fields


_HANDLERS: dict[type[exp.Expr], Handler] = {
    **RULES,
    exp.Column: _column,
    exp.Star: _star,
    exp.Columns: _columns,
    exp.ToMap: _map,
    exp.Literal: _nothing,
    exp.Identifier: _nothing,
    exp.DataType: _nothing,
    exp.Var: _nothing,
    exp.Null: _nothing,
    exp.Boolean: _nothing,
    exp.Placeholder: _nothing,
    exp.Parameter: _parameter,
    exp.SessionParameter: _nothing,
    exp.JSONPath: _nothing,
    exp.Paren: _identity,
    exp.Alias: _identity,
    exp.Where: _identity,
    exp.Distinct: _identity,
    exp.Ordered: _identity,
    exp.IgnoreNulls: _identity,
    exp.RespectNulls: _identity,
    exp.Lambda: _lambda,
    exp.PropertyEQ: _named_argument,
    exp.Kwarg: _named_argument,
    exp.Dot: _dot,
    exp.Bracket: _dot,
    exp.Comprehension: _comprehension,
}
