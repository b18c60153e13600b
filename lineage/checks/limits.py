"""Limits and accepted values of checks against a column, compared exactly: neither is rounded to the other's type."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from lineage.checks.values import Unusable, is_text

_UNIT = {
    "ns": Fraction(1, 1000),
    "us": Fraction(1),
    "ms": Fraction(1000),
    "Time": Fraction(1, 1000),
    "Date": Fraction(24 * 3600 * 10**6),
}
"""Microseconds in the unit that a type counts."""


def below(column: str, dtype: pl.DataType, low: Any) -> pl.Expr:
    """The rows whose value is less than the limit, which is not rounded to what the column can hold."""
    value = _fitting(low, dtype, column)
    if not _is_counted(dtype):
        held, limit = _limit(column, dtype, value, math.inf)
        return held < limit
    least = _whole(_units(value, dtype, column), math.ceil)
    smallest, largest = _limits(_physical(dtype))
    if least > largest:
        return pl.col(column).is_not_null()
    return pl.col(column).to_physical() < pl.lit(int(max(least, smallest)), _physical(dtype))


def above(column: str, dtype: pl.DataType, high: Any) -> pl.Expr:
    """The rows whose value is greater than the limit, which is not rounded to what the column can hold."""
    value = _fitting(high, dtype, column)
    if not _is_counted(dtype):
        held, limit = _limit(column, dtype, value, -math.inf)
        return held > limit
    most = _whole(_units(value, dtype, column), math.floor)
    smallest, largest = _limits(_physical(dtype))
    if most < smallest:
        return pl.col(column).is_not_null()
    return pl.col(column).to_physical() > pl.lit(int(min(most, largest)), _physical(dtype))


def accepted(column: str, dtype: pl.DataType, values: Iterable[Any]) -> pl.Expr:
    """The rows whose value is one of these; values that the column cannot hold exactly are left out."""
    fitting = [_fitting(value, dtype, column) for value in values if value is not None]
    if is_text(dtype):
        return pl.col(column).cast(pl.String).is_in(pl.Series(fitting, dtype=pl.String).implode())
    if dtype.is_float():
        held = pl.Series([float(value) for value in fitting if _is_held(value, dtype)], dtype=dtype)
        return pl.col(column).is_in(held.implode())
    if not _is_counted(dtype):
        return pl.col(column).is_in(pl.Series(fitting, dtype=dtype).implode())
    smallest, largest = _limits(_physical(dtype))
    units = [_units(value, dtype, column) for value in fitting]
    whole = [int(unit) for unit in units if smallest <= unit <= largest and unit == int(unit)]
    return pl.col(column).to_physical().is_in(pl.Series(whole, dtype=_physical(dtype)).implode())


def _is_counted(dtype: pl.DataType) -> bool:
    """Whether values are whole numbers of a unit: integers, decimals, dates, times and durations."""
    return dtype.is_integer() or dtype.is_decimal() or dtype.is_temporal()


def _units(value: Any, dtype: pl.DataType, column: str) -> Fraction | float:
    """How many of the column's units a value is, exactly: that of Decimal(10, 2) is a hundredth.

    Returns:
        infinity for what is larger than all numbers, as polars orders NaN.
    """
    if isinstance(value, int | float | Decimal):
        if not _is_finite(value):
            return -math.inf if value < 0 else math.inf
        # A decimal is compared with a float as it is written, 0.1, not with the binary number behind it.
        exact = Fraction(repr(value)) if isinstance(value, float) and dtype.is_decimal() else Fraction(value)
        return exact * 10 ** (dtype.scale or 0) if isinstance(dtype, pl.Decimal) else exact
    return Fraction(_microseconds(value, dtype, column)) / _UNIT[getattr(dtype, "time_unit", str(dtype))]


def _microseconds(value: Any, dtype: pl.DataType, column: str) -> int:
    """The length of a duration; the distance of a time from midnight, of a moment from 1970."""
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, time):
        value = datetime.combine(date(1970, 1, 1), value)
    zone = getattr(dtype, "time_zone", None)
    if not isinstance(value, datetime):
        midnight = pl.Series([value], dtype=pl.Date).cast(pl.Datetime("us"))
        if zone is not None:
            midnight = midnight.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        value = midnight.to_physical().item()
        if value is None:
            raise Unusable(f"a day in {zone} does not begin at midnight", "give a moment with its offset from UTC")
        return int(value)
    if (value.tzinfo is None) != (zone is None):
        hint = "leave out the time zone" if zone is None else "add its offset from UTC"
        raise Unusable(f"{value.isoformat()!r} cannot be compared with column {column!r}, which holds {dtype}", hint)
    return (value - datetime(1970, 1, 1, tzinfo=None if zone is None else UTC)) // timedelta(microseconds=1)


def _whole(units: Fraction | float, rounded: Callable[[Fraction], int]) -> int | float:
    return units if isinstance(units, float) else rounded(units)


def _limit(column: str, dtype: pl.DataType, value: Any, towards: float) -> tuple[pl.Expr, pl.Expr]:
    """A column of floats, text, bytes or booleans, and the limit to compare it with."""
    if is_text(dtype) and not isinstance(dtype, pl.String):
        raise Unusable(f"column {column!r} holds {dtype}, which has no range of text", "use check.accepted_values")
    if not dtype.is_float():
        return pl.col(column), pl.lit(value)
    if not _is_finite(value) or value != int(value):  # 0.1 is what the column calls so
        return pl.col(column), pl.lit(float(value), dtype)
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    if near < value < towards or towards < value < near:
        near = math.nextafter(near, towards)
    return pl.col(column).cast(pl.Float64), pl.lit(near, pl.Float64)


def _is_held(value: Any, dtype: pl.DataType) -> bool:
    """Whether a column of floats holds the number: a whole one exactly, another as the nearest."""
    if not _is_finite(value) or value != int(value):
        return True
    try:
        near = pl.Series([float(value)], dtype=dtype).cast(pl.Float64).item()
    except OverflowError:
        return False
    return bool(near == value)


def _is_finite(number: float | Decimal) -> bool:
    return number.is_finite() if isinstance(number, Decimal) else isinstance(number, int) or math.isfinite(number)


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
        own: dict[Any, Any] = {pl.Time: time, pl.Duration: timedelta, pl.Binary: bytes}
        kinds = (own[dtype.base_type()],) if dtype.base_type() in own else ()
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


def _physical(dtype: pl.DataType) -> pl.DataType:
    """The integers that a type is counted in."""
    return pl.Series(dtype=dtype).to_physical().dtype


def _limits(dtype: pl.DataType) -> tuple[int, int]:
    bits = int("".join(character for character in str(dtype) if character.isdigit()))
    if dtype.is_unsigned_integer():
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
