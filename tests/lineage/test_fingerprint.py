"""Data versions change exactly when content does, whatever the rows' order, chunks and buffers."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core.digest import digest
from assets_core.versions import as_read, changed_columns
from lineage.fingerprint import SMALL_ROWS, data_version, file_digest, scheme_for
from tests.lineage.fingerprint_tables import SIZES, table, versions_of, with_cell

PINNED = {
    "sorted-1:765c1fe9": "2f68c9d366d201b22f479f4fc27f0744cfe2a124ce052fbfcae263749de9900d",
    "sums-1:3def8861": "427c9f51bd18c5473b19a85ad16d2630018f727e14116003a97dcbffe34da196",  # polars 2.0
    "sums-1:f60bf601": "7fcd7e70f60ff3988db5104c0020fef11fa0a7bfddf35798bc32490f3986cb6a",  # polars 2.1
}


cells = st.one_of(st.none(), st.integers(-3, 3))
frames = st.lists(
    st.tuples(cells, st.sampled_from([None, "", "a", "b"]), st.sampled_from([0.0, -0.0, 0.5])), max_size=6
)
SCHEMA = {"a": pl.Int64, "b": pl.String, "c": pl.Float64}


def exact(row: tuple[Any, ...]) -> str:
    return repr(row)  # tells -0.0 from 0.0, as == does not


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("key", [["id"], []])
def test_reordering_rows_changes_nothing(rows: int, key: list[str]) -> None:
    frame = table(rows) if key else table(rows).drop("id")
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    assert data_version(frame, unique_key=key) == data_version(shuffled, unique_key=key)


@pytest.mark.parametrize("rows", SIZES)
def test_chunks_views_and_slices_change_nothing(rows: int) -> None:
    frame = table(rows + 10)
    chunked = pl.concat([frame.slice(5, 10), frame.slice(15, rows - 10)], rechunk=False)
    assert data_version(chunked) == data_version(frame.slice(5, rows).rechunk())


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", -1.5),
        ("amount", None),
        ("label", "zz"),
        ("label", ""),
        ("flag", None),
        ("day", date(2020, 1, 1)),
        ("price", Decimal("0.01")),
        ("tags", ["y"]),
        ("tags", None),
        ("pair", None),
        ("pair", {"a": None, "b": 0.25}),
    ],
)
def test_changing_one_cell_changes_its_column_and_no_other(rows: int, column: str, value: object) -> None:
    frame = table(rows)
    before = data_version(frame, unique_key=["id"])
    after = data_version(with_cell(frame, 17, column, value), unique_key=["id"])
    assert changed_columns(before, after, frame.columns) == (column,)


@pytest.mark.parametrize("rows", SIZES)
def test_swapped_cells_are_a_change(rows: int) -> None:
    frame = table(rows)
    swapped = with_cell(with_cell(frame, 1, "amount", 0.5), 2, "amount", 0.25)
    before, after = (data_version(one, unique_key=["id"]) for one in (frame, swapped))
    assert changed_columns(before, after, frame.columns) == ("amount",)


@pytest.mark.parametrize("rows", SIZES)
def test_a_copy_of_the_key_that_is_rotated_either_way_is_told_apart(rows: int) -> None:
    ids = pl.Series("id", range(rows))
    left = pl.DataFrame([ids, pl.Series("x", [*range(1, rows), 0])])
    right = pl.DataFrame([ids, pl.Series("x", [rows - 1, *range(rows - 1)])])
    assert data_version(left, unique_key=["id"]).columns["x"] != data_version(right, unique_key=["id"]).columns["x"]


@pytest.mark.parametrize("rows", SIZES)
def test_changes_that_keep_sums_and_weighted_sums_do_not_cancel(rows: int) -> None:
    steady = [10] * rows
    for change in ([1, -1], [1, -2, 1], [1, -3, 3, -1], [2**62, -(2**62)], [1, -1, -1, 1]):
        changed = [value + delta for value, delta in zip(steady, change, strict=False)] + steady[len(change) :]
        assert versions_of(changed, pl.Int64, rows) != versions_of(steady, pl.Int64, rows)


def test_an_empty_frame_has_versions_that_tell_types_apart() -> None:
    one = data_version(pl.DataFrame(schema={"a": pl.Int64}))
    other = data_version(pl.DataFrame(schema={"a": pl.Int32}))
    assert one.rows == 0
    assert as_read(one, ["a"]) != as_read(other, ["a"])


def test_a_frame_without_columns_has_a_version() -> None:
    assert as_read(data_version(pl.DataFrame()), []) is not None


def test_the_way_is_chosen_by_the_number_of_rows_alone() -> None:
    assert data_version(table(SMALL_ROWS)).scheme == scheme_for(0)
    assert data_version(table(SMALL_ROWS + 1)).scheme == scheme_for(10**9)


@pytest.mark.parametrize("rows", SIZES)
def test_the_digests_of_each_scheme_stay_what_they_are(rows: int) -> None:
    frame = table(rows)
    version = data_version(frame, unique_key=["id"])
    unkeyed = data_version(frame.drop("id"), read_sets=[("#",)])
    everything = tuple(sorted(frame.drop("id").columns))
    found = {**version.columns, "rows": unkeyed.projections[everything], "order": unkeyed.order}
    assert digest(found) == PINNED[version.scheme]


def test_another_process_with_another_hash_seed_gives_the_same_versions() -> None:
    code = (
        "import polars as pl; from lineage.fingerprint import data_version;"
        "f = lambda n: pl.DataFrame({'i': range(n), 's': [str(k) for k in range(n)], 'f': [k / 3 for k in range(n)]});"
        "print([sorted(data_version(f(n)).columns.items()) for n in (50, 5000)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "POLARS_MAX_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    }
    assert len(outputs) == 1


def test_real_group_bys_and_joins_give_one_version_over_five_runs() -> None:
    base = pl.LazyFrame(
        {"g": [number % 700 for number in range(20_000)], "v": [number % 97 for number in range(20_000)]}
    )
    query = base.group_by("g").agg(pl.col("v").sum()).join(base.group_by("g").agg(n=pl.len()), on="g")
    versions = [data_version(query.collect()) for _ in range(5)]
    assert all(version == versions[0] for version in versions)


def test_the_digest_of_a_file_is_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert file_digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("padding", [0, SMALL_ROWS])
@settings(max_examples=60, deadline=None)
@given(one=frames, other=frames, read=st.sets(st.sampled_from("abc"), min_size=1))
def test_equal_versions_mean_equal_rows_over_the_read_set(
    padding: int, one: list[Any], other: list[Any], read: set[str]
) -> None:
    filler = [(9, "z", 9.0)] * padding
    names = tuple(sorted(read))
    versions, contents = [], []
    for rows in (one, other):
        frame = pl.DataFrame(rows + filler, schema=SCHEMA, orient="row")
        versions.append(as_read(data_version(frame, read_sets=[names]), names))
        contents.append(sorted(exact(row) for row in frame.select(names).rows()))
    if versions[0] == versions[1]:
        assert contents[0] == contents[1]
    if padding and contents[0] == contents[1]:
        assert versions[0] == versions[1]  # with filler there is never a key that could differ


@pytest.mark.parametrize("padding", [0, SMALL_ROWS])
@settings(max_examples=40, deadline=None)
@given(rows=frames, data=st.data())
def test_any_permutation_of_rows_has_the_same_version(padding: int, rows: list[Any], data: st.DataObject) -> None:
    everything = [(number, *row) for number, row in enumerate(rows + [(9, "z", 9.0)] * padding)]
    schema = {"id": pl.Int64, **SCHEMA}
    shuffled = data.draw(st.permutations(everything[:10])) + everything[10:]
    one, other = (pl.DataFrame(given_rows, schema=schema, orient="row") for given_rows in (everything, shuffled))
    assert data_version(one) == data_version(other)
