"""Reading the log: who recorded what and when, newest first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from sqlite3 import Connection
from typing import Any

from assets_core.keys import Slot
from lineage.catalog.packing import to_json, unpack_id, unpack_moment
from lineage.catalog.schema import TABLES, Kind
from lineage.catalog.values import LogEntry

_OF_ASSET = """
with mine as (select number from slot where asset = :asset),
made as (select sequence from materialization where slot in mine)
select sequence from made
union select sequence from publication where slot in mine
union select sequence from step where slot in mine
union select sequence from hold where slot in mine
union select sequence from acceptance where slot in mine
union select sequence from later_check where materialization in made
union select sequence from retirement where materialization in made
order by 1 desc limit :limit
"""
_OF_ALL = "select sequence from log order by sequence desc limit :limit"

# Per kind: slot, materialization, run and environment of a row of evidence, as numbers, and a text about it.
_SOURCES = {
    Kind.RUN: ("null", "null", "x.sequence", "x.environment", "x.command"),
    Kind.RUN_END: (
        "null",
        "null",
        "x.run",
        "null",
        "x.state || case x.reason when '' then '' else ': ' || x.reason end",
    ),
    Kind.MATERIALIZATION: ("x.slot", "x.sequence", "x.run", "null", "case x.blocked when 0 then '' else 'blocked' end"),
    Kind.PUBLICATION: (
        "x.slot",
        "x.materialization",
        "x.run",
        "x.environment",
        "(select id from materialization b where b.sequence = x.previous)",
    ),
    Kind.STEP: ("x.slot", "x.materialization", "x.run", "null", "x.state"),
    Kind.LATER_CHECK: ("m.slot", "x.materialization", "x.run", "null", "''"),
    Kind.RETIREMENT: (
        "m.slot",
        "x.materialization",
        "x.run",
        "null",
        "x.how || case x.reason when '' then '' else ': ' || x.reason end",
    ),
    Kind.CHANGE: (
        "null",
        "null",
        "x.run",
        "x.environment",
        "x.verb || ifnull(' from ' || (select name from environment o where o.number = x.origin), '')",
    ),
    Kind.PARTITION_KEY: (
        "null",
        "null",
        "x.run",
        "null",
        "case x.retired when 1 then 'retired ' else 'added ' end || x.name || ' ' || x.key",
    ),
    Kind.ACCEPTANCE: (
        "x.slot",
        "x.materialization",
        "x.run",
        "x.environment",
        "'other code accepted: ' || ifnull((select reason from run_end e where e.run = x.decided), '')",
    ),
    Kind.HOLD: ("x.slot", "null", "x.run", "x.environment", "case x.held when 1 then 'held' else 'released' end"),
}


class LogReader:
    """Reads log entries.

    Arguments:
        reading: gives a connection that sees one state of the catalog.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def log(self, limit: int = 50, *, asset: str | None = None) -> list[LogEntry]:
        """What was recorded last, newest first; records that share an entry share its sequence and hash.

        Arguments:
            limit: at most so many records; -1 for all.
            asset: only those about slots of this asset; None for all.
        """
        with self._reading() as connection:
            query = _OF_ALL if asset is None else _OF_ASSET
            sequences = [row[0] for row in connection.execute(query, {"asset": asset, "limit": limit})]
            found: list[LogEntry] = []
            for kind in Kind:
                rows = connection.execute(_details(kind), (to_json(sequences),))
                found.extend(_entry(kind, row) for row in rows)
        found.sort(key=lambda entry: entry.sequence, reverse=True)
        return found[:limit] if limit >= 0 else found


def _details(kind: Kind) -> str:
    slot, made, run, environment, detail = _SOURCES[kind]
    table = TABLES[kind].name
    joined = "join materialization m on m.sequence = x.materialization" if slot == "m.slot" else ""
    return (
        f"select l.sequence, l.at, l.hash, s.asset, s.partition, o.id, r.id, r.actor, e.name, {detail}"  # noqa: S608
        f" from log l join {table} x on x.sequence = l.sequence {joined}"
        f" left join slot s on s.number = {slot} left join materialization o on o.sequence = {made}"
        f" left join run r on r.sequence = {run}"
        f" left join environment e on e.number = ifnull({environment}, r.environment)"
        " where l.sequence in (select value from json_each(?))"
    )


def _entry(kind: Kind, row: tuple[Any, ...]) -> LogEntry:
    sequence, at, digest, asset, partition, made, run, actor, env, detail = row
    if kind is Kind.PUBLICATION:
        detail = "" if detail is None else f"instead of {unpack_id(detail)}"
    return LogEntry(
        sequence=sequence,
        at=unpack_moment(at),
        kind=TABLES[kind].name,
        hash=digest.hex(),
        env=env or "",
        slot=None if asset is None else Slot(asset, partition),
        materialization=None if made is None else unpack_id(made),
        run_id=None if run is None else unpack_id(run),
        actor=actor or "",
        detail=detail or "",
    )
