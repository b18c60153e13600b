"""What is on record of assets that are gone from the code: it can still be proven, and nothing reads it by mistake."""

from __future__ import annotations

from contextlib import closing

import pytest

from assets_core.errors import UsageError
from headwater import Project
from tests.desk import Desk

KEPT = """
@asset
def kept() -> pl.DataFrame:
    return pl.DataFrame({"v": [1, 2]})
"""
GONE = """
from headwater import Context

@asset
def gone(kept: pl.LazyFrame) -> pl.LazyFrame:
    return kept.select(w=pl.col("v") * 2)

@asset(partitions=Daily("2024-01-01", "2024-01-03"))
def days(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"day": [context.partition.key]})

rows = source("rows", files="rows.csv")
"""


@pytest.fixture
def then(desk: Desk) -> str:
    """The run that published what is gone from the code now."""
    desk.write("rows.csv", "a\n7\n")
    desk.define(KEPT + GONE + "\n@asset\ndef reader(rows: pl.LazyFrame) -> pl.LazyFrame:\n    return rows\n")
    desk.materialize()
    desk.project.create_environment("report", frozen=True)
    run = desk.project.runs()[-1]
    desk.define(KEPT)
    return f"run:{run.id}"


def test_its_data_is_read_as_of_a_moment_and_not_as_it_is_now(desk: Desk, then: str) -> None:
    project = desk.project
    assert project.scan("gone", as_of=then).collect()["w"].to_list() == [2, 4]
    assert project.scan("days", as_of=then).collect()["day"].to_list() == ["2024-01-01", "2024-01-02"]
    assert project.scan("days", "2024-01-02", as_of=then).collect()["day"].to_list() == ["2024-01-02"]
    for key in ("gone", "days", "rows"):
        with pytest.raises(UsageError, match="gone from the code") as raised:
            project.scan(key)
        assert raised.value.code == "HW602"


def test_a_frozen_environment_shows_it_as_ever(desk: Desk, then: str) -> None:
    desk.close()
    with closing(Project.load(desk.root, env="report")) as report:
        assert report.scan("gone").collect()["w"].to_list() == [2, 4]
        assert report.scan("days").collect()["day"].to_list() == ["2024-01-01", "2024-01-02"]
        assert report.manifest("days@2024-01-02")["partition"] == "2024-01-02"


def test_its_lineage_and_manifest_are_those_on_record(desk: Desk, then: str) -> None:
    project = desk.project
    for as_of in (None, then):
        assert {str(one) for one in project.lineage("gone", as_of).upstream("w")} == {"kept:v"}
        with pytest.raises(UsageError, match="has no column 'v'"):
            project.lineage("gone", as_of).upstream("v")
    assert project.manifest("gone")["asset"] == "gone"
    with pytest.raises(UsageError, match="each slot has a manifest of its own") as raised:
        project.manifest("days")
    assert raised.value.hint == "name one: days@2024-01-02"


def test_it_can_be_withdrawn(desk: Desk, then: str) -> None:
    with pytest.raises(UsageError, match="is partitioned"):
        desk.project.withdraw("days", reason="wrong")
    for slot in ("gone", "days@2024-01-02"):
        done = desk.project.withdraw(slot, reason="wrong")
        assert [str(one.slot) for one in done.materializations] == [slot]
        with pytest.raises(UsageError, match="is not published") as raised:
            desk.project.manifest(slot)
        assert raised.value.code == "HW615"


def test_the_former_key_of_a_renamed_asset_is_no_asset(desk: Desk, then: str) -> None:
    desk.define(KEPT.replace("@asset", '@asset(renamed_from="gone")'))
    for ask in (desk.project.manifest, desk.project.scan):
        with pytest.raises(UsageError, match="no asset 'gone'"):
            ask("gone")


def test_a_key_that_never_was_is_no_asset(desk: Desk, then: str) -> None:
    with pytest.raises(UsageError, match="HW602"):
        desk.project.scan("gine", as_of=then)
