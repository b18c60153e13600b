"""Numbers for the things that many records share: environments, slots, texts, readings; and for earlier records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.published import Judged
from lineage.catalog.chain import content_digest, fingerprint, reading_digest
from lineage.catalog.packing import pack_hex, pack_id, pack_text

_LIMIT = 200_000  # entries a cache may hold before it begins anew
_INSERTS = {
    "environment": "insert into environment (number, name) values (?, ?)",
    "slot": "insert into slot (number, asset, partition) values (?, ?, ?)",
    "content": "insert into content (number, digest, body) values (?, ?, ?)",
}
_V = TypeVar("_V", bound=Hashable)


class Interner:
    """Looks up or gives out numbers inside one writing transaction at a time.

    What was given out is remembered between transactions, because numbers never change; after a rollback everything
    is forgotten. It is the ``chain.Names`` of the writer.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forgets everything, for numbers may have been given out that were rolled back."""
        self._environments: dict[str, int] = {}
        self._environment_names: dict[int, str] = {}
        self._slots: dict[Slot, int] = {}
        self._slot_names: dict[int, tuple[str, str | None]] = {}
        self._contents: dict[bytes, int] = {}
        self._content_digests: dict[int, bytes] = {}
        self._values: dict[tuple[str, Hashable], int] = {}
        self._readings: dict[tuple[int, str | None, str], int] = {}
        self._reading_digests: dict[int, bytes] = {}
        self._runs: dict[str, int] = {}
        self._materializations: dict[str, int] = {}
        self._standings: dict[str, int] = {}
        self._new: dict[str, list[tuple[Any, ...]]] = {}
        self._unrecorded: dict[int, tuple[Any, ...]] = {}
        self._next: dict[str, int] = {}

    def begin(self, connection: sqlite3.Connection) -> None:
        """Starts a transaction, in which no other writer can give out numbers."""
        if max(len(self._contents), len(self._readings), len(self._materializations), len(self._values)) > _LIMIT:
            self.forget()
        self._connection = connection
        for number, asset, partition in self._unrecorded.values():
            del self._slots[Slot(asset, partition)], self._slot_names[number]
        self._unrecorded = {}
        self._new = {"environment": [], "slot": [], "content": [], "reading": []}
        self._next = {}

    def flush(self) -> None:
        """Inserts what was given out in this transaction."""
        insert = self._connection.executemany
        for table, statement in _INSERTS.items():
            if self._new[table]:
                insert(statement, self._new[table])
                self._new[table] = []

    def flush_readings(self) -> None:
        """Inserts the readings, which refer to materializations of the same transaction."""
        self._connection.executemany(
            "insert into reading (number, fingerprint, materialization, partition, version) values (?, ?, ?, ?, ?)",
            self._new["reading"],
        )
        self._new["reading"] = []

    def environment(self, name: str) -> int:
        """The number of an environment."""
        number = self._environments.get(name)
        if number is None:
            number = self._look_up("select number from environment where name = ?", name)
            if number is None:
                number = self._give("environment", name)
            self._environments[name] = number
            self._environment_names[number] = name
        return number

    def slot(self, slot: Slot) -> int:
        """The number of a slot; a new one is inserted once a record speaks of it: a name without is an invented one.

        Raises:
            StorageError: HW416, its partition key is empty, which the file could not tell from having none.
        """
        number = self._slots.get(slot)
        if number is None:
            asset, partition = slot
            if partition == "":
                raise StorageError("HW416", "a partition key cannot be empty", where=asset)
            number = self._look_up(
                "select number from slot where asset = ? and ifnull(partition, '') = ?", asset, partition or ""
            )
            if number is None:
                number = self._give("slot", asset, partition)
            self._slots[slot] = number
            self._slot_names[number] = (asset, partition)
        return number

    def content(self, text: str) -> int:
        """The number of a text, which is kept once."""
        digest = content_digest(text)
        number = self._contents.get(digest)
        if number is None:
            number = self._look_up("select number from content where digest = ?", digest)
            if number is None:
                number = self._give("content", digest, pack_text(text))
            self._contents[digest] = number
            self._content_digests[number] = digest
        return number

    def value(self, kind: str, value: _V, text: Callable[[_V], str]) -> int:
        """The number of the text of a value; the text is made only for values not seen before.

        Arguments:
            kind: tells values apart that compare equal and have different texts.
        """
        key = (kind, value)
        number = self._values.get(key)
        if number is None:
            number = self._values[key] = self.content(text(value))
        return number

    def reading(self, materialization: str, partition: str | None, version: str) -> int:
        """The number of one reading: a materialization in the version that a reader of some columns compares."""
        entry = self.materialization(materialization)
        key = (entry, partition, version)
        number = self._readings.get(key)
        if number is None:
            packed = pack_hex(version)
            digest = reading_digest(entry, partition, packed)
            number = self._look_up(
                "select number from reading where fingerprint = ? and materialization = ? and partition is ?"
                " and version = ?",
                fingerprint(digest),
                entry,
                partition,
                packed,
            )
            if number is None:
                number = self._give("reading", fingerprint(digest), entry, partition, packed)
            self._readings[key] = number
            self._reading_digests[number] = digest
        return number

    def standing(self, judged: Judged) -> int:
        """The number of the standing under which a slot was found fresh."""
        number = self._standings.get(judged.standing)
        if number is None:
            number = self._look_up("select number from standing where digest = ?", judged.standing)
            if number is None:
                values = (judged.standing, judged.about)
                made = self._connection.execute("insert into standing (digest, about) values (?, ?)", values)
                number = made.lastrowid or 0
            self._standings[judged.standing] = number
        return number

    def run(self, identifier: str) -> int:
        """The entry of a run.

        Raises:
            StorageError: HW417, it was never begun.
        """
        entry = self._runs.get(identifier)
        if entry is None:
            entry = self._look_up("select sequence from run where id = ?", pack_id(identifier))
            if entry is None:
                raise StorageError("HW417", f"the catalog knows no run {identifier!r}", hint="begin the run first")
            self._runs[identifier] = entry
        return entry

    def materialization(self, identifier: str) -> int:
        """The entry of a materialization.

        Raises:
            StorageError: HW417, it was never recorded.
        """
        entry = self._materializations.get(identifier)
        if entry is None:
            entry = self._look_up("select sequence from materialization where id = ?", pack_id(identifier))
            if entry is None:
                raise StorageError("HW417", f"the catalog knows no materialization {identifier!r}")
            self._materializations[identifier] = entry
        return entry

    def note_run(self, identifier: str, entry: int) -> None:
        """Remembers a run recorded in this transaction."""
        self._runs[identifier] = entry

    def note_materialization(self, identifier: str, entry: int) -> None:
        """Remembers a materialization recorded in this transaction."""
        self._materializations[identifier] = entry

    def content_digest(self, number: int) -> bytes:
        """The digest of a text that was numbered here."""
        return self._content_digests[number]

    def slot_name(self, number: int) -> tuple[str, str | None]:
        """A slot that was numbered here, and that is being recorded."""
        if number in self._unrecorded:
            self._new["slot"].append(self._unrecorded.pop(number))
        return self._slot_names[number]

    def environment_name(self, number: int) -> str:
        """The name of an environment that was numbered here."""
        return self._environment_names[number]

    def reading_digest(self, number: int) -> bytes:
        """The digest of a reading that was numbered here."""
        return self._reading_digests[number]

    def _look_up(self, query: str, *parameters: object) -> int | None:
        row = self._connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]

    def _give(self, table: str, *values: object) -> int:
        number = self._next.get(table)
        if number is None:
            # Nobody else can add rows before this transaction ends.
            number = (self._look_up(f"select max(number) from {table}") or 0) + 1  # noqa: S608 - our own names
        self._next[table] = number + 1
        if table == "slot":
            self._unrecorded[number] = (number, *values)
        else:
            self._new[table].append((number, *values))
        return number
