"""One writing transaction: rows are gathered, hashed into the log, and inserted together at its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from assets_core.errors import StorageError
from lineage.catalog.chain import Canon, entry_hash
from lineage.catalog.interning import Interner
from lineage.catalog.packing import pack_id, to_json
from lineage.catalog.schema import TABLES, Kind
from lineage.crash_points import crash_point

_ORDER = (
    Kind.RUN,
    Kind.RUN_END,
    Kind.CHANGE,
    Kind.MATERIALIZATION,
    Kind.PUBLICATION,
    Kind.HOLD,
    Kind.ACCEPTANCE,
    Kind.STEP,
    Kind.LATER_CHECK,
    Kind.RETIREMENT,
    Kind.PARTITION_KEY,
)


class Batch:
    """The evidence of one transaction.

    Arguments:
        connection: inside an immediate transaction.
        canon: hashes with the names that ``intern`` gives.
        at: the moment of the transaction, in microseconds.
    """

    def __init__(self, connection: sqlite3.Connection, intern: Interner, canon: Canon, at: int) -> None:
        self.connection = connection
        self.intern = intern
        self.at = at
        self._canon = canon
        self._entries: list[tuple[int, bytes]] = []
        self._rows: dict[Kind, list[tuple[Any, ...]]] = {kind: [] for kind in _ORDER}
        row = connection.execute("select sequence, hash from head where one = 1").fetchone()
        if row is None:
            raise StorageError("HW412", "the note of the log's end is gone", hint="headwater audit verify")
        self.sequence: int = row[0]
        self._hash: bytes = row[1]
        intern.begin(connection)

    def add(self, kind: Kind, *values: object) -> int:
        """Adds one row of evidence with an entry of its own.

        Arguments:
            values: its columns in the order of ``schema.TABLES``.

        Returns:
            The sequence of its entry in the log.
        """
        self.sequence += 1
        self._entries.append((int(kind), self._canon.content(kind, values)))
        self._rows[kind].append((self.sequence, *values))
        return self.sequence

    def add_beside(self, entry: int | None, kind: Kind, *values: object) -> int:
        """Adds one row of evidence to an entry of this transaction where it has room, else as ``add`` does.

        There is room when the entry covers only kinds that come before this one.
        """
        place = -1 if entry is None else entry - self.sequence + len(self._entries) - 1
        if entry is None or place < 0 or self._entries[place][0] >= kind:
            return self.add(kind, *values)
        covers, content = self._entries[place]
        self._entries[place] = (covers | kind, content + self._canon.content(kind, values))
        self._rows[kind].append((entry, *values))
        return entry

    def flush(self) -> None:
        """Inserts everything gathered, in the order that foreign keys ask for; may be called again for more."""
        insert = self.connection.executemany
        self.intern.flush()
        if not self._entries:
            return
        insert("insert into log (sequence, covers, at, hash) values (?, ?, ?, ?)", self._hashed())
        for kind in _ORDER:
            if self._rows[kind]:
                insert(TABLES[kind].insert, self._rows[kind])
                self._rows[kind] = []
            if kind is Kind.MATERIALIZATION:
                self.intern.flush_readings()
        self._entries = []
        self.connection.execute("update head set sequence = ?, hash = ? where one = 1", (self.sequence, self._hash))

    def _hashed(self) -> list[tuple[int, int, int, bytes]]:
        first = self.sequence - len(self._entries) + 1
        log = []
        for sequence, (covers, content) in enumerate(self._entries, first):
            self._hash = entry_hash(self._hash, sequence, covers, self.at, content)
            log.append((sequence, covers, self.at, self._hash))
        return log


class Current:
    """What every slot of one environment shows now, as far as a transaction touches it.

    A row is: materialization shown, its publication, last step, newest blocked materialization since; the id of what is
    shown, the standing under which it was last found fresh, and what its inputs showed then.
    """

    def __init__(self, connection: sqlite3.Connection, environment: int) -> None:
        self._connection = connection
        self._environment = environment
        self._rows: dict[int, list[Any]] = {}
        self._touched: set[int] = set()

    def shown(self, slot: int) -> int | None:
        """The entry of the materialization that a slot shows."""
        entry: int | None = self._row(slot)[0]
        return entry

    def show(self, slot: int, materialization: int | None, publication: int, identifier: str | None) -> None:
        """Moves the pointer; what was blocked before is older than what is shown now.

        Arguments:
            identifier: the id of the materialization.
        """
        row = self._touch(slot)
        row[0], row[1], row[3] = materialization, publication, None
        row[4:] = None if identifier is None else pack_id(identifier), None, None

    def judge(self, slot: int, identifier: str, standing: int, basis: bytes) -> None:
        """Notes that what a slot shows was found fresh, if it still shows that."""
        if self._row(slot)[4] == pack_id(identifier):
            self._touch(slot)[5:] = standing, basis

    def judge_like(self, other: Current, slots: Iterable[int]) -> None:
        """Notes that slots were found fresh where they show the same in another environment, and were found so there.

        Whether that holds here is told by their standing and by what their inputs show, as it is of any other.
        """
        slots = [*slots]
        other.fetch(slots)
        for slot in slots:
            identifier, *judged = other._row(slot)[4:]
            if identifier is not None and identifier == self._row(slot)[4]:
                self._touch(slot)[5:] = judged

    def step(self, slot: int, step: int) -> None:
        """Notes the last step of a slot."""
        self._touch(slot)[2] = step

    def block(self, slot: int, materialization: int) -> None:
        """Notes a blocked materialization."""
        self._touch(slot)[3] = materialization

    def flush(self) -> None:
        """Writes the rows that were touched."""
        rows: list[Sequence[Any]] = [(self._environment, slot, *self._rows[slot]) for slot in sorted(self._touched)]
        self._connection.executemany(
            "insert into current (environment, slot, materialization, publication, step, blocked, id, judged, basis)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (environment, slot) do update set"
            " materialization = excluded.materialization, publication = excluded.publication,"
            " step = excluded.step, blocked = excluded.blocked,"
            " id = excluded.id, judged = excluded.judged, basis = excluded.basis",
            rows,
        )

    def _touch(self, slot: int) -> list[Any]:
        self._touched.add(slot)
        return self._row(slot)

    def fetch(self, slots: Iterable[int]) -> None:
        """Reads the rows of several slots at once."""
        missing = [slot for slot in slots if slot not in self._rows]
        found = self._connection.execute(
            "select slot, materialization, publication, step, blocked, id, judged, basis from current"
            " where environment = ? and slot in (select value from json_each(?))",
            (self._environment, to_json(missing)),
        )
        self._rows.update({slot: [None] * 7 for slot in missing})
        self._rows.update({slot: row for slot, *row in found})

    def _row(self, slot: int) -> list[Any]:
        if slot not in self._rows:
            self.fetch([slot])
        return self._rows[slot]


@contextmanager
def immediate(connection: sqlite3.Connection) -> Generator[None]:
    """A writing transaction that takes its lock at the beginning: a deferred one could fail half-way as ``locked``."""
    connection.execute("begin immediate")
    try:
        crash_point("transaction.begun")
        yield
        crash_point("transaction.commit")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
    crash_point("transaction.committed")
