"""Running the query of a SQL asset on DuckDB, on exactly the inputs and columns that were derived."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from assets_core.errors import DataError
from lineage.duckdb_frames import hand_over

if TYPE_CHECKING:
    import duckdb  # late everywhere here: projects without queries need neither it nor sqlglot
    import pyarrow as pa

SETTINGS: dict[str, str] = {
    "TimeZone": "'UTC'",
    "Calendar": "'gregorian'",
    "default_null_order": "'nulls_last'",
    "default_order": "'asc'",
    "integer_division": "false",
    "ieee_floating_point_ops": "true",
    "scalar_subquery_error_on_multiple_rows": "true",
    "preserve_insertion_order": "true",
}
"""Settings that change results, pinned for every query and part of its recipe. The first two need the extension icu,
which the Python package carries."""

_NOT_HANDED_OVER = {
    "uhugeint": "cast it to BIGINT, DECIMAL(38, 0), DOUBLE or VARCHAR",
    "interval": "take date_diff('day', ...) or epoch(...) of it, or cast it to VARCHAR",
    "time with time zone": "cast it to VARCHAR, or to TIME without its offset",
    "bignum": "cast it to DOUBLE or VARCHAR",
    "bit": "cast it to VARCHAR",
    "union": "take one of its members, or cast it to VARCHAR",
}
"""What to do about types of a result that do not survive the way: wrong numbers, a panic of
polars, a lost offset, bytes that mean something to DuckDB only."""

_local = threading.local()


def settings() -> dict[str, str]:
    """What enters the recipe of a SQL asset: the pinned settings and the major version of the engine."""
    import duckdb

    major = duckdb.__version__.split(".", 1)[0]
    return {"engine": f"duckdb {major}", "engine_settings": " ".join(f"{k}={v}" for k, v in sorted(SETTINGS.items()))}


def run_query(sql: str, inputs: Mapping[str, pl.DataFrame], values: Mapping[str, Any], where: str) -> pl.DataFrame:
    """The result of a query.

    Arguments:
        sql: one query in DuckDB's dialect, its bound values written ``:name``.
        inputs: by table name as the query writes it, ``staging.flights`` or ``a/b/c``; the query sees nothing else:
            neither files nor the network.
        values: the bound values; those that the query does not name are left out.
        where: what to call the query in an error.

    Raises:
        DataError: HW320, DuckDB refuses the query or fails on the data; HW321, it is not one query and nothing else;
            HW322, a value of the result does not fit into what a table can hold; HW323, a column of the inputs is of a
            type that DuckDB does not know.
    """
    import duckdb

    from lineage.columns.sql_bound import bound_names, to_duckdb

    connection = _connection()
    _refuse_all_but_a_query(sql, where)
    views: list[str] = []
    try:
        for place, (name, frame) in enumerate(inputs.items()):
            table = f"__input_{place}"
            handed = hand_over(connection, table, frame, where)
            views.append(table)
            view = _identifier(connection, name)
            connection.execute(f"create or replace view {view} as {handed}")
            views.append(view)
        wanted = {name: values[name] for name in bound_names(sql) if name in values}
        result = connection.sql(to_duckdb(sql), params=wanted)
        huge = _huge(result, where)
        table = result.to_arrow_table()
        for name in huge:
            _refuse_overflow(table.column(name), name, where)
        made = pl.from_arrow(table)
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        if isinstance(error, duckdb.FatalException | duckdb.InternalException):  # nothing works on it any more
            _local.connection, views = None, []
        raise DataError("HW320", f"DuckDB cannot run the query of {where}", where=where, why=str(error)) from None
    finally:
        for name in reversed(views):
            if name.startswith("__input_"):
                connection.unregister(name)
            else:
                connection.execute(f"drop view if exists {name}")
    if not isinstance(made, pl.DataFrame):
        raise DataError("HW320", f"the query of {where} gives no table", where=where)
    return made


def _refuse_all_but_a_query(sql: str, where: str) -> None:
    """Whatever else DuckDB would carry out: several statements, and those that write files or tables."""
    import duckdb

    from lineage.columns.sql_bound import to_duckdb

    try:
        kinds = [one.type for one in duckdb.extract_statements(to_duckdb(sql))]
    except duckdb.Error as error:
        raise DataError("HW320", f"DuckDB cannot run the query of {where}", where=where, why=str(error)) from None
    allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI)  # a PIVOT is several
    if len(kinds) != 1 or kinds[0] not in allowed:
        found = " and ".join(kind.name for kind in kinds) or "nothing"
        raise DataError(
            "HW321", f"{where} takes one query, and here is {found}", where=where, hint="write one SELECT, and no more"
        )


def _huge(result: duckdb.DuckDBPyRelation, where: str) -> list[str]:
    """The columns with numbers of HUGEINT in them, which DuckDB hands over as decimals of 38 digits.

    Raises:
        DataError: HW322, one has a type in it whose values DuckDB hands over changed or polars does not take.
    """
    huge = []
    for name, kind in zip(result.columns, result.types, strict=True):
        parts = set(_parts(kind))
        if "hugeint" in parts:
            huge.append(name)
        for part in sorted(parts & set(_NOT_HANDED_OVER)):
            raise DataError(
                "HW322", f"column {name!r} of {where} is {kind}, which cannot be handed over", where=where,
                hint=_NOT_HANDED_OVER[part],
            )  # fmt: skip
    return huge


def _parts(kind: Any) -> Iterator[str]:
    """The names of a type and of those that it is made of."""
    yield kind.id
    if kind.id in ("list", "array", "struct", "map", "union"):
        for _, child in kind.children:
            if not isinstance(child, int):  # the size of an array
                yield from _parts(child)


def _refuse_overflow(values: pa.ChunkedArray, name: str, where: str) -> None:
    import pyarrow.compute as pc

    limit = Decimal(10) ** 38 - 1
    for numbers in chain.from_iterable(map(_numbers, values.chunks)):
        found = pc.min_max(numbers).as_py()
        if found["min"] is not None and (found["min"] < -limit or found["max"] > limit):
            raise DataError(
                "HW322", f"a number in column {name!r} of {where} has more than 38 digits", where=where,
                hint="cast it to DOUBLE or VARCHAR",
            )  # fmt: skip


def _numbers(values: pa.Array) -> Iterator[pa.Array]:
    """The decimals in an array, those inside of lists, structs and maps as well."""
    import pyarrow as pa

    if pa.types.is_decimal(values.type):
        yield values
    elif pa.types.is_map(values.type):
        yield from _numbers(values.keys)
        yield from _numbers(values.items)
    elif pa.types.is_struct(values.type):
        yield from chain.from_iterable(map(_numbers, values.flatten()))
    elif (
        pa.types.is_list(values.type) or pa.types.is_large_list(values.type) or pa.types.is_fixed_size_list(values.type)
    ):
        yield from _numbers(values.flatten())


def _connection() -> duckdb.DuckDBPyConnection:
    """The connection of this thread: opening one costs some 30 ms, so it is kept."""
    kept: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if kept is None:
        import duckdb

        # Of all folders DuckDB opens the one for what does not fit into memory to queries, too: this one is its own.
        _local.folder = TemporaryDirectory(prefix="headwater-sql-")
        kept = duckdb.connect(":memory:", config={"threads": 1, "temp_directory": _local.folder.name})
        for name, value in SETTINGS.items():
            kept.execute(f"set {name} = {value}")
        kept.execute("set enable_external_access = false")
        kept.execute("set lock_configuration = true")
        _local.connection = kept
        _local.schemas = set()
    return kept


def _identifier(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The quoted name of a view, its schema made if need be."""
    if "/" in name or "." not in name:
        return _quoted(name)
    schema, _, table = name.rpartition(".")
    if schema not in _local.schemas:
        connection.execute(f"create schema if not exists {_quoted(schema)}")
        _local.schemas.add(schema)
    return f"{_quoted(schema)}.{_quoted(table)}"


def _quoted(name: str) -> str:
    return '"' + re.sub('"', '""', name) + '"'
