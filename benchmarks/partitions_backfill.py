"""What ``partitions.py`` measures as a process of its own: a backfill, or a loop that writes and syncs the same files.

Prints milliseconds of CPU a slot: for the backfill up to the 1,000th slot, for the last 1,000, and over all.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import polars as pl

from assets_core.ports import Reporter, StepOutcome
from headwater import Project
from headwater.backfill import Backfill


class Clock(Reporter):
    """Notes the CPU time at every thousandth slot."""

    def __init__(self) -> None:
        self.count = 0
        self.noted = [time.process_time()]

    def settled(self, outcome: StepOutcome) -> None:
        self.count += 1
        if self.count % 1000 == 0:
            self.noted.append(time.process_time())


def run(root: Path, slots: int) -> None:
    """The backfill."""
    with Project.load(root) as project:
        began, clock = time.process_time(), Clock()
        result = project.backfill("hours", Backfill(), workers=2, reporter=clock)
        spent = time.process_time() - began
    if not result.ok or len(result.steps) != slots:
        raise SystemExit(f"{len(result.steps)} steps: {result.counts}")
    noted = clock.noted
    print(1000 * (noted[1] - noted[0]) / 1000, 1000 * (noted[-1] - noted[-2]) / 1000, 1000 * spent / slots)


def floor(root: Path, slots: int) -> None:
    """The bare loop: make the rows, write them, sync file and folder."""
    folder = root / "bare"
    folder.mkdir()
    began = time.process_time()
    for number in range(slots):
        frame = pl.DataFrame({"id": range(100), "hour": [f"{number:016d}"] * 100})
        path = folder / f"{number:06d}.parquet"
        with path.open("wb") as file:
            frame.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    print(1000 * (time.process_time() - began) / slots)


if __name__ == "__main__":
    {"run": run, "floor": floor}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
