"""Steps of a batch wait for each other and then start together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from materializers.gathering import Gathering


def test_a_step_without_a_batch_starts_alone_and_at_once() -> None:
    assert Gathering([]).wants(3) == (3,)
    assert Gathering([(0, 1)]).leaves(3) == ()


def test_a_batch_starts_when_its_last_step_is_decided() -> None:
    found = Gathering([(1, 2, 3)])
    assert found.wants(1) == ()
    assert found.leaves(2) == ()
    assert found.wants(3) == (1, 3)


def test_a_batch_none_of_whose_steps_is_wanted_never_starts() -> None:
    found = Gathering([(1, 2)])
    assert found.leaves(1) == ()
    assert found.leaves(2) == ()


def test_a_step_that_was_wanted_and_is_cancelled_leaves_the_others() -> None:
    found = Gathering([(1, 2, 3)])
    found.wants(1)
    found.wants(2)
    assert found.leaves(1) == ()
    assert found.wants(3) == (2, 3)


def test_steps_that_ended_in_their_batch_start_nothing_again() -> None:
    found = Gathering([(1, 2)])
    found.wants(1)
    assert found.wants(2) == (1, 2)
    assert found.leaves(1) == ()
    assert found.leaves(2) == ()


def test_a_step_that_is_wanted_again_after_its_batch_started_starts_alone() -> None:
    found = Gathering([(1, 2)])
    found.wants(1)
    found.wants(2)
    assert found.wants(2) == (2,)
    assert found.wants(1) == (1,)


@given(st.data())
def test_every_wanted_step_starts_exactly_once(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(2, 5), max_size=4))
    places = iter(range(100))
    batches = [tuple(next(places) for _ in range(size)) for size in sizes]
    every = [*(place for batch in batches for place in batch), *(next(places) for _ in range(3))]
    found, started, wanted = Gathering(batches), [], set()
    for place in data.draw(st.permutations(every)):
        if data.draw(st.booleans()):
            wanted.add(place)
            started.extend(found.wants(place))
        else:
            started.extend(found.leaves(place))
    assert sorted(started) == sorted(wanted)
