"""What fingerprints cost beside writing: run as ``python benchmarks/fingerprint.py [ROWS | FILE] [REPEATS]``.

The table has the 16 columns and the value ranges of TPC-H's lineitem, or is read from a Parquet file of the real one
(``tpchgen-cli parquet -s 1 --tables=lineitem`` makes it). Writing and fingerprinting alternate, and the
median of each is printed, CPU seconds beside wall seconds, with the ratio of CPU to writing. The bound of the design is
20 %. The last line is the cost of a frame of 100 rows and 3 columns in microseconds of CPU.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from assets_core.versions import DataVersion
from lineage.fingerprint import data_version

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


def measure(jobs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median (CPU, wall) seconds of each job; the jobs take turns, so that a busy machine disturbs all alike."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            job()
            seconds[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        name: (statistics.median(cpu for cpu, _ in taken), statistics.median(wall for _, wall in taken))
        for name, taken in seconds.items()
    }


def small() -> float:
    """Microseconds of CPU for 100 rows and 3 columns."""
    frame = pl.DataFrame({"id": range(100), "value": [n * 0.5 for n in range(100)], "label": ["a", "b", "c", "d"] * 25})
    turns = 2000
    cpu = time.process_time()
    for _ in range(turns):
        data_version(frame, unique_key=("id",))
    return (time.process_time() - cpu) / turns * 1e6


def main(table: str, repeats: int) -> None:
    """Prints the table of costs."""
    frame = lineitem(int(table)) if table.isdigit() else pl.read_parquet(table)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    key = ("l_orderkey", "l_linenumber")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lineitem.parquet"

        def version(one: pl.DataFrame, keyed: bool) -> DataVersion:
            return data_version(one, unique_key=key if keyed else (), read_sets=READ_SETS)

        jobs: dict[str, Callable[[], object]] = {
            "write_parquet": lambda: frame.write_parquet(path),
            "declared key, sorted by it": lambda: version(frame, True),
            "declared key, shuffled": lambda: version(shuffled, True),
            "no key, three read sets": lambda: version(frame.drop("l_linenumber"), False),
        }
        taken = measure(jobs, repeats)
        size = path.stat().st_size
    written = taken["write_parquet"][0]
    print(f"{frame.height:,} rows x {frame.width} columns, {size / 1e6:,.0f} MB written, median of {repeats}")
    print(f"{'':28}{'CPU s':>8}{'wall s':>8}{'of writing':>12}")
    for name, (cpu, wall) in taken.items():
        print(f"{name:28}{cpu:8.3f}{wall:8.3f}{cpu / written:12.1%}")
    print(f"100 rows x 3 columns: {small():.0f} microseconds of CPU")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "3000000", int(sys.argv[2]) if len(sys.argv) > 2 else 5)
