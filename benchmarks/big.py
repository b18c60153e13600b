"""One big table from Parquet to Parquet: ``headwater materialize`` beside polars' own scan and sink.

    tpchgen-cli parquet -s 10 --tables=lineitem --output-dir=FOLDER
    python benchmarks/big.py FOLDER/lineitem.parquet [--rounds 3] [--shuffled] [--variants bare,plain,...]

Every variant is a process of its own, counted whole: imports, reading, writing, and with Headwater the observation of
the source, checks, fingerprints, digests and the catalog. They take turns, each begins with nothing, and medians are
printed: CPU seconds beside wall seconds, the peak of resident memory, and CPU in relation to the bare loop. The bounds
of the design for 60 million rows are 15 % more CPU and 2 GB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

KEY = ("l_orderkey", "l_linenumber")
PROJECT = """
import polars as pl
from headwater import asset, check, source

raw = source("raw/lineitem", files={path!r})

@asset(key="staging/lineitem", inputs={{"raw": raw}}, {options})
def lineitem(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
"""
CHECKS = 'checks=[check.not_null("l_orderkey"), check.between("l_quantity", 1, 50), check.row_count(minimum=1)]'
VARIANTS = {
    "plain": "",
    "key": f"unique_key={list(KEY)}",
    "key and checks": f"unique_key={list(KEY)}, {CHECKS}",
}
"""What the asset declares."""
BARE = "import sys, polars as pl; pl.scan_parquet(sys.argv[1]).sink_parquet(sys.argv[2])"


class Cost(NamedTuple):
    """What one process took."""

    cpu: float
    wall: float
    megabytes: float


def run(command: list[str], folder: Path) -> Cost:
    """Runs a process to its end."""
    began = time.perf_counter()
    with (folder / "output.txt").open("wb") as output:
        child = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}\n{(folder / 'output.txt').read_text()}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024)


def bare(table: Path) -> Callable[[Path], Cost]:
    """The loop without Headwater."""
    return lambda folder: run([sys.executable, "-c", BARE, str(table), str(folder / "out.parquet")], folder)


def headwater(table: Path, options: str) -> Callable[[Path], Cost]:
    """A project of one source and one asset, materialized for the first time."""

    def materialize(folder: Path) -> Cost:
        (folder / "headwater.toml").write_text('[project]\nname = "big"\nmodules = ["big_assets"]\n')
        (folder / "big_assets.py").write_text(PROJECT.format(path=str(table), options=options))
        return run([str(Path(sys.executable).with_name("headwater")), "-q", "materialize"], folder)

    return materialize


def measure(jobs: dict[str, Callable[[Path], Cost]], rounds: int) -> dict[str, Cost]:
    """The median of each job; they take turns, so that a busy machine disturbs all alike."""
    taken: dict[str, list[Cost]] = {name: [] for name in jobs}
    for number in range(rounds):
        for name, job in jobs.items():
            folder = Path(tempfile.mkdtemp(prefix="big"))
            try:
                taken[name].append(job(folder))
            finally:
                shutil.rmtree(folder)
            print(f"  round {number + 1} {name}: {taken[name][-1]}", file=sys.stderr, flush=True)
    return {name: Cost(*(statistics.median(one) for one in zip(*costs, strict=True))) for name, costs in taken.items()}


def main() -> None:
    """Prints the table of costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("table", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shuffled", action="store_true", help="the same rows in random order, made in memory")
    parser.add_argument("--variants", default=",".join(VARIANTS), help=f"of {', '.join(VARIANTS)}; bare always runs")
    given = parser.parse_args()
    table = given.table.resolve()
    with tempfile.TemporaryDirectory() as folder:
        if given.shuffled:
            rows = pl.read_parquet(table).sample(fraction=1, shuffle=True, seed=1)
            table = Path(folder) / "shuffled.parquet"
            rows.write_parquet(table)
            del rows
        jobs = {"scan and sink": bare(table)}
        jobs |= {name: headwater(table, VARIANTS[name]) for name in given.variants.split(",") if name}
        costs = measure(jobs, given.rounds)
        rows_in = pl.scan_parquet(table).select(pl.len()).collect().item()
    print(f"{rows_in:,} rows{', shuffled' if given.shuffled else ''}, median of {given.rounds}")
    print(f"{'':16}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'CPU':>8}")
    for name, cost in costs.items():
        relation = cost.cpu / costs["scan and sink"].cpu - 1
        print(f"{name:16}{cost.cpu:9.2f}{cost.wall:9.2f}{cost.megabytes:9.0f}{relation:+8.1%}")


if __name__ == "__main__":
    main()
