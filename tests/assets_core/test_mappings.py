"""Mappings: which slots of an input one slot reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.asset import Input
from assets_core.errors import DefinitionError
from assets_core.mappings import (
    Outside,
    PartitionMapping,
    all_partitions,
    infer,
    mapped,
    static_map,
    upstream_keys,
    window,
)
from assets_core.partitions import Daily, Hourly, Monthly, Multi, Partitions, Static, TimePartitions, Weekly

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
YEAR = Daily("2013-01-01", "2014-01-01")
REGIONS = Static(["EU", "US"])


def read(
    down: Partitions | None,
    key: str | None,
    up: Partitions | None,
    mapping: PartitionMapping | None = None,
    outside: str = "truncate",
) -> list[str | None]:
    return list(upstream_keys(down, key, up, mapping, Outside(outside), NOW))


# --- inferred


def test_an_unpartitioned_input_is_read_whole_by_every_slot() -> None:
    assert read(YEAR, "2013-02-01", None) == [None]


def test_a_day_reads_the_same_day() -> None:
    assert read(YEAR, "2013-02-01", YEAR) == ["2013-02-01"]


def test_a_static_slot_reads_the_slot_of_its_name() -> None:
    assert read(REGIONS, "US", REGIONS) == ["US"]


def test_an_unpartitioned_asset_reads_all_slots_of_its_input() -> None:
    assert read(None, None, REGIONS) == ["EU", "US"]


def test_an_unpartitioned_asset_reads_of_an_open_input_what_has_ended() -> None:
    assert read(None, None, Daily("2013-02-27")) == ["2013-02-27", "2013-02-28"]


def test_a_month_reads_its_days() -> None:
    days = read(Monthly("2013-01"), "2013-02", YEAR)
    assert (days[0], days[-1], len(days)) == ("2013-02-01", "2013-02-28", 28)


def test_an_hour_reads_its_day() -> None:
    assert read(Hourly("2013-01-01"), "2013-02-01T23:00", YEAR) == ["2013-02-01"]


def test_a_week_reads_both_months_that_it_lies_in() -> None:
    assert read(Weekly("2013-01-28"), "2013-01-28", Monthly("2013-01")) == ["2013-01", "2013-02"]


@pytest.mark.parametrize(("day", "hours"), [("2013-03-10", 23), ("2013-11-03", 25), ("2013-06-01", 24)])
def test_a_day_reads_as_many_hours_as_it_has(day: str, hours: int) -> None:
    zone = "America/New_York"
    assert len(read(Daily("2013-01-01", timezone=zone), day, Hourly("2013-01-01", timezone=zone))) == hours


def test_a_day_whose_last_hour_comes_twice_reads_both() -> None:
    zone = "America/Sao_Paulo"
    hours = read(Daily("2018-02-01", timezone=zone), "2018-02-17", Hourly("2018-02-01", timezone=zone))
    assert hours[-2:] == ["2018-02-17T23:00", "2018-02-17T23:00-03:00"]


def test_a_day_reads_both_days_of_another_zone_that_share_time_with_it() -> None:
    assert read(Daily("2013-01-01", timezone="America/New_York"), "2013-02-01", YEAR) == ["2013-02-01", "2013-02-02"]


def test_a_month_at_the_edge_reads_the_days_that_the_input_has() -> None:
    assert read(Monthly("2013-01"), "2013-01", Daily("2013-01-30")) == ["2013-01-30", "2013-01-31"]


@pytest.mark.parametrize("start", ["2013-01-01", "2013-02-01"])
def test_an_input_of_other_bounds_is_read_where_it_has_the_slot(start: str) -> None:
    short = Daily(start, "2013-03-01")
    assert [read(YEAR, key, short) for key in ("2013-02-28", "2013-03-01")] == [["2013-02-28"], []]


@pytest.mark.parametrize("start", ["2013-01-01", "2013-02-01"])
def test_what_an_input_of_other_bounds_lacks_counts_as_missing_if_one_says_so(start: str) -> None:
    short = Daily(start, "2013-03-01")
    [lacking] = read(YEAR, "2013-03-01", short, outside="missing")
    assert lacking not in short.keys(NOW)


@given(
    st.sampled_from([Hourly, Daily, Weekly, Monthly]),
    st.sampled_from([Hourly, Daily, Weekly, Monthly]),
    st.sampled_from(["UTC", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu"]),
    st.sampled_from(["UTC", "America/New_York", "America/Havana"]),
    st.integers(0, 300),
)
def test_a_slot_reads_exactly_the_windows_that_share_time_with_its_own(
    down_of: type, up_of: type, down_zone: str, up_zone: str, place: int
) -> None:
    down: TimePartitions = down_of(date(2013, 2, 1), timezone=down_zone)  # type: ignore[call-arg]
    up: TimePartitions = up_of(date(2012, 11, 1), timezone=up_zone)  # type: ignore[call-arg]
    key = down.key_at(place) or ""
    start, end = (moment.astimezone(UTC) for moment in down.span(key))
    near = range(max(0, up.place_at(start - timedelta(days=1))), up.place_at(end + timedelta(days=1)) + 1)
    sharing = []
    for candidate in (up.key_at(one) or "" for one in near):
        begins, ends = (moment.astimezone(UTC) for moment in up.span(candidate))
        if begins < end and start < ends:
            sharing.append(candidate)
    assert read(down, key, up) == sharing


# --- asked for


def test_a_trailing_window_counts_back_from_the_own_day() -> None:
    assert read(YEAR, "2013-02-03", YEAR, window(-2, 0)) == ["2013-02-01", "2013-02-02", "2013-02-03"]


def test_a_leading_window_leaves_the_own_day_out() -> None:
    assert read(YEAR, "2013-02-03", YEAR, window(1, 2)) == ["2013-02-04", "2013-02-05"]


def test_a_window_is_cut_off_at_the_edge_of_the_input() -> None:
    assert read(YEAR, "2013-01-02", YEAR, window(-6, 0)) == ["2013-01-01", "2013-01-02"]


def test_a_window_beyond_the_edge_counts_as_missing_if_one_says_so() -> None:
    keys = read(YEAR, "2013-01-02", YEAR, window(-2, 0), "missing")
    assert ([key in YEAR.keys(NOW) for key in keys], len(set(keys))) == ([False, True, True], 3)


def test_a_window_beyond_the_end_is_cut_off_too() -> None:
    assert read(YEAR, "2013-12-31", YEAR, window(0, 3)) == ["2013-12-31"]


def test_a_window_of_an_hour_counts_days_from_the_day_of_the_hour() -> None:
    assert read(Hourly("2013-01-01"), "2013-02-02T05:00", YEAR, window(-1, 0)) == ["2013-02-01", "2013-02-02"]


def test_a_window_of_a_month_begins_before_its_first_day_and_ends_with_its_last() -> None:
    days = read(Monthly("2013-01"), "2013-02", YEAR, window(-1, 0))
    assert (days[0], days[-1], len(days)) == ("2013-01-31", "2013-02-28", 29)


def test_a_window_of_a_month_over_weeks_keeps_the_week_in_which_it_ends() -> None:
    plain = read(Monthly("2013-01"), "2013-01", Weekly("2012-12-31"))
    assert read(Monthly("2013-01"), "2013-01", Weekly("2012-12-31"), window(0, 0)) == plain


def test_all_partitions_are_read_by_every_slot_if_one_says_so() -> None:
    assert read(YEAR, "2013-02-01", REGIONS, all_partitions()) == ["EU", "US"]


# --- refused


def accepted(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None = None) -> bool:
    try:
        infer(down, up, mapping, where="assets.py:1", what="the input u of d")
    except DefinitionError as error:
        return error.code != "HW125"
    return True


@pytest.mark.parametrize(
    ("down", "up", "mapping", "fine"),
    [
        (None, None, None, True),
        (YEAR, None, None, True),
        (None, YEAR, None, True),
        (YEAR, YEAR, None, True),
        (YEAR, Monthly("2013-01"), None, True),
        (Monthly("2013-01"), YEAR, window(-6, 0), True),
        (REGIONS, REGIONS, None, True),
        (REGIONS, Static(["EU"]), None, False),
        (REGIONS, YEAR, None, False),
        (YEAR, REGIONS, None, False),
        (REGIONS, YEAR, all_partitions(), True),
        (None, YEAR, all_partitions(), True),
        (YEAR, None, all_partitions(), True),
        (None, YEAR, window(-1, 0), False),
        (YEAR, None, window(-1, 0), False),
        (REGIONS, REGIONS, window(-1, 0), False),
        (YEAR, REGIONS, window(-1, 0), False),
    ],
)
def test_only_pairs_with_one_sensible_mapping_are_accepted(
    down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None, fine: bool
) -> None:
    assert accepted(down, up, mapping) is fine


def test_a_pair_without_mapping_is_refused_with_both_definitions_and_the_options() -> None:
    with pytest.raises(DefinitionError) as caught:
        infer(REGIONS, YEAR, None, where="assets.py:1", what="the input u of d")
    assert caught.value.why == "the asset: static (2 keys); the input: by the day from 2013-01-01 to 2014-01-01 (UTC)"
    assert "all_partitions()" in caught.value.hint


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(DefinitionError, match="HW124"):
        window(0, -6)


def test_an_input_accepts_only_the_two_words_for_what_lies_outside() -> None:
    with pytest.raises(DefinitionError, match="HW126"):
        Input("a", outside="ignore")


@pytest.mark.parametrize(
    ("down", "up", "option"),
    [
        (REGIONS, YEAR, "last()"),
        (REGIONS, Static(["EU"]), "identity() or static_map({...})"),
        (YEAR, Multi(a=REGIONS, b=Static(["x"])), 'dimension("a") or dimension("b")'),
        (Multi(date=YEAR, region=REGIONS), Multi(date=REGIONS, kind=REGIONS), 'dimension("date")'),
    ],
)
def test_an_unmapped_pair_is_refused_with_what_could_be_written(down: Partitions, up: Partitions, option: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        infer(down, up, None, where="assets.py:1", what="the input u of d")
    assert (caught.value.code, option in caught.value.hint) == ("HW125", True), caught.value.hint


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"EU": "DE"}, "'US'"),
        ({"EU": "DE", "US": [], "ASIA": []}, "'ASIA'"),
        ({"EU": ["DE", "FR", "UK"], "US": []}, "'UK'"),
    ],
)
def test_a_static_map_that_does_not_fit_the_keys_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=f"HW117.*{said}"):
        infer(REGIONS, Static(["DE", "FR"]), static_map(table), where="", what="the input u of d")


def test_a_function_that_fails_or_gives_no_keys_is_told_with_the_key() -> None:
    for wrong in (lambda key: 1 / 0, lambda key: [7], lambda key: None):
        with pytest.raises(DefinitionError, match=r"HW119 .*'EU'"):
            read(REGIONS, "EU", YEAR, mapped(wrong))
