"""CPU that reading polars plans costs: `python -m benchmarks.lineage_polars`.

Each figure is the least of several means of process time, printed beside its limit where there is one. The
exit status is 1 if a limit is broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from benchmarks.tpch_polars import QUERIES, SCHEMAS
from lineage.columns import plan as plans
from lineage.columns.guard import guarded
from lineage.columns.placeholder import placeholder

SMALL = {"id": pl.Int64, "value": pl.Float64, "label": pl.String}


@dataclass(frozen=True)
class Figure:
    """One measured cost in milliseconds of CPU, and what it must not exceed."""

    name: str
    milliseconds: float
    limit: float | None = None

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"   limit {self.limit:g}"
        return f"{self.name:48} {self.milliseconds:9.3f} ms{limit}"

    @property
    def broken(self) -> bool:
        """Whether the limit is exceeded."""
        return self.limit is not None and self.milliseconds > self.limit


def cpu(run: Callable[[], object], rounds: int = 5, seconds: float = 0.05) -> float:
    """Milliseconds of CPU of one call: the least mean of some rounds."""
    run()
    best = float("inf")
    for _ in range(rounds):
        begun, calls = time.process_time(), 0
        while calls == 0 or time.process_time() - begun < seconds:
            run()
            calls += 1
        best = min(best, (time.process_time() - begun) / calls)
    return best * 1000


def afresh(frame: pl.LazyFrame, inputs: dict[str, dict[str, pl.DataType]]) -> plans.PlanReading:
    """A reading that nothing is remembered of."""
    plans.forget()
    return plans.read_plan(frame, inputs)


def reading_cost(frame: pl.LazyFrame, inputs: dict[str, dict[str, pl.DataType]]) -> float:
    """Milliseconds of CPU of reading a plan afresh."""
    return cpu(lambda: afresh(frame, inputs), rounds=3)


def workload_plan() -> pl.LazyFrame:
    """The plan of an asset of W(N): two inputs joined, values added."""
    a, b = placeholder("a", SMALL), placeholder("b", SMALL)
    joined = a.join(b, on="id")
    return joined.select("id", value=pl.col("value") + pl.col("value_right"), label=pl.col("label"))


def chain(length: int) -> pl.LazyFrame:
    """A plan of that many nodes one upon the other."""
    frame = placeholder("a", SMALL)
    for number in range(length):
        frame = frame.with_columns(pl.col("value") + number) if number % 2 else frame.filter(pl.col("id") > number)
    return frame


def wide(columns: int) -> tuple[pl.LazyFrame, dict[str, pl.DataType]]:
    """A plan over a frame of that many columns."""
    schema: dict[str, pl.DataType] = {f"c{number}": pl.Int64() for number in range(columns)}
    frame = placeholder("a", schema)
    return frame.filter(pl.col("c0") > 1).with_columns(pl.all() + 1).sort("c1"), schema


def diamond(depth: int) -> pl.LazyFrame:
    """A frame joined with itself, and the result with itself, that often."""
    frame = placeholder("a", SMALL)
    for _ in range(depth):
        frame = frame.join(frame.select("id"), on="id", how="left")
    return frame


def workload() -> list[Figure]:
    """What an asset of W(N) costs."""
    one = {"a": SMALL, "b": SMALL}
    frame = workload_plan()
    scan = pl.LazyFrame(schema={f"c{number}": pl.Int64 for number in range(20)})
    schema = dict(scan.collect_schema())
    return [
        Figure("W(N): build on placeholders", cpu(workload_plan)),
        Figure("W(N): digest", cpu(lambda: plans.plan_digest(frame)), 0.1),
        Figure("W(N): read afresh", cpu(lambda: afresh(frame, one)), 1.5),
        Figure("W(N): read again", cpu(lambda: plans.read_plan(frame, one))),
        Figure("guard over 20 columns", cpu(lambda: guarded(scan, ["c0", "c1"], schema)), 0.1),
    ]


def tpch() -> list[Figure]:
    """What each query of TPC-H costs."""
    frames = {name: placeholder(name, schema) for name, schema in SCHEMAS.items()}
    return [Figure(f"TPC-H {query.__name__}", reading_cost(query(frames), SCHEMAS), 5.0) for query in QUERIES]


def growth() -> list[Figure]:
    """How the cost grows with the length, the width and the depth of a plan."""
    one = {"a": SMALL}
    figures = [Figure(f"chain of {length} nodes", reading_cost(chain(length), one)) for length in (10, 100, 1000)]
    for columns in (10, 100, 1000):
        built, schema = wide(columns)
        figures.append(Figure(f"{columns} columns", reading_cost(built, {"a": schema})))
    figures += [
        Figure(f"join diamond of depth {depth}", reading_cost(diamond(depth), one)) for depth in (2, 4, 6, 8, 10)
    ]
    return figures


def main() -> int:
    """Prints all figures; 1 if a limit is broken."""
    figures = [*workload(), *tpch(), *growth()]
    for figure in figures:
        print(figure)
    by_name = {figure.name: figure.milliseconds for figure in figures}
    for small, large in (
        ("chain of 100 nodes", "chain of 1000 nodes"),
        ("100 columns", "1000 columns"),
        ("join diamond of depth 8", "join diamond of depth 10"),
    ):
        print(f"{large} / {small}: {by_name[large] / by_name[small]:.1f}")
    print("polars writes out a diamond before it is read: its nodes double with each join, and so does the time;")
    print(f"beyond {plans.MAX_NODES} nodes the reading is opaque")
    return 1 if any(figure.broken for figure in figures) else 0


if __name__ == "__main__":
    raise SystemExit(main())
