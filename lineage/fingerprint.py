"""Data versions: fingerprints of rows by which a reader can tell whether what it reads changed.

Which scheme is used depends on the number of rows alone, so that equal content always takes the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from assets_core.column_lineage import ORDER, ROWS
from assets_core.versions import DataVersion
from lineage import fingerprint_large, fingerprint_small
from lineage.fingerprint_large import LargeFrame
from lineage.fingerprint_small import SmallFrame

SMALL_ROWS = 500
"""Frames of up to this many rows take the way that is cheap in CPU for them."""
POSITION = (ORDER,)
"""The key of an ordered asset: its rows are identified by their position."""


def scheme_for(rows: int) -> str:
    """The name of the scheme that frames of this many rows are digested by."""
    return fingerprint_small.scheme() if rows <= SMALL_ROWS else fingerprint_large.scheme()


def data_version(
    frame: pl.DataFrame,
    *,
    unique_key: Sequence[str] = (),
    previous_key: Sequence[str] = (),
    read_sets: Collection[tuple[str, ...]] = (),
    ordered: bool = False,
) -> DataVersion:
    """The version of these rows (DESIGN section 5).

    Arguments:
        unique_key: the key that the asset declares; used if it is unique and without nulls on this data.
        previous_key: the key that the previous materialization was digested by; tried next, so that versions stay
            comparable. Then a single column that is found unique is taken.
        read_sets: what is known to be read, which matters where there is no key; the set of all columns is always
            added. ``#`` in any of them asks for the order of rows.
        ordered: the order of rows is content; then rows are identified by their position, and the key is ``("#",)``.

    Returns:
        A version with ``columns`` where there is a key, else with ``projections``.

    Raises:
        DataError: HW381, a column holds Python objects.
    """
    rows = frame.height
    opened = _open(frame)
    if ordered:
        return DataVersion(scheme_for(rows), rows, key=POSITION, columns=opened.columns(()), order="position")
    key = _key(opened, unique_key, previous_key)
    order = opened.order(key) if any(ORDER in names for names in read_sets) else None
    if key:
        return DataVersion(scheme_for(rows), rows, key=key, columns=opened.columns(key), order=order)
    wanted = _known(frame, [*read_sets, tuple(frame.columns)])
    return DataVersion(scheme_for(rows), rows, projections=_projections(opened, wanted), order=order)


def add_projections(version: DataVersion, frame: pl.DataFrame, read_sets: Collection[tuple[str, ...]]) -> DataVersion:
    """The version with what further readers compare, computed from the stored data that it is the version of.

    If the version was made by another scheme, everything in it is made anew by today's. A version of bytes answers
    every reader and is returned as it is.
    """
    if version.content is not None:
        return version
    if version.scheme != scheme_for(frame.height):
        return data_version(
            frame,
            unique_key=() if version.key == POSITION else version.key,
            read_sets=[*version.projections, *read_sets],
            ordered=version.key == POSITION,
        )
    needs_order = version.order is None and any(ORDER in names for names in read_sets)
    missing = [] if version.key else [names for names in _known(frame, read_sets) if names not in version.projections]
    if not needs_order and not missing:
        return version
    opened = _open(frame)
    return DataVersion(
        version.scheme,
        version.rows,
        key=version.key,
        columns=version.columns,
        projections={**version.projections, **_projections(opened, missing)},
        order=opened.order(version.key) if needs_order else version.order,
    )


def file_digest(path: str | Path) -> str:
    """SHA-256 of the bytes of a file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(frame: pl.DataFrame) -> SmallFrame | LargeFrame:
    return SmallFrame(frame) if frame.height <= SMALL_ROWS else LargeFrame(frame)


def _key(opened: SmallFrame | LargeFrame, unique_key: Sequence[str], previous_key: Sequence[str]) -> tuple[str, ...]:
    for candidate in (unique_key, previous_key):
        if candidate and opened.is_key(candidate):
            return tuple(candidate)
    return opened.find_key()


def _known(frame: pl.DataFrame, read_sets: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The read sets as sorted tuples without pseudo-columns; those that name a missing column are left out."""
    columns = set(frame.columns)
    found: dict[tuple[str, ...], None] = {}
    for names in read_sets:
        wanted = {name for name in names if name not in (ROWS, ORDER)}
        if wanted and wanted <= columns:
            found[tuple(sorted(wanted))] = None
    return list(found)


def _projections(opened: SmallFrame | LargeFrame, wanted: Sequence[tuple[str, ...]]) -> Mapping[tuple[str, ...], str]:
    if isinstance(opened, SmallFrame):
        return {names: opened.projection(names) for names in wanted}
    return opened.projections(wanted) if wanted else {}
