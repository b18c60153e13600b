"""The experiment on TPC-H and TPC-DS: `python -m tests.soundness.sql_tpc [FOLDER]`.

Everything that the lineage does not claim for an output column is changed at once; the output column must stay.
The texts and a little data come from DuckDB's own extension packages, read out with `uv run` into FOLDER.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from assets_core.column_lineage import ROWS
from lineage.columns.sql import sql_lineage
from tests.soundness.sql_experiment import claims

SUITES = ("tpch", "tpcds")
Schema = dict[str, dict[str, str]]
_PACKAGES = ("duckdb==1.5.5", "duckdb-extension-tpch==1.5.5", "duckdb-extension-tpcds==1.5.5")


@dataclass
class Suite:
    """The queries of a suite, the columns of its tables, and where its data lie."""

    name: str
    queries: list[str]
    schema: Schema
    folder: Path


@dataclass
class Figures:
    """What the experiment found.

    Arguments:
        missed: sentences about outputs that changed without being claimed to.
        outputs: output columns tried.
        filled: queries that gave any row.
        direct: direct edges claimed.
        idle: direct edges whose column, changed alone, changed nothing that could be seen.
        refused: queries that the engine does not run.
    """

    missed: list[str] = field(default_factory=list)
    outputs: int = 0
    filled: int = 0
    direct: int = 0
    idle: list[str] = field(default_factory=list)
    refused: int = 0


def suite(name: str, folder: Path) -> Suite:
    """A suite, fetched into the folder if it is not there."""
    if not (folder / name / "queries.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packages = [part for package in _PACKAGES for part in ("--with", package)]
        script = str(Path(__file__).with_name("tpc_dump.py").resolve())
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv) if uv.exists() else "uv", "run", "--no-project", *packages, "python", script]
        subprocess.run([*command, str(folder.resolve())], check=True, cwd=folder)
    queries = json.loads((folder / name / "queries.json").read_text())
    schema = json.loads((folder / name / "schema.json").read_text())
    return Suite(name, queries, schema, folder / name)


def experiment(given: Suite) -> Figures:
    """Runs the experiment over all queries of a suite."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    for table in given.schema:
        connection.execute(f"create table base_{table} as from '{given.folder / table}.parquet'")
        connection.execute(f"create view {table} as from base_{table}")
    figures = Figures()
    for number, sql in enumerate(given.queries, start=1):
        try:
            _one(f"{given.name} {number}", sql, given, connection, figures)
        except duckdb.Error as error:
            figures.refused += 1
            print(f"{given.name} {number} does not run: {str(error).splitlines()[0][:100]}", file=sys.stderr)
    return figures


def _one(name: str, sql: str, given: Suite, connection: Any, figures: Figures) -> None:
    lineage = sql_lineage(sql, dialect="duckdb", schema=given.schema)
    known = claims(lineage)
    whole = known.get(None, set())
    tables = {edge.source.table for edge in lineage.edges}
    everything = {(table, column) for table in tables for column in given.schema[table]}
    before = connection.execute(sql).fetchall()
    figures.filled += bool(before)
    width = len(lineage.columns)
    figures.outputs += width
    by_claim: dict[frozenset[tuple[str, str]], list[int]] = {}
    for place in range(width):
        by_claim.setdefault(frozenset(known.get(place, set()) | whole), []).append(place)
    for claimed, places in by_claim.items():
        after = _changed(sql, everything - claimed, given, connection)
        moved = [place for place in places if _column(before, place) != _column(after, place)]
        figures.missed += [f"{name}, output {place}" for place in moved]
    for edge in lineage.edges:
        if edge.kind.direct and edge.source.column != ROWS and before:
            figures.direct += 1
            after = _changed(sql, {(edge.source.table, edge.source.column)}, given, connection)
            if _column(before, edge.position or 0) == _column(after, edge.position or 0):
                figures.idle.append(f"{name}: {edge.source} -> {edge.target}")


def _column(rows: list[tuple[Any, ...]], place: int) -> Counter[str]:
    """A column's values as a multiset; floats to 9 digits, because sums depend on the order of rows."""
    return Counter(f"{row[place]:.9g}" if isinstance(row[place], float) else repr(row[place]) for row in rows)


def _changed(sql: str, columns: set[tuple[str, str]], given: Suite, connection: Any) -> list[tuple[Any, ...]]:
    """The result with some columns of the tables changed in every row."""
    touched = {table for table, _ in columns}
    for table in touched:
        listed = ", ".join(
            f'{_other(name, kind)} as "{name}"' if (table, name) in columns else f'"{name}"'
            for name, kind in given.schema[table].items()
        )
        connection.execute(f"create or replace view {table} as select {listed} from base_{table}")
    try:
        rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return rows
    finally:
        for table in touched:
            connection.execute(f"create or replace view {table} as from base_{table}")


def _other(name: str, kind: str) -> str:
    """An expression of the same type that gives other values, and keeps no order."""
    if kind == "VARCHAR":
        return f"reverse(\"{name}\") || 'q'"
    if kind == "DATE":
        return f'"{name}" + (37 + hash("{name}") % 91)::integer'
    if kind.startswith("DECIMAL"):
        return f'(("{name}" * 7 + 13) % 9999)::{kind}'
    if kind in ("INTEGER", "BIGINT"):
        return f'(("{name}" * 7 + 13) % 9973)::{kind}'
    return f'"{name}"'


def main(folder: Path) -> int:
    """Runs both suites and prints what was found; the exit status is 1 if anything was missed."""
    failed = False
    for name in SUITES:
        figures = experiment(suite(name, folder))
        failed = failed or bool(figures.missed)
        print(
            f"{name}: {figures.outputs} output columns, {figures.filled} queries with rows, "
            f"{figures.refused} not run, {len(figures.missed)} missed; "
            f"{figures.direct} direct edges, {len(figures.idle)} of them without effect on this data"
        )
        for sentence in figures.missed[:20]:
            print("  missed:", sentence)
        for sentence in figures.idle[:200] if "-v" in sys.argv else []:
            print("  idle:", sentence)
    return int(failed)


if __name__ == "__main__":
    chosen = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    sys.exit(main(Path(chosen[0]) if chosen else Path(tempfile.gettempdir()) / "headwater-tpc"))
