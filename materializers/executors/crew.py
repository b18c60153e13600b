"""Threads that carry attempts out one after another, and the queue of what came of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from queue import Empty, SimpleQueue
from traceback import format_exception

from assets_core.errors import message_of
from assets_core.records import AttemptLog, StepError, StepResult
from materializers.executors.given_up import give_up
from materializers.step_task import StepTask


class Attempt:
    """One attempt on its way.

    Arguments:
        began: when a thread took it, by the monotonic clock; None before.
        thread: which carries it out.
        dropped: nobody waits for its outcome any more.
        given_up: nor for the thread.
    """

    __slots__ = ("began", "dropped", "given_up", "place", "task", "thread", "timeout_seconds")

    def __init__(self, place: int, task: StepTask, timeout_seconds: float | None) -> None:
        self.place = place
        self.task = task
        self.timeout_seconds = timeout_seconds
        self.began: float | None = None
        self.thread: threading.Thread | None = None
        self.dropped = False
        self.given_up = False

    def due(self) -> float:
        """When its time is up, by the monotonic clock; the earliest moment possible if it has not begun."""
        return (time.monotonic() if self.began is None else self.began) + (self.timeout_seconds or 0.0)


class Crew:
    """So many threads, started when there is work for them.

    Arguments:
        workers: threads at most.
        work: carries out one attempt; should not raise.
        discard: told of the result of an attempt that was dropped.
        mask: takes secrets out of a text.
        leave: called in each thread before it ends.
    """

    def __init__(
        self,
        workers: int,
        work: Callable[[Attempt], StepResult],
        discard: Callable[[StepTask, StepResult], None],
        mask: Callable[[str], str],
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.workers = workers
        self.underway: dict[int, Attempt] = {}
        self._work = work
        self._discard = discard
        self._mask = mask
        self._leave = leave
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._ended: SimpleQueue[tuple[Attempt, StepResult]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, place: int, task: StepTask, timeout_seconds: float | None) -> None:
        """Takes an attempt; returns at once."""
        attempt = self.underway[place] = Attempt(place, task, timeout_seconds)
        self._man()
        self._queue.put(attempt)

    def wait(self, seconds: float | None) -> list[tuple[int, StepResult]]:
        """Attempts that ended and were not dropped; waits for the first at most so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                ended = [self._ended.get(timeout=None if until is None else max(0.0, until - time.monotonic()))]
            except Empty:
                return []
            with suppress(Empty):
                while True:
                    ended.append(self._ended.get_nowait())
            found = []
            for one, result in ended:
                if one.dropped:
                    self._discard(one.task, result)
                else:
                    del self.underway[one.place]
                    found.append((one.place, result))
            if found:
                return found

    def recall(self, places: Collection[int]) -> list[int]:
        """Takes attempts back that no thread has taken yet; gives their places."""
        taken_back = []
        for place in places:
            with self._lock:
                attempt = self.underway.get(place)
                if attempt is None or attempt.began is not None:
                    continue
                attempt.dropped = True
            del self.underway[place]
            taken_back.append(place)
        return taken_back

    def drop(self, place: int) -> Attempt | None:
        """Waits no longer for the attempt at a place; gives it if there is one."""
        attempt = self.underway.pop(place, None)
        if attempt is not None:
            with self._lock:
                attempt.dropped = True
        return attempt

    def give_up(self, attempt: Attempt) -> None:
        """Leaves an attempt and the thread that carries it out to themselves; another thread takes its post."""
        self.drop(attempt.place)
        with self._lock:
            attempt.given_up = True
            if attempt.thread in self._threads:
                self._threads.remove(attempt.thread)
                give_up(attempt.thread)
        self._man()

    def close(self, wait: bool) -> None:
        """Begins nothing more and lets the threads go.

        Arguments:
            wait: until what runs has ended; what was given up is not waited for.
        """
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if wait:
                thread.join()
            else:
                give_up(thread)

    def _carried_out(self, attempt: Attempt) -> StepResult:
        try:
            return self._work(attempt)
        except BaseException as failure:  # noqa: BLE001 -- it should not; but the engine waits for an answer
            error = StepError("HW599", type(failure).__name__, self._mask(message_of(failure)))
            log = AttemptLog("", self._mask("".join(format_exception(failure))))
            slots = tuple(output.slot for output in attempt.task.outputs)
            return StepResult(slots, attempt.task.attempt, error=error, log=log)

    def _man(self) -> None:
        """Sees to it that there are as many threads as work, up to the limit."""
        while len(self._threads) < min(self.workers, len(self.underway)):
            # Daemons: a thread that hangs in somebody's code must not keep the process from ending.
            thread = threading.Thread(target=self._run, name=f"headwater-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while (attempt := self._queue.get()) is not None:
            attempt.thread = threading.current_thread()
            with self._lock:  # so that what is dropped either never begins or is known to have begun
                if not attempt.dropped:
                    attempt.began = time.monotonic()
            if attempt.began is not None:
                result = self._carried_out(attempt)
                if attempt.dropped:
                    self._discard(attempt.task, result)
                else:
                    self._ended.put((attempt, result))
            with self._lock:
                if attempt.given_up:
                    break
        self._leave()
