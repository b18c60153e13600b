"""Series brought into a form in which equal values, and only those, look equal to a digest.

Two things are decided here for both schemes: a NaN equals every other NaN, whatever its bits, because machines
disagree about them; ``-0.0`` differs from ``0.0``, because a reader can tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import polars as pl

from assets_core.errors import DataError

NAN = float("nan")


Values = TypeVar("Values", pl.Series, pl.Expr)
"""A column's values in hand, or the expression for them: both have the methods that are needed here."""

_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128)
_FLOATS = (pl.Float16, pl.Float32, pl.Float64)
_TEMPORAL = (pl.Date, pl.Datetime, pl.Duration, pl.Time)
_BITS: Mapping[Any, Any] = MappingProxyType({pl.Float16: pl.UInt16, pl.Float32: pl.UInt32, pl.Float64: pl.UInt64})
_NESTED = (pl.List, pl.Array, pl.Struct, pl.Map)

_SAME = frozenset((*_INTEGERS, pl.Boolean, pl.String, pl.Binary))
_CATEGORIES = (pl.Enum, pl.Categorical)
_KEYS = frozenset((*_SAME, *_TEMPORAL, *_CATEGORIES, pl.Decimal))


def may_be_key(dtype: pl.DataType) -> bool:
    """Whether columns of this type can identify rows: floats and nested types cannot."""
    return type(dtype) in _KEYS


def may_be_found_as_key(dtype: pl.DataType) -> bool:
    """Whether a column of this type is tried as a key that nobody declared."""
    return type(dtype) in _KEYS and not isinstance(dtype, pl.Boolean)


def is_ordered(dtype: pl.DataType) -> bool:
    """Whether ``>`` on columns of this type is cheap and agrees with what makes their values differ."""
    return type(dtype) in (*_INTEGERS, *_TEMPORAL, pl.String, pl.Decimal)


def plain(values: Values, dtype: pl.DataType, name: str) -> Values:
    """The same values as integers, floats, booleans, text, bytes, or nested types of exact leaves.

    Raises:
        DataError: HW381, the column holds Python objects.
    """
    kind = type(dtype)
    if kind in _SAME or kind in _FLOATS:
        return values
    if kind in _TEMPORAL or kind is pl.Decimal:
        return values.to_physical()
    if kind in _CATEGORIES:
        return values.cast(pl.String)
    if kind in _NESTED:
        exact = exact_dtype(dtype)
        return values if exact == dtype else values.cast(exact)
    if kind is pl.Null:
        return values.cast(pl.Int8)
    if isinstance(dtype, pl.BaseExtension):
        return plain(values.ext.storage(), as_instance(dtype.ext_storage()), name)
    raise DataError(
        "HW381",
        f"column {name!r} holds {dtype}, which has no version",
        where=name,
        hint="cast it to a data type that can be stored",
    )


def hashable(values: Values, dtype: pl.DataType, name: str) -> Values:
    """Like ``plain``, with floats as their bits, because polars' hash takes ``-0.0`` for ``0.0``."""
    bits = _BITS.get(type(dtype))
    if bits is not None:
        return values.fill_nan(NAN).reinterpret(dtype=bits)
    return plain(values, dtype, name)


def python_values(series: pl.Series) -> Sequence[Any]:
    """The values as Python objects that ``marshal`` writes alike whenever they are equal."""
    dtype = series.dtype
    values = plain(series, dtype, series.name).to_list()
    # Only a NaN differs from itself.
    if type(dtype) in _FLOATS and any(value != value for value in values):
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
