"""W(N) through other tools and Headwater, alternating in one run: ``make peers``.

    python -m benchmarks.peers [--sizes 100,1000] [--rounds 1] [--tools dagster,dbt] [--bound 600] [--json FILE]

Every tool makes the same assets on the same machine in turn: first build, nothing changed, one leaf changed, one root
changed. A figure is of a whole process, started for it: imports, loading of definitions, and work. What a tool has
stored is compared with the floor's, and how many assets it made is counted. A tool that does not install, fails or
takes longer than the bound is said to, and the rest goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.machine import measured_here
from benchmarks.peers import processes, shape, venvs
from benchmarks.peers.tools import PHASES, TOOLS

CHANGED = {
    "first": frozenset[str](),
    "nothing": frozenset[str](),
    "leaf": frozenset({shape.LEAF}),
    "root": frozenset({shape.LEAF, shape.ROOT}),
}
"""What computes something else in each phase."""


class Side:
    """One tool in one round: its folder, and what it took so far."""

    def __init__(self, tool: str, python: Path, size: int, folder: Path, bound: float) -> None:
        self.tool, self.size, self.folder, self.failed = tool, size, folder, ""
        self._python, self._bound = python, bound
        self._module = import_module(f"benchmarks.peers.with_{tool}")
        self._definitions: set[Path] = set()
        folder.mkdir()

    def measure(self, phase: str) -> dict[str, Any]:
        """Runs one phase; returns what it took, as the JSON holds it."""
        if phase == "start":
            took = self._child("start")
            return self._entry(phase, took)
        self._module.write(self.folder, self.size, CHANGED[phase])
        if phase == "first":
            self._definitions = {path for path in self.folder.rglob("*") if path.is_file()}
        took = self._child("build", phase)
        entry = self._entry(phase, took)
        if not took.failed:
            result = self._child("result")
            entry |= {"built": took.answer, "result": result.answer, "failed": result.failed}
            entry["metadata_bytes"] = self._metadata()
        self.failed = entry["failed"]
        return entry

    def _entry(self, phase: str, took: processes.Took) -> dict[str, Any]:
        return {
            "tool": self.tool,
            "size": self.size,
            "phase": phase,
            "cpu_seconds": round(took.cpu, 3),
            "wall_seconds": round(took.wall, 3),
            "peak_bytes": took.peak_bytes,
            "failed": took.failed,
        }

    def _child(self, job: str, phase: str = "") -> processes.Took:
        command = [str(self._python), "-m", "benchmarks.peers.child", self.tool, job, str(self.folder)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPATH": str(venvs.ROOT), "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
        words = [*command, str(self.size), *([phase] if phase else [])]
        return processes.run(words, self.folder, environment, self._bound)

    def _metadata(self) -> int:
        """Bytes that the tool keeps beside data and definitions."""
        data = {path for pattern in self._module.DATA for path in self.folder.glob(pattern)}
        beside = data | self._definitions | {self.folder / "output.txt"}
        return sum(
            path.stat().st_size
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink() and path not in beside and path.suffix != ".pyc"
        )


def judge(entries: list[dict[str, Any]]) -> None:
    """Says of every result whether it is the floor's."""
    floor = {
        (one["size"], one["phase"]): one["result"] for one in entries if one["tool"] == "floor" and "result" in one
    }
    for one in entries:
        if one.get("result"):
            (rows, total), (floor_rows, floor_total) = one["result"], floor[one["size"], one["phase"]]
            one["right"] = rows == floor_rows and abs(total - floor_total) <= 1e-9 * abs(floor_total)


def versions(pythons: dict[str, Path]) -> dict[str, list[str]]:
    """What is installed of each tool's requirements, asked of its own environment."""
    ask = "import importlib.metadata as m, sys; print(*(f'{n}=={m.version(n)}' for n in sys.argv[1:]))"
    found = {}
    for tool, python in pythons.items():
        names = [one.partition("==")[0] for one in TOOLS[tool].requirements] or ["polars"]
        done = subprocess.run([str(python), "-c", ask, *names], check=True, capture_output=True, text=True)
        found[tool] = done.stdout.split()
    return found


def main() -> None:
    """Measures, and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tools", default=",".join(TOOLS), help="the floor always runs")
    parser.add_argument("--bound", type=float, default=600, help="seconds that one process may take")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pythons: dict[str, Path] = {}
    absent: dict[str, str] = {}
    for tool in dict.fromkeys(["floor", *given.tools.split(",")]):
        try:
            pythons[tool] = venvs.python(tool)
        except RuntimeError as error:
            absent[tool] = str(error)
    entries: list[dict[str, Any]] = []
    for size in map(int, given.sizes.split(",")):
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory(prefix="peers") as name:
                sides = [Side(tool, python, size, Path(name) / tool, given.bound) for tool, python in pythons.items()]
                for phase in PHASES:
                    for side in sides:
                        if not side.failed:
                            entries.append(side.measure(phase))
                            print(json.dumps(entries[-1]), file=sys.stderr, flush=True)
    judge(entries)
    document = {
        **measured_here(),
        "bound_seconds": given.bound,
        "cones": {size: shape.cone(int(size), shape.ROOT) for size in given.sizes.split(",")},
        "versions": versions(pythons),
        "not_installed": absent,
        "figures": entries,
    }
    text = json.dumps(document, indent=1)
    if given.json:
        given.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
