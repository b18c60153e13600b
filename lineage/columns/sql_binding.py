"""What DuckDB itself says of a query: its output columns and types, told by binding it on empty tables."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from lineage.columns.sql_bound import bound_names, to_duckdb
from lineage.dtypes import dtype_text, parse_dtype
from lineage.duckdb_frames import hand_over

_lock = threading.Lock()
_SAMPLES: Mapping[str, Any] = {
    "partition_key": "",
    "partition_start": datetime(2000, 1, 1),  # noqa: DTZ001 partitions start in the project's own time
    "partition_end": datetime(2000, 1, 1),  # noqa: DTZ001 likewise
}
"""What stands for bound values when a query is bound: for keys in a dimension text too, for config no known type."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A query that binds.

    Arguments:
        columns: names of the output columns.
        types: their DuckDB types.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]


def bind(sql: str, tables: Mapping[tuple[str, ...], Mapping[str, str]]) -> Bound | str:
    """Binds a query on empty tables.

    Arguments:
        sql: one query, with bound values as ``:name``.
        tables: parts of a table's name -> {column: DuckDB type}; a table without columns gets one of an odd name.

    Returns:
        the output's columns and types, or DuckDB's message where it does not bind. Cost: about 2 ms.
    """
    with _lock:
        connection = _connection()
        connection.execute("BEGIN")
        try:
            for parts, columns in tables.items():
                _make(connection, parts, columns)
            names = bound_names(sql)
            values = {name: _SAMPLES.get(name, "" if name.startswith("partition_") else None) for name in names}
            statement = "DESCRIBE " + to_duckdb(sql).strip().rstrip(";")
            rows = connection.execute(statement, values if names else None).fetchall()
            return Bound(tuple(row[0] for row in rows), tuple(row[1] for row in rows))
        except duckdb.Error as error:
            return str(error)
        finally:
            connection.execute("ROLLBACK")


@lru_cache(maxsize=1)
def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute("SET autoinstall_known_extensions=false")
    connection.execute("SET autoload_known_extensions=false")
    connection.execute("SET enable_external_access=false")
    return connection


def _make(connection: duckdb.DuckDBPyConnection, parts: tuple[str, ...], columns: Mapping[str, str]) -> None:
    if len(parts) > 1:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(parts[-2:-1])}")
    listed = ", ".join(f"{_quoted([name])} {kind}" for name, kind in columns.items())
    listed = listed or '"(no column)" BOOLEAN'
    connection.execute(f"CREATE TABLE {_quoted(parts[-2:])} ({listed})")


def _quoted(parts: Iterable[str]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


@lru_cache(maxsize=4096)
def duckdb_type(dtype: str) -> str:
    """The DuckDB type that a polars dtype (as text) becomes."""
    try:
        frame = pl.DataFrame(schema={"column": parse_dtype(dtype)})
        with _lock:
            connection = _connection()
            try:
                rows = connection.execute(f"DESCRIBE {hand_over(connection, '_headwater_type', frame, '')}").fetchall()
            finally:
                connection.unregister("_headwater_type")
        return str(rows[0][1])
    except Exception:  # noqa: BLE001 a type that DuckDB does not know is handed over as text
        return "VARCHAR"


@lru_cache(maxsize=4096)
def polars_type(kind: str) -> str | None:
    """The polars dtype, as text, that a column of a DuckDB type becomes; None if polars cannot hold it."""
    if "INTERVAL" in kind.upper():
        return None
    try:
        with _lock:
            relation = _connection().sql(f"SELECT CAST(NULL AS {kind}) AS c WHERE false")
            table = relation.to_arrow_table()
        frame = pl.from_arrow(table)
        return dtype_text(frame.schema["c"]) if isinstance(frame, pl.DataFrame) else None
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001 whatever it is, the type is not known
        return None


@lru_cache(maxsize=1)
def aggregate_functions() -> frozenset[str]:
    """The names of DuckDB's functions that make one value of many rows, or may do so because they are macros."""
    with _lock:
        rows = (
            _connection()
            .execute(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN "
                "('aggregate', 'macro')"
            )
            .fetchall()
        )
    return frozenset(row[0] for row in rows)


@lru_cache(maxsize=1)
def aggregates() -> frozenset[str]:
    """The names of DuckDB's own aggregates."""
    query = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
    with _lock:
        rows = _connection().execute(query).fetchall()
    return frozenset(row[0] for row in rows)


@lru_cache(maxsize=1)
def unstable_functions() -> frozenset[str]:
    """The names of DuckDB's functions that may give another value in another run of the same query.

    Those that run a text as a query are among them, whatever the text says.
    """
    query = "SELECT lower(function_name), stability, macro_definition FROM duckdb_functions()"
    with _lock:
        rows = _connection().execute(query).fetchall()
    unstable = {name for name, stability, _ in rows if stability not in (None, "CONSISTENT")} | _CLOCK
    macros = {name: _WORD.findall(definition.lower()) for name, _, definition in rows if definition is not None}
    unstable |= {name for name, words in macros.items() if not unstable.isdisjoint(set(words) - _FAILING)}
    return frozenset(unstable | _TEXT_RUN)


_WORD = re.compile(r"\w+")
_CLOCK = frozenset(
    {"current_localtime", "current_localtimestamp", "current_time", "current_timestamp", "localtime", "localtimestamp"}
)
"""What reads the clock and is no function, or one that DuckDB calls consistent nevertheless."""
_TEXT_RUN = frozenset({"query", "query_table", "json_execute_serialized_sql"})
_FAILING = frozenset({"error"})
"""Macros that may call these give the same value each time, if they give any."""
