"""An incremental asset, from its declaration to its rows."""

from __future__ import annotations

import pytest

from assets_core.column_lineage import ColumnRef
from tests.desk import Desk
from tests.headwater.conftest import Headwater

TOTALS = """
days = Daily("2024-01-01", "2024-01-05")
raw = source("raw", files="raw.csv", schema={"day": pl.Date, "x": pl.Int64}, partitions=days, partition_by="day")

@asset(partitions=days, partition_by="day", schema={"day": pl.Date, "total": pl.Int64}, previous="before")
def total(raw: pl.LazyFrame, before: pl.LazyFrame) -> pl.LazyFrame:
    so_far = before.select(so_far=pl.col("total").max().fill_null(0))
    sums = raw.group_by("day").agg(pl.col("x").sum())
    return sums.join(so_far, how="cross").select("day", total=pl.col("x") + pl.col("so_far"))
"""
QUERY = """
days = Daily("2024-01-01", "2024-01-05")
raw = source("raw", files="raw.csv", schema={"day": pl.Date, "x": pl.Int64}, partitions=days, partition_by="day")

sql_asset("total", '''
    select day, cast(sum(x) + coalesce((select max(total) from before), 0) as bigint) as total from raw group by day
''', partitions=days, partition_by="day", schema={"day": pl.Date, "total": pl.Int64}, previous="before")
"""


def write_raw(desk: Desk, second: int = 2) -> None:
    """Four days with a number each."""
    desk.write("raw.csv", f"day,x\n2024-01-01,1\n2024-01-02,{second}\n2024-01-03,3\n2024-01-04,4\n")


def totals(desk: Desk) -> list[object]:
    """The total of each day."""
    return [row["total"] for row in desk.rows("total")]


@pytest.mark.parametrize("code", [TOTALS, QUERY], ids=["polars", "SQL"])
def test_each_day_goes_on_from_the_day_before(desk: Desk, code: str) -> None:
    write_raw(desk)
    desk.define(code)
    assert desk.project.validate().errors == ()
    assert desk.materialize().counts == {"succeeded": 4}
    assert totals(desk) == [1, 3, 6, 10]
    assert desk.plan().steps == ()


def test_a_change_of_one_day_goes_through_the_days_after_it_in_order(desk: Desk) -> None:
    write_raw(desk)
    desk.define(TOTALS)
    desk.materialize()
    write_raw(desk, 20)
    assert desk.ran(desk.materialize()) == ["total@2024-01-02", "total@2024-01-03", "total@2024-01-04"]
    assert totals(desk) == [1, 21, 24, 28]


def test_the_lineage_has_an_edge_to_itself(desk: Desk) -> None:
    write_raw(desk)
    desk.define(TOTALS)
    edges = desk.project.validate().derivations["total"].lineage.edges
    assert ColumnRef("total", "total") in {edge.source for edge in edges if edge.target == "total"}
    desk.materialize()
    assert ColumnRef("raw", "x") in desk.project.lineage("total").upstream("total")


def test_naming_one_day_makes_that_day_alone(desk: Desk) -> None:
    write_raw(desk)
    desk.define(TOTALS)
    desk.materialize()
    write_raw(desk, 20)
    assert desk.ran(desk.materialize(partition="2024-01-02")) == ["total@2024-01-02"]
    assert desk.ran(desk.materialize(partition="2024-01-04..2024-01-04")) == []
    assert desk.ran(desk.materialize()) == ["total@2024-01-03", "total@2024-01-04"]


def test_a_new_column_in_the_schema_makes_every_day_again_from_the_first(desk: Desk) -> None:
    write_raw(desk)
    desk.define(TOTALS)
    desk.materialize()
    desk.edit("definitions.py", '"total": pl.Int64}', '"total": pl.Int64, "n": pl.Int32}')
    desk.edit("definitions.py", '+ pl.col("so_far"))', '+ pl.col("so_far"), n=pl.lit(1))')
    assert desk.materialize().counts == {"succeeded": 4}
    assert totals(desk) == [1, 3, 6, 10]
    assert desk.plan().steps == ()


def test_a_slot_after_a_stale_one_is_not_said_to_be_fresh(desk: Desk, hw: Headwater) -> None:
    write_raw(desk)
    desk.define(TOTALS)
    desk.materialize()
    write_raw(desk, second=20)
    for command in ("plan", "materialize"):
        answer = hw(command, "total", "--partition", "2024-01-04", at=desk.root)
        assert "fresh" not in answer.out
        assert "its slot before as it is published, which is stale: begin with the first that is" in answer.err
