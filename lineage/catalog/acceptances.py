"""Reading acceptances: what stays shown although the code is another now, who wanted that, when and why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from sqlite3 import Connection
from typing import Any

from assets_core.keys import Slot
from assets_core.published import PackedId
from assets_core.records import Acceptance
from lineage.catalog import coding
from lineage.catalog.environments import dropped_at
from lineage.catalog.packing import pack_id, unpack_id, unpack_json, unpack_moment, unpack_text
from lineage.catalog.values import Accepted

_ANY = "select 1 from acceptance where environment = (select number from environment where name = ?) limit 1"
_NOW = """
select c.id, a.code, a.decided
from acceptance a join current c on c.environment = a.environment and c.slot = a.slot
    and c.materialization = a.materialization
where a.environment = (select number from environment where name = ?) and a.sequence > ? order by a.sequence
"""
_RECORDED = """
select e.name, s.asset, s.partition, m.id, a.code, a.decided, a.source, r.id
from acceptance a join environment e on e.number = a.environment join slot s on s.number = a.slot
join materialization m on m.sequence = a.materialization join run r on r.sequence = a.run
where {wanted} order by a.sequence
"""
_DECIDED = """
select r.id, r.actor, r.started, ifnull((select reason from run_end x where x.run = r.sequence), '')
from run r where r.sequence = ?
"""


class AcceptanceReader:
    """Reads acceptances.

    Arguments:
        reading: gives a connection that sees one state of the catalog.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def accepted(self, env: str) -> dict[PackedId, tuple[Acceptance, ...]]:
        """Those of what the slots of an environment show now, by packed id, oldest first.

        Cost: one look at an index where there are none.
        """
        with self._reading() as connection:
            if connection.execute(_ANY, (env,)).fetchone() is None:
                return {}
            shared = _Shared(connection)
            found: dict[PackedId, tuple[Acceptance, ...]] = {}
            since = dropped_at(connection, env)
            for identifier, code, decided in connection.execute(_NOW, (env, since)).fetchall():
                found[identifier] = shared.several((*found.get(identifier, ()), shared.acceptance(code, decided)))
            return found

    def acceptances(
        self, *, env: str | None = None, materialization: str | None = None, until: int | None = None
    ) -> list[Accepted]:
        """Acceptances in the catalog's order.

        Arguments:
            env: those that hold in one environment; None for all there ever were.
            materialization: of one record.
            until: the entry of the log up to which to look.
        """
        with self._reading() as connection:
            given = {
                "e.name = :env": env,
                "a.sequence > :since": None if env is None else dropped_at(connection, env, until),
                "m.id = :made": None if materialization is None else pack_id(materialization),
                "a.sequence <= :until": until,
            }
            wanted = [condition for condition, value in given.items() if value is not None]
            values = {condition.partition(":")[2]: value for condition, value in given.items()}
            shared = _Shared(connection)
            rows = connection.execute(_RECORDED.format(wanted=" and ".join(wanted) or "1"), values).fetchall()
            return [
                Accepted(
                    name,
                    Slot(asset, partition),
                    unpack_id(identifier),
                    shared.acceptance(code, decided),
                    "" if source is None else shared.text(source),
                    unpack_id(run),
                )
                for name, asset, partition, identifier, code, decided, source, run in rows
            ]


class _Shared:
    """What very many acceptances have in common, read once and handed out as the same values."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._acceptances: dict[tuple[int, int], Acceptance] = {}
        self._several: dict[tuple[int, ...], tuple[Acceptance, ...]] = {}
        self._texts: dict[int, str] = {}

    def acceptance(self, code: int, decided: int) -> Acceptance:
        found = self._acceptances.get((code, decided))
        if found is None:
            run, actor, at, reason = self._connection.execute(_DECIDED, (decided,)).fetchone()
            version = coding.code_value(unpack_json(self._body(code)))
            found = Acceptance(version, unpack_id(run), actor, unpack_moment(at), reason)
            self._acceptances[code, decided] = found
        return found

    def several(self, acceptances: tuple[Acceptance, ...]) -> tuple[Acceptance, ...]:
        return self._several.setdefault(tuple(map(id, acceptances)), acceptances)

    def text(self, number: int) -> str:
        if number not in self._texts:
            self._texts[number] = unpack_text(self._body(number))
        return self._texts[number]

    def _body(self, number: int) -> Any:
        return self._connection.execute("select body from content where number = ?", (number,)).fetchone()[0]
