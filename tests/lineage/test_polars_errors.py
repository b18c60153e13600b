"""Plans that do not type-check: what is wrong, which input's column is behind it, and the nearest name."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from assets_core.errors import LineageError
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import read_plan

FLIGHTS = {"id": pl.Int64, "delay": pl.Float64, "origin": pl.String, "legs": pl.Struct({"p": pl.Int64})}
PLANES = {"id": pl.String, "seats": pl.Int64}
flights, planes = placeholder("flights", FLIGHTS), placeholder("planes", PLANES)
col = pl.col


def fault(build: Callable[[], pl.LazyFrame]) -> LineageError:
    """The error that reading a plan gives."""
    with pytest.raises(LineageError) as caught:
        read_plan(build(), {"flights": FLIGHTS, "planes": PLANES})
    return caught.value


FAULTS: dict[str, tuple[Callable[[], pl.LazyFrame], str, str]] = {
    "missing": (lambda: flights.select("dely"), "HW220", "there is no column 'dely'"),
    "missing in a filter": (lambda: flights.filter(col("orgin") == "x"), "HW220", "there is no column 'orgin'"),
    "missing key": (lambda: flights.group_by("day").len(), "HW220", "there is no column 'day'"),
    "missing field": (lambda: flights.select(col("legs").struct.field("q")), "HW220", "has no field 'q'"),
    "missing in rename": (lambda: flights.rename({"day": "date"}), "HW220", "there is no column 'day'"),
    "join keys": (lambda: flights.join(planes, on="id"), "HW221", "id is i64 on the left, id is str on the right"),
    "arithmetic": (lambda: flights.select(col("origin") * col("delay")), "HW221", "arithmetic on str and f64"),
    "concat": (lambda: pl.concat([flights.select("id"), planes.select("id")]), "HW221", "have different columns"),
    "aggregate": (lambda: flights.select(col("origin").sum()), "HW221", "`sum` operation not supported"),
    "filter": (lambda: flights.filter("delay"), "HW222", "a filter must be Boolean, and this one is Float64"),
    "twice in select": (lambda: flights.select("id", col("delay").alias("id")), "HW223", "'id' is there twice"),
    "twice in with_columns": (
        lambda: flights.with_columns(col("id").alias("z"), col("delay").alias("z")),
        "HW223",
        "'z' is there twice",
    ),
    "twice side by side": (lambda: pl.concat([flights, planes], how="horizontal"), "HW223", "'id' is there twice"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_plan_that_does_not_type_check_says_what_is_wrong(case: str) -> None:
    build, code, text = FAULTS[case]
    error = fault(build)
    assert error.code == code
    assert text in error.what


def test_a_missing_column_is_answered_with_the_nearest_name_and_its_input() -> None:
    error = fault(lambda: flights.select("dely"))
    assert error.hint == "did you mean 'delay'?"
    assert "flights:delay is Float64" in error.why


def test_a_column_that_was_dropped_before_is_named_with_its_input() -> None:
    error = fault(lambda: flights.select("id").filter(col("delay") > 1))
    assert "flights:delay exists, but it is not there any more" in error.why


def test_a_join_of_different_dtypes_names_both_columns_of_the_inputs() -> None:
    assert fault(lambda: flights.join(planes, on="id")).why == (
        "among the inputs flights:id is Int64, planes:id is String"
    )


def test_a_concat_of_different_columns_lists_every_difference() -> None:
    why = fault(lambda: pl.concat([flights.select("id", "delay"), planes])).why
    assert why.splitlines()[:3] == [
        "id is Int64 and String",
        "delay is only in the first",
        "seats is only in the second",
    ]


def test_an_error_of_polars_itself_stays_the_cause() -> None:
    assert isinstance(fault(lambda: flights.select("dely")).__cause__, pl.exceptions.ColumnNotFoundError)
