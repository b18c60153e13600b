"""Carrying out runs: ``materialize``, ``runs resume`` and ``runs cancel``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from assets_core.admission import Limits
from assets_core.errors import HeadwaterError, RefusedError, UsageError
from assets_core.keys import Slot
from assets_core.plan import Plan
from assets_core.ports import Conduct, Executor, IfBusy, Reporter, RunResult
from assets_core.records import RunRecord, RunState
from assets_core.run import StepState
from headwater import processes
from headwater.actor import actor, command_line
from headwater.backfill import Backfill
from headwater.beside import abandon_dead_runs, at_work, refuse_frozen, refuse_if_busy
from headwater.environments import mend_faces
from headwater.faces import renew_faces
from headwater.garbage import collect_often
from headwater.machine import memory_bytes
from headwater.report.words import counted
from headwater.secrets import mask
from headwater.use_cases import planned
from headwater.workplaces import workplace
from lineage.catalog.values import Request
from materializers.capture import capturing_streams
from materializers.engine import Engine
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import check_kind, open_executor
from materializers.ids import new_id
from materializers.observe import Known

if TYPE_CHECKING:
    from headwater.project import Project

HEARTBEAT_SECONDS = 2.0
"""How often a run says that it is alive, and hears what others ask of it."""


@dataclass(frozen=True)
class Asked:
    """What a run is asked to do: all that another one needs to do the same again.

    Arguments:
        moment: bounds open partition definitions; None for the moment at which it begins.
        parent: the run that is resumed.
        done: slots that the resumed run had made by force already.
        backfill: the range of a backfill and what is wanted of it.
    """

    select: str = ""
    partition: str | None = None
    exclude: str = ""
    force: bool = False
    moment: datetime | None = None
    parent: str | None = None
    done: frozenset[Slot] = frozenset()
    backfill: Backfill | None = None


@dataclass(frozen=True)
class Manner:
    """How it is to be done.

    Arguments:
        workers: attempts at once; what ``[executor]`` says or the place has if not given.
        executor: where attempts run; what ``[executor]`` says if not given.
        command, reason: kept with the run.
    """

    workers: int | None = None
    executor: str | None = None
    if_busy: IfBusy = IfBusy.WAIT
    fail_fast: bool = False
    reporter: Reporter = field(default_factory=Reporter)
    command: str = ""
    reason: str = ""


class Interrupted(KeyboardInterrupt):
    """The run was interrupted and ended in order.

    Arguments:
        result: how far it came.
        number: the signal, SIGINT or SIGTERM; SIGINT too where somebody cancelled it from elsewhere.
    """

    def __init__(self, result: RunResult, number: int) -> None:
        super().__init__()
        self.result = result
        self.number = number


def materialize(project: Project, asked: Asked, manner: Manner) -> RunResult:
    """See ``Project.materialize``."""
    told = manner.reporter
    check_kind(manner.executor or project.settings.executor.kind)
    refuse_frozen(project)
    dead = abandon_dead_runs(project)
    behind = mend_faces(project)
    run_id = new_id()
    since = project.catalog.head().sequence
    moment = asked.moment or datetime.now(UTC)
    known, plan = planned(
        project, asked.select, asked.partition, asked.exclude, asked.force, run_id, told.noticed, moment,
        asked.backfill,
    )  # fmt: skip
    renew_faces(project, project.env, known.facts.assets, known.facts)
    redefined = (str(one) for one in plan.redefined if one.to_make and one.news)
    strange = () if since else _of_another_catalog(project)
    warnings = (*strange, *dead, *behind, *plan.warnings, *redefined)
    for warning in warnings:
        told.warned(warning)
    if not plan.steps and not known.observed:
        known.raise_errors()
        result = RunResult(None, project.env, True, warnings=warnings)
        told.planned(plan, "")
        told.ended(result)
        return result
    alone = manner.if_busy is IfBusy.FAIL
    if alone:
        refuse_if_busy(project)
    _open_storages(project, plan)
    record = _record(project, run_id, asked, moment, manner)
    project.catalog.begin_run(record, alone=alone)
    conduct = Conduct(manner.if_busy, manner.fail_fast, limits_of(project), asked.done)
    result, stopped_by = _carry_out(project, known, plan, record, manner, conduct, since)
    result = replace(result, warnings=(*warnings, *result.warnings))
    told.ended(result)
    if stopped_by is not None:
        raise Interrupted(result, stopped_by)
    return result


def resume(project: Project, run_id: str, manner: Manner) -> RunResult:
    """See ``Project.resume``."""
    record, _ = project.run(run_id)
    if "moment" not in record.asked:
        raise UsageError("HW668", f"run {record.id[:13]} computed nothing that could be resumed", where=record.command)
    if record.env != project.env:
        raise UsageError(
            "HW662", f"run {record.id[:13]} was in {record.env}, not in {project.env}",
            hint=f"headwater --env {record.env} runs resume {record.id[:13]}",
        )  # fmt: skip
    abandon_dead_runs(project)
    record, _ = project.run(record.id)
    if record.state is RunState.RUNNING:
        raise RefusedError(
            "HW706", f"run {record.id[:13]} is still at work",
            hint=f"headwater runs cancel {record.id[:13]} ends it; what it does not come to can be resumed then",
        )  # fmt: skip
    asked = Asked(
        record.selection,
        record.asked.get("partition"),
        record.asked.get("exclude", ""),
        bool(record.asked.get("force")),
        _moment_of(project, record),
        record.id,
        _made_by(project, record) if record.asked.get("force") else frozenset(),
        Backfill(**record.asked["backfill"]) if "backfill" in record.asked else None,
    )
    executor = manner.executor or record.asked.get("executor")
    workers = manner.workers or record.asked.get("workers")
    return materialize(project, asked, replace(manner, executor=executor, workers=workers))


def cancel(project: Project, run_id: str, *, at_once: bool = False) -> RunRecord:
    """See ``Project.cancel``."""
    record, _ = project.run(run_id)
    if record.state is not RunState.RUNNING:
        raise UsageError("HW669", f"run {record.id[:13]} has ended: {record.state}")
    if not at_work(project, record):
        abandon_dead_runs(project, record.env)
        return project.run(record.id)[0]
    project.catalog.ask(record.id, Request("stop" if at_once else "finish", actor()), datetime.now(UTC))
    return record


def limits_of(project: Project) -> Limits:
    """What headwater.toml says that the steps of a run may take together; else what the machine has."""
    return Limits(dict(project.settings.pools), project.settings.run.memory_bytes or memory_bytes())


def _record(project: Project, run_id: str, asked: Asked, moment: datetime, manner: Manner) -> RunRecord:
    kept: dict[str, Any] = {"moment": moment.isoformat()}
    settings = [mask(one) for one in project.loaded_with or ()]
    given = {"partition": asked.partition, "exclude": asked.exclude, "force": asked.force, "settings": settings,
             "executor": manner.executor, "workers": manner.workers}  # fmt: skip
    if asked.backfill is not None:
        kept["backfill"] = asdict(asked.backfill)
    kept.update({name: value for name, value in given.items() if value})
    return RunRecord(
        run_id, project.env, RunState.RUNNING, datetime.now(UTC), actor(), mask(manner.command or command_line()),
        asked.select, processes.identity(), reason=mask(manner.reason), asked=kept, parent=asked.parent,
    )  # fmt: skip


def _moment_of(project: Project, record: RunRecord) -> datetime:
    """The moment of a run, or the latest of what was done in its environment since.

    What was published then of windows that ended meanwhile is there: a plan of an earlier moment would not read it, and
    publish older results in place of newer ones.
    """
    later = takewhile(lambda one: one.id != record.id, project.catalog.runs(-1, env=record.env))
    moments = [datetime.fromisoformat(one.asked["moment"]) if "moment" in one.asked else one.started for one in later]
    return max([datetime.fromisoformat(record.asked["moment"]), *moments])


def _made_by(project: Project, record: RunRecord) -> frozenset[Slot]:
    """The slots that a run, those that it resumed and those that resumed any of them computed and published."""
    runs = project.catalog.runs(-1, env=record.env)
    parents = {one.id: one.parent for one in runs}
    first: str = record.id
    while (parent := parents.get(first)) is not None:
        first = parent
    family = {first}
    for one in reversed(runs):  # oldest first, so that a parent comes before its children
        if one.parent in family:
            family.add(one.id)
    steps = (step for member in family for step in project.catalog.steps(member))
    return frozenset(step.slot for step in steps if step.state == StepState.SUCCEEDED)


def _of_another_catalog(project: Project) -> tuple[str, ...]:
    """Says where data lies that a catalog without any record cannot know: one that was lost may come back."""
    found = []
    for name in {"default": None, **project.settings.storage}:
        with suppress(HeadwaterError):
            tables = len(project.tables.storage(name).unreferenced(()))
            if tables:
                found.append(
                    f"the catalog is new, and storage {name} holds {counted(tables, 'table')} that it does not know:"
                    " if there was a catalog, stop and restore it from a backup"
                )
    return tuple(found)


def _open_storages(project: Project, plan: Plan) -> None:
    """Opens every storage that the plan writes to, so that what is wrong with one shows before anything runs."""
    for name in {project.graph.asset(key).storage or "default" for key in plan.assets}:
        project.tables.storage(name)


def _carry_out(
    project: Project, known: Known, plan: Plan, record: RunRecord, manner: Manner, conduct: Conduct, since: int
) -> tuple[RunResult, int | None]:
    """Runs the plan; gives the outcome, and the signal that ended it early. However it ends, the catalog is told."""
    run_id, ended, why = record.id, RunState.FAILED, record.reason
    counts: dict[str, int] = {}
    told = manner.reporter
    try:
        told.planned(plan, run_id)
        collect_often()
        with workplace(project) as place, _closing(open_executor(_options(project, manner), place)) as executor:
            engine = Engine(
                project.scene, known, plan, run_id, executor, told, mask,
                conduct=conduct, since=since, bury=lambda: abandon_dead_runs(project, everywhere=True),
            )  # fmt: skip
            try:
                with capturing_streams(), _beating(project, run_id, engine) as asked, _interruptible(engine) as signals:
                    result = engine.run()
            finally:
                counts = engine.table.count()
        result = replace(result, ok=result.ok and not known.unobserved)
        ended = RunState.CANCELLED if engine.stopped else RunState.SUCCEEDED if result.ok else RunState.FAILED
        lost = [f"{key} could not be observed" for key in known.unobserved]
        why = "; ".join(filter(None, [why, *lost, *(f"cancelled by {one.actor}" for one in asked[:1])]))
    except KeyboardInterrupt:
        ended = RunState.CANCELLED
        raise
    finally:
        project.catalog.end_run(run_id, ended, ended=datetime.now(UTC), counts=counts, reason=why)
    return result, (signals[0] if signals else signal.SIGINT) if engine.stopped else None


def _options(project: Project, manner: Manner) -> ExecutorOptions:
    """What ``[executor]`` says, and what was asked for this run."""
    options = ExecutorOptions(**project.settings.executor.values())
    return replace(options, kind=manner.executor or options.kind, workers=manner.workers or options.workers)


@contextmanager
def _closing(executor: Executor) -> Iterator[Executor]:
    """Closes the executor; where the run came to its end, nothing runs any more but what was given up."""
    try:
        yield executor
    except KeyboardInterrupt:
        executor.close(wait=False)
        raise
    except BaseException:
        executor.close()
        raise
    executor.close()


@contextmanager
def _beating(project: Project, run_id: str, engine: Engine) -> Iterator[list[Request]]:
    """Tells the catalog every few seconds that the run is alive, and passes on what others ask of it."""
    ended = threading.Event()
    heard: list[Request] = []

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                request = project.catalog.beat(run_id, datetime.now(UTC))
            except HeadwaterError:
                continue  # a full disk or a busy catalog: the run itself will meet it where it matters
            if request is not None:
                heard.append(request)
                engine.interrupt(at_once=request.how == "stop")

    thread = threading.Thread(target=beat, name="headwater-heartbeat", daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        ended.set()
        thread.join(timeout=5.0)


@contextmanager
def _interruptible(engine: Engine) -> Iterator[list[int]]:
    """Lets the first SIGINT or SIGTERM end the run in order, the second one at once; gives those received.

    An exception that breaks into the engine's thread anywhere would lose results or leave them half recorded. Only
    the third does that, for the case that nothing else helps.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before: dict[int, Any] = {}

    def handle(number: int, frame: Any) -> None:
        received.append(number)
        if len(received) <= 2:
            engine.interrupt(at_once=len(received) == 2)
        elif callable(before[number]):
            before[number](number, frame)
        else:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as in the background of a script, and under nohup
            before[number] = signal.signal(number, handle)
    try:
        yield received
    finally:
        for restored, handler in before.items():
            signal.signal(restored, handler)
