"""What the commands do, each a function: plan, status, materialize, preview, check, scan, query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

import polars as pl

from assets_core import planning
from assets_core.asset import Definition
from assets_core.errors import DataError, HeadwaterError, StorageError, UsageError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.partitions import key_of, plain_key, select_range
from assets_core.plan import Plan
from assets_core.published import Published
from assets_core.records import Materialization, RecordKind
from assets_core.states import States
from headwater.backfill import Backfill, planned_backfill
from headwater.beside import refuse_frozen
from headwater.orphans import frozen_states, orphaned, with_orphaned
from headwater.pointers import current, recorded_key, records_shown
from headwater.read_then import read_then
from headwater.workplaces import workplace
from lineage.catalog.values import Retired
from lineage.checks.evaluate import evaluate
from lineage.dtypes import parse_dtype
from materializers.ids import new_id
from materializers.observe import Known, gather, keep_judgements
from materializers.sql_engine import run_query

if TYPE_CHECKING:
    from assets_core.check import CheckResult
    from headwater.project import Project


def make_plan(
    project: Project,
    select: str = "",
    *,
    partition: str | None = None,
    exclude: str = "",
    force: bool = False,
    backfill: Backfill | None = None,
) -> Plan:
    """See ``Project.plan``."""
    refuse_frozen(project)
    known, plan = planned(project, select, partition, exclude, force, new_id(), backfill=backfill)
    if not plan.steps:
        known.raise_errors()
    return plan


def status(project: Project, select: str = "", *, exclude: str = "") -> States:
    """See ``Project.status``."""
    project.refresh()
    keys = project.select(select, exclude=exclude)
    wanted = keys if select or exclude else None
    if project.catalog.frozen(project.env):
        return frozen_states(project, Facts(project.graph, _now(), {}, Published()), wanted)
    known = gather(project.scene, keys, _now(), new_id())
    states = planning.states(keys, known.facts)
    keep_judgements(project.scene, known.facts)
    lost = (f"{key} could not be observed: {error}" for key, error in known.unobserved.items())
    return states.told(orphaned(project, known.facts, wanted), [*lost, *map(str, known.errors)])


def planned(
    project: Project,
    select: str,
    partition: str | None,
    exclude: str,
    force: bool,
    run_id: str,
    told: Callable[[str], None] = lambda _: None,
    moment: datetime | None = None,
    backfill: Backfill | None = None,
) -> tuple[Known, Plan]:
    """Facts on a selection, and the plan that they give; errors in its definitions and sources are raised.

    What lies below a source that cannot be observed is left out and warned of, as long as something is left.
    """
    project.refresh()
    keys = project.select(select, exclude=exclude)
    known = gather(project.scene, keys, moment or _now(), run_id, told=told)
    lost = _below(project, known.unobserved)
    left = [key for key in keys if key not in lost]
    if known.errors or not left:
        known.raise_errors()
    keys = left
    if backfill is not None:
        plan = planned_backfill(project, keys, known.facts, backfill, force=force)
    else:
        partitions = None if partition is None else within(project, keys, partition, known.facts)
        plan = planning.make(keys, known.facts, partitions=partitions, force=force)
    keep_judgements(project.scene, known.facts)
    said = (f"what reads {key} is left out: {one}" for key, one in known.unobserved.items())
    plan = replace(plan, warnings=(*known.warnings, *plan.warnings, *said))
    return known, with_orphaned(plan, known.facts, keys)


def _below(project: Project, sources: Iterable[str]) -> set[str]:
    """The assets that read any of these sources, or what is made of them."""
    found: set[str] = set()
    waiting = list(sources)
    while waiting:
        for key in project.graph.downstream.get(waiting.pop(), ()):
            if key not in found:
                made = {one.key for one in project.graph.makers[project.graph.asset(key).maker]}
                waiting.extend(made - found)
                found |= made
    return found


def within(project: Project, keys: Collection[str], text: str, facts: Facts) -> dict[str, Collection[str]]:
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
                if bound.key == key:  # the slot before would bring the one before that, and so on
                    continue
                for read in facts.reads(Slot(key, partition), bound):
                    if read.partition is not None:
                        chosen.setdefault(bound.key, {})[read.partition] = None
    if not any(chosen.values()):
        raise error or UsageError("HW610", f"nothing selected has a partition {text!r}")
    return {key: tuple(found) for key, found in chosen.items()}


# -- reading what is published --------------------------------------------------------------------------------------


def preview(project: Project, asset: str, partition: str | None) -> pl.DataFrame:
    """See ``Project.preview``."""
    from materializers.preview import preview_step

    found = project.graph.asset(asset)
    known = gather(project.scene, [found.key], _now(), new_id())
    known.raise_errors()
    if found.partitions is not None:
        if partition is None:
            last = found.partitions.keys(_now())
            raise UsageError(
                "HW614", f"{found.key} is partitioned", hint=f"name one slot: {found.key}@{last[-1] if last else '...'}"
            )
        partition = key_of(found.partitions, partition)
    elif partition is not None:
        raise _without_partitions(found.key, partition)
    with workplace(project) as place:
        return preview_step(project.scene, known, Slot(found.key, partition), place)


def check(project: Project, select: str) -> dict[Slot, tuple[CheckResult, ...]]:
    """See ``Project.check``."""
    keys = project.select(select, assets_only=False)
    shown = current(project, records_shown(project, lineage=False))
    results: dict[Slot, tuple[CheckResult, ...]] = {}

    def lookup(key: str, column: str) -> pl.LazyFrame:
        made = [one for slot, one in shown.items() if slot.asset == key]
        if not made:
            raise LookupError(key)
        return project.tables.scan(made, [column]).select(column)

    for slot, made in shown.items():
        rules = project.graph.definitions[slot.asset].checks if slot.asset in keys else ()
        if rules:
            results[slot] = tuple(evaluate(rules, project.tables.scan([made]), lookup=lookup))
            _confirm(project, [made])  # what a source holds now may not be what was observed
            project.catalog.add_check_results(made.id, results[slot], run_id=None, at=_now())
    return results


def published(project: Project, asset: str, partition: str | None, as_of: str | None) -> list[Materialization]:
    """The records that an asset or source shows, in the order of its partitions.

    Of a partition that is named, also one that the definition has no more; of an asset that is gone from the code, all.

    Raises:
        UsageError: HW602, there is no such asset; HW615, nothing is published; HW610, there is no such partition.
    """
    key = recorded_key(project, asset)
    found = list(_read(project, key, partition, _shown(project, key, as_of), as_of).values())
    if not found:
        _raise_unpublished(project, key, partition, as_of)
    return found


def _shown(project: Project, key: str, as_of: str | None) -> dict[Slot, Materialization]:
    moment = None if as_of is None else moment_of(project, as_of)
    return records_shown(project, {key}, as_of=moment)


def _read(
    project: Project, key: str, partition: str | None, shown: Mapping[Slot, Materialization], as_of: str | None
) -> Mapping[Slot, Materialization]:
    """Of all that an asset or source shows or showed, what is read of it."""
    definition = project.graph.definitions.get(key)
    if partition is not None:
        slot = Slot(key, partition if definition is None else plain_key(definition.partitions, partition))
        return {slot: shown[slot]} if slot in shown else {}
    if as_of is not None:
        return read_then(project, definition, shown, project.catalog.sequence_at(moment_of(project, as_of))).found
    if definition is not None:
        return current(project, shown)
    return dict(sorted(shown.items(), key=lambda pair: pair[0].partition or ""))


def doubts(project: Project, asset: str, partition: str | None, as_of: str | None) -> list[str]:
    """What the records do not tell of what an asset or source showed at a moment, a sentence each."""
    if partition is not None or as_of is None:
        return []
    key = recorded_key(project, asset)
    until = project.catalog.sequence_at(moment_of(project, as_of))
    definition = project.graph.definitions.get(key)
    return read_then(project, definition, _shown(project, key, as_of), until).doubts(key)


def _without_partitions(key: str, partition: str) -> UsageError:
    return UsageError(
        "HW615", f"{key} has no partitions, so none is called {partition!r}", hint=f"leave @{partition} out"
    )


def refuse_unknown_partition(definition: Definition, partition: str) -> None:
    """Refuses a partition that the definition does not have.

    Raises:
        UsageError: HW615, it has none; HW610, there is no such one.
    """
    if definition.partitions is None:
        raise _without_partitions(definition.key, partition)
    definition.partitions.index(partition)


def _raise_unpublished(project: Project, key: str, partition: str | None, as_of: str | None) -> NoReturn:
    definition = project.graph.definitions.get(key)
    if partition is not None and definition is not None:
        refuse_unknown_partition(definition, partition)
    when = "" if as_of is None else f" as of {as_of}"
    raise UsageError(
        "HW615", f"{Slot(key, partition)} is not published in {project.env}{when}",
        hint=f"headwater audit log --asset {key}" if definition is None else f"headwater materialize +{key}",
    )  # fmt: skip


def _refuse_gone(project: Project, key: str) -> None:
    """Refuses to read what is orphaned now, as it is of an asset that is gone from the code.

    Raises:
        UsageError: HW602.
    """
    if key not in project.graph.definitions and not project.catalog.frozen(project.env):
        raise UsageError(
            "HW602", f"no asset {key!r} any more", why="it is gone from the code, and what it published is orphaned",
            hint="--as-of run:ID reads what it showed after a run; headwater runs lists them",
        )  # fmt: skip


def scan(project: Project, asset: str, partition: str | None, as_of: str | None) -> pl.LazyFrame:
    """See ``Project.scan``."""
    key = recorded_key(project, asset)
    if as_of is None:
        _refuse_gone(project, key)
    shown = _shown(project, key, as_of)
    made = list(_read(project, key, partition, shown, as_of).values())
    if not made and partition is None and shown:  # all is orphaned: no rows, of the columns that there were last
        last = max(shown.values(), key=lambda one: one.created)
        return pl.LazyFrame(schema={name: parse_dtype(dtype) for name, dtype in last.schema})
    if not made:
        _raise_unpublished(project, key, partition, as_of)
    _confirm(project, made)
    try:
        return project.tables.scan(made)
    except (StorageError, DataError):
        _refuse_pruned(project, made)
        raise


def _confirm(project: Project, made: Sequence[Materialization]) -> None:
    """See ``Tables.confirm``."""
    if made[0].kind is RecordKind.OBSERVATION:
        aside = project.catalog.latest_blocked(project.env, assets={made[0].slot.asset})
        project.tables.confirm(made, _digests(project), aside)


def _refuse_pruned(project: Project, made: Sequence[Materialization]) -> None:
    """Says who deleted the data of one of these on purpose, if somebody did.

    Raises:
        StorageError: HW425.
    """
    gone = project.tables.absent(made)
    for one in (one for one in made if one.slot in gone):
        marked = [how for how in project.catalog.retirements(one.id) if how.how is Retired.PRUNED]
        if marked:
            run = marked[-1].run_id and project.catalog.run(marked[-1].run_id)
            by = f" by {run.actor}" if run else ""
            raise StorageError(
                "HW425", f"the stored data of {one.slot} was pruned on {marked[-1].at:%Y-%m-%d %H:%M} UTC{by}",
                where=one.stored.location if one.stored else "", why=marked[-1].reason,
                hint=f"headwater audit manifest {one.id} still tells what it was made of; a later prune with --keep or "
                "--older-than leaves more",
            )  # fmt: skip


def query(
    project: Project, asset: str, sql: str | None, *, partition: str | None, as_of: str | None, head: int | None
) -> pl.DataFrame:
    """See ``Project.query``."""
    frame = scan(project, asset, partition, as_of)
    wanted = frame if sql is not None or head is None else frame.head(head)
    try:
        rows = wanted.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        made = published(project, asset, partition, as_of)
        changed = [one for one in made if one.stored is not None and not project.tables.intact([one])]
        if not changed:
            raise
        raise StorageError(
            "HW425", f"the stored data of {changed[0].slot} is not what was stored any more",
            where=changed[0].stored.location if changed[0].stored else "", why=str(error).splitlines()[0],
            hint=f"headwater audit verify tells what else changed; headwater materialize {asset} makes it again",
        ) from None  # fmt: skip
    if sql is None:
        return rows
    found = run_query(sql, {"data": rows}, {}, asset)
    return found if head is None else found.head(head)


def moment_of(project: Project, text: str) -> datetime:
    """A moment as a person writes it: ISO time, a date meaning its end, or ``run:ID`` meaning the end of that run.

    Times without offset are in the project's time zone.

    Raises:
        UsageError: HW616, it is none of these.
    """
    if text.startswith("run:") and len(text) > len("run:"):
        run, _ = project.run(text.removeprefix("run:"))
        return run.ended or _now()
    zone = ZoneInfo(project.settings.project.timezone)
    try:
        with suppress(ValueError):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        moment.astimezone(UTC)  # which is how the catalog writes it
    except (ValueError, OverflowError):
        raise UsageError(
            "HW616", f"{text!r} is no moment", hint="write 2013-02-01, 2013-02-01T05:00 or run:ID"
        ) from None
    return moment


def _digests(project: Project) -> Any:
    from materializers.tables import CatalogDigests

    return CatalogDigests(project.catalog)


def _now() -> datetime:
    return datetime.now(UTC)
