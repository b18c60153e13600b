"""What may be forgotten without loss: digests of files, derivations, projections computed later. Not evidence.

So nothing is kept, and nothing said, where the file system is mounted read-only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection, OperationalError

from assets_core.records import Derivation
from lineage.catalog import coding
from lineage.catalog.batch import immediate
from lineage.catalog.connect import explained
from lineage.catalog.packing import pack_id, pack_text, to_json, unpack_text
from lineage.catalog.values import FileStamp
from lineage.file_systems import read_only

_REMEMBER_FILE = (
    "insert or replace into file_digest (path, size, mtime_ns, ctime_ns, inode, digest) values (?, ?, ?, ?, ?, ?)"
)


class Caches:
    """Remembers and recalls.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.RLock()

    def remember_files(self, digests: Mapping[FileStamp, str]) -> None:
        """Remembers the content digests of files as they were when they had these stamps."""
        self._insert(_REMEMBER_FILE, [(*stamp, digest) for stamp, digest in digests.items()])

    def offer_file(self, stamp: FileStamp, digest: str) -> None:
        """The same of one file, unless that would take waiting: nothing is kept while another process writes, and where
        nobody may write.
        """
        connection = self._connection()
        with self._lock, suppress(OperationalError), _without_waiting(connection), immediate(connection):
            connection.execute(_REMEMBER_FILE, (*stamp, digest))

    def file_digests(self, stamps: Collection[FileStamp]) -> dict[FileStamp, str]:
        """The digests of the files that are exactly as they were when they were read."""
        wanted = set(stamps)
        query = (
            "select path, size, mtime_ns, ctime_ns, inode, digest from file_digest"
            " where path in (select value from json_each(?))"
        )
        with explained(self._path):
            rows = self._connection().execute(query, (to_json([stamp.path for stamp in stamps]),))
            found = {FileStamp(*row[:5]): row[5] for row in rows}
        return {stamp: digest for stamp, digest in found.items() if stamp in wanted}

    def remember_derivations(self, derivations: Mapping[str, Derivation]) -> None:
        """Remembers derivations by the digest of all that they depend on."""
        self._insert(
            "insert or replace into derivation (key, body) values (?, ?)",
            [(key, pack_text(coding.derivation_text(one))) for key, one in derivations.items()],
        )

    def derivation(self, key: str) -> Derivation | None:
        """The derivation remembered under this key."""
        with explained(self._path):
            found = self._connection().execute("select body from derivation where key = ?", (key,)).fetchone()
        return None if found is None else coding.derivation_value(unpack_text(found[0]))

    def add_projection(self, materialization_id: str, columns: tuple[str, ...], digest: str) -> None:
        """Remembers the version of a projection that was computed from the stored data later on.

        Records read from then on carry it among their projections.

        Arguments:
            columns: sorted names, as ``DataVersion.projections`` has them.
        """
        self.add_projections({materialization_id: digest}, columns)

    def add_projections(self, digests: Mapping[str, str], columns: tuple[str, ...]) -> None:
        """The same for several materializations, by their ids, in one transaction."""
        text = to_json(columns)
        self._insert(
            "insert or replace into projection (materialization, columns, digest)"
            " select sequence, ?, ? from materialization where id = ?",
            [(text, digest, pack_id(materialization_id)) for materialization_id, digest in digests.items()],
        )

    def _insert(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        if not rows or read_only(self._path.parent):
            return
        with self._lock, explained(self._path):
            connection = self._connection()
            with immediate(connection):
                connection.executemany(statement, rows)


@contextmanager
def _without_waiting(connection: Connection) -> Generator[None]:
    """What is locked is told at once inside."""
    (usual,) = connection.execute("pragma busy_timeout").fetchone()
    connection.execute("pragma busy_timeout = 0")
    try:
        yield
    finally:
        connection.execute(f"pragma busy_timeout = {usual}")
