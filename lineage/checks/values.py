"""Values of checks brought to the type of the column that they are compared with, and cells made ready for JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

_TEXT_LIMIT = 200
_ITEM_LIMIT = 20


class Unusable(Exception):  # noqa: N818 - says what the check is, not that something broke
    """A check that cannot be evaluated on this data; becomes a failed result or a definition error.

    Arguments:
        why: half a sentence.
        hint: what to do about it, possibly empty.
    """

    def __init__(self, why: str, hint: str = "") -> None:
        self.why = why
        self.hint = hint
        super().__init__(why)


def is_text(dtype: pl.DataType) -> bool:
    """Whether values of the type show as text: String, Enum, Categorical."""
    return isinstance(dtype, pl.String | pl.Enum | pl.Categorical)


def bound(value: Any, dtype: pl.DataType, column: str) -> pl.Expr:
    """One end of a range, as a literal that compares with the column."""
    if is_text(dtype) and isinstance(value, str) and not isinstance(dtype, pl.String):
        raise Unusable(f"column {column!r} holds {dtype}, which has no range of text", "use check.accepted_values")
    return pl.lit(_fitting(value, dtype, column))


def accepted(values: Iterable[Any], dtype: pl.DataType, column: str) -> pl.Series:
    """The accepted values as a series of the column's type; values that cannot occur in it are left out."""
    fitting = [_fitting(value, dtype, column) for value in values if value is not None]
    if is_text(dtype):
        return pl.Series(fitting, dtype=pl.String)
    if dtype.is_integer():
        low, high = _limits(dtype)
        fitting = [int(value) for value in fitting if low <= value <= high and value == int(value)]
    return pl.Series(fitting, dtype=dtype, strict=False)


def referred(found: pl.Series | pl.LazyFrame, column: str, dtype: pl.DataType, name: str) -> pl.Series:
    """The values of the other asset's column, in the type of the column that refers to them."""
    try:
        series = found if isinstance(found, pl.Series) else found.select(column).unique().collect().to_series()
    except pl.exceptions.ColumnNotFoundError:
        raise Unusable(f"there is no column {name}") from None
    if is_text(dtype) and is_text(series.dtype):
        return series.cast(pl.String).drop_nulls()
    if dtype == series.dtype:
        return series.drop_nulls()
    if dtype.is_integer() and series.dtype.is_integer():
        return series.cast(dtype, strict=False).drop_nulls()
    raise Unusable(f"{dtype} cannot refer to {name}, which holds {series.dtype}")


def pattern_condition(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether the whole text matches; patterns that polars' engine cannot read are matched by Python's."""
    ending = "\n" if "(?x" in pattern else ""
    whole = rf"\A(?:{pattern}{ending})\z"
    try:
        pl.Series([""]).str.contains(whole)
    except pl.exceptions.ComputeError:
        compiled = re.compile(pattern)

        def match(series: pl.Series) -> pl.Series:
            found = [None if value is None else bool(compiled.fullmatch(value)) for value in series]
            return pl.Series(series.name, found, dtype=pl.Boolean)

        return text.map_batches(match, return_dtype=pl.Boolean)
    return text.str.contains(whole)


def as_json(value: Any) -> Any:
    """A cell as JSON can carry it: texts cut, times and decimals as text, bytes in hexadecimal."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) <= _TEXT_LIMIT else value[:_TEXT_LIMIT] + "\u2026"
    if isinstance(value, bytes):
        return as_json(value.hex())
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in list(value.items())[:_ITEM_LIMIT]}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value[:_ITEM_LIMIT]]
    return as_json(str(value))


def _fitting(value: Any, dtype: pl.DataType, column: str) -> Any:
    """The value if the column could hold it; ISO text becomes a date or time where the column holds those."""
    if isinstance(value, str) and dtype.is_temporal():
        return _from_iso(value, dtype, column)
    kinds: tuple[type, ...]
    if dtype.is_numeric():
        kinds = (int, float, Decimal)
    elif is_text(dtype):
        kinds = (str,)
    elif isinstance(dtype, pl.Boolean):
        kinds = (bool,)
    elif isinstance(dtype, pl.Datetime):
        kinds = (datetime, date)
    elif isinstance(dtype, pl.Date):
        kinds = (date,)
    else:
        kinds = (time, timedelta, bytes)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(dtype, pl.Boolean)):
        raise Unusable(f"{value!r} cannot be compared with column {column!r}, which holds {dtype}")
    return value


def _from_iso(text: str, dtype: pl.DataType, column: str) -> Any:
    kind: Any = date if isinstance(dtype, pl.Date) else time if isinstance(dtype, pl.Time) else datetime
    try:
        if isinstance(dtype, pl.Duration):
            raise ValueError
        return kind.fromisoformat(text)
    except ValueError:
        raise Unusable(f"{text!r} cannot be compared with column {column!r}, which holds {dtype}") from None


def _limits(dtype: pl.DataType) -> tuple[int, int]:
    bits = int("".join(character for character in str(dtype) if character.isdigit()))
    if dtype.is_unsigned_integer():
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
