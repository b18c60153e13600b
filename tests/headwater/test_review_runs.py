"""Runs whose surroundings fail: they end in the catalog, take nothing else down and lose nothing."""

from __future__ import annotations

import logging

import pytest

from assets_core.plan import Plan
from assets_core.ports import Reporter
from tests.desk import Desk

RAW = 'raw = source("raw/t", files="t.csv")\n'
PLAIN = """
@asset(inputs={"raw": raw})
def a(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
"""
WITH_RESOURCE = """
from headwater import Resource
class Api(Resource):
    def METHOD(self):
        raise ConnectionError("down")
@asset(inputs={"raw": raw})
def b(raw: pl.DataFrame, api: Api) -> pl.DataFrame:
    return raw
"""


@pytest.fixture
def tables(desk: Desk) -> Desk:
    desk.write("t.csv", "id,g,v\n1,a,10\n2,b,20\n3,a,30\n")
    return desk


def test_a_resource_that_cannot_be_opened_fails_its_step_alone(tables: Desk) -> None:
    tables.define(RAW + PLAIN + WITH_RESOURCE.replace("METHOD", "open"))
    result = tables.materialize()
    assert {str(one.slot): str(one.state) for one in result.steps} == {"a": "succeeded", "b": "failed"}
    assert [(one.error.type, one.error.message) for one in result.steps if one.error] == [("ConnectionError", "down")]


def test_a_resource_that_cannot_be_closed_takes_nothing_back(tables: Desk) -> None:
    tables.define(RAW + WITH_RESOURCE.replace("METHOD", "close"))
    assert tables.materialize().ok
    assert len(tables.rows("b")) == 3


class _Broken(Reporter):
    def planned(self, plan: Plan, run_id: str) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize("options", [{"workers": -1}, {"reporter": _Broken()}])
def test_a_run_that_breaks_before_its_first_step_is_recorded_as_failed(
    tables: Desk, options: dict[str, object]
) -> None:
    tables.define(RAW + PLAIN)
    with pytest.raises((ValueError, BrokenPipeError)):
        tables.materialize(**options)  # type: ignore[arg-type]
    assert [str(run.state) for run in tables.project.runs()] == ["failed"]
    assert tables.materialize().ok


def test_a_check_looks_values_up_in_an_asset_that_is_not_upstream(tables: Desk) -> None:
    tables.define(
        RAW
        + """
@asset(inputs={"raw": raw}, checks=[check.foreign_key("id", "dim", "id")])
def fact(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
@asset(inputs={"raw": raw})
def dim(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("id")
"""
    )
    assert tables.materialize("dim").ok
    assert tables.materialize("fact").ok


def test_what_a_check_looks_up_is_made_before_it_in_one_run(tables: Desk) -> None:
    tables.define(
        RAW
        + """
import time
@asset(inputs={"raw": raw}, checks=[check.foreign_key("id", "dim", "id")])
def fact(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
@asset(inputs={"raw": raw})
def dim(raw: pl.DataFrame) -> pl.DataFrame:
    time.sleep(0.2)
    return raw.select("id")
"""
    )
    assert tables.ran(tables.materialize()) == ["dim", "fact"]


def test_two_assets_may_look_values_up_in_each_other(tables: Desk) -> None:
    tables.define(
        RAW
        + """
@asset(inputs={"raw": raw}, checks=[check.foreign_key("id", "two", "id", severity="warn")])
def one(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
@asset(inputs={"raw": raw}, checks=[check.foreign_key("id", "one", "id", severity="warn")])
def two(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw
"""
    )
    assert tables.materialize().ok


def test_an_unpartitioned_asset_reads_the_days_of_a_source_that_have_come(tables: Desk) -> None:
    tables.write("days.csv", "day,v\n2013-01-01,1\n2013-01-02,2\n")
    tables.define("""
days = source("raw/days", files="days.csv", partitions=Daily("2013-01-01"), partition_by="day")
@asset(inputs={"days": days})
def total(days: pl.LazyFrame) -> pl.LazyFrame:
    return days.select(pl.col("v").sum())
""")
    assert tables.materialize().ok
    assert tables.rows("total") == [{"v": 3}]
    tables.write("days.csv", "day,v\n2013-01-01,1\n2013-01-02,2\n2013-01-03,4\n")
    assert tables.reasons(tables.plan()) == {"total": ["input_slots_changed"]}
    assert tables.materialize().ok
    assert tables.rows("total") == [{"v": 7}]


def test_a_log_message_that_cannot_be_formatted_stops_no_step(tables: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own raises on purpose
    tables.define("""
import logging
@asset
def a() -> pl.DataFrame:
    logging.getLogger("a").info("%d", "no number")
    return pl.DataFrame({"a": [1]})
""")
    assert tables.materialize().ok


def test_code_that_leaves_the_process_while_it_is_planned_fails_its_step_alone(tables: Desk) -> None:
    tables.define(
        RAW
        + PLAIN
        + """
import sys
@asset(inputs={"raw": raw})
def b(raw: pl.LazyFrame) -> pl.LazyFrame:
    sys.exit(3)
"""
    )
    assert {str(one.slot): str(one.state) for one in tables.materialize().steps} == {"a": "succeeded", "b": "failed"}
