"""Proving from the catalog and the stored data that nothing was altered, lost or invented."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import NoneType

from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from assets_core.records import Stored
from lineage.catalog.packing import unpack_hex, unpack_id, unpack_location
from lineage.catalog.store import Catalog
from lineage.catalog.values import Head, LogEntry, Retired
from lineage.catalog.verification import Fault, Finding, Verification

__all__ = ["AuditReport", "Fault", "Finding", "log", "verify"]

_STORED = """
select m.sequence, m.id, s.asset, s.partition, m.storage, m.location, m.bytes, m.digest
from materialization m join slot s on s.number = m.slot where m.storage is not null order by m.sequence
"""
_PRUNED = "select materialization from retirement where how = ?"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a verification found.

    Arguments:
        records: how many log entries were checked.
        files: how many stored data were compared with their records.
        head: the end of the log that was verified, worth noting outside: only against such a note can it be
            proved that the end of the log was not cut off by somebody who covered the traces.
    """

    findings: tuple[Finding, ...]
    records: int
    files: int
    head: Head

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(
    catalog: Catalog,
    digest_of: Callable[[Stored], str | None],
    *,
    data: bool = True,
    anchor: Head | None = None,
) -> AuditReport:
    """Recomputes the hash chain from what every record says now, and compares stored data with its digests.

    Works on one state of the catalog while others write. Cost: less than 0.1 ms an entry, and reading all data.

    Arguments:
        digest_of: the digest of stored data as it is now, made as ``Stored.digest`` was; None if it is gone; what it
            raises is a finding.
        data: whether to look at stored data at all.
        anchor: the head of the log as somebody noted it earlier; the log must still pass through it.
    """
    kept: list[_Kept] = []
    with catalog.reading() as connection, _any_text(connection):
        check = Verification(connection)
        for part in (check.file, check.interned, lambda: check.chain(anchor), check.pointers):
            with _damage(check, catalog):
                part()
        if data:
            with _damage(check, catalog):
                kept = [one for row in connection.execute(_STORED) if (one := _kept(check, *row))]
    # Reading the data takes long, and is done outside so that the catalog's write-ahead log does not grow meanwhile.
    files = _compare(catalog, kept, digest_of, check.findings)
    return AuditReport(tuple(check.findings), check.records, files, check.head)


@contextmanager
def _any_text(connection: sqlite3.Connection) -> Generator[None]:
    """Text that is no UTF-8 is read as well inside: it is a finding, and not the end of reading."""
    usual = connection.text_factory
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = usual


@contextmanager
def _damage(check: Verification, catalog: Catalog) -> Generator[None]:
    """What SQLite cannot read is a finding, and the rest is looked at all the same."""
    try:
        yield
    except sqlite3.Error as error:
        check.add(Fault.DAMAGED, f"the catalog cannot be read to its end: {error}", str(catalog.path))


def log(catalog: Catalog, limit: int = 50, asset: str | None = None) -> list[LogEntry]:
    """What was recorded last, newest first; only that about one asset if it is given."""
    return catalog.log(limit, asset=asset)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Stored data and the log entry of the record that speaks of it."""

    sequence: int
    stored: Stored
    where: str


def _kept(
    check: Verification,
    sequence: int,
    made: bytes | str,
    asset: str,
    partition: str | None,
    storage: str,
    location: str,
    size: int,
    digest: bytes | str,
) -> _Kept | None:
    if not check.typed(
        f"log {sequence}, materialization",
        id=(made, bytes, str),
        asset=(asset, str),
        partition=(partition, str, NoneType),
        storage=(storage, str),
        location=(location, str, NoneType),
        bytes=(size, int, NoneType),
        digest=(digest, bytes, str, NoneType),
    ):
        return None
    identifier = unpack_id(made)
    stored = Stored(storage, unpack_location(location or "", identifier), size, unpack_hex(digest or ""))
    place = f"{Slot(asset, partition)}, {storage}:{stored.location}"
    return _Kept(sequence, stored, f"{place} (log {sequence}, materialization {identifier})")


def _compare(
    catalog: Catalog, kept: list[_Kept], digest_of: Callable[[Stored], str | None], findings: list[Finding]
) -> int:
    """Adds what is wrong with stored data, and gives the number of those compared."""
    compared = 0
    pruned: set[int] | None = None
    for one in kept:
        found, lost = None, "the data is gone"
        try:
            found = digest_of(one.stored)
        except HeadwaterError as error:
            lost = f"the data cannot be read: {error.what}"
        if found is not None:
            compared += 1
            if found != one.stored.digest:
                findings.append(Finding(Fault.DATA_ALTERED.value, "the data is not what was recorded", one.where))
            continue
        if pruned is None:  # asked late, so that what was pruned during the verification counts as well
            with catalog.reading() as connection:
                pruned = {row[0] for row in connection.execute(_PRUNED, (Retired.PRUNED.value,))}
        if one.sequence not in pruned:
            findings.append(Finding(Fault.DATA_MISSING.value, lost, one.where))
    return compared
