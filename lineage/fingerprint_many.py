"""Versions of many tables that lie below each other in one frame: hashed in one pass, added up table by table.

Gives what ``fingerprint.data_version`` gives for each of them: sums of hashes do not care how rows are cut. Tables of
few rows, and those without a declared key that holds, are taken one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate

import polars as pl

from assets_core.column_lineage import ORDER
from assets_core.versions import DataVersion
from lineage.fingerprint import SMALL_ROWS, data_version, scheme_for
from lineage.fingerprint_large import LargeFrame
from lineage.fingerprint_small import SmallFrame
from lineage.stacked import table_numbers

_PLACE = "\0place"


def data_versions(
    frames: Sequence[pl.DataFrame],
    *,
    unique_key: Sequence[str] = (),
    previous_keys: Sequence[Sequence[str]] = (),
    read_sets: Collection[tuple[str, ...]] = (),
    ordered: bool = False,
) -> list[DataVersion]:
    """The version of each of some frames of one schema.

    Arguments:
        previous_keys: for each frame the key of its previous materialization, as ``data_version`` takes it.
        unique_key, read_sets, ordered: as ``data_version`` takes them.

    Raises:
        DataError: HW381, a column holds Python objects.
    """
    found: dict[int, DataVersion] = {}
    large = [number for number, frame in enumerate(frames) if frame.height > SMALL_ROWS]
    if unique_key and not ordered and len(large) > 1:
        found = _keyed(frames, large, tuple(unique_key), read_sets)
    return [
        found[number]
        if number in found
        else data_version(
            frame,
            unique_key=unique_key,
            previous_key=previous_keys[number] if previous_keys else (),
            read_sets=read_sets,
            ordered=ordered,
        )
        for number, frame in enumerate(frames)
    ]


def projections(frame: pl.DataFrame, sizes: Sequence[int], names: tuple[str, ...]) -> list[str]:
    """The digests of the rows projected on some columns, for each of several tables that lie below each other.

    Arguments:
        sizes: the numbers of rows of the tables, in their order.
        names: sorted.
    """
    large = _large(frame).projections_by_place(table_numbers(sizes), names) if max(sizes) > SMALL_ROWS else {}
    offsets = accumulate(sizes, initial=0)
    return [
        large[number] if size > SMALL_ROWS else SmallFrame(frame.slice(offset, size)).projection(names)
        for number, (offset, size) in enumerate(zip(offsets, sizes, strict=False))
    ]


def _large(frame: pl.DataFrame) -> LargeFrame:
    return LargeFrame(frame.lazy(), frame.schema, frame.height)


def _keyed(
    frames: Sequence[pl.DataFrame], large: Sequence[int], key: tuple[str, ...], read_sets: Collection[tuple[str, ...]]
) -> dict[int, DataVersion]:
    """The versions of the large frames by the declared key; none at all where it does not hold in one of them."""
    places = table_numbers([frames[number].height for number in large])
    whole = pl.concat([frames[number] for number in large])
    if not _large(whole.with_columns(places.alias(_PLACE))).is_key((_PLACE, *key)):
        return {}
    columns = _large(whole).columns_by_place(places, key)
    ordering = any(ORDER in names for names in read_sets)
    return {
        number: DataVersion(
            scheme_for(frames[number].height),
            frames[number].height,
            key=key,
            columns=columns[place],
            order=_large(frames[number]).order(key) if ordering else None,
        )
        for place, number in enumerate(large)
    }
