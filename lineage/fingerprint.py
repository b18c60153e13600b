"""Data versions: fingerprints of rows by which a reader can tell whether what it reads changed.

Which scheme is used depends on the number of rows alone, so that equal content always takes the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import polars as pl

from assets_core.column_lineage import ORDER, ROWS
from assets_core.versions import DataVersion
from lineage import fingerprint_small, fingerprint_sums
from lineage.fingerprint_large import LargeFrame, Tally
from lineage.fingerprint_small import SmallFrame

SMALL_ROWS = 500
"""Frames of up to this many rows take the way that is cheap in CPU for them."""
POSITION = (ORDER,)
"""The key of an ordered asset: its rows are identified by their position."""


def scheme_for(rows: int) -> str:
    """The name of the scheme that frames of this many rows are digested by."""
    return fingerprint_small.scheme() if rows <= SMALL_ROWS else fingerprint_sums.scheme()


def data_version(
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    unique_key: Sequence[str] = (),
    previous_key: Sequence[str] = (),
    read_sets: Collection[tuple[str, ...]] = (),
    ordered: bool = False,
    tally: Tally | None = None,
) -> DataVersion:
    """The version of these rows (DESIGN section 5).

    Arguments:
        frame: in memory or, if there may be too many rows for that, as they are stored: a lazy frame is read several
            times, some of its columns only, with memory for a few batches.
        unique_key: the key that the asset declares; used if it is unique and without nulls on this data.
        previous_key: the key that the previous materialization was digested by; tried next, so that versions stay
            comparable. Then a single column that is found unique is taken.
        read_sets: what is known to be read, which matters where there is no key; the set of all columns is always
            added. ``#`` in any of them asks for the order of rows.
        ordered: the order of rows is content; then rows are identified by their position, and the key is ``("#",)``.
        tally: what ``tally_for`` gave for the same arguments, once it has taken in just these rows.

    Returns:
        A version with ``columns`` where there is a key, else with ``projections``.

    Raises:
        DataError: HW381, a column holds Python objects.
    """
    rows, opened = _open(frame, tally)
    if ordered:
        return DataVersion(scheme_for(rows), rows, key=POSITION, columns=opened.columns(()), order="position")
    key = _key(opened, unique_key, previous_key)
    order = opened.order(key) if any(ORDER in names for names in read_sets) else None
    if key:
        return DataVersion(scheme_for(rows), rows, key=key, columns=opened.columns(key), order=order)
    wanted = _wanted(frame.collect_schema(), read_sets)
    return DataVersion(scheme_for(rows), rows, projections=_projections(opened, wanted), order=order)


def tally_for(
    schema: pl.Schema,
    *,
    unique_key: Sequence[str] = (),
    previous_key: Sequence[str] = (),
    read_sets: Collection[tuple[str, ...]] = (),
    ordered: bool = False,
    conditions: Mapping[int, pl.Expr] = MappingProxyType({}),
) -> Tally:
    """What to add up over rows while they are stored, so that ``data_version`` need not read most of them again.

    Arguments:
        conditions: of single rows, by a number each; how many rows fulfil them is counted too.
    """
    return Tally(
        schema,
        unique_key=unique_key,
        previous_key=previous_key,
        read_sets=_wanted(schema, read_sets),
        ordered=ordered,
        conditions=conditions,
    )


def add_projections(
    version: DataVersion, frame: pl.DataFrame | pl.LazyFrame, read_sets: Collection[tuple[str, ...]]
) -> DataVersion:
    """The version with what further readers compare, computed from the stored data that it is the version of.

    If the version was made by another scheme, everything in it is made anew by today's. A version of bytes answers
    every reader and is returned as it is.
    """
    if version.content is not None:
        return version
    rows, opened = _open(frame)
    if version.scheme != scheme_for(rows):
        return data_version(
            frame,
            unique_key=() if version.key == POSITION else version.key,
            read_sets=[*version.projections, *read_sets],
            ordered=version.key == POSITION,
        )
    needs_order = version.order is None and any(ORDER in names for names in read_sets)
    known = _known(frame.collect_schema(), read_sets)
    missing = [] if version.key else [names for names in known if names not in version.projections]
    if not needs_order and not missing:
        return version
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


def _open(frame: pl.DataFrame | pl.LazyFrame, tally: Tally | None = None) -> tuple[int, SmallFrame | LargeFrame]:
    """The number of rows, and the frame opened by the scheme that it asks for."""
    if isinstance(frame, pl.DataFrame):
        rows = frame.height
    else:
        added_up = None if tally is None else tally.rows
        tally = None if added_up is None else tally
        rows = frame.select(pl.len()).collect(engine="streaming").item() if added_up is None else added_up
    if rows > SMALL_ROWS:
        return rows, LargeFrame(frame.lazy(), frame.collect_schema(), rows, tally)
    return rows, SmallFrame(frame.lazy().collect() if isinstance(frame, pl.LazyFrame) else frame)


def _key(opened: SmallFrame | LargeFrame, unique_key: Sequence[str], previous_key: Sequence[str]) -> tuple[str, ...]:
    for candidate in (unique_key, previous_key):
        if candidate and opened.is_key(candidate):
            return tuple(candidate)
    return opened.find_key()


def _wanted(schema: pl.Schema, read_sets: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return _known(schema, [*read_sets, tuple(schema)])


def _known(schema: pl.Schema, read_sets: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The read sets as sorted tuples without pseudo-columns; those that name a missing column are left out."""
    columns = set(schema)
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
