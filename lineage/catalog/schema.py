"""The evidence tables as data: one description that writing, hashing, verifying and decoding all follow.

Every evidence row has the ``sequence`` of the log entry that covers it; the rows that one step leaves for one slot, a
materialization, its publication and the step, share an entry. References to interned things are numbers in
the file, and are resolved before hashing, so that an entry's hash covers what a record says and not how it is packed.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

APPLICATION_ID = 0x48445752
"""``HDWR``: marks an SQLite file as a catalog of Headwater."""


class Kind(IntEnum):
    """The kinds of evidence: a bit each, because one log entry may cover a row of several tables."""

    RUN = 1
    RUN_END = 2
    MATERIALIZATION = 4
    PUBLICATION = 8
    STEP = 16
    LATER_CHECK = 32
    RETIREMENT = 64
    CHANGE = 128
    HOLD = 256
    PARTITION_KEY = 512
    ACCEPTANCE = 1024


class Refers(StrEnum):
    """What the number in a column stands for, and so what of it is hashed."""

    NOTHING = "nothing"
    """A plain value, hashed as it is."""
    ENTRY = "entry"
    """The sequence of an earlier entry; the sequence itself is hashed, being the identity of that record."""
    CONTENT = "content"
    """Interned text; its digest is hashed."""
    SLOT = "slot"
    """An interned slot; asset key and partition key are hashed."""
    ENVIRONMENT = "environment"
    """An interned environment; its name is hashed."""
    PARTS = "parts"
    """A packed list of readings; the digest of each is hashed."""


class Column(NamedTuple):
    """One column of an evidence table, ``sequence`` apart."""

    name: str
    refers: Refers = Refers.NOTHING


class Table(NamedTuple):
    """One evidence table: its columns in the order in which they are hashed. New columns go to the end."""

    kind: Kind
    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, ``sequence`` first."""
        return ("sequence", *(column.name for column in self.columns))

    @property
    def insert(self) -> str:
        """The statement that adds a row."""
        marks = ", ".join("?" * len(self.names))
        return f"insert into {self.name} ({', '.join(self.names)}) values ({marks})"  # noqa: S608 - our own names


def _columns(text: str) -> tuple[Column, ...]:
    parts = (word.partition(":") for word in text.split())
    return tuple(Column(name, Refers(refers or "nothing")) for name, _, refers in parts)


TABLES: dict[Kind, Table] = {
    table.kind: table
    for table in (
        Table(
            Kind.RUN,
            "run",
            _columns(
                "id environment:environment started actor command selection process:content asked:content parent:entry"
            ),
        ),
        Table(Kind.RUN_END, "run_end", _columns("run:entry state ended counts:content reason")),
        Table(
            Kind.MATERIALIZATION,
            "materialization",
            _columns(
                "id slot:slot kind run:entry created schema:content rows shape:content digests blocked"
                " seconds cpu_seconds storage location bytes digest lineage:content checks:content metadata:content"
                " recipe recipe_slot:slot window code:content inputs:content parts:parts settings:content"
                " source:content"
            ),
        ),
        Table(
            Kind.PUBLICATION,
            "publication",
            _columns("environment:environment slot:slot materialization:entry previous:entry run:entry"),
        ),
        Table(
            Kind.STEP,
            "step",
            _columns(
                "run:entry slot:slot state reasons:content materialization:entry error:content attempts seconds output"
            ),
        ),
        Table(Kind.LATER_CHECK, "later_check", _columns("materialization:entry run:entry results:content")),
        Table(Kind.RETIREMENT, "retirement", _columns("materialization:entry how reason run:entry")),
        Table(
            Kind.CHANGE,
            "change",
            _columns("run:entry verb environment:environment origin:environment seen frozen"),
        ),
        Table(Kind.HOLD, "hold", _columns("run:entry environment:environment slot:slot held")),
        Table(Kind.PARTITION_KEY, "partition_key", _columns("run:entry name key retired")),
        Table(
            Kind.ACCEPTANCE,
            "acceptance",
            _columns(
                "run:entry environment:environment slot:slot materialization:entry code:content source:content"
                " decided:entry"
            ),
        ),
    )
}
"""Every evidence table by its kind."""

INTERNED = ("environment", "slot", "content", "reading")
"""Tables of things that evidence refers to by number; they are append-only as well."""

APPEND_ONLY = ("log", *INTERNED, "output", *(table.name for table in TABLES.values()))
"""Tables whose rows the file itself refuses to change or delete."""
