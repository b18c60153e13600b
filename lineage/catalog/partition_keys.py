"""Partition keys that are kept in the catalog: added and retired while the code stays, every change on record."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from sqlite3 import Connection

from assets_core.records import RunRecord, RunState
from lineage.catalog.batch import Batch
from lineage.catalog.changes import add_run
from lineage.catalog.packing import storable, to_json, unpack_moment
from lineage.catalog.schema import Kind
from lineage.catalog.values import NamedKey

_LATEST = """
select k.name, k.key, k.retired, r.actor, r.started, (select reason from run_end x where x.run = r.sequence)
from partition_key k join run r on r.sequence = k.run
where k.name in (select value from json_each(:names)) and k.sequence <= ifnull(:until, k.sequence) and not exists
    (select 1 from partition_key l where l.name = k.name and l.key = k.key and l.sequence > k.sequence
        and l.sequence <= ifnull(:until, l.sequence))
order by (select min(f.sequence) from partition_key f where f.name = k.name and f.key = k.key)
"""
"""A key that was retired and added again has its old place: what reads all of them reads what it read before."""
_NAMES = "select distinct name from partition_key order by name"


def record_keys(batch: Batch, run: RunRecord, name: str, keys: Collection[str], *, retired: bool) -> tuple[str, ...]:
    """Records that keys were added or retired, as a run without steps; nothing where that changes nothing.

    Arguments:
        run: who, when, with which words and why.
        name: of the definition.

    Returns:
        The keys for which it was a change.
    """
    known = {key: bool(gone) for _, key, gone, *_ in batch.connection.execute(_LATEST, _asked([name]))}
    changed = tuple(key for key in keys if known.get(key, True) is not retired)
    if changed:
        entry = add_run(batch, run)
        batch.add_beside(entry, Kind.RUN_END, entry, RunState.SUCCEEDED.value, batch.at, None, storable(run.reason))
        for key in changed:
            batch.add(Kind.PARTITION_KEY, entry, name, key, int(retired))
    return changed


def _asked(names: Collection[str], until: int | None = None) -> dict[str, object]:
    return {"names": to_json(list(names)), "until": until}


class PartitionKeyReader:
    """Reads partition keys.

    Arguments:
        reading: gives a connection that sees one state of the catalog.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def partition_keys(
        self, names: Collection[str] | None = None, *, until: int | None = None
    ) -> dict[str, list[NamedKey]]:
        """Every key of these names as it was last added or retired, in the order in which they were first added.

        Arguments:
            names: names of definitions; None for all that have ever had a key.
            until: the entry of the log up to which to look; None for all of it.
        """
        with self._reading() as connection:
            wanted = [row[0] for row in connection.execute(_NAMES)] if names is None else list(names)
            found: dict[str, list[NamedKey]] = {name: [] for name in wanted}
            for name, key, retired, actor, at, reason in connection.execute(_LATEST, _asked(wanted, until)):
                found[name].append(NamedKey(key, bool(retired), actor, unpack_moment(at), reason or ""))
            return found
