"""The tools that are compared: what is installed for each, how it is run, and what it does not do."""

from __future__ import annotations

from typing import NamedTuple


class Tool(NamedTuple):
    """One side of the comparison; its project is ``with_NAME.py`` beside this file.

    Attributes:
        title: as the table names it.
        requirements: what its virtual environment gets; nothing where it runs in the one of this repository.
        result: what an asset is stored as.
        without: what it leaves out of what Headwater does in the same time.
    """

    title: str
    requirements: tuple[str, ...]
    result: str
    without: str


TOOLS = {
    "floor": Tool("loop, durable", (), "Parquet", "no memory of anything: every build makes everything"),
    "headwater": Tool("Headwater", (), "Parquet", ""),
    "doit": Tool(
        "doit",
        ("doit==0.37.0", "polars==2.1.0"),
        "Parquet",
        "nothing is synced; code is not looked at: the project says what counts; no lineage, checks or history",
    ),
    "hamilton": Tool(
        "Hamilton, cache",
        ("apache-hamilton==1.90.0", "packaging==26.4", "polars==2.1.0"),
        "a pickled frame",
        "nothing is synced; frames are handed on in memory; no environments, no checks on stored data, no column "
        "lineage; a helper that changed is not seen",
    ),
    "dagster": Tool(
        "Dagster, in process",
        ("dagster==1.13.29", "polars==2.1.0"),
        "Parquet",
        "nothing is synced; a run makes what it is told to, stale or not: changes are selected by hand here; no "
        "column lineage of code",
    ),
    "sqlmesh": Tool(
        "SQLMesh, DuckDB",
        ("sqlmesh==0.236.4", "duckdb==1.5.6"),
        "a DuckDB table",
        "no data versions: equal content does not stop a rebuild; which checks passed is not kept",
    ),
    "dbt": Tool(
        "dbt, DuckDB",
        ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.1"),
        "a DuckDB table",
        "remembers nothing between runs: its user keeps the manifest for `state:modified+`; no column lineage, no "
        "history",
    ),
}
PHASES = {
    "start": "start-up",
    "first": "first build",
    "nothing": "nothing changed",
    "leaf": "one leaf changed",
    "root": "one root changed",
}
"""What is measured, in this order; ``start`` only imports the tool."""
