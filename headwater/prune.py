"""``prune``: deleting stored data that nothing needs any more. Records stay; first they are marked, later files go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from assets_core.errors import HeadwaterError
from assets_core.records import RunRecord, RunState, Stored
from headwater import processes
from headwater.actor import actor
from headwater.beside import abandon_dead_runs, at_work
from headwater.report.words import counted
from headwater.secrets import mask
from lineage.crash_points import crash_point
from lineage.stock import Holding, due, stock, to_retire
from materializers.ids import new_id
from materializers.snapshots import SNAPSHOTS

if TYPE_CHECKING:
    from headwater.project import Project

GRACE = timedelta(hours=1)
"""How long marked data stays for whoever is reading it."""
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept beside what environments point at.

    Arguments:
        keep: of every slot so many of the newest that could still be published.
        older_than: only what nobody used for so long is deleted; None for however young.
        grace: how long data stays after it was marked.
    """

    keep: int = 0
    older_than: timedelta | None = None
    grace: timedelta = GRACE


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is deleted, or was.

    Arguments:
        retire: stored data that is marked now.
        delete: stored data that is deleted now: marked before the grace period began, or now where there is none.
        waiting: stored data that stays marked until its grace period is over.
        leftovers: data that no record names: what crashed runs left.
        kept: stored data that stays.
        done: whether it was carried out.
    """

    retire: tuple[Holding, ...]
    delete: tuple[Holding, ...]
    waiting: tuple[Holding, ...]
    leftovers: tuple[Stored, ...]
    kept: tuple[Holding, ...]
    warnings: tuple[str, ...] = ()
    done: bool = False


def prune(project: Project, rule: Rule, *, carry_out: bool = False, command: str = "", reason: str = "") -> Pruning:
    """Finds what nothing needs, and with ``carry_out`` marks it and deletes what was marked long enough ago.

    Nothing is touched that an environment points at, that a rule keeps, or that shares its stored data with such.
    While a run is under way in any environment nothing is marked.

    Arguments:
        command, reason: recorded with who asked.

    Raises:
        RefusedError: HW750, a run is under way; HW704, the environment is frozen.
        StorageError: HW423, a storage cannot be written.
    """
    now = datetime.now(UTC)
    if not carry_out:
        look = _Look(project, rule, now)
        if not rule.grace:  # what is marked goes at once
            look.due = (*look.due, *look.retire)
        return look.found()
    run = RunRecord(
        new_id(), project.env, RunState.RUNNING, now, actor(), mask(command), "", processes.identity(),
        reason=mask(reason),
    )  # fmt: skip
    abandon_dead_runs(project, everywhere=True)  # they would keep everything for ever
    project.catalog.begin_run(run)
    state, counts = RunState.FAILED, {"marked": 0, "deleted": 0}
    try:
        before = _Look(project, rule, now)
        marked = [record.id for one in before.retire for record in one.records if record.pruned is None]
        if marked:
            counts["marked"] = len(
                project.catalog.mark_pruned(marked, reason=_why(rule, reason), run_id=run.id, at=now)
            )
        crash_point("prune.marked")
        # Looked at again: what was published or checked again meanwhile is not deleted.
        found = _Look(project, rule, now).found()
        counts["deleted"] = _delete(project, found)
        state = RunState.SUCCEEDED
    finally:
        project.catalog.end_run(run.id, state, ended=datetime.now(UTC), counts=counts, reason=run.reason)
    chosen = tuple(one for one in before.retire if not one.pointed)
    places = set(map(_place, chosen))
    waiting = tuple(one for one in found.waiting if _place(one) not in places)
    return Pruning(chosen, found.delete, waiting, found.leftovers, found.kept, found.warnings, done=True)


class _Look:
    """What the catalog and the storages hold at a moment, sorted by what is to become of it."""

    def __init__(self, project: Project, rule: Rule, now: datetime) -> None:
        self.project = project
        self.warnings: list[str] = []
        self.oldest = _before(now, rule.grace)
        holdings = stock(project.catalog)
        names = dict.fromkeys(one.stored.storage for one in holdings)
        self.reachable = {name for name in (*names, *_configured(project)) if self._opens(name)}
        self.holdings = [one for one in holdings if one.stored.storage in self.reachable]
        since = None if rule.older_than is None else _before(now, rule.older_than)
        self.retire = to_retire(self.holdings, keep=rule.keep, unused_since=since)
        self.due = due(self.holdings, self.oldest)
        self.under_way = [run for run in project.catalog.live_runs() if at_work(project, run)]

    def found(self) -> Pruning:
        """Everything, with what still lies in the storages."""
        there = self._unknown()
        places = {(one.storage, one.location) for one in there}
        delete = tuple(one for one in self.due if _place(one) in places)
        leftovers = tuple(one for one in there if (one.storage, one.location) not in set(map(_place, self.due)))
        gone = {id(one) for one in (*self.retire, *self.due)}
        marked = [one for one in self.holdings if one.marked is not None and id(one) not in gone and not one.pointed]
        gone |= {id(one) for one in marked}
        kept = tuple(one for one in self.holdings if id(one) not in gone)
        self._say_what_is_under_way()
        return Pruning(
            self.retire, delete, tuple(marked), self._old(leftovers), kept, tuple(dict.fromkeys(self.warnings))
        )

    def _unknown(self) -> list[Stored]:
        """What lies in the storages and is named by no record, or only by such as are due."""
        due_places = set(map(_place, self.due))
        found: list[Stored] = []
        for name in sorted(self.reachable):
            known = [
                one.stored.location
                for one in self.holdings
                if one.stored.storage == name and _place(one) not in due_places
            ]
            found.extend(self.project.tables.storage(name).unreferenced(known))
        return found

    def _old(self, leftovers: Iterable[Stored]) -> tuple[Stored, ...]:
        """Leftovers that Headwater made before the grace period and before every run that is under way.

        An id is drawn before its data is computed, which may take longer than any grace period. Whatever else lies in
        a storage is not ours, and what is older than the catalog is another one's, which may come back from a backup.
        """
        before = min([self.oldest, *(run.started for run in self.under_way)])
        old = [one for one in leftovers if (_made(one) or _NEVER) < before]
        began = self.project.catalog.began()
        ours = tuple(one for one in old if began is not None and began <= (_made(one) or _NEVER))
        if len(ours) < len(old):
            self.warnings.append(
                f"{counted(len(old) - len(ours), 'table')} in the storages are older than this catalog, so another one"
                " may know them: they stay"
            )
        return ours

    def _opens(self, name: str) -> bool:
        try:
            self.project.tables.storage(name)
        except HeadwaterError as error:
            self.warnings.append(f"what lies in storage {name} stays: {error.what}")
            return False
        return True

    def _say_what_is_under_way(self) -> None:
        for run in self.under_way:
            if run.process != processes.identity():
                self.warnings.append(
                    f"run {run.id[:13]} is under way in {run.env}: nothing is marked until it has ended"
                )


def _before(now: datetime, span: timedelta) -> datetime:
    """A moment so long ago, or the first one that can be told."""
    try:
        return now - span
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _configured(project: Project) -> list[str]:
    return [*project.settings.storage, *(() if "default" in project.settings.storage else ("default",)), SNAPSHOTS]


def _place(one: Holding) -> tuple[str, str]:
    return (one.stored.storage, one.stored.location)


def _made(stored: Stored) -> datetime | None:
    """When data was written, by the time-ordered id in its name; None where there is none."""
    for part in reversed(stored.location.split("/")):
        try:
            found = UUID(part.partition(".")[0])
        except ValueError:
            continue
        if found.version == 7:
            return _UNIX + timedelta(milliseconds=found.int >> 80)
    return None


def _delete(project: Project, found: Pruning) -> int:
    places: Sequence[Stored] = [*(one.stored for one in found.delete), *found.leftovers]
    for one in places:
        project.tables.storage(one.storage).delete(one)
        crash_point("prune.deleted")
    return len(places)


def _why(rule: Rule, reason: str) -> str:
    kept = [f"the newest {rule.keep}"] if rule.keep else []
    if rule.older_than is not None:
        kept.append(f"what was used in {rule.older_than}")
    return mask("; ".join([f"pruned, keeping {' and '.join(kept)}" if kept else "pruned", *filter(None, [reason])]))
