"""What the SQL tools have stored, read from their DuckDB file."""

from __future__ import annotations

from pathlib import Path


def read(path: Path, tables: list[str]) -> tuple[int, float]:
    """Rows and sum of values of some tables."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        union = " union all ".join(f"select value from {table}" for table in tables)
        found = connection.execute(f"select count(*), sum(value) from ({union})").fetchone()
    assert found is not None
    return int(found[0]), float(found[1])
