"""Files and environment variables that code reads beside its inputs, and that change while a project is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater import Project
from tests.desk import Desk

FIRST = """
from pathlib import Path
def rate(value: int) -> None:
    new = Path(__file__).parent / "new.csv"
    new.write_text(f"rate\\n{value}\\n")
    new.replace(new.parent / "rates.csv")
@asset
def first() -> pl.DataFrame:
    rate(99)
    return pl.DataFrame({"a": [1, 2]})
"""
READERS = {
    "eager": """
@asset
def priced(first: pl.DataFrame) -> pl.DataFrame:
    return first.select(price=pl.col("a") * pl.read_csv("rates.csv")["rate"][0])
""",
    "scanned": """
@asset
def priced(first: pl.LazyFrame) -> pl.LazyFrame:
    return first.join(pl.scan_csv("rates.csv"), how="cross").select(price=pl.col("a") * pl.col("rate"))
""",
    "inline": """
@asset
def priced(first: pl.LazyFrame) -> pl.LazyFrame:
    return first.join(pl.read_csv("rates.csv").lazy(), how="cross").select(price=pl.col("a") * pl.col("rate"))
""",
}


@pytest.fixture
def rates(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(desk.root)
    desk.write("rates.csv", "rate\n10\n")
    return desk


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_a_file_that_changes_before_its_step_begins_is_recorded_as_it_was_read(rates: Desk, reader: str) -> None:
    rates.define(FIRST + reader)
    rates.materialize()
    assert rates.rows("priced") == [{"price": 99}, {"price": 198}]
    assert not rates.plan().steps
    rates.write("rates.csv", "rate\n10\n")
    rates.materialize("priced")
    assert rates.rows("priced") == [{"price": 10}, {"price": 20}]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_a_step_during_which_a_file_changes_publishes_nothing(rates: Desk, reader: str) -> None:
    slow = reader.replace(
        "@asset", "def late(frame: pl.DataFrame) -> pl.DataFrame:\n    rate(99)\n    return frame\n@asset"
    )
    slow = slow.replace(
        "return first.", "return first.map_batches(late)." if "Lazy" in reader else "return late(first)."
    )
    rates.define(FIRST.replace("rate(99)", "rate(10)") + slow)
    failed = next(step for step in rates.materialize().steps if step.error)
    assert failed.error is not None
    assert failed.error.code == "HW316"
    assert "rates.csv" in failed.error.message


def test_a_volatile_asset_may_write_the_file_that_it_reads(rates: Desk) -> None:
    slow = (
        READERS["eager"].replace("@asset", "@asset(volatile=True)").replace("return first", "rate(7)\n    return first")
    )
    rates.define(FIRST + slow)
    assert rates.materialize().ok


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_a_project_that_stays_loaded_sees_that_a_file_has_changed(rates: Desk, reader: str) -> None:
    rates.define(FIRST.replace("rate(99)", "pass") + reader)
    project = rates.project
    project.materialize()
    rates.write("rates.csv", "rate\n20\n")
    project.materialize()
    assert sorted(project.scan("priced").collect()["price"]) == [20, 40]


def test_a_project_that_stays_loaded_sees_that_an_environment_variable_has_changed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.define("""
        import os
        @asset
        def here() -> pl.DataFrame:
            return pl.DataFrame({"region": [os.environ["REGION"]]})
    """)
    monkeypatch.setenv("REGION", "eu")
    project = desk.project
    project.materialize()
    monkeypatch.setenv("REGION", "us")
    project.materialize()
    assert project.scan("here").collect()["region"].to_list() == ["us"]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_a_project_that_is_moved_has_the_same_code(rates: Desk, tmp_path: Path, reader: str) -> None:
    rates.define(FIRST + "RATES = Path(__file__).parent / 'rates.csv'\n" + reader.replace('"rates.csv"', "RATES"))
    rates.materialize()
    rates.close()
    moved = rates.root.rename(rates.root.with_name(f"{rates.root.name} moved"))
    with Project.load(moved) as project:
        assert not project.plan().steps


def test_code_may_set_variables_of_the_environment(desk: Desk) -> None:
    desk.define("""
        import os

        @asset
        def a() -> pl.DataFrame:
            os.environ["HEADWATER_TEST_ZONE"] = "UTC"
            return pl.DataFrame({"x": [os.environ.get("HEADWATER_TEST_ZONE")]})
    """)
    try:
        assert desk.materialize().ok
    finally:
        os.environ.pop("HEADWATER_TEST_ZONE", None)
