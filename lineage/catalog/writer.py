"""Recording: every method is one transaction, and evidence is only ever added."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection

from assets_core.check import CheckResult
from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.published import Judged
from assets_core.recipe import Recipe
from assets_core.records import Materialization, RecordKind, RunRecord, RunState, StepRecord
from lineage.catalog import coding
from lineage.catalog.batch import Batch, Current, immediate
from lineage.catalog.chain import Canon, content_digest
from lineage.catalog.changes import add_run, make_change, refuse_busy, refuse_frozen
from lineage.catalog.claims import claimed_by_others, let_go, let_go_of_run
from lineage.catalog.connect import explained
from lineage.catalog.interning import Interner
from lineage.catalog.packing import (
    pack_digests,
    pack_hex,
    pack_id,
    pack_location,
    pack_moment,
    pack_text,
    storable,
    to_json,
)
from lineage.catalog.partition_keys import record_keys
from lineage.catalog.pruning import mark_pruned
from lineage.catalog.schema import Kind
from lineage.catalog.values import Change, CommitReport, Outcome, Publish, Retired
from lineage.file_systems import read_only

RECORD_KINDS = {RecordKind.MATERIALIZATION: 0, RecordKind.OBSERVATION: 1}
"""How the kind of a record is kept."""


_JUDGE = """
update current set judged = ?, basis = ? where environment = (select number from environment where name = ?)
and slot = (select number from slot where asset = ? and ifnull(partition, '') = ?) and id = ?
"""


class Writer:
    """Adds evidence to the catalog. Calls from several threads wait for each other.

    Arguments:
        path: for errors.
        connection: gives the connection of the calling thread.
    """

    def __init__(self, path: Path, connection: Callable[[], Connection]) -> None:
        self._path = path
        self._connection = connection
        self._intern = Interner()
        self._canon = Canon(self._intern)
        self._lock = threading.RLock()

    def begin_run(self, run: RunRecord, *, alone: bool = False) -> None:
        """Records that a run began, and its first heartbeat.

        Arguments:
            alone: refuse where another run of the environment has not ended.

        Raises:
            RefusedError: HW704, its environment is frozen; HW701, a run is at work in it.
        """
        with self._batch(run.started) as batch:
            environment = batch.intern.environment(run.env)
            refuse_frozen(batch.connection, environment, run.env)
            if alone:
                refuse_busy(batch.connection, environment, run.env)
            entry = add_run(batch, run)
            batch.flush()
            batch.connection.execute("insert into heartbeat (run, at) values (?, ?)", (entry, batch.at))

    def end_run(
        self, run_id: str, state: RunState, *, ended: datetime, counts: Mapping[str, int], reason: str = ""
    ) -> None:
        """Records how a run ended. Of several ends, as when a run thought abandoned goes on, the last one counts.

        Arguments:
            counts: steps by final state.
        """
        with self._batch(ended) as batch:
            run = batch.intern.run(run_id)
            numbers = batch.intern.content(to_json(dict(counts))) if counts else None
            batch.add(Kind.RUN_END, run, state.value, batch.at, numbers, storable(reason))
            let_go_of_run(batch.connection, run_id, run)

    def commit(self, env: str, run_id: str, outcomes: Sequence[Outcome], at: datetime) -> CommitReport:
        """Records and publishes what steps left behind: the commit point of everything the engine does.

        One transaction for all outcomes, which gives back what the run had claimed of their slots. A pointer that
        somebody else moved, or a slot that another run has claimed, spoils only its own outcome.

        Raises:
            StorageError: HW416 a record is for another run or environment; HW417 it refers to a run or materialization
                that the catalog does not know. Nothing is recorded then.
        """
        lost: list[Slot] = []
        with self._batch(at) as batch:
            run = batch.intern.run(run_id)
            environment = batch.intern.environment(env)
            _check_run(batch, run, environment, run_id, outcomes)
            current = Current(batch.connection, environment)
            ended = dict.fromkeys(slot for outcome in outcomes for slot in outcome.slots)
            looked_at = dict.fromkeys((*ended, *(one.slot for outcome in outcomes for one in outcome.judged)))
            current.fetch([batch.intern.slot(slot) for slot in looked_at])
            # Another run has claimed a slot of this one where a run thought abandoned goes on.
            taken = claimed_by_others(batch.connection, env, run_id)
            for outcome in outcomes:
                entries = self._record(batch, current, outcome)
                slots = [one.slot for one in outcome.publish]
                late = any(slot in taken for slot in slots)
                if not late and self._publish(batch, current, entries, environment, run, outcome.publish):
                    for step in outcome.steps:
                        self._step(batch, current, entries, step)
                    self._judge(batch, current, outcome.judged)
                else:
                    lost.extend(slots)
            let_go(batch.connection, env, run_id, ended)
            batch.flush()
            current.flush()
            sequence = batch.sequence
        return CommitReport(tuple(lost), sequence)

    def add_check_results(
        self, materialization_id: str, results: Sequence[CheckResult], *, run_id: str | None, at: datetime
    ) -> None:
        """Records a later evaluation of checks on a materialization."""
        with self._batch(at) as batch:
            batch.add(
                Kind.LATER_CHECK,
                batch.intern.materialization(materialization_id),
                None if run_id is None else batch.intern.run(run_id),
                batch.intern.content(coding.results_text(results)),
            )

    def retire(
        self, materialization_ids: Collection[str], how: Retired, *, reason: str, run_id: str | None, at: datetime
    ) -> None:
        """Takes materializations out of use: they are not found by recipe and not published any more."""
        with self._batch(at) as batch:
            run = None if run_id is None else batch.intern.run(run_id)
            for identifier in materialization_ids:
                entry = batch.intern.materialization(identifier)
                batch.add(Kind.RETIREMENT, entry, how.value, storable(reason), run)

    def mark_pruned(self, materialization_ids: Collection[str], *, reason: str, run_id: str, at: datetime) -> list[str]:
        """Marks records whose stored data is going to be deleted; see ``pruning.mark_pruned``."""
        with self._batch(at) as batch:
            return mark_pruned(batch, materialization_ids, reason, run_id)

    def change(self, change: Change) -> int:
        """Records what somebody did to an environment, and moves the pointers; see ``changes.make_change``.

        Returns:
            The last entry of the catalog's log.
        """
        with self._batch(change.run.started) as batch:
            make_change(batch, change)
            return batch.sequence

    def record_keys(self, run: RunRecord, name: str, keys: Collection[str], *, retired: bool) -> tuple[str, ...]:
        """Adds or retires partition keys of a name; gives those for which that was a change."""
        with self._batch(run.started) as batch:
            return record_keys(batch, run, name, keys, retired=retired)

    @contextmanager
    def _batch(self, at: datetime) -> Generator[Batch]:
        moment = pack_moment(at)
        with self._lock, explained(self._path):
            connection = self._connection()
            try:
                with immediate(connection):
                    batch = Batch(connection, self._intern, self._canon, moment)
                    yield batch
                    batch.flush()
            except BaseException:
                self._intern.forget()
                raise

    def _record(self, batch: Batch, current: Current, outcome: Outcome) -> dict[int, int]:
        """Adds the materializations and gives the entry of each slot, for its publication and step to share."""
        entries = {}
        source = batch.intern.content(outcome.source) if outcome.source else None
        for made in outcome.materializations:
            entry = batch.add(Kind.MATERIALIZATION, *_record_values(batch, made), *_recipe_values(batch, made, source))
            batch.intern.note_materialization(made.id, entry)
            slot = batch.intern.slot(made.slot)
            entries[slot] = entry
            if made.blocked:
                current.block(slot, entry)
        return entries

    def _publish(
        self,
        batch: Batch,
        current: Current,
        entries: dict[int, int],
        environment: int,
        run: int,
        moves: Sequence[Publish],
    ) -> bool:
        """Moves all the pointers or, when one of them was moved by somebody else, none."""
        intern = batch.intern
        due = []
        for slot, materialization, expected in moves:
            number = intern.slot(slot)
            target = None if materialization is None else intern.materialization(materialization)
            shown = current.shown(number)
            if shown == target:
                continue
            seen = None if expected is None else intern.materialization(expected)
            found_again = target is not None and target != entries.get(number)  # what is new cannot be retired
            if shown != seen or (found_again and _is_retired(batch, target)):
                return False
            due.append((number, target, shown, materialization))
        for number, target, shown, materialization in due:
            own = entries.get(number)
            entry = batch.add_beside(own, Kind.PUBLICATION, environment, number, target, shown, run)
            entries.setdefault(number, entry)
            current.show(number, target, entry, materialization)
        return True

    def remember_judged(self, env: str, judged: Sequence[Judged]) -> None:
        """Remembers which slots were found fresh under what; only for what they still show.

        It is not evidence, so nothing is kept where the file system is mounted read-only.
        """
        if read_only(self._path.parent):
            return
        standings = {one.standing: one for one in judged}
        with self._lock, explained(self._path):
            connection = self._connection()
            try:
                with immediate(connection):
                    self._intern.begin(connection)
                    numbers = {digest: self._intern.standing(one) for digest, one in standings.items()}
                    # One row at a time: there may be a million.
                    connection.executemany(_JUDGE, (_judgement(numbers[one.standing], env, one) for one in judged))
            except BaseException:
                self._intern.forget()
                raise

    @staticmethod
    def _judge(batch: Batch, current: Current, judged: Sequence[Judged]) -> None:
        for one in judged:
            current.judge(batch.intern.slot(one.slot), one.id, batch.intern.standing(one), one.basis)

    def _step(self, batch: Batch, current: Current, entries: dict[int, int], step: StepRecord) -> None:
        intern = batch.intern
        slot = intern.slot(step.slot)
        made = None if step.materialization is None else intern.materialization(step.materialization)
        entry = batch.add_beside(
            entries.get(slot),
            Kind.STEP,
            intern.run(step.run_id),
            slot,
            step.state,
            intern.content(to_json(step.reasons)) if step.reasons else None,
            made,
            intern.content(coding.error_text(step.error)) if step.error else None,
            step.attempts,
            step.seconds,
            _keep_output(batch, step),
        )
        current.step(slot, entry)
        if step.state == "blocked" and made is not None:
            current.block(slot, made)  # also when the blocked record was found in history instead of made


def _judgement(standing: int, env: str, one: Judged) -> tuple[object, ...]:
    """The values of ``_JUDGE``."""
    return standing, one.basis, env, one.slot.asset, one.slot.partition or "", pack_id(one.id)


def _record_values(batch: Batch, made: Materialization) -> tuple[object, ...]:
    """The columns of a materialization up to ``metadata``."""
    intern = batch.intern
    stored = made.stored
    version = made.version
    return (
        pack_id(made.id),
        intern.slot(made.slot),
        RECORD_KINDS[made.kind],
        intern.run(made.run_id),
        pack_moment(made.created),
        intern.value("schema", made.schema, coding.schema_text),
        version.rows,
        intern.value("shape", coding.version_shape(version), coding.shape_text),
        pack_digests(coding.version_digests(version)),
        int(made.blocked),
        made.seconds,
        made.cpu_seconds,
        stored and stored.storage,
        stored and pack_location(storable(stored.location), made.id),
        stored and stored.bytes,
        stored and pack_hex(stored.digest),
        None if made.lineage is None else intern.value("lineage", made.lineage, coding.lineage_text),
        _results(batch, made.checks),
        intern.content(to_json(dict(made.metadata))) if made.metadata else None,
    )


def _recipe_values(batch: Batch, made: Materialization, source: int | None) -> tuple[object, ...]:
    """The columns of a materialization from ``recipe`` on."""
    recipe = made.recipe
    if recipe is None:
        return (None, None, None, None, None, None, None, source)
    intern = batch.intern
    settings = (tuple(recipe.config.items()), tuple(recipe.settings.items()))
    return (
        pack_hex(recipe.id),
        None if (recipe.asset, recipe.partition) == made.slot else intern.slot(Slot(recipe.asset, recipe.partition)),
        to_json(recipe.window) if recipe.window else None,
        intern.value("code", recipe.code, coding.code_text),
        intern.content(coding.inputs_text(recipe.inputs)),
        coding.pack_parts(_readings(batch, recipe)),
        intern.value("settings", settings, coding.settings_text) if any(settings) else None,
        source,
    )


def _results(batch: Batch, results: tuple[CheckResult, ...]) -> int | None:
    if not results:
        return None
    if all(one.passed and not one.sample for one in results):  # most are, alike from slot to slot, and hashable
        return batch.intern.value("results", results, coding.results_text)
    return batch.intern.content(coding.results_text(results))


def _check_run(batch: Batch, run: int, environment: int, run_id: str, outcomes: Sequence[Outcome]) -> None:
    """Holds the records to the run and environment that they are committed for."""
    row = batch.connection.execute("select environment from run where sequence = ?", (run,)).fetchone()
    if row[0] != environment:
        raise StorageError("HW416", "a run publishes only in its own environment", where=run_id)
    for outcome in outcomes:
        records: tuple[Materialization | StepRecord, ...] = (*outcome.materializations, *outcome.steps)
        for record in records:
            if record.run_id != run_id:
                raise StorageError(
                    "HW416", "a record names another run than the one it is committed for", where=str(record.slot)
                )


def _readings(batch: Batch, recipe: Recipe) -> list[list[int]]:
    reading = batch.intern.reading
    return [
        [reading(part.materialization, part.partition, part.version) for part in one.parts] for one in recipe.inputs
    ]


def _is_retired(batch: Batch, materialization: int | None) -> bool:
    query = "select 1 from retirement where materialization = ?"
    return batch.connection.execute(query, (materialization,)).fetchone() is not None


def _keep_output(batch: Batch, step: StepRecord) -> bytes | None:
    """Keeps the logs of a step apart, once however often the same was said; the step's record has their digest."""
    if not any(log.output or log.traceback for log in step.logs):
        return None
    text = coding.logs_text(step.logs)
    digest = content_digest(text)
    batch.connection.execute(
        "insert into output (digest, body) values (?, ?) on conflict do nothing", (digest, pack_text(text))
    )
    return digest
