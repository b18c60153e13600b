"""The names of output columns that a query does not name, by each dialect's own rule."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lineage.columns.sql_dialects import Rules
from lineage.columns.sql_relation import Column


def unnamed(node: exp.Expr, place: int, before: list[Column], rules: Rules) -> str:
    """The name that a dialect gives to an expression without alias.

    Arguments:
        node: the expression.
        place: its place in the SELECT list, from 0.
        before: the columns before it.
        rules: the dialect's.
    """
    if rules.name in ("trino", "presto", "athena"):
        return f"_col{place}"
    if rules.name == "hive":
        return f"_c{place}"
    if rules.name == "flink":
        return f"EXPR${place}"
    if rules.name == "bigquery":
        taken = sum(1 for column in before if column.name.startswith("f") and column.name.endswith("_"))
        return f"f{taken}_"
    if rules.name in ("postgres", "redshift", "materialize", "risingwave"):
        return _postgres(node, rules)
    if not rules.name and isinstance(node, exp.Cast) and isinstance(node.this, exp.Column):
        return str(node.this.name)
    text = _text(node, rules)
    return text.upper() if rules.name in ("snowflake", "oracle") else text


def _text(node: exp.Expr, rules: Rules) -> str:
    try:
        return str(node.sql(rules.dialect, comments=False))
    except (SqlglotError, ValueError, AttributeError, TypeError):
        return node.key


def _postgres(node: exp.Expr, rules: Rules) -> str:
    while isinstance(node, exp.Paren | exp.Window | exp.Filter | exp.WithinGroup | exp.IgnoreNulls):
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
        return node.name.lower()
    if isinstance(node, exp.Connector | exp.Binary | exp.Unary | exp.Interval) or not isinstance(node, exp.Func):
        return "?column?"
    text = _text(node, rules)
    head = text.split("(")[0].strip().lower()
    return head if head.isidentifier() else node.sql_name().lower()
