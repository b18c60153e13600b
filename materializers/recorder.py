"""Writing down how steps ended: many steps share a transaction, and what they publish appears with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from assets_core.errors import HeadwaterError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.plan import Step
from assets_core.ports import StepOutcome
from assets_core.records import Materialization, StepError, StepRecord
from assets_core.run import FAILURES, RunTable, StepEvent, StepState
from assets_core.states import judged
from lineage.catalog.values import Outcome, Publish
from lineage.code_record import to_text
from lineage.derive import read_source
from materializers.dispatch import Progress
from materializers.observe import Scene, input_schemas

COMMIT_AFTER_SECONDS = 0.05
"""How long a finished step may wait for others to share its transaction while there is other work to do."""
COMMIT_AT_MOST = 100
"""So many steps share a transaction at most."""
RECORD_AFTER_SECONDS = 1.0
"""How long the record of a step that published nothing may wait; until then its slots stay claimed."""


class Recorder:
    """Records the steps of one run.

    Arguments:
        facts: moved on as steps are published.
        progress: of the steps that are under way, by place.
        warn: hears what stops nothing.
    """

    def __init__(
        self,
        scene: Scene,
        facts: Facts,
        table: RunTable,
        progress: Mapping[int, Progress],
        run_id: str,
        warn: Callable[[str], None],
    ) -> None:
        self._scene = scene
        self._facts = facts
        self._table = table
        self._progress = progress
        self._run_id = run_id
        self._warn = warn
        self._waiting: list[int] = []
        self._unrecorded: list[StepRecord] = []
        self._oldest = 0.0
        self._oldest_record = 0.0

    @property
    def waiting(self) -> bool:
        """Whether results lie beside the published data and wait for a transaction."""
        return bool(self._waiting)

    def publish(self, place: int) -> None:
        """Takes a step whose result lies ready."""
        if not self._waiting:
            self._oldest = time.monotonic()
        self._waiting.append(place)

    def ended(self, place: int) -> list[StepOutcome]:
        """How a step ended, slot by slot; sees to its record if no transaction has it yet."""
        progress, state = self._progress[place], self._table.states[place]
        recorded = bool(progress.made) and state in (StepState.SUCCEEDED, StepState.REUSED)
        recorded = recorded or (state is StepState.BLOCKED and progress.attempts > 0)
        if not recorded and not self._unrecorded:
            self._oldest_record = time.monotonic()
        if not recorded:
            self._unrecorded.extend(self._step_record(place, slot, state) for slot in progress.step.slots)
        return [self._slot_outcome(progress, slot, state) for slot in progress.step.slots]

    def _slot_outcome(self, progress: Progress, slot: Slot, state: StepState) -> StepOutcome:
        made = next((one for one in progress.made if one.slot == slot), None)
        shown = self._facts.published.get(slot) if state is StepState.SKIPPED else None
        record = made or shown
        return StepOutcome(
            slot,
            state,
            progress.step.reasons,
            None if record is None else record.id,
            progress.error if state in FAILURES else None,
            () if record is None else record.checks,
            progress.attempts,
            progress.seconds,
            None if record is None else record.version.rows,
            tuple(progress.logs),
        )

    def due(self, *, idle: bool) -> bool:
        """Whether it is time for a transaction.

        Arguments:
            idle: there is nothing better to do.
        """
        now = time.monotonic()
        full = len(self._waiting) >= COMMIT_AT_MOST or now - self._oldest > COMMIT_AFTER_SECONDS
        old = bool(self._unrecorded) and now - self._oldest_record > RECORD_AFTER_SECONDS
        return old or (bool(self._waiting) and (idle or full))

    def observations(self, observed: Iterable[Materialization]) -> None:
        """Records what sources were found to hold, before the first step."""
        catalog, env = self._scene.catalog, self._scene.env
        made = [replace(one, run_id=self._run_id) for one in observed]
        fresh = {one.slot.asset for one in made if not one.blocked}
        before = catalog.published(env, assets=fresh, lineage=False) if fresh else {}
        outcomes = []
        for one in made:
            expected = before[one.slot].id if one.slot in before else None
            outcomes.append(Outcome((one,), () if one.blocked else (Publish(one.slot, one.id, expected),)))
        if outcomes:
            catalog.commit(env, self._run_id, outcomes, datetime.now(UTC))

    def commit(self) -> list[tuple[int, StepEvent]]:
        """One transaction for every step that waits for it, and for how others ended; gives what it came to."""
        places, self._waiting = self._waiting, []
        outcomes = [self._outcome(place) for place in places]
        if self._unrecorded:
            outcomes.append(Outcome(steps=tuple(self._unrecorded)))
            self._unrecorded = []
        if self._facts.found_fresh:
            outcomes.append(Outcome(judged=tuple(self._facts.found_fresh)))
            self._facts.found_fresh.clear()
        if not outcomes:
            return []
        report = self._scene.catalog.commit(self._scene.env, self._run_id, outcomes, datetime.now(UTC))
        lost = set(report.lost)
        faces: dict[str, dict[Slot, Any]] = {}
        events = [(place, self._published(place, lost, faces)) for place in places]
        for name, published in faces.items():
            try:
                self._scene.tables.storage(name).publish(self._scene.env, published)
            except HeadwaterError as error:
                self._scene.catalog.note_face(self._scene.env, name, published, behind=True)
                self._warn(f"the published face of storage {name} is behind until the next run: {error.what}")
        return events

    def _outcome(self, place: int) -> Outcome:
        progress = self._progress[place]
        computed = self._table.states[place] is StepState.RECORDING
        blocked = any(made.blocked for made in progress.made)
        reused = not computed or progress.adopt
        state = StepState.BLOCKED if blocked else StepState.REUSED if reused else StepState.SUCCEEDED
        publish = [] if blocked else [
            Publish(made.slot, made.id, progress.expected[made.slot]) for made in progress.made
        ]  # fmt: skip
        publish += [Publish(one.slot, None, one.id) for one in self._carried(publish)]
        steps = tuple(self._step_record(place, slot, state) for slot in progress.step.slots)
        fresh = [] if blocked else [
            judged(made.slot, made.id, progress.basis[made.slot], self._facts) for made in progress.made
        ]  # fmt: skip
        return Outcome(
            progress.made if computed else (), tuple(publish), steps, self._source(progress.step) if computed else "",
            tuple(one for one in fresh if one is not None),
        )  # fmt: skip

    def _carried(self, moves: Iterable[Publish]) -> list[Materialization]:
        """What is shown under former keys of slots that are published under their own now."""
        shown = (self._facts.published.get(move.slot) for move in moves)
        return [made for made, move in zip(shown, moves, strict=True) if made is not None and made.slot != move.slot]

    def _source(self, step: Step) -> str:
        asset = self._facts.graph.asset(step.slot.asset)
        inputs = input_schemas(self._facts.graph, asset, self._facts)
        return to_text(asset, read_source(asset, inputs, self._scene.derived))

    def _published(self, place: int, lost: set[Slot], faces: dict[str, dict[Slot, Any]]) -> StepEvent:
        progress = self._progress[place]
        if any(made.slot in lost for made in progress.made):
            progress.error = StepError(
                "HW511", "RunError", "its slot was published by another run meanwhile", "", "run the command again"
            )
            return StepEvent.MOVED_MEANWHILE
        if any(made.blocked for made in progress.made):
            return StepEvent.SET_ASIDE
        for made in progress.made:
            before = self._facts.published.get(made.slot)
            if before is not None and before.stored is not None:
                moved = made.stored is not None and made.stored.storage != before.stored.storage
                if moved or made.slot != before.slot:  # its link is not replaced by the new one
                    faces.setdefault(before.stored.storage, {})[before.slot] = None
            self._facts.published[made.slot] = made
            self._facts.aside.pop(made.slot, None)
            self._facts.absent.discard(made.slot)
            if made.stored is not None:
                faces.setdefault(made.stored.storage, {})[made.slot] = made.stored
        return StepEvent.RECHECKED if progress.adopt else StepEvent.PUBLISHED

    def _step_record(self, place: int, slot: Slot, state: StepState) -> StepRecord:
        progress = self._progress[place]
        made = next((one.id for one in progress.made if one.slot == slot), None)
        return StepRecord(
            self._run_id,
            slot,
            str(state),
            tuple(reason.as_dict() for reason in progress.step.reasons),
            made,
            progress.error,
            progress.attempts,
            progress.seconds,
            tuple(progress.logs),
        )
