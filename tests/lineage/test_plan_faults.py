"""Everything in a plan on which polars will raise: found without data, and each of them does raise on data."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from assets_core.errors import LineageError, UsageError
from benchmarks import tpch_polars as tpch
from lineage.columns.placeholder import placeholder
from lineage.columns.plan_faults import plan_faults

FLIGHTS = {
    "id": pl.Int64,
    "delay": pl.Float64,
    "origin": pl.String,
    "late": pl.Boolean,
    "day": pl.Date,
    "stops": pl.List(pl.Int64),
    "legs": pl.Struct({"p": pl.Int64}),
    "class": pl.Categorical,
}
PLANES = {"id": pl.String, "seats": pl.Int64}
DATA = {
    "flights": pl.DataFrame(
        {
            "id": [1, 2, 2],
            "delay": [0.5, -1.0, None],
            "origin": ["EWR", None, "7"],
            "late": [True, False, None],
            "day": [dt.date(2013, 1, 1), dt.date(2013, 1, 2), None],
            "stops": [[1, 2], [], None],
            "legs": [{"p": 1}, {"p": 2}, None],
            "class": ["a", "b", None],
        },
        schema=FLIGHTS,
    ),
    "planes": pl.DataFrame({"id": ["1", "2"], "seats": [100, 200]}, schema=PLANES),
}
col = pl.col
Build = Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]


def said(build: Build) -> list[str]:
    """What is wrong with a plan, code and sentence."""
    return [f"{fault.code} {fault.what}" for fault in faults(build)]


def faults(build: Build) -> tuple[LineageError, ...]:
    """What is wrong with a plan."""
    frame = build(placeholder("flights", FLIGHTS), placeholder("planes", PLANES))
    return plan_faults(frame, {"flights": FLIGHTS, "planes": PLANES})


def run(build: Build) -> pl.DataFrame:
    """The plan on data."""
    return build(DATA["flights"].lazy(), DATA["planes"].lazy()).collect()


FAULTS: dict[str, tuple[Build, str]] = {
    "text against a number": (lambda f, p: f.filter(col("origin") > 1), "HW221 dtypes that cannot be compared: string"),
    "a number against text": (lambda f, p: f.select(col("id") == "x"), "HW221 dtypes that cannot be compared"),
    "a category against a number": (lambda f, p: f.select(col("class") == 1), "HW221 dtypes that cannot be compared"),
    "a date against a list": (lambda f, p: f.select(col("day") == col("stops")), "HW221"),
    "text times a number": (lambda f, p: f.select(col("origin") * 2), "HW221 arithmetic on str and dyn int"),
    "text minus text": (lambda f, p: f.select(col("origin") - col("origin")), "HW221"),
    "the sum of text": (lambda f, p: f.select(col("origin").sum()), "HW221"),
    "a function on text of a float": (
        lambda f, p: f.with_columns(col("delay").str.to_uppercase()),
        "HW221 'delay' is f64 where only String will do",
    ),
    "a part of a date of text": (lambda f, p: f.select(col("origin").dt.year()), "HW221"),
    "a list function on an integer": (lambda f, p: f.select(col("id").list.sum()), "HW221"),
    "when on an integer": (
        lambda f, p: f.select(pl.when(col("id")).then(1)),
        "HW221 'id' is i64 where only Boolean will do",
    ),
    "when on text": (lambda f, p: f.select(pl.when(col("origin")).then(1)), "HW221 'origin' is str where only Boolean"),
    "and of text": (lambda f, p: f.select(col("origin") & col("late")), "HW221"),
    "a filter that is no Boolean": (lambda f, p: f.filter(col("delay") + 1), "HW222 a filter must be Boolean"),
    "a filter in an expression": (lambda f, p: f.select(col("id").filter(col("delay")).sum()), "HW222"),
    "is_in of another dtype": (lambda f, p: f.filter(col("origin").is_in([1, 2])), "HW221"),
    "clip of text": (lambda f, p: f.select(col("origin").clip(0, 1)), "HW221"),
    "a missing column": (lambda f, p: f.select("dely"), "HW220 there is no column 'dely'"),
    "a missing field": (lambda f, p: f.select(col("legs").struct.field("q")), "HW220 the struct has no field 'q'"),
    "join keys": (lambda f, p: f.join(p, on="id"), "HW221 join keys do not match"),
    "concat": (lambda f, p: pl.concat([f.select("id"), p.select("id")]), "HW221 the frames that are concatenated"),
    "a name twice": (lambda f, p: f.select("id", col("delay").alias("id")), "HW223 the name 'id' is there twice"),
    "side by side": (lambda f, p: pl.concat([f, p], how="horizontal"), "HW223 the name 'id' is there twice"),
    "an aggregate in groups": (lambda f, p: f.group_by("id").agg(col("origin").sum()), "HW221"),
    "windows over text": (
        lambda f, p: f.sort("origin").group_by_dynamic("origin", every="1d").agg(pl.len()),
        "HW221",
    ),
    "unnest of a number": (lambda f, p: f.unnest("id"), "HW221"),
    "after a join": (
        lambda f, p: f.join(p.with_columns(id=col("id").cast(pl.Int64)), on="id").filter(
            col("seats").str.len_chars() > 1
        ),
        "HW221 'seats' is i64 where only String will do",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_found_without_data(case: str) -> None:
    build, text = FAULTS[case]
    found = said(build)
    assert len(found) == 1
    assert found[0].startswith(text)


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_that_is_found_makes_the_run_fail(case: str) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        run(FAULTS[case][0])


FINE: dict[str, Build] = {
    "text plus a number cast": (lambda f, p: f.select(col("origin") + col("id").cast(pl.String))),
    "a date against a moment": (lambda f, p: f.filter(col("day") < dt.datetime(2014, 1, 1))),
    "a float against an integer": (lambda f, p: f.filter(col("delay") >= col("id"))),
    "a literal that casts": (lambda f, p: f.select(col("id") + pl.lit(1, pl.UInt8))),
    "text that is no date yet": (lambda f, p: f.select(col("origin").str.to_date("%Y", strict=False))),
    "values out of the bounds of few rows": (lambda f, p: f.select(col("id").get(2), col("day").gather([1, 2]))),
    "one item": (lambda f, p: f.filter(col("id") == 1).select(col("origin").item())),
    "rows that only data have": (lambda f, p: f.select(col("id").reshape((3, 1)))),
    "a category against text": (lambda f, p: f.filter(col("class") == "a")),
    "a key that is cast by polars": (lambda f, p: f.join(p, left_on=col("id").cast(pl.String), right_on="id")),
    "relaxed concat": (lambda f, p: pl.concat([f.select("id"), p.select("id")], how="vertical_relaxed")),
}


@pytest.mark.parametrize("case", FINE)
def test_what_runs_has_no_fault(case: str) -> None:
    run(FINE[case])
    assert said(FINE[case]) == []


@pytest.mark.parametrize("number", range(1, 23))
def test_the_queries_of_tpch_have_no_fault(number: int) -> None:
    frames = {name: placeholder(name, schema) for name, schema in tpch.SCHEMAS.items()}
    assert plan_faults(tpch.QUERIES[number - 1](frames), tpch.SCHEMAS) == ()


def seven(f: pl.LazyFrame, p: pl.LazyFrame) -> pl.LazyFrame:
    """A plan with faults on three levels and in two branches."""
    left = f.with_columns(z=col("origin") * 2, y=col("delay").str.to_uppercase(), x=col("nope"))
    left = left.filter(col("delay") + 1).filter(col("z") > 1).rename({"day": "date"})
    left = left.select("id", pl.when(col("id")).then(col("late")).alias("v"), w=col("origin") > col("delay"))
    return left.join(p.select(col("seets"), id=col("id").cast(pl.Int64)), on="id")


def test_all_faults_of_a_plan_are_found_at_once() -> None:
    assert [sentence.partition("(")[0].strip() for sentence in said(seven)] == [
        "HW221 arithmetic on str and dyn int is not possible",
        "HW221 'delay' is f64 where only String will do",
        "HW220 there is no column 'nope'",
        "HW222 a filter must be Boolean, and this one is Float64",
        "HW221 'id' is i64 where only Boolean will do",
        "HW221 dtypes that cannot be compared: string with numeric type",
        "HW220 there is no column 'seets'",
    ]


def test_what_only_follows_from_a_fault_below_is_no_fault_of_its_own() -> None:
    def build(f: pl.LazyFrame, p: pl.LazyFrame) -> pl.LazyFrame:
        made = f.with_columns(z=col("nope")).with_columns(y=col("z") + 1).filter(col("y") > 1).sort("z")
        return made.group_by("y").agg(col("z").sum()).rename({"z": "sum"})

    assert said(build) == ["HW220 there is no column 'nope'"]


def test_a_fault_names_the_expression_and_the_column_of_the_input_that_it_comes_from() -> None:
    def build(f: pl.LazyFrame, p: pl.LazyFrame) -> pl.LazyFrame:
        return f.rename({"delay": "minutes"}).with_columns(m=col("minutes") * 2).filter(col("m") == col("origin"))

    (fault,) = faults(build)
    assert fault.why.splitlines() == [
        'in the expression [(col("m")) == (col("origin"))]',
        "m is Float64 here, from flights:delay",
        "origin is String here, from flights:origin",
    ]


def test_inputs_are_called_as_they_are_labelled() -> None:
    frame = placeholder("raw", PLANES).filter(col("id") > 1)
    (fault,) = plan_faults(frame, {"raw": PLANES}, labels={"raw": "staging/planes"})
    assert "id is String here, from staging/planes:id" in fault.why


def test_a_missing_column_is_answered_with_the_nearest_name() -> None:
    assert faults(lambda f, p: f.select("dely"))[0].hint == "did you mean 'delay'?"


def test_python_functions_are_never_called_and_what_is_around_them_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noting.py").write_text("called = []\ndef note(given):\n    called.append(given)\n    return given\n")
    monkeypatch.syspath_prepend(tmp_path)
    noting = importlib.import_module("noting")

    def build(f: pl.LazyFrame, p: pl.LazyFrame) -> pl.LazyFrame:
        return f.filter(col("origin") > 1).map_batches(noting.note).filter(col("class") == 1)

    assert said(build) == [
        "HW221 dtypes that cannot be compared: string with numeric type (i32)",
        "HW221 dtypes that cannot be compared: categorical with i32",
    ]
    assert noting.called == []


def test_nothing_is_written_and_no_file_is_read(tmp_path: Path) -> None:
    def build(f: pl.LazyFrame, p: pl.LazyFrame) -> pl.LazyFrame:
        scan = pl.scan_parquet(tmp_path / "gone.parquet", schema={"id": pl.Int64})
        made = f.filter(col("origin") > 1).join(scan, on="id")
        return made.sink_parquet(tmp_path / "made.parquet", lazy=True)

    assert [code.partition(" ")[0] for code in said(build)] == ["HW221"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "rest",
    [lambda f: f.map_batches(lambda frame: frame), lambda f: f.select(col("id").map_batches(lambda one: one))],
    ids=["frame", "column"],
)
def test_a_fault_before_a_python_function_is_told_where_polars_can_write_the_plan(
    rest: Callable[[pl.LazyFrame], pl.LazyFrame],
) -> None:
    told = said(lambda f, p: rest(f.filter(col("origin") > 1)))
    writes = find_spec("cloudpickle") is not None  # what polars writes Python functions with, where it is installed
    assert [line.split(":")[0] for line in told] == (["HW221 dtypes that cannot be compared"] if writes else [])


def test_what_is_no_lazy_frame_is_refused() -> None:
    with pytest.raises(UsageError, match="HW204"):
        plan_faults(DATA["flights"], {})  # type: ignore[arg-type]
