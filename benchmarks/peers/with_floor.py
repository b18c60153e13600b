"""The floor: a plain loop without orchestrator that syncs each file and its folder."""

from __future__ import annotations

from pathlib import Path

from benchmarks.overhead import _sync
from benchmarks.peers import shape, workload

IMPORTS = ("polars",)
DATA = ("data/*",)


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """The loop has no definitions; what is changed is told by a file."""
    (folder / "changed.txt").write_text(" ".join(sorted(changed)))


def build(folder: Path, size: int, phase: str) -> int:
    """Makes everything, every time."""
    changed = (folder / "changed.txt").read_text().split()
    for node in shape.nodes(size):
        target = folder / "data" / f"{node.name}.parquet"
        workload.stored(
            str(target),
            tuple(str(folder / "data" / f"{name}.parquet") for name in node.inputs),
            changed=node.name in changed,
        )
        _sync(target)
        _sync(target.parent)
    return workload.BUILT[0]


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer."""
    return workload.read([folder / "data" / f"{name}.parquet" for name in shape.last_layer(size)])
