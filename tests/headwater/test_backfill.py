"""Backfills as an operator runs them: a range of partitions, planned first, in one run, and only what is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater import Project
from headwater.backfill import Backfill
from tests.headwater.conftest import Headwater

MODULE = """
import os
import polars as pl
from pathlib import Path
from headwater import asset, source, Daily, Monthly, Run

days = Daily("2013-01-01", "2013-03-01")
months = Monthly("2013-01-01", "2013-03-01")
rows = source("raw/rows", files="rows.csv", partitions=days, partition_by="day", schema={"day": pl.Date, "x": pl.Int64})

def note(name):
    with open(Path(__file__).with_name("made.txt"), "a") as file:
        file.write(f"{name}\\n")

@asset(key="staging/day", partitions=days, partition_by="day")
def day(raw_rows: pl.DataFrame, context: "Context") -> pl.DataFrame:
    note(context.partition.key)
    if (Path(__file__).with_name("bad.txt")).exists() and context.partition.key == "2013-02-03":
        raise ValueError("a bad day")
    return raw_rows

@asset(key="marts/month", partitions=months)
def month(staging_day: pl.LazyFrame) -> pl.LazyFrame:
    return staging_day.group_by(pl.col("day").dt.truncate("1mo")).agg(pl.col("x").sum())

@asset(key="marts/all")
def everything(marts_month: pl.LazyFrame) -> pl.LazyFrame:
    return marts_month.select(pl.col("x").sum())
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "headwater.toml").write_text('[project]\nname = "shop"\nmodules = ["shop_days"]\n')
    (tmp_path / "shop_days.py").write_text(MODULE.replace('"Context"', "Context").replace("Run\n", "Run, Context\n"))
    days = [f"2013-01-{day:02d}" for day in range(1, 32)] + [f"2013-02-{day:02d}" for day in range(1, 29)]
    (tmp_path / "rows.csv").write_text("day,x\n" + "".join(f"{day},{number}\n" for number, day in enumerate(days)))
    return tmp_path


def made(shop: Path) -> list[str]:
    path = shop / "made.txt"
    return path.read_text().split() if path.exists() else []


def backfilled(shop: Path, *args: str, asked: Backfill | None = None, select: str = "staging/day") -> list[str]:
    with Project.load(shop) as project:
        result = project.backfill(select, asked or Backfill(*args), workers=1)
    return [f"{step.slot}" for step in result.steps if step.state == "succeeded"]


def test_both_ends_of_the_range_are_included(shop: Path) -> None:
    assert backfilled(shop, "2013-02-01", "2013-02-03") == [f"staging/day@2013-02-0{day}" for day in (1, 2, 3)]


def test_the_same_range_again_makes_only_what_is_left(shop: Path) -> None:
    backfilled(shop, "2013-02-01", "2013-02-03")
    assert backfilled(shop, "2013-01-31", "2013-02-04") == ["staging/day@2013-01-31", "staging/day@2013-02-04"]
    assert backfilled(shop, "2013-01-31", "2013-02-04") == []


def test_newest_first(shop: Path) -> None:
    backfilled(shop, asked=Backfill("2013-02-01", "2013-02-04", newest_first=True))
    assert made(shop) == ["2013-02-04", "2013-02-03", "2013-02-02", "2013-02-01"]


def test_assets_of_a_wider_unit_are_made_where_they_share_time_with_the_range(shop: Path) -> None:
    found = backfilled(shop, "2013-02-01", "2013-02-28", select="staging/day marts/month")
    assert found[-1] == "marts/month@2013-02"
    assert len(found) == 28 + 1


def test_what_failed_is_made_again_and_nothing_else(shop: Path) -> None:
    (shop / "bad.txt").touch()
    backfilled(shop, "2013-02-01", "2013-02-04")
    (shop / "bad.txt").unlink()
    assert backfilled(shop, asked=Backfill(only="failed")) == ["staging/day@2013-02-03"]


def test_what_failed_under_a_former_key_is_made_under_the_present_one(shop: Path) -> None:
    (shop / "bad.txt").touch()
    backfilled(shop, "2013-02-01", "2013-02-04")
    (shop / "bad.txt").unlink()
    text = (shop / "shop_days.py").read_text()
    text = text.replace('key="staging/day"', 'key="daily", renamed_from="staging/day"').replace("staging_day", "daily")
    (shop / "shop_days.py").write_text(text)
    assert backfilled(shop, asked=Backfill(only="failed"), select="daily") == ["daily@2013-02-03"]


def test_where_nothing_failed_what_is_missing_is_not_said_to_be_fresh(hw: Headwater, shop: Path) -> None:
    for words in ((), ("--dry-run",)):
        answer = hw("backfill", "staging/day", "--only", "failed", *words, at=shop)
        assert "nothing to " in answer.out
        assert "fresh" not in answer.out
        assert "nothing in the range has failed" in answer.err


def test_what_failed_in_an_environment_that_was_dropped_has_not_failed_in_the_next_of_its_name(shop: Path) -> None:
    (shop / "bad.txt").touch()
    for _ in range(2):
        with Project.load(shop) as project:
            project.create_environment("x")
        with Project.load(shop, env="x") as project:
            asked = Backfill("2013-02-01", "2013-02-04", only="failed")
            assert len(project.plan_backfill("staging/day", asked)[0].steps) == 0
            project.backfill("staging/day", Backfill("2013-02-01", "2013-02-04"), workers=1)
            assert len(project.plan_backfill("staging/day", asked)[0].steps) == 1
            project.drop_environment()


def test_what_was_never_made_is_told_from_what_is_stale(shop: Path) -> None:
    backfilled(shop, "2013-02-01", "2013-02-02")
    text = (shop / "rows.csv").read_text()
    (shop / "rows.csv").write_text(text.replace("2013-02-01,31", "2013-02-01,99"))
    assert backfilled(shop, asked=Backfill("2013-02-01", "2013-02-03", only="stale")) == ["staging/day@2013-02-01"]
    assert backfilled(shop, asked=Backfill("2013-02-01", "2013-02-03", only="missing")) == ["staging/day@2013-02-03"]


def test_a_failure_stops_only_what_reads_it(shop: Path) -> None:
    (shop / "bad.txt").touch()
    with Project.load(shop) as project:
        result = project.backfill("", Backfill("2013-01-01", "2013-02-28"))
    assert result.counts == {"succeeded": 58 + 1, "failed": 1, "upstream_failed": 2}
    assert not result.ok


def test_a_late_change_to_one_day_makes_that_day_its_month_and_what_reads_that(shop: Path) -> None:
    backfilled(shop, "", "", select="")
    text = (shop / "rows.csv").read_text()
    (shop / "rows.csv").write_text(text.replace("2013-02-01,31", "2013-02-01,99"))
    with Project.load(shop) as project:
        result = project.materialize()
    assert [str(step.slot) for step in result.steps] == ["staging/day@2013-02-01", "marts/month@2013-02", "marts/all"]


def test_the_cost_goes_by_what_is_published(shop: Path) -> None:
    backfilled(shop, "2013-02-01", "2013-02-02")
    with Project.load(shop) as project:
        plan, cost = project.plan_backfill("staging/day marts/month", Backfill("2013-02-01", "2013-02-28"))
        published = project.catalog.published(project.env, assets={"staging/day"})
    one = [made.stored.bytes for made in published.values() if made.stored is not None]
    assert len(plan.steps) == 26 + 1
    assert cost.bytes == 26 * sum(one) / len(one)
    assert (cost.seconds > 0, cost.unknown) == (True, 1)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--from", "2013-02-30"), "HW610", "2013-02-28"),
        (("--from", "2013-02-03", "--to", "2013-02-01"), "HW611", "is empty"),
        (("--only", "stalee"), "HW651", "stale"),
        (("--batch", "mnth"), "HW651", "month"),
        (("--batch", "0"), "HW651", "no number of slots"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    hw: Headwater, shop: Path, args: tuple[str, ...], code: str, said: str
) -> None:
    done = hw("backfill", "staging/day", *args, at=shop)
    assert done.status == 2
    assert code in done.err
    assert said in done.err
    assert made(shop) == []


def test_the_document_of_a_backfill_is_that_of_a_run(hw: Headwater, shop: Path) -> None:
    done = hw("backfill", "staging/day", "--from", "2013-02-01", "--to", "2013-02-02", "--json", at=shop)
    found = json.loads(done.out)
    assert found["counts"] == {"succeeded": 2}
    assert {step["partition"] for step in found["steps"]} == {"2013-02-01", "2013-02-02"}


def test_a_dry_run_shows_steps_and_cost_and_makes_nothing(hw: Headwater, shop: Path) -> None:
    found = json.loads(hw("backfill", "staging/day", "--dry-run", "--json", at=shop).out)
    assert len(found["steps"]) == 59
    assert found["estimate"] == {"seconds": 0.0, "bytes": 0, "unknown": 59}
    assert made(shop) == []


def test_an_operator_sees_the_plan_before_the_run(hw: Headwater, shop: Path) -> None:
    done = hw("backfill", "staging/day", "--from", "2013-02-01", "--to", "2013-02-05", at=shop)
    assert "5 steps, 1 asset" in done.err
    assert done.status == 0
    assert len(made(shop)) == 5
