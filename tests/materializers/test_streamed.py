"""Plans over many rows are stored, versioned and held to their promises without being whole in memory."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from materializers.reading import LARGE_BYTES
from materializers.task import STREAMED_ROWS
from tests.desk import Desk

ROWS = STREAMED_ROWS + 100_000
BODY = """
raw = source("raw/t", files="t.parquet")

@asset(inputs={{"raw": raw}}{options})
def a(raw: {frame}) -> {frame}:
    return raw{steps}
"""


def many(rows: int = ROWS) -> pl.DataFrame:
    place = pl.int_range(rows, eager=True)
    return pl.DataFrame({"id": place, "g": place % 1_000, "x": place * 0.5, "s": (place % 77).cast(pl.String)})


@pytest.fixture
def tables(desk: Desk) -> Desk:
    many().write_parquet(desk.root / "t.parquet", row_group_size=100_000)
    return desk


def made(desk: Desk, *, lazy: bool = True, options: str = "", steps: str = "") -> Any:
    """The last record of ``a``, the asset being defined so."""
    frame = "pl.LazyFrame" if lazy else "pl.DataFrame"
    desk.define(BODY.format(options=options and f", {options}", frame=frame, steps=steps))
    (step,) = desk.materialize("a").steps
    return step


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ('unique_key=["id"]', ""),
        ('unique_key=["id"]', ".reverse()"),
        ("", ""),
        ("", '.drop("id")'),
        ("ordered=True", '.drop("id")'),
        ("", '.filter(pl.col("id") < 100)'),
        ("", '.filter(pl.col("id") < 0)'),
        ("", '.group_by("g").agg(pl.col("id").sum())'),
    ],
)
def test_a_streamed_result_has_rows_and_version_of_one_made_in_memory(tables: Desk, options: str, steps: str) -> None:
    found = []
    for lazy in (True, False):
        assert str(made(tables, lazy=lazy, options=options, steps=steps).state) == "succeeded"
        project = tables.project
        record = next(one for slot, one in project.catalog.published(project.env).items() if slot.asset == "a")
        found.append((record.version, record.schema, project.scan("a").collect()))
    (one, one_schema, rows), (other, other_schema, same) = found
    assert (one, one_schema) == (other, other_schema)
    assert_frame_equal(rows, same, check_row_order="group_by" not in steps)


def test_a_streamed_result_that_breaks_its_key_is_refused_and_not_kept(tables: Desk) -> None:
    step = made(tables, options='unique_key=["g"]')
    assert str(step.state) == "failed"
    assert step.error.code == "HW335"
    assert f"{ROWS} rows share their key" in step.error.message
    assert not list((tables.root / ".headwater" / "data").rglob("*.parquet"))


def test_checks_of_a_streamed_result_count_every_row(tables: Desk) -> None:
    checks = 'checks=[check.unique("id"), check.not_null("s"), check.unique("g"), check.between("g", 0, 998)]'
    step = made(tables, options=f'unique_key=["id"], {checks}')
    assert str(step.state) == "blocked"
    assert [result.failed_rows for result in step.checks] == [0, 0, ROWS, ROWS // 1_000]


def test_an_error_in_a_streamed_plan_is_the_users_and_leaves_nothing(tables: Desk) -> None:
    step = made(tables, steps='.with_columns(n=pl.col("s").str.replace("7", "x").cast(pl.Int64))')
    assert str(step.state) == "failed"
    assert "conversion" in step.error.message
    assert not list((tables.root / ".headwater" / "data").rglob("*.parquet"))


def test_a_broken_page_of_a_large_parquet_file_fails_the_step_that_reads_it(desk: Desk) -> None:
    rows = LARGE_BYTES // 8
    path = desk.root / "t.parquet"
    pl.select(id=pl.int_range(rows).hash(1)).write_parquet(path, compression="uncompressed")
    with path.open("r+b") as file:
        file.seek(5)
        file.write(bytes(2_000))
    step = made(desk)
    assert str(step.state) == "failed"
    assert not list((desk.root / ".headwater" / "data").rglob("*.parquet"))
    project = desk.project
    (observed,) = project.catalog.published(project.env).values()
    assert observed.version.rows == rows
