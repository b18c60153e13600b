"""A key is used only where it was verified on the data."""

from __future__ import annotations

import polars as pl
import pytest

from lineage.fingerprint import SMALL_ROWS, data_version
from tests.lineage.fingerprint_tables import SIZES

KEYS = {
    "dense": lambda place: [place],
    "sparse": lambda place: [place * 7919 - 2**40],
    "two columns": lambda place: [place // 3, place % 3],
    "three of them, one negative": lambda place: [place // 100, -(place % 10), place // 10 % 10],
    "text": lambda place: ["k" + place.cast(pl.String)],
    "text and number": lambda place: ["k" + (place // 2).cast(pl.String), place % 2],
    "largest numbers": lambda place: [place.cast(pl.UInt64) + pl.Series([2**63], dtype=pl.UInt64)],
    "ends of a small type": lambda place: [(place // 256).cast(pl.Int8), (place % 256 - 128).cast(pl.Int8)],
    "time": lambda place: [place.cast(pl.Datetime("us"))],
    "decimal": lambda place: [place.cast(pl.Decimal(10, 2))],
}


@pytest.mark.parametrize("rows", [3, SMALL_ROWS + 3])
def test_a_declared_key_that_is_not_unique_is_not_used(rows: int) -> None:
    frame = pl.DataFrame({"id": [1, 1, *range(2, rows)], "x": [0.5] * rows})
    version = data_version(frame, unique_key=["id"])
    assert version.key == ()
    assert version.projections


@pytest.mark.parametrize("rows", [3, SMALL_ROWS + 3])
def test_a_declared_key_with_a_null_is_not_used(rows: int) -> None:
    frame = pl.DataFrame({"id": [None, *range(1, rows)], "x": [0.5] * rows})
    assert data_version(frame, unique_key=["id"]).key == ()


@pytest.mark.parametrize("rows", SIZES)
def test_the_previous_key_is_preferred_to_one_that_is_found(rows: int) -> None:
    frame = pl.DataFrame({"a": range(rows), "b": range(rows)})
    assert data_version(frame).key == ("a",)
    assert data_version(frame, previous_key=["b"]).key == ("b",)
    assert data_version(frame, previous_key=["gone"]).key == ("a",)


@pytest.mark.parametrize("rows", SIZES)
def test_floats_flags_and_nested_columns_never_become_keys(rows: int) -> None:
    frame = pl.DataFrame({"f": [number * 0.5 for number in range(rows)], "l": [[number] for number in range(rows)]})
    assert data_version(frame, unique_key=["f"]).key == ()
    assert data_version(frame).key == ()


@pytest.mark.parametrize("rows", SIZES)
def test_a_key_of_two_columns_identifies_rows(rows: int) -> None:
    frame = pl.DataFrame(
        {
            "a": [number // 2 for number in range(rows)],
            "b": ["xy"[number % 2] for number in range(rows)],
            "v": [1.5] * rows,
        }
    )
    version = data_version(frame, unique_key=["a", "b"])
    assert version.key == ("a", "b")
    assert version == data_version(frame.reverse(), unique_key=["a", "b"])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_kind_are_verified_on_all_rows(kind: str, shuffle: bool) -> None:
    place = pl.int_range(10_000, eager=True)
    columns = [column.alias(f"k{number}") for number, column in enumerate(KEYS[kind](place))]
    frame = pl.DataFrame([*columns, place.cast(pl.Float64).alias("x")])
    frame = frame.sample(fraction=1, shuffle=True, seed=5) if shuffle else frame
    key = [column.name for column in columns]
    assert data_version(frame, unique_key=key).key == tuple(key)
    twice = pl.concat([frame.head(9_999), frame.slice(4_000, 1)])
    assert data_version(twice, unique_key=key).key == ()
