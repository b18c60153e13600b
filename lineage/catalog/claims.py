"""Claims: which run is at which slot right now, so that no slot is computed twice at once. Not evidence.

A run claims the slots of a step before it computes them and lets them go with the transaction that publishes them. A
claim is as good as its run: when a run has ended, or was marked as abandoned, its claims are gone. Claims need not
survive a power failure, which no run survives either, so that claiming costs no sync.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection

from assets_core.errors import StorageError
from assets_core.keys import Slot
from lineage.catalog.batch import immediate
from lineage.catalog.connect import explained
from lineage.catalog.packing import pack_id, pack_moment, unpack_id
from lineage.catalog.values import Claimed, Neighbours, Request, Want

Packed = bytes | str
"""The id of a run as it is kept."""

_ENDED = "select exists (select 1 from run_end x where x.run = r.sequence) from run r where r.id = ?"
_OF_OTHERS = "select asset, partition, run from claim where environment = ? and run <> ?"
_LET_GO = "delete from claim where environment = ? and asset = ? and partition = ? and run = ?"
_MOVED = """
select s.asset, s.partition, m.id from publication p join environment e on e.number = p.environment
join run r on r.sequence = p.run join slot s on s.number = p.slot
left join materialization m on m.sequence = p.materialization
where p.sequence > ? and e.name = ? and r.id <> ? order by p.sequence
"""


class Claims:
    """Claims slots, and passes on what others ask of a run.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.RLock()

    def claim(self, env: str, run_id: str, wants: Sequence[Want], let_go: Collection[Slot], since: int) -> Claimed:
        """Claims the slots of several steps, all of a step's or none, and tells what others published meanwhile.

        Arguments:
            let_go: slots whose claims are given back first.
            since: the entry of the log up to which the caller knows what others published.

        Raises:
            StorageError: HW417, the catalog knows no such run.
        """
        run = pack_id(run_id)
        granted: list[int] = []
        busy: dict[int, str] = {}
        full: list[int] = []
        with self._writing() as connection:
            connection.executemany(_LET_GO, _keys(env, run, let_go))
            if wants and self._has_ended(connection, run_id):
                return Claimed((), {}, (), {}, since, lost=True)
            others = claimed_by_others(connection, env, run_id) if wants else {}
            for want in wants:
                holder = next((others[slot] for slot in want.slots if slot in others), None)
                if holder is not None:
                    busy[want.place] = holder
                elif want.pool is not None and _others_in_pool(connection, run, want) >= want.limit:
                    full.append(want.place)
                else:
                    _claim(connection, env, run, want)
                    granted.append(want.place)
            moved, head = _moved(connection, env, run, since)
        return Claimed(tuple(granted), busy, tuple(full), moved, head)

    def neighbours(self, env: str, run_id: str, since: int) -> Neighbours:
        """What other runs of an environment are at, and what they published meanwhile: one state, and no lock.

        Arguments:
            since: as for ``claim``.
        """
        run = pack_id(run_id)
        with explained(self._path):
            connection = self._connection()
            connection.execute("begin")
            try:
                others = claimed_by_others(connection, env, run_id)
                moved, head = _moved(connection, env, run, since)
            finally:
                connection.execute("commit")
        return Neighbours(others, moved, head)

    def beat(self, run_id: str, at: datetime) -> Request | None:
        """Notes that a run is alive, and gives what others ask of it."""
        run = pack_id(run_id)
        with self._writing() as connection:
            connection.execute(
                "insert into heartbeat (run, at) select sequence, ? from run r where id = ?"
                " and not exists (select 1 from run_end x where x.run = r.sequence)"
                " on conflict (run) do update set at = excluded.at",
                (pack_moment(at), run),
            )
            row = connection.execute(
                "select q.how, q.actor from request q join run r on r.sequence = q.run where r.id = ?", (run,)
            ).fetchone()
        return None if row is None else Request(*row)

    def ask(self, run_id: str, request: Request, at: datetime) -> None:
        """Asks something of a run, which sees it with its next heartbeat; what was asked later replaces it."""
        with self._writing() as connection:
            connection.execute(
                "insert into request (run, at, how, actor) select sequence, ?, ?, ? from run where id = ?"
                " on conflict (run) do update set at = excluded.at, how = excluded.how, actor = excluded.actor",
                (pack_moment(at), request.how, request.actor, pack_id(run_id)),
            )

    def _has_ended(self, connection: Connection, run_id: str) -> bool:
        row = connection.execute(_ENDED, (pack_id(run_id),)).fetchone()
        if row is None:
            raise StorageError("HW417", f"the catalog knows no run {run_id!r}", hint="begin the run first")
        return bool(row[0])

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        """A writing transaction that is not synced: it may be lost with the power, and nothing else is."""
        with self._lock, explained(self._path):
            connection = self._connection()
            synchronous = connection.execute("pragma synchronous").fetchone()[0]
            connection.execute("pragma synchronous = off" if synchronous == 0 else "pragma synchronous = normal")
            try:
                with immediate(connection):
                    yield connection
            finally:
                connection.execute(f"pragma synchronous = {synchronous}")


def let_go_of_run(connection: Connection, run_id: str, run: int) -> None:
    """Forgets what a run that has ended had claimed, its heartbeat, and what was asked of it."""
    connection.execute("delete from claim where run = ?", (pack_id(run_id),))
    connection.execute("delete from heartbeat where run = ?", (run,))
    connection.execute("delete from request where run = ?", (run,))


def let_go(connection: Connection, env: str, run_id: str, slots: Iterable[Slot]) -> None:
    """Gives claims back, within a transaction of the writer's."""
    connection.executemany(_LET_GO, _keys(env, pack_id(run_id), slots))


def claimed_by_others(connection: Connection, env: str, run_id: str) -> dict[Slot, str]:
    """The slots that other runs are at, each with the id of its run: as many as they have steps under way."""
    rows = connection.execute(_OF_OTHERS, (env, pack_id(run_id)))
    return {Slot(asset, partition or None): unpack_id(run) for asset, partition, run in rows}


def _claim(connection: Connection, env: str, run: Packed, want: Want) -> None:
    rows = [(env, slot.asset, slot.partition or "", run, want.call, want.pool) for slot in want.slots]
    connection.executemany(
        "insert or replace into claim (environment, asset, partition, run, call, pool) values (?, ?, ?, ?, ?, ?)", rows
    )


def _others_in_pool(connection: Connection, run: Packed, want: Want) -> int:
    """How many calls of any run have a place in a pool, this one left out."""
    query = "select count(*) from (select distinct run, call from claim where pool = ? and not (run = ? and call = ?))"
    count: int = connection.execute(query, (want.pool, run, want.call)).fetchone()[0]
    return count


def _moved(connection: Connection, env: str, run: Packed, since: int) -> tuple[dict[Slot, str | None], int]:
    """What slots show by what other runs published after an entry of the log, and the last entry."""
    head: int = connection.execute("select sequence from head where one = 1").fetchone()[0]
    rows = connection.execute(_MOVED, (since, env, run)) if head > since else ()
    return {Slot(asset, partition): made and unpack_id(made) for asset, partition, made in rows}, head


def _keys(env: str, run: Packed, slots: Iterable[Slot]) -> list[tuple[str, str, str, Packed]]:
    return [(env, slot.asset, slot.partition or "", run) for slot in slots]
