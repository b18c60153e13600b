"""Reading environments: which there are, what they show or once showed, and which slots are held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection
from typing import Any

from assets_core.keys import Slot
from lineage.catalog.packing import pack_id, to_json, unpack_id, unpack_moment
from lineage.catalog.values import EnvironmentRecord, Hold, Move, Pointer

_ENVIRONMENTS = """
select e.name, o.name, ifnull(c.frozen, 0), case c.verb when 'create' then r.started end, r.actor,
    c.verb = 'drop' and not exists (select 1 from run u where u.environment = e.number and u.sequence > c.sequence),
    (select count(*) from current k join materialization m on m.sequence = k.materialization
        where k.environment = e.number and m.kind = 0),
    (select count(*) from hold h where h.environment = e.number and h.held = 1 and not exists
        (select 1 from hold l where l.environment = h.environment and l.slot = h.slot and l.sequence > h.sequence))
from environment e
left join change c on c.sequence =
    (select max(sequence) from change where environment = e.number and verb in ('create', 'drop'))
left join environment o on o.number = c.origin left join run r on r.sequence = c.run
order by e.name
"""
_POINTERS = """
select s.asset, s.partition, m.id, m.kind, exists (select 1 from retirement t where t.materialization = m.sequence)
from ({source}) x join slot s on s.number = x.slot join materialization m on m.sequence = x.materialization
"""
_NOW = (
    "select c.slot, c.materialization from current c join environment e on e.number = c.environment where e.name = :env"
)
_THEN = """
select p.slot, p.materialization from publication p where p.sequence in (select max(q.sequence) from publication q
    join environment e on e.number = q.environment where e.name = :env and q.sequence <= :until group by q.slot)
"""
_DROPPED = """
select max(c.sequence) from change c join environment e on e.number = c.environment
where e.name = :env and c.verb = 'drop' and c.sequence <= ifnull(:until, c.sequence)
"""
_HELD = """
select s.asset, s.partition, r.id, r.actor, r.started, (select reason from run_end x where x.run = r.sequence)
from hold h join environment e on e.number = h.environment join slot s on s.number = h.slot
join run r on r.sequence = h.run where e.name = ? and h.held = 1 and not exists
    (select 1 from hold l where l.environment = h.environment and l.slot = h.slot and l.sequence > h.sequence)
"""
_SHOWN_BEFORE = """
select p.run, p.sequence, s.asset, m.id, c.seen,
    exists (select 1 from retirement t where t.materialization = p.materialization)
from publication p join environment e on e.number = p.environment join slot s on s.number = p.slot
left join change c on c.environment = p.environment and c.run = p.run and c.verb = 'rollback'
left join materialization m on m.sequence = p.materialization
where e.name = :env and s.asset in (select value from json_each(:assets))
and ifnull(s.partition, '') = ifnull(:partition, '') and (:until is null or p.sequence <= :until) order by p.sequence
"""
_SHOWN_BY = """
select e.name, s.asset, s.partition, m.id from current c join materialization m on m.sequence = c.materialization
join environment e on e.number = c.environment join slot s on s.number = c.slot
where m.id = ? order by e.name
"""
_IN_ORDER = """
select r.sequence from run r join environment e on e.number = r.environment join run_end x on x.run = r.sequence
where e.name = ? and r.asked is not null and x.state <> 'abandoned' order by r.sequence desc limit 1
"""
_CUT_OFF = """
select s.asset, s.partition, n.id, b.id from run_end x join run r on r.sequence = x.run
join environment e on e.number = r.environment
join publication p on p.sequence between r.sequence and x.sequence and p.run = r.sequence
join slot s on s.number = p.slot
join current c on c.environment = r.environment and c.slot = p.slot
left join materialization n on n.sequence = c.materialization left join materialization b on b.sequence = p.previous
where e.name = ? and x.sequence > ? and x.state = 'abandoned' and ifnull(n.kind, b.kind) = 0 order by p.sequence
"""
_LAST_SYNC = """
select ifnull(max(case c.verb when 'create' then ifnull(c.seen, c.sequence)
    else ifnull((select max(p.sequence) from publication p where p.run = c.run), c.sequence) end), 0)
from change c join environment e on e.number = c.environment join environment o on o.number = c.origin
where (c.verb = 'create' and e.name = :made and o.name = :target)
or (c.verb = 'promote' and e.name = :target and o.name = :made)
"""


class EnvironmentReader:
    """Reads environments.

    Arguments:
        reading: gives a connection that sees one state of the catalog.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def environment_records(self) -> dict[str, EnvironmentRecord]:
        """Every environment that anything was ever recorded for, dropped ones included, by name."""
        with self._reading() as connection:
            return {
                name: EnvironmentRecord(
                    name,
                    origin or "",
                    bool(frozen),
                    None if created is None else unpack_moment(created),
                    actor or "" if created is not None else "",
                    bool(dropped),
                    shown,
                    held,
                )
                for name, origin, frozen, created, actor, dropped, shown, held in connection.execute(_ENVIRONMENTS)
            }

    def frozen(self, env: str) -> bool:
        """Whether an environment was made to stay as it is."""
        query = (
            "select c.frozen from change c join environment e on e.number = c.environment"
            " where e.name = ? and c.verb in ('create', 'drop') order by c.sequence desc limit 1"
        )
        with self._reading() as connection:
            row = connection.execute(query, (env,)).fetchone()
            return row is not None and bool(row[0])

    def pointers(self, env: str, *, as_of: int | None = None) -> dict[Slot, Pointer]:
        """What every slot of an environment shows, without the records: now, or after some entry of the log."""
        query = _POINTERS.format(source=_NOW if as_of is None else _THEN)
        with self._reading() as connection:
            return {
                Slot(asset, partition): Pointer(unpack_id(made), kind == 1, bool(retired))
                for asset, partition, made, kind, retired in connection.execute(query, {"env": env, "until": as_of})
            }

    def held(self, env: str) -> dict[Slot, Hold]:
        """The slots of an environment that are kept as they are."""
        with self._reading() as connection:
            return {
                Slot(asset, partition): Hold(
                    Slot(asset, partition), unpack_id(run), actor, unpack_moment(at), reason or ""
                )
                for asset, partition, run, actor, at, reason in connection.execute(_HELD, (env,))
            }

    def good_before(
        self, env: str, slots: Sequence[Slot], *, until: int | None = None, besides: Collection[str] = ()
    ) -> str | None:
        """What a slot showed last that is still good; None if nothing was, or if nothing at all came in between.

        What was rolled back is not gone back to: before a rollback is what was before the moment it went to.

        Arguments:
            slots: the slot, and after it the same one under the keys that its asset had before.
            until: the entry of the log up to which to look.
            besides: ids that are not good either.
        """
        keys = [slot.asset for slot in slots]
        values = {"env": env, "assets": to_json(keys), "partition": slots[0].partition, "until": until}
        with self._reading() as connection:
            rows = connection.execute(_SHOWN_BEFORE, values).fetchall()
        for sequence, made, retired, rolled_to in reversed(_shown_in_turn(rows, keys)):
            if until is not None and sequence > until:
                continue
            if made is None:
                return None
            identifier = unpack_id(made)
            if not retired and identifier not in besides:
                return identifier
            until = until if rolled_to is None else rolled_to
        return None

    def shown_by(self, ids: Collection[str]) -> list[tuple[str, Slot, str]]:
        """Environment, slot and id, wherever one of these materializations is shown."""
        with self._reading() as connection:
            return [
                (env, Slot(asset, partition), unpack_id(made))
                for identifier in ids
                for env, asset, partition, made in connection.execute(_SHOWN_BY, (pack_id(identifier),))
            ]

    def ever_shown(self, env: str, *, since: int = 0) -> dict[Slot, set[str]]:
        """Every materialization that each slot of an environment came to show after an entry of the log."""
        query = (
            "select s.asset, s.partition, m.id from publication p join environment e on e.number = p.environment"
            " join slot s on s.number = p.slot join materialization m on m.sequence = p.materialization"
            " where e.name = ? and p.sequence > ?"
        )
        found: dict[Slot, set[str]] = {}
        with self._reading() as connection:
            for asset, partition, made in connection.execute(query, (env, since)):
                found.setdefault(Slot(asset, partition), set()).add(unpack_id(made))
        return found

    def cut_off(self, env: str) -> list[Move]:
        """What slots of an environment show that were moved by runs which were abandoned since one began that was not.

        Returns:
            For each of those publications what its slot shows now, and what it showed before.
        """
        with self._reading() as connection:
            row = connection.execute(_IN_ORDER, (env,)).fetchone()
            return [
                Move(env, Slot(asset, partition), now and unpack_id(now), before and unpack_id(before))
                for asset, partition, now, before in connection.execute(_CUT_OFF, (env, row[0] if row else 0))
            ]

    def last_in_step(self, made: str, target: str) -> int:
        """The entry of the log at which an environment was made from another or last promoted to it.

        Where neither ever happened, the entry before its first run; 0 where it was never used.
        """
        first = (
            "select ifnull(min(r.sequence) - 1, 0) from run r join environment e on e.number = r.environment"
            " where e.name = ?"
        )
        with self._reading() as connection:
            row = connection.execute(_LAST_SYNC, {"made": made, "target": target}).fetchone()
            return int(row[0]) or int(connection.execute(first, (made,)).fetchone()[0])

    def first_publication(self, env: str) -> tuple[int, str] | None:
        """The entry of the log and the id of the run by which an environment first showed anything."""
        query = (
            "select p.sequence, r.id from publication p join environment e on e.number = p.environment"
            " join run r on r.sequence = p.run where e.name = ? order by p.sequence limit 1"
        )
        with self._reading() as connection:
            row = connection.execute(query, (env,)).fetchone()
            return None if row is None else (row[0], unpack_id(row[1]))

    def end_of(self, run_id: str) -> int:
        """The last entry of the log that a run left behind; 0 for a run that is not known."""
        query = (
            "select max(r.sequence, ifnull((select max(sequence) from run_end where run = r.sequence), 0),"
            " ifnull((select max(sequence) from publication where run = r.sequence), 0)) from run r where r.id = ?"
        )
        with self._reading() as connection:
            row = connection.execute(query, (pack_id(run_id),)).fetchone()
            return 0 if row is None else int(row[0])


def _shown_in_turn(
    rows: Iterable[Sequence[Any]], keys: Sequence[str]
) -> list[tuple[int, bytes | None, bool, int | None]]:
    """What one slot showed after each run that moved its pointer, under whichever of its asset's keys.

    Of several keys the first that shows anything counts. A run that publishes under a new key takes away what was shown
    under the former one, which is one move and not two.
    """
    pointers: dict[str, Sequence[Any]] = {}
    found = []
    for _, moved in groupby(rows, key=itemgetter(0)):
        sequence, rolled_to = 0, None
        for row in moved:
            _, sequence, key, _, rolled_to, _ = row
            pointers[key] = row
        shown = next((pointers[key] for key in keys if key in pointers and pointers[key][3] is not None), None)
        made, retired = (None, False) if shown is None else (shown[3], bool(shown[5]))
        found.append((sequence, made, retired, rolled_to))
    return found


def dropped_at(connection: Connection, env: str, until: int | None = None) -> int:
    """The entry of the log by which an environment was last dropped, 0 if it never was.

    What was accepted there before, and how steps ended, went with it: another one may have its name now.

    Arguments:
        until: the entry up to which to look.
    """
    found = connection.execute(_DROPPED, {"env": env, "until": until}).fetchone()[0]
    return int(found or 0)
