"""Partition definitions: keys, places and windows in time."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions import (
    Daily,
    Hourly,
    Monthly,
    Partition,
    Partitions,
    Static,
    TimePartitions,
    Weekly,
    ranges,
    select_range,
)

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks changed at midnight
    "America/Havana",  # midnight comes twice
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
]
ACROSS = st.sampled_from(ZONES)
STARTS = st.dates(date(2012, 1, 1), date(2018, 12, 31))


def utc(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment.astimezone(UTC)


@st.composite
def time_partitions(draw: st.DrawFn) -> TimePartitions:
    make = draw(st.sampled_from([Hourly, Daily, Weekly, Monthly]))
    start = draw(STARTS)
    return make(start.replace(day=1) if make is Monthly else start, timezone=draw(ACROSS))


@given(time_partitions(), st.integers(0, 20_000))
def test_a_key_leads_back_to_its_place(definition: TimePartitions, place: int) -> None:
    key = definition.key_at(place)
    assert key is not None
    assert definition.index(key) == place


@given(time_partitions(), st.integers(0, 20_000))
def test_both_ends_of_a_window_lie_where_its_key_says(definition: TimePartitions, place: int) -> None:
    key = definition.key_at(place)
    assert key is not None
    start, end = definition.span(key)
    last_moment = utc(end) - timedelta(microseconds=1)
    assert (definition.place_at(utc(start)), definition.place_at(last_moment)) == (place, place)


@given(time_partitions(), st.integers(0, 20_000))
def test_windows_follow_each_other_without_gap_or_overlap(definition: TimePartitions, place: int) -> None:
    key, after = definition.key_at(place), definition.key_at(place + 1)
    assert key is not None
    assert after is not None
    assert utc(definition.partition(key).end) == utc(definition.partition(after).start)


@given(time_partitions(), st.integers(0, 2_000))
def test_keys_of_a_grown_definition_begin_with_the_keys_it_had(definition: TimePartitions, hours: int) -> None:
    first = utc(definition.partition(definition.key_at(0) or "").start)
    before, after = (definition.keys(first + timedelta(hours=some)) for some in (hours, hours + 500))
    assert list(after[: len(before)]) == list(before)


@given(time_partitions(), st.integers(0, 2_000))
def test_an_open_definition_counts_the_windows_that_have_ended(definition: TimePartitions, hours: int) -> None:
    now = utc(definition.partition(definition.key_at(0) or "").start) + timedelta(hours=hours)
    ends = [utc(definition.partition(key).end) for key in definition.keys(now)]
    following = utc(definition.partition(definition.key_at(len(ends)) or "").end)
    assert all(end <= now for end in ends)
    assert following > now


@given(time_partitions())
def test_a_definition_crosses_processes(definition: TimePartitions) -> None:
    assert pickle.loads(pickle.dumps(definition)) == definition


# --- what keys look like


@pytest.mark.parametrize(
    ("definition", "keys"),
    [
        (Hourly("2013-01-01T22:00", "2013-01-02T01:00"), ["2013-01-01T22:00", "2013-01-01T23:00", "2013-01-02T00:00"]),
        (Daily("2013-02-27", "2013-03-02"), ["2013-02-27", "2013-02-28", "2013-03-01"]),
        (Daily(date(2013, 1, 1), datetime(2013, 1, 2)), ["2013-01-01"]),
        (Weekly("2013-02-04", "2013-02-18"), ["2013-02-04", "2013-02-11"]),
        (Monthly("2012-12", "2013-02"), ["2012-12", "2013-01"]),
        (Monthly("2012-12-01", "2013-02-01"), ["2012-12", "2013-01"]),
        (Static(["EU", "US"]), ["EU", "US"]),
    ],
)
def test_the_end_is_exclusive_and_keys_are_readable(definition: Partitions, keys: list[str]) -> None:
    assert list(definition.keys(NOW)) == keys


def test_weeks_begin_on_the_weekday_of_the_start() -> None:
    wednesdays = Weekly("2013-01-02", "2013-02-06").keys(NOW)
    assert {date.fromisoformat(key).weekday() for key in wednesdays} == {2}


def test_a_week_that_reaches_beyond_the_end_counts_as_in_range() -> None:
    assert list(Weekly("2013-02-04", "2013-02-12").keys(NOW)) == ["2013-02-04", "2013-02-11"]


def test_an_open_definition_has_no_window_before_its_start() -> None:
    assert list(Daily("2014-01-01").keys(NOW)) == []


def test_a_window_counts_from_the_moment_in_which_it_ends() -> None:
    days = Daily("2013-01-01", timezone="Europe/Berlin")
    midnight = datetime(2013, 1, 2, tzinfo=ZoneInfo("Europe/Berlin"))
    assert [days.count(midnight - timedelta(seconds=1)), days.count(midnight)] == [0, 1]


def test_a_static_key_has_no_window() -> None:
    assert Static(["EU"]).partition("EU") == Partition("EU", None, None)


def test_a_static_definition_knows_the_place_of_each_key_at_once() -> None:
    definition = Static(map(str, range(50_000)))
    assert [definition.index(str(place)) for place in range(50_000)] == list(range(50_000))


# --- clock changes


def test_the_hour_that_a_clock_change_leaves_out_has_no_key() -> None:
    hours = Hourly("2013-03-10", "2013-03-11", timezone="America/New_York").keys(NOW)
    assert (len(hours), list(hours[1:3])) == (23, ["2013-03-10T01:00", "2013-03-10T03:00"])


def test_the_hour_that_comes_twice_has_two_keys_the_second_with_its_offset() -> None:
    hours = Hourly("2013-11-03", "2013-11-04", timezone="America/New_York").keys(NOW)
    assert (len(hours), list(hours[1:4])) == (25, ["2013-11-03T01:00", "2013-11-03T01:00-05:00", "2013-11-03T02:00"])


def test_a_definition_that_ends_after_the_hour_that_comes_twice_has_both() -> None:
    hours = Hourly("2013-11-03", "2013-11-03T02:00", timezone="America/New_York").keys(NOW)
    assert list(hours) == ["2013-11-03T00:00", "2013-11-03T01:00", "2013-11-03T01:00-05:00"]


def test_an_hour_that_does_not_exist_is_no_key() -> None:
    with pytest.raises(UsageError, match="HW610"):
        Hourly("2013-03-10", timezone="America/New_York").index("2013-03-10T02:00")


def test_an_offset_is_part_of_a_key_only_where_the_hour_comes_twice() -> None:
    with pytest.raises(UsageError, match="HW610"):
        Hourly("2013-11-03", timezone="America/New_York").index("2013-11-03T05:00-05:00")


@pytest.mark.parametrize(("day", "hours"), [("2013-03-31", 23), ("2013-10-27", 25), ("2013-06-01", 24)])
def test_a_day_is_a_calendar_day_of_its_zone(day: str, hours: int) -> None:
    start, end = Daily("2013-01-01", timezone="Europe/Berlin").span(day)
    assert utc(end) - utc(start) == timedelta(hours=hours)


def test_a_month_with_a_clock_change_keeps_local_midnights() -> None:
    start, end = Monthly("2013-01", timezone="Europe/Berlin").span("2013-03")
    assert (start.isoformat(), end.isoformat()) == ("2013-03-01T00:00:00+01:00", "2013-04-01T00:00:00+02:00")


def test_a_clock_change_by_seconds_leaves_every_key_one_that_is_found() -> None:
    hours = Hourly("1972-01-06T23:00", "1972-01-07T03:00", timezone="Africa/Monrovia")
    keys = list(hours.keys(NOW))
    assert keys[:2] == ["1972-01-06T23:00", "1972-01-07T00:44:30"]
    assert [hours.find(key) for key in keys] == list(range(len(keys)))


def test_half_an_hour_of_clock_change_moves_the_grid_of_real_hours() -> None:
    hours = Hourly("2013-04-07", "2013-04-07T05:00", timezone="Australia/Lord_Howe").keys(NOW)
    assert list(hours)[:4] == ["2013-04-07T00:00", "2013-04-07T01:00", "2013-04-07T01:30+10:30", "2013-04-07T02:30"]


# --- what is refused


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Daily("2013-01-01", "2013-01-01"), "HW122"),
        (lambda: Daily("2013-01-02", "2013-01-01"), "HW122"),
        (lambda: Daily("2013-01-01", timezone="Mars/Base"), "HW121"),
        (lambda: Daily("2013-01-01", timezone="../etc/passwd"), "HW121"),
        (lambda: Daily("2013-01-01T05:00"), "HW123"),
        (lambda: Daily("yesterday"), "HW123"),
        (lambda: Daily(5), "HW123"),  # type: ignore[arg-type]
        (lambda: Daily(datetime(2013, 1, 1, tzinfo=UTC)), "HW123"),
        (lambda: Hourly("2013-01-01T05:30"), "HW123"),
        (lambda: Monthly("2013-01-02"), "HW123"),
        (lambda: Static([]), "HW120"),
        (lambda: Static("EU"), "HW120"),
        (lambda: Static(["EU", "EU"]), "HW120"),
        (lambda: Static(["a@b"]), "HW120"),
        (lambda: Static(["a,b"]), "HW120"),
        (lambda: Static(["a..b"]), "HW120"),
        (lambda: Static([""]), "HW120"),
        (lambda: Static([7]), "HW120"),  # type: ignore[list-item]
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(make: object, code: str) -> None:
    with pytest.raises(DefinitionError, match=code):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "key",
    ["2013-02-30", "2012-12-31", "2014-01-01", "2013-1-1", "20130201", "2013-02-01T00:00", "", "EU", "9999-12-31"],
)
def test_a_text_that_is_no_key_of_the_days_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="HW610"):
        Daily("2013-01-01", "2014-01-01").index(key)


@pytest.mark.parametrize("definition", [Daily("2013-01-01"), Monthly("2013-01")], ids=str)
def test_the_last_day_of_the_calendar_is_no_partition(definition: TimePartitions) -> None:
    with pytest.raises(UsageError, match="HW610"):
        definition.partition(
            definition.key_at(definition.index("9999-12-31" if definition.unit == "day" else "9999-12")) or ""
        )


def test_a_week_is_named_by_its_first_day_only() -> None:
    with pytest.raises(UsageError, match="HW610"):
        Weekly("2013-02-04").index("2013-02-05")


def test_an_unknown_key_is_answered_with_what_keys_look_like() -> None:
    with pytest.raises(UsageError, match="keys look like '2013-01-01' and run from 2013-01-01 to 2013-12-31"):
        Daily("2013-01-01", "2014-01-01").index("Jan 1")


def test_an_unknown_static_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'north'"):
        Static(["north", "south"]).index("nort")


# --- ranges


DAYS = Daily("2013-01-01", "2013-01-11")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("2013-01-03", ["2013-01-03"]),
        ("2013-01-03..2013-01-05", ["2013-01-03", "2013-01-04", "2013-01-05"]),
        ("2013-01-03..2013-01-03", ["2013-01-03"]),
        ("..2013-01-02", ["2013-01-01", "2013-01-02"]),
        ("2013-01-09..", ["2013-01-09", "2013-01-10"]),
        ("..", [f"2013-01-{day:02d}" for day in range(1, 11)]),
    ],
)
def test_a_range_includes_both_ends_and_either_may_be_open(text: str, keys: list[str]) -> None:
    assert select_range(DAYS, text, NOW) == keys


def test_a_range_of_static_keys_follows_their_order() -> None:
    assert select_range(Static(["c", "a", "b"]), "c..a", NOW) == ["c", "a"]


@pytest.mark.parametrize(
    ("definition", "text", "code"),
    [
        (DAYS, "2013-01-05..2013-01-03", "HW611"),
        (DAYS, "2012-12-31..2013-01-03", "HW610"),
        (DAYS, "2013-01-03..2013-01-11", "HW610"),
        (DAYS, "2013-01-11", "HW610"),
        (DAYS, "", "HW610"),
        (DAYS, "2013-01-03...2013-01-05", "HW610"),
        (Static(["c", "a", "b"]), "b..c", "HW611"),
        (Static(["c"]), "d", "HW610"),
        (Daily("2013-01-01"), "2013-02-27..2013-03-01", "HW610"),
        (Daily("2013-01-01"), "2099-01-01", "HW610"),
        (Daily("2014-01-01"), "2014-01-05..", "HW610"),
        (Daily("2014-01-01"), "..", "HW611"),
    ],
)
def test_a_range_that_names_nothing_is_refused(definition: Partitions, text: str, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        select_range(definition, text, NOW)


def test_a_partition_that_has_not_ended_is_refused_with_the_last_that_has() -> None:
    with pytest.raises(UsageError, match=r"has not ended yet\n.*'2013-02-28'"):
        select_range(Daily("2013-01-01"), "2013-03-01", NOW)


@given(st.sets(st.integers(0, 9)))
def test_ranges_as_text_name_exactly_the_keys_they_were_made_from(places: set[int]) -> None:
    keys = [DAYS.key_at(place) or "" for place in places]
    named = [key for text in ranges(keys, DAYS) for key in select_range(DAYS, text, NOW)]
    assert named == sorted(keys)


@given(st.sets(st.integers(0, 9)))
def test_ranges_as_text_are_as_few_as_can_be(places: set[int]) -> None:
    keys = [DAYS.key_at(place) or "" for place in places]
    assert len(ranges(keys, DAYS)) == sum(place - 1 not in places for place in places)
