"""Floats that moved within the tolerance of what originated their version keep it; everything else does not."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from assets_core.versions import changed_columns
from lineage.fingerprint import data_version
from lineage.fingerprint_tolerance import keep_within_tolerance


def table(values: list[Any], **more: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"id": range(len(values)), "x": pl.Series(values, dtype=pl.Float64), **more})


def changed(original: pl.DataFrame, now: pl.DataFrame, tolerance: float = 1e-12, *, ordered: bool = False) -> set[str]:
    """The columns that differ for a reader after the tolerance was applied."""
    before, after = (data_version(one, unique_key=["id"], ordered=ordered) for one in (original, now))
    kept = keep_within_tolerance(after, now, before, original, tolerance=tolerance)
    return set(changed_columns(before, kept, original.columns))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (0.1 + 0.2, 0.3),
        (1e300 / 3, 1e300 / 3 * (1 + 1e-15)),
        (-1 / 3, -1 / 3 * (1 - 1e-14)),
    ],
)
def test_noise_in_the_last_bits_changes_nothing(then: float, now: float) -> None:
    assert changed(table([then, 5.5]), table([now, 5.5])) == set()


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (0.5, 0.5 + 1e-9),
        (1e15, 1e15 + 1),
        (3.0, 4.0),
        (None, 0.5),
        (0.5, None),
        (math.nan, 0.5),
        (math.inf, 1e308),
        (math.inf, -math.inf),
        (0.5, -0.5),
        (1e-300, 2e-300),
        (0.0, 1e-30),
        (0.0, -0.0),
    ],
)
def test_anything_more_is_a_change(then: float | None, now: float | None) -> None:
    assert changed(table([then, 5.5]), table([now, 5.5])) == {"x"}


def test_rows_are_compared_by_key_and_not_by_place() -> None:
    original = table([0.3, 5.5, 7.25])
    now = table([0.1 + 0.2, 5.5, 7.25]).reverse()
    assert changed(original, now) == set()


def test_swapped_values_are_a_change() -> None:
    assert changed(table([0.3, 5.5]), table([5.5, 0.1 + 0.2])) == {"x"}


def test_another_column_that_changed_does_not_hide_the_noise_nor_is_it_hidden() -> None:
    original = table([0.3, 5.5], label=["a", "b"])
    assert changed(original, table([0.1 + 0.2, 5.5], label=["a", "c"])) == {"label"}


def test_without_a_key_nothing_is_kept() -> None:
    original, now = (table([one, 5.5]).drop("id") for one in (0.3, 0.1 + 0.2))
    before, after = data_version(original), data_version(now)
    assert keep_within_tolerance(after, now, before, original) is after


def test_other_keys_are_a_change() -> None:
    original = table([0.3, 5.5])
    now = original.with_columns(id=pl.Series([0, 2]), x=pl.Series([0.1 + 0.2, 5.5]))
    assert "x" in changed(original, now)


def test_a_tolerance_of_zero_keeps_nothing() -> None:
    assert changed(table([0.3]), table([0.1 + 0.2]), tolerance=0) == {"x"}


def test_in_an_ordered_asset_rows_are_compared_by_place() -> None:
    original, now = table([0.3, 5.5]), table([0.1 + 0.2, 5.5])
    assert changed(original, now, ordered=True) == set()
    assert "x" in changed(original, now.reverse(), ordered=True)


def test_small_steps_do_not_add_up_unseen() -> None:
    original = table([1 / 3])
    before = data_version(original, unique_key=["id"])
    seen = []
    for step in range(1, 5):
        now = table([1 / 3 * (1 + step * 0.4e-12)])
        after = data_version(now, unique_key=["id"])
        seen.append(keep_within_tolerance(after, now, before, original).columns["x"] == before.columns["x"])
    assert seen == [True, True, False, False]


def test_sums_of_one_group_by_in_any_order_of_rows_keep_one_version() -> None:
    rows = pl.DataFrame({"g": [n % 600 for n in range(30_000)], "v": [1 / (n + 1) for n in range(30_000)]})
    totals = [
        rows.sample(fraction=1, shuffle=True, seed=seed).group_by("g").agg(pl.col("v").sum()) for seed in range(5)
    ]
    first = data_version(totals[0], unique_key=["g"])
    later = [
        keep_within_tolerance(data_version(one, unique_key=["g"]), one, first, totals[0]).columns for one in totals[1:]
    ]
    assert all(columns == first.columns for columns in later)
