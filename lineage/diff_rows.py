"""Two tables of one asset compared row by row: by key where there is one, as multisets of rows where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import polars as pl

from lineage.presentable import presentable

SAMPLE = 5
"""How many rows of a kind are shown."""
_SIDE = "\x00side"
_COUNT = "\x00count"
_OLD = "\x00old"


@dataclass(frozen=True, slots=True)
class RowsDiff:
    """How the rows of two tables differ, over the columns that both have.

    Arguments:
        key: the columns by which rows were matched; empty if they were compared as multisets.
        before, after: how many rows there are.
        changed: rows of one key with other values; None without a key, where a changed row is one removed and one
            added.
        columns: by column, in how many rows it changed; without a key, how many of its values differ. Columns without
            a difference are left out.
        added_sample, removed_sample: a few rows.
        changed_sample: a few changed rows: the key's values, and by column the value before and after.
    """

    key: tuple[str, ...]
    before: int
    after: int
    added: int = 0
    removed: int = 0
    changed: int | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    added_sample: tuple[Mapping[str, Any], ...] = ()
    removed_sample: tuple[Mapping[str, Any], ...] = ()
    changed_sample: tuple[Mapping[str, Any], ...] = ()

    @property
    def equal(self) -> bool:
        """Whether there is no difference."""
        return not (self.added or self.removed or self.changed)


def diff_rows(
    before: pl.DataFrame, after: pl.DataFrame, keys: Iterable[Sequence[str]] = (), *, sample: int = SAMPLE
) -> RowsDiff:
    """Compares the rows of two tables; their order does not count, nulls equal nulls, and NaN equals NaN, but -0.0
    differs from 0.0, as for data versions.

    Columns whose types differ are compared in a type that holds both, else as text.

    Arguments:
        keys: columns that may tell rows apart, the best first; the first is taken that does in both tables.
        sample: how many rows of a kind to show.
    """
    names = [name for name in before.columns if name in after.columns]
    if not names:
        return RowsDiff((), before.height, after.height, after.height, before.height)
    old, new = _comparable(before.select(names), after.select(names))
    key = next((tuple(one) for one in keys if _tells_apart(one, old) and _tells_apart(one, new)), ())
    return _by_key(old, new, key, sample) if key else _as_multisets(old, new, sample)


def _comparable(before: pl.DataFrame, after: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables with one type a column, of a kind that can be joined and grouped."""
    old, new = [], []
    for name in before.columns:
        pair = _as_one_type(before[name], after[name])
        old.append(pair[0])
        new.append(pair[1])
    return pl.DataFrame(old), pl.DataFrame(new)


def _as_one_type(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series]:
    if not any(one.dtype.is_nested() or one.dtype.is_object() for one in (before, after)):
        if before.dtype != after.dtype:
            common = _in_common_type(before, after)
            if common is not None:
                return common
        elif not (
            isinstance(before.dtype, pl.Categorical | pl.Enum)
            or _has_negative_zero(before)
            or _has_negative_zero(after)
        ):
            return before, after
    return _as_texts(before, after)


def _in_common_type(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """Both in a type that holds what either holds; None where there is none."""
    sides = (before, after)
    try:
        if all(one.dtype.is_numeric() for one in sides):
            both = pl.concat([one.to_frame() for one in sides], how="vertical_relaxed")[before.name]
            pair = both.head(len(before)), both.tail(len(after))
        elif _counts(before.dtype) == _counts(after.dtype) is not None:
            unit: Any = "ns" if any(one.dtype.time_unit == "ns" for one in cast(Any, sides)) else "us"
            pair = before.dt.cast_time_unit(unit), after.dt.cast_time_unit(unit)
        else:
            return None
    except pl.exceptions.PolarsError:
        return None
    holds = all(now.cast(one.dtype, strict=False).eq_missing(one).all() for now, one in zip(pair, sides, strict=True))
    return pair if holds else None


def _counts(dtype: pl.DataType) -> Any:
    """What a type counts in some unit: moments of a time zone or durations; None for others."""
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return type(dtype), getattr(dtype, "time_zone", None)
    return None


def _has_negative_zero(series: pl.Series) -> bool:
    """Whether -0.0 is among the floats, which polars takes for 0.0 and a reader can tell apart."""
    return series.dtype.is_float() and bool(((series == 0) & (1 / series < 0)).any())


def _as_texts(before: pl.Series, after: pl.Series) -> tuple[pl.Series, pl.Series]:
    if before.dtype == after.dtype and not before.dtype.is_object():
        both = presentable(pl.concat([before.to_frame(), after.to_frame()]))[before.name]
        return _as_text(both.head(len(before)), str), _as_text(both.tail(len(after)), str)
    spelled = _number_text if before.dtype.is_numeric() and after.dtype.is_numeric() else str
    before, after = (presentable(one.to_frame())[one.name] for one in (before, after))
    return _as_text(before, spelled), _as_text(after, spelled)


def _as_text(series: pl.Series, spelled: Callable[[Any], str]) -> pl.Series:
    texts = [None if value is None else spelled(value) for value in series.to_list()]
    return pl.Series(series.name, texts, dtype=pl.String)


def _number_text(value: Any) -> str:
    """A number as text that does not tell of its type."""
    whole = math.isfinite(value) and value == int(value)
    return str(int(value)) if whole else str(value.normalize() if isinstance(value, Decimal) else value)


def _tells_apart(key: Sequence[str], frame: pl.DataFrame) -> bool:
    if not key or not set(key) <= set(frame.columns):
        return False
    columns = frame.select(key)
    return columns.n_unique() == frame.height and not any(columns.null_count().row(0))


def _by_key(old: pl.DataFrame, new: pl.DataFrame, key: tuple[str, ...], sample: int) -> RowsDiff:
    on = list(key)
    removed = old.join(new, on=on, how="anti")
    added = new.join(old, on=on, how="anti")
    values = [name for name in old.columns if name not in key]
    both = new.join(old.rename({name: f"{_OLD}{name}" for name in values}), on=on, how="inner")
    differs = both.select(pl.col(name).ne_missing(pl.col(f"{_OLD}{name}")).alias(name) for name in values)
    counts = {name: int(differs[name].sum()) for name in values}
    any_differs = pl.any_horizontal(pl.lit(False), pl.all())
    changed = both.filter(differs.select(any_differs.alias(_COUNT))[_COUNT]) if values and both.height else both.clear()
    shown = changed.sort(on).head(sample)
    return RowsDiff(
        key,
        old.height,
        new.height,
        added.height,
        removed.height,
        changed.height,
        {name: count for name, count in counts.items() if count},
        _rows(added, on, sample),
        _rows(removed, on, sample),
        tuple(_changes(shown, on, values)),
    )


def _changes(rows: pl.DataFrame, key: Sequence[str], values: Sequence[str]) -> Iterator[dict[str, Any]]:
    differs = rows.select(pl.col(name).ne_missing(pl.col(f"{_OLD}{name}")) for name in values)
    for row, apart in zip(presentable(rows).to_dicts(), differs.to_dicts(), strict=True):
        changes = {name: {"before": row[f"{_OLD}{name}"], "after": row[name]} for name in values if apart[name]}
        yield {"key": {name: row[name] for name in key}, "columns": changes}


def _as_multisets(old: pl.DataFrame, new: pl.DataFrame, sample: int) -> RowsDiff:
    surplus = _surplus(old, new)
    added, removed = surplus.filter(pl.col(_COUNT) > 0), surplus.filter(pl.col(_COUNT) < 0)
    columns = {}
    for name in old.columns if surplus.height else ():
        apart = _surplus(old.select(name), new.select(name))[_COUNT]
        gained, lost = int(apart.filter(apart > 0).sum()), int(-apart.filter(apart < 0).sum())
        if gained or lost:
            columns[name] = max(gained, lost)
    return RowsDiff(
        (),
        old.height,
        new.height,
        int(added[_COUNT].sum()),
        int(-removed[_COUNT].sum()),
        None,
        columns,
        _rows(added.drop(_COUNT), old.columns, sample),
        _rows(removed.drop(_COUNT), old.columns, sample),
    )


def _surplus(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The distinct rows, each with how often more it is in the second table than in the first; equal ones left out."""
    names = old.columns
    one, other = pl.lit(1, pl.Int64), pl.lit(-1, pl.Int64)
    both = pl.concat([new.with_columns(one.alias(_SIDE)), old.with_columns(other.alias(_SIDE))])
    counted = both.lazy().group_by(names).agg(pl.col(_SIDE).sum().alias(_COUNT))
    return counted.filter(pl.col(_COUNT) != 0).collect()


def _rows(frame: pl.DataFrame, order: Sequence[str], sample: int) -> tuple[Mapping[str, Any], ...]:
    return tuple(presentable(frame.sort(order).head(sample)).to_dicts())
