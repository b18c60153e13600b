"""To which slot a row belongs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.errors import DataError
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
    TimePartitions,
    Weekly,
    Yearly,
)
from materializers.slots import places, row_places, surely_within, unread

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NEW_YORK = Daily("2013-01-01", "2013-01-04", timezone="America/New_York")


def keys_of(values: list[Any], definition: Partitions, dtype: Any = None) -> list[str | None]:
    keys = list(definition.keys(NOW))
    found = places(pl.Series("c", values, dtype=dtype), definition, keys)
    assert found.dtype == pl.UInt32
    return [None if place is None else keys[place] for place in found]


def test_a_date_is_a_local_day() -> None:
    values = [date(2012, 12, 31), date(2013, 1, 1), None, date(2013, 1, 3), date(2013, 1, 4)]
    assert keys_of(values, NEW_YORK) == [None, "2013-01-01", None, "2013-01-03", None]


def test_a_datetime_without_zone_is_local_time() -> None:
    values = [datetime(2013, 1, 1), datetime(2013, 1, 1, 23, 59, 59, 999_999), datetime(2013, 1, 2)]
    assert keys_of(values, NEW_YORK) == ["2013-01-01", "2013-01-01", "2013-01-02"]


def test_a_datetime_with_zone_is_a_moment() -> None:
    values = [datetime(2013, 1, 1, 4, 59, tzinfo=UTC), datetime(2013, 1, 1, 5, tzinfo=UTC)]
    assert keys_of(values, NEW_YORK) == [None, "2013-01-01"]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_every_precision_of_time_will_do(unit: Any) -> None:
    assert keys_of([datetime(2013, 1, 2, 3)], NEW_YORK, pl.Datetime(unit)) == ["2013-01-02"]


@pytest.mark.parametrize(
    "text",
    ["2013-01-02", "2013-01-02T00:00:00", "2013-01-02 23:59:59.5", "2013-01-02T07:00:00Z", "2013-01-02T01:00:00+01:00"],
)
def test_text_is_read_as_iso(text: str) -> None:
    day = "2013-01-01" if text.endswith("+01:00") else "2013-01-02"
    assert keys_of([text, "soon", None], NEW_YORK) == [day, None, None]


def test_a_text_with_an_offset_changes_nothing_for_those_without() -> None:
    local = ["2013-01-01T23:30:00", "2013-01-02 01:00", "2013-01-03"]
    moments = ["2013-01-02T04:30:00Z", "2013-01-02 06:00:00.5+0000", "2013-01-03 00:00-05", "2013-01-03T00:00 -05:00"]
    expected = ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert keys_of([*local, *moments], NEW_YORK) == [*expected, *expected, "2013-01-03"]
    assert keys_of([*moments, *local], NEW_YORK) == [*expected, "2013-01-03", *expected]


def test_texts_of_hours_are_local_times_of_the_definition_unless_they_carry_an_offset() -> None:
    hours = Hourly("2024-11-03T00:00", "2024-11-03T04:00", timezone="America/New_York")
    values = ["2024-11-03T01:30:00", "2024-11-03T01:30:00-05:00", "2024-11-03T01:30:00-04:00", "2024-11-03T02:30:00"]
    first, again, later = "2024-11-03T01:00", "2024-11-03T01:00-05:00", "2024-11-03T02:00"
    assert keys_of(values, hours) == [first, again, first, later]


@pytest.mark.parametrize(
    ("values", "definition", "expected"),
    [
        (["2013-01-02", "soon", None, "2020-01-01", "12:00Z"], NEW_YORK, [False, True, False, False, True]),
        ([20130102, 20130230, None], NEW_YORK, [False, True, False]),
        ([date(2020, 1, 1), None], NEW_YORK, [False, False]),
        (["soon", None], Static(["EU"]), [False, False]),
    ],
)
def test_what_is_no_date_is_told_from_what_lies_outside(
    values: list[Any], definition: Partitions, expected: list[bool]
) -> None:
    assert unread(pl.Series("c", values), definition).to_list() == expected


@pytest.mark.parametrize(
    ("definition", "values", "expected"),
    [
        (NEW_YORK, [20130102, 20130230, 7], ["2013-01-02", None, None]),
        (Monthly("2013-01", "2013-03"), [201302, 20130131, 201303], ["2013-02", "2013-01", None]),
        (Hourly("2013-01-01", "2013-01-02"), [2013010105], ["2013-01-01T05:00"]),
        (Static(["1", "2"]), [1, 3, None], ["1", None, None]),
    ],
)
def test_integers_are_dates_written_without_dashes(
    definition: Partitions, values: list[int | None], expected: list[str | None]
) -> None:
    assert keys_of(values, definition) == expected


def test_a_month_may_be_written_as_its_key() -> None:
    assert keys_of(["2013-02", "2013-03-31"], Monthly("2013-01", "2013-04")) == ["2013-02", "2013-03"]


def test_static_partitions_are_told_by_text() -> None:
    assert keys_of(["US", "eu", None, "EU"], Static(["EU", "US"])) == ["US", None, None, "EU"]
    assert keys_of(["US", "EU"], Static(["EU", "US"]), pl.Enum(["EU", "US"])) == ["US", "EU"]


def test_a_definition_without_keys_has_no_rows() -> None:
    assert keys_of([date(2040, 1, 1)], Daily("2040-01-01")) == [None]


@pytest.mark.parametrize(("values", "definition"), [([1.5], NEW_YORK), ([True], NEW_YORK), ([1.5], Static(["1.5"]))])
def test_other_types_cannot_tell(values: list[object], definition: Partitions) -> None:
    with pytest.raises(DataError, match="'c'") as raised:
        keys_of(values, definition)
    assert raised.value.code == "HW318"


def test_a_column_of_nulls_belongs_nowhere() -> None:
    assert keys_of([None], NEW_YORK) == [None]


def test_the_days_of_a_clock_change_have_23_and_25_hours() -> None:
    berlin = Daily("2013-03-31", "2013-04-01", timezone="Europe/Berlin")
    moments = pl.datetime_range(datetime(2013, 3, 30), datetime(2013, 4, 2), "1h", time_zone="UTC", eager=True)
    assert sum(key is not None for key in keys_of(moments.to_list(), berlin)) == 23


def test_both_hours_of_a_clock_change_have_their_rows() -> None:
    hours = Hourly("2013-10-27T01:00", "2013-10-27T04:00", timezone="Europe/Berlin")
    moments = [datetime(2013, 10, 27, hour, 30, tzinfo=UTC) for hour in (-1 % 24, 0, 1, 2)][1:]
    found = keys_of(moments, hours)
    assert found == ["2013-10-27T02:00", "2013-10-27T02:00+01:00", "2013-10-27T03:00"]


DEFINITIONS = [
    Daily("2013-03-01", "2013-12-01", timezone="Europe/Berlin"),
    Weekly("2013-03-04", "2013-12-02", timezone="America/New_York"),
    Monthly("2013-03", "2013-12", timezone="Asia/Kolkata"),
    Hourly("2013-10-20", "2013-11-10", timezone="Europe/Berlin"),
]


@given(
    st.sampled_from(DEFINITIONS),
    st.lists(
        st.datetimes(datetime(2013, 1, 1), datetime(2013, 12, 31), timezones=st.just(UTC)), min_size=1, max_size=20
    ),
)
def test_a_moment_lies_in_the_window_of_its_key(definition: TimePartitions, moments: list[datetime]) -> None:
    for moment, key in zip(moments, keys_of(moments, definition), strict=True):
        place = definition.place_at(moment)
        assert key == definition.key_at(place)


@pytest.mark.parametrize(
    ("definition", "values", "expected"),
    [
        (
            Quarterly("2013-Q1", "2014-Q1"),
            ["2013-Q2", "2013-04-30", "2014-01-01", "x"],
            ["2013-Q2", "2013-Q2", None, None],
        ),
        (Quarterly("2013-Q1", "2014-Q1"), [201306, 20131231], ["2013-Q2", "2013-Q4"]),
        (Yearly("2013", "2015"), ["2013", "2014-05", "2015-01-01"], ["2013", "2014", None]),
        (Yearly("2013", "2015"), [2013, 20141231], ["2013", "2014"]),
        (Dynamic("n").filled({"n": ["a", "b"]}), ["b", "c", None], ["b", None, None]),
    ],
)
def test_quarters_years_and_dynamic_names_are_told_by_keys_dates_and_numbers(
    definition: Partitions, values: list[Any], expected: list[str | None]
) -> None:
    assert keys_of(values, definition) == expected


def test_a_moment_belongs_to_the_cron_window_that_it_lies_in() -> None:
    mornings = Cron("0 6 * * *", "2013-10-26", "2013-10-28", timezone="Europe/Berlin")
    values = ["2013-10-26T05:59:59", "2013-10-26T06:00:00", "2013-10-27T05:59:00", "2013-10-27T06:00:00"]
    assert keys_of(values, mornings) == [None, "2013-10-26T06:00", "2013-10-26T06:00", "2013-10-27T06:00"]


def test_a_row_belongs_to_the_slot_of_its_value_in_each_dimension() -> None:
    both = Multi(region=Static(["EU", "US"]), date=Daily("2013-01-01", "2013-01-03"))
    frame = pl.DataFrame({"day": ["2013-01-02", "2013-01-01", "2013-01-03", None], "where": ["EU", "US", "EU", "EU"]})
    keys = both.keys(datetime(2014, 1, 1, tzinfo=UTC))
    found = row_places(frame, {"region": "where", "date": "day"}, both, keys)
    assert [None if place is None else keys[place] for place in found] == ["EU,2013-01-02", "US,2013-01-01", None, None]
    assert row_places(frame, {"region": "where", "date": "day"}, both, ["EU,2013-01-02"]).to_list() == [
        0,
        None,
        None,
        None,
    ]


ZONES = ("UTC", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Asia/Tehran", "Africa/Casablanca")
WINDOWS: list[Partitions] = [
    *(Daily("2009-10-01", "2011-12-01", timezone=zone) for zone in ZONES),
    *(Hourly("2010-10-30T00:00", "2010-11-10T00:00", timezone=zone) for zone in ZONES),
    Weekly("2009-10-05", "2011-12-01", timezone="America/St_Johns"),
    Monthly("2009-10", "2011-12", timezone="Africa/Casablanca"),
    Cron("30 1 * * *", "2009-10-01", "2011-12-01", timezone="America/New_York"),
    Static(["EU", "US"]),
]
MOMENTS = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from([datetime(2010, 11, 7), datetime(2010, 10, 17), datetime(2010, 3, 14), datetime(2010, 8, 8)]),
    st.integers(-3000, 3000),
)
TYPES: list[Any] = [pl.Datetime("us", "UTC"), pl.Datetime("ms", "Asia/Tokyo"), pl.Datetime("ns"), pl.Date, pl.String]


@given(st.sampled_from(WINDOWS), st.sampled_from(TYPES), st.lists(MOMENTS, min_size=1, max_size=4), st.booleans())
def test_what_the_lowest_and_the_highest_tell_holds_for_every_value(
    definition: Partitions, dtype: Any, moments: list[datetime], gap: bool
) -> None:
    zone = getattr(dtype, "time_zone", None)
    column = pl.Series("c", moments).cast(pl.Datetime("us", "UTC") if zone else pl.Datetime("us"))
    column = pl.Series("c", ["EU" if one.minute < 30 else "US" for one in moments]) if dtype == pl.String else column
    column = pl.concat([column, pl.Series("c", [None], dtype=column.dtype)]) if gap else column
    column = (
        column if dtype == pl.String else column.dt.convert_time_zone(zone).cast(dtype) if zone else column.cast(dtype)
    )
    if isinstance(definition, Static) != (dtype == pl.String):
        return
    keys = list(definition.keys(NOW))
    belong = places(column, definition, keys)
    for key in {keys[one] for one in belong.drop_nulls()}:
        assert not surely_within(column, definition, key) or {
            keys[one] if one is not None else "" for one in belong
        } == {key}


@pytest.mark.parametrize(
    ("definition", "values", "told"),
    [
        (NEW_YORK, [date(2013, 1, 2)] * 2, True),
        (NEW_YORK, [datetime(2013, 1, 2), datetime(2013, 1, 2, 23, 59, 59)], True),
        (NEW_YORK, [datetime(2013, 1, 2, 5, tzinfo=UTC), datetime(2013, 1, 3, 4, 59, tzinfo=UTC)], True),
        (NEW_YORK, [datetime(2013, 1, 2, 5, tzinfo=UTC), datetime(2013, 1, 3, 5, tzinfo=UTC)], False),
        (NEW_YORK, [date(2013, 1, 2), None], False),
        (Daily("2013-03-09", "2013-03-12", timezone="America/New_York"), [date(2013, 3, 10)], True),
        (Hourly("2013-01-02", "2013-01-03"), [datetime(2013, 1, 2, 0, 59, tzinfo=UTC)], True),
        (Hourly("2013-01-02", "2013-01-03"), [datetime(2013, 1, 2, 0, 59)], False),
        (Monthly("2013-01", "2013-03"), [date(2013, 1, 1), date(2013, 1, 31)], True),
        (Static(["EU", "US"]), ["EU", "EU"], True),
        (Static(["EU", "US"]), ["EU", "US"], False),
    ],
)
def test_the_lowest_and_the_highest_value_tell_of_most_slots(
    definition: Partitions, values: list[Any], told: bool
) -> None:
    keys = list(definition.keys(NOW))
    assert any(surely_within(pl.Series("c", values), definition, key) for key in keys) == told


def test_a_day_that_a_clock_sets_back_into_is_looked_at_row_by_row() -> None:
    """At one minute past midnight of 2010-11-07 the clocks of St. John's went back into the day before."""
    days = Daily("2010-11-05", "2010-11-09", timezone="America/St_Johns")
    utc = pl.Series("c", [datetime(2010, 11, 7, 2, 30, 30), datetime(2010, 11, 7, 3, 15)]).dt.replace_time_zone("UTC")
    assert keys_of(utc.to_list(), days, pl.Datetime("us", "UTC")) == ["2010-11-07", "2010-11-06"]
    assert not any(surely_within(utc, days, key) for key in days.keys(NOW))
