"""The data behind records: one way to reach it, whether Headwater stored it or a source holds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from assets_core.asset import Source
from assets_core.column_lineage import ORDER, ROWS
from assets_core.errors import DataError, HeadwaterError, StorageError, UsageError, did_you_mean
from assets_core.keys import Slot
from assets_core.records import Materialization, RecordKind, Schema, Stored
from assets_core.versions import as_read
from lineage.catalog.store import Catalog
from lineage.catalog.values import FileStamp
from lineage.dtypes import parse_dtype
from lineage.fingerprint import add_projections, scheme_for
from lineage.fingerprint_many import projections
from materializers.files import FileState
from materializers.snapshots import SNAPSHOTS, snapshot_storage
from materializers.sources import confirm, scan_source
from materializers.step_task import RowsAt
from materializers.storage.protocol import Storage
from materializers.storage.registry import open_storage

ROWS_TOGETHER = 500_000
"""So many rows of several materializations are read at once to compare them."""


class Tables:
    """Storages by name, opened when first used, and the sources' files.

    Arguments:
        root: the project's folder.
        options: gives the table ``[storage.NAME]`` of a name, every ``${VAR}`` filled in; None if there is none.
        names: of the storages there are.
        sources: by key.
        cache: folder for the kept data of observed slots.
    """

    def __init__(
        self,
        root: Path,
        options: Callable[[str], Mapping[str, object] | None],
        names: Sequence[str],
        sources: Mapping[str, Source],
        cache: Path,
    ) -> None:
        self.root = root
        self.cache = cache
        self.sources = sources
        self._options = options
        self._names = names
        self._open: dict[str, Storage] = {}
        self._lock = threading.Lock()

    def storage(self, name: str) -> Storage:
        """The storage of a name.

        Raises:
            UsageError: HW608, headwater.toml has no such storage.
        """
        found = self._open.get(name)
        if found is not None:
            return found
        with self._lock:  # tasks open the storages of their inputs, several at once, and a warehouse opens only once
            if name not in self._open:
                snapshots = name == SNAPSHOTS
                self._open[name] = (
                    snapshot_storage(self.cache) if snapshots else open_storage(name, self._table(name), self.root)
                )
            return self._open[name]

    def _table(self, name: str) -> Mapping[str, object]:
        table = self._options(name)
        if table is None:
            raise UsageError(
                "HW608",
                f"no storage {name!r} in headwater.toml, and something that was made lies there",
                hint=did_you_mean(name, self._names)
                or f"put [storage.{name}] back; what is to leave it is made in another one by materialize --force",
            )
        return table

    def scan(self, made: Sequence[Materialization | RowsAt], columns: Collection[str] | None = None) -> pl.LazyFrame:
        """The rows of one or several materializations or observations of one asset, below each other.

        Arguments:
            columns: those that are read, where others may differ; None for all.

        Raises:
            StorageError: HW425, one has no stored data or it is gone; HW426, they differ in what is read of them.
        """
        first = made[0]
        if first.kind is RecordKind.OBSERVATION:
            return scan_source(self.sources[first.slot.asset], made, root=self.root, cache=self.cache)
        stored = [one.stored for one in made if one.stored is not None]
        if len(stored) != len(made):
            raise StorageError("HW425", f"{first.slot} has no stored data", where=str(first.slot))
        if len(stored) == 1:
            return self.storage(stored[0].storage).scan(stored[0])
        if any(one.schema != first.schema for one in made) or len({one.storage for one in stored}) > 1:
            read = _read_of_unlike(made, columns)
            frames = [
                _as_of_schema(self.storage(one.storage).scan(one), rows.schema, first.schema, read)
                for one, rows in zip(stored, made, strict=True)
            ]
            return pl.concat(frames, how="vertical_relaxed")
        schema = pl.Schema({name: parse_dtype(dtype) for name, dtype in first.schema})
        return self.storage(stored[0].storage).scan_many(stored, schema)

    def absent(self, made: Iterable[Materialization]) -> set[Slot]:
        """The slots whose stored data is not there; see ``absent_of``."""
        return self.absent_of((one.slot, one.stored) for one in made if one.stored is not None)

    def absent_of(self, stored_of: Iterable[tuple[Slot, Stored]]) -> set[Slot]:
        """The slots whose stored data is not there, as far as a look at names and sizes can tell."""
        by_storage: dict[str, list[tuple[Slot, Stored]]] = {}
        for slot, stored in stored_of:
            by_storage.setdefault(stored.storage, []).append((slot, stored))
        gone: set[Slot] = set()
        for name, pairs in by_storage.items():
            present = self.storage(name).present([stored for _, stored in pairs])
            gone.update(slot for (slot, _), there in zip(pairs, present, strict=True) if not there)
        return gone

    def digest(self, stored: Stored) -> str | None:
        """The digest of what is stored now; None if it is gone.

        Raises:
            StorageError: it may be there, and cannot be read.
        """
        storage = self.storage(stored.storage)
        try:
            return storage.digest(stored)
        except StorageError:
            if storage.present([stored])[0]:
                raise
            return None

    def intact(self, made: Iterable[Materialization]) -> bool:
        """Whether the stored data of all is within reach and as it was, byte for byte; reads it."""
        try:
            return all(one.stored is None or self.digest(one.stored) == one.stored.digest for one in made)
        except HeadwaterError:  # its storage may be configured no more
            return False

    def confirm(
        self, made: Sequence[Materialization], digests: CatalogDigests, aside: Mapping[Slot, Materialization]
    ) -> None:
        """Makes sure that a source read in place still is what had been observed; see ``sources.confirm``."""
        if made and made[0].kind is RecordKind.OBSERVATION:
            confirm(self.sources[made[0].slot.asset], made, root=self.root, digests=digests, aside=aside)

    def close(self) -> None:
        """Closes what was opened."""
        for storage in self._open.values():
            storage.close()
        self._open.clear()


def _read_of_unlike(made: Sequence[Materialization | RowsAt], columns: Collection[str] | None) -> list[str]:
    """The columns that are read of rows whose columns or types differ.

    Arguments:
        columns: that are read; None for all.

    Raises:
        StorageError: HW426, they do not go below each other.
    """
    first = made[0]
    read = [name for name, _ in first.schema if columns is None or name in columns]
    known = pl.DataFrame(schema={name: parse_dtype(dtype) for name, dtype in first.schema})
    for schema, one in {one.schema: one for one in reversed(made)}.items():
        frame = pl.DataFrame(schema={name: parse_dtype(dtype) for name, dtype in schema})
        try:
            pl.concat([known.select(read), frame.select(read)], how="vertical_relaxed")
        except pl.exceptions.PolarsError:
            raise _unlike(first, one) from None
        if columns is None and frame.width > len(read):
            raise _unlike(first, one)
    return read


def _as_of_schema(frame: pl.LazyFrame, own: Schema, schema: Schema, read: Collection[str]) -> pl.LazyFrame:
    """The frame with the columns of another schema; what is not read of it and differs is null."""
    have = dict(own)
    lacking = [
        pl.lit(None, dtype=parse_dtype(dtype)).alias(name)
        for name, dtype in schema
        if name not in read and have.get(name) != dtype
    ]
    return frame.with_columns(lacking).select(name for name, _ in schema)


def _unlike(one: Materialization | RowsAt, other: Materialization | RowsAt) -> StorageError:
    def own(made: Materialization | RowsAt, besides: Materialization | RowsAt) -> str:
        differing = [f"{name}: {dtype}" for name, dtype in made.schema if (name, dtype) not in besides.schema]
        return ", ".join(differing[:5]) + (" and more" if len(differing) > 5 else "") or "no other column"

    return StorageError(
        "HW426",
        f"{one.slot} and {other.slot}, which are read together, differ in their columns or types",
        why=f"{one.slot} has {own(one, other)}; {other.slot} has {own(other, one)}",
        hint="materialize the older one again with today's code; each can be read by itself",
    )


class CatalogDigests:
    """A ``files.FileDigests`` that the catalog keeps; what is put is written with ``flush``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[FileStamp, str] = {}
        self._fresh: dict[FileStamp, str] = {}

    def get(self, path: str, state: FileState) -> str | None:
        """The digest of a file that is in exactly this state, else None."""
        stamp = FileStamp(path, *state)
        if stamp not in self._known:
            self._known.update(self._catalog.file_digests([stamp]))
        return self._known.get(stamp)

    def put(self, path: str, state: FileState, digest: str) -> None:
        """Remembers a digest."""
        stamp = FileStamp(path, *state)
        self._known[stamp] = self._fresh[stamp] = digest

    def flush(self) -> None:
        """Writes what was put since the last time."""
        self._catalog.remember_files(self._fresh)
        self._fresh = {}


class Versions:
    """What readers compare: from the records, and where they do not have it, computed from the stored data and kept."""

    def __init__(self, tables: Tables, catalog: Catalog) -> None:
        self._tables = tables
        self._catalog = catalog
        self._memo: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def __call__(self, made: Materialization, columns: tuple[str, ...]) -> str | None:
        """See ``versions.as_read``."""
        known = (made.id, columns)
        if known in self._memo:
            return self._memo[known]
        found = as_read(made.version, columns)
        if found is None:
            found = self._computed(made, columns)
        self._memo[known] = found
        return found

    def prepare(self, made: Sequence[Materialization], columns: tuple[str, ...]) -> None:
        """Computes what readers of these columns compare for many materializations of one asset, many in one pass.

        Only what is missing and can be had together is computed; the rest is left to be asked for one by one.
        """
        names = tuple(sorted({name for name in columns if name not in (ROWS, ORDER)}))
        missing = [
            one
            for one in made
            if one.version.scheme == scheme_for(one.version.rows or 0)
            and not one.version.key
            and one.version.content is None
            and names not in one.version.projections
            and (one.id, columns) not in self._memo
        ]
        if not missing or ORDER in columns or any(one.schema != missing[0].schema for one in missing):
            return
        if not names or not set(names) <= {name for name, _ in missing[0].schema}:
            return
        for together in _few_rows(missing):
            if len(together) > 1:
                self._project(together, names, columns)

    def _project(self, made: Sequence[Materialization], names: tuple[str, ...], columns: tuple[str, ...]) -> None:
        sizes = [one.version.rows or 0 for one in made]
        try:
            frame = self._tables.scan(made).select(names).collect()
        except (StorageError, DataError, OSError, pl.exceptions.PolarsError):
            return
        if sum(sizes) != frame.height:
            return
        found = projections(frame, sizes, names)
        for one, digest in zip(made, found, strict=True):
            known = replace(one.version, projections={**one.version.projections, names: digest})
            self._memo[one.id, columns] = as_read(known, columns)
        self._catalog.add_projections({one.id: digest for one, digest in zip(made, found, strict=True)}, names)

    def _computed(self, made: Materialization, columns: tuple[str, ...]) -> str | None:
        have = {name for name, _ in made.schema}
        if not {name for name in columns if name not in (ROWS, ORDER)} <= have:
            return None
        try:
            version = add_projections(made.version, self._tables.scan([made]), [columns])
        except (StorageError, DataError, OSError, pl.exceptions.PolarsError):
            return None
        names = tuple(sorted({name for name in columns if name not in (ROWS, ORDER)}))
        if names in version.projections and version.scheme == made.version.scheme:
            self._catalog.add_projection(made.id, names, version.projections[names])
        return as_read(version, columns)


def _few_rows(made: Iterable[Materialization]) -> Iterator[list[Materialization]]:
    """Groups of not more rows together than fit into memory; one of more rows is alone."""
    group: list[Materialization] = []
    rows = 0
    for one in made:
        rows += one.version.rows or 0
        if group and rows > ROWS_TOGETHER:
            yield group
            group, rows = [], one.version.rows or 0
        group.append(one)
    yield group
