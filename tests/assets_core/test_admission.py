"""Which steps may go ahead: by rank, as far as pools and memory allow; and how ranks are learned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assets_core.admission import Admission, Limits, Needs, path_lengths, typical_seconds
from assets_core.keys import Slot
from assets_core.plan import Plan, Step


def offered(limits: Limits, *needs: Needs) -> Admission:
    """Steps ranked in the order in which they are given."""
    made = Admission(limits)
    for place, one in enumerate(needs):
        made.offer(place, (place,), one)
    return made


def test_steps_go_by_their_rank() -> None:
    line = Admission(Limits())
    for place, rank in ((0, 3.0), (1, 1.0), (2, 2.0)):
        line.offer(place, (rank,), Needs())
    assert line.admit(2) == [1, 2]
    assert line.admit(2) == [0]


def test_a_full_pool_holds_up_nobody_else() -> None:
    line = offered(Limits({"warehouse": 1}), Needs("warehouse"), Needs("warehouse"), Needs())
    assert line.admit(9) == [0, 2]
    assert line.admit(9) == []
    line.done(0)
    assert line.admit(9) == [1]


def test_steps_that_say_what_they_need_run_together_only_as_far_as_there_is_room() -> None:
    line = offered(Limits(memory=10), Needs(memory=6), Needs(memory=6), Needs(memory=1), Needs())
    assert line.admit(9) == [0, 3]
    line.done(0)
    assert line.admit(9) == [1, 2]


def test_what_needs_more_than_there_is_goes_alone() -> None:
    line = offered(Limits(memory=10), Needs(memory=50), Needs(memory=1))
    assert line.admit(9) == [0]
    line.done(0)
    assert line.admit(9) == [1]


def test_a_step_is_given_back_once_however_often_it_is_said() -> None:
    line = offered(Limits({"p": 1}), Needs("p"), Needs("p"), Needs("p"))
    assert line.admit(9) == [0]
    line.done(0)
    line.done(0)
    assert line.admit(9) == [1]


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(0, 12)), max_size=20), st.data())
def test_limits_hold_and_everything_is_let_in_at_last(needs: list[tuple[str | None, int]], data: st.DataObject) -> None:
    limits = Limits({"a": 1, "b": 2}, memory=10)
    line = offered(limits, *(Needs(*one) for one in needs))
    inside: list[int] = []
    seen: list[int] = []
    while len(seen) < len(needs):
        let_in = line.admit(data.draw(st.integers(1, 4)))
        seen += let_in
        inside += let_in
        assert inside
        for pool, places in limits.pools.items():
            assert sum(needs[one][0] == pool for one in inside) <= places
        declared = [needs[one][1] for one in inside if needs[one][1]]
        assert sum(declared) <= 10 or len(declared) == 1
        gone = data.draw(st.sampled_from(inside))
        line.done(gone)
        inside.remove(gone)
    assert sorted(seen) == list(range(len(needs)))
    assert len(line) == 0


def plan(*after: tuple[int, ...]) -> Plan:
    return Plan(tuple(Step((Slot(f"s{place}"),), (), those) for place, those in enumerate(after)))


def test_the_longest_chain_behind_a_step_is_what_hangs_on_it() -> None:
    seconds = {"s0": 1.0, "s1": 5.0, "s2": 2.0, "s3": 4.0}
    made = plan((), (), (0,), (0, 1))
    assert path_lengths(made, typical_seconds(seconds)) == [5.0, 9.0, 2.0, 4.0]


def test_what_never_ran_is_taken_to_be_like_the_others() -> None:
    made = plan((), (0,))
    assert typical_seconds({"s0": 4.0})(made.steps[1]) == 4.0
    assert typical_seconds({})(made.steps[1]) == 1.0
