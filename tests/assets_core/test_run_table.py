"""The run's state table: whatever happens, every run ends and every step is told once."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assets_core.errors import RunError
from assets_core.keys import Slot
from assets_core.plan import Plan, Step
from assets_core.run import (
    AS_ASKED,
    BADLY_ENDED,
    ENDED,
    FAILURES,
    TRANSITIONS,
    WELL_ENDED,
    Instruction,
    Order,
    RunTable,
    StepEvent,
    StepState,
)

S, E = StepState, StepEvent


def table(*after: tuple[int, ...]) -> RunTable:
    """A run of steps, each with the places of the steps it waits for."""
    return RunTable(Plan(tuple(Step((Slot(f"s{place}"),), (), those) for place, those in enumerate(after))))


def events(one: RunTable, step: int, *those: StepEvent) -> list[Instruction]:
    return [instruction for event in those for instruction in one.apply(step, event)]


def succeed(one: RunTable, step: int) -> list[Instruction]:
    return events(one, step, E.STARTED, E.COMPUTED, E.PUBLISHED)


# --- the table itself


def test_every_state_can_be_reached() -> None:
    reached = {S.PENDING}
    for _ in TRANSITIONS:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(S)


def test_every_event_is_used() -> None:
    assert {event for _, event in TRANSITIONS} == set(E)


def test_nothing_leads_out_of_an_end() -> None:
    assert not [before for before, _ in TRANSITIONS if before in ENDED]


def test_every_state_that_is_no_end_leads_to_one() -> None:
    leading = set(ENDED)
    for _ in TRANSITIONS:
        leading |= {before for (before, _), after in TRANSITIONS.items() if after in leading}
    assert leading == set(S)


def test_every_state_is_an_end_that_is_good_or_bad_or_no_end_at_all() -> None:
    assert not WELL_ENDED & BADLY_ENDED
    assert set(S) - ENDED == {S.PENDING, S.READY, S.WAITING, S.RUNNING, S.RETRYING, S.RECORDING, S.ADOPTING}
    assert FAILURES < BADLY_ENDED
    assert {S.LEFT} == AS_ASKED - WELL_ENDED


def test_what_is_being_recorded_or_adopted_is_never_cancelled() -> None:
    assert not [before for before, event in TRANSITIONS if event is E.CANCELLED and before in (S.RECORDING, S.ADOPTING)]


@pytest.mark.parametrize("state", S)
def test_every_state_says_what_it_means(state: StepState) -> None:

    source = inspect.getsource(StepState)
    after = source.split(f'{state.name} = "{state.value}"\n')[1].lstrip()
    assert after.startswith('"""')


# --- how steps follow each other


def test_a_run_begins_with_the_steps_that_wait_for_nothing() -> None:
    assert table((), (0,), ()).begin() == [Instruction(Order.CONSIDER, 0), Instruction(Order.CONSIDER, 2)]


def test_a_step_is_considered_when_the_last_of_those_it_reads_has_ended() -> None:
    run = table((), (), (0, 1))
    run.begin()
    assert succeed(run, 0) == [Instruction(Order.SETTLE, 0)]
    assert succeed(run, 1) == [Instruction(Order.SETTLE, 1), Instruction(Order.CONSIDER, 2)]


@pytest.mark.parametrize(
    ("those", "end"),
    [
        ((E.EQUAL,), S.SKIPPED),
        ((E.FOUND, E.PUBLISHED), S.REUSED),
        ((E.STARTED, E.COMPUTED, E.PUBLISHED), S.SUCCEEDED),
        ((E.STARTED, E.COMPUTED, E.RECHECKED), S.REUSED),
    ],
)
def test_a_good_end_frees_what_reads_the_step(those: tuple[StepEvent, ...], end: StepState) -> None:
    run = table((), (0,))
    run.begin()
    told = events(run, 0, *those)
    assert (run.states[0], told) == (end, [Instruction(Order.SETTLE, 0), Instruction(Order.CONSIDER, 1)])


@pytest.mark.parametrize(
    ("those", "end"),
    [
        ((E.RAISED,), S.FAILED),
        ((E.STARTED, E.RAISED), S.FAILED),
        ((E.STARTED, E.COMPUTED, E.RAISED), S.FAILED),
        ((E.STARTED, E.COMPUTED, E.MOVED_MEANWHILE), S.FAILED),
        ((E.FOUND, E.MOVED_MEANWHILE), S.FAILED),
        ((E.STARTED, E.COMPUTED, E.SET_ASIDE), S.BLOCKED),
        ((E.FOUND_BLOCKED,), S.BLOCKED),
        ((E.INPUT_ABSENT,), S.UPSTREAM_MISSING),
    ],
)
def test_a_bad_end_ends_what_reads_the_step(those: tuple[StepEvent, ...], end: StepState) -> None:
    run = table((), (0,), (1,))
    run.begin()
    events(run, 0, *those)
    assert (run.states, run.ended) == ([end, S.UPSTREAM_FAILED, S.UPSTREAM_FAILED], True)


def test_a_failure_leaves_alone_what_does_not_read_it() -> None:
    run = table((), (), (0,), (1,))
    run.begin()
    events(run, 0, E.STARTED, E.RAISED)
    succeed(run, 1)
    assert run.states[2:] == [S.UPSTREAM_FAILED, S.READY]


def test_what_reads_two_lost_steps_is_lost_once() -> None:
    run = table((), (0,), (0,), (1, 2))
    run.begin()
    told = events(run, 0, E.STARTED, E.RAISED)
    assert Counter(told) == Counter(Instruction(Order.SETTLE, place) for place in range(4))


def test_what_reads_one_lost_and_one_running_step_does_not_wait_for_the_second() -> None:
    run = table((), (), (0, 1))
    run.begin()
    events(run, 1, E.STARTED)
    events(run, 0, E.RAISED)
    events(run, 1, E.COMPUTED, E.PUBLISHED)
    assert (run.states[2], run.ended) == (S.UPSTREAM_FAILED, True)


@pytest.mark.parametrize(
    "those",
    [
        (E.STARTED, E.WORTH_ANOTHER_TRY, E.DUE),
        (E.BUSY, E.FREED),
        (E.STARTED, E.WORTH_ANOTHER_TRY, E.DUE, E.BUSY, E.FREED),
    ],
)
def test_a_step_that_waited_for_its_next_try_or_for_another_run_is_judged_again(those: tuple[StepEvent, ...]) -> None:
    run = table((), (0,))
    run.begin()
    assert events(run, 0, *those)[-1] == Instruction(Order.CONSIDER, 0)
    assert succeed(run, 0) == [Instruction(Order.SETTLE, 0), Instruction(Order.CONSIDER, 1)]


def test_what_reads_a_step_that_was_left_to_another_run_is_left_too() -> None:
    run = table((), (0,), (1,))
    run.begin()
    events(run, 0, E.LEFT_TO_OTHER)
    assert run.states == [S.LEFT, S.LEFT, S.LEFT]


def test_what_reads_an_abandoned_step_has_lost_its_upstream() -> None:
    run = table((), (0,))
    run.begin()
    events(run, 0, E.STARTED, E.GIVEN_UP)
    assert run.states == [S.ABANDONED, S.UPSTREAM_FAILED]


# --- cancelling


def test_cancelling_ends_everything_that_is_not_under_way() -> None:
    run = table((), (), (0,), (1,), (2, 3))
    run.begin()
    events(run, 0, E.STARTED)
    events(run, 1, E.STARTED, E.COMPUTED)
    run.cancel()
    assert run.states == [S.RUNNING, S.RECORDING, S.CANCELLED, S.CANCELLED, S.CANCELLED]


def test_what_reads_a_step_that_was_cancelled_is_cancelled_and_has_not_failed() -> None:
    run = table((), (0,))
    run.begin()
    events(run, 0, E.STARTED, E.CANCELLED)
    assert run.states == [S.CANCELLED, S.CANCELLED]


def test_a_chain_can_be_cancelled_and_every_step_is_told_once() -> None:
    run = table((), (0,), (1,))
    run.begin()
    assert run.cancel() == [Instruction(Order.SETTLE, place) for place in range(3)]


def test_a_run_that_was_cancelled_ends_when_what_was_being_recorded_has_ended() -> None:
    run = table((), (0,))
    run.begin()
    events(run, 0, E.STARTED, E.COMPUTED)
    run.cancel()
    assert not run.ended
    events(run, 0, E.PUBLISHED)
    assert (run.states, run.ended) == ([S.SUCCEEDED, S.CANCELLED], True)


def test_cancelling_twice_changes_nothing() -> None:
    run = table((), (0,))
    run.begin()
    run.cancel()
    assert run.cancel() == []


def test_a_long_chain_can_fail_at_its_root() -> None:
    run = table((), *((place,) for place in range(20_000)))
    run.begin()
    assert len(events(run, 0, E.RAISED)) == 20_001


def test_a_step_that_waits_for_another_try_is_cancelled() -> None:
    run = table(())
    run.begin()
    events(run, 0, E.STARTED, E.WORTH_ANOTHER_TRY)
    run.cancel()
    assert run.states == [S.CANCELLED]


# --- what cannot happen


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_an_event_that_the_table_does_not_know_is_refused_and_changes_nothing(
    state: StepState, event: StepEvent
) -> None:
    run = table(())
    run.states[0] = state
    if (state, event) in TRANSITIONS:
        run.apply(0, event)
        assert run.states[0] is TRANSITIONS[state, event]
        return
    with pytest.raises(RunError, match=rf"HW510 step s0 is {state} and cannot take the event {event}"):
        run.apply(0, event)
    assert run.states[0] is state


def test_a_run_without_steps_has_ended() -> None:
    assert table().ended


# --- anything at all

OUTSIDE = {E.SETTLED, E.UPSTREAM_LOST, E.UPSTREAM_LEFT, E.CANCELLED}
"""Events that the table raises itself or that come by ``cancel``."""


class AnyRun(RuleBasedStateMachine):
    """Random plans and random events, among them every order that an engine could bring about."""

    @initialize(data=st.data(), size=st.integers(0, 8))
    def plan(self, data: st.DataObject, size: int) -> None:
        after = [
            tuple(sorted(data.draw(st.sets(st.integers(0, max(0, place - 1)), max_size=min(3, place)))))
            for place in range(size)
        ]
        self.after = after
        self.run = table(*after)
        self.settled: Counter[int] = Counter()
        self.considered: Counter[int] = Counter()
        self._hear(self.run.begin())

        self.again: Counter[int] = Counter()

    def _hear(self, told: list[Instruction]) -> None:
        for instruction in told:
            (self.settled if instruction.order is Order.SETTLE else self.considered)[instruction.step] += 1

    def _open(self) -> list[int]:
        return [place for place, state in enumerate(self.run.states) if state not in ENDED and state is not S.PENDING]

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(self._open()))
        possible = [event for state, event in TRANSITIONS if state is self.run.states[step] and event not in OUTSIDE]
        event = data.draw(st.sampled_from(possible))
        self.again[step] += event in (E.DUE, E.FREED)
        self._hear(self.run.apply(step, event))

    @rule()
    def somebody_cancels(self) -> None:
        self._hear(self.run.cancel())

    @precondition(lambda self: self.run.states)
    @rule(data=st.data(), event=st.sampled_from(E))
    def something_impossible_happens(self, data: st.DataObject, event: StepEvent) -> None:
        step = data.draw(st.sampled_from(range(len(self.run.states))))
        if (self.run.states[step], event) in TRANSITIONS:
            return
        before = list(self.run.states)
        with pytest.raises(RunError, match="HW510"):
            self.run.apply(step, event)
        assert self.run.states == before

    @invariant()
    def counts_add_up(self) -> None:
        assert sum(self.run.count().values()) == len(self.run.states)

    @invariant()
    def a_run_is_never_stuck(self) -> None:
        assert self.run.ended or self._open()

    @invariant()
    def a_run_has_ended_exactly_if_every_step_has(self) -> None:
        assert self.run.ended == all(state in ENDED for state in self.run.states)

    @invariant()
    def every_end_is_told_exactly_once(self) -> None:
        ended = {place for place, state in enumerate(self.run.states) if state in ENDED}
        assert self.settled == Counter(ended)

    @invariant()
    def a_step_is_considered_once_and_again_each_time_it_has_waited(self) -> None:
        assert all(times == 1 + self.again[place] for place, times in self.considered.items())

    @invariant()
    def a_step_goes_beyond_waiting_only_when_all_it_reads_ended_well(self) -> None:
        waiting = {S.PENDING, S.UPSTREAM_FAILED, S.CANCELLED, S.LEFT}
        for state, those in zip(self.run.states, self.after, strict=True):
            assert state in waiting or all(self.run.states[one] in WELL_ENDED for one in those)

    @invariant()
    def a_step_fails_by_its_upstream_only_if_one_ended_badly(self) -> None:
        for state, those in zip(self.run.states, self.after, strict=True):
            assert state is not S.UPSTREAM_FAILED or any(self.run.states[one] in BADLY_ENDED for one in those)

    @invariant()
    def a_step_is_left_only_by_itself_or_behind_one_that_was(self) -> None:
        for place, those in enumerate(self.after):
            if self.run.states[place] is S.LEFT and place not in self.considered:
                assert any(self.run.states[one] is S.LEFT for one in those)

    def teardown(self) -> None:
        """With fair events every run ends: a failing try is followed by one that is not."""
        if not hasattr(self, "run"):
            return
        onward = {
            S.READY: E.STARTED,
            S.RETRYING: E.DUE,
            S.WAITING: E.FREED,
            S.RUNNING: E.COMPUTED,
            S.RECORDING: E.PUBLISHED,
            S.ADOPTING: E.PUBLISHED,
        }
        for _ in range(6 * len(self.run.states)):
            for place in self._open():
                self._hear(self.run.apply(place, onward[self.run.states[place]]))
        assert self.run.ended


AnyRun.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyRun = AnyRun.TestCase
