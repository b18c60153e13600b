"""Reading: what is published, what was recorded, and how runs went; batched queries, decoded to core records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from assets_core.check import CheckResult
from assets_core.column_lineage import ColumnLineage
from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import Materialization, Publication
from lineage.catalog import coding
from lineage.catalog.connect import explained
from lineage.catalog.decoding import COLUMNS, Decoder, hanging_together
from lineage.catalog.packing import (
    from_json,
    pack_hex,
    pack_id,
    pack_moment,
    to_json,
    unpack_hex,
    unpack_id,
    unpack_json,
    unpack_moment,
    unpack_text,
)
from lineage.catalog.values import CheckMoment, Head, Retired, Retirement

_CHUNK = 500  # values in one list of a query; SQLite takes 999 at least

_PUBLICATIONS = """
select p.sequence, e.name, s.asset, s.partition, m.id, b.id, r.id, l.at from publication p
join environment e on e.number = p.environment join slot s on s.number = p.slot
join run r on r.sequence = p.run join log l on l.sequence = p.sequence
left join materialization m on m.sequence = p.materialization
left join materialization b on b.sequence = p.previous
"""


class Reader:
    """Reads the catalog; may be used from several threads, each of which has its own connection.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection
        self._decoder = Decoder()

    def published(
        self,
        env: str,
        *,
        assets: Collection[str] | None = None,
        as_of: datetime | int | None = None,
        lineage: bool = True,
    ) -> dict[Slot, Materialization]:
        """What every slot of an environment shows, now or after some moment or log entry.

        Arguments:
            assets: only slots of these assets; None for all.
            as_of: a moment, or a sequence of the log; None for now.
            lineage: whether the records carry their lineage; decoding it costs as much as the rest.
        """
        with self.reading() as connection:
            source, values = self._source(connection, env, as_of)
            return self._shown(connection, source, values, assets, lineage)

    def lineages(self, env: str, *, as_of: datetime | int | None = None) -> dict[str, tuple[ColumnLineage, ...]]:
        """The different lineages of what an environment shows, by asset key, tables being asset keys.

        Arguments:
            as_of: a moment, or a sequence of the log; None for now.
        """
        with self.reading() as connection:
            source, values = self._source(connection, env, as_of)
            query = (
                f"select distinct s.asset, c.number, c.body from ({source}) x join slot s on s.number = x.slot"  # noqa: S608 - our own texts
                " join materialization m on m.sequence = x.materialization join content c on c.number = m.lineage"
                " order by s.asset, c.number"
            )
            found: dict[str, list[ColumnLineage]] = {}
            for asset, _, body in connection.execute(query, values):
                found.setdefault(asset, []).append(coding.lineage_value(unpack_json(body)))
            return {asset: tuple(several) for asset, several in found.items()}

    def materializations(self, ids: Iterable[str], *, lineage: bool = True) -> dict[str, Materialization]:
        """Records by their ids; ids that are not known are left out.

        Arguments:
            lineage: whether the records carry their lineage.
        """
        with self.reading() as connection:
            query = f"select {COLUMNS} from materialization m where m.id in"  # noqa: S608 - our own names
            rows = self._by_list(connection, query, map(pack_id, ids))
            return {made.id: made for made in self._decode(connection, rows, lineage=lineage)}

    def find_recipes(self, recipe_ids: Collection[str]) -> dict[str, Materialization]:
        """The newest record of each recipe in any environment, blocked ones included, retired ones left out."""
        with self.reading() as connection:
            query = (
                f"select {COLUMNS} from materialization m where not exists"  # noqa: S608 - our own names
                " (select 1 from retirement t where t.materialization = m.sequence)"
                " and m.recipe is not null and substr(m.recipe, 1, 8) in"
            )
            # The index holds eight bytes of each recipe id: enough to find few, and half its size.
            wanted = {pack_hex(one) for one in recipe_ids}
            place = COLUMNS.split(", ").index("m.recipe")
            rows = [
                row for row in self._by_list(connection, query, (one[:8] for one in wanted)) if row[place] in wanted
            ]
            rows.sort(key=_sequence)
            names = [unpack_hex(row[place]) for row in rows]
            return dict(zip(names, self._decode(connection, rows), strict=True))

    def latest_blocked(self, env: str, *, assets: Collection[str] | None = None) -> dict[Slot, Materialization]:
        """The newest blocked record of each slot where it is newer than what the slot shows."""
        with self.reading() as connection:
            source = (
                "select c.slot, c.blocked as materialization from current c indexed by current_blocked"
                " where c.environment = :env and c.blocked is not null"
            )
            return self._shown(connection, source, {"env": self._environment(connection, env)}, assets, True)

    def publications(
        self,
        env: str | None = None,
        *,
        slot: Slot | None = None,
        asset: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        materialization: str | None = None,
    ) -> list[Publication]:
        """Moves of pointers in the catalog's order.

        Arguments:
            env: in one environment; None for all.
            since, until: both included.
            materialization: those that began to show this record.
        """
        wanted: dict[str, object] = {
            "e.name = :env": env,
            "s.asset = :asset": slot.asset if slot else asset,
            "s.partition is :partition": slot.partition if slot else None,
            "l.at >= :since": since and pack_moment(since),
            "l.at <= :until": until and pack_moment(until),
            "m.id = :made": materialization and pack_id(materialization),
        }
        conditions = [text for text, value in wanted.items() if value is not None]
        if slot is not None and slot.partition is None:
            conditions.append("s.partition is null")
        values = {text.rsplit(":", 1)[-1]: value for text, value in wanted.items()}
        query = f"{_PUBLICATIONS} where {' and '.join(conditions) or 'true'} order by p.sequence"
        with self.reading() as connection:
            return [
                Publication(
                    sequence,
                    name,
                    Slot(key, partition),
                    None if made is None else unpack_id(made),
                    None if before is None else unpack_id(before),
                    unpack_id(run),
                    unpack_moment(at),
                )
                for sequence, name, key, partition, made, before, run, at in connection.execute(query, values)
            ]

    def check_results(self, materialization_id: str) -> list[CheckMoment]:
        """Every evaluation of checks on a materialization in order, the one before its publication first."""
        query = (
            "select m.sequence, m.created, m.run, c.body from materialization m join content c on c.number = m.checks"
            " where m.id = :id union all"
            " select k.sequence, l.at, k.run, c.body from later_check k join log l on l.sequence = k.sequence"
            " join content c on c.number = k.results join materialization m on m.sequence = k.materialization"
            " where m.id = :id order by 1"
        )
        with self.reading() as connection:
            rows = connection.execute(query, {"id": pack_id(materialization_id)}).fetchall()
            runs = self._decoder.runs(connection, {row[2] for row in rows if row[2] is not None})
            return [
                CheckMoment(
                    sequence,
                    unpack_moment(at),
                    None if run is None else runs[run],
                    coding.results_value(unpack_json(body)),
                )
                for sequence, at, run, body in rows
            ]

    def checked_later(self, materialization_ids: Iterable[str]) -> dict[str, tuple[CheckResult, ...]]:
        """The results of the last evaluation of checks after they were made, of those that had one."""
        query = (
            "select m.id, c.body, max(k.sequence) from later_check k"
            " join materialization m on m.sequence = k.materialization join content c on c.number = k.results"
            " group by k.materialization"
        )
        wanted = set(materialization_ids)
        with self.reading() as connection:
            found = {unpack_id(made): body for made, body, _ in connection.execute(query)}
            return {made: coding.results_value(unpack_json(body)) for made, body in found.items() if made in wanted}

    def retirements(self, materialization_id: str | None = None) -> list[Retirement]:
        """Materializations taken out of use, in the catalog's order; of one record or of all."""
        query = (
            "select t.sequence, m.id, t.how, t.reason, r.id, l.at from retirement t"
            " join log l on l.sequence = t.sequence join materialization m on m.sequence = t.materialization"
            " left join run r on r.sequence = t.run where :id is null or m.id = :id order by 1"
        )
        values = {"id": None if materialization_id is None else pack_id(materialization_id)}
        with self.reading() as connection:
            return [
                Retirement(
                    sequence,
                    unpack_id(made),
                    Retired(how),
                    reason,
                    None if run is None else unpack_id(run),
                    unpack_moment(at),
                )
                for sequence, made, how, reason, run, at in connection.execute(query, values)
            ]

    def entry(self, materialization_id: str) -> Head | None:
        """The log entry that covers a materialization, with its hash; None for an id that is not known."""
        query = "select l.sequence, l.hash from materialization m join log l on l.sequence = m.sequence where m.id = ?"
        with self.reading() as connection:
            row = connection.execute(query, (pack_id(materialization_id),)).fetchone()
            return None if row is None else Head(row[0], row[1].hex())

    def code_source(self, materialization_id: str) -> str:
        """The text of the code that made a materialization; empty when none was recorded."""
        query = "select c.body from materialization m join content c on c.number = m.source where m.id = ?"
        with self.reading() as connection:
            row = connection.execute(query, (pack_id(materialization_id),)).fetchone()
            return "" if row is None else unpack_text(row[0])

    def environments(self) -> list[str]:
        """The names of all environments that anything was ever recorded for, sorted."""
        with self.reading() as connection:
            return [row[0] for row in connection.execute("select name from environment order by name")]

    def sequence_at(self, moment: datetime) -> int:
        """The last log entry at or before a moment; 0 when there was none."""
        with self.reading() as connection:
            return self._sequence_at(connection, moment)

    def head(self) -> Head:
        """The end of the log, for noting it elsewhere.

        Raises:
            StorageError: HW412, it is gone.
        """
        with self.reading() as connection:
            row = connection.execute("select sequence, hash from head where one = 1").fetchone()
        if row is None:
            raise StorageError("HW412", "the note of the log's end is gone", hint="headwater audit verify")
        return Head(row[0], row[1].hex())

    def began(self) -> datetime | None:
        """The moment of the first entry; None while there is none."""
        with self.reading() as connection:
            row = connection.execute("select at from log order by sequence limit 1").fetchone()
        return None if row is None else unpack_moment(row[0])

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One state of the catalog for all queries inside, however much is written meanwhile.

        Raises:
            StorageError: HW412, what was read does not hang together.
        """
        with explained(self._path), hanging_together():
            connection = self._connection()
            if connection.in_transaction:  # the writer's own thread
                yield connection
                return
            connection.execute("begin")
            try:
                yield connection
            finally:
                connection.execute("rollback")

    def _source(self, connection: Connection, env: str, as_of: datetime | int | None) -> tuple[str, dict[str, object]]:
        """A query of slots and the materializations they show, and its values."""
        environment = self._environment(connection, env)
        if as_of is None:
            return "select c.slot, c.materialization from current c where c.environment = :env", {"env": environment}
        until = as_of if isinstance(as_of, int) else self._sequence_at(connection, as_of)
        query = (
            "select p.slot, p.materialization from publication p where p.sequence in (select max(sequence)"
            " from publication where environment = :env and sequence <= :until group by slot)"
        )
        return query, {"env": environment, "until": until}

    def _environment(self, connection: Connection, name: str) -> int:
        row = connection.execute("select number from environment where name = ?", (name,)).fetchone()
        return 0 if row is None else row[0]

    def _sequence_at(self, connection: Connection, moment: datetime) -> int:
        # From the end backwards: asked for recent moments, and clocks that jump do no harm.
        query = "select sequence from log where at <= ? order by sequence desc limit 1"
        row = connection.execute(query, (pack_moment(moment),)).fetchone()
        return 0 if row is None else row[0]

    def _shown(
        self,
        connection: Connection,
        source: str,
        values: dict[str, object],
        assets: Collection[str] | None,
        lineage: bool,
    ) -> dict[Slot, Materialization]:
        """The records that a query of slots and materializations names."""
        query = (
            f"select s.asset, s.partition, {COLUMNS} from ({source}) x join slot s on s.number = x.slot"  # noqa: S608 - our own texts
            " join materialization m on m.sequence = x.materialization"
        )
        if assets is not None:
            query += " where s.asset in (select value from json_each(:assets))"
            values = {**values, "assets": to_json(sorted(assets))}
        rows = connection.execute(query, values).fetchall()
        records = self._decode(connection, [row[2:] for row in rows], lineage=lineage)
        return {Slot(row[0], row[1]): made for row, made in zip(rows, records, strict=True)}

    def _decode(
        self, connection: Connection, rows: Sequence[Sequence[Any]], *, lineage: bool = True
    ) -> list[Materialization]:
        records = self._decoder.materializations(connection, rows, lineage=lineage)
        if connection.execute("select 1 from projection limit 1").fetchone() is None:
            return records
        later: dict[int, dict[tuple[str, ...], str]] = {}
        query = (
            "select materialization, columns, digest from projection"
            " where materialization in (select value from json_each(?))"
        )
        for entry, columns, digest in connection.execute(query, (to_json([row[0] for row in rows]),)):
            later.setdefault(entry, {})[tuple(from_json(columns))] = digest
        return [
            _with_projections(made, later[row[0]]) if row[0] in later else made
            for row, made in zip(rows, records, strict=True)
        ]

    @staticmethod
    def _by_list(connection: Connection, query: str, values: Iterable[object]) -> list[tuple[Any, ...]]:
        """The rows of a query that ends in ``in``, for however many values."""
        listed = list(dict.fromkeys(values))
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(listed), _CHUNK):
            chunk = listed[start : start + _CHUNK]
            rows.extend(connection.execute(f"{query} ({', '.join('?' * len(chunk))})", chunk))
        return rows


def _sequence(row: Sequence[Any]) -> int:
    sequence: int = row[0]
    return sequence


def _with_projections(made: Materialization, later: dict[tuple[str, ...], str]) -> Materialization:
    known = {**later, **made.version.projections}
    return replace(made, version=replace(made.version, projections=known))
