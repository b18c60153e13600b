"""Partitions of one asset that differ in their columns, as where only some were made since a column was added."""

from __future__ import annotations

import pytest

from assets_core.errors import StorageError
from tests.desk import Desk

DEFINITIONS = """
from headwater import Static

@asset(partitions=Static(["a", "b"]))
def parts() -> pl.DataFrame:
    return pl.DataFrame(ROWS)

@asset
def total(parts: pl.LazyFrame) -> pl.LazyFrame:
    return parts.select(pl.col("v").sum())

sql_asset("counted", "select count(*) as n from parts")

@asset
def whole(parts: pl.DataFrame) -> pl.DataFrame:
    return parts
"""


@pytest.fixture(params=["parquet", "duckdb"])
def grown(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    """An asset of two partitions, the second of which has a column more."""
    desk.edit("headwater.toml", "[project]", f'[storage.default]\nkind = "{request.param}"\n[project]')
    desk.define(DEFINITIONS.replace("ROWS", '{"v": [1]}'))
    desk.materialize()
    desk.define(DEFINITIONS.replace("ROWS", '{"w": ["x"], "v": [2]}'))
    desk.materialize("parts", partition="b")
    return desk


def test_reading_them_together_is_refused_with_what_differs(grown: Desk) -> None:
    with pytest.raises(StorageError, match="HW426 parts@a and parts@b") as refused:
        grown.rows("parts")
    assert refused.value.why == "parts@a has no other column; parts@b has w: String"
    assert grown.rows("parts", "b") == [{"w": "x", "v": 2}]


def test_what_reads_columns_that_all_have_is_made(grown: Desk) -> None:
    assert grown.materialize("total").counts == {"succeeded": 1}
    assert grown.rows("total") == [{"v": 3}]
    assert grown.materialize("counted", force=True).counts == {"succeeded": 1}
    assert grown.rows("counted") == [{"n": 2}]


def test_what_reads_a_column_that_one_does_not_have_is_told(grown: Desk) -> None:
    (step,) = grown.materialize("whole").steps
    assert step.error is not None
    assert step.error.message == "whole reads w of parts@a, which was made without"


def test_columns_in_another_order_are_no_difference(desk: Desk) -> None:
    desk.define(DEFINITIONS.replace("ROWS", '{"v": [1], "w": ["x"]}'))
    desk.materialize()
    desk.define(DEFINITIONS.replace("ROWS", '{"w": ["y"], "v": [2]}'))
    desk.materialize("parts", partition="b")
    assert desk.rows("parts") == [{"v": 1, "w": "x"}, {"v": 2, "w": "y"}]


def test_columns_that_are_not_read_may_be_of_any_types(desk: Desk) -> None:
    desk.define(DEFINITIONS.replace("ROWS", '{"v": [1], "w": ["x"], "u": [1]}'))
    desk.materialize()
    desk.define(DEFINITIONS.replace("ROWS", '{"w": [[1]], "v": [2.5]}'))
    desk.materialize("parts", partition="b")
    assert desk.materialize("total").counts == {"succeeded": 1}
    assert desk.rows("total") == [{"v": 3.5}]
