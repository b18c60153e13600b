"""Where attempts run. Threads: the built-in one, several at a time in this process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from assets_core.records import StepResult
from materializers.task import StepTask, perform


class ThreadsExecutor:
    """Carries attempts out in threads of this process: polars and DuckDB leave Python while they work.

    Arguments:
        workers: attempts at once; the number of processors if not given.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="headwater")
        self._ended: SimpleQueue[tuple[int, StepResult]] = SimpleQueue()

    def submit(self, place: int, task: StepTask) -> None:
        """Takes an attempt; returns at once."""
        self._pool.submit(self._work, place, task)

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended; waits for the first at most so long."""
        try:
            ended = [self._ended.get(timeout=seconds)]
        except Empty:
            return []
        while True:
            try:
                ended.append(self._ended.get_nowait())
            except Empty:
                return ended

    def close(self) -> None:
        """Waits for what still runs, begins nothing more, and gives the threads back."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, place: int, task: StepTask) -> None:
        self._ended.put((place, perform(task)))
