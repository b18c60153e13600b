"""The names of output columns that a query does not name, by each dialect's own rule."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lineage.columns.sql_dialects import Rules
from lineage.columns.sql_names_printed import printed
from lineage.columns.sql_relation import Column

_BY_POSITION = {"trino": "_col{}", "presto": "_col{}", "athena": "_col{}", "hive": "_c{}", "flink": "EXPR${}"}
_POSTGRES = frozenset({"postgres", "redshift", "materialize", "risingwave"})


def unnamed(node: exp.Expr, place: int, before: list[Column], rules: Rules, text: str = "") -> str:
    """The name that a dialect gives to an expression without alias.

    Arguments:
        node: the expression.
        place: its place in the SELECT list, from 0.
        before: the columns before it.
        rules: the dialect's.
        text: the expression as written, where that is known.
    """
    if rules.name in _BY_POSITION:
        return _BY_POSITION[rules.name].format(place)
    if rules.name == "bigquery":
        taken = sum(1 for column in before if column.name.startswith("f") and column.name.endswith("_"))
        return f"f{taken}_"
    if rules.name == "tsql":
        return ""
    if rules.name in _POSTGRES:
        return _postgres(node, rules)
    if rules.name in ("duckdb", "clickhouse", "spark", "databricks"):
        return printed(node, rules)
    if not rules.name and isinstance(node, exp.Cast) and isinstance(node.this, exp.Column):
        return str(node.this.name)
    name = text or as_text(node, rules)
    return name.upper() if rules.name in ("snowflake", "oracle") else name


def as_text(node: exp.Expr, rules: Rules) -> str:
    """The expression as sqlglot writes it in the dialect."""
    try:
        return str(node.sql(rules.dialect, comments=False))
    except (SqlglotError, ValueError, AttributeError, TypeError):
        return str(node.key)


def _postgres(node: exp.Expr, rules: Rules) -> str:
    """PostgreSQL's rule: the last name or function in sight, else ``?column?``."""
    while isinstance(node, exp.Paren | exp.Window | exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.Bracket):
        node = node.this
    if isinstance(node, exp.Column | exp.Dot):
        return str(node.name or node.expression.name)
    if isinstance(node, exp.Cast):
        inner = _postgres(node.this, rules)
        return inner if inner != "?column?" else node.to.sql("postgres").lower().split("(")[0]
    if isinstance(node, exp.Subquery):
        selects = node.this.selects if isinstance(node.this, exp.Query) else []
        return (selects[0].alias_or_name or _postgres(selects[0], rules)) if selects else "?column?"
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        inner = default.name if isinstance(default, exp.Column) else ""
        return inner or "case"
    if isinstance(node, exp.Anonymous):
        return str(node.name.lower())
    if isinstance(node, exp.Connector | exp.Binary | exp.Unary | exp.Interval) or not isinstance(node, exp.Func):
        return "?column?"
    head = as_text(node, rules).split("(")[0].strip().lower()
    return head if head.isidentifier() else str(node.sql_name().lower())
