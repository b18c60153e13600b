"""One post at which attempts run in a process of their own: a warm process, and the next one when it is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from assets_core.errors import HeadwaterError, RunError
from assets_core.records import AttemptLog, StepResult
from materializers.executors.failures import process_died, refused, timed_out
from materializers.executors.options import ExecutorOptions
from materializers.executors.shipping import complete
from materializers.executors.worker_process import Gone, WorkerProcess
from materializers.step_task import StepTask
from materializers.workplace import ProjectLocation, Workplace


class Ended(NamedTuple):
    """How an attempt in another process ended: exactly one of ``result``, ``error``, ``died`` and ``late`` says it.

    Arguments:
        error: it could not begin, or its result could not be sent.
        died: how the process ended before it answered, as a sentence goes on.
        late: the seconds that it was allowed, after which it was ended.
        output: what it had printed, where there is no result to tell.
        unloadable: the error says that the project could not be loaded there.
    """

    result: StepResult | None = None
    error: HeadwaterError | None = None
    died: str = ""
    late: float | None = None
    output: str = ""
    seconds: float = 0.0
    unloadable: bool = False


def outcome(ended: Ended, task: StepTask, place: Workplace) -> StepResult:
    """The result of an attempt, complete with what had stayed in this process."""
    if ended.result is not None:
        return complete(_masked(ended.result, place.mask), task)
    if ended.error is not None:
        return refused(task, place, ended.error, ended.output)
    if ended.late is not None:
        return timed_out(task, place, ended.late, ended=True, output=ended.output)
    return process_died(task, place, ended.died, ended.output, ended.seconds)


def _masked(result: StepResult, mask: Callable[[str], str]) -> StepResult:
    """Without the secrets that only this process knows; the other one has taken out those that it knows."""
    log = AttemptLog(mask(result.log.output), mask(result.log.traceback))
    if result.error is None:
        return replace(result, log=log)
    error = replace(result.error, message=mask(result.error.message), traceback=mask(result.error.traceback))
    return replace(result, log=log, error=error)


class Host:
    """Carries out one attempt at a time.

    Arguments:
        location: where a process finds the project.
        options: when a process is replaced.
    """

    def __init__(self, location: ProjectLocation, options: ExecutorOptions) -> None:
        self._location = location
        self._options = options
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None
        self._serving: object = None
        self._unwanted: object = None

    def carry_out(self, payload: bytes, timeout_seconds: float | None, token: object) -> Ended:
        """Carries out a shipped task; whatever happens is in the answer.

        Arguments:
            timeout_seconds: counted from when the process has loaded the project.
            token: by which ``end`` names this attempt.
        """
        with self._lock:
            if self._unwanted == token:
                return Ended(died="was not started")
            try:
                process = self._process = self._process or WorkerProcess(self._location)
            except OSError as error:
                return Ended(died=f"could not be started: {error}")
            self._serving = token
        began = time.monotonic()
        try:
            process.wait_ready()
            began = time.monotonic()
            answer = process.carry_out(payload, timeout_seconds)
            ended = Ended(error=answer) if isinstance(answer, HeadwaterError) else Ended(answer)
        except TimeoutError:
            ended = Ended(late=timeout_seconds)
        except Gone as gone:
            ended = Ended(died=gone.how, seconds=time.monotonic() - began)
        except HeadwaterError as error:
            ended = Ended(error=error, unloadable=True)
        except Exception as error:  # noqa: BLE001 -- unpickling runs code of the values, which may raise anything
            ended = Ended(error=RunError("HW522", "what the step gave cannot be read here", why=repr(error)))
        return self._leave(process, ended)

    def end(self, token: object) -> None:
        """Ends an attempt that runs here or is about to, with its process; from any thread."""
        with self._lock:
            self._unwanted = token
            if self._serving == token and self._process is not None:
                self._process.end()

    def close(self) -> None:
        """Lets the process close its resources and waits until it is gone; after the last attempt."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.stop()
            process.release()

    def kill(self) -> None:
        """Ends the process, whatever it does; from any thread."""
        with self._lock:
            if self._process is not None:
                self._process.end()

    def _leave(self, process: WorkerProcess, ended: Ended) -> Ended:
        """Keeps the process for the next attempt, or parts with it."""
        sound = ended.result is not None or (ended.error is not None and not ended.unloadable)
        with self._lock:
            self._serving = None
            if sound and not self._worn(process):
                return ended
            self._process = None
        if sound:
            process.stop()
        else:
            process.end()
            ended = ended._replace(output=process.output())
        process.release()
        return ended

    def _worn(self, process: WorkerProcess) -> bool:
        steps, size = self._options.recycle_after_steps, self._options.recycle_after_bytes
        return (steps is not None and process.steps >= steps) or (size is not None and process.resident_bytes >= size)
