"""Data types survive the way to text and back, and wrong ones are refused with the nearest name."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets_core.errors import DefinitionError
from lineage.dtypes import as_dtype, dtype_text, parse_dtype

PLAIN = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128),
    *(pl.Float16, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Null),
]
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
units = st.sampled_from(["ms", "us", "ns"])
leaves = st.one_of(
    st.sampled_from(PLAIN).map(lambda cls: cls()),
    st.builds(pl.Datetime, units, st.sampled_from([None, "UTC", "Europe/Amsterdam"])),
    st.builds(pl.Duration, units),
    st.integers(1, 38).flatmap(lambda p: st.builds(pl.Decimal, st.just(p), st.integers(0, p))),
    st.builds(pl.Enum, st.lists(names, unique=True, max_size=4)),
    st.just(pl.Categorical()),
    st.builds(
        lambda name, namespace, physical: pl.Categorical(pl.Categories(name, namespace=namespace, physical=physical)),
        st.sampled_from(["planes", "it's"]),
        st.sampled_from(["", "hangar"]),
        st.sampled_from([pl.UInt8, pl.UInt16, pl.UInt32]),
    ),
)
dtypes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(pl.List, inner),
        st.builds(pl.Array, inner, st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple)),
        st.dictionaries(names, inner, max_size=3).map(pl.Struct),
    ),
    max_leaves=5,
)


@given(dtypes)
def test_every_data_type_is_read_back_from_its_text(dtype: pl.DataType) -> None:
    assert parse_dtype(dtype_text(dtype)) == dtype


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("Int64", pl.Int64()),
        ("int", pl.Int64()),
        ("STRING", pl.String()),
        ("varchar", pl.String()),
        ("float", pl.Float64()),
        ("bool", pl.Boolean()),
        ("date", pl.Date()),
        ("datetime", pl.Datetime("us")),
        ("Datetime('ms', 'UTC')", pl.Datetime("ms", "UTC")),
        ("Datetime(time_unit='us', time_zone='UTC')", pl.Datetime("us", "UTC")),
        ("decimal(10, 2)", pl.Decimal(10, 2)),
        ("Map(String, Float64)", pl.Map(pl.String, pl.Float64)),
        ("list(int)", pl.List(pl.Int64)),
        ("pl.Int8", pl.Int8()),
        ("List(Struct({'a': Int8}))", pl.List(pl.Struct({"a": pl.Int8}))),
        ("Array(Int8, shape=(3,))", pl.Array(pl.Int8, 3)),
        ("Enum(categories=['a', 'b'])", pl.Enum(["a", "b"])),
        ("Extension('arrow.json', String, '')", pl.Extension("arrow.json", pl.String, "")),
        ("Extension('plane', Array(Int8, shape=(2,)))", pl.Extension("plane", pl.Array(pl.Int8, 2))),
        ("Categorical(Categories('planes'))", pl.Categorical(pl.Categories("planes"))),
    ],
)
def test_types_are_read_as_people_write_them(text: str, dtype: pl.DataType) -> None:
    assert parse_dtype(text) == dtype


@pytest.mark.parametrize(
    ("given_type", "text"),
    [
        (int, "Int64"),
        (str, "String"),
        (date, "Date"),
        (datetime, "Datetime(time_unit='us', time_zone=None)"),
        (pl.Int64, "Int64"),
        (pl.Decimal, "Decimal(precision=38, scale=0)"),
        (list[int], "List(Int64)"),
        ("integer", "Int64"),
        (None, "Null"),
    ],
)
def test_classes_and_python_types_have_a_text(given_type: object, text: str) -> None:
    assert dtype_text(given_type) == text


def test_a_long_enum_is_written_out_whole() -> None:
    dtype = pl.Enum([f"category {number}" for number in range(1000)])
    assert parse_dtype(dtype_text(dtype)) == dtype


def test_a_misspelled_type_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_dtype("Int46")
    assert caught.value.code == "HW181"
    assert "Int64" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Int64(",
        "List",
        "List()",
        "Int64(3)",
        "Decimal(2, 10)",
        "Datetime('weeks')",
        "Array(Int8)",
        "Array(Int8, shape='a')",
        "Struct",
        "Struct([1])",
        "Struct({'a': Int8, 'a': Int8})",
        "Enum",
        "Enum([1])",
        "Categorical(3)",
        "Extension('plane')",
        "Extension(3, Int8)",
        "Categorical(Categories('a', physical=String))",
        "__import__('os').system('true')",
        "List(" * 500 + "Int8" + ")" * 500,
        "(lambda: Int8)()",
        "1",
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_dtype(text)
    assert caught.value.code == "HW181"


def test_an_object_that_is_no_type_is_refused() -> None:
    with pytest.raises(DefinitionError):
        as_dtype(42)
