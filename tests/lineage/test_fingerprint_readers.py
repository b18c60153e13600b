"""Readers see what they read, the number of rows, and the order only where they ask for it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from assets_core.versions import DataVersion, as_read, changed_columns
from lineage.fingerprint import add_projections, data_version
from tests.lineage.fingerprint_tables import SIZES, table, with_cell


@pytest.mark.parametrize("rows", SIZES)
def test_a_row_more_is_seen_by_a_reader_of_any_column(rows: int) -> None:
    frame = table(rows)
    before, after = data_version(frame), data_version(frame.head(rows - 1))
    assert all(as_read(before, [name]) != as_read(after, [name]) for name in frame.columns)


@pytest.mark.parametrize("rows", SIZES)
def test_a_duplicate_in_place_of_another_row_is_seen_without_a_key(rows: int) -> None:
    frame = pl.DataFrame({"x": [number % 5 / 2 for number in range(rows)]})
    other = with_cell(frame, 0, "x", 0.5)
    assert as_read(data_version(frame), ["x"]) != as_read(data_version(other), ["x"])


@pytest.mark.parametrize("rows", SIZES)
def test_without_a_key_a_reader_does_not_see_columns_it_does_not_read(rows: int) -> None:
    frame = table(rows).drop("id")
    read = ("amount", "label")
    before = data_version(frame, read_sets=[read])
    after = data_version(with_cell(frame, 3, "flag", None), read_sets=[read])
    assert as_read(before, read) == as_read(after, read) is not None
    assert as_read(before, frame.columns) != as_read(after, frame.columns)


@pytest.mark.parametrize("rows", SIZES)
def test_without_a_key_cells_swapped_between_rows_are_seen_by_who_reads_both_columns(rows: int) -> None:
    frame = pl.DataFrame({"a": [1, 2] * (rows // 2), "b": ["x", "y"] * (rows // 2)})
    swapped = frame.with_columns(b=pl.Series(["y", "x", *["x", "y"] * (rows // 2 - 1)]))
    sets = [("a", "b"), ("b",)]
    before, after = data_version(frame, read_sets=sets), data_version(swapped, read_sets=sets)
    assert as_read(before, ("a", "b")) != as_read(after, ("a", "b"))
    assert as_read(before, ("b",)) == as_read(after, ("b",))


@pytest.mark.parametrize("rows", SIZES)
def test_projections_are_added_for_readers_who_come_later(rows: int) -> None:
    frame = table(rows).drop("id")
    late = add_projections(data_version(frame), frame, [("flag", "label", "#")])
    assert late == data_version(frame, read_sets=[("label", "flag", "#")])


@pytest.mark.parametrize("rows", SIZES)
def test_a_version_of_another_scheme_is_made_anew(rows: int) -> None:
    frame = table(rows)
    old = replace(data_version(frame, unique_key=["id"]), scheme="sums-0:00000000")
    assert add_projections(old, frame, []) == data_version(frame, unique_key=["id"])


def test_a_version_of_bytes_answers_every_reader() -> None:
    version = DataVersion("bytes-1", None, content="ab")
    assert add_projections(version, table(3), [("id",)]) is version


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("drop", [[], ["id"]])
def test_the_order_is_seen_by_who_reads_it_and_by_no_other(rows: int, drop: list[str]) -> None:
    frame = table(rows).drop(drop)
    sets = [("#", "label"), ("label",)]
    before, after = data_version(frame, read_sets=sets), data_version(frame.reverse(), read_sets=sets)
    assert as_read(before, ("#", "label")) != as_read(after, ("#", "label"))
    assert as_read(before, ("label",)) == as_read(after, ("label",))


@pytest.mark.parametrize("rows", SIZES)
def test_with_a_key_the_order_does_not_mix_in_columns_that_are_not_read(rows: int) -> None:
    frame = table(rows)
    read = ("#", "label")
    before = data_version(frame, unique_key=["id"], read_sets=[read])
    after = data_version(with_cell(frame, 5, "flag", None), unique_key=["id"], read_sets=[read])
    assert as_read(before, read) == as_read(after, read)


@pytest.mark.parametrize("rows", SIZES)
def test_in_an_ordered_asset_the_order_of_rows_is_content(rows: int) -> None:
    frame = table(rows)
    before, after = data_version(frame, ordered=True), data_version(frame.reverse(), ordered=True)
    assert as_read(before, ("label",)) != as_read(after, ("label",))
    assert as_read(before, ("label", "#")) is not None


@pytest.mark.parametrize("rows", SIZES)
def test_in_an_ordered_asset_columns_still_change_one_by_one(rows: int) -> None:
    frame = table(rows)
    before, after = (data_version(one, ordered=True) for one in (frame, with_cell(frame, 9, "flag", None)))
    assert changed_columns(before, after, frame.columns) == ("flag",)
