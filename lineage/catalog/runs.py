"""Reading how runs and their steps went."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

from assets_core.keys import Slot
from assets_core.records import RunRecord, RunState, StepRecord
from lineage.catalog import coding
from lineage.catalog.connect import explained
from lineage.catalog.decoding import hanging_together
from lineage.catalog.environments import dropped_at
from lineage.catalog.packing import pack_id, to_json, unpack_id, unpack_json, unpack_moment

_RUNS = """
select r.id, e.name, x.state, r.started, r.actor, r.command, r.selection, p.body, x.ended, c.body, x.reason, a.body,
    (select id from run o where o.sequence = r.parent)
from run r join environment e on e.number = r.environment left join content p on p.number = r.process
left join run_end x on x.sequence = (select max(sequence) from run_end where run = r.sequence)
left join content c on c.number = x.counts left join content a on a.number = r.asked
"""
_STEPS = """
select r.id, s.asset, s.partition, t.state, a.body, m.id, f.body, t.attempts, t.seconds, o.body,
    t.output is not null and o.digest is null
from step t join run r on r.sequence = t.run join slot s on s.number = t.slot
left join content a on a.number = t.reasons left join materialization m on m.sequence = t.materialization
left join content f on f.number = t.error left join output o on o.digest = t.output
"""


class RunReader:
    """Reads runs and steps.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection

    def runs(self, limit: int = 20, *, env: str | None = None) -> list[RunRecord]:
        """The last runs, newest first.

        Arguments:
            limit: at most so many; -1 for all.
            env: of one environment; None for all.
        """
        where = "where :env is null or e.name = :env order by r.sequence desc limit :limit"
        return self._runs(where, {"env": env, "limit": limit})

    def run(self, run_id: str) -> RunRecord | None:
        """One run; None when it is not known."""
        found = self._runs("where r.id = :id", {"id": pack_id(run_id)})
        return found[0] if found else None

    def live_runs(self, env: str | None = None) -> list[RunRecord]:
        """The runs that have not ended, oldest first; whether their processes still live is for the caller to see."""
        where = "where x.sequence is null and (:env is null or e.name = :env) order by r.sequence"
        return self._runs(where, {"env": env})

    def last_beat(self, run_id: str) -> datetime | None:
        """The last heartbeat of a run that has not ended."""
        query = "select h.at from heartbeat h join run r on r.sequence = h.run where r.id = ?"
        with explained(self._path), hanging_together():
            row = self._connection().execute(query, (pack_id(run_id),)).fetchone()
            return None if row is None else unpack_moment(row[0])

    def steps(self, run_id: str) -> list[StepRecord]:
        """The steps of a run in the order in which they settled, with their logs."""
        with explained(self._path), hanging_together():
            rows = self._connection().execute(f"{_STEPS} where r.id = ? order by t.sequence", (pack_id(run_id),))
            return [_step(row) for row in rows]

    def last_steps(self, env: str, *, assets: Collection[str] | None = None) -> dict[Slot, StepRecord]:
        """The last step of every slot in an environment since it was last dropped, with its logs.

        Arguments:
            assets: only slots of these assets; None for all.
        """
        query = (
            f"{_STEPS} where t.sequence in (select c.step from current c join environment e"  # noqa: S608
            " on e.number = c.environment where e.name = :env) and t.sequence > :since"
            " and (:assets is null or s.asset in (select value from json_each(:assets)))"
        )
        chosen = None if assets is None else to_json(sorted(assets))
        with explained(self._path), hanging_together():
            values = {"env": env, "assets": chosen, "since": dropped_at(self._connection(), env)}
            steps = (_step(row) for row in self._connection().execute(query, values))
            return {step.slot: step for step in steps}

    def typical_seconds(self, assets: Collection[str]) -> dict[str, float]:
        """How long one making of a slot took of late, by asset key, on the mean, in any environment.

        Looks at the last 20,000 records, so that it costs some milliseconds however long the history.
        """
        query = (
            "select s.asset, avg(m.seconds) from (select slot, seconds, recipe from materialization"
            " where sequence > (select sequence from head where one = 1) - 20000) m"
            " join slot s on s.number = m.slot where m.recipe is not null"
            " and s.asset in (select value from json_each(?)) group by s.asset"
        )
        with explained(self._path), hanging_together():
            return dict(self._connection().execute(query, (to_json(sorted(assets)),)).fetchall())

    def _runs(self, where: str, values: dict[str, Any]) -> list[RunRecord]:
        with explained(self._path), hanging_together():
            return [_run(row) for row in self._connection().execute(_RUNS + where, values)]


def _run(row: Row | tuple[Any, ...]) -> RunRecord:
    identifier, env, state, started, actor, command, selection, process, ended, counts, reason, asked, parent = row
    return RunRecord(
        unpack_id(identifier),
        env,
        RunState.RUNNING if state is None else RunState(state),
        unpack_moment(started),
        actor,
        command,
        selection,
        {} if process is None else unpack_json(process),
        None if ended is None else unpack_moment(ended),
        {} if counts is None else unpack_json(counts),
        reason or "",
        {} if asked is None else unpack_json(asked),
        None if parent is None else unpack_id(parent),
    )


def _step(row: Row | tuple[Any, ...]) -> StepRecord:
    run, asset, partition, state, reasons, made, error, attempts, seconds, output, gone = row
    return StepRecord(
        unpack_id(run),
        Slot(asset, partition),
        state,
        () if reasons is None else tuple(unpack_json(reasons)),
        None if made is None else unpack_id(made),
        None if error is None else coding.error_value(unpack_json(error)),
        attempts,
        seconds,
        () if output is None else coding.logs_value(unpack_json(output)),
        bool(gone),
    )
