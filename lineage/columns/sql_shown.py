"""A SQL asset's query as it enters the digest, written out for people."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from assets_core.errors import LineageError
from lineage.columns.sql import new_context
from lineage.columns.sql_bound import to_duckdb
from lineage.columns.sql_context import Context
from lineage.columns.sql_dialects import Rules, rules_of
from lineage.columns.sql_parse import deeply, parse_statements, quiet
from lineage.columns.sql_statements import written


def canonical_query(sql: str, inputs: Mapping[str, Mapping[str, str]], *, dialect: str = "duckdb") -> str:
    """The query without comments, laid out anew, with every star expanded that could be.

    Arguments:
        inputs: the tables it reads, named as ``sql_tables`` names them -> {column: polars dtype as text}.

    Raises:
        LineageError: as ``sql_asset.read_sql``.
    """
    rules = rules_of(dialect)
    return deeply(lambda: _shown(to_duckdb(sql), inputs, rules))


def _shown(sql: str, inputs: Mapping[str, Mapping[str, str]], rules: Rules) -> str:
    node = parse_statements(sql, rules)[0]
    context = new_context(rules, inputs)
    try:
        with quiet():
            written(node, context)
            _expand(context)
    except LineageError:
        pass  # what could not be understood is shown as it stands
    return str(node.sql(rules.dialect, comments=False, pretty=True))


def _expand(context: Context) -> None:
    """Puts the columns that stars stand for in their places."""
    for star, columns in list(context.stars.values()):
        parent, name = star.parent, star.arg_key
        items = parent.args.get(name) if parent is not None and name else None
        if isinstance(parent, exp.Expr) and isinstance(name, str) and isinstance(items, list) and columns:
            place = next((at for at, one in enumerate(items) if one is star), None)
            if place is not None:
                parent.set(name, [*items[:place], *(one.copy() for one in columns), *items[place + 1 :]])
