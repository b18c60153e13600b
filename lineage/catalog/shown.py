"""What an environment shows in little: enough to find what is not fresh, and no record decoded."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection
from typing import Any

from assets_core.keys import Slot
from assets_core.published import Glances
from assets_core.records import Stored
from assets_core.standing import Standing, standing_from
from assets_core.versions import CodeVersion
from lineage.catalog import coding
from lineage.catalog.packing import to_json, unpack_hex, unpack_id, unpack_json, unpack_location

_GLANCES = """
select a.key, ifnull(s.partition, ''), c.id, c.judged, c.basis
from json_each(:assets) a cross join slot s indexed by slot_name on s.asset = a.value
cross join current c on c.slot = s.number and c.environment = :environment
where c.materialization is not null
"""
"""Everything of a slot is in its index and comes in its order: an empty key first, partitions of time as they are
defined. An asset is told by its number, because texts take longer.
"""
_ALIKE = """
select s.partition, m.code, m.inputs, m.settings, m.checks, m.source, m.recipe_slot is null, m.recipe is null
from slot s cross join current c
    on c.slot = s.number and c.environment = (select number from environment where name = :env)
join materialization m on m.sequence = c.materialization where s.asset = :asset
"""
_CODES = """
select distinct s.asset, m.code
from slot s cross join current c
    on c.slot = s.number and c.environment = (select number from environment where name = :env)
join materialization m on m.sequence = c.materialization
where s.asset in (select value from json_each(:assets)) and m.code is not null
"""
_STORED = """
select s.asset, s.partition, m.id, m.storage, m.location, m.bytes, m.digest
from slot s cross join current c
    on c.slot = s.number and c.environment = (select number from environment where name = :env)
join materialization m on m.sequence = c.materialization
where s.asset in (select value from json_each(:assets)) and m.storage is not null and m.kind = 0
"""
_TYPICAL = """
select avg(seconds), avg(bytes), count(*) from (select m.seconds, ifnull(m.bytes, 0) as bytes
from slot s cross join current c
    on c.slot = s.number and c.environment = (select number from environment where name = :env)
join materialization m on m.sequence = c.materialization where s.asset = :asset and m.kind = 0 limit 1000)
"""
_ROWS_TOGETHER = 2_000


@contextmanager
def _uncollected() -> Iterator[None]:
    """Holds the garbage collector off while a million small things are made: it would look at all of them again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _take_in(glances: Glances, rows: Iterable[tuple[Any, ...]]) -> None:
    """Adds rows of ``_GLANCES`` on one asset, column by column."""
    _, partitions, ids, numbers, bases = zip(*rows, strict=True)
    glances.partitions.extend(partitions if partitions[0] else (None, *partitions[1:]))
    glances.ids.extend(ids)
    glances.numbers.extend(numbers)
    glances.bases.extend(bases)


class ShownReader:
    """Reads what environments show.

    Arguments:
        reading: gives a connection that sees one state of the catalog.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def glances(self, env: str, assets: Collection[str]) -> dict[str, Glances]:
        """What every slot of these assets shows, by asset; a microsecond or two a slot."""
        found: dict[str, Glances] = {}
        with self._reading() as connection, _uncollected():
            number = connection.execute("select number from environment where name = ?", (env,)).fetchone()
            keys = sorted(assets)
            values = {"environment": number and number[0], "assets": to_json(keys)}
            rows = connection.execute(_GLANCES, values)
            while several := rows.fetchmany(_ROWS_TOGETHER):
                for place, part in groupby(several, itemgetter(0)):
                    _take_in(found.setdefault(keys[place], Glances.of_none()), part)
        return found

    def standings(self) -> dict[int, Standing]:
        """Every standing under which a slot was found fresh, by its number."""
        with self._reading() as connection:
            return {
                number: standing_from(digest, about)
                for number, digest, about in connection.execute("select number, digest, about from standing")
            }

    def alike(self, env: str, asset: str) -> dict[str | None, int]:
        """By partition key, a number that is equal for records that differ at most in their data and what they read."""
        numbers: dict[tuple[object, ...], int] = {}
        with self._reading() as connection:
            return {
                partition: numbers.setdefault(tuple(rest), len(numbers))
                for partition, *rest in connection.execute(_ALIKE, {"env": env, "asset": asset})
            }

    def codes_shown(self, env: str, assets: Collection[str]) -> dict[str, list[CodeVersion]]:
        """The different code versions of what the slots of these assets show."""
        found: dict[str, list[CodeVersion]] = {}
        with self._reading() as connection:
            rows = connection.execute(_CODES, {"env": env, "assets": to_json(sorted(assets))}).fetchall()
            bodies = dict(
                connection.execute(
                    "select number, body from content where number in (select value from json_each(?))",
                    (to_json([code for _, code in rows]),),
                )
            )
        for asset, code in rows:
            found.setdefault(asset, []).append(coding.code_value(unpack_json(bodies[code])))
        return found

    def typical(self, env: str, asset: str) -> tuple[float, float] | None:
        """What making a slot of an asset took and stored, seconds and bytes, on average over up to a thousand that are
        shown; None where none is."""
        with self._reading() as connection:
            seconds, size, count = connection.execute(_TYPICAL, {"env": env, "asset": asset}).fetchone()
            return (seconds, size) if count else None

    def stored_of(self, env: str, assets: Iterable[str]) -> list[tuple[Slot, Stored]]:
        """Where the data lies that the slots of these assets show; not that of sources."""
        with self._reading() as connection:
            rows = connection.execute(_STORED, {"env": env, "assets": to_json(sorted(assets))})
            return [
                (
                    Slot(asset, partition),
                    Stored(storage, unpack_location(location, unpack_id(made)), size, unpack_hex(digest)),
                )
                for asset, partition, made, storage, location, size, digest in rows
            ]
