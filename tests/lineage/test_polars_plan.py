"""Readings of plans: digest, schema, read sets, and what is said of plans that cannot be read."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from assets_core.errors import UsageError
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import PlanReading, plan_digest, read_plan

SCHEMA = {"id": pl.Int64, "v": pl.Float64, "s": pl.String}


def double(series: pl.Series) -> pl.Series:
    """A function at the top of a module, which pickles by reference."""
    return series * 2


def reading(frame: pl.LazyFrame) -> PlanReading:
    return read_plan(frame, {"a": SCHEMA, "b": SCHEMA})


def test_two_inputs_of_one_schema_give_different_digests() -> None:
    assert plan_digest(placeholder("a", SCHEMA)) != plan_digest(placeholder("b", SCHEMA))


def test_a_column_added_upstream_that_nobody_reads_leaves_the_digest_equal() -> None:
    def build(schema: dict[str, object]) -> pl.LazyFrame:
        return placeholder("a", schema).filter(pl.col("v") > 1).select("id")

    assert plan_digest(build(SCHEMA)) == plan_digest(build({**SCHEMA, "more": pl.Int8}))


def test_a_changed_literal_changes_the_digest() -> None:
    frame = placeholder("a", SCHEMA)
    assert plan_digest(frame.filter(pl.col("v") > 1)) != plan_digest(frame.filter(pl.col("v") > 2))


def test_the_identity_that_cache_gives_is_not_part_of_the_digest() -> None:
    digests = {plan_digest(placeholder("a", SCHEMA).cache().select("id").cache()) for _ in range(3)}
    assert len(digests) == 1
    assert digests != {None}


@pytest.mark.parametrize(
    "frame",
    [
        placeholder("a", SCHEMA).map_batches(double),
        placeholder("a", SCHEMA).with_columns(pl.col("v").map_batches(double, return_dtype=pl.Float64)),
        placeholder("a", SCHEMA).with_columns(pl.col("v").map_batches(lambda s: s, return_dtype=pl.Float64)),
        placeholder("a", SCHEMA).with_columns(pl.col("v").map_elements(abs, return_dtype=pl.Float64)),
        placeholder("a", SCHEMA).group_by("id").map_groups(double, schema=SCHEMA),
        placeholder("a", SCHEMA).select(pl.col("v").name.map(str.upper)),
    ],
    ids=["frame", "named", "lambda", "builtin", "groups", "names"],
)
def test_a_plan_with_a_python_function_inside_has_no_digest(frame: pl.LazyFrame) -> None:
    assert plan_digest(frame) is None


SCRIPT = """
import polars as pl
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import plan_digest
c = pl.col
a, b = (placeholder(n, {"id": pl.Int64, "v": pl.Float64, "s": pl.String}) for n in "ab")
frame = (a.join(b, on="id", how="full").rename({"v": "w", "s": "t", "id": "key"}).cache()
    .with_columns(c.w.replace({1.0: 2.0, 3.0: 4.0}), st=pl.struct("w", "t"), n=c.w.sum().over("t"))
    .group_by("t").agg(c.w.mean(), pl.len()).unpivot(index="t").sort("t").head(3))
frame = pl.concat([frame, pl.LazyFrame({"t": ["x"], "variable": ["y"], "value": [1.0]})], how="vertical")
print(plan_digest(frame))
"""


def test_digests_are_equal_over_processes_hash_seeds_and_places(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for package in ("assets_core", "lineage"):
        (moved / package).symlink_to(root / package)
    printed = set()
    for seed, place in (("1", root), ("2", root), ("3", moved)):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(place)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout.strip())
    assert len(printed) == 1
    assert len(printed.pop()) == 64


def test_the_order_in_which_polars_writes_the_casts_of_a_mapping_is_not_part_of_the_digest() -> None:
    wide = {f"c{place}": pl.Int64 for place in range(40)}
    frame = placeholder("a", wide)
    several = dict.fromkeys(wide, pl.Float64)

    assert len({plan_digest(frame.cast(several)) for _ in range(5)}) == 1
    assert len({plan_digest(frame.cast({"c0": pl.Int8, "c1": pl.Int16}, strict=False)) for _ in range(5)}) == 1
    different = [
        frame.cast({**several, "c7": pl.Float32}),
        frame.cast(several, strict=False),
        frame.cast({"c0": pl.Float64, "c1": pl.Float64}),
        frame.cast({"c0": pl.Float64}).cast({"c1": pl.Float64}),
        frame.with_columns(pl.col("c0").cast(pl.Float64).alias("c1"), pl.col("c1").cast(pl.Float64).alias("c0")),
        frame.with_columns(x=pl.col("c0").cast(pl.Float64), y=pl.col("c1").cast(pl.Float64)),
        frame.with_columns(y=pl.col("c1").cast(pl.Float64), x=pl.col("c0").cast(pl.Float64)),
    ]
    assert len({plan_digest(one) for one in [frame.cast(several), *different]}) == 1 + len(different)


def test_the_schema_of_the_result_is_given_in_order_with_dtypes_as_text() -> None:
    frame = placeholder("a", SCHEMA).select("s", n=pl.col("v").cast(pl.Int32))
    assert reading(frame).schema == (("s", "String"), ("n", "Int32"))


def test_read_sets_hold_what_each_input_is_asked_for_in_the_inputs_order() -> None:
    a, b = placeholder("a", SCHEMA), placeholder("b", SCHEMA)
    frame = a.filter(pl.col("s") == "x").join(b.select("id", "v"), on="id").select("id", "v_right")
    assert reading(frame).read_sets == {"a": ("id", "s"), "b": ("id", "v")}


def test_an_input_of_which_only_rows_are_counted_has_an_empty_read_set() -> None:
    assert reading(placeholder("a", SCHEMA).select(pl.len())).read_sets["a"] == ()


def test_order_is_in_the_read_set_where_it_reaches_values() -> None:
    assert reading(placeholder("a", SCHEMA).head(1).select("id")).read_sets["a"] == ("id", "#")


def test_order_is_not_in_the_read_set_of_a_plan_that_only_sorts() -> None:
    assert reading(placeholder("a", SCHEMA).sort("v").select("id")).read_sets["a"] == ("id", "v")


@pytest.mark.parametrize(
    ("frame", "read"),
    [
        (placeholder("a", SCHEMA).select("id"), ("id", "#")),
        (placeholder("a", SCHEMA).sort("v").select("id"), ("id", "v", "#")),
        (placeholder("a", SCHEMA).group_by("id").len().sort("id"), ("id",)),
        (placeholder("a", SCHEMA).group_by("id").len(), ("id", "#")),
    ],
    ids=["as it is", "sorted with ties", "sorted completely", "groups as they come"],
)
def test_where_order_is_content_the_order_that_reaches_the_result_is_read(
    frame: pl.LazyFrame, read: tuple[str, ...]
) -> None:
    assert read_plan(frame, {"a": SCHEMA}, ordered=True).read_sets["a"] == read


def test_a_file_that_is_no_input_is_undeclared(tmp_path: Path) -> None:
    path = tmp_path / "more.parquet"
    pl.DataFrame({"id": [1], "w": [2]}).write_parquet(path)
    frame = placeholder("a", SCHEMA).join(pl.scan_parquet(path), on="id")
    assert reading(frame).undeclared == (str(path),)


@pytest.mark.parametrize("other", [pl.DataFrame({"a": [1]}), 1, None])
def test_what_is_no_lazy_frame_is_refused(other: object) -> None:
    with pytest.raises(UsageError, match="HW204 expected a polars LazyFrame"):
        read_plan(other, {})  # type: ignore[arg-type]
