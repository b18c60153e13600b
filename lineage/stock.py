"""The stock: every piece of stored data that a record names, who still needs it, and what was marked for deletion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection

from assets_core.keys import Slot
from assets_core.records import Stored
from lineage.catalog.packing import unpack_hex, unpack_id, unpack_location, unpack_moment
from lineage.catalog.pruning import POINTED
from lineage.catalog.store import Catalog
from lineage.catalog.values import Retired

_STORED = """
select m.sequence, m.id, s.asset, s.partition, m.storage, m.location, m.bytes, m.digest, m.created, m.blocked
from materialization m join slot s on s.number = m.slot where m.storage is not null order by m.sequence
"""
_REPLACED = """
select p.previous, max(l.at) from publication p join log l on l.sequence = p.sequence
where p.previous is not null group by p.previous
"""
_RETIRED = """
select t.materialization, t.how, max(l.at) from retirement t join log l on l.sequence = t.sequence
group by t.materialization, t.how
"""


@dataclass(frozen=True, slots=True)
class StockRecord:
    """One record that names stored data.

    Arguments:
        blocked: set aside by a check.
        pointed: an environment shows it, or would look at it as the last result that was set aside.
        last_used: when it was last replaced in an environment; when it was made if it never was.
        withdrawn: somebody found it wrong.
        pruned: when its data was marked for deletion; None if it was not.
    """

    id: str
    slot: Slot
    stored: Stored
    created: datetime
    last_used: datetime
    blocked: bool = False
    pointed: bool = False
    withdrawn: bool = False
    pruned: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """One piece of stored data with all records that name it: checks that ran again on stored data share it."""

    stored: Stored
    records: tuple[StockRecord, ...]

    @property
    def slot(self) -> Slot:
        """The slot it was made for."""
        return self.records[0].slot

    @property
    def pointed(self) -> bool:
        """Whether an environment needs it."""
        return any(one.pointed for one in self.records)

    @property
    def last_used(self) -> datetime:
        """When it was last of use to anybody."""
        return max(one.last_used for one in self.records)

    @property
    def marked(self) -> datetime | None:
        """Since when every record of it is marked for deletion; None while one is not."""
        moments = [one.pruned for one in self.records if one.pruned is not None]
        return max(moments) if len(moments) == len(self.records) else None


def stock(catalog: Catalog) -> tuple[Holding, ...]:
    """All stored data that the catalog knows of, in the order in which it was first recorded.

    One state of the catalog; some microseconds a record.
    """
    with catalog.reading() as connection:
        rows = connection.execute(_STORED).fetchall()
        pointed = {row[0] for row in connection.execute(POINTED)}
        replaced = {entry: unpack_moment(at) for entry, at in connection.execute(_REPLACED)}
        withdrawn, pruned = _retired(connection)
    found: dict[tuple[str, str], list[StockRecord]] = {}
    for entry, made, asset, partition, storage, location, size, digest, created, blocked in rows:
        identifier = unpack_id(made)
        place = unpack_location(location or "", identifier)
        made_at = unpack_moment(created)
        record = StockRecord(
            identifier,
            Slot(asset, partition),
            Stored(storage, place, size, unpack_hex(digest or "")),
            made_at,
            max(made_at, replaced.get(entry, made_at)),
            bool(blocked),
            entry in pointed,
            entry in withdrawn,
            pruned.get(entry),
        )
        found.setdefault((storage, place), []).append(record)
    return tuple(Holding(records[0].stored, tuple(records)) for records in found.values())


def shown_assets(catalog: Catalog, env: str) -> set[str]:
    """The keys of all assets and sources of which an environment shows anything; decodes no record."""
    query = (
        "select distinct s.asset from current c join environment e on e.number = c.environment"
        " join slot s on s.number = c.slot where e.name = ? and c.materialization is not null"
    )
    with catalog.reading() as connection:
        return {row[0] for row in connection.execute(query, (env,))}


def to_retire(
    holdings: Iterable[Holding], *, keep: int = 0, unused_since: datetime | None = None
) -> tuple[Holding, ...]:
    """The stored data that nothing needs: no environment points at it and no rule keeps it.

    Arguments:
        keep: of every slot so many of the newest that could still be published, beside what is pointed at.
        unused_since: only what was of no use to anybody since then; None for whatever the rest says.
    """
    by_slot: dict[Slot, list[Holding]] = {}
    for one in holdings:
        by_slot.setdefault(one.slot, []).append(one)
    found: list[Holding] = []
    for several in by_slot.values():
        usable = [one for one in several if any(not (r.blocked or r.withdrawn or r.pruned) for r in one.records)]
        kept = {id(one) for one in usable[-keep:]} if keep else set()
        for one in several:
            recent = unused_since is not None and one.last_used >= unused_since
            if not (one.pointed or one.marked or id(one) in kept or recent):
                found.append(one)
    return tuple(found)


def due(holdings: Iterable[Holding], marked_before: datetime) -> tuple[Holding, ...]:
    """The stored data that was marked for deletion before a moment and that nothing points at."""
    return tuple(one for one in holdings if not one.pointed and one.marked is not None and one.marked <= marked_before)


def _retired(connection: Connection) -> tuple[set[int], dict[int, datetime]]:
    withdrawn: set[int] = set()
    pruned: dict[int, datetime] = {}
    for entry, how, at in connection.execute(_RETIRED):
        if how == Retired.PRUNED:
            pruned[entry] = unpack_moment(at)
        else:
            withdrawn.add(entry)
    return withdrawn, pruned
