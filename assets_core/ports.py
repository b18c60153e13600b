"""What the engine needs of others: who carries attempts out, and who is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from assets_core.admission import Limits
from assets_core.check import CheckResult
from assets_core.keys import Slot
from assets_core.plan import Plan, Step
from assets_core.records import AttemptLog, StepError, StepResult
from assets_core.run import StepState
from assets_core.staleness import Reason


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one slot fared in a run.

    Arguments:
        materialization: id of what the slot shows because of this step, or of what was set aside; None if nothing.
        rows: its number of rows, None where there are none to count.
    """

    slot: Slot
    state: StepState
    reasons: tuple[Reason, ...] = ()
    materialization: str | None = None
    error: StepError | None = None
    checks: tuple[CheckResult, ...] = ()
    attempts: int = 0
    seconds: float = 0.0
    rows: int | None = None
    logs: tuple[AttemptLog, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outcome of a run.

    Arguments:
        run_id: None if there was nothing to do, so that no run was recorded.
        ok: every step ended well.
        counts: steps by final state.
    """

    run_id: str | None
    env: str
    ok: bool
    steps: tuple[StepOutcome, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


class IfBusy(StrEnum):
    """What a run does about slots that another run is at."""

    WAIT = "wait"
    """Wait until the other has ended with them, then judge anew; take over what it left."""
    SKIP = "skip"
    """Leave them, and what reads them, to the other."""
    FAIL = "fail"
    """Not even begin while another run is at work in the environment."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a run is carried out, apart from what it does.

    Arguments:
        fail_fast: when a step ends badly, begin nothing more.
        limits: what its steps may take together.
        done: slots that a run which this one resumes had made by force, so that they need not be forced again.
    """

    if_busy: IfBusy = IfBusy.WAIT
    fail_fast: bool = False
    limits: Limits = field(default_factory=Limits)
    done: frozenset[Slot] = frozenset()


class Reporter:
    """Told what happens in a run; every method may be left as it is. Called in the engine's thread, so be quick."""

    def planned(self, plan: Plan, run_id: str) -> None:
        """Once, before the first step begins."""

    def noticed(self, message: str) -> None:
        """Something was found out or took its time before the first step: worth a line, and nothing wrong."""

    def started(self, step: Step, attempt: int) -> None:
        """An attempt at a step was handed to the executor."""

    def waiting(self, step: Step, run_id: str) -> None:
        """Another run is at a slot of the step, which waits for it."""

    def retrying(self, step: Step, error: StepError, wait_seconds: float) -> None:
        """An attempt failed and another one will follow after a pause."""

    def settled(self, outcome: StepOutcome) -> None:
        """A slot has reached its final state; once a slot, after the catalog knows it."""

    def warned(self, message: str) -> None:
        """Something was noticed that stops nothing."""

    def ended(self, result: RunResult) -> None:
        """Once, after the last step."""


class Executor(Protocol):
    """Carries attempts out, somewhere, several at a time. An attempt at a place is followed by another one there only
    when it has come back or was cancelled.
    """

    @property
    def workers(self) -> int:
        """How many attempts it carries out at once."""

    def submit(self, place: int, task: Any, *, timeout_seconds: float | None = None) -> None:
        """Takes an attempt at the step at a place of the plan; returns at once.

        Arguments:
            timeout_seconds: so long may it run, waiting not counted. An attempt that runs longer comes back with the
                error HW520; whether its work was ended with it, ``cancel`` says of this executor.
        """

    def recall(self, places: Collection[int]) -> Collection[int]:
        """Takes attempts back that have not begun; nothing of them comes back from ``wait`` any more.

        Returns:
            The places of those that were taken back; the others go on, also such as may not have begun.
        """

    def cancel(self, place: int) -> bool:
        """Ends the attempt at a place, begun or not; nothing of it comes back from ``wait`` any more.

        Returns:
            True if no work is done for it any more, False if it can only be given up: it may go on, unheeded.
        """

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended since the last call, waiting for the first at most so long; None waits for ever."""

    def close(self, wait: bool = True) -> None:
        """Gives everything back.

        Arguments:
            wait: for attempts that still run; without, they are ended where that can be done, else given up.
        """
