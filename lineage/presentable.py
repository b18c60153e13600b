"""Moments and durations that polars and DuckDB hold and Python does not, for where rows become Python's values.

They lie beyond Python's years, or between two of its microseconds.
"""

from __future__ import annotations

from typing import Any, cast

import polars as pl

_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_YEARS_OF_PYTHON = (-719_162, 2_932_896)
"""The days from 1970 that lie in the years 1 to 9999."""
_YEARS_IN_EVERY_ZONE = (-719_161, 2_932_895)
"""Those that lie in them whatever the time zone."""
_YEARS_WITH_TEXT = (-73_000_000, 73_000_000)
"""Those that polars can spell: DuckDB's infinity lies beyond."""
_LONGEST_DURATION = (-999_999_998, 999_999_998)


def presentable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column as text that holds a moment or duration which Python has none for."""
    changed = [_text(pl.col(column.name), column.dtype).alias(column.name) for column in frame if not _is_held(column)]
    return frame.with_columns(changed) if changed else frame


def _is_held(column: pl.Series) -> bool:
    dtype = column.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return not _holds_moments(dtype) or _is_held(column.drop_nulls().explode())
    if isinstance(dtype, pl.Struct):
        return all(_is_held(field) for field in column.struct.unnest())
    if not _holds_moments(dtype):
        return True
    count = column.to_physical().drop_nulls()
    if _in_nanoseconds(dtype):  # 292 years, which Python holds
        return bool((count % 1000 == 0).all())
    moved = isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC")
    years = _YEARS_IN_EVERY_ZONE if moved else _YEARS_OF_PYTHON
    low, high = _limits(dtype, _LONGEST_DURATION if isinstance(dtype, pl.Duration) else years)
    return bool(count.is_between(low, high).all())


def _holds_moments(dtype: Any) -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _holds_moments(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return any(_holds_moments(field.dtype) for field in dtype.fields)
    return isinstance(dtype, pl.Date | pl.Datetime | pl.Duration | pl.Time)


def _in_nanoseconds(dtype: Any) -> bool:
    return isinstance(dtype, pl.Time) or getattr(dtype, "time_unit", "") == "ns"


def _text(value: pl.Expr, dtype: Any) -> pl.Expr:
    """The moments in a column as ISO text, or as their distance from 1970 where there is none."""
    if not _holds_moments(dtype):
        return value
    if isinstance(dtype, pl.Array):
        return _text(value.arr.to_list(), pl.List(dtype.inner))
    if isinstance(dtype, pl.List):
        return value.list.eval(_text(pl.element(), dtype.inner))
    if isinstance(dtype, pl.Struct):
        fields = [_text(value.struct.field(field.name), field.dtype).alias(field.name) for field in dtype.fields]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    count, unit = value.to_physical(), getattr(dtype, "time_unit", "days")
    if isinstance(dtype, pl.Duration):
        return pl.format(f"{{}} {unit}", count)
    if isinstance(dtype, pl.Time):
        return value.dt.to_string("%H:%M:%S%.9f")
    near = pl.when(count.is_between(*_limits(dtype, _YEARS_WITH_TEXT))).then(value)
    return pl.coalesce(near.cast(pl.String), pl.format(f"{{}} {unit} from 1970", count))


def _limits(dtype: pl.DataType, days: tuple[int, int]) -> tuple[int, int]:
    """The first and the last moment of some days in the units of the type, within its 64 bits."""
    unit = _DAY[cast(Any, dtype).time_unit] if hasattr(dtype, "time_unit") else 1
    return max(days[0] * unit, -(2**63)), min((days[1] + 1) * unit - 1, 2**63 - 1)
