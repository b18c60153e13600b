"""Limits and accepted values are compared with a column as they are written, not rounded to its type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets_core import check
from assets_core.check import Check, CheckResult
from lineage.checks import evaluate

NOON = datetime(2024, 1, 1, 12)
MICROSECOND = timedelta(microseconds=1)
BERLIN = ZoneInfo("Europe/Berlin")


def judged(rule: Check, dtype: Any, *values: object) -> CheckResult:
    (result,) = evaluate(
        [rule], pl.DataFrame({"x": pl.Series(values, dtype=dtype)}), lookup=lambda key, column: pl.Series()
    )
    return result


@pytest.mark.parametrize(
    ("dtype", "value", "limit"),
    [
        (pl.Int8, 100, 99.5),
        (pl.Int64, 2**53 + 1, float(2**53)),
        (pl.UInt64, 2**64 - 1, Decimal(2**64 - 2)),
        (pl.UInt8, 0, -1),
        (pl.Int128, 2**100 + 1, 2.0**100),
        (pl.Float32, 16777218.0, 16777217),
        (pl.Float64, float(2**53 + 2), 2**53 + 1),
        (pl.Float64, float("nan"), 1e308),
        (pl.Float64, float("inf"), Decimal("1e400")),
        (pl.Decimal(10, 2), Decimal("0.31"), 0.3),
        (pl.Decimal(10, 2), Decimal("0.31"), Decimal("0.309")),
        (pl.Date, date(2024, 1, 2), NOON),
        (pl.Datetime("ms"), NOON + 1000 * MICROSECOND, NOON + 999 * MICROSECOND),
        (pl.Datetime("us"), NOON, date(2024, 1, 1)),
        (pl.Datetime("ns"), NOON + MICROSECOND, "2024-01-01T12:00:00"),
        (pl.Datetime("us", "UTC"), NOON.replace(tzinfo=UTC), datetime(2024, 1, 1, 12, tzinfo=BERLIN)),
        (pl.Datetime("ms", "Europe/Berlin"), NOON.replace(tzinfo=BERLIN), "2024-01-01T10:59:59Z"),
        (pl.Time, time(12, 0, 1), time(12)),
        (pl.Duration("ms"), timedelta(seconds=1), timedelta(seconds=1) - MICROSECOND),
        (pl.String, "b", "a"),
        (pl.Boolean, True, False),
        (pl.Binary, b"b", b"a"),
    ],
)
def test_a_value_beyond_a_limit_breaks_the_range_however_close_it_is(dtype: Any, value: Any, limit: Any) -> None:
    assert judged(check.between("x", high=limit), dtype, value).failed_rows == 1
    if value == value:
        assert judged(check.between("x", low=limit), dtype, value, None).passed


@pytest.mark.parametrize(
    ("dtype", "value", "limit"),
    [
        (pl.Int64, 2**53, float(2**53)),
        (pl.Int8, 100, 10**30),
        (pl.Int8, 100, float("inf")),
        (pl.Float32, 0.1, 0.1),
        (pl.Float64, 0.1, Decimal("0.1")),
        (pl.Float64, 1e308, Decimal("1e400")),
        (pl.Float64, float("inf"), float("inf")),
        (pl.Decimal(10, 2), Decimal("0.30"), 0.3),
        (pl.Decimal(10, 2), Decimal("0.30"), Decimal(10) ** 60),
        (pl.Date, date(2024, 1, 1), datetime(2024, 1, 1)),
        (pl.Datetime("ms"), NOON, NOON + 900 * MICROSECOND),
        (pl.Datetime("ns"), NOON, datetime(9999, 1, 1)),
        (pl.Datetime("us", "Europe/Berlin"), datetime(2024, 1, 1, tzinfo=BERLIN), date(2024, 1, 1)),
        (pl.Datetime("us", "UTC"), NOON.replace(tzinfo=UTC), datetime(2024, 1, 1, 13, tzinfo=BERLIN)),
    ],
)
def test_a_value_up_to_the_limit_is_in_the_range(dtype: Any, value: Any, limit: Any) -> None:
    assert judged(check.between("x", high=limit), dtype, value, None).passed


@pytest.mark.parametrize(
    ("dtype", "value", "low"),
    [
        (pl.Datetime("ms"), NOON, NOON + 900 * MICROSECOND),
        (pl.Decimal(10, 2), Decimal("0.30"), Decimal("0.301")),
        (pl.Float32, 16777216.0, 16777217),
        (pl.Int64, 0, 0.5),
        (pl.UInt8, 255, 10**30),
        (pl.Date, date(2024, 1, 1), NOON),
    ],
)
def test_a_value_below_a_limit_that_the_type_cannot_hold_breaks_the_range(dtype: Any, value: Any, low: Any) -> None:
    assert judged(check.between("x", low=low), dtype, value, None).failed_rows == 1


@pytest.mark.parametrize(
    ("dtype", "value", "given"),
    [
        (pl.Decimal(10, 2), Decimal("1.00"), Decimal("1.004")),
        (pl.Float32, 16777216.0, 16777217),
        (pl.Float64, float(2**53), 2**53 + 1),
        (pl.Float64, float("inf"), Decimal("1e400")),
        (pl.Int64, 1, 1.5),
        (pl.Int64, 2**53 + 1, float(2**53)),
        (pl.Int8, -128, 128),
        (pl.Int8, 0, float("nan")),
        (pl.Date, date(2024, 1, 1), NOON),
        (pl.Datetime("ms"), NOON, NOON + MICROSECOND),
        (pl.Duration("ms"), timedelta(), MICROSECOND),
    ],
)
def test_an_accepted_value_that_the_column_cannot_hold_accepts_nothing(dtype: Any, value: Any, given: Any) -> None:
    assert judged(check.accepted_values("x", [given]), dtype, value, None).failed_rows == 1


@pytest.mark.parametrize(
    ("dtype", "value", "given"),
    [
        (pl.Decimal(10, 2), Decimal("0.10"), 0.1),
        (pl.Decimal(10, 2), Decimal("5.00"), 5),
        (pl.Float32, 0.1, 0.1),
        (pl.Float64, 5.0, 5),
        (pl.Float64, float("nan"), float("nan")),
        (pl.UInt64, 2**64 - 1, 2**64 - 1),
        (pl.Int128, 2**100, 2.0**100),
        (pl.Int64, 5, Decimal("5.0")),
        (pl.Date, date(2024, 1, 1), "2024-01-01"),
        (pl.Datetime("ms"), NOON, NOON),
        (pl.Datetime("us", "UTC"), NOON.replace(tzinfo=UTC), "2024-01-01T13:00:00+01:00"),
        (pl.Time, time(5), "05:00"),
        (pl.Enum(["a", "b"]), "a", "a"),
        (pl.Boolean, True, True),
        (pl.Binary, b"a", b"a"),
    ],
)
def test_an_accepted_value_is_found_in_every_type(dtype: Any, value: Any, given: Any) -> None:
    assert judged(check.accepted_values("x", [given]), dtype, value, None).passed


@pytest.mark.parametrize("rule", [check.between("x", NOON), check.accepted_values("x", [NOON])])
def test_a_moment_without_a_zone_is_not_compared_with_one_that_has_it(rule: Check) -> None:
    assert "add its offset from UTC" in judged(rule, pl.Datetime("us", "UTC"), NOON.replace(tzinfo=UTC)).message


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Float64, pl.Float32])
def test_a_whole_number_beyond_all_floats_is_a_limit_too(dtype: Any) -> None:
    assert judged(check.between("x", -(10**400), 10**400), dtype, 1).passed
    assert judged(check.accepted_values("x", [10**400]), dtype, 1).failed_rows == 1
