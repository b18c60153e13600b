"""Rows with moments that Python does not have can be shown; all others stay as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest

from assets_core import check
from lineage.checks import evaluate
from lineage.presentable import presentable

EDGES = pl.DataFrame(
    {
        "day": [date(1, 1, 1), date(9999, 12, 31), None],
        "moment": pl.Series([datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59), None], dtype=pl.Datetime("us")),
        "milliseconds": pl.Series([datetime(1, 1, 1), datetime(9999, 12, 31), None], dtype=pl.Datetime("ms")),
        "utc": pl.Series([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), None]),
        "zoned": pl.Series(
            [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, tzinfo=UTC), None]
        ).dt.convert_time_zone("Pacific/Kiritimati"),
        "nanoseconds": pl.Series([2**62 // 1000 * 1000, -1000, None]).cast(pl.Datetime("ns")),
        "long": pl.Series([2**62, -1, None]).cast(pl.Duration("us")),
        "time": [time(1), time(23), None],
        "listed": [[date(2024, 1, 1), None], [], None],
        "packed": [{"a": date(2024, 1, 1)}, {"a": None}, None],
        "number": [1, 2, None],
    }
)


def test_what_python_holds_stays_as_it_is() -> None:
    assert presentable(EDGES).equals(EDGES)
    assert presentable(EDGES).schema == EDGES.schema
    assert presentable(EDGES).to_dicts()[1]["utc"] == datetime.max.replace(tzinfo=UTC)
    assert presentable(EDGES).to_dicts()[2]["day"] is None


def far(count: int, dtype: Any) -> pl.Series:
    physical = pl.Int32 if dtype == pl.Date else pl.Int64
    return pl.Series("x", [count, 0, None], dtype=physical).cast(dtype)


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (far(10**7, pl.Date), ["+29349-01-26", "1970-01-01", None]),
        (far(2**31 - 1, pl.Date), ["2147483647 days from 1970", "1970-01-01", None]),
        (far(-(2**31), pl.Date), ["-2147483648 days from 1970", "1970-01-01", None]),
        (far(2**62, pl.Datetime("us"))[:1], ["+148108-07-06 14:00:27.387904"]),
        (far(2**63 - 1, pl.Datetime("us"))[:1], ["9223372036854775807 us from 1970"]),
        (far(2**62, pl.Datetime("us", "UTC"))[:1], ["+148108-07-06 14:00:27.387904+00:00"]),
        (far(2**62, pl.Duration("ms")), [f"{2**62} ms", "0 ms", None]),
        (far(1, pl.Datetime("ns")), ["1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000000000", None]),
        (far(-1, pl.Datetime("ns", "Asia/Tokyo"))[:1], ["1970-01-01 08:59:59.999999999+09:00"]),
        (far(1, pl.Duration("ns")), ["1 ns", "0 ns", None]),
        (far(1, pl.Time), ["00:00:00.000000001", "00:00:00.000000000", None]),
        (pl.Series("x", [[1], []], dtype=pl.List(pl.Int64)).cast(pl.List(pl.Time)), [["00:00:00.000000001"], []]),
        (
            pl.Series("x", [[10**7], [], None], dtype=pl.List(pl.Int32)).cast(pl.List(pl.Date)),
            [["+29349-01-26"], [], None],
        ),
        (
            pl.Series("x", [[10**7]], dtype=pl.Array(pl.Int32, 1)).cast(pl.Array(pl.Date, 1)),
            [["+29349-01-26"]],
        ),
        (
            pl.Series("x", [{"a": 10**7, "b": 1}, None], dtype=pl.Struct({"a": pl.Int32, "b": pl.Int8})).cast(
                pl.Struct({"a": pl.Date, "b": pl.Int8})
            ),
            [{"a": "+29349-01-26", "b": 1}, None],
        ),
    ],
)
def test_what_python_does_not_hold_becomes_text(column: pl.Series, shown: list[object]) -> None:
    assert presentable(column.to_frame())["x"].to_list() == shown


def test_a_check_shows_rows_with_dates_beyond_pythons_years() -> None:
    frame = far(2**31 - 1, pl.Date).to_frame()
    (result,) = evaluate([check.between("x", high=date(9999, 12, 31))], frame, lookup=lambda key, column: pl.Series())
    assert (result.failed_rows, result.sample) == (1, ({"x": "2147483647 days from 1970"},))


def test_the_longest_duration_of_python_stays_one() -> None:
    assert presentable(pl.DataFrame({"x": [timedelta.max - timedelta(days=2)]})).to_dicts()
