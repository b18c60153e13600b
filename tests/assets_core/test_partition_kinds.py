"""Quarters and years, late data, cron windows, named keys that come and go, several dimensions."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions import (
    Cron,
    Daily,
    Dynamic,
    Hourly,
    Monthly,
    Multi,
    Partitions,
    Quarterly,
    Static,
    Weekly,
    Yearly,
    key_of,
    ranges,
    select_range,
)
from tests.assets_core.partition_samples import NOW, SCHEDULES, ZONES, definitions, multi

DAYS = Daily("2013-02-01", "2013-02-05")
BOTH = Multi(date=DAYS, region=Static(["EU", "US"]))


def keys(definition: Partitions, now: datetime = NOW) -> list[str]:
    return list(definition.keys(now))


# --- what every definition answers


@settings(max_examples=80, deadline=None)
@given(definitions())
def test_keys_places_and_counts_agree(definition: Partitions) -> None:
    found = keys(definition)
    assert len(set(found)) == len(found) == definition.count(NOW)
    assert [definition.index(key) for key in found] == list(range(len(found)))
    assert [definition.key_at(place) for place in range(len(found))] == found
    assert definition.key_at(-1) is None


@settings(max_examples=60, deadline=None)
@given(definitions())
def test_places_are_found_without_all_keys_having_been_made(definition: Partitions) -> None:
    made = keys(definition)
    fresh: Partitions = pickle.loads(pickle.dumps(definition))
    assert fresh == definition
    for key in made[-3:]:
        assert fresh.index(key) == definition.index(key)


@settings(max_examples=60, deadline=None)
@given(definitions(), st.data())
def test_ranges_as_text_name_exactly_the_keys_they_were_made_from(definition: Partitions, data: st.DataObject) -> None:
    known = keys(definition)[-40:]
    chosen = data.draw(st.sets(st.sampled_from(known))) if known else set()
    named = [key for text in ranges(chosen, definition) for key in select_range(definition, text, NOW)]
    assert sorted(named) == sorted(chosen)


@pytest.mark.parametrize(
    "definition",
    [Hourly("1900-01-01"), Daily("0001-01-01", "2800-01-01"), Cron("*/30 * * * *", "1961-01-01"),
     Multi(day=Daily("1900-01-01"), part=Static(map(str, range(24))))],
    ids=["hours", "days", "cron", "multi"],
)  # fmt: skip
def test_a_million_keys_are_made_once_and_found_again(definition: Partitions) -> None:
    found = definition.keys(NOW)
    assert len(found) == definition.count(NOW) > 990_000
    assert definition.keys(NOW) is found
    some = range(0, len(found), 997)
    assert [definition.index(found[place]) for place in some] == list(some)


# --- quarters, years, late data


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (Quarterly("2012-Q4", "2013-Q3"), ["2012-Q4", "2013-Q1", "2013-Q2"]),
        (Quarterly("2012-10", "2013-07-01"), ["2012-Q4", "2013-Q1", "2013-Q2"]),
        (Yearly("2012", "2014"), ["2012", "2013"]),
        (Yearly("2016-01-01"), ["2016", "2017"]),
    ],
)
def test_quarters_and_years_are_named_as_people_write_them(definition: Partitions, expected: list[str]) -> None:
    assert keys(definition) == expected


def test_a_quarter_with_a_clock_change_keeps_local_midnights() -> None:
    start, end = Quarterly("2013-Q1", timezone="Europe/Berlin").span("2013-Q1")
    assert (start.isoformat(), end.isoformat()) == ("2013-01-01T00:00:00+01:00", "2013-04-01T00:00:00+02:00")


@pytest.mark.parametrize("make", [Daily, Hourly, Weekly, lambda start, **more: Cron("0 0 * * *", start, **more)])
def test_an_open_definition_counts_a_window_once_its_late_data_has_come(make: object) -> None:
    on_time, late = make("2018-03-05"), make("2018-03-05", offset="36h")  # type: ignore[operator]
    assert late.count(NOW) == on_time.count(NOW - timedelta(hours=36)) < on_time.count(NOW)


# --- cron


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*SCHEDULES, "*/20 * * * *", "*/30 1-3 * * 7"]), st.sampled_from(ZONES))
def test_windows_run_from_one_firing_to_the_next(schedule: str, zone: str) -> None:
    definition = Cron(schedule, "2018-03-01", timezone=zone)
    fired: list[float] = []
    for moment in CronSim(schedule, definition.begin(0) - timedelta(seconds=1)):
        if not fired or moment.timestamp() > fired[-1]:
            fired.append(moment.timestamp())
        if moment > NOW + timedelta(days=20):
            break
    found = [definition.instant(place) for place in range(len(fired))]
    assert found == fired
    assert definition.count(NOW) == max(0, sum(one <= NOW.timestamp() for one in fired) - 1)


def test_a_window_of_fixed_time_is_longer_where_the_clock_goes_back() -> None:
    definition = Cron("0 6 * * *", "2013-10-26", "2013-10-28", timezone="Europe/Berlin")
    spans = [definition.span(key) for key in keys(definition)]
    assert [(end.astimezone(UTC) - start.astimezone(UTC)) // timedelta(hours=1) for start, end in spans] == [25, 24]


def test_a_time_that_the_clock_jumps_over_fires_when_there_is_time_again() -> None:
    definition = Cron("30 2 * * *", "2013-03-30", "2013-04-02", timezone="Europe/Berlin")
    assert keys(definition) == ["2013-03-30T02:30", "2013-03-31T03:00", "2013-04-01T02:30"]


def test_a_time_that_comes_twice_has_two_keys_if_the_schedule_follows_real_time() -> None:
    definition = Cron("*/30 1 * * *", "2013-11-03", "2013-11-04", timezone="America/New_York")
    assert keys(definition) == [
        "2013-11-03T01:00", "2013-11-03T01:30", "2013-11-03T01:00-05:00", "2013-11-03T01:30-05:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "key", ["2013-02-01T07:00", "2013-02-03T06:00", "2012-01-01T06:00", "9999-12-31T06:01", "x", ""]
)
def test_a_text_at_which_nothing_fires_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match="HW610"):
        Cron("0 6 * * MON-FRI", "2013-02-01").index(key)


def test_the_window_that_a_moment_lies_in_is_shown_as_the_nearest() -> None:
    with pytest.raises(UsageError, match="the nearest is 2013-02-01T06:00"):
        Cron("0 6 * * MON-FRI", "2013-02-01").index("2013-02-03")


# --- named keys that come and go


def test_a_dynamic_definition_has_the_keys_it_is_filled_with_and_is_equal_by_its_name() -> None:
    empty = Dynamic("customers")
    full = empty.filled({"customers": ["b", "a"], "others": ["c"]})
    assert (keys(empty), keys(full), empty == full) == ([], ["b", "a"], True)
    with pytest.raises(UsageError, match="headwater partitions add customers KEY"):
        empty.index("a")


def test_a_dimension_is_filled_too() -> None:
    both = Multi(date=DAYS, customer=Dynamic("customers")).filled({"customers": ["a"]})
    assert keys(both) == [f"2013-02-0{day},a" for day in range(1, 5)]


# --- several dimensions


def test_a_key_tells_its_dimensions_and_the_window_in_time() -> None:
    one = Multi(region=Static(["EU"]), date=Daily("2013-02-01")).partition("EU,2013-02-03")
    assert dict(one.keys) == {"region": "EU", "date": "2013-02-03"}
    assert one.window == ("2013-02-03T00:00:00+00:00", "2013-02-04T00:00:00+00:00")


def test_windows_of_two_dimensions_are_both_told() -> None:
    one = Multi(day=DAYS, month=Monthly("2013-01", "2013-03")).partition("2013-02-03,2013-02")
    assert (one.start, len(one.window), list(one.windows)) == (datetime(2013, 2, 3, tzinfo=UTC), 4, ["day", "month"])


@settings(max_examples=50, deadline=None)
@given(multi(), st.integers(0, 60))
def test_what_a_definition_grows_by_is_put_behind_what_there_is(definition: Multi, days: int) -> None:
    before, after = keys(definition), keys(definition, NOW + timedelta(days=days))
    assert after[: len(before)] == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-02-01,EU", ["2013-02-01,EU"]),
        ("date=2013-02-01,region=EU", ["2013-02-01,EU"]),
        ("region=EU,date=2013-02-01", ["2013-02-01,EU"]),
        ("2013-02-01..2013-02-02,US", ["2013-02-01,US", "2013-02-02,US"]),
        ("date=2013-02-04..", ["2013-02-04,EU", "2013-02-04,US"]),
        ("region=EU..US,date=..2013-02-01", ["2013-02-01,EU", "2013-02-01,US"]),
        ("..", keys(BOTH)),
    ],
)
def test_a_range_is_written_for_each_dimension(text: str, expected: list[str]) -> None:
    assert select_range(BOTH, text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2013-02-01", "HW610"),
        ("2013-02-01,EU,x", "HW610"),
        ("2013-02-01,", "HW610"),
        ("date=2013-02-01,date=2013-02-02", "HW610"),
        ("date=", "HW610"),
        ("dat=2013-02-01,region=EU", "did you mean 'date'"),
        ("2013-02-04..2013-02-01,EU", "HW611"),
        ("region=US..EU", "HW611"),
        ("region=AS", "there are 'EU', 'US'"),
        ("2013-02-09,EU", "the nearest is 2013-02-04"),
    ],
)
def test_a_range_that_names_nothing_is_refused_with_what_there_is(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        select_range(BOTH, text, NOW)


def test_a_key_may_be_written_by_the_names_of_its_dimensions() -> None:
    assert key_of(BOTH, "region=EU,date=2013-02-01") == "2013-02-01,EU"
    with pytest.raises(UsageError, match="HW610"):
        key_of(BOTH, "region=EU")


def test_a_set_of_keys_is_written_as_boxes() -> None:
    chosen = [key for key in keys(BOTH) if key != "2013-02-04,US"]
    assert ranges(chosen, BOTH) == ["date=2013-02-01..2013-02-03,region=EU..US", "date=2013-02-04,region=EU"]


# --- what is refused


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Cron("0 6 * *", "2013-01-01"), "HW115"),
        (lambda: Cron("0 0 6 * * *", "2013-01-01"), "HW115"),
        (lambda: Cron("61 6 * * *", "2013-01-01"), "HW115"),
        (lambda: Cron("@daily", "2013-01-01"), "HW115"),
        (lambda: Cron("0 0 30 2 *", "2013-01-01"), "HW115"),
        (lambda: Cron(6, "2013-01-01"), "HW115"),  # type: ignore[arg-type]
        (lambda: Cron("0 6 * * *", "2013-01-01", timezone="Mars/Base"), "HW121"),
        (lambda: Cron("0 6 * * *", "2013-01-02", "2013-01-01"), "HW122"),
        (lambda: Cron("0 6 1 * *", "2013-01-02", "2013-01-05"), "HW122"),
        (lambda: Cron("0 6 * * *", "soon"), "HW123"),
        (lambda: Quarterly("2013-02"), "HW123"),
        (lambda: Quarterly("2013-Q5"), "HW123"),
        (lambda: Yearly("2013-02"), "HW123"),
        (lambda: Daily("2013-01-01", offset="soon"), "HW127"),
        (lambda: Daily("2013-01-01", offset=timedelta(-1)), "HW127"),
        (lambda: Dynamic(""), "HW114"),
        (lambda: Dynamic("a b"), "HW114"),
        (lambda: Dynamic(["a"]), "HW114"),  # type: ignore[arg-type]
        (lambda: Static(["a\n"]), "HW120"),
        (Multi, "HW116"),
        (lambda: Multi(date=DAYS, Date=DAYS), "HW116"),
        (lambda: Multi(a=Daily("2013-01-01"), b=Hourly("2013-01-01")), "HW116"),
        (lambda: Multi(a=BOTH), "HW116"),  # type: ignore[arg-type]
        (lambda: Multi(a=["EU"]), "HW116"),  # type: ignore[arg-type]
        (lambda: Multi(key=DAYS), "HW116"),
        (lambda: Multi(date=DAYS, region=Static(["date=1"])), "HW116"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(make: object, code: str) -> None:
    with pytest.raises(DefinitionError, match=code):
        make()  # type: ignore[operator]
