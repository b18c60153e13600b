"""The hash chain: what of a record is hashed, and how an entry's hash is made of it.

An entry's hash is SHA-256 over the previous entry's hash, its own sequence, the kinds it covers, its moment, and the
canonical content of its rows in the order of their kinds: the kind, then for each column that is not null, in the
order of ``schema.TABLES``, the name and the value in the length-prefixed encoding of ``assets_core.digest``.
Columns added by a later release are null in older rows, so older hashes stay true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Protocol

from assets_core.digest import encode
from lineage.catalog.coding import unpack_parts
from lineage.catalog.schema import TABLES, Kind, Refers

START = bytes(32)
"""What the first entry has as its previous hash."""


class Names(Protocol):
    """Resolves the numbers of interned things while a record is hashed."""

    def content_digest(self, number: int) -> bytes:
        """The digest of an interned text."""

    def slot_name(self, number: int) -> tuple[str, str | None]:
        """Asset key and partition key of a slot."""

    def environment_name(self, number: int) -> str:
        """The name of an environment."""

    def reading_digest(self, number: int) -> bytes:
        """The digest of a reading."""


def reading_digest(materialization: int, partition: str | None, version: bytes | str) -> bytes:
    """What identifies a reading: the entry that was read, as which partition, in which version."""
    return sha256(encode((materialization, partition, version))).digest()


def fingerprint(digest: bytes) -> int:
    """The first eight bytes of a digest as a signed integer, by which a reading is looked up."""
    return int.from_bytes(digest[:8], "big", signed=True)


def content_digest(text: str) -> bytes:
    """The digest of an interned text."""
    return sha256(text.encode()).digest()


def entry_hash(previous: bytes, sequence: int, covers: int, at: int, content: bytes) -> bytes:
    """The hash of a log entry.

    Arguments:
        covers: the kinds of its rows, a bit each.
        content: the canonical content of its rows, one after the other.
    """
    return sha256(encode((previous, sequence, covers, at, content))).digest()


class Canon:
    """Gives the canonical content of evidence rows.

    Arguments:
        names: resolves interned things.
    """

    def __init__(self, names: Names) -> None:
        resolve: dict[Refers, Callable[[Any], Any] | None] = {
            Refers.NOTHING: None,
            Refers.ENTRY: None,
            Refers.CONTENT: names.content_digest,
            Refers.SLOT: names.slot_name,
            Refers.ENVIRONMENT: names.environment_name,
            Refers.PARTS: self._parts,
        }
        self._reading = names.reading_digest
        self._columns = {
            kind: tuple((encode(column.name), resolve[column.refers]) for column in table.columns)
            for kind, table in TABLES.items()
        }

    def content(self, kind: Kind, values: Sequence[Any]) -> bytes:
        """The canonical content of one row.

        Arguments:
            values: the columns of the row in the order of ``schema.TABLES``, without ``sequence``.
        """
        pieces = [encode(int(kind))]
        for (name, resolve), value in zip(self._columns[kind], values, strict=True):
            if value is not None:
                pieces.append(name)
                pieces.append(encode(value if resolve is None else resolve(value)))
        return b"".join(pieces)

    def _parts(self, packed: bytes) -> tuple[bytes, ...]:
        # One text of digests an input: their number follows from its length.
        return tuple(b"".join(map(self._reading, numbers)) for numbers in unpack_parts(packed))
