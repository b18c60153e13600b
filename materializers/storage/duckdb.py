"""A DuckDB database file as a warehouse: one table a materialization, views as the published face."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.published import PackedId
from assets_core.records import Stored
from lineage.crash_points import crash_point
from lineage.dtypes import parse_dtype
from lineage.file_systems import read_only
from materializers.storage.canonical import CanonicalDigest
from materializers.storage.duckdb_face import face, note_publication, quoted, renew_view, table_name
from materializers.storage.duckdb_types import check_schema, from_carriers, to_carriers
from materializers.storage.options import Options
from materializers.storage.protocol import Totals

_BATCH_ROWS = 100_000
_ASKED_SINGLY = 8
_BLOCK_BYTES = "16384"
"""Of new files: with the usual 256 KB a table of a hundred rows takes 265 KB, with this 17; big ones cost the same."""
_SETUP = """
create schema if not exists headwater;
create table if not exists headwater.materializations (
    id varchar not null, asset varchar not null, partition varchar, columns varchar not null);
create table if not exists headwater.published (
    env varchar not null, asset varchar not null, partition varchar, id varchar not null);
"""


class DuckDBStorage:
    """One database file; the table ``headwater."<id>"`` holds one materialization.

    DuckDB lets one process at a time have a file open for writing. It is opened when first needed and closed by
    ``close``; within the process any number of threads work on it. A transaction makes the data of a materialization
    durable by itself, so that there is nothing to settle.

    Arguments:
        name: the storage's name in headwater.toml.
        path: the database file; made when first needed.
        settings: DuckDB settings, such as ``memory_limit``.
    """

    shared = False

    def __init__(self, name: str, path: Path, settings: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.path = path
        self._settings = dict(settings or {})
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._opening = threading.Lock()
        self._publishing = threading.Lock()

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        """Reads ``path`` (default ``warehouse.duckdb``) and ``memory_limit``."""
        given = Options(name, options, ("path", "memory_limit"))
        limit = {"memory_limit": given.text("memory_limit", "")} if "memory_limit" in options else {}
        return cls(name, given.path(root, "warehouse.duckdb"), limit)

    def check(self, schema: pl.Schema) -> None:
        """Refuses names and types that a DuckDB table cannot hold: see ``Storage.check``."""
        check_schema(schema, where=f"storage {self.name}")

    def write(
        self,
        slot: Slot,
        id: str,  # noqa: A002 -- the record's word
        data: pl.DataFrame | pl.LazyFrame,
        totals: Totals | None = None,
    ) -> Stored:
        """Stores one materialization as a table, in one transaction: see ``Storage.write``."""
        schema = data.collect_schema()
        self.check(schema)
        batches = _Batches(data, schema, totals)
        columns = json.dumps([[name, str(dtype)] for name, dtype in schema.items()])
        with self._transaction() as cursor:
            if cursor.execute("select 1 from headwater.materializations where id = ?", [id]).fetchall():
                raise StorageError(
                    "HW422",
                    f"there is data of the materialization {id} of {slot} already",
                    where=f"{self.path}: {table_name(id)}",
                    hint="an id is used once; nothing was overwritten",
                )
            cursor.register("incoming", batches.reader())
            try:
                cursor.execute(f"create table {table_name(id)} as select * from incoming").fetchall()  # noqa: S608 -- quoted
            except duckdb.Error:
                if batches.error is not None:
                    raise batches.error from None
                raise
            cursor.unregister("incoming")
            cursor.execute(
                "insert into headwater.materializations values (?, ?, ?, ?)", [id, slot.asset, slot.partition, columns]
            ).fetchall()
            found = self._read_digest(cursor, id, columns)
        return Stored(self.name, id, found.bytes, found.hexdigest())

    def settle(self, stored: Sequence[Stored]) -> None:
        """Nothing to do: the transaction of ``write`` was synced to DuckDB's log."""

    def scan(self, stored: Stored) -> pl.LazyFrame:
        """The table as a lazy frame that reads only the columns and the first rows that are asked for."""
        return self.scan_many([stored])

    def scan_many(self, stored: Sequence[Stored], schema: pl.Schema | None = None) -> pl.LazyFrame:
        """The tables one after the other as a lazy frame: see ``Storage.scan_many``."""
        if not stored:
            if schema is None:
                raise ValueError("scan_many of nothing needs a schema")
            return pl.LazyFrame(schema=schema)
        columns = self._columns(stored)
        first = columns[stored[0].location]
        for one in stored:
            if columns[one.location] != first:
                raise StorageError(
                    "HW426",
                    "two materializations that are read together differ in their columns or types",
                    where=f"{self.path}: {table_name(one.location)}",
                    why=f"{stored[0].location} has {first}, {one.location} has {columns[one.location]}",
                    hint="materialize the older one again with today's code",
                )
        return self._lazy([one.location for one in stored], _schema(first))

    def present(self, stored: Sequence[Stored]) -> list[bool]:
        """Whether each table is there; one query."""
        if not self.path.exists():
            return [False] * len(stored)
        with self._cursor() as cursor:
            there = set(_tables(cursor))
        return [one.location in there for one in stored]

    def listed(self, asset: str) -> frozenset[PackedId]:
        """Nothing: ``present`` asks for all tables at once anyway."""
        return frozenset()

    def folder(self, asset: str) -> str | None:
        """None: tables have no folder."""
        return None

    def digest(self, stored: Stored) -> str:
        """The canonical digest of the table's rows in their order."""
        columns = self._columns([stored])[stored.location]
        with self._cursor() as cursor:
            try:
                return self._read_digest(cursor, stored.location, columns).hexdigest()
            except duckdb.Error as error:
                raise self._not_there(stored.location, str(error), "stored data cannot be read") from error

    def delete(self, stored: Stored) -> None:
        """Drops the table."""
        if not self.path.exists():
            return
        with self._transaction() as cursor:
            cursor.execute(f"drop table if exists {table_name(stored.location)}").fetchall()
            cursor.execute("delete from headwater.materializations where id = ?", [stored.location]).fetchall()

    def unreferenced(self, known: Iterable[str]) -> list[Stored]:
        """Tables that no known location names."""
        if not self.path.exists():
            return []
        names = set(known)
        with self._cursor() as cursor:
            return [Stored(self.name, table, 0, "") for table in _tables(cursor) if table not in names]

    def publish(self, env: str, published: Mapping[Slot, Stored | None]) -> None:
        """Keeps one view an asset in the schema ``env_<environment>``: all its published partitions, by column name."""
        with self._publishing:
            try:
                with self._transaction() as cursor:
                    for slot, stored in published.items():
                        note_publication(cursor, env, slot, stored)
                    cursor.execute(f"create schema if not exists {face(env)}").fetchall()
                    for asset in {slot.asset for slot in published}:
                        renew_view(cursor, env, asset)
            except StorageError as error:
                raise StorageError(
                    "HW427",
                    f"the published face of {env!r} could not be brought up to date",
                    where=f"storage {self.name}",
                    why=error.why or error.what,
                    hint="the data itself is published; the views are made again with the next run",
                ) from error

    def faced(self, env: str, asset: str) -> int:
        """How many tables the asset's view reads."""
        if not self.path.exists():
            return 0
        with self._cursor() as cursor:
            query = "select count(*) from headwater.published where env = ? and asset = ?"
            (found,) = cursor.execute(query, [env, asset]).fetchall()
        return int(found[0])

    def unpublish(self, env: str) -> None:
        """Drops the schema of views."""
        if not self.path.exists():
            return
        with self._publishing, self._transaction() as cursor:
            cursor.execute(f"drop schema if exists {face(env)} cascade").fetchall()
            cursor.execute("delete from headwater.published where env = ?", [env]).fetchall()

    def close(self) -> None:
        """Closes the file, so that other processes can open it."""
        with self._opening:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _lazy(self, tables: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
        def read(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch_rows: int | None
        ) -> Iterator[pl.DataFrame]:
            wanted = pl.Schema({name: schema[name] for name in (schema if columns is None else columns)})
            names = ", ".join(map(quoted, wanted)) or "1 as one"
            left = rows
            with self._cursor() as cursor:
                for table in tables:
                    limit = "" if left is None else f" limit {left}"
                    query = f"select {names} from {table_name(table)}{limit}"  # noqa: S608 -- quoted
                    for batch in self._batches(cursor, table, query, batch_rows or _BATCH_ROWS):
                        frame = _restored(batch, wanted)
                        left = None if left is None else left - frame.height
                        yield frame if predicate is None else frame.filter(predicate)
                    if left == 0:
                        return

        return register_io_source(read, schema=schema, is_pure=True)

    def _batches(
        self, cursor: duckdb.DuckDBPyConnection, table: str, query: str, rows: int = _BATCH_ROWS
    ) -> Iterator[Any]:
        try:
            reader = cursor.sql(query).to_arrow_reader(rows)
        except duckdb.CatalogException as error:
            raise self._not_there(table, str(error)) from error
        try:
            yield from reader
        finally:
            reader.close()

    def _read_digest(self, cursor: duckdb.DuckDBPyConnection, table: str, columns: str) -> CanonicalDigest:
        found = CanonicalDigest(columns)
        found.add(self._batches(cursor, table, f"select * from {table_name(table)}"))  # noqa: S608 -- quoted
        return found

    def _columns(self, stored: Sequence[Stored]) -> dict[str, str]:
        """The recorded columns of each table, as text."""
        if not self.path.exists():
            raise self._not_there(stored[0].location, f"there is no file {self.path}")
        ids = [one.location for one in stored]
        with self._cursor() as cursor:
            rows = cursor.execute(
                "select id, columns from headwater.materializations where id in (select unnest(?::varchar[]))", [ids]
            ).fetchall()
            there = _existing(cursor, ids)
        found = {id: columns for id, columns in rows if id in there}  # noqa: A001 -- the record's word
        for one in ids:
            if one not in found:
                raise self._not_there(one, "the database has no such table")
        return found

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._open_connection().cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with self._cursor() as cursor:
                cursor.execute("begin transaction").fetchall()
                try:
                    yield cursor
                    cursor.execute("commit").fetchall()
                    crash_point("duckdb.written")
                except BaseException:
                    with suppress(duckdb.Error):
                        cursor.execute("rollback").fetchall()
                    raise
        except duckdb.FatalException as error:
            with suppress(duckdb.Error):
                self.close()
            raise self._cannot_write(error) from error
        except (duckdb.Error, OSError) as error:
            raise self._cannot_write(error) from error

    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            if read_only(self.path.parent):
                connection = duckdb.connect(str(self.path), read_only=True, config={**self._settings})
            else:
                connection = self._connect_to_write()
            connection.execute("set TimeZone = 'UTC'").fetchall()
        except (duckdb.Error, OSError) as error:
            raise self._cannot_open(error) from error
        return connection

    def _connect_to_write(self) -> duckdb.DuckDBPyConnection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(self.path), config={"default_block_size": _BLOCK_BYTES, **self._settings})
        for statement in _SETUP.split(";"):
            if statement.strip():
                connection.execute(statement).fetchall()
        return connection

    def _cannot_open(self, error: Exception) -> StorageError:
        text = str(error)
        if "lock" in text.lower():
            what, hint = "is in use by another process", "DuckDB lets one process write: close the other one, or wait"
        elif isinstance(error, OSError | duckdb.IOException) and "valid" not in text:
            what, hint = "cannot be opened", "give write permission, or make room"
        else:
            what, hint = "is no DuckDB database that can be read", "restore the file from a backup; it was not touched"
        return StorageError(
            "HW429", f"the file of the storage {self.name!r} {what}", where=str(self.path), why=text, hint=hint
        )

    def _cannot_write(self, error: Exception) -> StorageError:
        return StorageError(
            "HW423",
            f"the storage {self.name!r} cannot be written",
            where=str(self.path),
            why=str(error),
            hint="nothing was published; make room or give write permission, then materialize again",
        )

    def _not_there(self, table: str, why: str, what: str = "stored data is gone") -> StorageError:
        return StorageError(
            "HW425",
            what,
            where=f"{self.path}: {table_name(table)}",
            why=why,
            hint="materialize the asset again, or restore the file from a backup",
        )


class _Batches:
    """A frame as Arrow batches for DuckDB, remembering what the plan of a lazy frame raised: DuckDB wraps it."""

    def __init__(self, data: pl.DataFrame | pl.LazyFrame, schema: pl.Schema, totals: Totals | None) -> None:
        self._data = data
        self._totals = totals
        self._schema = to_carriers(pl.DataFrame(schema=schema)).to_arrow().schema
        self.error: BaseException | None = None

    def reader(self) -> Any:
        """A pyarrow reader that can be read once."""
        return pa.RecordBatchReader.from_batches(self._schema, self._produce())

    def _produce(self) -> Iterator[Any]:
        try:
            frames = (
                [self._data]
                if isinstance(self._data, pl.DataFrame)
                else self._data.collect_batches(maintain_order=True)
            )
            for frame in frames:
                if self._totals is not None:
                    self._totals.take(self._totals.over(frame.lazy()).collect())
                yield from to_carriers(frame).to_arrow().cast(self._schema).to_batches()
        except BaseException as error:
            self.error = error
            raise


def _restored(batch: Any, schema: pl.Schema) -> pl.DataFrame:
    if not schema:
        return pl.DataFrame(height=batch.num_rows)
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 -- for the type checker: a batch is never a series
    return from_carriers(frame, schema)


def _schema(columns: str) -> pl.Schema:
    return pl.Schema({name: parse_dtype(text) for name, text in json.loads(columns)})


def _existing(cursor: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> set[str]:
    """Those of the ids that have a table; a few are asked for one by one, because listing all tables takes long."""
    if len(ids) > _ASKED_SINGLY:
        return set(_tables(cursor))
    found = set()
    for id in ids:  # noqa: A001 -- the record's word
        with suppress(duckdb.CatalogException):
            cursor.execute(f"select 1 from {table_name(id)} limit 0").fetchall()  # noqa: S608 -- quoted
            found.add(id)
    return found


def _tables(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    rows = cursor.execute(
        "select table_name from duckdb_tables() where schema_name = 'headwater' and not internal "
        "and table_name not in ('materializations', 'published') and database_name = current_database() order by 1"
    ).fetchall()
    return [row[0] for row in rows]
