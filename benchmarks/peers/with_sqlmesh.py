"""SQLMesh: a FULL model each in a DuckDB file, its state in another; ``Context.plan`` applied without asking."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("sqlmesh",)
DATA = ("warehouse.duckdb",)
CONFIG = """
gateways:
  w:
    connection: {type: duckdb, database: warehouse.duckdb}
    state_connection: {type: duckdb, database: state.duckdb}
default_gateway: w
model_defaults: {dialect: duckdb, start: 2024-01-01}
disable_anonymized_analytics: true
"""


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """A file a model."""
    (folder / "config.yaml").write_text(CONFIG)
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for one in shape.nodes(size):
        query = shape.sql(one, "w.{}", changed=one.name in changed)
        text = f"MODEL (name w.{one.name}, kind FULL);\n\n{query}\n"
        path = models / f"{one.name}.sql"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def build(folder: Path, size: int, phase: str) -> int:
    """Plans and applies to the environment prod."""
    import os

    from sqlmesh import Context
    from sqlmesh.core.console import NoopConsole, set_console

    set_console(NoopConsole())
    os.chdir(folder)
    context = Context(paths=str(folder))
    plan = context.plan(auto_apply=True, no_prompts=True)
    built = len({one.snapshot_id for one in plan.missing_intervals})
    context.close()
    return built


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer, through the views of prod."""
    from benchmarks.peers import warehouse

    return warehouse.read(folder / "warehouse.duckdb", [f"w.{name}" for name in shape.last_layer(size)])
