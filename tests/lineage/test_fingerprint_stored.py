"""Rows that are too many for memory have the version they would have in memory, however they stream past."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage.fingerprint import SMALL_ROWS, add_projections, data_version, tally_for
from lineage.fingerprint_keys import Ascent, identify
from tests.lineage.fingerprint_tables import SIZES, table

WAYS: dict[str, dict[str, Any]] = {
    "declared key": {"unique_key": ("id",)},
    "declared key that is none": {"unique_key": ("label",)},
    "previous key": {"previous_key": ("id", "label")},
    "found key": {},
    "order read": {"read_sets": [("#", "label"), ("amount",)]},
    "ordered": {"ordered": True},
    "read sets": {"read_sets": [("label", "flag"), ("gone",), ("*",)]},
}


def tallied(parts: Sequence[pl.DataFrame], stored: pl.LazyFrame, **ways: Any) -> Any:
    tally = tally_for(stored.collect_schema(), **ways)
    for part in parts:
        tally.take(tally.over(part.lazy()).collect())
    return data_version(stored, **ways, tally=tally)


@pytest.mark.parametrize("keyed", [True, False], ids=["with key", "without key"])
@pytest.mark.parametrize("rows", [0, *SIZES, 9_000])
@pytest.mark.parametrize("way", WAYS)
def test_stored_rows_have_the_version_of_rows_in_memory(tmp_path: Path, way: str, rows: int, keyed: bool) -> None:
    frame = table(rows) if keyed else table(rows).drop("id")
    ways = {name: value for name, value in WAYS[way].items() if keyed or "key" not in name}
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=1_000)
    stored = pl.scan_parquet(tmp_path / "t.parquet")
    parts = [frame.slice(start, 700) for start in range(0, rows, 700)]
    random.Random(1).shuffle(parts)
    expected = data_version(frame, **ways)
    assert data_version(stored, **ways) == expected
    assert tallied(parts, stored, **ways) == expected


@pytest.mark.parametrize("twice", [0, 1_500])
def test_a_key_that_fails_after_it_was_added_up_for_is_not_used(twice: int) -> None:
    ids = [*range(2_999), twice]
    frame = pl.DataFrame({"a": ids, "b": ids[::-1], "x": [0.5] * 3_000})
    parts = [frame.slice(start, 1_000) for start in range(0, 3_000, 1_000)]
    for key in ({"unique_key": ("a",)}, {"previous_key": ("a",)}):
        version = tallied(parts, frame.lazy(), **key)
        assert version.key == ()
        assert version == data_version(frame, **key)


def test_columns_may_be_called_as_the_sums_are() -> None:
    names = ["h0", "k1", "key 0", "height", "low 0", "r0"]
    frame = pl.DataFrame({name: range(place, 3_000 + place) for place, name in enumerate(names)})
    for key in ("h0", "k1", "height", "low 0"):
        assert tallied([frame.head(2_000), frame.tail(1_000)], frame.lazy(), unique_key=(key,)) == data_version(
            frame, unique_key=(key,)
        )


def test_a_null_that_comes_late_rules_a_key_out() -> None:
    frame = pl.DataFrame({"a": [*range(2_999), None], "b": range(3_000)})
    parts = [frame.slice(start, 1_000) for start in range(0, 3_000, 1_000)]
    assert tallied(parts, frame.lazy(), unique_key=("a",)).key == ("b",)


@pytest.mark.parametrize("empty", [0, 500, 1_000, 1_999, 2_000])
@pytest.mark.parametrize("key", [("a",), ("a", "b"), ("b", "a")])
def test_a_null_at_the_edge_of_a_batch_rules_a_sorted_key_out(key: tuple[str, ...], empty: int) -> None:
    frame = pl.DataFrame({"a": [None if row == empty else row for row in range(3_000)], "b": range(3_000)})
    parts = [frame.slice(start, 1_000) for start in range(0, 3_000, 1_000)]
    for name in ("unique_key", "previous_key"):
        ways: dict[str, Any] = {name: key}
        assert tallied(parts, frame.lazy(), **ways) == data_version(frame, **ways)


def test_a_key_that_was_not_added_up_for_is_found_all_the_same() -> None:
    frame = pl.DataFrame({"a": range(3_000), "b": range(3_000)})
    tally = tally_for(frame.schema, previous_key=("b",))
    tally.take(tally.over(frame.lazy()).collect())
    assert data_version(frame.lazy(), tally=tally) == data_version(frame)


@pytest.mark.parametrize("rows", SIZES)
def test_projections_are_added_from_stored_rows(rows: int) -> None:
    frame = table(rows).drop("id")
    version = data_version(frame)
    wanted = [("flag", "label", "#")]
    assert add_projections(version, frame.lazy(), wanted) == add_projections(version, frame, wanted)


@pytest.mark.parametrize("hashed_rows", [1_000, 1 << 23])
@pytest.mark.parametrize("scale", [1, 1 << 40], ids=["dense", "sparse"])
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "sorted"])
def test_keys_are_verified_in_parts(hashed_rows: int, scale: int, shuffle: bool) -> None:
    frame = pl.DataFrame({"a": [number // 3 * scale for number in range(9_000)], "b": [0, 1, 2] * 3_000})
    frame = frame.sample(fraction=1, shuffle=shuffle, seed=2)
    twice = pl.concat([frame.head(8_999), frame.slice(4_500, 1)])
    for rows, expected in ((frame, True), (twice, False)):
        found = identify(rows.lazy(), rows.schema, ("a", "b"), rows.height, hashed_rows=hashed_rows)
        assert found is expected


def test_many_equal_keys_are_seen_as_few_are() -> None:
    texts = pl.DataFrame({"a": [f"k{number % 6_000}" for number in range(9_000)]})
    assert not identify(texts.lazy(), texts.schema, ("a",), texts.height)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11)),
    seed=st.integers(0, 99),
)
def test_ascending_parts_prove_only_what_is_true(rows: list[tuple[int, int]], cuts: set[int], seed: int) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    parts = [frame.slice(start, end - start) for start, end in pairwise(edges)]
    random.Random(seed).shuffle(parts)
    ascent = Ascent(frame.schema, ("a", "b"))
    for part in parts:
        ascent.add(part.get_columns())
    if ascent.proven(len(rows)):
        assert len(set(rows)) == len(rows)
    if sorted(set(rows)) == rows:
        assert ascent.proven(len(rows))
    assert not ascent.proven(len(rows) + 1)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=12), streaming=st.booleans())
@example(rows=[(0, 0), (0, 1), (1, 0), (4, 2)], streaming=True)
@example(rows=[(0, 0), (0, 1), (0, 1), (4, 2)], streaming=True)
def test_rows_are_seen_to_ascend_in_passing(rows: list[tuple[int, int]], streaming: bool) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    tally = tally_for(frame.schema, unique_key=("a", "b"))
    tally.take(tally.over(frame.lazy()).collect(engine="streaming" if streaming else "in-memory"))
    extent = tally.extent(("a", "b"))
    assert extent is not None
    if extent.ascend:
        assert len(set(rows)) == len(rows)
    if sorted(set(rows)) == rows:
        assert extent.ascend


def test_parts_that_ascend_each_do_not_ascend_together() -> None:
    frame = table(3_000)
    tally = tally_for(frame.schema, unique_key=("id",))
    for _ in range(2):
        tally.take(tally.over(frame.lazy()).collect())
    assert data_version(pl.concat([frame, frame]).lazy(), unique_key=("id",), tally=tally).key == ()


def test_so_few_rows_that_stream_past_take_the_way_of_small_frames() -> None:
    frame = table(SMALL_ROWS)
    assert tallied([frame.head(300), frame.tail(200)], frame.lazy()) == data_version(frame)


def test_a_storage_that_adds_nothing_up_costs_a_reading_and_no_wrong_version() -> None:
    frame = table(3_000)
    tally = tally_for(frame.schema, unique_key=("id",))
    assert data_version(frame.lazy(), unique_key=("id",), tally=tally) == data_version(frame, unique_key=("id",))
