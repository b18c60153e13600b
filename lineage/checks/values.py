"""What the rules share: why a check is unusable, texts and their patterns, cells made ready for JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, time
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
