"""A project of fifty slots that can be broken in every way there is, and what must hold after each.

The asset ``l0/a0`` and its like make rows from ``VALUE``, which stands in a file of its own, and every other one adds
up two of the layer before: so what each slot must show is known for any value without computing it with Headwater.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assets_core.records import RunState
from headwater import Project
from tests.child import ROOT, Child

LAYERS, WIDTH = 5, 10

DEFINITIONS = f"""
import polars as pl
from headwater import asset
from value import VALUE

LAYERS, WIDTH = {LAYERS}, {WIDTH}

def make(layer, place):
    key = f"l{{layer}}/a{{place}}"
    if layer == 0:
        @asset(key=key)
        def root() -> pl.DataFrame:
            return pl.DataFrame({{"id": list(range(20)), "v": [VALUE + place] * 20}})
        return
    names = (f"l{{layer - 1}}/a{{place}}", f"l{{layer - 1}}/a{{(7 * place + 1) % WIDTH}}")
    @asset(key=key, inputs=dict(zip(("left", "right"), names)))
    def node(left: pl.LazyFrame, right: pl.LazyFrame) -> pl.LazyFrame:
        return left.join(right, on="id", suffix="_b").select("id", v=pl.col("v") + pl.col("v_b"))

for layer in range(LAYERS):
    for place in range(WIDTH):
        make(layer, place)
"""


def expected(value: int) -> dict[str, int]:
    """By asset key, the number in every row once everything was made from a value."""
    shown = {f"l0/a{place}": value + place for place in range(WIDTH)}
    for layer in range(1, LAYERS):
        for place in range(WIDTH):
            left, right = f"l{layer - 1}/a{place}", f"l{layer - 1}/a{(7 * place + 1) % WIDTH}"
            shown[f"l{layer}/a{place}"] = shown[left] + shown[right]
    return shown


@dataclass
class Bench:
    """The project in a folder; ``value`` is what its code makes now, ``before`` what was published before that.

    Arguments:
        extra: more lines for headwater.toml.
    """

    folder: Path
    extra: str = ""
    value: int = 0
    before: int | None = None
    _shown: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        toml = f'[project]\nname = "faults"\nmodules = ["definitions"]\n{self.extra}'
        (self.folder / "headwater.toml").write_text(toml)
        (self.folder / "definitions.py").write_text(DEFINITIONS)
        self.change(1)
        self.before = None

    def change(self, value: int) -> None:
        """Lets the code make everything anew."""
        self.before, self.value = self.value, value
        (self.folder / "value.py").write_text(f"VALUE = {value}\n")

    def start(self, *words: str, **variables: str) -> Child:
        """Starts a command in a process of its own, which tells its progress in JSON."""
        command = words or ("materialize", "--workers", "2")
        environment = {**os.environ, **variables}
        told = ("--progress", "json") if command[0] in ("materialize", "runs") else ()
        return Child(self.folder, *command, "--json", *told, environment=environment)

    @contextmanager
    def project(self) -> Iterator[Project]:
        """The project as its files say now."""
        project = Project.load(self.folder)
        try:
            yield project
        finally:
            project.close()

    def published(self) -> dict[str, int]:
        """By asset key, the number in every row that is published."""
        found = {}
        with self.project() as project:
            for slot, made in project.catalog.published(project.env, lineage=False).items():
                rows = project.tables.scan([made]).collect()
                numbers = set(rows["v"].to_list())
                assert (rows.height, len(numbers)) == (20, 1), f"{slot} shows a mix: {numbers}"
                found[slot.asset] = numbers.pop()
        return found

    def assert_sound(self, told: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Whatever happened: the records verify, what is shown is old or new as a whole, and nothing told is lost.

        Arguments:
            told: keys of the assets of which somebody heard that they were published.
        """
        with self.project() as project:
            report = project.verify()
            assert report.findings == (), report.findings
        shown = self.published()
        old = {} if self.before is None else expected(self.before)
        new = expected(self.value)
        for key, number in shown.items():
            assert number in (old.get(key), new[key]), f"{key} shows {number}: neither {old.get(key)} nor {new[key]}"
        lost = [key for key in told if shown.get(key) != new[key]]
        assert not lost, f"reported as published, and not shown: {lost}"
        missing = [key for key in old if key not in shown]
        assert not missing, f"was published before, and is not shown: {missing}"

    def assert_resumes(self) -> None:
        """The last run can be resumed, if it came to be one, and then everything is as if nothing had happened."""
        with self.project() as project:
            from headwater.beside import abandon_dead_runs

            abandon_dead_runs(project)
            live = project.catalog.live_runs()
            assert live == [], f"still at work: {live}"
            assert project.catalog.neighbours(project.env, "none", 0).claimed == {}
            unfinished = [run for run in project.runs(1) if run.state is not RunState.SUCCEEDED]
            result = project.resume(unfinished[0].id) if unfinished else project.materialize()
            assert result.ok, result.counts
            if unfinished and result.run_id is not None:
                assert project.run(result.run_id)[0].parent == unfinished[0].id
        assert self.published() == expected(self.value)
        with self.project() as project:
            assert project.plan().steps == ()
            assert project.verify().findings == ()

    def after(self, child: Child) -> set[str]:
        """Waits for the end of a command, however it ends; the keys of which it told that they were published."""
        child.ended(status=None)
        return {one["asset"] for one in child.events("settled") if one["state"] in ("succeeded", "reused", "skipped")}

    def kill(self, child: Child, after: float) -> None:
        """Ends a command as a power switch would, some seconds after its first step began."""
        deadline = time.monotonic() + 60
        while not child.events("started") and child.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(after)
        child.process.send_signal(signal.SIGKILL)

    def places(self, *words: str, **variables: str) -> list[str]:
        """Every crash point that a command comes to, as ``HEADWATER_CRASH_AT`` takes it, in their order."""
        trace = self.folder / "trace.txt"
        trace.unlink(missing_ok=True)
        self.start(*words, HEADWATER_CRASH_TRACE=str(trace), **variables).ended()
        return trace.read_text().splitlines()


def python(code: str, *arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs some Python where Headwater can be imported."""
    environment = {**os.environ, **(variables or {})}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
