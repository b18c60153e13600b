"""Float noise: versions of columns whose values differ only in their last bits stay what they were.

Sums of floats differ from run to run with the order of addition. A column is compared by key, value by value, with the
materialization that *originated* its version, not with the latest one, so that many small steps cannot add up unseen.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from assets_core.versions import DataVersion
from lineage.fingerprint import POSITION

DEFAULT_TOLERANCE = 1e-12
"""Relative difference below which two floats count as equal unless the asset says otherwise."""


def noisy_columns(
    version: DataVersion, frame: pl.DataFrame, before: DataVersion, original: pl.DataFrame
) -> tuple[str, ...]:
    """The float columns whose versions differ although keys, number of rows and types agree: worth comparing by value.

    Arguments:
        version, frame: what was made now.
        before, original: the version to be kept if possible, and the data that originated it.
    """
    if not version.key or (version.key, version.rows, version.scheme) != (before.key, before.rows, before.scheme):
        return ()
    if version.key != POSITION and any(version.columns[name] != before.columns.get(name) for name in version.key):
        return ()
    return tuple(
        name
        for name, dtype in frame.schema.items()
        if dtype.is_float()
        and original.schema.get(name) == dtype
        and name in before.columns
        and version.columns[name] != before.columns[name]
    )


def keep_within_tolerance(
    version: DataVersion,
    frame: pl.DataFrame,
    before: DataVersion,
    original: pl.DataFrame,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
) -> DataVersion:
    """The version in which float columns that moved only within the tolerance keep the version that they had.

    Two values are equal if both are null, both are NaN, both are the same, or at least one is not a whole number and
    they differ by at most ``tolerance`` times the larger magnitude. Whole numbers below 2^53 are exact: counts
    in floats are no noise.

    Arguments:
        version, frame: what was made now.
        before, original: an earlier version of the same slot, and the data that originated its columns' versions.
        tolerance: relative; 0 keeps nothing.

    Returns:
        The version itself where there is no key to compare by.
    """
    names = noisy_columns(version, frame, before, original) if tolerance > 0 else ()
    if not names:
        return version
    now, then = frame, original
    if version.key != POSITION:
        now, then = (one.select([*version.key, *names]).sort(version.key) for one in (frame, original))
    kept = [name for name in names if _close(now.get_column(name), then.get_column(name), tolerance)]
    columns = {name: before.columns[name] if name in kept else one for name, one in version.columns.items()}
    return replace(version, columns=columns)


def _close(now: pl.Series, then: pl.Series, tolerance: float) -> bool:
    pair = pl.DataFrame({"now": now.cast(pl.Float64), "then": then.cast(pl.Float64)})
    left, right = pl.col("now"), pl.col("then")
    larger = pl.max_horizontal(left.abs(), right.abs())
    # From 2^53 on every float is a whole number, which says nothing of what it stands for.
    whole = (left == left.floor()) & (right == right.floor()) & (larger < 2**53)
    near = (left - right).abs() <= tolerance * larger
    # ``eq_missing`` takes null for equal to null and NaN for equal to NaN; -0.0 equals 0.0, which no tolerance parts.
    equal = left.eq_missing(right) | (near & ~whole & left.is_finite() & right.is_finite())
    return bool(pair.select(equal.fill_null(False).all()).item())
