"""A backfill that is killed at random moments and gone on with: as if nothing had happened, and nothing done twice."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from headwater import Project
from headwater.beside import abandon_dead_runs
from tests.child import Child

KILLS = 50 if os.environ.get("HEADWATER_FAULTS") == "all" else 4
STORIES = 20
SEED = int(os.environ.get("HEADWATER_SEED", "20261128"))
DAYS = 40
DEFINITIONS = f"""
import os, time
from datetime import date, timedelta
from pathlib import Path
import polars as pl
from headwater import Context, Daily, Monthly, asset

END = str(date(2024, 1, 1) + timedelta(days={DAYS}))
LOG = Path(__file__).parent / "computed.log"

def computed(slot):
    with LOG.open("a") as log:
        log.write(f"{{time.time_ns()}} {{slot}}\\n")
        log.flush()
        os.fsync(log.fileno())

@asset(key="day", partitions=Daily("2024-01-01", END), partition_by="day")
def day(context: Context) -> pl.DataFrame:
    computed(f"day@{{context.partition.key}}")
    at = date.fromisoformat(context.partition.key)
    return pl.DataFrame({{"day": [at] * 3, "n": [at.toordinal() * k for k in range(3)]}})

@asset(key="double", partitions=Daily("2024-01-01", END), partition_by="day")
def double(context: Context, day: pl.DataFrame) -> pl.DataFrame:
    computed(f"double@{{context.partition.key}}")
    return day.with_columns(n=pl.col("n") * 2)
"""


class Backfilled:
    """A project of two assets by the day whose functions write down, outside of all storage, each slot they compute."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "headwater.toml").write_text('[project]\nname = "backfilled"\nmodules = ["definitions"]\n')
        (folder / "definitions.py").write_text(DEFINITIONS)
        self.folder = folder

    def start(self, *words: str) -> Child:
        """Starts a command in a process of its own."""
        told = ("--json", "--yes", "--progress", "json")
        return Child(self.folder, *words, *told, environment=dict(os.environ))

    def backfill(self) -> Child:
        """Starts the backfill of everything."""
        return self.start("backfill", "--from", "2024-01-01", "--max-parallel", "2")

    def computed(self) -> list[tuple[int, str]]:
        """When each computation of a slot began, in nanoseconds since 1970; a line cut off by a kill is none."""
        log = self.folder / "computed.log"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        return [(int(at), slot) for at, slot in (line.split() for line in lines if line.endswith("\n"))]

    def published(self) -> dict[str, list[int]]:
        """By slot, when it was published, by the catalog's evidence."""
        found: dict[str, list[int]] = {}
        with Project.load(self.folder) as project:
            for one in project.catalog.publications(project.env):
                found.setdefault(str(one.slot), []).append(round(one.at.timestamp() * 1e9))
        return found

    def content(self) -> dict[str, list[dict[str, object]]]:
        """The rows of both assets."""
        with Project.load(self.folder) as project:
            return {key: project.scan(key).collect().sort("day", "n").to_dicts() for key in ("day", "double")}

    def unfinished(self) -> str | None:
        """The id of the last run if it did not come to its end, as the next command would find it."""
        with Project.load(self.folder) as project:
            abandon_dead_runs(project)
            runs = project.runs(1)
            return runs[0].id if runs and runs[0].state != "succeeded" else None

    def computed_after_publication(self) -> list[str]:
        """Slots that were computed once more although they were published by then."""
        published = self.published()
        return [slot for at, slot in self.computed() if slot in published and at > published[slot][0]]


def test_a_backfill_killed_again_and_again_ends_as_an_undisturbed_one_with_no_published_slot_computed_twice(
    tmp_path: Path,
) -> None:
    calm = Backfilled(tmp_path / "calm")
    started = time.monotonic()
    assert calm.backfill().document()["counts"] == {"succeeded": 2 * DAYS}
    seconds = time.monotonic() - started
    wanted, chance = calm.content(), random.Random(SEED)
    assert sorted(slot for _, slot in calm.computed()) == sorted(calm.published())
    kills = story = 0
    cut = 0
    while kills < KILLS or (cut == 0 and story < STORIES):  # on a busy machine all of a few may come too early or late
        story += 1
        disturbed = Backfilled(tmp_path / f"disturbed{story}")
        child, live = disturbed.backfill(), True
        while live:
            if kills < KILLS or cut == 0:
                child.process.send_signal(signal.SIGKILL) if _ends_first(child, chance.uniform(0, seconds)) else None
            child.ended(status=None)
            status = child.process.returncode
            kills += status == -signal.SIGKILL
            last = disturbed.unfinished()
            assert (last is not None) or status in (0, -signal.SIGKILL)
            cut += last is not None
            live = status != 0
            if live:
                resume = last is not None and chance.random() < 0.5
                child = disturbed.start("runs", "resume", last) if resume and last else disturbed.backfill()
        assert disturbed.content() == wanted
        assert {slot: len(times) for slot, times in disturbed.published().items()} == dict.fromkeys(calm.published(), 1)
        assert disturbed.computed_after_publication() == []
        with Project.load(disturbed.folder) as project:
            assert project.verify().findings == ()
            assert project.plan().steps == ()
    assert cut > 0, "no kill came while a run was at work"


def _ends_first(child: Child, seconds: float) -> bool:
    """Waits; whether the command is still at work then."""
    deadline = time.monotonic() + seconds
    while child.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    return child.process.poll() is None


def test_a_slot_computed_once_more_after_it_was_published_would_be_found(tmp_path: Path) -> None:
    calm = Backfilled(tmp_path / "calm")
    calm.backfill().ended()
    assert calm.computed_after_publication() == []
    calm.start("backfill", "day", "--from", "2024-01-03", "--to", "2024-01-03", "--force").ended()
    assert calm.computed_after_publication() == ["day@2024-01-03"]
