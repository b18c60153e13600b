"""How long a command takes before it does anything: whole processes over W(N), imports and loading included.

    python -m benchmarks.startup [--size 1000] [--large 10000] [--rounds 3] [--json FILE]

Prints CPU, wall and peak memory of: ``headwater --version``; ``status`` of a W(N) that is built, nothing changed;
``plan`` of a W(large) of which nothing is built; and what loading definitions costs an asset, as the difference
of two sizes. Byte code is kept, as it is where Headwater is installed: each command is run once beforehand.
The bounds are those that the project holds itself to.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import overhead
from benchmarks.machine import measured_here

LOAD = """
import sys, time
from headwater import Project
Project.of([]).close()
began = time.process_time()
with Project.load(sys.argv[1]) as project:
    taken = time.process_time() - began
print(taken)
"""


class Figure(NamedTuple):
    """One thing that is measured.

    Attributes:
        cpu, wall: seconds, medians.
        peak_bytes: the most of any round.
        bound: what it is held to, in words.
        held: whether it is.
    """

    what: str
    cpu: float
    wall: float
    peak_bytes: int
    bound: str
    held: bool


def run(command: list[str]) -> tuple[float, float, int, str]:
    """CPU and wall seconds, peak bytes and output of a process."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, stdout=output, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
        output.seek(0)
        return used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024, output.read()


def timed(what: str, command: list[str], rounds: int, cpu_bound: float = 0, byte_bound: int = 0) -> Figure:
    """A command, run once to warm up and then ``rounds`` times."""
    run(command)
    taken = [run(command) for _ in range(rounds)]
    cpu, wall = (statistics.median(one[place] for one in taken) for place in (0, 1))
    peak = max(one[2] for one in taken)
    bounds = [f"{cpu_bound:.1f} s CPU"] * bool(cpu_bound) + [f"{byte_bound / 1e6:.0f} MB"] * bool(byte_bound)
    held = (not cpu_bound or cpu <= cpu_bound) and (not byte_bound or peak <= byte_bound)
    return Figure(what, cpu, wall, peak, ", ".join(bounds), held)


def loading(folder: Path, small: int, large: int, rounds: int) -> Figure:
    """What one asset more costs to load, in CPU seconds."""
    taken: dict[int, float] = {}
    for size in (small, large):
        overhead.write_project(folder / f"load{size}", size)
        command = [sys.executable, "-c", LOAD, str(folder / f"load{size}")]
        taken[size] = statistics.median(float(run(command)[3]) for _ in range(rounds))
    each = (taken[large] - taken[small]) / (large - small)
    return Figure("load definitions, an asset", each, each, 0, "0.3 ms CPU", each <= 0.0003)


def measure(size: int, large: int, rounds: int) -> list[Figure]:
    """Every figure."""
    command = str(Path(sys.executable).with_name("headwater"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overhead.write_project(folder / "built", size)
        run([command, "-q", "-C", str(folder / "built"), "materialize"])
        overhead.write_project(folder / "large", large)
        status = [command, "-C", str(folder / "built"), "status"]
        plan = [command, "-C", str(folder / "large"), "plan"]
        return [
            timed("headwater --version", [command, "--version"], rounds),
            timed(f"status of W({size})", status, rounds, cpu_bound=1.0),
            timed(f"plan of W({large})", plan, rounds, cpu_bound=4.0, byte_bound=500_000_000),
            loading(folder, size, large, rounds),
        ]


def table(figures: list[dict[str, Any]]) -> str:
    """The figures as a table; milliseconds where seconds would be all zeros."""
    lines = ["| what | CPU | wall | peak | bound | |", "|---|---:|---:|---:|---|---|"]
    for one in (Figure(**row) for row in figures):
        cpu, wall = _seconds(one.cpu), _seconds(one.wall)
        peak = f"{one.peak_bytes / 1e6:.0f} MB" if one.peak_bytes else ""
        kept = ("held" if one.held else "missed") if one.bound else ""
        lines.append(f"| {one.what} | {cpu} | {wall} | {peak} | {one.bound} | {kept} |")
    return "\n".join(lines)


def _seconds(amount: float) -> str:
    return f"{amount:.2f} s" if amount >= 0.01 else f"{amount * 1000:.2f} ms"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--large", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = [one._asdict() for one in measure(given.size, given.large, given.rounds)]
    print(table(figures))
    if given.json:
        given.json.write_text(json.dumps({**measured_here(), "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
