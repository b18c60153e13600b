"""Sources: what their files hold now, recorded as observations, and the frames that steps read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from assets_core.asset import Source
from assets_core.errors import DataError, DefinitionError, HeadwaterError
from assets_core.keys import Slot
from assets_core.records import Materialization, RecordKind
from assets_core.versions import DataVersion
from materializers.files import FileDigests, changed_file, digest_files, find_files
from materializers.ids import new_id
from materializers.read_options import check_options
from materializers.readers import as_schema, as_shape, scan
from materializers.reading import Reading, reading_of
from materializers.snapshots import observe_slots, snapshot_storage
from materializers.step_task import RowsAt

SCHEME = "files-1"
"""Names the rules by which versions of sources that are read in place are made."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Observation:
    """What looking at a source found.

    Arguments:
        materializations: one record a slot, in the order of the definition; the previous record itself where nothing
            changed, so a new one is told by an id that is not among the previous ones.
        warnings: sentences for people: rows that belong to no slot.
    """

    materializations: tuple[Materialization, ...]
    warnings: tuple[str, ...] = ()


def observe(
    source: Source,
    *,
    root: Path,
    cache: Path,
    digests: FileDigests,
    previous: Mapping[Slot, Materialization],
    now: datetime,
    run_id: str,
    wanted: Sequence[tuple[str, ...]] = (),
) -> Observation:
    """Looks at a source; costs one look at each file's state if nothing changed, else two or three readings.

    Everything in changed files is read, so that a broken row shows here and not in the middle of a step; of large
    Parquet files only bytes and footers, see ``Reading.count_rows``. A
    partitioned source is split by slot and kept below ``cache``; others are read in place. A file that changes while
    it is read is read again, and an error that such a file gave does not count.

    Arguments:
        root: the project's folder.
        cache: folder for the data of observed slots.
        digests: remembers content digests of files from command to command.
        previous: the last observation of every slot of this source.
        now: with offset; the moment of the observation, which also decides what partitions there are.
        run_id: the run on whose behalf it is looked at.
        wanted: the read sets of the source's known readers, so that versions for them are made along.

    Raises:
        DataError: HW310 to HW318, a file is missing, broken or keeps changing, or partitions cannot be told.
        DefinitionError: HW160, HW161, a read option is wrong.
        StorageError: HW423, the cache cannot be written.
    """
    options = check_options(source.format, source.options, where=source.where)
    for _ in range(_TRIES):
        found = find_files(source.files, root, where=source.where)
        if options.get("hive_partitioning"):
            _refuse_folders_above(source, found)
        files = digest_files(found, digests)
        reading = reading_of(source, options, files)
        try:
            made, warnings = (
                _observe_whole(reading, previous, now, run_id)
                if source.partitions is None
                else observe_slots(
                    reading,
                    source.partitions,
                    cache=cache,
                    previous=previous,
                    now=now,
                    run_id=run_id,
                    wanted=wanted,
                )
            )
        except HeadwaterError:
            if changed_file(files) is None:
                raise
            continue
        if changed_file(files) is None:
            return Observation(made, warnings)
    raise DataError(
        "HW312",
        f"files of {source.key} changed while they were read, {_TRIES} times in a row",
        where=source.where,
        hint="write them under another name and rename them when they are complete",
    )


def scan_source(
    source: Source, observed: Sequence[Materialization | RowsAt], *, root: Path, cache: Path
) -> pl.LazyFrame:
    """The rows that were observed, as one lazy frame.

    Arguments:
        observed: the observations of the slots to read, at least one; of a source that is not partitioned its only
            one. Such a source is read in place: ``confirm`` afterwards that it did not change.

    Raises:
        DataError: HW310, a file is gone.
        StorageError: HW425, the kept data of a slot is gone.
    """
    stored = [one.stored for one in observed if one.stored is not None]
    if stored:
        storage = snapshot_storage(cache)
        return storage.scan(stored[0]) if len(stored) == 1 else storage.scan_many(stored)
    options = check_options(source.format, source.options, where=source.where)
    found = find_files(source.files, root, where=source.where)
    return scan(source.format, [path for _, path in found], options, as_schema(observed[0].schema))


def confirm(
    source: Source,
    observed: Sequence[Materialization],
    *,
    root: Path,
    digests: FileDigests,
    aside: Mapping[Slot, Materialization],
) -> None:
    """Makes sure that what was read in place is what had been observed; to be called when a step has read it, before
    its result is recorded. Costs one look at each file's state.

    Arguments:
        aside: by slot, what was observed later and blocked by a check.

    Raises:
        DataError: HW316, the files changed since they were observed; HW319, they are those that a check blocked.
    """
    options = check_options(source.format, source.options, where=source.where)
    for one in observed:
        if one.stored is not None:
            continue
        files = digest_files(find_files(source.files, root, where=source.where), digests)
        content = reading_of(source, options, files).content
        if content != one.version.content:
            blocked = aside.get(one.slot)
            if blocked is not None and blocked.version.content == content:
                raise not_passed(source, [blocked])
            raise DataError(
                "HW316",
                f"files of {source.key} changed after they had been observed",
                where=source.where,
                hint="nothing was published from them; run the command again",
            )


def not_passed(source: Source, made: Sequence[Materialization]) -> DataError:
    """The error for what a source holds now and blocking checks of it keep from being read.

    Arguments:
        made: its blocked observations, at least one.
    """
    results = [result for one in made for result in one.checks if result.blocks]
    names = ", ".join(dict.fromkeys(result.name for result in results))
    rest = f" and {len(made) - 1} more" if len(made) > 1 else ""
    return DataError(
        "HW319",
        f"source {made[0].slot}{rest}: {names} failed on its files",
        where=source.where,
        why="\n".join(dict.fromkeys(result.message for result in results)),
        hint="mend the files, or declare the check with severity='warn', so that it stops nothing",
    )


def _refuse_folders_above(source: Source, found: Sequence[tuple[str, str]]) -> None:
    """Refuses files of which polars would take folders above the project for columns, too.

    These folders are another matter on another machine, and are no part of the files' names that are digested.
    """
    for name, path in found:
        above = os.path.abspath(path).replace(os.sep, "/").removesuffix(name)
        folder = next((part for part in above.split("/") if "=" in part), None)
        if folder is not None:
            raise DefinitionError(
                "HW161",
                f"the read option hive_partitioning of {source.key} would take the folder {folder} for a column,"
                " which lies above the project",
                where=source.where,
                hint="rename that folder, or move the project out of it",
            )


def _observe_whole(
    reading: Reading, previous: Mapping[Slot, Materialization], now: datetime, run_id: str
) -> tuple[tuple[Materialization, ...], tuple[str, ...]]:
    slot = Slot(reading.source.key)
    before = previous.get(slot)
    if before is not None and before.version.scheme == SCHEME and before.version.content == reading.content:
        return (before,), ()
    schema = reading.find_schema()
    rows = reading.count_rows(schema)
    made = Materialization(
        new_id(),
        slot,
        RecordKind.OBSERVATION,
        run_id,
        now,
        as_shape(schema),
        DataVersion(SCHEME, rows, content=reading.content),
        metadata={"files": {file.name: file.digest for file in reading.files}},
    )
    return (made,), ()
