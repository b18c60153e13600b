"""What Headwater costs beside a bare loop: workload W(N), both sides in one process tree, alternating.

W(N) is N assets in 10 layers. A root makes 100 rows; every other asset joins two of the layer before on ``id``. The
*durable floor* is a plain loop over the same assets that scans the two inputs from their Parquet files, joins, writes
the result, and syncs file and folder.

    python benchmarks/overhead.py [--sizes 100,1000] [--rounds 3]

Prints CPU and wall per asset and the ratio to the floor for: first build, nothing changed, one leaf changed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

LAYERS = 10


def root_frame(layer: int) -> pl.LazyFrame:
    """A root of the workload: 100 rows."""
    ids = pl.int_range(100, eager=False, dtype=pl.Int64).alias("id")
    return pl.select(ids).lazy().with_columns(
        value=pl.col("id") * 0.5 + layer,
        label=pl.lit(pl.Series(["a", "b", "c", "d"])).gather(pl.col("id") % 4),
    )  # fmt: skip


def joined(left: pl.LazyFrame, right: pl.LazyFrame) -> pl.LazyFrame:
    """Any other asset of the workload."""
    return left.join(right, on="id", suffix="_b").select(
        "id", (pl.col("value") + pl.col("value_b")).alias("value"), "label"
    )


def upstream(layer: int, place: int, width: int) -> tuple[str, str]:
    """The two assets that one reads."""
    return f"l{layer - 1}/a{place}", f"l{layer - 1}/a{(7 * place + 1) % width}"


def floor(folder: Path, size: int, *, durable: bool) -> None:
    """The bare loop."""
    width = size // LAYERS
    for layer in range(LAYERS):
        for place in range(width):
            if layer == 0:
                frame = root_frame(layer)
            else:
                left, right = upstream(layer, place, width)
                frame = joined(
                    pl.scan_parquet(folder / f"{left}.parquet"), pl.scan_parquet(folder / f"{right}.parquet")
                )
            target = folder / f"l{layer}/a{place}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            frame.collect().write_parquet(target)
            if durable:
                _sync(target)
                _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


DEFINITIONS = """
import polars as pl
from headwater import asset
from overhead import joined, root_frame, upstream

SIZE, CHANGED = {size}, {changed!r}
WIDTH = SIZE // 10

def make(layer, place):
    key = f"l{{layer}}/a{{place}}"
    if layer == 0:
        @asset(key=key)
        def root() -> pl.LazyFrame:
            return root_frame(layer)
        return
    left_key, right_key = upstream(layer, place, WIDTH)
    @asset(key=key, inputs={{"left": left_key, "right": right_key}})
    def node(left: pl.LazyFrame, right: pl.LazyFrame) -> pl.LazyFrame:
        made = joined(left, right)
        return made.with_columns(pl.col("value") + 1) if key == CHANGED else made

for layer in range(10):
    for place in range(WIDTH):
        make(layer, place)
"""


def write_project(folder: Path, size: int, changed: str = "") -> None:
    """A project of W(size), one of whose assets computes something else if ``changed`` names it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "headwater.toml").write_text('[project]\nname = "w"\nmodules = ["definitions"]\n')
    (folder / "definitions.py").write_text(DEFINITIONS.format(size=size, changed=changed))


def measure(what: str, folder: Path, size: int) -> dict[str, Any]:
    """Runs one part in a process of its own; returns CPU and wall seconds and peak memory."""
    command = [sys.executable, __file__, "--part", what, "--folder", str(folder), "--sizes", str(size)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{what} failed")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def part(what: str, folder: Path, size: int) -> None:
    """What a process of ``measure`` does; imports are not counted, loading definitions is."""
    work: Callable[[], Any]
    if what.startswith("floor"):
        work = lambda: floor(folder, size, durable=what == "floor-durable")  # noqa: E731 -- one of two
    else:
        from headwater import Project
        from headwater.garbage import collect_seldom

        collect_seldom()  # as the command does
        Project.of([]).close()

        def work() -> str:
            with Project.load(folder) as project:
                return json.dumps(project.materialize().counts)

        import headwater.running  # noqa: F401 -- loaded before the clock starts, like polars for the floor
    cpu, wall = _cpu(), time.perf_counter()
    counts = work()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": _cpu() - cpu, "wall": time.perf_counter() - wall, "kb": used, "counts": counts}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


PARTS = (
    ("floor, durable", "floor-durable", "floor"),
    ("first build", "headwater", "w"),
    ("nothing changed", "headwater", "w"),
)


def compare(size: int, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Floor and Headwater in turn, ``rounds`` times.

    Nothing is deleted before the end: for minutes after thousands of files went, ext4 makes new ones more slowly, as it
    passes by every inode that was freed lately.
    """
    figures: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            folder = Path(name) / str(number)
            write_project(folder / "w", size)
            for title, what, place in PARTS:
                figures.setdefault(title, []).append(measure(what, folder / place, size))
            write_project(folder / "w", size, changed="l9/a0")
            figures.setdefault("one leaf changed", []).append(measure("headwater", folder / "w", size))
    return figures


def report(size: int, figures: dict[str, list[dict[str, Any]]]) -> None:
    """Medians per asset, and the ratio to the floor, pair by pair."""
    base = figures["floor, durable"]
    print(f"\nW({size}): {len(base)} rounds, medians per asset")
    print(f"  {'':18} {'CPU ms':>8} {'wall ms':>8} {'x floor':>8} {'peak MB':>8}  steps")
    for title, runs in figures.items():
        cpu = statistics.median(one["cpu"] for one in runs) / size * 1000
        wall = statistics.median(one["wall"] for one in runs) / size * 1000
        ratio = statistics.median(one["cpu"] / floor["cpu"] for one, floor in zip(runs, base, strict=True))
        peak = max(one["kb"] for one in runs) / 1024
        print(f"  {title:18} {cpu:8.2f} {wall:8.2f} {ratio:8.2f} {peak:8.0f}  {runs[-1]['counts'] or ''}")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    if given.part:
        part(given.part, given.folder, sizes[0])
        return
    for size in sizes:
        report(size, compare(size, given.rounds))


if __name__ == "__main__":
    main()
