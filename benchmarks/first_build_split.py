"""Where each millisecond of a first build goes: CPU and wall of its parts, an asset of W(N).

    python -m benchmarks.first_build_split [--size 1000] [--workers 1] [--json FILE]

Functions that stand for a part are wrapped by timers. A part is charged what its own functions take, less what those of
other parts take that they call; CPU is of the thread that they run in. What polars computes in threads of its own is
what is left of the process. Timers cost about a microsecond a call. Imports before the run are not counted, loading
definitions is.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import overhead
from benchmarks.machine import measured_here

PARTS: dict[str, tuple[str, ...]] = {
    "load definitions": ("headwater.project:Project.load",),
    "make the catalog": ("lineage.catalog.store:Catalog.open",),
    "plan": ("headwater.use_cases:planned",),
    "derive, recipe": ("materializers.considering:Considering.judged",),
    "dispatch": ("materializers.engine:Engine._start",),
    "read inputs": ("materializers.task_inputs:given",),
    "call, compute": ("materializers.task:_call", "materializers.task:_frames"),
    "fingerprint": ("lineage.fingerprint:data_version", "materializers.staging:steady"),
    "checks": ("materializers.task:_checks", "materializers.results:held_to"),
    "encode, write": ("materializers.storage.parquet:ParquetStorage.write",),
    "settle": ("materializers.storage.parquet:ParquetStorage.settle",),
    "fsync": ("os:fsync",),
    "logs": ("materializers.capture:bounded", "lineage.catalog.writer:_keep_output"),
    "task, the rest": ("materializers.task:perform",),
    "catalog": ("materializers.recorder:Recorder.commit",),
    "published face": ("materializers.storage.parquet:ParquetStorage.publish",),
    "wait for steps": ("materializers.executors.crew:Crew.wait",),
    "engine, the rest": ("materializers.engine:Engine.run",),
    "the rest": ("headwater.project:Project.materialize", "headwater.project:Project.close"),
}
"""What stands for each part. A name that is no longer there is an error, so that no part is forgotten in silence."""


class Spent(NamedTuple):
    """What one part took in all, in seconds."""

    cpu: float
    wall: float
    calls: int


class Timers:
    """Charges each part its own time, thread by thread."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._lock = threading.Lock()
        self.spent: dict[str, Spent] = dict.fromkeys(PARTS, Spent(0.0, 0.0, 0))

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a timer around it."""

        @functools.wraps(function)
        def timed(*positional: Any, **named: Any) -> Any:
            inner: list[list[float]] = self._here.__dict__.setdefault("inner", [])
            inner.append([0.0, 0.0])
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return function(*positional, **named)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                below = inner.pop()
                if inner:
                    inner[-1][0] += cpu
                    inner[-1][1] += wall
                with self._lock:
                    before = self.spent[part]
                    self.spent[part] = Spent(
                        before.cpu + cpu - below[0], before.wall + wall - below[1], before.calls + 1
                    )

        return timed


def install(timers: Timers) -> None:
    """Puts the timers in, wherever a function has been imported to."""
    for part, names in PARTS.items():
        for name in names:
            module, _, path = name.partition(":")
            owner: Any = importlib.import_module(module)
            *above, last = path.split(".")
            for one in above:
                owner = getattr(owner, one)
            found = vars(owner).get(last)
            if found is None:
                raise SystemExit(f"{name}, which stood for {part!r}, is gone: PARTS has to be told what does now")
            if isinstance(found, classmethod):
                setattr(owner, last, classmethod(timers.wrap(part, found.__func__)))
                continue
            timed = timers.wrap(part, found)
            setattr(owner, last, timed)
            for other in list(sys.modules.values()):
                if getattr(other, "__name__", "").partition(".")[0] in ("headwater", "lineage", "materializers"):
                    for known, value in list(vars(other).items()):
                        if value is found:
                            setattr(other, known, timed)


def split(size: int, workers: int) -> dict[str, Any]:
    """Builds W(size) once; returns what each part took."""
    import headwater.running
    from headwater import Project
    from headwater.garbage import collect_seldom

    collect_seldom()  # as the command does
    Project.of([]).close()
    assert headwater.running
    sys.path.insert(0, str(Path(overhead.__file__).parent))  # where the definitions find the workload
    timers = Timers()
    install(timers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overhead.write_project(folder, size)
        cpu, wall = time.process_time(), time.perf_counter()
        with Project.load(folder) as project:
            counts = project.materialize(workers=workers).counts
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if dict(counts) != {"succeeded": size}:
        raise SystemExit(f"not a first build: {counts}")
    parts = {part: spent._asdict() for part, spent in timers.spent.items()}
    own = sum(spent.cpu for spent in timers.spent.values())
    parts["threads of polars"] = {"cpu": max(cpu - own, 0.0), "wall": 0.0, "calls": 0}
    parts["all"] = {"cpu": cpu, "wall": wall, "calls": size}
    return {**measured_here(), "size": size, "workers": workers, "parts": parts}


def table(found: dict[str, Any]) -> str:
    """The parts as a table, milliseconds an asset."""
    lines = ["| part | CPU ms an asset | share | wall ms an asset | calls |", "|---|---:|---:|---:|---:|"]
    size, whole = found["size"], found["parts"]["all"]["cpu"]
    for part, spent in found["parts"].items():
        share = f"{spent['cpu'] / whole:.0%}"
        wall = "" if part == "threads of polars" else f"{spent['wall'] * 1000 / size:.2f}"
        lines.append(f"| {part} | {spent['cpu'] * 1000 / size:.2f} | {share} | {wall} | {spent['calls'] or ''} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = split(given.size, given.workers)
    print(f"W({given.size}), first build, {given.workers} worker\n\n{table(found)}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
