"""W(N) as every Python tool here computes it: the workload of ``benchmarks/overhead.py``, and a count of what was made.

The functions take and give frames in memory, or paths; a change adds 1 to the column ``value`` of an asset.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks import overhead

BUILT = [0]
"""How many assets this process has made."""


def root(layer: int, *, changed: bool = False) -> pl.DataFrame:
    """A root of the workload."""
    return _made(overhead.root_frame(layer), changed=changed)


def node(left: pl.LazyFrame, right: pl.LazyFrame, *, changed: bool = False) -> pl.DataFrame:
    """Any other asset."""
    return _made(overhead.joined(left, right), changed=changed)


def _made(frame: pl.LazyFrame, *, changed: bool) -> pl.DataFrame:
    BUILT[0] += 1
    return (frame.with_columns(pl.col("value") + 1) if changed else frame).collect()


def stored(target: str, inputs: tuple[str, ...], *, changed: bool) -> None:
    """Makes one asset from Parquet files to a Parquet file."""
    made = node(*map(pl.scan_parquet, inputs), changed=changed) if inputs else root(0, changed=changed)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    made.write_parquet(target)


def read(files: list[Path]) -> tuple[int, float]:
    """Rows and sum of values of Parquet files."""
    rows, total = pl.scan_parquet(files).select(pl.len(), pl.col("value").sum().alias("sum")).collect().row(0)
    return int(rows), float(total)
