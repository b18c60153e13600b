"""The engine: the only loop. It carries a plan out, and it alone writes to the catalog."""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from assets_core.admission import Admission, Needs, Rank, path_lengths, typical_seconds
from assets_core.asset import Asset
from assets_core.errors import HeadwaterError
from assets_core.plan import Plan
from assets_core.ports import Conduct, Executor, IfBusy, Reporter, RunResult, StepOutcome
from assets_core.records import StepError, StepResult
from assets_core.run import AS_ASKED, FAILURES, Instruction, Order, RunTable, StepEvent, StepState
from lineage.catalog.values import Want
from materializers.considering import Considering
from materializers.dispatch import Dispatcher, Progress
from materializers.neighbours import Neighbourhood
from materializers.observe import Known, Scene, keep_derivations
from materializers.recorder import COMMIT_AFTER_SECONDS, Recorder
from materializers.tables import CatalogDigests

PATIENCE_SECONDS = 0.2
"""The engine listens at least so often to whoever interrupts it."""
QUICK_SECONDS = 0.25
"""Of quick steps so many are claimed and handed out at once as keep the workers busy for so long."""
IN_HAND_AT_MOST = 64
"""But never more than so many."""


class Engine:
    """Carries out one run.

    Arguments:
        known: the facts that the plan was made from; the engine moves them on.
        executor: where attempts run.
        reporter: who is told.
        resources: opens the resources of an asset, by parameter.
        mask: takes secrets out of a text.
        since: the entry of the catalog's log up to which the facts are known to be whole.
        bury: marks runs whose process is gone as abandoned, and gives a sentence on each.
    """

    def __init__(
        self,
        scene: Scene,
        known: Known,
        plan: Plan,
        run_id: str,
        executor: Executor,
        reporter: Reporter,
        resources: Callable[[Asset[..., Any]], dict[str, Any]] = lambda _: {},
        mask: Callable[[str], str] = str,
        *,
        conduct: Conduct | None = None,
        since: int = 0,
        bury: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self.scene = scene
        self.known = known
        self.facts = known.facts
        self.plan = plan
        self.run_id = run_id
        self.executor = executor
        self.reporter = reporter
        self.mask = mask
        self.conduct = conduct or Conduct()
        self.table = RunTable(plan)
        self.outcomes: list[StepOutcome] = []
        self.warnings: list[str] = []
        self._progress: dict[int, Progress] = {}
        self._considering = Considering(scene, known.facts, self.conduct.done)
        self._dispatcher = Dispatcher(scene, known.facts, run_id, resources, mask)
        self._neighbours = Neighbourhood(scene, known.facts, run_id, since, bury)
        self._recorder = Recorder(scene, known.facts, plan, self.table, self._progress, run_id, self._warn)
        self._admission = Admission(self.conduct.limits)
        self._digests = CatalogDigests(scene.catalog)
        self._lengths: list[float] = []
        self._instructions: deque[Instruction] = deque()
        self._running: set[int] = set()
        self._retries: list[tuple[float, int]] = []
        self._waiting: set[int] = set()
        self._crowded: list[int] = []
        self._spent = (0, 0.0)
        self._asked_to_stop = 0
        self._stopping = False
        self.facts.keep_all_but(plan.assets)

    def run(self) -> RunResult:
        """Runs the plan to its end; after ``interrupt`` only what is under way to its end."""
        began = time.perf_counter()
        self._recorder.observations(self.known.observed)
        self._lengths = self._learned_lengths()
        self._instructions.extend(self.table.begin())
        while self._instructions or not self.table.ended:
            self._heed()
            self._advance()
        self._commit()
        keep_derivations(self.scene)
        counts = self.table.count()
        ok = all(StepState(state) in AS_ASKED for state in counts)
        return RunResult(
            self.run_id, self.scene.env, ok, tuple(self.outcomes), counts, tuple(self.warnings),
            time.perf_counter() - began,
        )  # fmt: skip

    def interrupt(self, *, at_once: bool = False) -> None:
        """Asks the run to end, from a signal handler or another thread; returns at once.

        Arguments:
            at_once: do not let what is running finish.
        """
        self._asked_to_stop = max(self._asked_to_stop, 2 if at_once else 1)

    @property
    def stopped(self) -> bool:
        """Whether somebody interrupted the run."""
        return self._asked_to_stop > 0 and self._stopping

    # -- the loop ---------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        while self._instructions:
            instruction = self._instructions.popleft()
            if instruction.order is Order.CONSIDER:
                self._consider(instruction.step)
            else:
                self._settle(instruction.step)
        self._free_due_retries()
        self._look_at_neighbours()
        self._start_more()
        if self._recorder.due(idle=len(self._running) <= self.executor.workers):
            self._commit()
            return
        if self._instructions or self.table.ended:
            return
        for place, result in self.executor.wait(self._patience()):
            self._finished(place, result)

    def _patience(self) -> float:
        """How long to wait for an attempt at most, in seconds."""
        bounds = [PATIENCE_SECONDS]
        if self._retries:
            bounds.append(self._retries[0][0] - time.monotonic())
        if self._recorder.waiting:
            bounds.append(COMMIT_AFTER_SECONDS)
        if self._waiting or self._crowded:
            bounds.append(self._neighbours.patience())
        return max(0.001, min(bounds))

    def _apply(self, place: int, event: StepEvent) -> None:
        self._instructions.extend(self.table.apply(place, event))

    def _heed(self) -> None:
        """Does what whoever interrupted the run asked for."""
        if self._asked_to_stop and not self._stopping:
            self._begin_nothing_more("interrupted: what is running may finish; interrupt again to stop at once")
        if self._asked_to_stop > 1:
            for place in sorted(self._running):
                ended = self.executor.cancel(place)
                self._apply(place, StepEvent.CANCELLED if ended else StepEvent.GIVEN_UP)
            self._running.clear()

    def _begin_nothing_more(self, why: str) -> None:
        self._stopping = True
        self._admission.clear()
        self._retries.clear()
        self._waiting.clear()
        self._crowded.clear()
        self.reporter.warned(why)
        self._instructions = deque(one for one in self._instructions if one.order is Order.SETTLE)
        self._instructions.extend(self.table.cancel())

    # -- steps that are ready ---------------------------------------------------------------------------------------

    def _consider(self, place: int) -> None:
        if self.table.states[place] is StepState.READY and self._must_be_computed(place):
            run = self.facts.graph.asset(self.plan.steps[place].slot.asset).run
            self._admission.offer(place, self._rank(place, run.priority), Needs(run.pool, run.memory_bytes))

    def _must_be_computed(self, place: int) -> bool:
        """Judges a step; whatever it comes to without being computed has happened then."""
        step = self.plan.steps[place]
        progress = self._progress.setdefault(place, Progress())
        progress.judged_at = self._neighbours.moves
        try:
            event = self._considering.judged(step, progress)
        except HeadwaterError as error:
            progress.error = StepError(error.code, type(error).__name__, self.mask(error.what), "", error.hint)
            event = StepEvent.RAISED
        if event is not None:
            self._apply(place, event)
        return event is None

    def _rank(self, place: int, priority: int) -> Rank:
        return (-priority, -self._lengths[place] if self._lengths else 0.0, place)

    def _learned_lengths(self) -> list[float]:
        """How much work hangs on each step, learned from past runs; nothing where the order does not matter."""
        if len(self.plan.steps) <= self.executor.workers:
            return []
        assets = {step.slot.asset for step in self.plan.steps}
        return path_lengths(self.plan, typical_seconds(self.plan, self.scene.catalog.typical_seconds(assets)))

    def _start_more(self) -> None:
        """Hands out what is ready: lets steps in, claims their slots, and looks for them in history."""
        while not self._stopping:
            places = self._admission.admit(self._room())
            if not places:
                return
            claimed = self._claim(places)
            fit = [place for place in claimed if self._holds(place)]
            self._reuse_or_start(fit)

    def _room(self) -> int:
        """How many more steps to hand out: enough that no worker waits, and of quick ones many at once."""
        workers = self.executor.workers
        attempts, seconds = self._spent
        quick = int(QUICK_SECONDS * workers * attempts / max(seconds, 1e-6))
        if len(self._running) >= 2 * workers:
            return 0
        return max(2 * workers, min(quick, IN_HAND_AT_MOST)) - len(self._running)

    def _claim(self, places: list[int]) -> Sequence[int]:
        """Claims the slots of steps; those that others are at wait or are left. Gives those that were granted."""
        wants = []
        for place in places:
            step = self.plan.steps[place]
            pool = self.facts.graph.asset(step.slot.asset).run.pool
            wants.append(Want(place, step.slots, pool, self.conduct.limits.pools.get(pool or "", 1)))
        answer = self._neighbours.claim(wants)
        for place, holder in answer.busy.items():
            self._admission.done(place)
            if self.conduct.if_busy is IfBusy.SKIP:
                self._apply(place, StepEvent.LEFT_TO_OTHER)
                continue
            self._apply(place, StepEvent.BUSY)
            self._waiting.add(place)
            self.reporter.waiting(self.plan.steps[place], holder)
        for place in answer.full:
            self._admission.done(place)
            self._crowded.append(place)
        if answer.lost:
            self._warn("another command took this run for dead: it begins nothing more")
            self.interrupt()
            self._heed()
        return answer.granted

    def _holds(self, place: int) -> bool:
        """Whether a step is still to be computed now that its slots are claimed."""
        current = self._progress[place].judged_at == self._neighbours.moves
        return current or self._must_be_computed(place)

    def _reuse_or_start(self, places: list[int]) -> None:
        history = self._considering.history((self.plan.steps[place], self._progress[place]) for place in places)
        for place in places:
            event = self._considering.found(self._progress[place], history)
            if event is None:
                self._start(place)
                continue
            self._apply(place, event)
            if event is StepEvent.FOUND:
                self._admission.done(place)
                self._recorder.publish(place)

    # -- beside other runs ------------------------------------------------------------------------------------------

    def _look_at_neighbours(self) -> None:
        """Frees steps whose slots others have ended with; they are judged again on what those have published."""
        if not (self._waiting or self._crowded) or self._neighbours.patience() > 0:
            return
        for said in self._neighbours.bury_dead():
            self._warn(said)
        claimed = self._neighbours.look()
        for place in sorted(self._waiting):
            if claimed.keys().isdisjoint(self.plan.steps[place].slots):
                self._waiting.discard(place)
                self._apply(place, StepEvent.FREED)
        self._offer_crowded()

    def _offer_crowded(self) -> None:
        """Offers steps again whose pool was full."""
        places, self._crowded = self._crowded, []
        for place in places:
            self._consider(place)

    # -- attempts ---------------------------------------------------------------------------------------------------

    def _start(self, place: int) -> None:
        step, progress = self.plan.steps[place], self._progress[place]
        try:
            task = self._dispatcher.task(step, progress)
            progress.sources = self._dispatcher.sources(step)
        except Exception as error:  # noqa: BLE001 -- opening a resource calls user code, which may raise anything
            known = error if isinstance(error, HeadwaterError) else HeadwaterError("HW501", str(error))
            progress.error = StepError(known.code, type(error).__name__, self.mask(known.what), "", known.hint)
            self._apply(place, StepEvent.RAISED)
            return
        progress.attempts += 1
        self._running.add(place)
        self._apply(place, StepEvent.STARTED)
        self.reporter.started(step, progress.attempts)
        limit = self.facts.graph.asset(step.slot.asset).run.timeout_seconds
        self.executor.submit(place, task, timeout_seconds=limit)

    def _free_due_retries(self) -> None:
        while self._retries and self._retries[0][0] <= time.monotonic():
            self._apply(heapq.heappop(self._retries)[1], StepEvent.DUE)

    def _finished(self, place: int, result: StepResult) -> None:
        if place not in self._running:
            return  # it was cancelled while its result was on the way
        self._running.discard(place)
        self._admission.done(place)
        step, progress = self.plan.steps[place], self._progress[place]
        progress.seconds += result.seconds
        progress.logs.append(result.log)
        self._spent = (self._spent[0] + 1, self._spent[1] + result.seconds)
        result = self._confirmed(place, result)
        progress.error = result.error
        if result.error is None:
            progress.made = result.made
            self._apply(place, StepEvent.COMPUTED)
            self._recorder.publish(place)
        elif result.given_up:
            self._apply(place, StepEvent.GIVEN_UP)
        elif result.worth_another_try and not self._stopping and self._retry(place, result.error):
            self._apply(place, StepEvent.WORTH_ANOTHER_TRY)
            self._neighbours.claim((), step.slots)
        else:
            self._apply(place, StepEvent.RAISED)

    def _retry(self, place: int, error: StepError) -> bool:
        """Sees to another attempt after a pause; false if there were as many as may be."""
        step, attempt = self.plan.steps[place], self._progress[place].attempts
        retry = self.facts.graph.asset(step.slot.asset).run.retry
        if attempt >= retry.attempts:
            return False
        pause = retry.pause(attempt, random.uniform(-1, 1))  # noqa: S311 -- nothing secret hangs on it
        self.reporter.retrying(step, error, pause)
        heapq.heappush(self._retries, (time.monotonic() + pause, place))
        return True

    def _confirmed(self, place: int, result: StepResult) -> StepResult:
        """The result, if the sources that were read in place still are what they were when they were observed."""
        try:
            for made in self._progress[place].sources if result.error is None else ():
                self.scene.tables.confirm(made, self._digests)
        except HeadwaterError as error:
            failure = StepError(error.code, type(error).__name__, error.what, "", error.hint)
            return replace(result, made=(), error=failure)
        return result

    # -- ends -------------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        for place, event in self._recorder.commit():
            self._apply(place, event)
        self._offer_crowded()

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            self.reporter.warned(message)

    def _settle(self, place: int) -> None:
        """Tells the reporter how a step ended, and sees to its record if no transaction has it yet."""
        step, state = self.plan.steps[place], self.table.states[place]
        progress = self._progress.setdefault(place, Progress())
        self._admission.done(place)
        recorded = bool(progress.made) and state in (StepState.SUCCEEDED, StepState.REUSED)
        recorded = recorded or (state is StepState.BLOCKED and progress.attempts > 0)
        for slot in step.slots:
            if not recorded:
                self._recorder.note(place, slot)
            made = next((one for one in progress.made if one.slot == slot), None)
            shown = self.facts.published.get(slot) if state is StepState.SKIPPED else None
            record = made or shown
            outcome = StepOutcome(
                slot,
                state,
                step.reasons,
                None if record is None else record.id,
                progress.error if state in FAILURES else None,
                () if record is None else record.checks,
                progress.attempts,
                progress.seconds,
                None if record is None else record.version.rows,
                tuple(progress.logs),
            )
            self.outcomes.append(outcome)
            self.reporter.settled(outcome)
        del self._progress[place]
        if self.conduct.fail_fast and state in FAILURES and not self._stopping:
            self._begin_nothing_more(f"{step.slot} ended as {state}: nothing more is begun, as --fail-fast asks")
