"""Verifying the catalog against itself: the hash chain, what records share, and what slots show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from types import NoneType
from typing import Any, NamedTuple

from assets_core.keys import Slot
from lineage.catalog.chain import START, Canon, content_digest, entry_hash, fingerprint, reading_digest
from lineage.catalog.coding import unpack_parts
from lineage.catalog.decoding import BROKEN
from lineage.catalog.migrate import guards
from lineage.catalog.packing import storable, unpack_text
from lineage.catalog.schema import APPEND_ONLY, TABLES, Kind, Refers
from lineage.catalog.values import Head

_SHOWN = """
select c.environment, c.slot, c.materialization, c.publication, c.step, c.blocked, c.id is m.id
from current c left join materialization m on m.sequence = c.materialization
"""


class Fault(StrEnum):
    """What a finding is about, as a stable code."""

    ALTERED = "HW450"
    """A record is not what its log entry was made of."""
    MISSING = "HW451"
    """A record or a log entry is gone."""
    INSERTED = "HW452"
    """There is a record that the log does not know."""
    DANGLING = "HW453"
    """A record refers to something that is not there."""
    POINTER = "HW454"
    """A slot shows something else than what was last published."""
    UNGUARDED = "HW455"
    """The triggers that keep records from being changed are not as they were made."""
    DAMAGED = "HW456"
    """SQLite finds the file itself inconsistent."""
    DATA_MISSING = "HW457"
    """Stored data is gone or cannot be read, and was not pruned."""
    DATA_ALTERED = "HW458"
    """Stored data is not what was recorded."""


class Finding(NamedTuple):
    """One thing that is wrong.

    Arguments:
        code: a value of ``Fault``.
        what: one sentence.
        where: the log entry, slot or location.
    """

    code: str
    what: str
    where: str


@dataclass(slots=True)
class Names:
    """Resolves numbers to what the rows say now, not to what they once said."""

    environments: dict[int, str] = field(default_factory=dict)
    slots: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    readings: dict[int, bytes] = field(default_factory=dict)

    def content_digest(self, number: int) -> bytes:
        """The digest that an interned text has now."""
        return self.contents[number]

    def slot_name(self, number: int) -> tuple[str, str | None]:
        """Asset key and partition key of a slot."""
        return self.slots[number]

    def environment_name(self, number: int) -> str:
        """The name of an environment."""
        return self.environments[number]

    def reading_digest(self, number: int) -> bytes:
        """The digest that a reading has now."""
        return self.readings[number]


class _Rows:
    """The rows of one evidence table, taken in step with the log."""

    def __init__(self, connection: sqlite3.Connection, kind: Kind) -> None:
        self.name = TABLES[kind].name
        columns = ", ".join(TABLES[kind].names)
        self._rows: Iterator[tuple[Any, ...]] = connection.execute(
            f"select {columns} from {self.name} order by sequence"  # noqa: S608 - our own names
        )
        self._next: tuple[Any, ...] | None = next(self._rows, None)

    def before(self, sequence: int) -> Iterator[int]:
        """The sequences of rows that come earlier and that nobody took."""
        while self._next is not None and self._next[0] < sequence:
            yield self._next[0]
            self._next = next(self._rows, None)

    def take(self, sequence: int) -> tuple[Any, ...] | None:
        """The row of this sequence, None if there is none."""
        row: tuple[Any, ...] | None = self._next
        if row is None or row[0] != sequence:
            return None
        self._next = next(self._rows, None)
        return row


class Verification:
    """One pass over a catalog; ``findings``, ``records`` and ``head`` are what comes of it.

    Arguments:
        connection: sees one state of the catalog.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.findings: list[Finding] = []
        self.records = 0
        self.head = Head(0, START.hex())
        self._connection = connection
        self._names = Names()
        self._used: dict[Refers, set[int]] = {refers: set() for refers in Refers}
        self._current: dict[tuple[int, int], list[int | None]] = {}
        self._run_environments: dict[int, int] = {}
        self._outputs: set[bytes] = set()

    def add(self, fault: Fault, what: str, where: str) -> None:
        """Notes a finding."""
        self.findings.append(Finding(fault.value, storable(what), storable(where)))

    def typed(self, where: str, **values: tuple[object, type, *tuple[type, ...]]) -> bool:
        """Whether values are of the types that are recorded there, else a finding: SQLite keeps what it is given.

        Arguments:
            values: by the names of their columns, each with the types that it may have; text must be readable too.
        """
        wrong = [
            name
            for name, (value, *types) in values.items()
            if not isinstance(value, tuple(types)) or (isinstance(value, str) and storable(value) != value)
        ]
        if wrong:
            self.add(Fault.ALTERED, f"what it has for {' and '.join(wrong)} is of another type than is recorded", where)
        return not wrong

    def file(self) -> None:
        """The file as SQLite sees it, references between rows, and the guards."""
        for (text,) in self._connection.execute("pragma integrity_check"):
            if text != "ok":
                self.add(Fault.DAMAGED, f"the file is inconsistent: {text}", "catalog")
        for table, row, parent, _ in self._connection.execute("pragma foreign_key_check"):
            self.add(Fault.DANGLING, f"it refers to a row of {parent} that is not there", f"{table} {row}")
        found = dict(self._connection.execute("select name, sql from sqlite_master where type = 'trigger'"))
        for table in APPEND_ONLY:
            for name, statement in guards(table).items():
                # SQLite writes the first two words in its own way.
                if found.pop(name, "").lower() != statement:
                    self.add(Fault.UNGUARDED, "the trigger that keeps its rows as they are is not there", table)
        for name in found:
            self.add(Fault.UNGUARDED, "a trigger that Headwater did not make", name)

    def interned(self) -> None:
        """The things that records share, each against its own digest."""
        names = self._names
        execute = self._connection.execute
        for number, name in execute("select number, name from environment"):
            if self.typed(f"environment {number}", name=(name, str)):
                names.environments[number] = name
        for number, asset, partition in execute("select number, asset, partition from slot"):
            if self.typed(f"slot {number}", asset=(asset, str), partition=(partition, str, NoneType)):
                names.slots[number] = (asset, partition)
        for number, digest, body in execute("select number, digest, body from content"):
            names.contents[number] = self._body_digest(digest, body, f"content {number}")
        for number, short, made, partition, version in execute(
            "select number, fingerprint, materialization, partition, version from reading"
        ):
            digest = names.readings[number] = reading_digest(made, partition, version)
            if fingerprint(digest) != short:
                self.add(Fault.ALTERED, "it does not have the digest that it was recorded with", f"reading {number}")
        for digest, body in execute("select digest, body from output"):
            self._body_digest(digest, body, f"output {_hex(digest)[:12]}")
            self._outputs.add(digest)

    def chain(self, anchor: Head | None) -> None:
        """Every log entry with its rows, in order."""
        canon = Canon(self._names)
        rows = {kind: _Rows(self._connection, kind) for kind in Kind}
        previous: bytes | None = START
        last = Head(0, START.hex())
        anchored = anchor is None or anchor.sequence == 0
        for sequence, covers, at, digest in self._connection.execute(
            "select sequence, covers, at, hash from log order by sequence"
        ):
            if sequence != last.sequence + 1:
                self._missing(last.sequence + 1, sequence - 1)
                previous = None
            for one in rows.values():
                self._inserted(one, sequence)
            known = covers if isinstance(covers, int) else 0
            self._entry(canon, rows, previous, (sequence, known, at, digest))
            previous, last = digest, Head(sequence, _hex(digest))
            self.records += 1
            if anchor is not None and anchor.sequence == sequence:
                anchored = True
                if anchor.hash != last.hash:
                    self.add(Fault.ALTERED, "the log does not have the hash that was noted", f"log {sequence}")
        for one in rows.values():
            self._inserted(one, 2**63 - 1)
        if anchor is not None and not anchored:
            self.add(Fault.MISSING, "the log ends before the entry that was noted", f"log {anchor.sequence}")
        self._end(last)
        self._unused()

    def pointers(self) -> None:
        """What every slot shows against what the log says it should."""
        rows = {}
        renamed = set()
        for environment, slot, *values, own in self._connection.execute(_SHOWN):
            rows[environment, slot] = values
            if not own:  # what is shown in little names another materialization than the pointer does
                renamed.add((environment, slot))
        nothing: list[int | None] = [None, None, None, None]
        for key in sorted(rows.keys() | self._current.keys(), key=repr):  # numbers, unless somebody altered them
            if key in renamed or rows.get(key, nothing) != self._current.get(key, nothing):
                name = Slot(*self._names.slots.get(key[1], ("?", None)))
                env = self._names.environments.get(key[0], "?")
                self.add(Fault.POINTER, f"what it shows in {env} is not what was recorded last", str(name))

    def _body_digest(self, digest: bytes, body: bytes | str, where: str) -> bytes:
        try:
            actual = content_digest(unpack_text(body))
        except BROKEN:
            actual = START
        if actual != digest:
            self.add(Fault.ALTERED, "it does not have the digest that it was recorded with", where)
        return actual

    def _entry(
        self, canon: Canon, rows: dict[Kind, _Rows], previous: bytes | None, entry: tuple[int, int, int, bytes]
    ) -> None:
        sequence, covers, at, digest = entry
        where = f"log {sequence}"
        content = b""
        whole = previous is not None
        kinds = [kind for kind in Kind if covers & kind]
        for kind in kinds:
            row = rows[kind].take(sequence)
            if row is None:
                self.add(Fault.MISSING, f"its {rows[kind].name} is gone", where)
                whole = False
                continue
            where += f", {rows[kind].name}{self._about(kind, row)}"
            try:
                content += canon.content(kind, row[1:])
                self._follow(kind, row, where)
            except BROKEN as error:
                self.add(Fault.ALTERED, f"it does not hang together ({type(error).__name__}: {error})", where)
                whole = False
        if not kinds:
            self.add(Fault.ALTERED, "it covers nothing", where)
        elif whole and previous is not None and entry_hash(previous, sequence, covers, at, content) != digest:
            self.add(Fault.ALTERED, "it is not what was recorded", where)

    def _about(self, kind: Kind, row: tuple[Any, ...]) -> str:
        names = TABLES[kind].names
        slot = row[names.index("slot")] if "slot" in names else None
        return f" of {Slot(*self._names.slots[slot])}" if slot in self._names.slots else ""

    def _follow(self, kind: Kind, row: tuple[Any, ...], where: str) -> None:
        """Notes what a record uses, and what it makes of the slots' pointers."""
        for column, value in zip(TABLES[kind].columns, row[1:], strict=True):
            if value is None:
                continue
            if column.refers is Refers.PARTS:
                self._used[Refers.PARTS].update(*unpack_parts(value))
            elif column.refers not in (Refers.NOTHING, Refers.ENTRY):
                self._used[column.refers].add(value)
        values = dict(zip(TABLES[kind].names, row, strict=True))
        if kind is Kind.RUN:
            self._run_environments[row[0]] = values["environment"]
        elif kind is Kind.PUBLICATION:
            current = self._pointer(values["environment"], values["slot"])
            current[0], current[1], current[3] = values["materialization"], row[0], None
        elif kind is Kind.MATERIALIZATION and values["blocked"]:
            self._pointer(self._run_environments[values["run"]], values["slot"])[3] = row[0]
        elif kind is Kind.STEP:
            current = self._pointer(self._run_environments[values["run"]], values["slot"])
            current[2] = row[0]
            if values["state"] == "blocked" and values["materialization"] is not None:
                current[3] = values["materialization"]
            if values["output"] is not None and values["output"] not in self._outputs:
                self.add(Fault.MISSING, "what it printed, logged or raised is gone", where)

    def _pointer(self, environment: int, slot: int) -> list[int | None]:
        return self._current.setdefault((environment, slot), [None, None, None, None])

    def _missing(self, first: int, last: int) -> None:
        where = f"log {first}" if first == last else f"log {first} to {last}"
        self.add(Fault.MISSING, "entries of the log are gone", where)

    def _inserted(self, rows: _Rows, before: int) -> None:
        for sequence in rows.before(before):
            self.add(Fault.INSERTED, "the log knows nothing of it", f"{rows.name} {sequence}")

    def _end(self, last: Head) -> None:
        row = self._connection.execute("select sequence, hash from head where one = 1").fetchone()
        self.head = last
        if row is None:
            self.add(Fault.MISSING, "the note of the log's end is gone", "head")
            return
        if not self.typed("head", sequence=(row[0], int)):
            return
        noted = Head(row[0], _hex(row[1]))
        if noted.sequence > last.sequence:
            self._missing(last.sequence + 1, noted.sequence)
        elif noted.sequence < last.sequence:
            self.add(Fault.INSERTED, "the log goes on behind its end", f"log {noted.sequence + 1} to {last.sequence}")
        elif noted.hash != last.hash:
            self.add(Fault.ALTERED, "the log does not end with the hash that was noted", f"log {last.sequence}")

    def _unused(self) -> None:
        if any(finding.code in (Fault.ALTERED, Fault.MISSING) for finding in self.findings):
            return  # records that are gone or altered leave behind what only they used
        for what, known, refers in (
            ("environment", self._names.environments, Refers.ENVIRONMENT),
            ("slot", self._names.slots, Refers.SLOT),
            ("content", self._names.contents, Refers.CONTENT),
            ("reading", self._names.readings, Refers.PARTS),
        ):
            for number in sorted(known.keys() - self._used[refers]):
                self.add(Fault.INSERTED, "no record uses it", f"{what} {number}")


def _hex(digest: object) -> str:
    """A digest as it is shown; one that somebody altered may be of another type."""
    return digest.hex() if isinstance(digest, bytes) else repr(digest)
