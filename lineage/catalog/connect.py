"""Opening the catalog's file: refusing what is not one, and putting SQLite's complaints into words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from assets_core.errors import RefusedError, StorageError
from lineage.catalog.migrate import CATALOG_VERSION, migrate
from lineage.catalog.schema import APPLICATION_ID
from lineage.durable import folders_above, sync_folders
from lineage.file_systems import file_system, read_only

DURABILITY = {"full": "full", "relaxed": "normal", "none": "off"}
"""What a caller asks for, and the ``synchronous`` setting of SQLite that it means."""

BUSY_SECONDS = 60.0
"""How long a writer waits for another one before it gives up."""

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "fuse.ceph", "glusterfs", "fuse.glusterfs"}
    | {"lustre", "gpfs", "beegfs", "ocfs2", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "davfs", "fuse.davfs2"}
)


def prepare(path: Path, *, create: bool) -> None:
    """Makes sure that ``path`` is a catalog of this release, creating or migrating it as needed.

    A new catalog is made complete under another name and linked into place, so that no half-made one is ever seen,
    and of two processes that create it at once both use the same.

    Raises:
        StorageError: HW410 it cannot be opened; HW411 it is no catalog; HW412 it is damaged; HW413 a newer
            Headwater made it; HW414 it lies on a network file system.
    """
    refuse_network(path.parent)
    if not is_there(path):
        if not create:
            raise StorageError("HW410", "there is no catalog yet", where=str(path), hint="materialize something first")
        _create(path)
    with explained(path):
        if path.stat().st_size == 0:
            raise StorageError("HW411", "the catalog's file is empty", where=str(path), hint="restore it from a backup")
        version = _version(path)
    if version > CATALOG_VERSION:
        raise StorageError(
            "HW413",
            "a newer Headwater made this catalog",
            where=str(path),
            why=f"it has version {version}, this release knows {CATALOG_VERSION}",
            hint="upgrade headwater",
        )
    if version < CATALOG_VERSION:
        _migrate(path)


def connect(path: Path, durability: str) -> sqlite3.Connection:
    """A connection in autocommit mode with this catalog's settings; transactions are begun by hand."""
    with explained(path):
        connection = sqlite3.connect(
            _uri(path),
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma recursive_triggers = on")  # else `insert or replace` would slip past the guards
        connection.execute(f"pragma synchronous = {DURABILITY[durability]}")
        connection.execute("pragma cache_size = -16000")
    return connection


def is_there(path: Path) -> bool:
    """Whether there is a file of a catalog.

    Raises:
        StorageError: HW410, that cannot be told: the path is too long, or leads through a folder that may not be read.
    """
    with explained(path):
        return path.exists()


def file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path, so that another one in its place is told from it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_network(folder: Path) -> None:
    """Refuses a folder on a network file system, where SQLite's locks and shared memory do not hold.

    Detected on Linux only, from the table of mounts.

    Raises:
        StorageError: HW414.
    """
    kind = file_system(folder)
    if kind in _NETWORK:
        raise StorageError(
            "HW414",
            f"the catalog cannot lie on a network file system ({kind})",
            where=str(folder),
            hint="put [catalog] path on a local disk",
        )


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turns SQLite's and the system's errors on the catalog's file into ones that say what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            raise RefusedError(
                "HW740",
                "another process keeps the catalog busy",
                where=str(path),
                why=f"waited {BUSY_SECONDS:.0f} seconds",
                hint="try again when it has finished",
            ) from error
        if "full" in text:
            raise StorageError("HW415", "no space left for the catalog", where=str(path), why=text) from error
        hint = "copy the project to where it can be written" if read_only(path.parent) else ""
        raise StorageError(
            "HW410", "the catalog cannot be read or written", where=str(path), why=text, hint=hint
        ) from error
    except sqlite3.IntegrityError as error:
        raise StorageError("HW416", "the catalog refuses this record", where=str(path), why=str(error)) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a text of SQLite's own may be no text any more
        text = str(error)
        if "not a database" in text:
            raise StorageError(
                "HW411",
                "this file is no catalog",
                where=str(path),
                why=text,
                hint="restore it from a backup; it is never recreated by itself",
            ) from error
        raise StorageError(
            "HW412",
            "the catalog is damaged",
            where=str(path),
            why=text,
            hint="restore it from a backup; it is never recreated by itself",
        ) from error
    except OSError as error:
        raise StorageError(
            "HW410", "the catalog cannot be opened", where=str(path), why=f"{type(error).__name__}: {error}"
        ) from error


def _uri(path: Path) -> str:
    """What SQLite is to open: the file for reading and writing, for reading only where its file system is read-only.

    There SQLite cannot make the index that it wants beside the file, and needs none unless a log lies there.
    """
    if not read_only(path.parent):
        return (
            f"{path.absolute().as_uri()}?mode=rw"  # not rwc: what vanished while it was open must not come back empty
        )
    log = path.with_name(path.name + "-wal")
    logged = log.exists() and log.stat().st_size > 0
    return f"{path.absolute().as_uri()}?mode=ro{'' if logged else '&immutable=1'}"


def _version(path: Path) -> int:
    connection = sqlite3.connect(_uri(path), uri=True, timeout=BUSY_SECONDS)
    try:
        mark = connection.execute("pragma application_id").fetchone()[0]
        if mark != APPLICATION_ID:
            raise StorageError(
                "HW411",
                "this file is an SQLite database, but no catalog of Headwater",
                where=str(path),
                hint="point [catalog] path somewhere else",
            )
        version: int = connection.execute("pragma user_version").fetchone()[0]
        return version
    finally:
        connection.close()


def _migrate(path: Path) -> None:
    connection = connect(path, "full")
    try:
        with explained(path):
            migrate(connection)
    finally:
        connection.close()


def _create(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if log.exists():
        raise StorageError(
            "HW412",
            "the catalog's file is gone, but its write-ahead log is there",
            where=str(log),
            hint="restore the catalog from a backup, or move the log away to begin anew",
        )
    making = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    with explained(path):
        above = folders_above(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        making.unlink(missing_ok=True)
        connection = sqlite3.connect(making, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            migrate(connection)
        finally:
            connection.close()
        try:
            _into_place(making, path)
        finally:
            making.unlink(missing_ok=True)
        sync_folders([path.parent, *above])


def _into_place(making: Path, path: Path) -> None:
    with suppress(FileExistsError):  # another process was faster, and its catalog is as good
        try:
            os.link(making, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if not path.exists():
                making.rename(path)
