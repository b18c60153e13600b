"""``validate`` type-checks the whole graph before any data is touched, and says everything that is wrong at once."""

from __future__ import annotations

from tests.desk import Desk

FLIGHTS = """
flights = source("raw/flights", files="flights.csv", schema={"id": pl.Int64, "delay": pl.Float64, "origin": pl.String})

@asset(key="staging/flights", inputs={"raw": "raw/flights"})
def staged(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.rename({"delay": "minutes"})
"""
WRONG = """
@asset(key="marts/late", inputs={"flights": "staging/flights"})
def late(flights: pl.LazyFrame) -> pl.LazyFrame:
    late = flights.filter(pl.col("minutes") > pl.col("origin"))
    return late.select("id", pl.col("minutes").str.to_uppercase(), w=pl.when(pl.col("id")).then(1), v=pl.col("orign"))

@asset(key="marts/first", inputs={"flights": "staging/flights"})
def first(flights: pl.LazyFrame) -> pl.LazyFrame:
    return flights.filter(pl.col("id") + 1)

@asset(key="marts/fine", inputs={"flights": "staging/flights"})
def fine(flights: pl.LazyFrame) -> pl.LazyFrame:
    return flights.filter(pl.col("minutes") > 1)
"""


def test_all_faults_of_all_assets_are_found_at_once_each_at_its_file_and_line(desk: Desk) -> None:
    desk.write("flights.csv", "id,delay,origin\n1,2.5,EWR\n")
    desk.define(FLIGHTS + WRONG)
    errors = desk.project.validate().errors
    late = [one for one in errors if one.where.endswith("(marts/late)")]
    assert [one.code for one in late] == ["HW221", "HW221", "HW221", "HW220"]
    assert [one.code for one in errors if one.where.endswith("(marts/first)")] == ["HW222"]
    assert len(errors) == 5
    lines = (desk.root / "definitions.py").read_text().splitlines()
    line = 1 + lines.index('@asset(key="marts/late", inputs={"flights": "staging/flights"})')
    assert {one.where for one in late} == {f"{desk.root / 'definitions.py'}:{line} (marts/late)"}


def test_a_fault_names_the_upstream_column_behind_it_and_the_nearest_name(desk: Desk) -> None:
    desk.write("flights.csv", "id,delay,origin\n1,2.5,EWR\n")
    desk.define(FLIGHTS + WRONG)
    errors = desk.project.validate().errors
    compared = next(one for one in errors if "cannot be compared" in one.what)
    assert "minutes is Float64 here, from staging/flights:minutes" in compared.why
    assert "origin is String here, from staging/flights:origin" in compared.why
    missing = next(one for one in errors if one.code == "HW220")
    assert missing.hint == "did you mean 'origin'?"


def test_a_type_that_only_running_would_have_told_really_fails_when_run(desk: Desk) -> None:
    desk.write("flights.csv", "id,delay,origin\n1,2.5,EWR\n")
    desk.define(
        FLIGHTS
        + """
@asset(key="late", inputs={"flights": "staging/flights"})
def late(flights: pl.LazyFrame) -> pl.LazyFrame:
    return flights.filter(pl.col("minutes") > pl.col("origin"))
"""
    )
    assert [one.code for one in desk.project.validate().errors] == ["HW221"]
    result = desk.materialize()
    assert {step.slot.asset: step.state for step in result.steps} == {"staging/flights": "succeeded", "late": "failed"}


def test_where_a_schema_is_not_known_validate_says_so_and_checks_the_rest(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="unknown")
        def unknown() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        @asset(key="below")
        def below(unknown: pl.LazyFrame) -> pl.LazyFrame:
            return unknown.filter(pl.col("id") == "x")

        @asset(key="known", schema={"id": pl.Int64})
        def known() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})

        @asset(key="wrong")
        def wrong(known: pl.LazyFrame) -> pl.LazyFrame:
            return known.filter(pl.col("id") == "x")
        """
    )
    found = desk.project.validate()
    assert [one.where.partition("(")[2] for one in found.errors] == ["wrong)"]
    assert found.warnings == ("below is not checked: the schema of unknown is known only with data",)


def test_a_declared_origin_that_there_is_not_is_said(desk: Desk) -> None:
    desk.write("flights.csv", "id,delay,origin\n1,2.5,EWR\n")
    desk.define(
        FLIGHTS
        + """
from headwater import Column

@asset(inputs={"flights": "staging/flights"}, columns={
    "a": Column(derived_from=("staging/flights:minuts",)),
    "b": Column(derived_from=("staging/flihgts:minutes",)),
    "c": Column(derived_from=("staging/flights:minutes", "raw/flights:*")),
})
def summary(flights: pl.DataFrame) -> pl.DataFrame:
    return flights.select(a="minutes", b="minutes", c="minutes")
"""
    )
    errors = desk.project.validate().errors
    assert [(one.code, one.what, one.hint) for one in errors] == [
        ("HW153", f"there is no {origin}, from which summary:{column} is declared to be derived", hint)
        for origin, column, hint in [
            ("staging/flights:minuts", "a", "did you mean 'minutes'?"),
            ("staging/flihgts:minutes", "b", "did you mean 'staging/flights'?"),
        ]
    ]
