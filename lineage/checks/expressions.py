"""Boolean SQL over one table as a polars expression; what polars cannot read, DuckDB evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import polars as pl

from assets_core.errors import did_you_mean
from lineage.checks.values import Unusable


def sql_condition(sql: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """The condition as an expression over the columns of the schema.

    Raises:
        Unusable: it does not parse, names a missing column, or is not boolean.
    """
    why = ""
    try:
        expression = pl.sql_expr(sql)
        roots = expression.meta.root_names()
    except pl.exceptions.PolarsError as error:
        why = first_line(error)
    else:
        for name in roots:
            if name not in schema and name != "*":
                raise Unusable(f"there is no column {name!r}", did_you_mean(name, schema))
        outcome = _outcome(sql, tuple(schema.items()))
        if outcome == pl.Boolean:
            return expression
        why = outcome if isinstance(outcome, str) else f"it gives {outcome}, not a boolean"
    return _by_duckdb(sql, schema, why)


@lru_cache(maxsize=1024)
def _outcome(sql: str, schema: tuple[tuple[str, pl.DataType], ...]) -> pl.DataType | str:
    """The type that polars gives the condition, or why it gives none."""
    try:
        return pl.DataFrame(schema=dict(schema)).select(pl.sql_expr(sql).alias("ok")).dtypes[0]
    except pl.exceptions.PolarsError as error:
        return first_line(error)


def _by_duckdb(sql: str, schema: Mapping[str, pl.DataType], why: str) -> pl.Expr:
    import duckdb  # late: most projects never need it here

    def holds(rows: pl.Series) -> pl.Series:
        try:
            return _duckdb_values(sql, rows.struct.unnest()).alias(rows.name)
        except duckdb.Error as error:
            raise Unusable(first_line(error)) from None

    try:
        _duckdb_values(sql, pl.DataFrame(schema=dict(schema)))
    except duckdb.Error as error:
        raise Unusable(f"the expression cannot be evaluated: {first_line(error)}", why) from None
    return pl.struct(pl.all()).map_batches(holds, return_dtype=pl.Boolean)


def _duckdb_values(sql: str, frame: pl.DataFrame) -> pl.Series:
    import duckdb

    with duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"}) as connection:
        connection.register("rows", frame.to_arrow())
        answer = connection.sql(f"select ({sql}\n) as ok from rows")  # noqa: S608 - the project's own SQL
        values = pl.DataFrame(answer.to_arrow_table()).get_column("ok")
    if values.dtype != pl.Boolean:
        raise Unusable(f"the expression gives {values.dtype}, not a boolean", "compare it with something")
    return values


def first_line(error: Exception) -> str:
    """What an error of a library says, without its details."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
