"""What batches save: the flights year of the example, in batches and slot by slot, on the same observed source.

Every round is a process of its own on a fresh copy of the project; the two kinds of rounds alternate. Copies are
deleted at the end only: for minutes after thousands of files went, ext4 makes new ones more slowly. Each measures the
backfill of ``staging/flights``, 365 days, after the source was observed and one of its days was made, so that what both
have to do first is left out. The script fails if any slot's data version or recipe differs between the two.

    python benchmarks/batch.py [--rounds 3] [--batch month]

Prints CPU and wall, medians, and CPU a slot beside a bare loop that reads, computes and writes the same files durably.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

EXAMPLE = Path(__file__).resolve().parents[1] / "example_project"


def round_of(folder: Path, kind: str, batch: str) -> dict[str, Any]:
    """One backfill in a fresh copy of the example, in a process of its own."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".headwater", ".pytest_cache", "__pycache__"))
    command = [sys.executable, __file__, "--inside", str(folder), "--kind", kind, "--batch", batch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def inside(folder: Path, kind: str, batch: str) -> None:
    """Backfills, and prints what it cost and what was published."""
    from headwater import Project

    with Project.load(folder) as project:
        graph = project.graph
        asset = graph.asset("staging/flights")
        size = None if kind == "apart" else int(batch) if batch.isdigit() else batch
        graph.definitions["staging/flights"] = replace(asset, run=replace(asset.run, batch=size))  # type: ignore[index]
        project.materialize("staging/flights", partition="2013-01-01")
        cpu, wall = time.process_time(), time.perf_counter()
        result = project.materialize("staging/flights", workers=1)
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        shown = project.catalog.published("dev", assets={"staging/flights"}, lineage=False)
        content = {
            str(slot): [repr(one.version), one.recipe.id if one.recipe else "", repr(one.checks)]
            for slot, one in sorted(shown.items())
        }
    print(json.dumps({**spent, "ok": result.ok, "counts": result.counts, "content": content}))


def floor(folder: Path) -> tuple[float, int]:
    """CPU seconds of a bare loop over the days that were published, and their number."""
    days = sorted(one for one in (folder / ".headwater" / "data").rglob("*.parquet") if "_env" not in one.parts)
    target = folder / "floor"
    cpu = time.process_time()
    for place, day in enumerate(days):
        path = target / str(place) / "data.parquet"
        path.parent.mkdir(parents=True)
        pl.scan_parquet(day).collect().write_parquet(path)
        for one in (path, path.parent):
            handle = os.open(one, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    return time.process_time() - cpu, len(days)


def main() -> int:
    """Runs the rounds and prints the table; returns an exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", default="month")
    parser.add_argument("--inside", type=Path)
    parser.add_argument("--kind", default="together")
    given = parser.parse_args()
    if given.inside is not None:
        inside(given.inside, given.kind, given.batch)
        return 0
    found: dict[str, list[dict[str, Any]]] = {"apart": [], "together": []}
    bare: list[float] = []
    slots = 0
    with tempfile.TemporaryDirectory() as root:
        for number in range(given.rounds):
            for kind, rounds in found.items():
                rounds.append(round_of(Path(root) / f"{kind}-{number}", kind, given.batch))
            spent, slots = floor(Path(root) / f"together-{number}")
            bare.append(spent)
    return report(found, bare, slots, given.batch)


def report(found: dict[str, list[dict[str, Any]]], bare: list[float], slots: int, batch: str) -> int:
    """Prints medians and the ratio; 1 if the published content differs."""
    cpu = {kind: statistics.median(one["cpu"] for one in rounds) for kind, rounds in found.items()}
    wall = {kind: statistics.median(one["wall"] for one in rounds) for kind, rounds in found.items()}
    names = {"apart": "slot by slot", "together": f"batch={batch}"}
    for kind, name in names.items():
        print(
            f"{name:14} CPU {cpu[kind]:6.2f} s  wall {wall[kind]:6.2f} s  CPU a slot {1000 * cpu[kind] / slots:5.2f} ms"
        )
    loop = statistics.median(bare)
    print(f"{'bare loop':14} CPU {loop:6.2f} s  {'':13} CPU a slot {1000 * loop / slots:5.2f} ms")
    print(f"ratio of CPU: {cpu['apart'] / cpu['together']:.2f}")
    contents = [one["content"] for rounds in found.values() for one in rounds]
    same = all(one == contents[0] for one in contents) and all(one["ok"] for rounds in found.values() for one in rounds)
    print(f"data versions, recipes and checks of {len(contents[0])} slots: {'equal' if same else 'DIFFERENT'}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
