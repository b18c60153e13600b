"""What one call gave for many slots: split by the partition column, and judged slot by slot at the cost of one pass.

Everything here gives exactly what looking at each slot alone would give. Where one look at all rows cannot tell that,
the slots are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import polars as pl

from assets_core.asset import Asset
from assets_core.check import Check, CheckResult
from assets_core.errors import DataError, did_you_mean
from assets_core.partitions import Dynamic, Partitions, Static, columns_of
from assets_core.versions import DataVersion, as_read, changed_columns
from lineage.checks.evaluate import broken_tables, evaluate
from lineage.fingerprint import data_version
from lineage.fingerprint_tolerance import steady_version
from lineage.presentable import presentable
from materializers.results import held_to, identified
from materializers.slots import places

_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 12
_PLACE = "\0place"
ROW_BY_ROW = frozenset({"not_null", "between", "accepted_values", "matches", "unique", "foreign_key"})
"""Checks that pass for every slot where they pass for all rows of the batch together."""


def split(frame: pl.DataFrame, asset: Asset[..., Any], keys: Sequence[str]) -> list[pl.DataFrame]:
    """The rows of each slot, in the order that they came in; an empty table where a slot has none.

    Arguments:
        frame: the result for all slots.
        keys: their partition keys, in the order of the definition.

    Returns:
        As many frames as there are keys.

    Raises:
        DataError: HW336, the result has no partition column; HW338, rows without a value in it or of other slots.
    """
    name = next(iter(columns_of(asset.partition_by)), "")
    if name not in frame.columns:
        raise DataError(
            "HW336",
            f"{asset.key} has no column {name!r}, its partition_by",
            where=asset.where,
            hint=did_you_mean(name, frame.columns),
        )
    if asset.partitions is None:
        return [frame]
    place = places_among(frame[name], asset.partitions, keys)
    if place.null_count():
        _refuse(frame, asset, keys, place)
    if not place.is_sorted():
        order = pl.DataFrame({"place": place}).with_row_index("row").sort("place", maintain_order=True)["row"]
        frame, place = frame[order], place.gather(order)
    sizes = dict(place.value_counts().iter_rows())
    found, offset = [], 0
    for number in range(len(keys)):
        found.append(frame.slice(offset, sizes.get(number, 0)))
        offset += sizes.get(number, 0)
    return found


def places_among(column: pl.Series, definition: Partitions, keys: Sequence[str]) -> pl.Series:
    """For each value the place of its key among some keys of a definition, which may have gaps between them."""
    if isinstance(definition, Static | Dynamic) or len(keys) < 2:
        return places(column, definition, keys)
    first, last = definition.index(keys[0]), definition.index(keys[-1])
    if last - first + 1 == len(keys):
        return places(column, definition, keys)
    every = [key for place in range(first, last + 1) if (key := definition.key_at(place)) is not None]
    own = {key: number for number, key in enumerate(keys)}
    numbers = pl.Series([own.get(key) for key in every], dtype=pl.UInt32)
    return numbers.gather(places(column, definition, every))


def _refuse(frame: pl.DataFrame, asset: Asset[..., Any], keys: Sequence[str], place: pl.Series) -> None:
    """Says which rows belong to none of the slots, and shows a few of them."""
    name = next(iter(columns_of(asset.partition_by)), "")
    wrong = frame.filter(place.is_null())
    nulls = wrong[name].null_count()
    counted = [f"{nulls} without a value of {name!r}"] if nulls else []
    if wrong.height > nulls:
        counted.append(f"{wrong.height - nulls} of other partitions")
    names = [name, *(one for one in frame.columns if one != name)][:_SHOWN_COLUMNS]
    rows = presentable(wrong.select(names).head(_SHOWN_ROWS)).rows(named=True)
    shown = "\n".join(", ".join(f"{column}={value}" for column, value in row.items()) for row in rows)
    raise DataError(
        "HW338",
        f"{asset.key} gave rows that belong to none of its {len(keys)} slots {keys[0]}..{keys[-1]}: "
        f"{' and '.join(counted)}",
        where=asset.where,
        why=f"for example\n{shown}",
        hint="nothing of the batch was published; filter the rows, or read the inputs by partition",
    )


def hold_together(frames: Sequence[pl.DataFrame], asset: Asset[..., Any], keys: Sequence[tuple[str, ...]]) -> None:
    """Refuses what any slot's rows break of the asset's promises; the partitions were seen to when they were split.

    Arguments:
        keys: for each frame the columns that were found to identify its rows.

    Raises:
        DataError: see ``results.held_to``.
    """
    held_to(frames[0], asset, None, key=keys[0])  # columns and types are the same in all of them
    for frame, key in zip(frames[1:], keys[1:], strict=True):
        if asset.unique_key and not identified(asset, key):
            held_to(frame, asset, None)


def checks_of(
    frames: Sequence[pl.DataFrame],
    checks: Sequence[Check],
    key: str,
    lookup: Callable[[pl.DataFrame, str, str], pl.LazyFrame],
) -> list[list[CheckResult]]:
    """The results of the checks for each slot, in the checks' order.

    Arguments:
        key: the asset's key; a check that looks values up in the asset itself is evaluated slot by slot.
        lookup: gives the published values of (asset key, column) for a check on a slot's rows.
    """
    whole = pl.concat(frames)
    broken = broken_tables(checks, whole, [frame.height for frame in frames])
    together = [place for place, one in enumerate(checks) if place not in broken and _tells_together(one, key)]
    passed = {place: result for place, result in _results(checks, together, whole, lookup).items() if result.passed}
    # Of rows that do not break it a check says the same, whichever they are, and if there are none.
    unbroken = _results(checks, list(broken), whole.clear(), lookup)
    results = []
    for number, frame in enumerate(frames):
        own = passed | {place: unbroken[place] for place, numbers in broken.items() if number not in numbers}
        own |= _results(checks, [place for place in range(len(checks)) if place not in own], frame, lookup)
        results.append([own[place] for place in range(len(checks))])
    return results


def _tells_together(check: Check, key: str) -> bool:
    return check.kind in ROW_BY_ROW and check.target != key


def _results(
    checks: Sequence[Check],
    places: Sequence[int],
    frame: pl.DataFrame,
    lookup: Callable[[pl.DataFrame, str, str], pl.LazyFrame],
) -> dict[int, CheckResult]:
    """What the checks at these places say of these rows."""
    found = evaluate([checks[place] for place in places], frame, lookup=partial(lookup, frame))
    return dict(zip(places, found, strict=True))


def difference(batched: pl.DataFrame, alone: pl.DataFrame, asset: Asset[..., Any]) -> str:
    """What differs between a slot's rows as a batch gave them and as computing it alone does; empty if nothing does.

    Compared as readers compare: by data version, floats within the asset's tolerance.
    """
    if batched.schema != alone.schema:
        return f"columns {dict(batched.schema)} instead of {dict(alone.schema)}"
    if batched.height != alone.height:
        return f"{batched.height} rows instead of {alone.height}"
    first, second = (_version_of(frame, asset) for frame in (alone, batched))
    second = steady_version(second, batched, first, "", lambda made, columns: alone, tolerance=asset.tolerance)
    names = tuple(alone.columns)
    if as_read(first, names) == as_read(second, names):
        return ""
    return f"{', '.join(changed_columns(first, second, names)[:_SHOWN_COLUMNS])} differ"


def _version_of(frame: pl.DataFrame, asset: Asset[..., Any]) -> DataVersion:
    return data_version(frame, unique_key=asset.unique_key, ordered=asset.ordered)
