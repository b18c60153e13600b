"""The engine: the only loop. It carries a plan out, and it alone writes to the catalog."""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, islice

from assets_core.admission import path_lengths, typical_seconds
from assets_core.asset import Run
from assets_core.errors import HeadwaterError, message_of
from assets_core.keys import Slot
from assets_core.plan import Plan
from assets_core.ports import Conduct, Executor, IfBusy, Reporter, RunResult, StepOutcome
from assets_core.records import AttemptLog, StepError, StepResult
from assets_core.run import AS_ASKED, FAILURES, Instruction, Order, RunTable, StepEvent, StepState
from lineage.catalog.values import Want
from materializers.calls import Call, Calls
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
SLOTS_TOGETHER = 500
"""Of so many slots at most what they read is compared together; meanwhile nobody is listened to."""
GIVEN_UP_TOGETHER = frozenset({"HW338"})
"""Errors of a batch after which its slots are not computed one by one: the result itself was wrong."""


class Engine:
    """Carries out one run.

    Arguments:
        known: the facts that the plan was made from; the engine moves them on.
        executor: where attempts run.
        reporter: who is told.
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
        self._neighbours = Neighbourhood(scene, known.facts, run_id, since, bury)
        self._considering = Considering(scene, known, self.conduct.done, self._neighbours.published)
        self._dispatcher = Dispatcher(scene, known.facts, run_id, plan.assets)
        self._recorder = Recorder(scene, known.facts, self.table, self._progress, run_id, self._warn)
        self._calls = Calls(plan.batches, self.conduct.limits, self._run_of, plan.turn)
        self._digests = CatalogDigests(scene.catalog)
        self._instructions: deque[Instruction] = deque()
        self._running: dict[int, Call] = {}
        self._numbers = count()
        self._retries: list[tuple[float, int]] = []
        self._waiting: set[int] = set()
        self._crowded: list[Call] = []
        self._named: set[int] = set()
        self._spent = (0, 0.0)
        self._asked_to_stop = 0
        self._stopping = False
        self.facts.keep_all_but(plan.assets)

    def run(self) -> RunResult:
        """Runs the plan to its end; after ``interrupt`` only what is under way to its end."""
        began = time.perf_counter()
        self._recorder.observations(self.known.observed)
        self._calls.lengths = self._learned_lengths()
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
            self._heed()  # looking at a million slots takes minutes
        self._free_due_retries()
        self._look_at_neighbours()
        self._start_more()
        if self._recorder.due(idle=len(self._running) <= self.executor.workers):
            self._commit()
            return
        if self._instructions or self.table.ended:
            return
        for first, result in self.executor.wait(self._patience()):
            self._finished(first, result)

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
            for first, call in sorted(self._running.items()):
                ended = self.executor.cancel(first)
                for place in call:
                    self._apply(place, StepEvent.CANCELLED if ended else StepEvent.GIVEN_UP)
            self._running.clear()

    def _begin_nothing_more(self, why: str) -> None:
        self._stopping = True
        self._calls.clear()
        self._retries.clear()
        self._waiting.clear()
        self._crowded.clear()
        self.reporter.warned(why)
        self._instructions = deque(one for one in self._instructions if one.order is Order.SETTLE)
        self._instructions.extend(self.table.cancel())
        for first in self.executor.recall(sorted(self._running)):
            for place in self._running.pop(first):
                self._progress[place].attempts -= 1
                self._apply(place, StepEvent.CANCELLED)

    # -- steps that are ready ---------------------------------------------------------------------------------------

    def _under_way(self, place: int) -> Progress:
        found = self._progress.get(place)
        if found is None:
            found = self._progress[place] = Progress(self.plan.steps[place])
        return found

    def _run_of(self, place: int) -> Run:
        """How the step at a place is to be carried out."""
        return self.facts.graph.asset(self._under_way(place).step.slot.asset).run

    def _consider(self, place: int) -> None:
        if self.table.states[place] is StepState.READY and self._must_be_computed(place):
            self._calls.wants(place)

    def _must_be_computed(self, place: int) -> bool:
        """Judges a step; whatever it comes to without being computed has happened then."""
        progress = self._under_way(place)
        progress.judged_at = self._neighbours.moves
        try:
            event = self._considering.judged(progress, lambda: self._next_with(place))
        except HeadwaterError as error:
            progress.error = self._told(error)
            event = StepEvent.RAISED
        if event is not None:
            self._apply(place, event)
        return event is None

    def _next_with(self, place: int) -> list[Slot]:
        """This slot and those of the same asset that are looked at right after it; none if there are no others, or
        where it was named with an earlier one.
        """
        if place in self._named:
            self._named.discard(place)
            return []
        asset = self._under_way(place).step.slot.asset
        found = [place]
        for instruction in islice(self._instructions, SLOTS_TOGETHER - 1):
            if instruction.order is not Order.CONSIDER or self._under_way(instruction.step).step.slot.asset != asset:
                break
            found.append(instruction.step)
        self._named.update(found[1:])
        return [self._under_way(one).step.slot for one in found] if len(found) > 1 else []

    def _learned_lengths(self) -> list[float]:
        """How much work hangs on each step, learned from past runs; nothing where the order does not matter."""
        if len(self.plan.steps) <= self.executor.workers or self.plan.newest_first:
            return []
        known = self.scene.catalog.typical_seconds(self.plan.assets)
        return path_lengths(self.plan, typical_seconds(known))

    def _start_more(self) -> None:
        """Hands out what is ready: lets calls in, claims their slots, and looks for them in history."""
        while not self._stopping:
            calls = self._calls.admit(self._room())
            if not calls:
                return
            claimed = self._claim(calls)
            fit = [self._narrowed(call, [place for place in call if self._holds(place)]) for call in claimed]
            self._reuse_or_start([call for call in fit if call])

    def _room(self) -> int:
        """How many more calls to hand out: enough that no worker waits, and of quick ones many at once."""
        workers = self.executor.workers
        attempts, seconds = self._spent
        quick = int(QUICK_SECONDS * workers * attempts / max(seconds, 1e-6))
        if len(self._running) >= 2 * workers:
            return 0
        return max(2 * workers, min(quick, IN_HAND_AT_MOST)) - len(self._running)

    def _narrowed(self, call: Call, rest: Sequence[int]) -> Call:
        """What is left of a call that was let in; the others of it go their own ways."""
        self._calls.keep(call, tuple(rest))
        return tuple(rest)

    def _claim(self, calls: list[Call]) -> list[Call]:
        """Claims the slots of calls; steps that others are at wait or are left. Gives what was granted of each call."""
        answer = self._neighbours.claim([want for call in calls for want in self._wants(call)])
        full, granted = set(answer.full), set(answer.granted)
        for call in calls:
            crowd = tuple(place for place in call if place in full)
            if crowd:
                self._crowded.append(crowd)
        claimed = [self._narrowed(call, [place for place in call if place in granted]) for call in calls]
        for place, holder in answer.busy.items():
            if self.conduct.if_busy is IfBusy.SKIP:
                self._apply(place, StepEvent.LEFT_TO_OTHER)
                continue
            self._apply(place, StepEvent.BUSY)
            self._waiting.add(place)
            self.reporter.waiting(self._progress[place].step, holder)
        if answer.lost:
            self._warn("another command took this run for dead: it begins nothing more")
            self.interrupt()
            self._heed()
        return [call for call in claimed if call]

    def _wants(self, call: Call) -> list[Want]:
        pool = self._run_of(call[0]).pool
        limit, number = self.conduct.limits.pools.get(pool or "", 1), next(self._numbers)
        return [Want(place, self._progress[place].step.slots, pool, limit, number) for place in call]

    def _holds(self, place: int) -> bool:
        """Whether a step is still to be computed now that its slots are claimed."""
        progress = self._progress[place]
        current = progress.judged_at == self._neighbours.moves and not self._considering.moved(progress)
        return current or self._must_be_computed(place)

    def _reuse_or_start(self, calls: list[Call]) -> None:
        history = self._considering.history(self._progress[place] for call in calls for place in call)
        for call in calls:
            rest = []
            for place in call:
                event = self._considering.found(self._progress[place], history)
                if event is None:
                    rest.append(place)
                    continue
                self._apply(place, event)
                if event is StepEvent.FOUND:
                    self._recorder.publish(place)
            self._start_together(call, rest)

    def _start_together(self, call: Call, rest: list[int]) -> None:
        """Begins what is left of a call; what is only to be checked again goes alone, and has its turn later."""
        computed = [place for place in rest if not self._progress[place].adopt] or rest[:1]
        together = self._narrowed(call, computed)
        for place in sorted(set(rest).difference(computed)):
            self._neighbours.claim((), self._progress[place].step.slots)
            self._calls.offer((place,))
        if together:
            self._start(together)

    # -- beside other runs ------------------------------------------------------------------------------------------

    def _look_at_neighbours(self) -> None:
        """Frees steps whose slots others have ended with; they are judged again on what those have published."""
        if not (self._waiting or self._crowded) or self._neighbours.patience() > 0:
            return
        for said in self._neighbours.bury_dead():
            self._warn(said)
        claimed = self._neighbours.look()
        for place in sorted(self._waiting):
            if claimed.keys().isdisjoint(self._progress[place].step.slots):
                self._waiting.discard(place)
                self._apply(place, StepEvent.FREED)
        self._offer_crowded()

    def _offer_crowded(self) -> None:
        """Offers calls again whose pool was full."""
        calls, self._crowded = self._crowded, []
        for call in calls:
            self._calls.offer(tuple(place for place in call if self._must_be_computed(place)))

    # -- attempts ---------------------------------------------------------------------------------------------------

    def _start(self, call: Call) -> None:
        """Begins an attempt at what one call computes."""
        under_way = [self._progress[place] for place in call]
        try:
            task = self._dispatcher.batch(under_way) if len(call) > 1 else self._dispatcher.task(under_way[0])
            for progress in under_way:
                progress.sources = self._dispatcher.sources(progress.step)
        except HeadwaterError as error:
            for place, progress in zip(call, under_way, strict=True):
                progress.error = self._told(error)
                self._apply(place, StepEvent.RAISED)
            return
        self._running[call[0]] = call
        for place, progress in zip(call, under_way, strict=True):
            progress.attempts += 1
            self._apply(place, StepEvent.STARTED)
            self.reporter.started(progress.step, progress.attempts)
        self.executor.submit(call[0], task, timeout_seconds=self._run_of(call[0]).timeout_seconds)

    def _free_due_retries(self) -> None:
        while self._retries and self._retries[0][0] <= time.monotonic():
            self._apply(heapq.heappop(self._retries)[1], StepEvent.DUE)

    def _finished(self, first: int, result: StepResult) -> None:
        call = self._running.pop(first, ())
        if not call:
            return  # it was cancelled while its result was on the way
        self._calls.done(first)
        self._spent = (self._spent[0] + 1, self._spent[1] + result.seconds)
        if len(call) == 1:
            self._ended(first, result)
        elif result.error is not None and result.error.code not in GIVEN_UP_TOGETHER:
            self._dissolve(call, result.error, StepEvent.GIVEN_UP if result.given_up else StepEvent.CANCELLED)
        else:
            for number, place in enumerate(call):
                log = result.log if number == 0 else AttemptLog("", result.log.traceback)
                slots = self._progress[place].step.slots
                made = tuple(one for one in result.made if one.slot in slots)
                share = result.seconds / len(call)
                self._ended(place, replace(result, made=made, log=log, seconds=share, worth_another_try=False))

    def _dissolve(self, call: Call, error: StepError, end: StepEvent) -> None:
        """Has each step of a call that failed computed alone, which is no other attempt; if the run stops, ends it."""
        why = (error.message.splitlines() or [error.type])[0]
        self._warn(f"{self._progress[call[0]].step.slot.asset} is computed slot by slot: {why}")
        for place in call:
            self._progress[place].attempts -= 1
            self._progress[place].error = error if self._stopping else None
            self._apply(place, end if self._stopping else StepEvent.WORTH_ANOTHER_TRY)
        if not self._stopping:
            self._neighbours.claim((), [slot for place in call for slot in self._progress[place].step.slots])
            for place in call:
                self._apply(place, StepEvent.DUE)

    def _ended(self, place: int, result: StepResult) -> None:
        """Takes over what an attempt gave for one step."""
        progress = self._progress[place]
        progress.seconds += result.seconds
        progress.logs.append(result.log)
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
            self._neighbours.claim((), progress.step.slots)
        else:
            self._apply(place, StepEvent.RAISED)

    def _retry(self, place: int, error: StepError) -> bool:
        """Sees to another attempt after a pause; false if there were as many as may be."""
        attempt, retry = self._progress[place].attempts, self._run_of(place).retry
        if attempt >= retry.attempts:
            return False
        pause = retry.pause(attempt, random.uniform(-1, 1))  # noqa: S311 -- nothing secret hangs on it
        self.reporter.retrying(self._progress[place].step, error, pause)
        heapq.heappush(self._retries, (time.monotonic() + pause, place))
        return True

    def _confirmed(self, place: int, result: StepResult) -> StepResult:
        """The result, if sources that were read in place, and what code reads beside its inputs, are what they were."""
        progress = self._progress[place]
        if result.error is not None:
            return result
        try:
            for made in progress.sources:
                self.scene.tables.confirm(made, self._digests, self.facts.aside)
            self._considering.confirm(progress)
        except HeadwaterError as error:
            return replace(result, made=(), error=self._told(error))
        return result

    def _told(self, error: Exception) -> StepError:
        known = error if isinstance(error, HeadwaterError) else HeadwaterError("HW501", message_of(error))
        return StepError(known.code, type(error).__name__, self.mask(known.message), "", known.hint)

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
        step, state = self._under_way(place).step, self.table.states[place]
        self._calls.done(place)
        self._calls.leaves(place)
        for outcome in self._recorder.ended(place):
            self.outcomes.append(outcome)
            self.reporter.settled(outcome)
        del self._progress[place]
        if self.conduct.fail_fast and state in FAILURES and not self._stopping:
            self._begin_nothing_more(f"{step.slot} ended as {state}: nothing more is begun, as --fail-fast asks")
