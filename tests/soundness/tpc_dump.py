"""Writes the TPC-H and TPC-DS queries, schemas and a little data to a folder.

It runs under a DuckDB for which the extension packages exist, apart from the project's own environment;
``tests.soundness.sql_tpc`` starts it.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import duckdb

SCALE = {"tpch": "dbgen(sf=0.002)", "tpcds": "dsdgen(sf=0.01)"}


def dump(suite: str, folder: Path) -> None:
    """Writes ``queries.json``, ``schema.json`` and one Parquet file a table."""
    package = importlib.import_module(f"duckdb_extension_{suite}")
    extension = next(Path(str(package.__path__[0])).rglob(f"{suite}.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    connection.execute(f"call {SCALE[suite]}")
    folder.mkdir(parents=True, exist_ok=True)
    queries = connection.execute(f"select query_nr, query from {suite}_queries() order by 1").fetchall()
    (folder / "queries.json").write_text(json.dumps([query for _, query in queries]))
    columns = connection.execute(
        "select table_name, column_name, data_type from information_schema.columns order by 1, ordinal_position"
    ).fetchall()
    schema: dict[str, dict[str, str]] = {}
    for table, column, kind in columns:
        schema.setdefault(table, {})[column] = kind
    (folder / "schema.json").write_text(json.dumps(schema))
    for table in schema:
        connection.execute(f"copy {table} to '{folder / table}.parquet' (format parquet)")


if __name__ == "__main__":
    for name in SCALE:
        dump(name, Path(sys.argv[1]) / name)
