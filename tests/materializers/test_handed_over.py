"""Small results that are handed to their readers from memory: the same as if they had been read from where they lie."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from assets_core.keys import Slot
from assets_core.records import RecordKind, Stored
from materializers.handed_over import _TYPES, HandedOver
from materializers.step_task import RowsAt
from materializers.storage.parquet import ParquetStorage
from tests.desk import Desk

FRAME = pl.DataFrame({"id": [3, 1, 2], "name": ["c", "a", None]})


def stored(location: str) -> Stored:
    return Stored("default", location, 1, "00")


def read(frame: pl.DataFrame, *locations: str) -> list[RowsAt]:
    schema = tuple((name, str(dtype)) for name, dtype in frame.schema.items())
    return [RowsAt(Slot("a"), RecordKind.MATERIALIZATION, schema, stored(one)) for one in locations]


@given(frame=dataframes(allowed_dtypes=sorted(_TYPES, key=str), max_cols=5, max_size=20), cut=st.integers(0, 5))
def test_rows_come_back_as_they_were(frame: pl.DataFrame, cut: int) -> None:
    handed_over, part = HandedOver(), frame.slice(cut)
    handed_over.keep(stored("x"), part)
    back = handed_over.rows(read(part, "x"))
    assert back is not None
    assert back.collect_schema() == part.schema
    assert_frame_equal(back.collect(), part, check_exact=True)


def test_marks_that_no_file_would_keep_are_not_handed_over() -> None:
    handed_over = HandedOver()
    handed_over.keep(stored("x"), FRAME.with_columns(pl.col("id").set_sorted()))
    back = handed_over.rows(read(FRAME, "x"))
    assert back is not None
    assert back.collect()["id"].flags["SORTED_ASC"] is False


def test_nobody_changes_what_others_are_given() -> None:
    handed_over, given_away = HandedOver(), FRAME.clone()
    handed_over.keep(stored("x"), given_away)
    given_away[0, "id"] = 99
    for _ in range(2):
        back = handed_over.rows(read(FRAME, "x"))
        assert back is not None
        mine = back.collect()
        assert_frame_equal(mine, FRAME)
        mine[0, "id"] = 99


@pytest.mark.parametrize(
    "frame",
    [
        FRAME.with_columns(pl.col("name").cast(pl.Categorical)),
        FRAME.with_columns(inside=pl.struct("id")),
        pl.DataFrame({"id": range(200)}),
    ],
    ids=["categories", "nested", "too large"],
)
def test_what_might_come_back_otherwise_or_is_large_is_read_from_where_it_lies(frame: pl.DataFrame) -> None:
    handed_over = HandedOver(most_of_one=1_000)
    handed_over.keep(stored("x"), frame)
    assert handed_over.rows(read(frame, "x")) is None


def test_the_oldest_go_when_there_are_too_many_and_all_when_the_run_ends() -> None:
    handed_over = HandedOver(most_of_all=5_000)
    for place in range(100):
        handed_over.keep(stored(f"{place}"), FRAME)
    assert handed_over.rows(read(FRAME, "0")) is None
    assert handed_over.rows(read(FRAME, "99")) is not None
    assert handed_over.rows(read(FRAME, "99", "0")) is None
    handed_over.forget()
    assert handed_over.rows(read(FRAME, "99")) is None


def test_several_slots_lie_below_each_other_unless_their_columns_differ() -> None:
    handed_over = HandedOver()
    handed_over.keep(stored("x"), FRAME)
    handed_over.keep(stored("y"), FRAME.head(1))
    both = handed_over.rows(read(FRAME, "y", "x"))
    assert both is not None
    assert_frame_equal(both.collect(), pl.concat([FRAME.head(1), FRAME]))
    other = FRAME.select("id")
    handed_over.keep(stored("z"), other)
    assert handed_over.rows([*read(FRAME, "x"), *read(other, "z")]) is None


PROJECT = """
import pandas as pd
import pyarrow as pa
from headwater import Context, Static

@asset(partitions=Static(["p", "q"]))
def parts(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"id": [2, 1, 3], "name": [context.partition.key, None, "z"], "x": [0.5, float("nan"), -0.0]})

@asset
def lazy(parts: pl.LazyFrame) -> pl.LazyFrame:
    return parts.group_by("id").agg(pl.col("x").sum(), n=pl.len())

@asset(schema={"id": pl.Int64, "name": pl.String, "x": pl.Float64, "x_right": pl.Float64, "n": pl.UInt32})
def eager(parts: pl.DataFrame, lazy: pl.LazyFrame) -> pl.DataFrame:
    parts[0, "id"] = 7
    return parts.join(lazy.collect(), on="id", how="left")

@asset
def arrow(eager: pa.Table) -> pa.Table:
    return eager.select(["id", "name"])

@asset
def pandas(eager: pd.DataFrame) -> pd.DataFrame:
    return eager.assign(id=eager["id"] + 1)[["id"]]

sql_asset("query", "select count(*) as n, max(id) as most from eager")
"""


def test_a_run_opens_no_file_of_its_own_results_and_shows_what_it_would_have_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.define(PROJECT)
    opened: list[Any] = []
    scan, scan_many = ParquetStorage.scan, ParquetStorage.scan_many
    monkeypatch.setattr(ParquetStorage, "scan", lambda self, one: opened.append(one) or scan(self, one))
    monkeypatch.setattr(ParquetStorage, "scan_many", lambda self, *all_: opened.append(all_) or scan_many(self, *all_))

    def versions(force: bool) -> dict[str, Any]:
        assert desk.materialize(force=force).ok
        return {str(slot): one.version for slot, one in desk.project.catalog.published("dev").items()}

    handed_over = versions(force=False)
    assert opened == []
    monkeypatch.setattr(HandedOver, "rows", lambda self, read: None)
    assert versions(force=True) == handed_over
    assert opened
    assert len(handed_over) == 7


def test_what_nothing_in_the_plan_reads_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.define(PROJECT)
    kept: list[str] = []
    keep = HandedOver.keep

    def spy(self: HandedOver, stored: Stored, frame: pl.DataFrame) -> None:
        kept.append(stored.location.split("/")[0])
        keep(self, stored, frame)

    monkeypatch.setattr(HandedOver, "keep", spy)
    assert desk.materialize("parts").ok
    assert kept == []
    assert desk.materialize(force=True).ok
    assert set(kept) == {"parts", "lazy", "eager"}
