"""What fingerprints cost beside writing: run as ``python benchmarks/fingerprint.py [ROWS | FILE] [ROUNDS]``.

The table has the 16 columns and the value ranges of TPC-H's lineitem, or is read from a Parquet file of the real one
(``tpchgen-cli parquet -s 1 --tables=lineitem`` makes it). It is written to the Parquet storage as a step writes its
result, from memory and streamed from a file, without and with what else the step does for the version of the data:
digests of all columns, and the proof that the key is unique. Every measurement is a process of its own; they take
turns, and medians are printed: CPU seconds beside wall seconds, the peak of resident memory, and what the version adds
to either in pairs that ran one after the other. The bound of the design is 20 % for both, streamed. The last line is
the cost of a frame of 100 rows and 3 columns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

import polars as pl

from assets_core.asset import Asset
from assets_core.keys import Slot
from lineage.fingerprint import data_version
from materializers.results import held_to
from materializers.staging import ways_of, write_in_passing
from materializers.storage.parquet import ParquetStorage

KEY = ("l_orderkey", "l_linenumber")
READ_SETS = [("l_extendedprice", "l_discount"), ("l_quantity", "l_returnflag", "l_shipdate"), ("l_comment",)]


def lineitem(rows: int) -> pl.DataFrame:
    """A table like TPC-H's lineitem, the same at every run."""
    place = pl.int_range(rows, eager=True)

    def chance(below: int, seed: int) -> pl.Series:
        return (place.hash(seed) % below).cast(pl.Int64)

    def words(choices: list[str], seed: int) -> pl.Series:
        return pl.Series(choices).gather(chance(len(choices), seed))

    def day(seed: int) -> pl.Series:
        return (chance(2500, seed) + 8035).cast(pl.Int32).cast(pl.Date)

    def cents(low: int, high: int, seed: int) -> pl.Series:
        return (chance(high - low, seed) + low).cast(pl.Int128).reinterpret(dtype=pl.Decimal(15, 2))

    vocabulary = [f"{start}{end}" for start in ("care", "blit", "fur", "pend", "iron") for end in ("ful", "he", "ious")]
    comment = words(vocabulary, 20) + " " + words(vocabulary, 21) + " deposits " + chance(10_000, 22).cast(pl.String)
    return pl.DataFrame(
        {
            "l_orderkey": place // 4,
            "l_partkey": chance(200_000, 1),
            "l_suppkey": chance(10_000, 2),
            "l_linenumber": (place % 4).cast(pl.Int32),
            "l_quantity": cents(100, 5001, 3),
            "l_extendedprice": cents(90_000, 10_500_000, 4),
            "l_discount": cents(0, 11, 5),
            "l_tax": cents(0, 9, 6),
            "l_returnflag": words(["A", "N", "R"], 7),
            "l_linestatus": words(["F", "O"], 8),
            "l_shipdate": day(9),
            "l_commitdate": day(10),
            "l_receiptdate": day(11),
            "l_shipinstruct": words(["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"], 12),
            "l_shipmode": words(["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"], 13),
            "l_comment": comment,
        }
    )


class Cost(NamedTuple):
    """What one measurement took."""

    cpu: float
    wall: float
    megabytes: float


def step(table: str, folder: str, *, streamed: bool, keyed: bool, versioned: bool) -> Cost:
    """Stores a table as a task does (``materializers.task``), with or without the version of its data."""
    scan = pl.scan_parquet(table)
    plan = scan if keyed else scan.drop("l_linenumber")
    lineitem_asset = Asset("lineitem", unique_key=KEY if keyed else ())
    ways = ways_of(lineitem_asset, None, READ_SETS)
    storage = ParquetStorage("default", Path(folder))
    slot = Slot("lineitem")
    rows = plan if streamed else plan.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    if not versioned:
        storage.write(slot, "1", rows)
    elif isinstance(rows, pl.LazyFrame):
        stored, tally = write_in_passing(storage, slot, "1", rows, ways)
        version = data_version(storage.scan(stored), **ways, tally=tally)
        held_to(storage.scan(stored), lineitem_asset, None, key=version.key)
    else:
        version = data_version(rows, **ways)
        held_to(rows, lineitem_asset, None, key=version.key)
        storage.write(slot, "1", rows)
    if versioned and bool(version.key) != keyed:
        raise SystemExit(f"the key {version.key} was not expected")
    return Cost(time.process_time() - cpu, time.perf_counter() - wall, peak_megabytes())


def peak_megabytes() -> float:
    """The most memory that this process had; what ``getrusage`` tells counts the parent's before ``exec`` as well."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # no Linux
        return getrusage(RUSAGE_SELF).ru_maxrss / 1024
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def in_child(table: Path, job: dict[str, bool]) -> Cost:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--step", str(table), folder, json.dumps(job)]
        return Cost(*json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def compare(name: str, table: Path, rounds: int, **job: bool) -> None:
    """Prints two lines: the step without and with the version."""
    taken: dict[bool, list[Cost]] = {False: [], True: []}
    for _ in range(rounds):
        for versioned, costs in taken.items():
            costs.append(in_child(table, {**job, "versioned": versioned}))
    plain, full = (Cost(*map(statistics.median, zip(*costs, strict=True))) for costs in taken.values())
    print(f"{name:44}{plain.cpu:8.2f}{plain.wall:8.2f}{plain.megabytes:8.0f}")
    pairs = list(zip(taken[True], taken[False], strict=True))
    cpu = statistics.median(with_it.cpu / without.cpu for with_it, without in pairs)
    memory = statistics.median(with_it.megabytes / without.megabytes for with_it, without in pairs)
    added = f"{cpu - 1:+10.1%}{memory - 1:+9.1%}"
    print(f"{'  and its version':44}{full.cpu:8.2f}{full.wall:8.2f}{full.megabytes:8.0f}{added}", flush=True)


def small() -> float:
    """Microseconds of CPU for 100 rows and 3 columns."""
    frame = pl.DataFrame({"id": range(100), "value": [n * 0.5 for n in range(100)], "label": ["a", "b", "c", "d"] * 25})
    turns = 2000
    cpu = time.process_time()
    for _ in range(turns):
        data_version(frame, unique_key=("id",))
    return (time.process_time() - cpu) / turns * 1e6


def main(table: str, rounds: int) -> None:
    """Prints the table of costs."""
    with tempfile.TemporaryDirectory() as folder:
        ordered, shuffled = Path(folder) / "ordered.parquet", Path(folder) / "shuffled.parquet"
        frame = lineitem(int(table)) if table.isdigit() else pl.read_parquet(table)
        frame.write_parquet(ordered)
        frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(shuffled)
        print(f"{frame.height:,} rows x {frame.width} columns, median of {rounds}")
        del frame
        print(f"{'':44}{'CPU s':>8}{'wall s':>8}{'peak MB':>8}{'CPU':>10}{'memory':>9}")
        for streamed in (True, False):
            way = "streamed" if streamed else "from memory"
            compare(f"{way}, declared key, sorted by it", ordered, rounds, streamed=streamed, keyed=True)
            compare(f"{way}, declared key, shuffled", shuffled, rounds, streamed=streamed, keyed=True)
            compare(f"{way}, no key, three read sets", ordered, rounds, streamed=streamed, keyed=False)
    print(f"100 rows x 3 columns: {small():.0f} microseconds of CPU")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        job: dict[str, Any] = json.loads(sys.argv[4])
        print(json.dumps(step(sys.argv[2], sys.argv[3], **job)))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "3000000", int(sys.argv[2]) if len(sys.argv) > 2 else 3)
