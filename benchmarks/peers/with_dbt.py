"""dbt on DuckDB: a table model each, ``dbtRunner`` in this process, one thread.

The first build is ``dbt run``. Then the manifest is kept aside and ``dbt run --select state:modified+`` follows: dbt
itself remembers nothing, so keeping the manifest is its user's work.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("dbt.cli.main", "dbt.adapters.duckdb")
DATA = ("warehouse.duckdb",)


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """A file a model."""
    (folder / "dbt_project.yml").write_text(
        "name: w\nversion: '1.0'\nprofile: w\nmodels: {w: {+materialized: table}}\n"
        "flags: {send_anonymous_usage_stats: false}\n"
    )
    (folder / "profiles.yml").write_text(
        "w: {target: dev, outputs: {dev: {type: duckdb, path: warehouse.duckdb, threads: 1}}}\n"
    )
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for one in shape.nodes(size):
        text = shape.sql(one, "{{{{ ref('{}') }}}}", changed=one.name in changed)
        path = models / f"{one.name}.sql"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def build(folder: Path, size: int, phase: str) -> int:
    """One ``dbt run``."""
    import os

    from dbt.cli.main import dbtRunner

    os.chdir(folder)
    words = ["--quiet", "run", "--profiles-dir", str(folder)]
    if phase != "first":
        words += ["--select", "state:modified+", "--state", str(folder / "before")]
    done = dbtRunner().invoke(words)
    if not done.success:
        raise SystemExit(f"dbt failed: {done.exception}")
    (folder / "before").mkdir(exist_ok=True)
    shutil.copy(folder / "target" / "manifest.json", folder / "before" / "manifest.json")
    return len(getattr(done.result, "results", None) or ())


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer."""
    from benchmarks.peers import warehouse

    return warehouse.read(folder / "warehouse.duckdb", [f"main.{name}" for name in shape.last_layer(size)])
