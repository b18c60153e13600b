"""Attempts in threads of this process: the default, and the cheapest."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Self

from assets_core.records import StepResult
from materializers.executors.crew import Attempt, Crew
from materializers.executors.failures import timed_out
from materializers.executors.leftovers import remove_leftovers
from materializers.executors.options import ExecutorOptions
from materializers.step_task import StepTask
from materializers.task import perform
from materializers.workplace import Workplace


class ThreadsExecutor:
    """Carries attempts out in threads of this process: polars and DuckDB leave Python while they work.

    Nothing is copied or pickled. A thread cannot be ended from outside: an attempt whose time is up is given up:
    another thread takes the post of the one that it still occupies, and what it gives in the end is removed.

    Arguments:
        workers: attempts at once.
        place: the definitions and what else attempts need.
    """

    def __init__(self, workers: int, place: Workplace) -> None:
        self.workers = workers
        self._place = place
        self._crew = Crew(workers, self._work, partial(remove_leftovers, place=place), place.mask)

    @classmethod
    def open(cls, options: ExecutorOptions, place: Workplace) -> Self:
        """Reads ``workers``."""
        return cls(options.workers_here, place)

    def submit(self, place: int, task: StepTask, *, timeout_seconds: float | None = None) -> None:
        """Takes an attempt; returns at once."""
        self._crew.submit(place, task, timeout_seconds)

    def recall(self, places: Collection[int]) -> Collection[int]:
        """Takes attempts back that have not begun; gives their places."""
        return self._crew.recall(places)

    def cancel(self, place: int) -> bool:
        """Takes an attempt back that has not begun, which is True; gives one up that has."""
        attempt = self._crew.drop(place)
        if attempt is None or attempt.began is None:
            return True
        self._crew.give_up(attempt)
        return False

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended or whose time is up; waits for the first at most so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            timed = [one for one in self._crew.underway.values() if one.timeout_seconds is not None]
            if not timed:
                return self._crew.wait(None if until is None else max(0.0, until - time.monotonic()))
            bounds = [one.due() for one in timed] if until is None else [until, *(one.due() for one in timed)]
            ended = self._crew.wait(max(0.0, min(bounds) - time.monotonic())) or self._expired(timed)
            if ended or (until is not None and time.monotonic() >= until):
                return ended

    def close(self, wait: bool = True) -> None:
        """Begins nothing more; waits for what still runs, but not for what was given up, or leaves it."""
        self._crew.close(wait)

    def _expired(self, timed: Sequence[Attempt]) -> list[tuple[int, StepResult]]:
        expired = [one for one in timed if one.began is not None and one.due() <= time.monotonic()]
        for one in expired:
            self._crew.give_up(one)
        return [
            (one.place, timed_out(one.task, self._place, one.timeout_seconds or 0.0, ended=False)) for one in expired
        ]

    def _work(self, attempt: Attempt) -> StepResult:
        return perform(attempt.task, self._place)
