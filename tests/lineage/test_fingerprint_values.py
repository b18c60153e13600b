"""Values that look alike are told apart, and values that are alike are not."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core.errors import DataError
from lineage.fingerprint import SMALL_ROWS, data_version
from tests.lineage.fingerprint_tables import SIZES, versions_of


@pytest.mark.parametrize("rows", SIZES)
def test_values_under_null_masks_do_not_count(rows: int) -> None:
    numbers = pl.int_range(rows, eager=True)
    masked = pl.select(x=pl.when(numbers % 2 == 0).then(numbers)).to_series()
    plain = pl.Series("x", masked.to_list())
    ids = numbers.alias("id")
    assert data_version(pl.DataFrame([ids, masked])) == data_version(pl.DataFrame([ids, plain]))


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize(
    ("one", "other", "dtype"),
    [
        ([0.0], [-0.0], pl.Float64),
        ([0.0], [-0.0], pl.Float32),
        ([None], [0.0], pl.Float64),
        ([None], [math.nan], pl.Float64),
        ([math.inf], [math.nan], pl.Float64),
        ([None], [0], pl.Int64),
        ([None], [""], pl.String),
        ([None], [False], pl.Boolean),
        ([""], ["\0"], pl.String),
        ([None], [[]], pl.List(pl.Int64)),
        ([[]], [[None]], pl.List(pl.Int64)),
        ([[0.0]], [[-0.0]], pl.List(pl.Float64)),
        ([None], [{"a": None}], pl.Struct({"a": pl.Int64})),
        ([{"a": 0.0}], [{"a": -0.0}], pl.Struct({"a": pl.Float64})),
        ([[1, 2]], [[2, 1]], pl.List(pl.Int64)),
        ([[0.0, 1.0]], [[-0.0, 1.0]], pl.Array(pl.Float64, 2)),
        ([1], [2**64 + 1], pl.Int128),
        ([Decimal("1.00")], [Decimal("1.01")], pl.Decimal(10, 2)),
        ([datetime(2020, 1, 1)], [datetime(2020, 1, 1, 0, 0, 0, 1)], pl.Datetime("us")),
        (["a"], ["b"], pl.Enum(["a", "b"])),
        (["a"], ["b"], pl.Categorical()),
        ([["a"]], [["b"]], pl.List(pl.Categorical())),
        ([["a"]], [["b"]], pl.List(pl.Enum(["a", "b"]))),
        ([0.0], [-0.0], pl.Float16),
        ([{"a": 1.0}], [{"a": 2.0}], pl.Map(pl.String, pl.Float64)),
        ([None], [{}], pl.Map(pl.String, pl.Float64)),
        ([None], [{}], pl.Struct([])),
        ([None], [b""], pl.Binary),
        ([[[0.0], [1.0]]], [[[-0.0], [1.0]]], pl.Array(pl.Float64, (2, 1))),
        ([[Decimal("1.0")]], [[Decimal("1.1")]], pl.List(pl.Decimal(10, 2))),
        ([[datetime(2020, 1, 1)]], [[datetime(2020, 1, 2)]], pl.List(pl.Datetime("ns", "UTC"))),
        ([[{"a": [0.0]}]], [[{"a": [-0.0]}]], pl.List(pl.Struct({"a": pl.List(pl.Float32)}))),
        ([timedelta(milliseconds=1)], [timedelta(milliseconds=2)], pl.Duration("ms")),
    ],
)
def test_values_that_look_alike_are_told_apart(one: list[Any], other: list[Any], dtype: Any, rows: int) -> None:
    assert versions_of(one, dtype, rows) != versions_of(other, dtype, rows)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pl.Int8(), pl.Int64()),
        (pl.Int64(), pl.UInt64()),
        (pl.Float32(), pl.Float64()),
        (pl.Decimal(10, 2), pl.Decimal(10, 3)),
        (pl.Datetime("us"), pl.Datetime("us", "UTC")),
    ],
)
def test_equal_values_of_two_types_are_told_apart(one: pl.DataType, other: pl.DataType, rows: int) -> None:
    values = pl.Series([1, 2]).cast(one).to_list() if not isinstance(one, pl.Datetime) else [datetime(2020, 1, 1)]
    assert versions_of(values, one, rows) != versions_of(values, other, rows)


@pytest.mark.parametrize("rows", SIZES)
def test_an_enum_differs_from_the_text_it_shows(rows: int) -> None:
    assert versions_of(["a"], pl.Enum(["a", "b"]), rows) != versions_of(["a"], pl.String(), rows)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32])
def test_a_nan_is_a_nan_whatever_its_bits(rows: int, dtype: Any) -> None:
    bits = pl.UInt64 if dtype == pl.Float64 else pl.UInt32
    quiet, signed = (0x7FF8000000000000, 0xFFF8000000000001) if dtype == pl.Float64 else (0x7FC00000, 0xFFC00001)
    ids = pl.Series("id", range(rows))
    one, other = (
        pl.DataFrame([ids, pl.Series("x", [nan] + [0] * (rows - 1), dtype=bits).reinterpret(dtype=dtype)])
        for nan in (quiet, signed)
    )
    assert data_version(one) == data_version(other)


@pytest.mark.parametrize("rows", SIZES)
def test_categories_count_by_their_text_not_by_their_codes(rows: int) -> None:
    texts = ["a", "b"] * (rows // 2)
    one = pl.Series("x", texts, dtype=pl.Categorical(pl.Categories("one")))
    pl.Series(["b", "a"], dtype=pl.Categorical(pl.Categories("two")))
    other = pl.Series("x", texts, dtype=pl.Categorical(pl.Categories("two")))
    ids = pl.Series("id", range(rows))
    strip = {"x": pl.Categorical()}
    assert data_version(pl.DataFrame([ids, one]).cast(strip)) == data_version(pl.DataFrame([ids, other]).cast(strip))


@pytest.mark.parametrize("rows", [2, SMALL_ROWS + 2])
def test_a_column_of_nulls_has_a_version(rows: int) -> None:
    frame = pl.DataFrame({"id": range(rows), "n": pl.Series([None] * rows, dtype=pl.Null)})
    assert data_version(frame) == data_version(frame.reverse())


@pytest.mark.parametrize("rows", [2, SMALL_ROWS + 2])
def test_python_objects_are_refused_with_the_name_of_their_column(rows: int) -> None:
    with pytest.raises(DataError) as caught:
        data_version(pl.DataFrame({"thing": pl.Series([object()] * rows, dtype=pl.Object)}))
    assert (caught.value.code, caught.value.where) == ("HW381", "thing")


whole = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2)
real = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 0.5])
text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["", "a", "\0"])
VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pl.Int64, whole),
    (pl.Float64, real),
    (pl.String, text),
    (pl.Binary, st.none() | st.binary(max_size=20)),
    (pl.Boolean, st.none() | st.booleans()),
    (pl.Date, st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    (pl.Decimal(12, 2), st.none() | st.integers(-999, 999).map(lambda cents: Decimal(cents) / 100)),
    (pl.List(pl.Int64), st.none() | st.lists(whole, max_size=3)),
    (pl.List(pl.Float64), st.none() | st.lists(real, max_size=3)),
    (pl.List(pl.List(pl.String)), st.none() | st.lists(st.none() | st.lists(text, max_size=2), max_size=2)),
    (
        pl.Struct({"a": pl.Int64, "b": pl.Float64}),
        st.none() | st.builds(lambda a, b: {"a": a, "b": b}, whole, real),
    ),
]


@pytest.mark.parametrize("rows", [3, SMALL_ROWS + 3])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_two_values_have_one_version_exactly_if_they_are_the_same(rows: int, data: st.DataObject) -> None:
    dtype, values = data.draw(st.sampled_from(VALUES))
    one, other = data.draw(values), data.draw(values)
    same = versions_of([one], dtype, rows) == versions_of([other], dtype, rows)
    assert same == (repr(one) == repr(other))  # repr tells -0.0 from 0.0, and writes every NaN alike
