"""Results of attempts that did not come to an end of their own: out of time, their process gone, never sent."""

from __future__ import annotations

from dataclasses import replace

from assets_core.errors import HeadwaterError, RunError
from assets_core.keys import Slot
from assets_core.records import AttemptLog, StepError, StepResult
from materializers.step_task import StepTask
from materializers.workplace import Workplace


def timed_out(task: StepTask, place: Workplace, seconds: float, *, ended: bool, output: str = "") -> StepResult:
    """The result of an attempt that ran longer than it may.

    Arguments:
        ended: whether its work was ended; otherwise it was given up, and may go on unheeded.
        output: what it had printed.
    """
    error = StepError(
        "HW520",
        "TimeoutError",
        f"it ran longer than {seconds:g} seconds and was {'ended' if ended else 'given up'}",
        hint="" if ended else "a thread cannot be ended from outside: --executor processes ends what takes too long",
    )
    return replace(_result(task, place, error, TimeoutError, output, seconds), given_up=not ended)


def process_died(task: StepTask, place: Workplace, how: str, output: str = "", seconds: float = 0.0) -> StepResult:
    """The result of an attempt whose process was gone before it could answer.

    Arguments:
        how: what is known of its end, as a sentence goes on: "was ended by SIGKILL".
    """
    hint = next((hint for sign, hint in _WHY_GONE.items() if sign in how), "")
    error = StepError("HW521", "RunError", f"the process that carried it out {how}", hint=hint)
    return _result(task, place, error, RunError, output, seconds)


_CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
"""Signals at which Python's fault handler writes the stack."""
_WHY_GONE = {
    "SIGKILL": "so does the kernel when memory runs out: give it less at once, or fewer workers",
    **dict.fromkeys(_CRASHES, "compiled code crashed: the log of the attempt has its stack"),
    "SIG": "its own code sent it that signal, or somebody else did",
    "status": "something in it called os._exit",
}
"""What may be behind the end of a process, by a word of how it ended; the first that fits."""


def refused(task: StepTask, place: Workplace, error: HeadwaterError, output: str = "") -> StepResult:
    """The result of an attempt that could not be handed over; no other try is worth it."""
    kept = StepError(error.code, type(error).__name__, place.mask(error.message), hint=error.hint)
    return StepResult(_slots(task), task.attempt, error=kept, log=AttemptLog(place.mask(output)))


def _result(
    task: StepTask, place: Workplace, error: StepError, kind: type[BaseException], output: str, seconds: float
) -> StepResult:
    again = issubclass(kind, place.asset(task.outputs[0].slot.asset).run.retry.on)
    log = AttemptLog(place.mask(output))
    return StepResult(_slots(task), task.attempt, error=error, worth_another_try=again, log=log, seconds=seconds)


def _slots(task: StepTask) -> tuple[Slot, ...]:
    return tuple(output.slot for output in task.outputs)
