"""A project with partitions of every kind, end to end: quarters, cron windows, names that come and go, dimensions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assets_core.errors import DefinitionError, UsageError
from headwater import Project
from headwater.running import Asked, Manner, materialize
from tests.desk import Desk

DEFINITIONS = """
from headwater import (
    Context, Cron, Daily, Dynamic, Input, Multi, Quarterly, Static, all_partitions, dimension, last, source, sql_asset,
    window,
)

DAYS = Daily("2024-03-29", "2024-04-02", timezone="Europe/Berlin")
REGIONS = Static(["EU", "US"])
BOTH = Multi(date=DAYS, region=REGIONS)
CUSTOMERS = Dynamic("customers")

sales = source("raw/sales", files="sales.csv", partitions=BOTH, partition_by={"date": "day", "region": "region"},
               schema={"day": "Date", "region": "String", "amount": "Int64"})

@asset(key="sales", partitions=BOTH, partition_by={"date": "day", "region": "region"}, inputs={"raw": sales})
def clean_sales(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.filter(pl.col("amount") > 0)

@asset(key="days", partitions=DAYS, partition_by="day")
def days(sales: pl.LazyFrame) -> pl.LazyFrame:
    return sales.group_by("day").agg(pl.col("amount").sum())

@asset(key="quarters", partitions=Quarterly("2024-Q1", "2024-Q3", timezone="Europe/Berlin"))
def quarters(days: pl.LazyFrame, context: Context) -> pl.LazyFrame:
    return days.select(pl.lit(context.partition.key).alias("quarter"), pl.col("amount").sum())

@asset(key="mornings", partitions=Cron("0 6 * * *", "2024-03-31", "2024-04-03", timezone="Europe/Berlin"),
       inputs={"quarter": Input("quarters", partitions=last())})
def mornings(quarter: pl.DataFrame, context: Context) -> pl.DataFrame:
    hours = (context.partition.end - context.partition.start).total_seconds() / 3600
    return pl.DataFrame({"began": [context.partition.key], "seen": [quarter["amount"].sum()], "hours": [hours]})

@asset(key="trend", partitions=BOTH, inputs={"sales": Input("sales", partitions=dimension("date", window(-1, 0)))})
def trend(sales: pl.DataFrame, context: Context) -> pl.DataFrame:
    assert set(sales["region"]) <= {context.partition.keys["region"]}
    return pl.DataFrame({"region": [context.partition.keys["region"]], "total": [sales["amount"].sum()]})

@asset(key="bills", partitions=CUSTOMERS)
def bills(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"customer": [context.partition.key]})

@asset(key="book", inputs={"bills": Input("bills", partitions=all_partitions())})
def book(bills: pl.LazyFrame) -> pl.LazyFrame:
    return bills

sql_asset("labels", "select :partition_date as day, :partition_region as region, sum(amount) as total from sales",
          partitions=BOTH)
"""
ROWS = """day,region,amount
2024-03-29,EU,1
2024-03-29,US,10
2024-03-30,EU,2
2024-03-31,US,20
2024-04-01,EU,3
2024-04-01,EU,-5
"""


@pytest.fixture
def shop(desk: Desk) -> Desk:
    desk.define(DEFINITIONS)
    desk.write("sales.csv", ROWS)
    desk.project.add_partitions("customers", ["acme", "globex"], reason="signed")
    return desk


def test_every_kind_is_materialized_and_read_by_its_mapping(shop: Desk) -> None:
    result = shop.materialize()
    assert result.ok, result.steps
    project = shop.project
    quarters = project.scan("quarters").sort("quarter").collect().rows()
    mornings = project.scan("mornings").sort("began").collect().rows()
    assert quarters == [("2024-Q1", 33), ("2024-Q2", 3)]
    assert mornings == [(f"2024-{day}T06:00", 33, 24.0) for day in ("03-31", "04-01", "04-02")]


def test_a_rolling_window_over_one_dimension_stays_within_the_other(shop: Desk) -> None:
    shop.materialize("+trend")
    found = {
        key: shop.project.scan("trend", key).collect()["total"][0]
        for key in ("2024-03-30,EU", "2024-03-30,US", "2024-04-01,US", "2024-04-01,EU")
    }
    assert found == {"2024-03-30,EU": 3, "2024-03-30,US": 10, "2024-04-01,US": 20, "2024-04-01,EU": 3}


def test_a_query_is_told_the_key_in_each_dimension(shop: Desk) -> None:
    shop.materialize("+labels", partition="date=2024-03-30,region=EU")
    assert shop.project.scan("labels", "date=2024-03-30,region=EU").collect().rows() == [("2024-03-30", "EU", 2)]


def test_nothing_runs_again_and_a_late_row_runs_only_what_reads_its_slot(shop: Desk) -> None:
    shop.materialize()
    assert not shop.plan().steps
    shop.write("sales.csv", ROWS + "2024-04-01,US,40\n")
    ran = shop.ran(shop.materialize())
    assert {one for one in ran if one.startswith(("sales@", "days@", "quarters@", "mornings@"))} == {
        "sales@2024-04-01,US", "days@2024-04-01", "quarters@2024-Q2",
    }  # fmt: skip
    assert {one for one in ran if one.startswith("trend@")} == {"trend@2024-04-01,US"}


def test_a_key_that_is_added_late_is_made_and_read_by_what_reads_all(shop: Desk) -> None:
    shop.materialize()
    project = shop.project
    assert project.add_partitions("bills", ["globex", "initech"]).keys == ("initech",)
    assert shop.ran(project.materialize()) == ["bills@initech", "book"]
    assert sorted(project.scan("book").collect()["customer"]) == ["acme", "globex", "initech"]


def test_a_key_that_somebody_else_adds_meanwhile_is_seen_by_a_loaded_project(shop: Desk) -> None:
    with Project.load(shop.root) as watching:
        watching.materialize("bills")
        shop.project.add_partitions("customers", ["initech"])
        assert [str(step.slot) for step in watching.plan("bills").steps] == ["bills@initech"]


def test_a_retired_key_is_orphaned_its_data_stays_and_nothing_reads_it(shop: Desk) -> None:
    shop.materialize()
    project = shop.project
    project.retire_partitions("customers", ["acme"], reason="left")
    states = {str(slot): str(verdict.state) for slot, verdict in project.status().items() if slot.asset == "bills"}
    assert states == {"bills@acme": "orphaned", "bills@globex": "fresh"}
    assert project.scan("bills", "acme").collect()["customer"].to_list() == ["acme"]
    assert shop.ran(project.materialize()) == ["book"]
    assert project.scan("book").collect()["customer"].to_list() == ["globex"]


def test_a_retired_key_that_is_added_again_shows_what_it_showed(shop: Desk) -> None:
    shop.materialize("bills")
    project = shop.project
    project.retire_partitions("customers", ["acme"])
    project.add_partitions("customers", ["acme"])
    assert not project.plan("bills").steps
    assert project.graph.asset("bills").partitions.keys(None) == ("acme", "globex")  # type: ignore[union-attr, arg-type]


def test_who_added_and_retired_a_key_is_on_record_and_verifies(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "mia")
    project = shop.project
    project.retire_partitions("customers", ["acme"], reason="left")
    acme = next(one for one in project.partition_keys("bills")["customers"] if one.key == "acme")
    assert (acme.retired, acme.actor, acme.reason) == (True, "mia", "left")
    assert "retired customers acme" in [entry["detail"] for entry in project.audit_log()]
    assert not project.verify().findings


@pytest.mark.parametrize(
    ("what", "keys", "code"),
    [
        ("customers", ["a,b"], "HW630"),
        ("customers", ["a@b"], "HW630"),
        ("customers", ["a..b"], "HW630"),
        ("customers", ["a=b"], "HW630"),
        ("customers", [" a"], "HW630"),
        ("customers", [""], "HW630"),
        ("customers", ["a\nb"], "HW630"),
        ("customer", ["a"], "HW631"),
        ("days", ["a"], "HW631"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_and_nothing_is_added(
    shop: Desk, what: str, keys: list[str], code: str
) -> None:
    project = shop.project
    with pytest.raises(UsageError, match=code):
        project.add_partitions(what, ["fine", *keys])
    assert [one.key for one in project.partition_keys("customers")["customers"]] == ["acme", "globex"]


def test_a_key_that_never_was_cannot_be_retired_and_the_nearest_is_shown(shop: Desk) -> None:
    with pytest.raises(UsageError, match=r"HW610(.|\n)*did you mean 'acme'"):
        shop.project.retire_partitions("customers", ["acne"])


def test_an_asset_of_names_that_has_none_yet_is_nothing_to_do(desk: Desk) -> None:
    desk.define(DEFINITIONS)
    desk.write("sales.csv", ROWS)
    assert not desk.plan("bills").steps
    assert not desk.project.has_catalog or desk.project.partition_keys() == {"customers": []}


LATE = """
from headwater import Context

@asset(key="day", partitions=Daily("2013-02-01", "2013-02-04"))
def day(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"k": [context.partition.key], "v": [1]})

@asset(key="lazy", partitions=Monthly("2013-01-01", "2013-03-01"))
def lazy(day: pl.LazyFrame) -> pl.LazyFrame:
    return day.select(n=pl.len())

@asset(key="eager", partitions=Monthly("2013-01-01", "2013-03-01"))
def eager(day: pl.DataFrame) -> pl.DataFrame:
    return day.select(n=pl.len())

sql_asset("query", "select count(*) as n from day", partitions=Monthly("2013-01-01", "2013-03-01"))
"""


def test_a_month_before_the_first_day_reads_an_empty_table_with_the_columns_of_the_days(desk: Desk) -> None:
    desk.define(LATE)

    assert desk.materialize(workers=1).counts == {"succeeded": 9}

    for key in ("lazy", "eager", "query"):
        assert [desk.rows(key, month) for month in ("2013-01", "2013-02")] == [[{"n": 0}], [{"n": 3}]]


def test_days_that_have_not_been_delivered_leave_the_rest_of_the_night_alone(desk: Desk) -> None:
    desk.write("feed.csv", "day,n\n2024-01-01,1\n2024-01-02,2\n")
    desk.define(
        """
        days = Daily("2024-01-01", "2024-01-05")
        feed = source("feed", files="feed.csv", partitions=days, partition_by="day",
                      schema={"day": pl.Date, "n": pl.Int64})

        @asset(key="clean", partitions=days, inputs={"feed": feed})
        def clean(feed: pl.LazyFrame) -> pl.LazyFrame:
            return feed.filter(pl.col("n") > 0)

        @asset(key="month", partitions=Monthly("2024-01-01", "2024-02-01"))
        def month(clean: pl.LazyFrame) -> pl.LazyFrame:
            return clean.select(pl.col("n").sum())

        @asset(key="other")
        def other() -> pl.DataFrame:
            return pl.DataFrame({"n": [1]})
        """
    )
    result = desk.materialize()
    assert result.counts == {"succeeded": 3}
    assert sorted(one for one in result.warnings if "left out" in one) == [
        "clean@2024-01-03 and 1 more left out: a source has nothing for it yet",
        "month@2024-01 left out: a source has nothing for it yet",
    ]
    desk.write("feed.csv", "day,n\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-04,4\n")
    assert desk.materialize().counts == {"succeeded": 3}
    assert desk.rows("month") == [{"n": 10}]


NAMED = """
from headwater import Context, Dynamic

@asset(key="each", partitions=Dynamic("customers"), partition_by="c")
def each(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"c": [context.partition.key]})

@asset(key="total")
def total(each: pl.DataFrame) -> pl.DataFrame:
    return each.select(n=pl.len())
"""


def test_when_the_last_name_is_retired_what_reads_all_of_them_reads_an_empty_table(desk: Desk) -> None:
    desk.define(NAMED)
    error = next(one.error for one in desk.materialize().steps if one.error is not None)
    assert (error.code, error.message) == ("HW512", "total reads no slot of each, whose columns are not known yet")
    desk.project.add_partitions("customers", ["alpha"])
    assert desk.materialize().counts == {"succeeded": 2}

    desk.project.retire_partitions("customers", ["alpha"])

    assert desk.materialize().counts == {"succeeded": 1}
    assert desk.rows("total") == [{"n": 0}]


def test_a_name_that_is_added_again_has_its_old_place_and_nothing_is_computed_anew(desk: Desk) -> None:
    desk.define(NAMED)
    desk.project.add_partitions("customers", ["alpha", "beta"])
    assert desk.materialize().counts == {"succeeded": 3}
    desk.project.retire_partitions("customers", ["alpha"])
    assert desk.materialize().counts == {"succeeded": 1}

    desk.project.add_partitions("customers", ["alpha"])

    assert desk.project.scan("each").collect()["c"].to_list() == ["alpha", "beta"]
    assert desk.materialize().counts == {"reused": 1}


def test_a_row_outside_its_slot_in_either_dimension_fails_the_step(desk: Desk) -> None:
    desk.define(
        """
        from headwater import Daily, Multi, Static

        @asset(key="a", partitions=Multi(date=Daily("2024-01-01", "2024-01-02"), region=Static(["EU"])),
               partition_by={"region": "where", "date": "day"})
        def a() -> pl.DataFrame:
            return pl.DataFrame({"day": ["2024-01-01", "2024-01-01"], "where": ["EU", "US"]})
        """
    )
    [step] = desk.materialize().steps
    assert step.error is not None
    assert (step.error.code, "2024-01-01, US" in str(step.error)) == ("HW336", True)


@pytest.mark.parametrize("by", ['"day"', '{"date": "day"}', '{"date": "day", "regio": "where"}'])
def test_every_dimension_needs_its_column(desk: Desk, by: str) -> None:
    desk.define(
        f"""
        from headwater import Daily, Multi, Static

        @asset(key="a", partitions=Multi(date=Daily("2024-01-01"), region=Static(["EU"])), partition_by={by})
        def a() -> pl.DataFrame:
            return pl.DataFrame()
        """
    )
    with pytest.raises(DefinitionError, match="HW109"):
        _ = desk.project


# --- the command line


def test_keys_are_added_listed_and_retired_by_command(hw, shop: Desk) -> None:
    added = hw("partitions", "add", "bills", "initech", "acme", "--json", at=shop.root).document
    assert (added["name"], added["retired"], added["keys"], added["unchanged"]) == (
        "customers", False, ["initech"], ["acme"],
    )  # fmt: skip
    gone = hw("partitions", "retire", "customers", "initech", "--reason", "left", "--json", at=shop.root).document
    assert (gone["retired"], gone["keys"]) == (True, ["initech"])
    [listed] = hw("partitions", "ls", "--json", at=shop.root).document["partitions"]
    assert [(one["key"], one["retired"], one["reason"]) for one in listed["keys"]] == [
        ("acme", False, "signed"), ("globex", False, "signed"), ("initech", True, "left"),
    ]  # fmt: skip
    text = hw("partitions", "ls", "bills", at=shop.root).out
    assert "2 keys, 1 retired" in text
    assert "initech was retired already" in hw("partitions", "retire", "bills", "initech", at=shop.root).out


def test_a_slot_of_several_dimensions_is_named_by_dimension(hw, shop: Desk) -> None:
    done = hw("-q", "materialize", "+sales", "--partition", "date=2024-03-29..2024-03-30,region=EU", at=shop.root)
    assert done.status == 0, done.err
    rows = hw("data", "sales@region=EU,date=2024-03-30", "--json", at=shop.root).document["rows"]
    assert [row[-1] for row in rows] == [2]
    assert "date=2024-03-29..2024-03-30,region=EU" in hw("status", "sales", "--why", at=shop.root).out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date=2024-03-29,region=EX", "there are 'EU', 'US'"),
        ("date=2024-03-30..2024-03-29", "HW611"),
        ("dat=2024-03-29,region=EU", "did you mean 'date'"),
        ("2024-03-29", "a key or a range in each dimension: date=...,region=..."),
    ],
)
def test_a_slot_that_is_none_is_answered_with_what_there_is(hw, shop: Desk, text: str, said: str) -> None:
    answer = hw("plan", "sales", "--partition", text, at=shop.root)
    assert (answer.status, said in answer.err) == (2, True), answer.err


# -- last() with nothing to read ------------------------------------------------------------------------------------

LAST = """
from headwater import last

@asset(key="months", partitions=Monthly("2024-02", "2024-04"))
def months() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@asset(key="days", partitions=Daily("2024-02-27", "2024-03-02"), inputs={"months": Input("months", partitions=last())})
def days(months: pl.LazyFrame) -> pl.LazyFrame:
    return months

@asset(key="far", partitions=Monthly("2990-01"))
def far() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@asset(key="whole", inputs={"far": Input("far", partitions=last())})
def whole(far: pl.LazyFrame) -> pl.LazyFrame:
    return far

@asset(key="below")
def below(whole: pl.LazyFrame) -> pl.LazyFrame:
    return whole
"""


LAST_OF_A_DIMENSION = """
from headwater import Daily, Input, Monthly, Multi, Static, asset, dimension, last
import polars as pl

regions = Static(["EU", "US"])

@asset(key="months", partitions=Multi(date=Monthly("2024-02", "2024-04"), region=regions))
def months() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@asset(
    key="days",
    partitions=Multi(date=Daily("2024-02-27", "2024-03-02"), region=regions),
    inputs={"months": Input("months", partitions=dimension("date", last()))},
)
def days(months: pl.LazyFrame) -> pl.LazyFrame:
    return months
"""


def test_what_reads_the_last_window_of_a_dimension_waits_for_it_too(desk: Desk) -> None:
    desk.define(LAST_OF_A_DIMENSION)
    (warning,) = desk.plan().warnings
    assert warning.startswith("days@2024-02-27,EU and 3 more left out: no window of months has ended by then")
    assert desk.materialize().counts == {"succeeded": 8}


def test_what_reads_the_last_window_waits_until_one_has_ended_and_the_rest_is_made(desk: Desk) -> None:
    desk.define(LAST)
    plan = desk.plan()
    assert plan.warnings == (
        "days@2024-02-27 and 1 more left out: no window of months has ended by then, which last() would read",
        "whole left out: no window of far has ended by then, which last() would read",
        "below left out: it reads partitions that its input does not have",
    )
    result = desk.materialize()
    assert (result.ok, result.counts) == (True, {"succeeded": 4})
    assert set(desk.ran(result)) == {"months@2024-02", "months@2024-03", "days@2024-02-29", "days@2024-03-01"}
    with desk.project as project:
        states = {str(slot): str(verdict.state) for slot, verdict in project.status().items()}
    waiting = ("days@2024-02-27", "days@2024-02-28", "whole", "below")
    assert {slot for slot, state in states.items() if state == "missing"} == set(waiting)
    assert desk.plan().steps == ()


def test_once_a_window_has_ended_what_reads_the_last_one_is_made(desk: Desk) -> None:
    desk.define(LAST)
    desk.materialize()
    desk.edit("definitions.py", "2990-01", "2024-01")
    assert {"whole", "below"} <= set(desk.ran(desk.materialize()))


def test_a_run_that_is_resumed_does_not_go_behind_windows_that_another_run_has_made_since(desk: Desk) -> None:
    desk.define("""
        from pathlib import Path
        from headwater import Context

        @asset(partitions=Daily("2024-01-01"))
        def days(context: Context) -> pl.DataFrame:
            assert context.partition.key != "2024-01-02" or (Path(__file__).parent / "mended").exists()
            return pl.DataFrame({"x": [context.partition.start.day]})

        @asset
        def total(days: pl.LazyFrame) -> pl.LazyFrame:
            return days.select(pl.col("x").sum())
        """)
    manner = Manner(workers=2)
    failed = materialize(desk.project, Asked(moment=datetime(2024, 1, 3, tzinfo=UTC)), manner)
    assert not failed.ok
    assert failed.run_id is not None
    desk.write("mended", "")
    materialize(desk.project, Asked(moment=datetime(2024, 1, 5, tzinfo=UTC)), manner)
    assert desk.rows("total") == [{"x": 1 + 2 + 3 + 4}]
    assert desk.project.resume(failed.run_id).counts == {}
    assert desk.rows("total") == [{"x": 1 + 2 + 3 + 4}]
    face = desk.root / ".headwater" / "data" / "_env" / "dev" / "days"
    assert len(list(face.iterdir())) == 4
