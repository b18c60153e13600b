"""State, plan and backfill of many partitions, with growth shown: time, memory and bytes of metadata.

    python benchmarks/partitions.py                    everything, at the sizes of the targets
    python benchmarks/partitions.py --only state --sizes 100000 1000000

Projects are made in a temporary folder. Where everything is to be fresh, the catalog is filled through its own writer
with the records that runs would have left, and the stored files are hard links of one real file; then the commands are
whole processes, measured from outside. The backfill is a real one, beside a loop that writes and syncs the same files.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from assets_core.facts import make_recipe
from assets_core.keys import Slot
from assets_core.records import Materialization, RecordKind, RunRecord, RunState, Stored
from headwater import Project
from lineage.catalog.values import Outcome, Publish
from lineage.fingerprint import data_version
from materializers.ids import new_id
from materializers.observe import gather

SETTINGS = '[project]\nname = "many"\nmodules = ["many"]\n'
MODULE = """
import polars as pl
from headwater import asset, Hourly

hours = Hourly("1900-01-01", "{end}")

def declare(place):
    inputs = {{"before": f"t{{place - 1:03d}}"}} if place else {{}}

    def rows(before: pl.LazyFrame) -> pl.LazyFrame:
        return before.with_columns(value=pl.col("value") + 1)

    def first() -> pl.DataFrame:
        return pl.DataFrame({{"id": [1], "value": [2.0]}})

    asset(key=f"t{{place:03d}}", inputs=inputs, partitions=hours, schema={{"id": pl.Int64, "value": pl.Float64}})(
        rows if place else first
    )

for place in range({assets}):
    declare(place)
"""
FRAME = pl.DataFrame({"id": [1], "value": [2.0]})


class Cost(NamedTuple):
    """What one command cost: seconds of processor and wall, peak memory in MB."""

    cpu: float
    wall: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", choices=("state", "backfill"))
    parser.add_argument("--sizes", nargs="+", type=int, default=[100_000, 1_000_000], help="slots in all")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slots", type=int, default=12_000, help="partitions of the backfill")
    arguments = parser.parse_args()
    if arguments.only in (None, "state"):
        state(arguments.sizes, arguments.runs)
    if arguments.only in (None, "backfill"):
        backfill(arguments.slots, arguments.runs)


def state(sizes: list[int], runs: int) -> None:
    """Plan and status of projects of one shape and another, all missing and all fresh."""
    print(f"{'slots':>20}  {'what':34} {'cpu s':>7} {'wall s':>7} {'peak MB':>8}")
    for slots in sizes:
        for assets in (1, 100):
            with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
                root = Path(folder)
                project(root, assets, slots // assets)
                shape = f"{assets} x {slots // assets:,}"
                show(shape, "plan, all missing", root, ["plan"], runs)
                show(shape, "plan of one asset, all missing", root, ["plan", "t000"], runs)
                apart(fill, root)
                size = (root / ".headwater" / "catalog.db").stat().st_size
                print(f"{shape:>20}  {'metadata, bytes a slot':34} {size / slots:>7.0f}")
                show(shape, "plan, all fresh, first time", root, ["plan"], 1)
                show(shape, "plan, all fresh", root, ["plan"], runs)
                show(shape, "plan of one asset, all fresh", root, ["plan", "t000"], runs)
                show(shape, "status, all fresh", root, ["status"], runs)
                edit(root)
                show(shape, "plan after a change of code", root, ["plan", "--why"], runs)


BACKFILL = """
import polars as pl
from headwater import asset, Context, Hourly

@asset(key="hours", partitions=Hourly("2013-01-01", "{end}"))
def hours(context: Context) -> pl.DataFrame:
    return pl.DataFrame({{"id": range(100), "hour": [context.partition.key] * 100}})
"""


def backfill(slots: int, runs: int) -> None:
    """CPU a slot of a real backfill beside a loop that makes, writes and syncs the same files, in turn."""
    print(f"\nbackfill of {slots:,} partitions of 100 rows, CPU ms a slot; 2 workers")
    rows = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
            root = Path(folder)
            end = datetime(2013, 1, 1) + timedelta(hours=slots)  # noqa: DTZ001 -- local to the definition's zone
            (root / "headwater.toml").write_text(SETTINGS)
            (root / "many.py").write_text(BACKFILL.format(end=end.isoformat()))
            bare = child("floor", root, slots)
            own = child("run", root, slots)
            size = (root / ".headwater" / "catalog.db").stat().st_size / slots
            rows.append((*own, bare[-1], own[-1] / bare[-1], size))
    early, late, own_ms, bare_ms, ratio, size = (sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True))
    print(f"  bare loop {bare_ms:.2f}, headwater {own_ms:.2f}: {ratio:.2f} times")
    print(f"  up to the 1,000th slot {early:.2f}, the last 1,000 {late:.2f}; {size:.0f} bytes of metadata a slot")


def child(what: str, root: Path, slots: int) -> list[float]:
    """Milliseconds of CPU a slot that a process of its own prints: the last number is over all slots."""
    command = [sys.executable, "-m", "benchmarks.partitions_backfill", what, os.fspath(root), str(slots)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(one) for one in done.stdout.split()]


def show(shape: str, what: str, root: Path, command: list[str], runs: int) -> None:
    costs = [run(root, command) for _ in range(runs)]
    cost = Cost(*(sorted(values)[len(values) // 2] for values in zip(*costs, strict=True)))
    print(f"{shape:>20}  {what:34} {cost.cpu:>7.2f} {cost.wall:>7.2f} {cost.peak:>8.0f}", flush=True)


def run(root: Path, command: list[str]) -> Cost:
    """One command as a process of its own."""
    began = time.perf_counter()
    program = [
        sys.executable,
        "-c",
        "import sys; from headwater.cli import main; sys.exit(main())",
        "-C",
        os.fspath(root),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*program, *command], stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}: {said.read().decode()}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / 1024)


def project(root: Path, assets: int, slots: int) -> None:
    """A project of assets in a chain, each with so many hours."""
    end = datetime(1900, 1, 1) + timedelta(hours=slots)  # noqa: DTZ001 -- local to the definition's zone
    (root / "headwater.toml").write_text(SETTINGS)
    (root / "many.py").write_text(MODULE.format(assets=assets, end=end.isoformat()))


def edit(root: Path) -> None:
    """Changes what the last asset computes."""
    module = root / "many.py"
    module.write_text(module.read_text().replace('"value": [2.0]', '"value": [3.0]').replace("+ 1)", "+ 2)"))


def apart(function: Callable[[Path], None], root: Path) -> None:
    """Calls a function in a process of its own: a command that a large process starts counts its memory as its own."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=(root,))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__} ended with {process.exitcode}")


def fill(root: Path) -> None:
    """Leaves behind what runs of all slots would have left."""
    sys.path.insert(0, os.fspath(root))
    loaded = Project.load(root)
    scene, graph = loaded.scene, loaded.graph
    run_id = new_id()
    known = gather(scene, list(graph.definitions), datetime.now(UTC), run_id)
    facts = known.facts
    record = RunRecord(run_id, loaded.env, RunState.RUNNING, datetime.now(UTC), "bench", "bench", "")
    scene.catalog.begin_run(record)
    version = data_version(FRAME)
    original = root / "one.parquet"
    FRAME.write_parquet(original)
    size = original.stat().st_size
    links = Links(original)
    for key in graph.definitions:
        storage = scene.tables.storage("default")
        for slots in chunks(facts.slots_of(key), 10_000):
            outcomes = []
            for slot in slots:
                made_id = new_id()
                location = storage._location(slot, made_id)
                links.add(root / ".headwater" / "data" / location)
                recipe = make_recipe(slot, facts)
                schema = facts.schema(key)
                if recipe is None or schema is None:
                    raise SystemExit(f"{slot} has no recipe")
                made = Materialization(
                    made_id, slot, RecordKind.MATERIALIZATION, run_id, datetime.now(UTC), schema, version,
                    recipe=recipe, stored=Stored("default", location, size, "00" * 32),
                )  # fmt: skip
                outcomes.append(Outcome((made,), (Publish(slot, made_id, None),)))
                facts.published[slot] = made
            scene.catalog.commit(loaded.env, run_id, outcomes, datetime.now(UTC))
            facts.published.let_go(slots if key == list(graph.definitions)[-1] else ())
    scene.catalog.end_run(run_id, RunState.SUCCEEDED, ended=datetime.now(UTC), counts={})
    loaded.close()
    sys.path.remove(os.fspath(root))
    sys.modules.pop("many", None)


class Links:
    """Hard links of one file; a file system allows only so many of one."""

    def __init__(self, original: Path) -> None:
        self._original = original
        self._count = 0
        self._made: set[str] = set()

    def add(self, path: Path) -> None:
        folder = os.path.dirname(path)
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        if self._count and self._count % 60_000 == 0:
            copy = self._original.with_name(f"copy-{self._count}.parquet")
            copy.write_bytes(self._original.read_bytes())
            self._original = copy
        os.link(self._original, path)
        self._count += 1


def chunks(items: list[Slot], size: int) -> Iterator[list[Slot]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


if __name__ == "__main__":
    main()
