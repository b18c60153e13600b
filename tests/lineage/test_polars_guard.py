"""The guard: a run reads its read set or fails loudly, and scans lose nothing by it."""

from pathlib import Path

import polars as pl
import pytest
from polars.selectors import by_name

from assets_core.errors import LineageError
from lineage.columns.guard import guarded
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import read_plan

DATA = pl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "c"], "z": [0.1, 0.2, 0.3], "w": [[1], [2], []]})


@pytest.fixture
def scan(tmp_path: Path) -> pl.LazyFrame:
    DATA.write_parquet(tmp_path / "data.parquet")
    return pl.scan_parquet(tmp_path / "data.parquet")


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("column", ["y", "z", "w"])
def test_reading_a_column_outside_the_read_set_fails_and_names_it(scan: pl.LazyFrame, column: str, engine: str) -> None:
    frame = guarded(scan, ["x"], DATA.schema)
    with pytest.raises(LineageError, match=f"HW205 column '{column}' was read"):
        frame.select("x", column).collect(engine=engine)


def test_a_filter_on_a_column_outside_the_read_set_fails(scan: pl.LazyFrame) -> None:
    with pytest.raises(LineageError, match="HW205 column 'z'"):
        guarded(scan, ["x"], DATA.schema).filter(pl.col("z") > 0).select("x").collect()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_projection_and_filters_reach_the_scan_as_without_the_guard(scan: pl.LazyFrame, engine: str) -> None:
    def plan(frame: pl.LazyFrame) -> str:
        return frame.filter(pl.col("x") > 1).select("x", d=pl.col("x") * 2).explain(engine=engine)

    assert plan(guarded(scan, ["x"], DATA.schema)) == plan(scan)


def test_counting_rows_reads_no_guarded_column(scan: pl.LazyFrame) -> None:
    assert guarded(scan, [], DATA.schema).select(pl.len()).collect().item() == 3


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_counting_rows_after_they_were_numbered_may_compute_the_one_column_that_polars_counts_by(
    scan: pl.LazyFrame, engine: str
) -> None:
    frame = guarded(scan, [], DATA.schema)
    assert frame.with_row_index("at").select(pl.len()).collect(engine=engine).item() == 3
    with pytest.raises(LineageError, match="HW205"):
        frame.select(pl.col("x").sum(), pl.col("y").max()).collect(engine=engine)


def test_a_run_is_handed_the_column_that_polars_counts_the_rows_of_a_step_by() -> None:
    def build(one: pl.LazyFrame, two: pl.LazyFrame) -> pl.LazyFrame:
        counted = one.count().drop_nulls("w").head(5)
        return counted.join(two.select(k="x"), how="cross").select("k")

    schema = dict(DATA.schema)
    reading = read_plan(build(placeholder("one", schema), placeholder("two", schema)), {"one": schema, "two": schema})
    held = (guarded(DATA.lazy(), reading.read_sets[name], schema) for name in ("one", "two"))
    assert build(*held).collect()["k"].to_list() == [1, 2, 3]


def test_the_guarded_frame_has_the_full_schema(scan: pl.LazyFrame) -> None:
    assert guarded(scan, ["x", "#"], DATA.schema).collect_schema() == DATA.schema


def test_a_frame_that_is_read_whole_is_handed_on_as_it_is(scan: pl.LazyFrame) -> None:
    assert guarded(scan, DATA.columns, DATA.schema) is scan


def test_names_that_look_like_patterns_are_guarded_as_names() -> None:
    frame = pl.LazyFrame({"^x.*$": [1], "x1": [2], "": [3], "*": [4]})
    held = guarded(frame, ["x1"], frame.collect_schema())
    assert held.select(by_name("x1")).collect().item() == 2
    with pytest.raises(LineageError, match="HW205"):
        held.select(by_name("^x.*$")).collect()
