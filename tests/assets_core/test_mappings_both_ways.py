"""Mappings answer both ways, and both ways agree: for every pair of definitions, at clock changes too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assets_core.errors import DefinitionError
from assets_core.mappings import (
    Outside,
    PartitionMapping,
    all_partitions,
    dimension,
    downstream_keys,
    downstream_places,
    identity,
    infer,
    last,
    mapped,
    same_places,
    static_map,
    upstream_keys,
    upstream_places,
    window,
)
from assets_core.partitions import Daily, Hourly, Monthly, Multi, Partitions, Static, Timed, TimePartitions, Weekly
from assets_core.partitions.calendars import local_time
from tests.assets_core.partition_samples import NOW, definitions, multi, timed

REGIONS = Static(["EU", "US"])
MOST_PAIRS_HAVE_NO_MAPPING = [HealthCheck.filter_too_much]  # and are refused, which is right; they are left out


def shifted(key: str) -> list[str]:
    """A pure function of a key, for any definition: itself, and a key that may be none."""
    return [key, key.replace("1", "2"), "A"]


WINDOWS = st.tuples(st.integers(-4, 3), st.integers(0, 4)).map(lambda pair: window(pair[0], pair[0] + pair[1]))
PLAIN = (
    st.none()
    | WINDOWS
    | st.sampled_from([identity(), all_partitions(), last(), mapped(shifted), static_map({"A": ["A", "B"], "C": "C"})])
)
MAPPINGS = PLAIN | st.builds(dimension, st.sampled_from(["date", "region", "kind"]), PLAIN)


def accepted(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None) -> bool:
    try:
        infer(down, up, mapping, where="", what="the input")
    except DefinitionError as error:
        return error.code not in ("HW125", "HW117")
    return True


def agree(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None) -> None:
    readers = [None] if down is None else [*down.keys(NOW)][-60:]
    inputs = [None] if up is None else [*up.keys(NOW)][-60:]
    told_up = {
        (reader, read)
        for reader in readers
        for read in upstream_keys(down, reader, up, mapping, Outside.TRUNCATE, NOW)
        if read in set(inputs)
    }
    told_down = {
        (reader, read)
        for read in inputs
        for reader in downstream_keys(down, up, read, mapping, Outside.TRUNCATE, NOW)
        if reader in set(readers)
    }
    assert told_up == told_down


@settings(max_examples=120, deadline=None)
@given(timed(), timed(), st.none() | WINDOWS | st.just(last()))
def test_slices_of_time_read_and_feed_the_same_pairs(down: Timed, up: Timed, mapping: PartitionMapping | None) -> None:
    agree(down, up, mapping)


@settings(max_examples=120, deadline=None, suppress_health_check=MOST_PAIRS_HAVE_NO_MAPPING)
@given(definitions() | st.none(), definitions() | st.none(), MAPPINGS)
def test_any_pair_that_is_accepted_reads_and_feeds_the_same_pairs(
    down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None
) -> None:
    assume(accepted(down, up, mapping))
    agree(down, up, mapping)


@settings(max_examples=80, deadline=None, suppress_health_check=MOST_PAIRS_HAVE_NO_MAPPING)
@given(multi(), multi() | timed(), MAPPINGS, st.booleans())
def test_several_dimensions_read_and_feed_the_same_pairs(
    one: Multi, other: Partitions, mapping: PartitionMapping | None, turned: bool
) -> None:
    down, up = (other, one) if turned else (one, other)
    if isinstance(other, Multi):  # the same names and named dimensions, so that the pair is accepted more often
        down = Multi(
            **{name: one.dimensions[name] if name == "date" else kind for name, kind in other.dimensions.items()}
        )
        up = other
    assume(accepted(down, up, mapping))
    agree(down, up, mapping)


@settings(max_examples=80, deadline=None, suppress_health_check=MOST_PAIRS_HAVE_NO_MAPPING)
@given(definitions() | st.none(), definitions() | st.none(), MAPPINGS, st.integers(0, 40), st.sampled_from(Outside))
def test_places_name_the_same_slots_as_keys_in_rising_order(
    down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None, place: int, outside: Outside
) -> None:
    assume(accepted(down, up, mapping))
    key = None if down is None else down.key_at(place)
    assume(down is None or key is not None)
    places = upstream_places(down, 0 if down is None else place, up, mapping, NOW, outside=outside)
    keys = upstream_keys(down, key, up, mapping, outside, NOW)
    assert list(places) == sorted(set(places))
    assert [None if up is None else up.key_at(one) for one in places] == [
        key if key is None or not key.startswith("outside") else None for key in keys
    ]


@settings(max_examples=80, deadline=None)
@given(timed(), st.sampled_from([None, "2018-04-01", "2020-01-01"]), st.sampled_from([None, identity(), window(0, 0)]))
def test_same_places_are_promised_only_where_they_are_read(
    down: Timed, end: str | None, mapping: PartitionMapping | None
) -> None:
    up = down
    if isinstance(down, TimePartitions):
        up = TimePartitions(down.unit, down.start, None if end is None else local_time(end), down.timezone)
    reads = [[*upstream_places(down, place, up, mapping, NOW)] for place in range(len(down.keys(NOW)))]
    if same_places(down, up, mapping):
        assert reads == [[place] for place in range(len(reads))]
    else:
        assert up.bound is not None
        assert down.bound is None or up.bound < down.bound


@settings(max_examples=60, deadline=None)
@given(timed(), timed(), st.integers(0, 40))
def test_the_last_available_is_the_newest_window_that_ended_with_the_reader(down: Timed, up: Timed, place: int) -> None:
    key = down.key_at(place)
    assume(key is not None)
    end = down.span(key or "")[1].timestamp()
    assume(end < datetime(2018, 12, 31, tzinfo=UTC).timestamp())
    known = [one for one in range(min(up.bound or 10_000, 10_000)) if up.instant(one + 1) <= end]
    assert list(upstream_places(down, place, up, last(), NOW)) == (known[-1:] or [-1])


def test_a_dimension_without_a_last_window_reads_nowhere_and_not_nothing() -> None:
    weeks = Weekly("2018-01-08", "2018-02-05")
    down, up = Multi(day=DAYS, region=REGIONS), Multi(day=weeks, region=REGIONS)

    def read(key: str) -> list[str | None]:
        mapping = dimension("day", last())
        return [up.key_at(one) for one in upstream_places(down, down.index(key), up, mapping, NOW)]

    assert read("2018-01-14,US") == ["2018-01-08,US"]
    assert read("2018-01-13,US") == [None]  # no week has ended


# --- the same place


DAYS = Daily("2018-01-01", "2018-03-01")


@pytest.mark.parametrize(
    ("down", "up", "mapping", "same"),
    [
        (DAYS, DAYS, None, True),
        (DAYS, Daily("2018-01-01", "2018-03-01"), None, True),
        (DAYS, Daily("2018-01-01"), None, True),
        (DAYS, Daily("2018-01-01", "2018-04-01"), identity(), True),
        (DAYS, Daily("2018-01-01", "2018-02-01"), None, False),
        (Daily("2018-01-01"), DAYS, None, False),
        (DAYS, Daily("2018-01-02", "2018-03-01"), None, False),
        (DAYS, Daily("2018-01-01", "2018-03-01", timezone="Europe/Berlin"), None, False),
        (DAYS, DAYS, window(0, 0), True),
        (DAYS, DAYS, window(-1, 0), False),
        (DAYS, DAYS, last(), False),
        (DAYS, DAYS, all_partitions(), False),
        (DAYS, None, None, False),
        (REGIONS, REGIONS, None, True),
        (REGIONS, Static(["US", "EU"]), identity(), False),
        (Multi(d=DAYS, r=REGIONS), Multi(d=DAYS, r=REGIONS), None, True),
        (Multi(d=DAYS, r=REGIONS), Multi(r=REGIONS, d=DAYS), None, False),
    ],
)
def test_the_same_places_are_read_where_definitions_begin_alike(
    down: Partitions, up: Partitions | None, mapping: PartitionMapping | None, same: bool
) -> None:
    assert same_places(down, up, mapping) is same


def test_neighbours_are_given_as_a_range() -> None:
    both = Multi(date=Daily("2018-01-01"), region=REGIONS)
    found = [
        upstream_places(Monthly("2018-01"), 1, Daily("2018-01-01"), None, NOW),
        upstream_places(Daily("2018-01-01"), 9, Daily("2018-01-01"), window(-6, 0), NOW),
        upstream_places(Daily("2018-01-01"), 9, both, None, NOW),
        upstream_places(Monthly("2018-01"), 1, both, None, NOW),
        downstream_places(both, Daily("2018-01-01"), 9, None, NOW),
    ]
    assert [(type(one), one[0], one[-1]) for one in found] == [
        (range, 31, 58), (range, 3, 9), (range, 18, 19), (range, 62, 117), (range, 18, 19),
    ]  # fmt: skip


# --- whom a slot feeds


def fed(
    down: Partitions | None, up: Partitions | None, key: str | None, mapping: PartitionMapping | None = None
) -> list[str | None]:
    return list(downstream_keys(down, up, key, mapping, Outside.TRUNCATE, datetime(2018, 3, 26, tzinfo=UTC)))


def test_a_day_feeds_its_month() -> None:
    assert fed(Monthly("2018-01"), DAYS, "2018-02-03") == ["2018-02"]


def test_a_month_that_has_not_ended_is_fed_by_none_of_its_days_yet() -> None:
    assert fed(Monthly("2018-01"), Daily("2018-01-01"), "2018-03-03") == []


def test_a_day_feeds_the_week_after_it_that_trails_back_to_it() -> None:
    assert fed(DAYS, DAYS, "2018-02-26", window(-2, 0)) == ["2018-02-26", "2018-02-27", "2018-02-28"]


def test_a_day_feeds_its_hours_and_a_day_of_a_clock_change_one_less() -> None:
    hours = Hourly("2018-01-01", timezone="Europe/Berlin")
    days = Daily("2018-01-01", timezone="Europe/Berlin")
    assert [len(fed(hours, days, key)) for key in ("2018-03-24", "2018-03-25")] == [24, 23]


def test_the_newest_week_feeds_all_days_until_the_next_one_ends() -> None:
    weeks = Weekly("2018-01-01", "2018-02-05")
    assert fed(DAYS, weeks, "2018-01-01", last()) == [f"2018-01-{day:02d}" for day in range(7, 14)]
    assert fed(DAYS, weeks, "2018-01-29", last())[0::24] == ["2018-02-04", "2018-02-28"]


def test_any_slot_feeds_all_readers_of_everything_and_the_one_slot_of_an_unpartitioned_reader() -> None:
    assert fed(REGIONS, DAYS, "2018-02-03", all_partitions()) == ["EU", "US"]
    assert fed(None, DAYS, "2018-02-03") == [None]


def test_a_function_is_turned_round_by_asking_it_for_every_reader() -> None:
    quarters = Static(["Q1", "Q2"])
    assert fed(DAYS, quarters, "Q2", mapped(lambda key: "Q1" if key < "2018-02-27" else "Q2")) == [
        "2018-02-27",
        "2018-02-28",
    ]
