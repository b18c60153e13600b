"""Headwater: a lazy asset each, Parquet storage, durable; ``project.materialize()`` of everything."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("headwater.running", "polars")
DATA = (".headwater/data/**/*",)
HEADER = """
import polars as pl
from headwater import asset
from benchmarks.overhead import joined, root_frame

CHANGED = {changed!r}

def make(key, inputs, changed):
    if not inputs:
        @asset(key=key)
        def root() -> pl.LazyFrame:
            return root_frame(0).with_columns(pl.col("value") + 1) if changed else root_frame(0)
        return
    left_key, right_key = inputs
    @asset(key=key, inputs={{"left": left_key, "right": right_key}})
    def node(left: pl.LazyFrame, right: pl.LazyFrame) -> pl.LazyFrame:
        made = joined(left, right)
        return made.with_columns(pl.col("value") + 1) if changed else made

from benchmarks.peers.shape import nodes
for one in nodes({size}):
    make(one.name, one.inputs, one.name in CHANGED)
"""


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """A project of one module."""
    (folder / "headwater.toml").write_text('[project]\nname = "w"\nmodules = ["definitions"]\n')
    (folder / "definitions.py").write_text(HEADER.format(changed=sorted(changed), size=size))


def build(folder: Path, size: int, phase: str) -> int:
    """Makes what is stale."""
    from headwater import Project

    with Project.load(folder) as project:
        return dict(project.materialize().counts).get("succeeded", 0)


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer."""
    import polars as pl

    from headwater import Project

    with Project.load(folder) as project:
        frame = pl.concat([project.scan(name) for name in shape.last_layer(size)]).collect()
    return frame.height, float(frame["value"].sum())
