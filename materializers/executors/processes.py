"""Attempts in processes of their own: what hangs or dies there is ended or replaced, and memory comes back."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from functools import partial
from typing import Self

from assets_core.errors import HeadwaterError
from assets_core.records import StepResult
from materializers.executors.crew import Attempt, Crew
from materializers.executors.failures import refused
from materializers.executors.host import Host, outcome
from materializers.executors.leftovers import remove_leftovers
from materializers.executors.options import ExecutorOptions
from materializers.executors.shipping import location_to_ship, ship
from materializers.step_task import StepTask
from materializers.workplace import ProjectLocation, Workplace


class ProcessesExecutor:
    """Carries attempts out in processes, each with the project loaded once, one attempt at a time in each.

    A thread here waits for each of them, so that one can be ended without regard to the others. Processes are started
    when there is work for them, and replaced when they died, were ended or are worn.

    Arguments:
        options: how many, and when one is worn.
        location: where they find the project.
        place: this process's own workplace.
    """

    def __init__(self, options: ExecutorOptions, location: ProjectLocation, place: Workplace) -> None:
        self.workers = options.workers_here
        self._options = options
        self._location = location
        self._place = place
        self._hosts: dict[threading.Thread, Host] = {}
        self._lock = threading.Lock()
        self._unloadable: HeadwaterError | None = None
        self._crew = Crew(self.workers, self._work, partial(remove_leftovers, place=place), place.mask, self._leave)

    @classmethod
    def open(cls, options: ExecutorOptions, place: Workplace) -> Self:
        """Reads ``workers``, ``recycle_after_steps`` and ``recycle_after_bytes``.

        Raises:
            RunError: HW522, only this process knows the project.
        """
        return cls(options, location_to_ship(place), place)

    def submit(self, place: int, task: StepTask, *, timeout_seconds: float | None = None) -> None:
        """Takes an attempt; returns at once."""
        self._crew.submit(place, task, timeout_seconds)

    def recall(self, places: Collection[int]) -> Collection[int]:
        """Takes attempts back that have not begun; gives their places."""
        return self._crew.recall(places)

    def cancel(self, place: int) -> bool:
        """Ends an attempt, with its process if it runs; always True."""
        attempt = self._crew.drop(place)
        if attempt is not None and attempt.thread is not None:
            self._host(attempt.thread).end(attempt)
        return True

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended; waits for the first at most so long."""
        return self._crew.wait(seconds)

    def close(self, wait: bool = True) -> None:
        """Begins nothing more; waits for what still runs, or ends it, and lets every process go."""
        self._crew.close(wait)
        with self._lock:
            hosts = list(self._hosts.values())
        for host in hosts:
            host.kill()

    def _work(self, attempt: Attempt) -> StepResult:
        if self._unloadable is not None:
            return refused(attempt.task, self._place, self._unloadable)
        try:
            payload = ship(attempt.task, self._place)
        except HeadwaterError as error:
            return refused(attempt.task, self._place, error)
        ended = self._host(threading.current_thread()).carry_out(payload, attempt.timeout_seconds, attempt)
        if ended.unloadable:
            self._unloadable = ended.error
        return outcome(ended, attempt.task, self._place)

    def _host(self, thread: threading.Thread) -> Host:
        with self._lock:
            if thread not in self._hosts:
                self._hosts[thread] = Host(self._location, self._options)
            return self._hosts[thread]

    def _leave(self) -> None:
        with self._lock:
            host = self._hosts.pop(threading.current_thread(), None)
        if host is not None:
            host.close()
