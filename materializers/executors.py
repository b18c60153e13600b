"""Where attempts run. Threads: the built-in one, several at a time in this process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from assets_core.errors import HeadwaterError
from assets_core.records import StepError, StepResult
from materializers.task import StepTask, perform


class _Attempt:
    """One attempt on its way; ``given_up``, ``began`` and ``thread`` change under the executor's lock only."""

    __slots__ = ("began", "given_up", "place", "task", "thread", "timeout_seconds")

    def __init__(self, place: int, task: StepTask, timeout_seconds: float | None) -> None:
        self.place = place
        self.task = task
        self.timeout_seconds = timeout_seconds
        self.began: float | None = None
        self.thread: threading.Thread | None = None
        self.given_up = False

    def overdue(self, now: float) -> bool:
        return self.timeout_seconds is not None and self.began is not None and now - self.began > self.timeout_seconds


class ThreadsExecutor:
    """Carries attempts out in threads of this process: polars and DuckDB leave Python while they work.

    A thread cannot be ended from outside. An attempt that takes too long is given up: another thread takes its place,
    and what it gives in the end is thrown away with the data that it staged. Threads are daemons, so that one that
    hangs does not keep the process from ending.

    Arguments:
        workers: attempts at once; the number of processors if not given.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError("workers must be at least 1")
        self.workers = workers or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[_Attempt | None] = SimpleQueue()
        self._ended: SimpleQueue[tuple[_Attempt, StepResult]] = SimpleQueue()
        self._attempts: dict[int, _Attempt] = {}
        self._threads: list[threading.Thread] = []

    def submit(self, place: int, task: StepTask, *, timeout_seconds: float | None = None) -> None:
        """Takes an attempt; returns at once."""
        self._attempts[place] = attempt = _Attempt(place, task, timeout_seconds)
        if len(self._threads) < min(self.workers, len(self._attempts)):
            self._add_thread()
        self._waiting.put(attempt)

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended, or were given up because their time is over; waits for the first at most so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            ended = [*self._taken(self._pause(until)), *self._overdue()]
            if ended or (until is not None and time.monotonic() >= until):
                return ended

    def cancel(self, place: int) -> bool:
        """Takes an attempt back that has not begun, else gives it up; whether nothing of it runs any more."""
        attempt = self._attempts.pop(place, None)
        if attempt is None:
            return True
        with self._lock:
            attempt.given_up = True
            running = attempt.thread is not None
            if attempt.thread in self._threads:
                self._threads.remove(attempt.thread)
        if running:
            self._add_thread()
        return not running

    def close(self, wait: bool = True) -> None:
        """Begins nothing more, and lets the threads go; what was given up is not waited for."""
        for attempt in self._attempts.values():
            with self._lock:
                attempt.given_up = attempt.given_up or attempt.began is None
        for _ in self._threads:
            self._waiting.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _pause(self, until: float | None) -> float | None:
        """How long to wait for a result before looking whose time is over."""
        limits = [one.timeout_seconds for one in self._attempts.values() if one.timeout_seconds is not None]
        rest = None if until is None else max(0.0, until - time.monotonic())
        if not limits:
            return rest
        step = min(0.05, *limits)
        return step if rest is None else min(step, rest)

    def _taken(self, seconds: float | None) -> list[tuple[int, StepResult]]:
        ended = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=seconds))
            while True:
                ended.append(self._ended.get_nowait())
        own = [(attempt, result) for attempt, result in ended if self._attempts.get(attempt.place) is attempt]
        for attempt, _ in own:
            del self._attempts[attempt.place]
        return [(attempt.place, result) for attempt, result in own]

    def _overdue(self) -> list[tuple[int, StepResult]]:
        late = [one for one in self._attempts.values() if one.overdue(time.monotonic())]
        return [(one.place, _too_long(one)) for one in late if not self.cancel(one.place)]

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="headwater", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (attempt := self._waiting.get()) is not None:
            with self._lock:
                if attempt.given_up:
                    continue
                attempt.began, attempt.thread = time.monotonic(), threading.current_thread()
            result = perform(attempt.task)
            with self._lock:
                late = attempt.given_up
                if not late:
                    self._ended.put((attempt, result))
            if late:  # another thread has taken the place of this one
                _discard(attempt.task, result)
                return


def _too_long(attempt: _Attempt) -> StepResult:
    slots = tuple(output.slot for output in attempt.task.outputs)
    seconds = attempt.timeout_seconds or 0.0
    error = StepError(
        "HW520", "TimeoutError", f"it ran longer than {seconds:g} seconds and was given up", "",
        "a thread cannot be ended from outside: --executor processes ends what takes too long",
    )  # fmt: skip
    return StepResult(slots, attempt.task.attempt, error=error, seconds=seconds, given_up=True)


def _discard(task: StepTask, result: StepResult) -> None:
    """Removes what an attempt staged that nobody waits for any more."""
    adopted = {output.adopt.stored for output in task.outputs if output.adopt is not None}
    for made in result.made:
        if made.stored is not None and made.stored not in adopted:
            with suppress(HeadwaterError):
                task.storages[made.stored.storage].delete(made.stored)
