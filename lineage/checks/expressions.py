"""Boolean SQL over one table as a polars expression; DuckDB evaluates whatever polars might answer otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from assets_core.errors import DataError, did_you_mean
from lineage.checks.values import Unusable
from lineage.duckdb_frames import hand_over

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|'')*')|(?P<number>-?\d{1,8}(?:\.\d{1,7})?(?![\w.]))|"(?P<quoted>[^"]+)"|"""
    r"""(?P<word>[^\W\d]\w*)|(?P<comparison><=|>=|<>|!=|[=<>])|(?P<mark>[(),]))"""
)
_KEYWORDS = {"and": "&", "or": "|", "not": "!", "is": "i", "null": "0", "in": "n", "between": "b"}
_NUMBER, _TEXT, _BOOLEAN, _OTHERS, _CONDITION = "N", "T", "L", 0xE000, "C"
_CLAUSE = re.compile("([NTL\ue000-\uf8ff])(?:c\\1|!?n\\(\\1(?:,\\1)*\\)|!?b\\1&\\1|i!?0)")
_JOINED = re.compile(r"\([CL]\)|![CL]|[CL][&|][CL]")


def sql_condition(sql: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """The condition as an expression over the columns of the schema, with the meaning that DuckDB gives it.

    Raises:
        Unusable: it does not parse, names a missing column, or is not boolean.
    """
    why, roots = "", list(schema)
    try:
        expression = pl.sql_expr(sql)
        named = expression.meta.root_names()
    except pl.exceptions.PolarsError as error:
        why = first_line(error)
    else:
        for name in named:
            if name not in schema and name != "*":
                raise Unusable(f"there is no column {name!r}", did_you_mean(name, schema))
        # A column may be called current_date or true: polars takes the word for what it means elsewhere.
        taken = {word for word in re.findall(r"\w+", sql) if word in schema}.issubset(named)
        if taken and _means_the_same(sql, schema):
            return expression
        if taken and "*" not in named:
            roots = list(dict.fromkeys(named)) or roots[:1]
    return _by_duckdb(sql, schema, roots, why)


def _means_the_same(sql: str, schema: Mapping[str, pl.DataType]) -> bool:
    """Whether polars answers this as DuckDB does: comparisons of columns and short constants, joined by and, or, not.

    Arithmetic is not among it (polars wraps around where DuckDB widens or fails), neither is IS TRUE (polars takes
    null for true), nor what compares unlike types.
    """
    shape, place = "", 0
    others: dict[pl.DataType, str] = {}
    sql = sql.rstrip()
    while place < len(sql):
        token = _TOKEN.match(sql, place)
        if token is None:
            return False
        place = token.end()
        name = token["word"] or token["quoted"]
        if token["word"] and name.lower() in _KEYWORDS:
            shape += _KEYWORDS[name.lower()]
        elif name:
            if name not in schema:
                return False
            shape += _kind(schema[name], others)
        else:
            shape += token["mark"] or {"text": _TEXT, "number": _NUMBER, "comparison": "c"}[str(token.lastgroup)]
    shape = _CLAUSE.sub(_CONDITION, shape)
    before = ""
    while shape != before:
        before, shape = shape, _JOINED.sub(_CONDITION, shape)
    return shape in (_CONDITION, _BOOLEAN)


def _kind(dtype: pl.DataType, others: dict[pl.DataType, str]) -> str:
    """A letter that columns share if they compare with each other as in DuckDB."""
    if isinstance(dtype, pl.String):
        return _TEXT
    if isinstance(dtype, pl.Boolean):
        return _BOOLEAN
    if isinstance(dtype, pl.Float64) or (dtype.is_integer() and not isinstance(dtype, pl.Int128 | pl.UInt128)):
        return _NUMBER
    if isinstance(dtype, pl.Enum) or dtype.is_nested():  # ordered by its categories, in DuckDB by its text; not at all
        return "?"
    return others.setdefault(dtype, chr(_OTHERS + len(others)))


def _by_duckdb(sql: str, schema: Mapping[str, pl.DataType], columns: Sequence[str], why: str) -> pl.Expr:
    """The condition evaluated by DuckDB on these columns, or on all if it needs more."""
    import duckdb  # late: most projects never need it here

    try:
        none = _duckdb_values(sql, pl.DataFrame(schema={name: schema[name] for name in columns}))
    except duckdb.Error as error:
        if len(columns) < len(schema):
            return _by_duckdb(sql, schema, list(schema), why)
        raise Unusable(f"the expression cannot be evaluated: {first_line(error)}", why) from None

    def holds(rows: pl.Series) -> pl.Series:
        try:
            return _duckdb_values(sql, rows.struct.unnest()).alias(rows.name)
        except duckdb.Error as error:
            raise Unusable(first_line(error)) from None

    # What gives a row for an empty table is an aggregate: one answer for all rows.
    return pl.struct(columns).map_batches(holds, return_dtype=pl.Boolean, returns_scalar=none.len() == 1)


def _duckdb_values(sql: str, frame: pl.DataFrame) -> pl.Series:
    import duckdb

    # Unsigned numbers would fail below zero, where a difference is asked to be no less.
    signed = frame.with_columns(pl.col(pl.UInt8, pl.UInt16, pl.UInt32).cast(pl.Int64))
    with duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"}) as connection:
        connection.execute("set TimeZone = 'UTC'")  # not the machine's
        try:
            handed = hand_over(connection, "handed_over", signed, "")
        except DataError as error:
            raise Unusable(f"{error.what}: {error.why}", error.hint) from None
        connection.execute(f"create view rows as {handed}")
        answer = connection.sql(f"select ({sql}\n) as ok from rows")  # noqa: S608 - the project's own SQL
        if [str(kind) for kind in answer.types] != ["BOOLEAN"]:
            found = " and ".join(map(str, answer.types))
            raise Unusable(f"the expression gives {found}, not a boolean", "compare it with something")
        return pl.DataFrame(answer.to_arrow_table()).get_column("ok")


def first_line(error: Exception) -> str:
    """What an error of a library says, without its details."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
