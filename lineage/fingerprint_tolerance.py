"""Float noise: versions of columns whose values differ only in their last bits stay what they were.

Sums of floats differ from run to run with the order of addition. A column is compared by key, value by value, with the
materialization that *originated* its version, not with the latest one, so that many small steps cannot add up unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import polars as pl

from assets_core.versions import DataVersion
from lineage.fingerprint import POSITION

DEFAULT_TOLERANCE = 1e-12
"""Relative difference below which two floats count as equal unless the asset says otherwise."""


def steady_version(
    version: DataVersion,
    frame: pl.DataFrame | pl.LazyFrame,
    before: DataVersion,
    before_id: str,
    original_of: Callable[[str, Collection[str]], pl.DataFrame | None],
    *,
    tolerance: float = DEFAULT_TOLERANCE,
) -> DataVersion:
    """The version in which float columns that moved only within the tolerance keep the version that they had.

    Arguments:
        version, frame: what was made now.
        before, before_id: version and id of what the slot shows.
        original_of: of a materialization, by its id, those of some columns that it has; None where it is not stored
            any more. Called only for those that originated the version of a column that differs.
        tolerance: relative; 0 keeps nothing.
    """
    differing = [name for name, digest in version.columns.items() if before.columns.get(name, digest) != digest]
    schema = frame.collect_schema()
    floats = [name for name in differing if schema[name].is_float()]
    if tolerance <= 0 or not floats:
        return version
    compared = {*floats, *version.key}
    held = frame.lazy().select(name for name in schema if name in compared).collect()
    origins = {name: before.origins.get(name, before_id) for name in floats}
    for origin in dict.fromkeys(origins.values()):
        original = original_of(origin, compared)
        if original is None:
            continue
        own = {name for name, one in origins.items() if one == origin}
        seen = replace(
            before, columns={name: one for name, one in before.columns.items() if name not in floats or name in own}
        )
        kept = keep_within_tolerance(version, held, seen, original, tolerance=tolerance)
        moved = {name: origin for name in own if kept.columns[name] != version.columns[name]}
        version = replace(kept, origins={**version.origins, **moved})
    return version


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
    # ``eq_missing`` takes null for null, NaN for NaN, and -0.0 for 0.0; the last two a reader can tell apart.
    zeros = (left == 0) & (right == 0) & (1 / left != 1 / right)
    same = left.eq_missing(right) & ~zeros.fill_null(False)
    equal = same | (near & ~whole & left.is_finite() & right.is_finite())
    return bool(pair.select(equal.fill_null(False).all()).item())
