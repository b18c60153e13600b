"""The engine: the only loop. It carries a plan out, and it alone writes to the catalog."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from assets_core.asset import Source
from assets_core.check import Check, Severity
from assets_core.errors import HeadwaterError
from assets_core.facts import make_recipe
from assets_core.keys import Slot
from assets_core.plan import Plan, Step
from assets_core.ports import Executor, Reporter, RunResult, StepOutcome
from assets_core.recipe import Recipe
from assets_core.records import Materialization, StepError, StepRecord, StepResult
from assets_core.run import WELL_ENDED, Instruction, Order, RunTable, StepEvent, StepState
from assets_core.staleness import SlotState, judge
from assets_core.states import judged, remember
from lineage.catalog.values import Outcome, Publish
from lineage.code_record import to_text
from lineage.derive import read_source
from materializers.dispatch import Dispatcher, Progress
from materializers.observe import Known, Scene, asset_facts, input_schemas, keep_derivations
from materializers.tables import CatalogDigests

COMMIT_AFTER_SECONDS = 0.05
"""How long a finished step may wait for others to share its transaction while there is other work to do."""
COMMIT_AT_MOST = 100
"""So many steps share a transaction at most."""


class Engine:
    """Carries out one run.

    Arguments:
        known: the facts that the plan was made from; the engine moves them on.
        executor: where attempts run.
        reporter: who is told.
        mask: takes secrets out of a text.
    """

    def __init__(
        self,
        scene: Scene,
        known: Known,
        plan: Plan,
        run_id: str,
        executor: Executor,
        reporter: Reporter,
        mask: Callable[[str], str] = str,
    ) -> None:
        self.scene = scene
        self.known = known
        self.facts = known.facts
        self.plan = plan
        self.run_id = run_id
        self.executor = executor
        self.reporter = reporter
        self.mask = mask
        self.table = RunTable(plan)
        self.progress = [Progress() for _ in plan.steps]
        self.outcomes: list[StepOutcome] = []
        self.warnings: list[str] = []
        self._dispatcher = Dispatcher(scene, known.facts, run_id)
        self._digests = CatalogDigests(scene.catalog)
        self._instructions: list[Instruction] = []
        self._ready: list[tuple[int, int]] = []
        self._running: set[int] = set()
        self._retries: list[tuple[float, int]] = []
        self._waiting: list[int] = []
        self._unrecorded: list[StepRecord] = []
        self._oldest = 0.0
        self._interrupted = False
        self._stopping = False
        self.facts.keep_all_but(plan.assets)

    def run(self) -> RunResult:
        """Runs the plan to its end; after ``interrupt`` only what is under way to its end."""
        began = time.perf_counter()
        self._record_observations()
        self._instructions.extend(self.table.begin())
        while self._instructions or not self.table.ended:
            if self._interrupted and not self._stopping:
                self._stop()
            self._advance()
        self._commit()
        keep_derivations(self.scene)
        counts = self.table.count()
        ok = all(StepState(state) in WELL_ENDED for state in counts)
        return RunResult(
            self.run_id, self.scene.env, ok, tuple(self.outcomes), counts, tuple(self.warnings),
            time.perf_counter() - began,
        )  # fmt: skip

    def interrupt(self) -> None:
        """Asks the run to end in order, where nothing is half done; returns at once, as a signal handler must."""
        self._interrupted = True

    @property
    def stopped(self) -> bool:
        """Whether somebody interrupted the run."""
        return self._stopping

    # -- the loop ---------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        while self._instructions:
            instruction = self._instructions.pop(0)
            if instruction.order is Order.CONSIDER:
                self._consider(instruction.step)
            else:
                self._settle(instruction.step)
        self._start_due_retries()
        while self._ready and len(self._running) < 2 * self.executor.workers:
            self._start(heapq.heappop(self._ready)[1])
        busy = len(self._running) > self.executor.workers
        if self._waiting and (not busy or self._commit_is_due()):
            self._commit()
            return
        if self._instructions or self.table.ended:
            return
        for place, result in self.executor.wait(self._patience()):
            self._finished(place, result)

    def _patience(self) -> float | None:
        """How long to wait for an attempt at most, in seconds."""
        bounds = [due - time.monotonic() for due, _ in self._retries]
        if self._waiting:
            bounds.append(COMMIT_AFTER_SECONDS)
        if not self._running and not bounds:
            return 0.0
        return max(0.001, min(bounds)) if bounds else 1.0

    def _commit_is_due(self) -> bool:
        return len(self._waiting) >= COMMIT_AT_MOST or time.monotonic() - self._oldest > COMMIT_AFTER_SECONDS

    def _apply(self, place: int, event: StepEvent) -> None:
        self._instructions.extend(self.table.apply(place, event))

    def _stop(self) -> None:
        self._stopping = True
        self._ready.clear()
        self._retries.clear()
        self.reporter.warned("interrupted: what is running may finish; interrupt again to stop at once")
        self._instructions = [one for one in self._instructions if one.order is Order.SETTLE]
        self._instructions.extend(self.table.cancel())

    # -- considering a step whose inputs have settled ---------------------------------------------------------------

    def _consider(self, place: int) -> None:
        if self.table.states[place] is not StepState.READY:
            return
        step, progress = self.plan.steps[place], self.progress[place]
        try:
            if not self._inputs_are_there(step):
                self._apply(place, StepEvent.INPUT_ABSENT)
                return
            self._derive_now(step)
            if not step.forced and all(judge(slot, self.facts).state is SlotState.FRESH for slot in step.slots):
                for slot in step.slots:
                    remember(slot, self.facts.basis(slot), self.facts)
                self._apply(place, StepEvent.EQUAL)
                return
            progress.recipes = {slot: self._recipe(slot) for slot in step.slots}
            progress.basis = {slot: self.facts.basis(slot) for slot in step.slots}
            progress.expected = {slot: self._shown(slot) for slot in step.slots}
            if not step.forced and not self.facts.graph.asset(step.slot.asset).volatile and self._look_up(place):
                return
        except HeadwaterError as error:
            progress.error = StepError(error.code, type(error).__name__, self.mask(error.what), "", error.hint)
            self._apply(place, StepEvent.RAISED)
            return
        priority = -self.facts.graph.asset(step.slot.asset).run.priority
        heapq.heappush(self._ready, (priority * len(self.plan.steps) + place, place))

    def _inputs_are_there(self, step: Step) -> bool:
        graph = self.facts.graph
        return all(
            upstream in self.facts.published
            for bound in graph.inputs[step.slot.asset]
            for upstream in self.facts.reads(step.slot, bound)
        )

    def _derive_now(self, step: Step) -> None:
        """Derives an asset whose inputs' schemas have become known only now, or are others than it was planned with."""
        for slot in step.slots:
            asset, known = self.facts.graph.asset(slot.asset), self.facts.assets[slot.asset]
            schemas = tuple(schema for _, schema in input_schemas(self.facts.graph, asset, self.facts))
            if known.derivation is None or known.input_schemas != schemas:
                found = self.facts.assets[slot.asset] = asset_facts(self.scene, asset, self.facts)
                if found.derivation is not None and found.derivation.errors:
                    raise found.derivation.errors[0]

    def _recipe(self, slot: Slot) -> Recipe:
        recipe = make_recipe(slot, self.facts)
        if recipe is None:
            raise HeadwaterError(
                "HW512", f"the inputs of {slot} cannot be compared", where=str(slot),
                hint="their stored data may be gone: headwater audit verify",
            )  # fmt: skip
        return recipe

    def _shown(self, slot: Slot) -> str | None:
        made = self.facts.published.get(slot)
        # What is shown under a former key is not what the catalog shows under this one.
        return None if made is None or made.slot != slot else made.id

    def _look_up(self, place: int) -> bool:
        """Publishes from history if the recipes of all slots were made before; whether there is nothing to compute."""
        progress = self.progress[place]
        found = self.scene.catalog.find_recipes([recipe.id for recipe in progress.recipes.values()])
        made = {slot: found.get(recipe.id) for slot, recipe in progress.recipes.items()}
        records = {slot: one for slot, one in made.items() if one is not None and one.slot == slot}
        if len(records) < len(made) or not self.scene.tables.intact(records.values()):
            return False
        passed = {slot: {result.rule for result in one.checks if result.passed} for slot, one in records.items()}
        failed = {slot: {result.rule for result in one.checks if not result.passed} for slot, one in records.items()}
        wanted = {slot: {check.rule for check in self._blocking(slot)} for slot in records}
        if any(wanted[slot] & failed[slot] for slot in records):
            progress.made = tuple(records.values())
            self._apply(place, StepEvent.FOUND_BLOCKED)
            return True
        settled = all(not one.blocked for one in records.values())
        if settled and all(wanted[slot] <= passed[slot] for slot in records):
            progress.made = tuple(records.values())
            self._apply(place, StepEvent.FOUND)
            self._wait_for_commit(place)
            return True
        progress.adopt = records
        return False

    def _blocking(self, slot: Slot) -> list[Check]:
        return [one for one in self.facts.graph.asset(slot.asset).checks if one.severity is Severity.BLOCKING]

    # -- attempts ---------------------------------------------------------------------------------------------------

    def _start(self, place: int) -> None:
        step, progress = self.plan.steps[place], self.progress[place]
        try:
            task = self._dispatcher.task(step, progress)
        except HeadwaterError as error:
            progress.error = StepError(error.code, type(error).__name__, self.mask(error.what), "", error.hint)
            self._apply(place, StepEvent.RAISED)
            return
        progress.attempts += 1
        self._running.add(place)
        self._apply(place, StepEvent.STARTED)
        self.reporter.started(step, progress.attempts)
        self.executor.submit(place, task)

    def _start_due_retries(self) -> None:
        while self._retries and self._retries[0][0] <= time.monotonic():
            self._start(heapq.heappop(self._retries)[1])

    def _finished(self, place: int, result: StepResult) -> None:
        self._running.discard(place)
        step, progress = self.plan.steps[place], self.progress[place]
        progress.seconds += result.seconds
        progress.logs.append(result.log)
        if result.error is None:
            try:
                self._confirm_sources(step.slot)
            except HeadwaterError as error:
                result = replace(
                    result, made=(), error=StepError(error.code, type(error).__name__, error.what, "", error.hint)
                )
        if result.error is None:
            progress.made, progress.error = result.made, None
            self._apply(place, StepEvent.COMPUTED)
            self._wait_for_commit(place)
            return
        progress.error = result.error
        retry = self.facts.graph.asset(step.slot.asset).run.retry
        if result.worth_another_try and progress.attempts < retry.attempts and not self._stopping:
            wait = retry.wait_seconds * 2 ** (progress.attempts - 1)
            self._apply(place, StepEvent.WORTH_ANOTHER_TRY)
            self.reporter.retrying(step, result.error, wait)
            heapq.heappush(self._retries, (time.monotonic() + wait, place))
        else:
            self._apply(place, StepEvent.RAISED)

    def _confirm_sources(self, slot: Slot) -> None:
        """A source that is read in place must still be what it was when it was observed."""
        for bound in self.facts.graph.inputs[slot.asset]:
            if isinstance(self.facts.graph.definitions[bound.key], Source):
                made = [self.facts.published[one] for one in self.facts.reads(slot, bound)]
                self.scene.tables.confirm(made, self._digests)

    # -- recording --------------------------------------------------------------------------------------------------

    def _wait_for_commit(self, place: int) -> None:
        if not self._waiting:
            self._oldest = time.monotonic()
        self._waiting.append(place)

    def _record_observations(self) -> None:
        fresh = [one for one in self.known.observed if not one.blocked]
        before = self.scene.catalog.published(
            self.scene.env, assets={one.slot.asset for one in fresh}, lineage=False
        ) if fresh else {}  # fmt: skip
        outcomes = []
        for made in self.known.observed:
            expected = before[made.slot].id if made.slot in before else None
            made = replace(made, run_id=self.run_id)
            publish = () if made.blocked else (Publish(made.slot, made.id, expected),)
            outcomes.append(Outcome((made,), publish))
        if outcomes:
            self.scene.catalog.commit(self.scene.env, self.run_id, outcomes, datetime.now(UTC))

    def _commit(self) -> None:
        """One transaction for every step that waits for it, and for how others ended."""
        places, self._waiting = self._waiting, []
        outcomes = [self._outcome(place) for place in places]
        if self._unrecorded:
            outcomes.append(Outcome(steps=tuple(self._unrecorded)))
            self._unrecorded = []
        if self.facts.found_fresh:
            outcomes.append(Outcome(judged=tuple(self.facts.found_fresh)))
            self.facts.found_fresh.clear()
        if not outcomes:
            return
        report = self.scene.catalog.commit(self.scene.env, self.run_id, outcomes, datetime.now(UTC))
        lost = set(report.lost)
        faces: dict[str, dict[Slot, Any]] = {}
        for place in places:
            self._published(place, lost, faces)
        for name, published in faces.items():
            try:
                self.scene.tables.storage(name).publish(self.scene.env, published)
            except HeadwaterError as error:
                self._warn(f"the published face of storage {name} is behind: {error.what}")

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            self.reporter.warned(message)

    def _outcome(self, place: int) -> Outcome:
        step, progress = self.plan.steps[place], self.progress[place]
        computed = self.table.states[place] is StepState.RECORDING
        blocked = any(made.blocked for made in progress.made)
        reused = not computed or progress.adopt
        state = StepState.BLOCKED if blocked else StepState.REUSED if reused else StepState.SUCCEEDED
        publish = [] if blocked else [
            Publish(made.slot, made.id, progress.expected[made.slot]) for made in progress.made
        ]  # fmt: skip
        publish += [Publish(one.slot, None, one.id) for one in self._carried(publish)]
        steps = tuple(self._step_record(place, slot, state) for slot in step.slots)
        fresh = [] if blocked else [
            judged(made.slot, made.id, progress.basis[made.slot], self.facts) for made in progress.made
        ]  # fmt: skip
        return Outcome(
            progress.made if computed else (), tuple(publish), steps, self._source(step) if computed else "",
            tuple(one for one in fresh if one is not None),
        )  # fmt: skip

    def _carried(self, moves: Iterable[Publish]) -> list[Materialization]:
        """What is shown under former keys of slots that are published under their own now."""
        shown = (self.facts.published.get(move.slot) for move in moves)
        return [made for made, move in zip(shown, moves, strict=True) if made is not None and made.slot != move.slot]

    def _source(self, step: Step) -> str:
        asset = self.facts.graph.asset(step.slot.asset)
        inputs = input_schemas(self.facts.graph, asset, self.facts)
        return to_text(asset, read_source(asset, inputs, self.scene.derived))

    def _published(self, place: int, lost: set[Slot], faces: dict[str, dict[Slot, Any]]) -> None:
        progress = self.progress[place]
        if any(made.slot in lost for made in progress.made):
            progress.error = StepError(
                "HW511", "RunError", "its slot was published by another run meanwhile", "", "run the command again"
            )
            self._apply(place, StepEvent.MOVED_MEANWHILE)
            return
        if any(made.blocked for made in progress.made):
            self._apply(place, StepEvent.SET_ASIDE)
            return
        for made in progress.made:
            before = self.facts.published.get(made.slot)
            if before is not None and before.slot != made.slot and before.stored is not None:
                faces.setdefault(before.stored.storage, {})[before.slot] = None
            self.facts.published[made.slot] = made
            self.facts.aside.pop(made.slot, None)
            self.facts.absent.discard(made.slot)
            if made.stored is not None:
                faces.setdefault(made.stored.storage, {})[made.slot] = made.stored
        self._apply(place, StepEvent.RECHECKED if progress.adopt else StepEvent.PUBLISHED)

    def _step_record(self, place: int, slot: Slot, state: StepState) -> StepRecord:
        step, progress = self.plan.steps[place], self.progress[place]
        made = next((one.id for one in progress.made if one.slot == slot), None)
        return StepRecord(
            self.run_id,
            slot,
            str(state),
            tuple(reason.as_dict() for reason in step.reasons),
            made,
            progress.error,
            progress.attempts,
            progress.seconds,
            tuple(progress.logs),
        )

    def _settle(self, place: int) -> None:
        """Tells the reporter how a step ended, and sees to its record if no transaction has it yet."""
        step, progress, state = self.plan.steps[place], self.progress[place], self.table.states[place]
        recorded = bool(progress.made) and state in (StepState.SUCCEEDED, StepState.REUSED)
        recorded = recorded or (state is StepState.BLOCKED and progress.attempts > 0)
        for slot in step.slots:
            if not recorded:
                self._unrecorded.append(self._step_record(place, slot, state))
            made = next((one for one in progress.made if one.slot == slot), None)
            shown = self.facts.published.get(slot) if state is StepState.SKIPPED else None
            record = made or shown
            outcome = StepOutcome(
                slot,
                state,
                step.reasons,
                None if record is None else record.id,
                progress.error if state is StepState.FAILED else None,
                () if record is None else record.checks,
                progress.attempts,
                progress.seconds,
                None if record is None else record.version.rows,
                tuple(progress.logs),
            )
            self.outcomes.append(outcome)
            self.reporter.settled(outcome)
