"""Dagster: an asset each, ``materialize()`` in this process, its SQLite instance; Parquet by an I/O manager.

``materialize()`` does not look at what is stale, so "nothing changed" makes everything again; for a change the run is
given the changed asset and what is downstream of it, as an operator would select it by hand.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("dagster", "polars")
DATA = ("data/*",)


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """What is changed is told by a file: the definitions are below."""
    (folder / "changed.txt").write_text(" ".join(sorted(changed)))
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")


def build(folder: Path, size: int, phase: str) -> int:
    """One run."""
    import logging

    import dagster as dg
    import polars as pl

    from benchmarks.peers import workload

    os.environ["DAGSTER_HOME"] = str(folder)
    changed = set((folder / "changed.txt").read_text().split())
    data = folder / "data"
    data.mkdir(exist_ok=True)

    class Files(dg.IOManager):  # type: ignore[misc] # a class of a library that is not here
        def handle_output(self, context, obj):  # type: ignore[no-untyped-def]
            obj.write_parquet(data / f"{context.asset_key.path[-1]}.parquet")

        def load_input(self, context):  # type: ignore[no-untyped-def]
            return pl.scan_parquet(data / f"{context.asset_key.path[-1]}.parquet")

    def made(one: shape.Node):  # type: ignore[no-untyped-def]
        version = f"changed {one.name in changed}"
        if not one.inputs:

            @dg.asset(name=one.name, code_version=version)
            def root():  # type: ignore[no-untyped-def]
                return workload.root(0, changed=one.name in changed)

            return root
        left, right = one.inputs
        ins = {"left": dg.AssetIn(left), "right": dg.AssetIn(right)} if left != right else {"left": dg.AssetIn(left)}

        @dg.asset(name=one.name, code_version=version, ins=ins)
        def node(left, right=None):  # type: ignore[no-untyped-def]
            return workload.node(left, left if right is None else right, changed=one.name in changed)

        return node

    start = {"leaf": shape.LEAF, "root": shape.ROOT}.get(phase)
    done = dg.materialize(
        [made(one) for one in shape.nodes(size)],
        instance=dg.DagsterInstance.get(),
        resources={"io_manager": dg.IOManagerDefinition.hardcoded_io_manager(Files())},
        selection=dg.AssetSelection.assets(start).downstream() if start else None,
        run_config={"loggers": {"console": {"config": {"log_level": logging.getLevelName(logging.ERROR)}}}},
    )
    if not done.success:
        raise SystemExit("Dagster failed")
    return workload.BUILT[0]


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer."""
    from benchmarks.peers import workload

    return workload.read([folder / "data" / f"{name}.parquet" for name in shape.last_layer(size)])
