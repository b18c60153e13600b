"""Slots that other tools may not see as they are published: not shown yet, or not to be written. Not evidence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from sqlite3 import Connection

from assets_core.keys import Slot
from lineage.catalog.batch import immediate
from lineage.catalog.connect import explained


class Faces:
    """Remembers the slots whose published face is behind, until it has been brought up to date.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.RLock()

    def faces_behind(self) -> dict[tuple[str, str], set[Slot]]:
        """By environment and storage, the slots whose face is behind."""
        found: dict[tuple[str, str], set[Slot]] = {}
        with explained(self._path):
            rows = self._connection().execute("select environment, storage, asset, partition from face_behind")
            for env, storage, asset, partition in rows:
                found.setdefault((env, storage), set()).add(Slot(asset, partition or None))
        return found

    def note_face(self, env: str, storage: str, slots: Iterable[Slot], *, behind: bool) -> None:
        """Notes that the face of slots is behind in a storage, or that it is not any more."""
        with self._lock, explained(self._path):
            connection = self._connection()
            with immediate(connection):
                note_face(connection, env, storage, slots, behind=behind)


def note_face(connection: Connection, env: str, storage: str, slots: Iterable[Slot], *, behind: bool) -> None:
    """See ``Faces.note_face``; inside a transaction."""
    statement = (
        "insert or ignore into face_behind (environment, storage, asset, partition) values (?, ?, ?, ?)"
        if behind
        else "delete from face_behind where environment = ? and storage = ? and asset = ? and partition = ?"
    )
    connection.executemany(statement, [(env, storage, slot.asset, slot.partition or "") for slot in slots])
