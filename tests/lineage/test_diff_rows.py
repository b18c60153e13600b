"""Rows of two tables compared."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.diff_rows import diff_rows


def test_rows_are_matched_by_their_key() -> None:
    before = pl.DataFrame({"id": [1, 2, 3], "v": ["a", "b", "c"], "w": [1, 1, 1]})
    after = pl.DataFrame({"id": [4, 3, 2], "v": ["d", "c", "B"], "w": [1, 2, 2]})
    found = diff_rows(before, after, [("id",)])

    assert (found.key, found.added, found.removed, found.changed) == (("id",), 1, 1, 2)
    assert found.columns == {"v": 1, "w": 2}
    assert found.added_sample == ({"id": 4, "v": "d", "w": 1},)
    assert found.removed_sample == ({"id": 1, "v": "a", "w": 1},)
    assert found.changed_sample[0] == {
        "key": {"id": 2},
        "columns": {"v": {"before": "b", "after": "B"}, "w": {"before": 1, "after": 2}},
    }


def test_a_key_that_tells_rows_apart_on_one_side_only_is_not_used() -> None:
    before = pl.DataFrame({"id": [1, 2], "other": [1, 2]})
    found = diff_rows(before, pl.DataFrame({"id": [1, 1], "other": [1, 2]}), [("id",), ("gone",), ("other",)])

    assert found.key == ("other",)
    assert (found.changed, found.columns) == (1, {"id": 1})


def test_a_key_with_a_null_is_not_used() -> None:
    frame = pl.DataFrame({"id": [1, None]})

    assert diff_rows(frame, frame, [("id",)]).key == ()


def test_without_a_key_whole_rows_are_counted() -> None:
    before = pl.DataFrame({"v": ["a", "a", "b"], "w": [1, 1, 1]})
    found = diff_rows(before, pl.DataFrame({"v": ["a", "b", "b", "c"], "w": [1, 1, 1, 1]}))

    assert (found.key, found.added, found.removed, found.changed) == ((), 2, 1, None)
    assert found.columns == {"v": 2, "w": 1}


def test_the_order_of_rows_does_not_count() -> None:
    before = pl.DataFrame({"v": [1, 2, 2]})

    assert diff_rows(before, before.reverse()).equal


@pytest.mark.parametrize(
    "values",
    [
        [1.5, None, float("nan")],
        [[1], None, []],
        [{"a": 1}, {"a": None}, None],
        [Decimal("1.10"), None, Decimal("2.00")],
        [date(2024, 1, 1), None, date(2024, 1, 2)],
        [b"\x00", b"", None],
    ],
)
@pytest.mark.parametrize("key", [[], [("id",)]])
def test_equal_values_of_any_type_are_no_difference(values: list[Any], key: list[tuple[str, ...]]) -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "v": values})

    assert diff_rows(frame, frame.clone(), key).equal


def test_another_type_with_the_same_values_is_no_difference_of_rows() -> None:
    before = pl.DataFrame({"id": [1, 2], "v": [1, 2], "e": ["x", "y"]}, schema_overrides={"v": pl.Int8})
    after = before.with_columns(pl.col("v").cast(pl.Float64), pl.col("e").cast(pl.Enum(["x", "y"])))

    assert diff_rows(before, after, [("id",)]).equal


def test_only_columns_that_both_have_are_compared() -> None:
    before = pl.DataFrame({"id": [1], "old": [1]})

    assert diff_rows(before, pl.DataFrame({"id": [1], "new": [2]}), [("id",)]).equal


def test_tables_without_a_common_column_share_no_row() -> None:
    found = diff_rows(pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"b": [1]}))

    assert (found.added, found.removed) == (1, 2)


def test_samples_are_bounded_and_in_order() -> None:
    found = diff_rows(pl.DataFrame({"v": []}, schema={"v": pl.Int64}), pl.DataFrame({"v": range(100, 0, -1)}), sample=2)

    assert (found.added, found.added_sample) == (100, ({"v": 1}, {"v": 2}))


rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=8)


@given(rows, rows)
def test_whole_rows_agree_with_counting(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
    schema = {"n": pl.Int64, "s": pl.String}
    found = diff_rows(pl.DataFrame(before, schema, orient="row"), pl.DataFrame(after, schema, orient="row"))
    added = sum(max(0, after.count(row) - before.count(row)) for row in set(after))
    removed = sum(max(0, before.count(row) - after.count(row)) for row in set(before))

    assert (found.added, found.removed) == (added, removed)


def test_dates_beyond_pythons_years_are_compared_and_shown() -> None:
    days = pl.Series("day", [0, 1, 2**31 - 1], dtype=pl.Int32)
    before = pl.DataFrame({"id": [1, 2, 3], "day": days.cast(pl.Date), "n": [1, 1, 1]})
    later = pl.Series("day", [0, 5, 5], dtype=pl.Int32)
    after = pl.DataFrame({"id": [1, 2, 3], "day": later.cast(pl.Date), "n": [2, 1, 1]})
    found = diff_rows(before, after, [("id",)])

    assert (found.changed, found.columns) == (3, {"day": 2, "n": 1})
    assert found.changed_sample[0] == {"key": {"id": 1}, "columns": {"n": {"before": 1, "after": 2}}}
    assert found.changed_sample[2]["columns"]["day"]["before"] == "2147483647 days from 1970"
    assert diff_rows(before.drop("id"), after.drop("id")).removed_sample[-1]["day"] == "2147483647 days from 1970"


def counted(counts: list[Any], dtype: Any) -> pl.Series:
    return pl.Series("v", counts).cast(dtype)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pl.Series("v", [0.0, 1.0]), pl.Series("v", [-0.0, 1.0])),
        (pl.Series("v", [2**53 + 1, 1]), pl.Series("v", [2.0**53, 1.0])),
        (
            pl.Series("v", [Decimal(10**37), Decimal(0)]),
            pl.Series("v", [Decimal("0.1"), Decimal(0)]).cast(pl.Decimal(38, 30)),
        ),
        (counted([1, 0], pl.Datetime("ns")), counted([0, 0], pl.Datetime("us"))),
        (counted([[1], [0]], pl.List(pl.Datetime("ns"))), counted([[2], [0]], pl.List(pl.Datetime("ns")))),
        (counted([[1], [0]], pl.List(pl.Time)), counted([[2], [0]], pl.List(pl.Time))),
        (counted([[10**7], [0]], pl.List(pl.Date)), counted([[10**7 + 1], [0]], pl.List(pl.Date))),
        (counted([2**62, 0], pl.Duration("ms")), counted([2**62, 0], pl.Duration("us"))),
    ],
)
@pytest.mark.parametrize("key", [[], [("id",)]])
def test_the_smallest_difference_of_values_is_one(
    before: pl.Series, after: pl.Series, key: list[tuple[str, ...]]
) -> None:
    ids = pl.Series("id", [1, 2])
    found = diff_rows(pl.DataFrame([ids, before]), pl.DataFrame([ids, after]), key)

    assert found.columns["v"] >= 1
    assert found.changed in ((1, 2) if key else (None,))


def test_the_same_moments_in_another_unit_are_no_difference() -> None:
    moments = [datetime(2024, 1, 1), datetime(9999, 12, 31), None]
    before = pl.DataFrame({"v": pl.Series(moments, dtype=pl.Datetime("us"))})

    for rows in (before, before.head(1)):
        assert diff_rows(rows, rows.cast(pl.Datetime("ms"))).equal
    assert diff_rows(before.head(1), before.head(1).cast(pl.Datetime("ns"))).equal
