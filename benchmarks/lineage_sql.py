"""What SQL column lineage costs, beside other tools: `python -m benchmarks.lineage_sql [FOLDER] [--others]`.

CPU seconds, best of three after the first ("cold") pass, all in one process. The statements are TPC-H's 22 and
TPC-DS's 99 with their schemas, and statements that grow. FOLDER keeps the TPC texts between runs. Other tools are
measured where they are installed: `uv pip install sqllineage openlineage-sql`.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import sqlglot
from sqlglot.lineage import lineage as sqlglot_lineage
from sqlglot.schema import MappingSchema

from lineage.columns.sql import sql_lineage
from tests.soundness.sql_tpc import SUITES, Suite, suite

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def shown(name: str, work: Work, *, rounds: int = 3) -> None:
    """Prints the first pass and the best of some more."""
    cold = seconds(work)
    warm = min(seconds(work) for _ in range(rounds)) if rounds else cold
    print(f"  {name:<58} cold {cold:8.3f} s   best {warm:8.3f} s")


def headwater(given: Suite) -> None:
    """All edges of all outputs of all queries, indirect ones included."""
    for sql in given.queries:
        sql_lineage(sql, dialect="duckdb", schema=given.schema)


def parsing(given: Suite) -> None:
    """What parsing alone costs: nobody can be below."""
    for sql in given.queries:
        sqlglot.parse_one(sql, dialect="duckdb")


def by_column(given: Suite) -> None:
    """sqlglot's lineage, asked for one output column after the other (value edges only)."""
    schema = MappingSchema(given.schema, dialect="duckdb")
    for sql in given.queries:
        for name in dict.fromkeys(sqlglot.parse_one(sql, dialect="duckdb").named_selects):
            try:
                sqlglot_lineage(name, sql, schema, dialect="duckdb")
            except (sqlglot.errors.SqlglotError, ValueError):
                continue


def all_columns(given: Suite, *, trim_selects: bool) -> None:
    """sqlglot's lineage in its all-columns mode (value edges only)."""
    schema = MappingSchema(given.schema, dialect="duckdb")
    for sql in given.queries:
        try:
            sqlglot_lineage(None, sql, schema, dialect="duckdb", trim_selects=trim_selects)
        except (sqlglot.errors.SqlglotError, ValueError):
            continue


def sqllineage(given: Suite) -> None:
    """sqllineage's column lineage."""
    from sqllineage.exceptions import SQLLineageException  # type: ignore[import-not-found,unused-ignore]
    from sqllineage.runner import LineageRunner  # type: ignore[import-not-found,unused-ignore]

    for sql in given.queries:
        with suppress(SQLLineageException):  # what it cannot parse
            LineageRunner(f"insert into result {sql}", dialect="ansi").get_column_lineage()


def openlineage_sql(given: Suite) -> None:
    """openlineage-sql's column lineage."""
    from openlineage_sql import parse  # type: ignore[import-not-found,unused-ignore]

    for sql in given.queries:
        parse([sql], dialect="generic")


def growth() -> None:
    """How the cost grows with the statement."""
    print("growth (CPU seconds, best of three)")
    for name, sizes, make in GROWING:
        figures = []
        for size in sizes:
            sql, schema = make(size)
            work = partial(sql_lineage, sql, schema=schema)
            figures.append(min(seconds(work) for _ in range(3)))
        line = "   ".join(f"{size:>5}: {figure:.3f}" for size, figure in zip(sizes, figures, strict=True))
        print(f"  {name:<38} {line}")


def _chain(size: int) -> tuple[str, dict[str, dict[str, str]]]:
    steps = "".join(f", c{place} as (select a + 1 as a from c{place - 1})" for place in range(1, size))
    return f"with c0 as (select a from t){steps} select a from c{size - 1}", {"t": {"a": "int"}}


def _wide(size: int) -> tuple[str, dict[str, dict[str, str]]]:
    return "with c as (select * from t) select * from c", {"t": {f"c{place}": "int" for place in range(size)}}


def _union(size: int) -> tuple[str, dict[str, dict[str, str]]]:
    tables = {f"t{place}": {"a": "int", "b": "int"} for place in range(size)}
    return " union all ".join(f"select a, b from {name} where a > 1" for name in tables), tables


def _nested(size: int) -> tuple[str, dict[str, dict[str, str]]]:
    return "select " + "(" * size + "a" + ")" * size + " as x from t", {"t": {"a": "int"}}


GROWING: list[tuple[str, tuple[int, ...], Callable[[int], tuple[str, dict[str, dict[str, str]]]]]] = [
    ("chained common table expressions", (125, 250, 500, 1000), _chain),
    ("columns of a star", (500, 1000, 2000, 4000), _wide),
    ("branches of a union", (150, 300, 600, 1200), _union),
    ("nested parentheses", (250, 500, 1000, 2000), _nested),
]


def main(folder: Path, *, others: bool) -> None:
    """Prints all figures."""
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    for name in SUITES:
        given = suite(name, folder)
        print(f"{name}: {len(given.queries)} queries with schema")
        shown("Headwater, all edges, direct and indirect", lambda given=given: headwater(given))
        shown("(sqlglot, parsing alone)", lambda given=given: parsing(given))
        shown("sqlglot, all columns, trim_selects=False", lambda given=given: all_columns(given, trim_selects=False))
        shown("sqlglot, all columns", lambda given=given: all_columns(given, trim_selects=True), rounds=0)
        if others:
            shown("sqlglot, column by column", lambda given=given: by_column(given), rounds=0)
            if importlib.util.find_spec("openlineage_sql"):
                shown("openlineage-sql", lambda given=given: openlineage_sql(given), rounds=1)
            if importlib.util.find_spec("sqllineage"):
                shown("sqllineage", lambda given=given: sqllineage(given), rounds=0)
    growth()


if __name__ == "__main__":
    given_folder = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    chosen = Path(given_folder[0]) if given_folder else Path(tempfile.gettempdir()) / "headwater-tpc"
    main(chosen, others="--others" in sys.argv)
