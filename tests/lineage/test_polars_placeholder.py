"""Placeholders: typed, data-free, known by name, and refusing to run."""

import polars as pl
import pytest

from assets_core.errors import HeadwaterError, UsageError
from lineage.columns.placeholder import as_dtype, placeholder, watching

SCHEMA = {"id": pl.Int64, "name": pl.String}


def test_a_placeholder_has_the_schema_it_was_given() -> None:
    assert placeholder("t", SCHEMA).collect_schema() == pl.Schema({"id": pl.Int64(), "name": pl.String()})


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_placeholder_refuses_to_be_collected(engine: str) -> None:
    with pytest.raises(HeadwaterError, match="HW201 the placeholder of input 't' was executed"):
        placeholder("t", SCHEMA).filter(pl.col("id") > 1).collect(engine=engine)


def test_the_log_names_the_input_whose_schema_was_asked_for() -> None:
    with watching() as log:
        first, second = placeholder("first", SCHEMA), placeholder("second", SCHEMA)
        second.join(first, on="id").collect_schema()
        first.filter(pl.col("id") > 1)
    assert log.inspected == {"first", "second"}


def test_building_a_plan_inspects_nothing() -> None:
    with watching() as log:
        frame = placeholder("t", SCHEMA)
        frame.join(frame, on="id").group_by("id").agg(pl.all().sum()).sort("id").head(3).rename({"id": "key"})
    assert log.inspected == set()


def test_the_log_names_the_input_that_was_executed() -> None:
    with watching() as log:
        frame = placeholder("t", SCHEMA)
        with pytest.raises(HeadwaterError):
            frame.collect()
    assert log.executed == {"t"}


def test_the_log_closes_with_its_block() -> None:
    with watching() as log:
        frame = placeholder("t", SCHEMA)
    frame.collect_schema()
    assert log.inspected == set()


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Int8(),
        pl.List(pl.Int64),
        pl.Array(pl.Float64, 2),
        pl.Struct({"p": pl.Int64, "q": pl.List(pl.String)}),
        pl.Datetime("us", "Europe/Berlin"),
        pl.Duration("ms"),
        pl.Decimal(10, 2),
        pl.Enum(["x", "y"]),
        pl.Categorical(),
        pl.Null(),
    ],
    ids=str,
)
def test_a_dtype_is_understood_from_its_own_text(dtype: pl.DataType) -> None:
    assert as_dtype(str(dtype)) == dtype


def test_python_types_and_dtype_classes_are_dtypes_too() -> None:
    assert [as_dtype(int), as_dtype(pl.Int64)] == [pl.Int64(), pl.Int64()]


def test_a_misspelt_dtype_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="HW203") as caught:
        placeholder("t", {"a": "Int46"})
    assert "Int64" in caught.value.hint


def test_text_that_would_run_code_is_no_dtype() -> None:
    with pytest.raises(UsageError, match="HW203"):
        as_dtype("__import__('os').getcwd()")
