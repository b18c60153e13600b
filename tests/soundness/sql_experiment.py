"""The experiment: change one input column, run again, and see which output columns change.

An output column that changes although its lineage does not name the column changed is a miss.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import duckdb

from assets_core.column_lineage import ROWS, ColumnLineage
from lineage.columns.sql import sql_lineage
from tests.soundness.sql_queries import TABLES, Queries

Row = tuple[Any, ...]
Data = dict[str, list[Row]]
Columns = Sequence[Counter[Any]]
TYPES = {table: {column: kind.upper() for column, kind in columns.items()} for table, columns in TABLES.items()}


MOST_ROWS = 3000


class DuckDB:
    """Runs queries on DuckDB."""

    name = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("set threads = 1")
        self.connection.execute("set memory_limit = '500MB'")
        self.connection.execute("set temp_directory = ''")
        for table, columns in TABLES.items():
            listed = ", ".join(f"{name} {'integer' if kind == 'int' else 'varchar'}" for name, kind in columns.items())
            self.connection.execute(f"create table {table} ({listed})")

    def load(self, table: str, rows: list[Row]) -> None:
        """Replaces the rows of a table."""
        marks = ", ".join("?" * len(TABLES[table]))
        self.connection.execute(f"delete from {table}")
        if rows:
            values = ", ".join([f"({marks})"] * len(rows))
            self.connection.execute(f"insert into {table} values {values}", [cell for row in rows for cell in row])

    def rows(self, sql: str) -> list[Row]:
        """The rows of a query.

        Raises:
            duckdb.Error: it does not run.
            TooManyError: it gives too many rows.
        """
        return _few(self.connection.execute(sql))


class SQLite:
    """Runs queries on SQLite."""

    name = "sqlite"

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        for table, columns in TABLES.items():
            self.connection.execute(f"create table {table} ({', '.join(columns)})")

    def load(self, table: str, rows: list[Row]) -> None:
        """Replaces the rows of a table."""
        marks = ", ".join("?" * len(TABLES[table]))
        self.connection.execute(f"delete from {table}")
        self.connection.executemany(f"insert into {table} values ({marks})", rows)

    def rows(self, sql: str) -> list[Row]:
        """The rows of a query.

        Raises:
            sqlite3.Error: it does not run.
            TooManyError: it gives too many rows.
        """
        return _few(self.connection.execute(sql))


class TooManyError(Exception):
    """A query gives more rows than the experiment wants to hold."""


def _few(result: Any) -> list[Row]:
    rows: list[Row] = result.fetchmany(MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        raise TooManyError
    return rows


Engine = DuckDB | SQLite


@dataclass
class Trial:
    """One query, and which input columns were seen to matter for which output columns.

    Arguments:
        sql: the query.
        engine: the engine's name, which is the dialect's too.
        effects: (table, column) -> places of output columns that changed.
        row_effects: tables whose number of rows was seen to matter at all.
    """

    sql: str
    engine: str
    effects: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    row_effects: set[str] = field(default_factory=set)


def random_data(random: Random) -> Data:
    """A few rows a table, with repeated values and nulls."""
    data: Data = {}
    for table, columns in TABLES.items():
        rows: list[Row] = []
        for number in range(random.randint(4, 7)):
            cells = [_cell(random, kind, number if name in ("id", "k") else None) for name, kind in columns.items()]
            rows.append(tuple(cells))
        data[table] = rows
    return data


def _cell(random: Random, kind: str, key: int | None = None) -> Any:
    if key is not None and random.random() < 0.8:
        return key
    if random.random() < 0.12:
        return None
    return random.randint(0, 5) if kind == "int" else random.choice(["", "x", "yy", "xyz"])


def trial(sql: str, engine: Engine, random: Random, rounds: int = 2) -> Trial | None:
    """Runs the experiment for one query; None if the engine refuses the query, or it gives too much."""
    result = Trial(sql, engine.name)
    try:
        for _ in range(rounds):
            _round(result, engine, random)
    except (duckdb.Error, sqlite3.Error, TooManyError):
        return None
    return result


def _round(result: Trial, engine: Engine, random: Random) -> None:
    data = random_data(random)
    for table, rows in data.items():
        engine.load(table, rows)
    before = engine.rows(result.sql)
    for table, columns in TABLES.items():
        for place, (column, kind) in enumerate(columns.items()):
            changed = [(*row[:place], _cell(random, kind), *row[place + 1 :]) for row in data[table]]
            engine.load(table, changed)
            moved = _moved(before, engine.rows(result.sql))
            if moved:
                result.effects.setdefault((table, column), set()).update(moved)
        engine.load(table, data[table][:-2])
        if _moved(before, engine.rows(result.sql)):
            result.row_effects.add(table)
        engine.load(table, data[table])


def _moved(before: list[Row], after: list[Row]) -> set[int]:
    """The places of the columns whose values, as multisets, differ."""
    if not before and not after:
        return set()
    width = len((before or after)[0])
    if len(before) != len(after):
        return set(range(width))
    return {
        place for place in range(width) if Counter(row[place] for row in before) != Counter(row[place] for row in after)
    }


Extract = Callable[..., ColumnLineage]


def misses(
    found: Trial, extract: Extract = sql_lineage, schema: Mapping[str, Mapping[str, str]] | None = None
) -> list[str]:
    """What the lineage of a trial's query misses, as sentences.

    Arguments:
        found: the trial.
        extract: the extractor under test.
        schema: what it is told of the tables; all, unless said otherwise.
    """
    lineage = extract(found.sql, dialect=found.engine, schema=TYPES if schema is None else schema)
    claimed = claims(lineage)
    sentences = []
    for (table, column), places in found.effects.items():
        for place in places:
            known = claimed.get(place, set()) | claimed.get(None, set())
            if (table, column) not in known:
                sentences.append(f"{table}.{column} changes output {place}: {found.sql}")
    unread = found.row_effects - lineage.tables()
    sentences += [f"rows of {table} matter: {found.sql}" for table in unread]
    return sentences


def claims(lineage: ColumnLineage) -> dict[int | None, set[tuple[str, str]]]:
    """The input columns claimed, by output position; None for those that touch every output."""
    found: dict[int | None, set[tuple[str, str]]] = {}
    for edge in lineage.edges:
        if edge.source.column != ROWS:
            found.setdefault(edge.position, set()).add((edge.source.table, edge.source.column))
    return found


def trials(seed: int, count: int, engines: Iterable[Engine]) -> list[Trial]:
    """Trials of random queries that run, ``count`` an engine."""
    done: list[Trial] = []
    for engine in engines:
        random = Random(f"{seed}-{engine.name}")
        queries = Queries(random, engine.name)
        accepted = 0
        while accepted < count:
            found = trial(queries.query(), engine, random)
            if found is not None:
                done.append(found)
                accepted += 1
    return done
