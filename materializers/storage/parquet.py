"""Parquet files, one a materialization, written once: the default storage."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Literal, Self, cast

import polars as pl

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.published import PackedId, pack_id
from assets_core.records import Stored
from lineage.crash_points import crash_point
from lineage.durable import folders_above, sync_folders
from materializers.storage.durable import replace_link
from materializers.storage.escape import escape, escape_path
from materializers.storage.morsels import small_morsels
from materializers.storage.options import Options
from materializers.storage.protocol import Totals

FACE = "_env"
"""The folder of the published face; no asset's folder can have this name."""
_SUFFIX = ".parquet"
_DISK_SAID = re.compile(r"^parquet: .*IO error: [^:]*\(os error (?P<number>\d+)\)")
_IN_MEMORY_BYTES = 64 * 1024 * 1024
_Compression = Literal["lz4", "uncompressed", "snappy", "gzip", "brotli", "zstd"]
_COMPRESSIONS: tuple[_Compression, ...] = ("zstd", "lz4", "snappy", "gzip", "brotli", "uncompressed")


class ParquetStorage:
    """Files ``ROOT/<asset key>/<partition key>@<materialization id>.parquet``, the keys escaped.

    All slots of an asset share one folder: a folder each would cost more than a file, in making, syncing and looking.

    A file has its final name from the beginning: ids are unique and nothing reads a file before the catalog points at
    it, so that a crash leaves an unreferenced file and never a wrong one. Files are made read-only.

    Arguments:
        name: the storage's name in headwater.toml.
        root: the folder below which everything lies; made when first needed.
        compression: of the columns' pages.
        durable: sync files and folders before a commit; without, a power failure may cost what was published last.
    """

    shared = True

    def __init__(self, name: str, root: Path, *, compression: str = "zstd", durable: bool = True) -> None:
        self.name = name
        self.root = root
        self.compression = cast(_Compression, compression)
        self.durable = durable
        self._base = os.fspath(root)
        self._made: set[str] = set()
        self._settled: set[str] = set()
        self._above = [*folders_above(root), os.path.dirname(os.path.abspath(root))]

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        """Reads ``path`` (default ``data``), ``compression`` and ``durability`` (``full`` or ``relaxed``)."""
        given = Options(name, options, ("path", "compression", "durability"))
        return cls(
            name,
            given.path(root, "data"),
            compression=given.choice("compression", _COMPRESSIONS),
            durable=given.choice("durability", ("full", "relaxed")) == "full",
        )

    def check(self, schema: pl.Schema) -> None:
        """Refuses Python objects, structs without fields, and extension types in others: they would not come back."""
        for column, dtype in schema.items():
            if not _held(dtype):
                raise StorageError(
                    "HW424",
                    f"Parquet cannot hold the type of column {column!r}",
                    where=f"storage {self.name}",
                    why=f"it is {dtype}",
                    hint="turn it into columns of plain types before it is returned",
                )

    def write(
        self,
        slot: Slot,
        id: str,  # noqa: A002 -- the record's word
        data: pl.DataFrame | pl.LazyFrame,
        totals: Totals | None = None,
    ) -> Stored:
        """Stores one materialization: see ``Storage.write``."""
        lazy = isinstance(data, pl.LazyFrame)
        self.check(data.collect_schema())
        small = not lazy and cast(pl.DataFrame, data).estimated_size() <= _IN_MEMORY_BYTES
        encoded = self._encode(cast(pl.DataFrame, data)) if small else None
        location = self._location(slot, id)
        path = f"{self._base}/{location}"
        file = os.fdopen(self._create(slot, id, path), "wb")
        crash_point("parquet.created")
        try:
            if encoded is None:
                self._stream(data.lazy(), file, path, totals)
            size, digest = self._finish(file, path, encoded)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            with contextlib.suppress(OSError):
                file.close()
        return Stored(self.name, location, size, digest)

    def settle(self, stored: Sequence[Stored]) -> None:
        """Syncs the folders that hold the files, and those in which names of new folders stand."""
        if not self.durable or not stored:
            return
        own = dict.fromkeys(one.location.rpartition("/")[0] for one in stored)
        folders = {f"{self._base}/{folder}" if folder else self._base: None for folder in own}
        fresh = {*folders, self._base} - self._settled
        for folder in fresh:
            while folder != self._base:
                folder = folder.rpartition("/")[0]
                folders[folder] = None
        if self._base in fresh:
            folders.update(dict.fromkeys(self._above))
        try:
            sync_folders(folders)
            self._settled |= fresh
            crash_point("parquet.settled")
        except OSError as error:
            raise self._cannot_write(error.filename or self._base, error) from error

    def scan(self, stored: Stored) -> pl.LazyFrame:
        """The file as a lazy frame: see ``Storage.scan``."""
        return pl.scan_parquet(self._existing(stored), glob=False, hive_partitioning=False)

    def scan_many(self, stored: Sequence[Stored], schema: pl.Schema | None = None) -> pl.LazyFrame:
        """The files as one lazy frame: see ``Storage.scan_many``."""
        if not stored:
            if schema is None:
                raise ValueError("scan_many of nothing needs a schema")
            return pl.LazyFrame(schema=schema)
        paths = [self._existing(one) for one in stored]
        return pl.scan_parquet(
            paths,
            glob=False,
            hive_partitioning=False,
            schema=schema,
            missing_columns="raise",
            extra_columns="raise",
        )

    def present(self, stored: Sequence[Stored]) -> list[bool]:
        """Whether each file is there and has its size; two microseconds a file."""
        return [self._size(one) == one.bytes for one in stored]

    def listed(self, asset: str) -> frozenset[PackedId]:
        """The ids that files of the asset's folder are named for; less than a microsecond a file."""
        try:
            names = os.listdir(os.fsencode(self.folder(asset)))
        except OSError:
            return frozenset()
        suffix = _SUFFIX.encode()
        ids = [name[-len(suffix) - 36 : -len(suffix)] for name in names if name.endswith(suffix)]
        with contextlib.suppress(ValueError):  # all at once, as long as every name has the form of ours
            raw = bytes.fromhex(b"".join(ids).replace(b"-", b"").decode("ascii"))
            if len(raw) == 16 * len(ids):
                return frozenset(struct.unpack("16s" * len(ids), raw))
        return frozenset(pack_id(os.fsdecode(one)) for one in ids)

    def folder(self, asset: str) -> str:
        """The one that holds all files of the asset."""
        return f"{self._base}/{escape(asset)}"

    def digest(self, stored: Stored) -> str:
        """SHA-256 of the file's bytes."""
        try:
            with open(self._path(stored.location), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._not_there(stored, error) from error

    def delete(self, stored: Stored) -> None:
        """Removes the file, and its folder if that leaves it empty."""
        path = self._path(stored.location)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._cannot_write(path, error) from error
        for _ in PurePosixPath(stored.location).parents[:-1]:
            path = os.path.dirname(path)
            self._made.discard(path)
            try:
                os.rmdir(path)
            except OSError:
                break

    def unreferenced(self, known: Iterable[str]) -> list[Stored]:
        """Every file below the root, the face left out, that is not known."""
        names = set(known)
        found = []
        for folder, below, files in os.walk(self._base):
            if folder == self._base and FACE in below:
                below.remove(FACE)
            inside = os.path.relpath(folder, self._base).replace(os.sep, "/")
            for file in files:
                location = file if inside == "." else f"{inside}/{file}"
                if location not in names:
                    with contextlib.suppress(FileNotFoundError):
                        found.append(Stored(self.name, location, os.lstat(os.path.join(folder, file)).st_size, ""))
        return sorted(found, key=lambda one: one.location)

    def publish(self, env: str, published: Mapping[Slot, Stored | None]) -> None:
        """Links ``ROOT/_env/<environment>/<asset key>/<partition key>.parquet`` to the published files.

        The file of an unpartitioned asset is called ``data.parquet``, so that ``<asset key>/*.parquet`` reads either.
        """
        try:
            for slot, stored in published.items():
                inside = f"{FACE}/{escape(env)}/{escape_path(slot.asset)}"
                folder = f"{self._base}/{inside}"
                link = f"{folder}/{'data' if slot.partition is None else escape(slot.partition)}{_SUFFIX}"
                if stored is None:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(link)
                    continue
                self._path(stored.location)  # refuses what lies outside
                target = f"{'../' * (inside.count('/') + 1)}{stored.location}"
                if folder not in self._made:
                    self._make(folder)
                try:
                    replace_link(target, link)
                except FileNotFoundError:  # somebody removed the face since the folder was made
                    self._make(folder)
                    replace_link(target, link)
            crash_point("face.published")
        except OSError as error:
            raise self._behind(env, error) from error

    def faced(self, env: str, asset: str) -> int:
        """How many links there are in the asset's folder."""
        folder = f"{self._base}/{FACE}/{escape(env)}/{escape_path(asset)}"
        try:
            return sum(name.endswith(_SUFFIX) for name in os.listdir(folder))
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._behind(env, error) from error

    def unpublish(self, env: str) -> None:
        """Removes the folder of links."""
        folder = self.root / FACE / escape(env)
        self._made = {made for made in self._made if not made.startswith(os.fspath(folder))}
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _encode(self, frame: pl.DataFrame) -> memoryview:
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression=self.compression)
        return buffer.getbuffer()

    def _stream(self, plan: pl.LazyFrame, file: IO[bytes], path: str, totals: Totals | None) -> None:
        """Lets polars write into the file itself: a file of our own would be called for every page, at 5 % more CPU."""
        try:
            if totals is None:
                plan.sink_parquet(file, compression=self.compression)
                return
            shared = plan.cache()  # else each of the two would run the plan
            stored = shared.sink_parquet(file, compression=self.compression, lazy=True)
            with small_morsels():
                _, found = pl.collect_all([stored, totals.over(shared)], engine="streaming")
        except pl.exceptions.PolarsError as error:
            cause = _error_of_disk(error)
            if cause is None:
                raise
            raise self._cannot_write(path, cause) from error
        totals.take(found)

    def _finish(self, file: IO[bytes], path: str, encoded: memoryview | None) -> tuple[int, str]:
        """Writes what was encoded in memory, syncs, closes, and tells the file's size in bytes and their SHA-256."""
        try:
            if encoded is not None:
                file.write(encoded)
            file.flush()
            crash_point("parquet.written")
            if self.durable:
                os.fsync(file.fileno())
            crash_point("parquet.synced")
            file.close()  # some file systems tell of a lost write only here
            if encoded is not None:
                return encoded.nbytes, hashlib.sha256(encoded).hexdigest()
            with open(path, "rb") as written:
                return os.fstat(written.fileno()).st_size, hashlib.file_digest(written, "sha256").hexdigest()
        except OSError as error:
            raise self._cannot_write(path, error) from error

    def _location(self, slot: Slot, id: str) -> str:  # noqa: A002 -- the record's word
        file = f"{escape(id)}{_SUFFIX}"
        if slot.partition is None:
            return f"{escape(slot.asset)}/{file}"
        return f"{escape(slot.asset)}/{escape(slot.partition)}@{file}"

    def _create(self, slot: Slot, id: str, path: str) -> int:  # noqa: A002 -- the record's word
        folder = os.path.dirname(path)
        try:
            if folder not in self._made:
                self._make(folder)
            try:
                return _create(path)
            except FileNotFoundError:  # pruned away since it was made
                self._make(folder)
                return _create(path)
        except FileExistsError:
            raise StorageError(
                "HW422",
                f"there is data of the materialization {id} of {slot} already",
                where=path,
                hint="an id is used once; nothing was overwritten",
            ) from None
        except OSError as error:
            raise self._cannot_write(path, error) from error

    def _make(self, folder: str) -> None:
        try:
            os.mkdir(folder)
        except OSError as error:  # it is there, or what it lies in is not
            os.makedirs(folder, exist_ok=True)
            if not isinstance(error, FileExistsError):
                self._settled.discard(self._base)
        self._settled.discard(folder)
        self._made.add(folder)

    def _path(self, location: str) -> str:
        if location.startswith("/") or ".." in location.split("/") or {"\\", "\0"} & {*location}:
            raise StorageError("HW428", f"{location!r} is no place in this storage", where=f"storage {self.name}")
        return f"{self._base}/{location}"

    def _behind(self, env: str, error: OSError) -> StorageError:
        return StorageError(
            "HW427",
            f"the published face of {env!r} could not be brought up to date",
            where=f"storage {self.name}",
            why=str(error),
            hint="the data itself is published; the links are made again with the next run",
        )

    def _existing(self, stored: Stored) -> str:
        path = self._path(stored.location)
        try:
            os.stat(path)
        except OSError as error:
            raise self._not_there(stored, error) from error
        return path

    def _size(self, stored: Stored) -> int:
        try:
            return os.stat(self._path(stored.location)).st_size
        except OSError:
            return -1

    def _not_there(self, stored: Stored, error: OSError) -> StorageError:
        return StorageError(
            "HW425",
            "stored data cannot be read" if not isinstance(error, FileNotFoundError) else "stored data is gone",
            where=self._path(stored.location),
            why=str(error.strerror or error),
            hint="materialize the asset again, or restore the file from a backup",
        )

    def _cannot_write(self, path: str, error: OSError) -> StorageError:
        return StorageError(
            "HW423",
            f"the storage {self.name!r} cannot be written",
            where=path,
            why=str(error.strerror or error),
            hint="nothing was published; make room or give write permission, then materialize again",
        )


def _error_of_disk(error: pl.exceptions.PolarsError) -> OSError | None:
    """What the disk said, where polars' writer failed by it; an error of the plan itself does not end like this.

    Polars tells of it in the text alone. What it cannot read is an ``OSError`` of Python.
    """
    found = _DISK_SAID.search(str(error))
    return OSError(int(found["number"]), os.strerror(int(found["number"]))) if found else None


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444)


def _held(dtype: pl.DataType, *, inside: bool = False) -> bool:
    if isinstance(dtype, pl.Struct):
        return bool(dtype.fields) and all(_held(cast(pl.DataType, field.dtype), inside=True) for field in dtype.fields)
    if isinstance(dtype, pl.List | pl.Array):
        return _held(cast(pl.DataType, dtype.inner), inside=True)
    if isinstance(dtype, pl.BaseExtension):
        return not inside  # where it is text, polars' writer panics
    return not isinstance(dtype, pl.Object)
