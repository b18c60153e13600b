"""Lineage by slots: what a slot was made from, as its record says, whatever is published since."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import Project
from tests.headwater.conftest import Headwater

MODULE = """
import polars as pl
from headwater import asset, source, Daily, Monthly

days, months = Daily("2013-01-30", "2013-02-03"), Monthly("2013-01-01", "2013-03-01")
rows = source("raw/rows", files="rows.csv", partitions=days, partition_by="day", schema={"day": pl.Date, "x": pl.Int64})

@asset(key="staging/day", partitions=days)
def day(raw_rows: pl.LazyFrame) -> pl.LazyFrame:
    return raw_rows

@asset(key="marts/month", partitions=months)
def month(staging_day: pl.LazyFrame) -> pl.LazyFrame:
    return staging_day.select(pl.col("x").sum())
"""
ROWS = "day,x\n2013-01-30,1\n2013-01-31,2\n2013-02-01,3\n2013-02-02,4\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "headwater.toml").write_text('[project]\nname = "shop"\nmodules = ["slot_days"]\n')
    (tmp_path / "slot_days.py").write_text(MODULE)
    (tmp_path / "rows.csv").write_text(ROWS)
    with Project.load(tmp_path) as project:
        assert project.materialize().ok
    return tmp_path


def test_a_month_was_made_from_its_days_and_these_from_those_of_the_source(hw: Headwater, shop: Path) -> None:
    lines = hw("lineage", "marts/month", "--partition", "2013-01", at=shop).out.splitlines()
    assert [line.split("  01")[0] for line in lines] == [
        "marts/month  2013-01",
        "└─ staging/day  2013-01-30..2013-01-31 (2)",
        "   └─ raw/rows  2013-01-30..2013-01-31 (2)",
    ]


def test_the_document_names_every_materialization_in_the_order_it_was_read(hw: Headwater, shop: Path) -> None:
    found = hw("lineage", "marts/month", "--partition", "2013-02", "--depth", "1", "--json", at=shop).document
    with Project.load(shop) as project:
        shown = project.catalog.published(project.env, assets={"staging/day"})
    days = {slot.partition: made.id for slot, made in shown.items()}
    assert found["reads"] == [
        {
            "asset": "staging/day",
            "slots": [{"partition": one, "materialization": days[one]} for one in ("2013-02-01", "2013-02-02")],
            "reads": [],
        }
    ]


def test_a_slot_keeps_what_it_was_made_from_when_that_is_replaced(hw: Headwater, shop: Path) -> None:
    before = hw("lineage", "marts/month", "--partition", "2013-01", "--json", at=shop).document["reads"]
    (shop / "rows.csv").write_text(ROWS.replace("2013-01-30,1", "2013-01-30,9"))
    hw("materialize", "staging/day", at=shop)
    assert hw("lineage", "marts/month", "--partition", "2013-01", "--json", at=shop).document["reads"] == before


def test_a_partition_that_is_none_is_named_with_those_that_are(hw: Headwater, shop: Path) -> None:
    done = hw("lineage", "marts/month", "--partition", "2013-09", at=shop)
    assert (done.status, "2013-02" in done.err) == (2, True)


def test_columns_and_slots_are_not_walked_together(hw: Headwater, shop: Path) -> None:
    assert hw("lineage", "marts/month:x", "--partition", "2013-01", at=shop).status == 2
