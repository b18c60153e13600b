"""What the commands do, each a function: plan, status, materialize, preview, check, scan, query."""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from assets_core import planning
from assets_core.errors import HeadwaterError, RefusedError, UsageError, raise_all
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.partitions import key_of, plain_key, select_range
from assets_core.plan import Plan
from assets_core.ports import Reporter, RunResult
from assets_core.records import Materialization, RunRecord, RunState
from assets_core.states import States
from headwater import processes
from headwater.orphans import orphaned
from headwater.pointers import records_shown
from headwater.secrets import mask
from headwater.workplaces import workplace
from lineage.checks.evaluate import evaluate
from materializers.capture import capturing_streams
from materializers.engine import Engine
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import check_kind, open_executor
from materializers.ids import new_id
from materializers.observe import Known, gather, keep_judgements
from materializers.preview import preview_step
from materializers.sql_engine import run_query

if TYPE_CHECKING:
    from assets_core.check import CheckResult
    from headwater.project import Project


def make_plan(
    project: Project, select: str = "", *, partition: str | None = None, exclude: str = "", force: bool = False
) -> Plan:
    """See ``Project.plan``."""
    return _planned(project, select, partition, exclude, force, new_id())[1]


def status(project: Project, select: str = "", *, exclude: str = "") -> States:
    """See ``Project.status``."""
    project.refresh()
    keys = project.select(select, exclude=exclude)
    known = gather(project.scene, keys, _now(), new_id())
    states = planning.states(keys, known.facts)
    keep_judgements(project.scene, known.facts)
    return states.with_others(orphaned(project, keys if select or exclude else None))


def materialize(
    project: Project,
    select: str,
    *,
    partition: str | None,
    exclude: str,
    force: bool,
    workers: int | None,
    executor: str | None,
    reporter: Reporter | None,
    command: str,
    reason: str,
) -> RunResult:
    """See ``Project.materialize``."""
    told = reporter or Reporter()
    check_kind(executor or project.settings.executor.kind)
    refuse_frozen(project)
    dead = abandon_dead_runs(project)
    run_id = new_id()
    known, plan = _planned(project, select, partition, exclude, force, run_id, told.noticed)
    warnings = (*dead, *known.warnings, *plan.warnings)
    for warning in warnings:
        told.warned(warning)
    if not plan.steps and not known.observed:
        result = RunResult(None, project.env, True, warnings=warnings)
        told.planned(plan, "")
        told.ended(result)
        return result
    record = RunRecord(
        run_id, project.env, RunState.RUNNING, _now(), actor(), mask(command or _command_line()), select,
        processes.identity(), reason=mask(reason),
    )  # fmt: skip
    refuse_if_busy(project)
    _open_storages(project, plan)
    project.catalog.begin_run(record)
    result, stopped_by = _carry_out(project, known, plan, record, told, (executor, workers))
    result = RunResult(
        result.run_id, result.env, result.ok, result.steps, result.counts, (*warnings, *result.warnings), result.seconds
    )
    told.ended(result)
    if stopped_by is not None:
        raise Interrupted(result, stopped_by)
    return result


def _open_storages(project: Project, plan: Plan) -> None:
    """Opens every storage that the plan writes to, so that what is wrong with one shows before anything runs."""
    for name in {project.graph.asset(key).storage or "default" for key in plan.assets}:
        project.tables.storage(name)


def _carry_out(
    project: Project, known: Known, plan: Plan, record: RunRecord, told: Reporter, wanted: tuple[str | None, int | None]
) -> tuple[RunResult, int | None]:
    """Runs the plan; gives the outcome, and the signal that ended it early. However it ends, the catalog is told."""
    run_id, ended = record.id, RunState.FAILED
    counts: dict[str, int] = {}
    try:
        told.planned(plan, run_id)
        with (
            workplace(project) as place,
            closing(open_executor(_options(project, *wanted), place)) as executor,
            capturing_streams(),
        ):
            engine = Engine(project.scene, known, plan, run_id, executor, told, mask)
            try:
                with _beating(project, run_id), _interruptible(engine) as received:
                    result = engine.run()
            finally:
                counts = engine.table.count()
        ended = RunState.CANCELLED if engine.stopped else RunState.SUCCEEDED if result.ok else RunState.FAILED
    except KeyboardInterrupt:
        ended = RunState.CANCELLED
        raise
    finally:
        project.catalog.end_run(run_id, ended, ended=_now(), counts=counts, reason=record.reason)
    return result, received[0] if engine.stopped else None


class Interrupted(KeyboardInterrupt):
    """The run was interrupted and ended in order.

    Arguments:
        result: how far it came.
        number: the signal, SIGINT or SIGTERM.
    """

    def __init__(self, result: RunResult, number: int) -> None:
        super().__init__()
        self.result = result
        self.number = number


def _planned(
    project: Project,
    select: str,
    partition: str | None,
    exclude: str,
    force: bool,
    run_id: str,
    told: Callable[[str], None] = lambda _: None,
) -> tuple[Known, Plan]:
    project.refresh()
    keys = project.select(select, exclude=exclude)
    known = gather(project.scene, keys, _now(), run_id, told=told)
    raise_all(known.errors)
    partitions = None if partition is None else _within(project, keys, partition, known.facts)
    plan = planning.make(keys, known.facts, partitions=partitions, force=force)
    keep_judgements(project.scene, known.facts)
    return known, plan


def _within(project: Project, keys: Collection[str], text: str, facts: Facts) -> dict[str, Collection[str]]:
    """The partition keys to stay within, by asset: those named, and those that the named ones read.

    Raises:
        UsageError: HW610, the text fits the partitions of no selected asset.
    """
    chosen: dict[str, dict[str, None]] = {}
    error: HeadwaterError | None = None
    for key in reversed([one for one in project.graph.definitions if one in keys]):
        definition = project.graph.definitions[key]
        if definition.partitions is None:
            continue
        try:
            wanted = select_range(definition.partitions, text, facts.now)
        except HeadwaterError as failed:
            error = error or failed
            wanted = []
        chosen.setdefault(key, {}).update(dict.fromkeys(wanted))
        for partition in list(chosen[key]):
            for bound in project.graph.inputs.get(key, ()):
                for read in facts.reads(Slot(key, partition), bound):
                    if read.partition is not None:
                        chosen.setdefault(bound.key, {})[read.partition] = None
    if not any(chosen.values()):
        raise error or UsageError("HW610", f"nothing selected has a partition {text!r}")
    return {key: tuple(found) for key, found in chosen.items()}


# -- runs beside each other -----------------------------------------------------------------------------------------


def abandon_dead_runs(project: Project, env: str | None = None) -> list[str]:
    """Marks runs whose process is gone, in this environment or another, and says so, one sentence a run."""
    said = []
    for run in project.catalog.live_runs(env or project.env):
        if not at_work(project, run):
            project.catalog.end_run(run.id, RunState.ABANDONED, ended=_now(), counts={}, reason="its process is gone")
            said.append(
                f"run {run.id[:13]} of {run.started:%Y-%m-%d %H:%M} was cut off; what it published stays, "
                "and what it did not finish is planned again"
            )
    return said


def at_work(project: Project, run: RunRecord) -> bool:
    """Whether a run that has not ended is still carried out by somebody."""
    return processes.alive(run.process, beat=project.catalog.last_beat(run.id) or run.started, now=_now())


def refuse_frozen(project: Project) -> None:
    """Refuses early what the catalog would refuse in the end.

    Raises:
        RefusedError: HW704.
    """
    if project.catalog.frozen(project.env):
        raise RefusedError(
            "HW704",
            f"the environment {project.env!r} is frozen: nothing in it changes",
            hint=f"headwater env drop {project.env} removes it whole",
        )


def refuse_if_busy(project: Project) -> None:
    """Refuses to work beside a run in the same environment.

    Raises:
        RefusedError: HW701.
    """
    for run in project.catalog.live_runs(project.env):
        if at_work(project, run):
            raise RefusedError(
                "HW701",
                f"run {run.id[:13]} is at work in {project.env}",
                why=f"started {run.started:%Y-%m-%d %H:%M:%S} by {run.actor}, process {run.process.get('pid')}",
                hint="wait until it has ended; headwater runs shows it",
            )


@contextmanager
def _beating(project: Project, run_id: str) -> Iterator[None]:
    """Tells the catalog every few seconds that the run is alive."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(5.0):
            try:
                project.catalog.beat(run_id, _now())
            except HeadwaterError:
                return

    thread = threading.Thread(target=beat, name="headwater-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5.0)


@contextmanager
def _interruptible(engine: Engine) -> Iterator[list[int]]:
    """Lets the first SIGINT or SIGTERM end the run in order, and the second one at once; gives those received.

    An exception that breaks into the engine's thread anywhere would lose results or leave them half recorded.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before: dict[int, Any] = {}

    def handle(number: int, frame: Any) -> None:
        received.append(number)
        if len(received) == 1:
            engine.interrupt()
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


def _options(project: Project, kind: str | None, workers: int | None) -> ExecutorOptions:
    """What ``[executor]`` says, and what was asked for this run."""
    options = ExecutorOptions(**project.settings.executor.model_dump())
    return replace(options, kind=kind or options.kind, workers=workers or options.workers)


def actor() -> str:
    """Who is asking: ``HEADWATER_ACTOR``, else the user."""
    given = os.environ.get("HEADWATER_ACTOR")
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _command_line() -> str:
    return shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]) if sys.argv else ""


# -- reading what is published --------------------------------------------------------------------------------------


def preview(project: Project, asset: str, partition: str | None) -> pl.DataFrame:
    """See ``Project.preview``."""
    found = project.graph.asset(asset)
    known = gather(project.scene, [found.key], _now(), new_id())
    raise_all(known.errors)
    if found.partitions is not None:
        if partition is None:
            last = found.partitions.keys(_now())
            raise UsageError(
                "HW614", f"{found.key} is partitioned", hint=f"name one slot: {found.key}@{last[-1] if last else '...'}"
            )
        partition = key_of(found.partitions, partition)
    with workplace(project) as place:
        return preview_step(project.scene, known, Slot(found.key, partition), place)


def check(project: Project, select: str) -> dict[Slot, tuple[CheckResult, ...]]:
    """See ``Project.check``."""
    keys = project.select(select, assets_only=False)
    shown = records_shown(project, lineage=False)
    results: dict[Slot, tuple[CheckResult, ...]] = {}

    def lookup(key: str, column: str) -> pl.LazyFrame:
        made = [one for slot, one in shown.items() if slot.asset == key]
        if not made:
            raise LookupError(key)
        return project.tables.scan(made).select(column)

    for slot, made in shown.items():
        rules = project.graph.definitions[slot.asset].checks if slot.asset in keys else ()
        if rules:
            results[slot] = tuple(evaluate(rules, project.tables.scan([made]), lookup=lookup))
            project.tables.confirm([made], _digests(project))  # what a source holds now may not be what was observed
            project.catalog.add_check_results(made.id, results[slot], run_id=None, at=_now())
    return results


def published(project: Project, asset: str, partition: str | None, as_of: str | None) -> list[Materialization]:
    """The records that an asset or source shows, in the order of its partitions.

    Raises:
        UsageError: HW615, nothing is published.
    """
    key = project.graph.find(asset).key
    moment = None if as_of is None else moment_of(project, as_of)
    shown = records_shown(project, {key}, as_of=moment)
    wanted = partition and plain_key(project.graph.definitions[key].partitions, partition)
    found = {slot: one for slot, one in shown.items() if wanted in (None, slot.partition)}
    if not found:
        definition = project.graph.definitions[key]
        if partition is not None and definition.partitions is not None:
            definition.partitions.index(partition)
        when = "" if as_of is None else f" as of {as_of}"
        raise UsageError(
            "HW615", f"{Slot(key, partition)} is not published in {project.env}{when}",
            hint=f"headwater materialize +{key}",
        )  # fmt: skip
    partitions = project.graph.definitions[key].partitions
    if partitions is None:
        return list(found.values())
    places = {key: place for place, key in enumerate(partitions.keys(_now()))}
    return sorted(found.values(), key=lambda one: places.get(one.slot.partition or "", len(places)))


def scan(project: Project, asset: str, partition: str | None, as_of: str | None) -> pl.LazyFrame:
    """See ``Project.scan``."""
    made = published(project, asset, partition, as_of)
    if made[0].kind == "observation":
        project.tables.confirm(made, _digests(project))
    return project.tables.scan(made)


def query(
    project: Project, asset: str, sql: str | None, *, partition: str | None, as_of: str | None, head: int | None
) -> pl.DataFrame:
    """See ``Project.query``."""
    frame = scan(project, asset, partition, as_of)
    if sql is None:
        return (frame if head is None else frame.head(head)).collect()
    found = run_query(sql, {"data": frame.collect()}, {}, asset)
    return found if head is None else found.head(head)


def moment_of(project: Project, text: str) -> datetime:
    """A moment as a person writes it: ISO time, a date meaning its end, or ``run:ID`` meaning the end of that run.

    Times without offset are in the project's time zone.

    Raises:
        UsageError: HW616, it is none of these.
    """
    if text.startswith("run:"):
        run, _ = project.run(text.removeprefix("run:"))
        return run.ended or _now()
    zone = ZoneInfo(project.settings.project.timezone)
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "HW616", f"{text!r} is no moment", hint="write 2013-02-01, 2013-02-01T05:00 or run:ID"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _digests(project: Project) -> Any:
    from materializers.tables import CatalogDigests

    return CatalogDigests(project.catalog)


def _now() -> datetime:
    return datetime.now(UTC)
