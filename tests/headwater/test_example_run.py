"""The example project carried out whole, on the real data: what it gives, what warns, and what an edit costs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets_core.column_lineage import ColumnRef
from assets_core.ports import RunResult
from headwater import Project

EXAMPLE = Path(__file__).parents[2] / "example_project"
DATA = EXAMPLE / "data"
README = (EXAMPLE.parent / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def data() -> Path:
    """The CSV files; made if they are not there yet."""
    if not (DATA / "weather.csv").exists():
        subprocess.run([sys.executable, str(EXAMPLE / "get_data.py")], check=True)
    return DATA


@pytest.fixture(scope="module")
def first(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    """A copy of the example, and the run that made all of it."""
    folder = tmp_path_factory.mktemp("example") / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", ".*", "__pycache__"))
    (folder / "data").symlink_to(data)
    with Project.load(folder, env="dev") as project:
        return folder, project.materialize()


@pytest.fixture
def project(first: tuple[Path, RunResult]) -> Iterator[Project]:
    """The project as it was made; not to be changed."""
    with Project.load(first[0], env="dev") as loaded:
        yield loaded


@pytest.fixture
def copy(first: tuple[Path, RunResult], tmp_path: Path) -> Path:
    """A copy of the made project that a test may edit; data are shared by hard links."""
    made = tmp_path / "flights"
    shutil.copytree(first[0], made, symlinks=True, copy_function=linked)
    return made


def linked(source: str, target: str) -> str:
    """Stored data are never changed, so a link will do; everything else is copied."""
    if source.endswith(".parquet"):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


def edit(path: Path, old: str, new: str) -> None:
    """Replaces one text in a file, which must have it once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def states(result: RunResult) -> dict[str, set[str]]:
    """The states in which the slots of each asset ended."""
    found: dict[str, set[str]] = {}
    for step in result.steps:
        found.setdefault(step.slot.asset, set()).add(str(step.state))
    return found


def test_every_slot_of_a_first_run_succeeds(first: tuple[Path, RunResult]) -> None:
    result = first[1]

    assert result.ok
    assert set(result.counts) == {"succeeded"}
    assert len(result.steps) == 2 * 365 + 6 * 12 + 17


def test_the_checks_that_warn_are_the_known_ones(first: tuple[Path, RunResult]) -> None:
    warned = {(step.slot.asset, check.name) for step in first[1].steps for check in step.checks if not check.passed}

    assert warned == {
        ("staging/flights", "speed is plausible"),
        ("staging/weather", "not_null(pressure_hpa)"),
        ("staging/airports", "not_null(timezone)"),
        ("marts/flight_facts", "every flight has its weather"),
        ("marts/route_scorecard", "foreign_key(dest -> staging/airports:airport)"),
        ("marts/aircraft_scorecard", "foreign_key(tailnum -> staging/planes:tailnum)"),
        ("marts/carrier_scorecard", "cancellations stay below 5 %"),
    }


def test_no_flight_is_lost_or_counted_twice(project: Project, data: Path) -> None:
    raw = pl.read_csv(data / "flights.csv", columns=["tailnum"])

    assert project.scan("staging/flights").select(pl.len()).collect().item() == raw.height == 336_776
    assert project.scan("marts/headline").collect()["flights"].item() == raw.height


def test_punctuality_by_carrier_is_what_the_csv_files_say(project: Project, data: Path) -> None:
    raw = pl.read_csv(data / "flights.csv", null_values=["NA"], columns=["carrier", "arr_delay"])
    wanted = (
        raw.drop_nulls("arr_delay").group_by("carrier").agg(share=(pl.col("arr_delay") < 15).mean()).sort("carrier")
    )

    made = project.scan("marts/carrier_scorecard").sort("carrier").collect()

    assert list(made["carrier"]) == list(wanted["carrier"])
    assert list(made["on_time_share"]) == pytest.approx(list(wanted["share"]))


def test_a_day_holds_the_flights_that_were_to_leave_on_it_in_new_york(project: Project) -> None:
    days = project.scan("staging/flights", "2013-11-03").select(pl.col("flight_date").unique()).collect()

    assert [str(day) for day in days["flight_date"]] == ["2013-11-03"]


def test_the_warehouse_shows_what_is_published_as_views(project: Project) -> None:
    project.close()
    with duckdb.connect(str(project.root / ".headwater" / "warehouse.duckdb"), read_only=True) as warehouse:
        found = warehouse.execute('select flights from env_dev."marts/headline"').fetchall()

    assert found == [(336_776,)]


def test_a_second_run_does_nothing(project: Project) -> None:
    result = project.materialize()

    assert (result.run_id, result.steps) == (None, ())


def test_the_kpi_goes_back_to_columns_of_the_raw_files(project: Project) -> None:
    upstream = project.lineage("marts/carrier_scorecard").upstream("on_time_share")

    assert {ColumnRef("raw/flights", "arr_delay"), ColumnRef("raw/airlines", "carrier")} <= upstream
    assert ColumnRef("raw/flights", "tailnum") not in upstream


def asked(folder: Path, *words: str) -> list[str]:
    """The lines that a command prints."""
    command = [str(Path(sys.executable).parent / "headwater"), "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_tree_in_the_readme_is_what_the_command_prints(first: tuple[Path, RunResult]) -> None:
    shown = next(block for block in FENCED if block.startswith("$ headwater -C example_project lineage"))
    tree = [line for line in shown.splitlines()[1:] if line != "..."]

    assert asked(first[0], "lineage", "marts/carrier_scorecard:on_time_share", "--up")[: len(tree)] == tree


def test_the_diagram_in_the_readme_is_what_the_command_prints(first: tuple[Path, RunResult]) -> None:
    drawn = next(block for block in FENCED if block.startswith("flowchart"))
    words = ["lineage", "marts/carrier_scorecard:on_time_share", "--direct", "--format", "mermaid"]

    assert asked(first[0], *words) == drawn.splitlines()


def test_a_comment_makes_nothing_stale(copy: Path) -> None:
    edit(copy / "flights" / "facts.py", "    return (\n", "    # A comment.\n    return (\n")
    edit(copy / "sql" / "marts" / "fleets.sql", "select\n", "-- A comment.\nselect\n")

    with Project.load(copy, env="dev") as project:
        assert project.plan().steps == ()


def test_a_column_that_nobody_reads_costs_one_asset(copy: Path) -> None:
    edit(copy / "flights" / "staging.py", '(pl.col("temp") - 32) / 1.8', '(pl.col("temp") - 32) / 1.8 + 0.1')

    with Project.load(copy, env="dev") as project:
        result = project.materialize()

    assert result.ok
    assert {key for key, found in states(result).items() if "succeeded" in found} == {"staging/weather"}


def test_another_threshold_reaches_what_stands_on_the_facts_and_nothing_else(copy: Path) -> None:
    edit(copy / "headwater.toml", "on_time_minutes = 15", "on_time_minutes = 30")

    with Project.load(copy, env="dev") as project:
        planned = {slot.asset for step in project.plan().steps for slot in step.slots}
        result = project.materialize()
        computed = {key for key, found in states(result).items() if "succeeded" in found}

    assert planned.isdisjoint({"staging/flights", "marts/rolling_week", "marts/departure_hours", "marts/worst_days"})
    assert {"marts/flight_facts", "marts/carrier_months", "marts/carrier_scorecard", "marts/headline"} <= computed
    assert computed.isdisjoint({"marts/fleets", "marts/manufacturers", "marts/registry_gaps"})


def test_going_back_to_the_old_threshold_computes_nothing(copy: Path) -> None:
    edit(copy / "headwater.toml", "on_time_minutes = 15", "on_time_minutes = 30")
    with Project.load(copy, env="dev") as project:
        project.materialize("marts/flight_facts marts/carrier_months")

    edit(copy / "headwater.toml", "on_time_minutes = 30", "on_time_minutes = 15")
    with Project.load(copy, env="dev") as project:
        result = project.materialize()

    assert result.ok
    assert set(result.counts) <= {"reused", "skipped"}


def test_an_altered_file_is_found_by_the_auditor(copy: Path) -> None:
    victim = next((copy / ".headwater" / "data").rglob("*fleet_age*/*.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.unlink()
    victim.write_bytes(bytes(content))

    with Project.load(copy, env="dev") as project:
        assert not project.verify().ok
