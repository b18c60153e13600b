"""Facts that decide: orders of partitions, checks that sources get later, days that have not come, values that hide."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater import secrets
from headwater.config import resolve
from tests.desk import Desk


def test_partitions_in_another_order_are_read_again_where_the_order_of_rows_is_read(desk: Desk) -> None:
    desk.define("""
from headwater import Context, Static
@asset(partitions=Static(["a", "b"]))
def part(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"x": [context.partition.key]})
@asset
def first(part: pl.LazyFrame) -> pl.LazyFrame:
    return part.head(1)
@asset
def total(part: pl.LazyFrame) -> pl.LazyFrame:
    return part.select(pl.len())
""")
    assert desk.materialize().ok
    desk.edit("definitions.py", 'Static(["a", "b"])', 'Static(["b", "a"])')
    assert desk.ran(desk.materialize()) == ["first"]
    assert desk.rows("first") == [{"x": "b"}]


def test_a_check_that_a_source_gets_later_looks_at_what_was_observed_before(desk: Desk) -> None:
    desk.write("t.csv", "id,g\n1,a\n2,a\n")
    desk.define("""
raw = source("raw/t", files="t.csv")
@asset(inputs={"raw": raw})
def a(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
""")
    assert desk.materialize().ok
    desk.edit("definitions.py", 'files="t.csv")', 'files="t.csv", checks=[check.unique("g")])')
    assert any("unique" in warning for warning in desk.materialize().warnings)
    desk.edit("definitions.py", 'check.unique("g")', 'check.unique("id")')
    desk.materialize()
    shown = desk.project.catalog.published("dev", assets={"raw/t"})
    assert [[result.passed for result in made.checks] for made in shown.values()] == [[True]]
    assert not desk.plan().steps
    assert desk.materialize().run_id is None


def test_an_asset_ordered_after_a_source_does_not_wait_for_days_to_come(desk: Desk) -> None:
    desk.write("days.csv", "day,v\n2013-01-01,1\n")
    desk.define("""
days = source("raw/days", files="days.csv", partitions=Daily("2013-01-01"), partition_by="day")
@asset(deps=["raw/days"])
def after() -> pl.DataFrame:
    return pl.DataFrame({"a": [1]})
""")
    assert desk.materialize().ok
    assert not desk.plan().steps
    desk.write("days.csv", "day,v\n2013-01-01,1\n2013-01-02,2\n")
    assert desk.ran(desk.materialize()) == ["after"]


def test_a_pandas_frame_whose_index_holds_data_is_refused(desk: Desk) -> None:
    desk.define("""
import pandas as pd
@asset
def grouped() -> pd.DataFrame:
    return pd.DataFrame({"g": ["a", "a", "b"], "v": [1, 2, 3]}).groupby("g").sum()
@asset
def filtered() -> pd.DataFrame:
    frame = pd.DataFrame({"v": [1, 2, 3]})
    return frame[frame["v"] > 1]
""")
    errors = {str(one.slot): one.error and one.error.code for one in desk.materialize().steps}
    assert errors == {"grouped": "HW337", "filtered": None}


def test_a_default_written_in_headwater_toml_is_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REVIEW_FOLDER", raising=False)
    assert resolve("${REVIEW_FOLDER:-plainfolder}", "here") == "plainfolder"
    assert secrets.mask("see plainfolder/a") == "see plainfolder/a"
    monkeypatch.setitem(os.environ, "REVIEW_FOLDER", "hidden-folder-name")
    resolve("${REVIEW_FOLDER:-plainfolder}", "here")
    assert secrets.mask("see hidden-folder-name/a") == "see ****/a"
