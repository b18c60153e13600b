"""Series brought into a form in which equal values, and only those, look equal to a digest.

Two things are decided here for both schemes: a NaN equals every other NaN, whatever its bits, because machines
disagree about them; ``-0.0`` differs from ``0.0``, because a reader can tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import polars as pl

from assets_core.errors import DataError

NAN = float("nan")


def _temporal(series: pl.Series) -> pl.Series:
    return series.to_physical()


def _text(series: pl.Series) -> pl.Series:
    return series.cast(pl.String)


def _same(series: pl.Series) -> pl.Series:
    return series


def _null(series: pl.Series) -> pl.Series:
    return pl.Series(series.name, [None] * len(series), dtype=pl.Int8)


def _nested(series: pl.Series) -> pl.Series:
    exact = exact_dtype(series.dtype)
    return series if exact == series.dtype else series.cast(exact)


def _extension(series: pl.Series) -> pl.Series:
    return plain(series.ext.storage())


def _refused(series: pl.Series) -> pl.Series:
    raise DataError(
        "HW381",
        f"column {series.name!r} holds Python objects, which have no version",
        where=series.name,
        hint="cast it to a data type that can be stored",
    )


_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128)
_FLOATS = (pl.Float16, pl.Float32, pl.Float64)
_TEMPORAL = (pl.Date, pl.Datetime, pl.Duration, pl.Time)
_NESTED = (pl.List, pl.Array, pl.Struct, pl.Map)

_PLAIN: Mapping[Any, Callable[[pl.Series], pl.Series]] = MappingProxyType(
    dict.fromkeys((*_INTEGERS, *_FLOATS, pl.Boolean, pl.String, pl.Binary), _same)
    | dict.fromkeys((*_TEMPORAL, pl.Decimal), _temporal)
    | dict.fromkeys((pl.Enum, pl.Categorical), _text)
    | dict.fromkeys(_NESTED, _nested)
    | {pl.Null: _null}
)
_KEYS = frozenset((*_INTEGERS, *_TEMPORAL, pl.Decimal, pl.Boolean, pl.String, pl.Binary, pl.Enum, pl.Categorical))


def may_be_key(series: pl.Series) -> bool:
    """Whether columns of this type can identify rows: floats and nested types cannot."""
    return type(series.dtype) in _KEYS


def may_be_found_as_key(series: pl.Series) -> bool:
    """Whether a column of this type is tried as a key that nobody declared."""
    kind = type(series.dtype)
    return kind in _KEYS and kind is not pl.Boolean


def is_float(series: pl.Series) -> bool:
    """Whether the column holds floats at its top level."""
    return type(series.dtype) in _FLOATS


def plain(series: pl.Series) -> pl.Series:
    """The same values as integers, floats, booleans, text, bytes, or nested types of exact leaves.

    Raises:
        DataError: HW381, the column holds Python objects.
    """
    handler = _PLAIN.get(type(series.dtype))
    if handler is None:
        handler = _extension if isinstance(series.dtype, pl.BaseExtension) else _refused
    return handler(series)


def python_values(series: pl.Series) -> Sequence[Any]:
    """The values as Python objects that ``marshal`` writes alike whenever they are equal."""
    values = plain(series).to_list()
    if type(series.dtype) in _FLOATS and any(value != value for value in values):  # only a NaN differs from itself
        return [NAN if value != value else value for value in values]
    return values


@lru_cache(maxsize=4096)
def exact_dtype(dtype: pl.DataType) -> pl.DataType:
    """A nested type with leaves that hash and print exactly: floats and categories as text, times as integers.

    Text of a float is its shortest form that reads back the same, so nothing is lost but the bits of a NaN.
    """
    inner = getattr(dtype, "inner", None)
    if isinstance(dtype, pl.List):
        return pl.List(exact_dtype(as_instance(inner)))
    if isinstance(dtype, pl.Array):
        return _exact_array(dtype)
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(field.name, exact_dtype(as_instance(field.dtype))) for field in dtype.fields])
    if isinstance(dtype, pl.Map):
        return pl.Map(exact_dtype(as_instance(dtype.key)), exact_dtype(as_instance(dtype.value)))
    if type(dtype) in (*_FLOATS, pl.Enum, pl.Categorical, pl.Decimal):
        return pl.String()
    if type(dtype) in _TEMPORAL:
        return pl.Int32() if isinstance(dtype, pl.Date) else pl.Int64()
    return dtype


def as_instance(dtype: Any) -> pl.DataType:
    """Polars types may hold classes inside; this gives the instance either way."""
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def _exact_array(dtype: pl.Array) -> pl.DataType:
    leaf: Any = dtype
    while isinstance(leaf, pl.Array):
        leaf = leaf.inner
    return pl.Array(exact_dtype(as_instance(leaf)), dtype.shape)
