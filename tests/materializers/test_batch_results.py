"""Splitting what one call gave for many slots, and judging it slot by slot."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from assets_core import check
from assets_core.asset import Asset
from assets_core.errors import DataError
from assets_core.partitions import Daily, Hourly, Static
from lineage.checks.evaluate import evaluate
from lineage.checks.rules import KINDS
from materializers.batch_results import ROW_BY_ROW, checks_of, difference, hold_together, places_among, split

DAYS = Daily("2024-01-01", "2024-01-06")
ASSET: Asset[..., object] = Asset("a", partitions=DAYS, partition_by="day", unique_key=("day", "id"))


def frame(*rows: tuple[int | None, int]) -> pl.DataFrame:
    """Rows of a day of January and an id."""
    made = [(None if day is None else dt.date(2024, 1, day), number) for day, number in rows]
    return pl.DataFrame(made, schema={"day": pl.Date, "id": pl.Int64}, orient="row")


def test_rows_go_to_their_slots_in_the_order_in_which_they_came() -> None:
    parts = split(frame((2, 5), (1, 4), (2, 3), (1, 9)), ASSET, ["2024-01-01", "2024-01-02"])
    assert [part["id"].to_list() for part in parts] == [[4, 9], [5, 3]]


def test_a_slot_without_rows_gets_an_empty_table_of_the_same_columns() -> None:
    parts = split(frame((1, 4)), ASSET, ["2024-01-01", "2024-01-02", "2024-01-03"])
    assert [part.height for part in parts] == [1, 0, 0]
    assert parts[2].schema == parts[0].schema


def test_an_empty_result_is_empty_slots() -> None:
    assert [part.height for part in split(frame(), ASSET, ["2024-01-01", "2024-01-02"])] == [0, 0]


def test_slots_may_have_gaps_between_them_and_rows_in_a_gap_are_refused() -> None:
    keys = ["2024-01-01", "2024-01-03", "2024-01-05"]
    assert [part["id"].to_list() for part in split(frame((5, 1), (3, 2), (1, 3)), ASSET, keys)] == [[3], [2], [1]]
    with pytest.raises(DataError, match="1 of other partitions") as caught:
        split(frame((1, 1), (2, 2)), ASSET, keys)
    assert caught.value.code == "HW338"
    assert "day=2024-01-02, id=2" in caught.value.why


def test_an_hour_that_comes_twice_is_two_slots() -> None:
    hours = Hourly("2013-11-03T00:00", "2013-11-03T04:00", timezone="America/New_York")
    moments = pl.Series([dt.datetime(2013, 11, 3, hour, tzinfo=dt.UTC) for hour in (4, 5, 6, 7)])
    keys = list(hours.keys(dt.datetime.now(dt.UTC)))[:4]
    assert places_among(moments, hours, keys).to_list() == [0, 1, 2, 3]
    assert places_among(moments, hours, [keys[0], keys[2]]).to_list() == [0, None, 1, None]


def test_names_are_found_in_any_order() -> None:
    asset: Asset[..., object] = Asset("a", partitions=Static(["EU", "US", "ASIA"]), partition_by="region")
    rows = pl.DataFrame({"region": ["US", "EU", "US"], "id": [1, 2, 3]})
    assert [part["id"].to_list() for part in split(rows, asset, ["EU", "US"])] == [[2], [1, 3]]


def test_a_key_must_be_unique_in_each_slot_and_not_over_all_of_them() -> None:
    asset: Asset[..., object] = Asset("a", partitions=DAYS, partition_by="day", unique_key=("id",))
    hold_together([frame((1, 1), (1, 2)), frame((2, 1), (2, 2))], asset, [(), ("id",)])
    with pytest.raises(DataError, match="is not unique"):
        hold_together([frame((1, 1), (1, 2)), frame((2, 1), (2, 1))], asset, [("id",), ("day",)])


def test_checks_give_what_each_slot_alone_gives() -> None:
    checks = [
        check.not_null("id"),
        check.unique("id"),
        check.between("id", 0, 5),
        check.row_count(2),
        check.expression("id < 7"),
        check.accepted_values("id", [1, 2, 3, 9]),
        check.foreign_key("id", "other"),
        check.foreign_key("id", "a"),
        check.not_null("nowhere"),
    ]
    nothing = frame((4, 1)).with_columns(id=pl.lit(None, pl.Int64))
    parts = [frame((1, 1), (1, 2)), frame(), frame((2, 1), (2, 9)), frame((3, 3)), nothing, frame()]

    def lookup(rows: pl.DataFrame, key: str, column: str) -> pl.LazyFrame:
        return rows.lazy() if key == "a" else pl.LazyFrame({"id": [1, 2, 9]})

    together = checks_of(parts, checks, "a", lookup)
    apart = [
        evaluate(checks, part, lookup=lambda key, column, part=part: lookup(part, key, column))  # type: ignore[misc]
        for part in parts
    ]
    assert together == apart


def test_every_kind_of_check_was_thought_of() -> None:
    """A new kind is evaluated slot by slot until somebody has thought about it."""
    assert set(KINDS) - ROW_BY_ROW == {"expression", "row_count"}


def test_differences_are_said_by_columns_and_floats_count_within_the_tolerance() -> None:
    asset: Asset[..., object] = Asset("a", partitions=DAYS, partition_by="day", unique_key=("id",))
    alone = frame((1, 1), (1, 2)).with_columns(v=pl.Series([0.1, 0.2]))
    assert difference(alone.reverse(), alone, asset) == ""
    assert difference(alone.with_columns(pl.col("v") + 1e-15), alone, asset) == ""
    assert difference(alone.with_columns(pl.col("v") + 1e-3), alone, asset) == "v differ"
    assert difference(alone.head(1), alone, asset) == "1 rows instead of 2"
    assert difference(alone.drop("v"), alone, asset).startswith("columns ")
