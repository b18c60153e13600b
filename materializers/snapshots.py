"""Partitioned sources: split by slot and kept, so that a run reads exactly what was observed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from assets_core.column_lineage import ORDER
from assets_core.digest import digest
from assets_core.errors import DataError, StorageError, did_you_mean
from assets_core.keys import Slot
from assets_core.partitions import Multi, Partitions, Timed, columns_of, dimensions_of
from assets_core.records import Materialization, RecordKind
from assets_core.versions import DataVersion, as_read
from lineage.fingerprint import data_version
from materializers.ids import new_id
from materializers.readers import as_shape
from materializers.reading import Reading
from materializers.slots import row_places, unread
from materializers.storage.escape import escape
from materializers.storage.parquet import ParquetStorage

SNAPSHOTS = "sources"
"""The storage's name in the records of observed slots; headwater.toml has no say in it."""
_LISTED_FILES = 16


def snapshot_storage(cache: Path) -> ParquetStorage:
    """The storage of observed slots below the cache folder."""
    return ParquetStorage(SNAPSHOTS, cache / "slots")


def observe_slots(
    reading: Reading,
    partitions: Partitions,
    *,
    cache: Path,
    previous: Mapping[Slot, Materialization],
    now: datetime,
    run_id: str,
    wanted: Sequence[tuple[str, ...]],
) -> tuple[tuple[Materialization, ...], tuple[str, ...]]:
    """One observation a slot, and warnings; see ``sources.observe``.

    Which slots there are: every key of a definition that names them; of slices of time those up to the last one that
    has rows, so that a day without rows in the middle is an empty day, and a day whose data has not arrived yet is
    missing; of several dimensions every combination of those.
    A slot that was observed before stays observed. Costs one reading, one sort and one small file a changed slot.

    Raises:
        DataError: HW313 to HW319.
        StorageError: HW423, the cache cannot be written.
    """
    source = reading.source
    keys = list(partitions.keys(now))
    token = digest(
        reading.content, repr(partitions), source.partition_by, source.unique_key, keys[:1], keys[-1:], len(keys)
    )
    storage = snapshot_storage(cache)
    note = cache / "observed" / f"{escape(source.key)}.json"
    known = _remembered(note, token, previous, storage)
    if known is not None:
        return known
    schema = reading.find_schema()
    frame = reading.collect(schema)
    slots, warnings = _split(reading, partitions, frame, keys, previous)
    observer = _Observer(reading, storage, previous, now, run_id, tuple(wanted))
    with ThreadPoolExecutor(1) as writer:  # while one slot waits for the disk the next one is digested
        pending = [observer.observe(Slot(source.key, key), rows, writer) for key, rows in slots]
        made = tuple(one() for one in pending)
    fresh = [one.stored for one in made if one.stored is not None and previous.get(one.slot) is not one]
    storage.settle(fresh)
    _remember(note, token, made, warnings)
    return made, warnings


def _split(
    reading: Reading,
    partitions: Partitions,
    frame: pl.DataFrame,
    keys: Sequence[str],
    previous: Mapping[Slot, Materialization],
) -> tuple[Iterator[tuple[str, pl.DataFrame]], tuple[str, ...]]:
    """The rows of each slot that is observed, in the order of the files, and sentences on rows of no slot."""
    source = reading.source
    names = columns_of(source.partition_by)
    for name in names:
        if name not in frame.columns:
            raise DataError(
                "HW317",
                f"the source {source.key} has no column {name!r} to tell partitions by",
                where=source.where,
                hint=did_you_mean(name, frame.columns) or f"it has {', '.join(frame.columns)}",
            )
    place = row_places(frame, source.partition_by or "", partitions, keys)
    warnings = _left_out(source.key, partitions, frame.select(names), place)
    order = pl.DataFrame({"place": place}).with_row_index("row").drop_nulls("place")
    order = order.sort("place", maintain_order=True)
    sizes = dict(order.group_by("place").len().iter_rows())
    sorted_rows = frame[order["row"]]
    observed = _observed(partitions, sizes)

    def slices() -> Iterator[tuple[str, pl.DataFrame]]:
        offset = 0
        for index, key in enumerate(keys):
            size = sizes.get(index, 0)
            if observed(index) or Slot(source.key, key) in previous:
                yield key, sorted_rows.slice(offset, size)
            offset += size

    return slices(), warnings


def _observed(partitions: Partitions, sizes: Mapping[int, int]) -> Callable[[int], bool]:
    """Whether the slot at a place is observed, given which of them have rows."""
    if isinstance(partitions, Timed):
        last = max(sizes, default=-1)
        return lambda place: place <= last
    if not isinstance(partitions, Multi):
        return lambda place: True
    timed = [number for number, one in enumerate(partitions.dimensions.values()) if isinstance(one, Timed)]
    filled = [partitions.split(place) or () for place in sizes]
    ends = {number: max((parts[number] for parts in filled), default=-1) for number in timed}

    def within(place: int) -> bool:
        parts = partitions.split(place) or ()
        return all(parts[number] <= end for number, end in ends.items())

    return within


def _left_out(key: str, partitions: Partitions, told_by: pl.DataFrame, place: pl.Series) -> tuple[str, ...]:
    """What to tell of rows that belong to no slot."""
    warnings = []
    rows = told_by.filter(place.is_null())
    told = rows.select(pl.any_horizontal(pl.all().is_null())).to_series()
    for column, definition in zip(rows, dimensions_of(partitions).values(), strict=True):
        nulls = column.null_count()
        if nulls:
            warnings.append(f"{key}: {_rows(nulls)} without a value of {column.name!r} belong to no partition")
        bad = unread(column, definition)
        if bad.any():
            why = f"{column.name!r} is no date or time there, but {column.filter(bad)[0]!r}"
            warnings.append(f"{key}: {_rows(int(bad.sum()))} of no partition, because {why}")
        told |= bad
    outside = rows.filter(~told)
    if outside.height:
        spans = ", ".join(f"{one.name!r} is {one.min()!s} to {one.max()!s}" for one in outside)
        lie = "lies" if outside.height == 1 else "lie"
        warnings.append(f"{key}: {_rows(outside.height)} {lie} in no partition that there is now; {spans} in them")
    return tuple(warnings)


@dataclass(frozen=True, slots=True)
class _Observer:
    """What is the same for every slot of one look at a source."""

    reading: Reading
    storage: ParquetStorage
    previous: Mapping[Slot, Materialization]
    now: datetime
    run_id: str
    wanted: tuple[tuple[str, ...], ...]

    def observe(self, slot: Slot, rows: pl.DataFrame, writer: Executor) -> Callable[[], Materialization]:
        """Gives the previous record if the slot's rows are the same and still stored, else a new one."""
        before = self.previous.get(slot)
        version = data_version(
            rows,
            unique_key=self.reading.source.unique_key,
            previous_key=before.version.key if before is not None else (),
            read_sets=self.wanted,
        )
        shape = as_shape(rows.schema)
        if before is not None and before.stored is not None:
            same = before.schema == shape and _same_rows(before.version, version, rows.columns)
            if same and self.storage.present([before.stored])[0]:
                return lambda: before
        id = new_id()  # noqa: A001 -- the record's word
        written = writer.submit(self.storage.write, slot, id, rows)
        return lambda: Materialization(
            id,
            slot,
            RecordKind.OBSERVATION,
            self.run_id,
            self.now,
            shape,
            version,
            stored=written.result(),
            metadata=self._evidence(),
        )

    def _evidence(self) -> dict[str, Any]:
        files = self.reading.files
        listed = {file.name: file.digest for file in files} if len(files) <= _LISTED_FILES else {}
        return {"content": self.reading.content, "files": listed or len(files)}


def _same_rows(before: DataVersion, after: DataVersion, columns: Sequence[str]) -> bool:
    """Whether two versions of whole rows agree, whatever read sets each of them was made for."""
    everything = (*columns, ORDER) if after.order is not None else tuple(columns)
    return as_read(before, everything) == as_read(after, everything) is not None


def _remembered(
    note: Path, token: str, previous: Mapping[Slot, Materialization], storage: ParquetStorage
) -> tuple[tuple[Materialization, ...], tuple[str, ...]] | None:
    """The previous observations if they were made of exactly this content and their data is there; else None."""
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["token"] != token:
            return None
        ids, warnings = list(known["ids"]), tuple(known["warnings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a cache: whatever is wrong with it, reading the files again puts it right
    by_id = {one.id: one for one in previous.values()}
    if len(by_id) != len(ids) or not all(one in by_id for one in ids):
        return None
    records = tuple(by_id[one] for one in ids)
    stored = [one.stored for one in records if one.stored is not None]
    return (records, warnings) if len(stored) == len(records) and all(storage.present(stored)) else None


def _remember(note: Path, token: str, made: Sequence[Materialization], warnings: Sequence[str]) -> None:
    text = json.dumps({"token": token, "ids": [one.id for one in made], "warnings": list(warnings)})
    temporary = note.with_name(f"{note.name}.{os.getpid()}.new")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, note)
    except OSError as error:
        raise StorageError("HW423", "the cache cannot be written", where=str(note), why=str(error)) from error


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
