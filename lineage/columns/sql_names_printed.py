"""Names that are the expression printed back: DuckDB's, Spark's and ClickHouse's ways of printing.

Taken from what the engines print; what is not listed is written as sqlglot writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lineage.columns.sql_dialects import Rules

_CLICKHOUSE: dict[type[exp.Expr], str] = {
    exp.Add: "plus", exp.Sub: "minus", exp.Mul: "multiply", exp.Div: "divide", exp.Mod: "modulo", exp.EQ: "equals",
    exp.NEQ: "notEquals", exp.GT: "greater", exp.GTE: "greaterOrEquals", exp.LT: "less", exp.LTE: "lessOrEquals",
    exp.And: "and", exp.Or: "or", exp.Not: "not", exp.Neg: "negate", exp.Like: "like", exp.DPipe: "concat",
}  # fmt: skip
_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.EQ: "=", exp.NEQ: "!=",
    exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.DPipe: "||", exp.And: "AND", exp.Or: "OR",
    exp.Like: "~~", exp.ILike: "~~*", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.Pow: "^",
}  # fmt: skip
_QUOTED = frozenset({"first", "last", "if", "nullif", "trim", "substring", "left", "right", "position", "overlay",
                     "replace", "year", "month", "day", "hour", "minute", "second"})  # fmt: skip
_DUCKDB_TYPES = {"INT": "INTEGER", "TEXT": "VARCHAR", "DOUBLE": "double", "DATE": "date"}
_DUCKDB_NAMES: dict[type[exp.Expr], str] = {exp.GroupConcat: "string_agg", exp.ArrayAgg: "list"}


def printed(node: exp.Expr, rules: Rules) -> str:
    """The expression as an engine of the dialect prints it."""
    writer = {"duckdb": _duckdb, "clickhouse": _clickhouse}.get(rules.name, _spark)
    return writer(node, lambda inner: _written(inner, rules))


def _written(node: exp.Expr, rules: Rules) -> str:
    try:
        return str(node.sql(rules.dialect, comments=False))
    except (SqlglotError, ValueError, AttributeError, TypeError):
        return str(node.key)


Fallback = Callable[[exp.Expr], str]


def _duckdb(node: exp.Expr, fallback: Fallback) -> str:
    show = partial(_duckdb, fallback=fallback)
    if isinstance(node, exp.Paren | exp.IgnoreNulls | exp.RespectNulls):
        return show(node.this)
    if isinstance(node, exp.Column):
        return ".".join(part.name for part in node.parts)
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.And | exp.Or):
        return f"({f' {_OPERATORS[type(node)]} '.join(map(show, node.flatten()))})"
    if isinstance(node, exp.Binary) and type(node) in _OPERATORS:
        return f"({show(node.this)} {_OPERATORS[type(node)]} {show(node.expression)})"
    if isinstance(node, exp.Not):
        inner = show(node.this)
        if isinstance(node.this, exp.Is):
            return inner.replace(" IS ", " IS NOT ", 1)
        return inner.replace(" ~~", " !~~", 1) if isinstance(node.this, exp.Like) else f"(NOT {inner})"
    if isinstance(node, exp.Neg):
        return f"-{node.this.name}" if isinstance(node.this, exp.Literal) else f"(-({show(node.this)}))"
    if isinstance(node, exp.Is):
        return f"({show(node.this)} IS {show(node.expression)})"
    if isinstance(node, exp.Between):
        return f"({show(node.this)} BETWEEN {show(node.args['low'])} AND {show(node.args['high'])})"
    if isinstance(node, exp.In) and not node.args.get("query"):
        return f"({show(node.this)} IN ({', '.join(map(show, node.expressions))}))"
    if isinstance(node, exp.Case):
        return _duckdb_case(node, show)
    if isinstance(node, exp.Window):
        return _duckdb_window(node, show)
    if isinstance(node, exp.Struct):
        pairs = [item for item in node.expressions if isinstance(item, exp.PropertyEQ)]
        return f"struct_pack({', '.join(f'{item.this.name} := {show(item.expression)}' for item in pairs)})"
    if isinstance(node, exp.Array):
        return f"list_value({', '.join(map(show, node.expressions))})"
    if isinstance(node, exp.Extract):
        return f"date_part('{node.this.name.upper()}', {show(node.expression)})"
    if isinstance(node, exp.Exists):
        return f"EXISTS({fallback(node.this)})"
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count_star()"
    if isinstance(node, exp.Filter):
        return f"{show(node.this)} FILTER (WHERE {show(node.expression.this)})"
    if isinstance(node, exp.Cast):
        kind = node.to.sql("duckdb")
        call = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
        return f"{call}({show(node.this)} AS {_DUCKDB_TYPES.get(kind, kind)})"
    if isinstance(node, exp.Coalesce):
        return f"COALESCE({', '.join(map(show, [node.this, *node.expressions]))})"
    return _duckdb_call(node, show) or fallback(node)


def _duckdb_case(node: exp.Case, show: Callable[[exp.Expr], str]) -> str:
    operand = f"({show(node.this)} = {{}})" if node.args.get("this") else "{}"
    whens = " ".join(
        f"WHEN ({operand.format(show(item.this))}) THEN ({show(item.args['true'])})" for item in node.args["ifs"]
    )
    default = show(node.args["default"]) if node.args.get("default") else "NULL"
    return f"CASE  {whens} ELSE {default} END"


def _duckdb_window(node: exp.Window, show: Callable[[exp.Expr], str]) -> str:
    parts = []
    if node.args.get("partition_by"):
        parts.append(f"PARTITION BY {', '.join(map(show, node.args['partition_by']))}")
    order = node.args.get("order")
    if order is not None:
        items = [show(item.this) + (" DESC" if item.args.get("desc") else "") for item in order.expressions]
        parts.append(f"ORDER BY {', '.join(items)}")
    function = node.this
    call = "count()" if isinstance(function, exp.Count) and isinstance(function.this, exp.Star) else show(function)
    return f"{call} OVER ({' '.join(parts)})"


def _duckdb_call(node: exp.Expr, show: Callable[[exp.Expr], str]) -> str:
    if isinstance(node, exp.Anonymous):
        name, arguments = node.name.lower(), node.expressions
    elif isinstance(node, exp.Func) and not isinstance(node, exp.Binary | exp.Window):
        name = _DUCKDB_NAMES.get(type(node)) or node.sql_name().lower()
        arguments = [item for value in node.args.values() for item in (value if isinstance(value, list) else [value])]
        if any(item is not None and item is not False and not isinstance(item, exp.Expr) for item in arguments):
            arguments = [item for item in arguments if isinstance(item, exp.Expr)]
        arguments = [item for item in arguments if isinstance(item, exp.Expr)]
    else:
        return ""
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        return f"{name}(DISTINCT {', '.join(map(show, arguments[0].expressions))})"
    head = f'"{name}"' if name in _QUOTED else name
    return f"{head}({', '.join(map(show, arguments))})"


def _clickhouse(node: exp.Expr, fallback: Fallback) -> str:
    show = partial(_clickhouse, fallback=fallback)
    if isinstance(node, exp.Paren):
        return show(node.this)
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count()"
    if type(node) in _CLICKHOUSE:
        operands = [node.this, node.expression] if isinstance(node, exp.Binary) else [node.this]
        return f"{_CLICKHOUSE[type(node)]}({', '.join(map(show, operands))})"
    return fallback(node)


def _spark(node: exp.Expr, fallback: Fallback) -> str:
    show = partial(_spark, fallback=fallback)
    if isinstance(node, exp.Paren):
        return show(node.this)
    if isinstance(node, exp.Binary) and type(node) in _OPERATORS and not isinstance(node, exp.Like | exp.ILike):
        operator = "<>" if isinstance(node, exp.NEQ) else _OPERATORS[type(node)]
        inner = f"{show(node.this)} {operator} {show(node.expression)}"
        return f"(NOT ({inner.replace('<>', '=')}))" if operator == "<>" else f"({inner})"
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count(1)"
    if isinstance(node, exp.AggFunc | exp.Coalesce | exp.Upper | exp.Lower | exp.Concat) and not node.find(
        exp.Distinct
    ):
        arguments = [node.this, *(node.args.get("expressions") or ())]
        values = [show(item) for item in arguments if isinstance(item, exp.Expr)]
        return f"{node.sql_name().lower()}({', '.join(values)})"
    return fallback(node)
