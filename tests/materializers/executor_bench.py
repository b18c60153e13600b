"""Attempts at the steps of a small project, made as the engine makes them and handed to an executor by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from assets_core import planning
from assets_core.facts import make_recipe
from assets_core.ports import Executor, Reporter, StepOutcome
from assets_core.records import StepResult
from headwater import Project
from headwater.workplaces import workplace
from materializers.capture import capturing_streams
from materializers.dispatch import Dispatcher, Progress
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import open_executor
from materializers.ids import new_id
from materializers.observe import gather
from materializers.step_task import StepTask

KINDS = ("threads", "processes", "dask")
ISOLATED = ("processes", "dask")
"""Those that carry attempts out in processes of their own, so that they can end them and outlive their crashes."""
every_kind = pytest.mark.parametrize("options", KINDS, indirect=True)
isolated_kinds = pytest.mark.parametrize("options", ISOLATED, indirect=True)

HEAD = """
import logging, os, signal, sys, time
from pathlib import Path
import polars as pl
from headwater import Config, Context, Daily, Resource, Retry, Run, asset, check, multi_asset, source, sql_asset
"""


class Bench:
    """One executor, and the tasks of the project in a folder.

    Arguments:
        handed_over: by place, the key of the asset at which an attempt was handed over.
    """

    def __init__(self, project: Project, executor: Executor) -> None:
        self.project = project
        self.executor = executor
        self.handed_over: dict[int, str] = {}
        known = gather(project.scene, project.select(""), datetime.now(UTC), new_id())
        self._facts = known.facts
        plan = planning.make(project.select(""), known.facts)
        self._steps = {step.slot.asset: step for step in plan.steps}
        self._dispatcher = Dispatcher(project.scene, known.facts, "run")

    def task(self, key: str, attempt: int = 1) -> StepTask:
        """What an attempt at an asset without inputs needs."""
        step = self._steps[key]
        recipes = {slot: recipe for slot in step.slots if (recipe := make_recipe(slot, self._facts)) is not None}
        return self._dispatcher.task(Progress(step, attempts=attempt - 1, recipes=recipes))

    def submit(self, key: str, *, timeout_seconds: float | None = None) -> int:
        """Hands an attempt over; gives its place."""
        place = len(self.handed_over)
        self.handed_over[place] = key
        self.executor.submit(place, self.task(key), timeout_seconds=timeout_seconds)
        return place

    def results(self, count: int, seconds: float = 60.0) -> dict[str, StepResult]:
        """So many results, by key; fewer if they do not come in time."""
        found: dict[str, StepResult] = {}
        until = datetime.now(UTC).timestamp() + seconds
        while len(found) < count and datetime.now(UTC).timestamp() < until:
            for place, result in self.executor.wait(1.0):
                assert self.handed_over[place] == result.slots[0].asset
                found[result.slots[0].asset] = result
        return found

    def attempt(self, key: str, *, timeout_seconds: float | None = None) -> StepResult:
        """What comes of one attempt."""
        self.submit(key, timeout_seconds=timeout_seconds)
        return self.results(1)[key]

    def stored_files(self, key: str) -> list[Path]:
        """The files that lie in the storage for an asset."""
        return sorted((self.project.root / ".headwater" / "data" / key).rglob("*.parquet"))


def write_project(root: Path, definitions: str, settings: str = "") -> None:
    """A project of one module."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "headwater.toml").write_text(
        f'[project]\nname = "bench"\nmodules = ["definitions"]\n{settings}', encoding="utf-8"
    )
    (root / "definitions.py").write_text(HEAD + dedent(definitions), encoding="utf-8")


@contextmanager
def opened(root: Path, options: ExecutorOptions) -> Iterator[Bench]:
    """The project in a folder and an executor opened for it."""
    with Project.load(root) as project, workplace(project) as place:
        executor = open_executor(options, place)
        try:
            yield Bench(project, executor)
        finally:
            executor.close(wait=False)


@contextmanager
def bench(root: Path, options: ExecutorOptions) -> Iterator[Bench]:
    """The same, with what attempts print kept as in a run."""
    with opened(root, options) as made, capturing_streams():
        yield made


@contextmanager
def desk(root: Path, definitions: str, options: ExecutorOptions) -> Iterator[Bench]:
    """A project of these definitions, and the executor opened for it."""
    write_project(root, definitions)
    with bench(root, options) as made:
        yield made


class Meddler(Reporter):
    """Does things when so many slots have settled."""

    def __init__(self, deeds: dict[int, Callable[[], object]]) -> None:
        self.settled_slots: list[str] = []
        self._deeds = deeds

    def settled(self, outcome: StepOutcome) -> None:
        self.settled_slots.append(str(outcome.slot))
        self._deeds.get(len(self.settled_slots), lambda: None)()
