"""The run's state table: events in, instructions out.

Everything that affects how a step moves from state to state lives in this file. The engine reports what happened
(``apply``) and carries out the instructions it gets back; it decides nothing about states itself. No storage, no
threads, no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from assets_core.errors import RunError
from assets_core.plan import Plan


class StepState(StrEnum):
    """Where a step stands. The last ten are ends of a story."""

    PENDING = "pending"
    """Steps that it reads have not ended yet."""
    READY = "ready"
    """Its inputs have settled; it is judged again and its recipe looked up in history."""
    WAITING = "waiting"
    """Another run is at one of its slots; when that has ended, the step is judged again."""
    RUNNING = "running"
    """An attempt is under way."""
    RETRYING = "retrying"
    """An attempt failed and another one will follow after a pause, in which it holds no claim."""
    RECORDING = "recording"
    """Its result lies beside the published data and waits for the catalog's transaction."""
    ADOPTING = "adopting"
    """Its recipe was found in history, and the pointer waits to be moved there."""
    SUCCEEDED = "succeeded"
    """Computed and published."""
    REUSED = "reused"
    """Published from history without computing."""
    SKIPPED = "skipped"
    """Its inputs turned out equal; what is published is fresh."""
    FAILED = "failed"
    """Every attempt failed."""
    BLOCKED = "blocked"
    """A blocking check failed; the result was set aside and the old data stays published."""
    UPSTREAM_FAILED = "upstream_failed"
    """Something it reads did not end well."""
    UPSTREAM_MISSING = "upstream_missing"
    """Something it reads has never been published."""
    CANCELLED = "cancelled"
    """The run was stopped before it ended."""
    ABANDONED = "abandoned"
    """An attempt took too long or was to stop at once, and could not be ended: whatever it still gives is thrown
    away."""
    LEFT = "left"
    """Another run is at it, or at what it reads, and this one was told to leave such to the other."""


class StepEvent(StrEnum):
    """What can happen to a step."""

    SETTLED = "settled"
    UPSTREAM_LOST = "upstream_lost"
    EQUAL = "equal"
    FOUND = "found"
    FOUND_BLOCKED = "found_blocked"
    INPUT_ABSENT = "input_absent"
    BUSY = "busy"
    FREED = "freed"
    LEFT_TO_OTHER = "left_to_other"
    UPSTREAM_LEFT = "upstream_left"
    STARTED = "started"
    RAISED = "raised"
    WORTH_ANOTHER_TRY = "worth_another_try"
    DUE = "due"
    COMPUTED = "computed"
    PUBLISHED = "published"
    RECHECKED = "rechecked"
    """Published, and nothing was computed: stored data passed the checks that were outstanding on it."""
    SET_ASIDE = "set_aside"
    MOVED_MEANWHILE = "moved_meanwhile"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"


S, E = StepState, StepEvent
TRANSITIONS: dict[tuple[StepState, StepEvent], StepState] = {
    (S.PENDING, E.SETTLED): S.READY,
    (S.PENDING, E.UPSTREAM_LOST): S.UPSTREAM_FAILED,
    (S.PENDING, E.UPSTREAM_LEFT): S.LEFT,
    (S.PENDING, E.CANCELLED): S.CANCELLED,
    (S.READY, E.EQUAL): S.SKIPPED,
    (S.READY, E.FOUND): S.ADOPTING,
    (S.READY, E.FOUND_BLOCKED): S.BLOCKED,
    (S.READY, E.INPUT_ABSENT): S.UPSTREAM_MISSING,
    (S.READY, E.BUSY): S.WAITING,
    (S.READY, E.LEFT_TO_OTHER): S.LEFT,
    (S.READY, E.STARTED): S.RUNNING,
    (S.READY, E.RAISED): S.FAILED,
    (S.READY, E.CANCELLED): S.CANCELLED,
    (S.WAITING, E.FREED): S.READY,
    (S.WAITING, E.CANCELLED): S.CANCELLED,
    (S.RUNNING, E.RAISED): S.FAILED,
    (S.RUNNING, E.WORTH_ANOTHER_TRY): S.RETRYING,
    (S.RUNNING, E.COMPUTED): S.RECORDING,
    (S.RUNNING, E.CANCELLED): S.CANCELLED,
    (S.RUNNING, E.GIVEN_UP): S.ABANDONED,
    (S.RETRYING, E.DUE): S.READY,
    (S.RETRYING, E.CANCELLED): S.CANCELLED,
    (S.RECORDING, E.PUBLISHED): S.SUCCEEDED,
    (S.RECORDING, E.RECHECKED): S.REUSED,
    (S.RECORDING, E.SET_ASIDE): S.BLOCKED,
    (S.RECORDING, E.MOVED_MEANWHILE): S.FAILED,
    (S.RECORDING, E.RAISED): S.FAILED,
    (S.ADOPTING, E.PUBLISHED): S.REUSED,
    (S.ADOPTING, E.MOVED_MEANWHILE): S.FAILED,
    (S.ADOPTING, E.RAISED): S.FAILED,
}
"""Every transition there is; docs/engine.md draws its diagram from this table."""
del S, E

WELL_ENDED = frozenset({StepState.SUCCEEDED, StepState.REUSED, StepState.SKIPPED})
"""States after which what reads the step may run."""
BADLY_ENDED = frozenset(
    {
        StepState.FAILED,
        StepState.BLOCKED,
        StepState.UPSTREAM_FAILED,
        StepState.UPSTREAM_MISSING,
        StepState.CANCELLED,
        StepState.ABANDONED,
        StepState.LEFT,
    }
)
"""States after which what reads the step does not run."""
ENDED = WELL_ENDED | BADLY_ENDED
FAILURES = frozenset({StepState.FAILED, StepState.BLOCKED, StepState.UPSTREAM_MISSING, StepState.ABANDONED})
"""Bad ends that lie with the step itself."""
AS_ASKED = WELL_ENDED | {StepState.LEFT}
"""States that leave nothing to complain of: a run that ends with these only has done what it was asked."""


_PASSED_ON = {StepState.CANCELLED: StepEvent.CANCELLED, StepState.LEFT: StepEvent.UPSTREAM_LEFT}
"""What a bad end is to those that read the step, where it is not simply that something upstream was lost."""


class Order(StrEnum):
    """What the engine is told to do."""

    CONSIDER = "consider"
    """The step's inputs have settled: judge it again, look its recipe up, start it if need be."""
    SETTLE = "settle"
    """The step has ended: tell the reporter and record it."""


class Instruction(NamedTuple):
    """One thing for the engine to do: what, and the place of the step in the plan."""

    order: Order
    step: int


class RunTable:
    """The states of all steps of one run.

    Arguments:
        plan: the plan that is carried out.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.states = [StepState.PENDING] * len(plan.steps)
        self._waiting = [len(step.after) for step in plan.steps]
        self._readers: list[list[int]] = [[] for _ in plan.steps]
        for place, step in enumerate(plan.steps):
            for upstream in step.after:
                self._readers[upstream].append(place)
        self._open = len(plan.steps)

    @property
    def ended(self) -> bool:
        """Whether every step has ended."""
        return self._open == 0

    def begin(self) -> list[Instruction]:
        """Frees the steps that wait for nothing."""
        return [
            instruction
            for place, waiting in enumerate(self._waiting)
            if waiting == 0
            for instruction in self.apply(place, StepEvent.SETTLED)
        ]

    def apply(self, step: int, event: StepEvent) -> list[Instruction]:
        """Moves one step on, and whatever follows from that for others.

        Raises:
            RunError: HW510, the event cannot happen in the state the step is in.
        """
        return list(self._apply([(step, event)]))

    def cancel(self) -> list[Instruction]:
        """Ends every step that is not under way; what runs or is being recorded may still end well.

        Waiting for another run is not being under way.
        """
        keep = {StepState.RUNNING, StepState.RECORDING, StepState.ADOPTING}
        places = [place for place, state in enumerate(self.states) if state not in ENDED and state not in keep]
        return list(self._apply([(place, StepEvent.CANCELLED) for place in places]))

    def count(self) -> dict[str, int]:
        """Steps by state, each state that occurs."""
        counts: dict[str, int] = {}
        for state in self.states:
            counts[str(state)] = counts.get(str(state), 0) + 1
        return counts

    def _apply(self, events: Iterable[tuple[int, StepEvent]]) -> Iterator[Instruction]:
        waiting = deque((step, event, False) for step, event in events)
        while waiting:
            step, event, follows = waiting.popleft()
            if follows and self.states[step] is not StepState.PENDING:
                continue  # two of the steps it reads were lost at once: the first of them has ended it
            state = self._move(step, event)
            if state is StepState.READY:
                yield Instruction(Order.CONSIDER, step)
            elif state in ENDED:
                self._open -= 1
                yield Instruction(Order.SETTLE, step)
                waiting.extend((reader, after, True) for reader, after in self._follow(step, state))

    def _move(self, step: int, event: StepEvent) -> StepState:
        before = self.states[step]
        after = TRANSITIONS.get((before, event))
        if after is None:
            raise RunError(
                "HW510",
                f"step {self.plan.steps[step].slot} is {before} and cannot take the event {event}",
                hint="this is an error in Headwater itself; please report it",
            )
        self.states[step] = after
        return after

    def _follow(self, step: int, state: StepState) -> Iterator[tuple[int, StepEvent]]:
        for reader in self._readers[step]:
            if self.states[reader] is not StepState.PENDING:
                continue
            if state in BADLY_ENDED:
                yield reader, _PASSED_ON.get(state, StepEvent.UPSTREAM_LOST)
                continue
            self._waiting[reader] -= 1
            if self._waiting[reader] == 0:
                yield reader, StepEvent.SETTLED
