"""Environments: making one from another, rolling back, releasing, dropping; pointers move, nothing is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from assets_core.errors import HeadwaterError, UsageError, did_you_mean
from assets_core.keys import Slot
from assets_core.records import Materialization, RunRecord, RunState, Stored
from assets_core.renames import called_before, present_slot, renames_of
from headwater import processes
from headwater.actor import actor
from headwater.beside import abandon_dead_runs, refuse_frozen
from headwater.config import Settings
from headwater.faces import face_behind, renew_faces
from headwater.pointers import current, pointers_of, records_shown
from headwater.read_then import read_then
from headwater.secrets import mask
from headwater.use_cases import moment_of
from lineage.catalog.values import Accept, Change, EnvironmentRecord, Move, Verb
from materializers.ids import new_id

if TYPE_CHECKING:
    from headwater.project import Project
    from lineage.catalog.store import Catalog


@dataclass(frozen=True, slots=True)
class Shift:
    """A slot that comes to show something else, with the records on both sides; None where there is nothing to show.

    Arguments:
        env: the environment in which it does.
        note: why it goes where it goes, where that is not plain.
    """

    env: str
    slot: Slot
    before: Materialization | None
    after: Materialization | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A slot whose pointer stays although it differs, and why."""

    slot: Slot
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What is going to be done to environments, or was.

    Arguments:
        env: the environment that is changed.
        origin: the environment that pointers come from; empty if none.
        moved: slots that come to show something else, under the keys that their assets have now.
        moves: the pointers that move for that, as the catalog has them.
        left: slots that differ and stay as they are.
        held, released: slots that are held from now on, or no longer.
        conflicts: slots that are about to be overwritten although they changed since the two were last in step.
        run_id: by which it was recorded; None if it was not done, or there was nothing to do.
        behind: a sentence on each storage that other tools do not see it in yet.
    """

    verb: Verb
    env: str
    origin: str = ""
    moved: tuple[Shift, ...] = ()
    moves: tuple[Move, ...] = ()
    left: tuple[Left, ...] = ()
    held: tuple[Slot, ...] = ()
    released: tuple[Slot, ...] = ()
    conflicts: tuple[Slot, ...] = ()
    frozen: bool = False
    run_id: str | None = None
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """One environment as ``env ls`` shows it.

    Arguments:
        declared: whether headwater.toml names it.
        record: what the catalog knows of it.
    """

    name: str
    declared: bool
    protected: bool
    record: EnvironmentRecord = field(default_factory=lambda: EnvironmentRecord(""))


def environments(settings: Settings, catalog: Catalog | None) -> dict[str, Known]:
    """The environments there are: those of headwater.toml, the default one, ``dev``, and those in the catalog."""
    recorded = {} if catalog is None else catalog.environment_records()
    used = {name for name, one in recorded.items() if not one.dropped}
    names = sorted({*settings.env, settings.project.default_env, "dev", *used})
    return {
        name: Known(
            name,
            name in settings.env,
            name in settings.env and settings.env[name].protected,
            recorded.get(name, EnvironmentRecord(name)),
        )
        for name in names
    }


def known_environment(settings: Settings, catalog: Catalog | None, name: str) -> Known:
    """One environment.

    Raises:
        UsageError: HW609, there is none of that name.
    """
    found = environments(settings, catalog)
    if name not in found:
        raise UsageError(
            "HW609",
            f"no environment {name!r}",
            hint=did_you_mean(name, found)
            or f"headwater env create {name} --from ENV makes one; so does [env.{name}] in headwater.toml",
        )
    return found[name]


# -- creating and dropping ------------------------------------------------------------------------------------------


def create(
    project: Project, name: str, *, frozen: bool = False, as_of: str | None = None, command: str = "", reason: str = ""
) -> Changed:
    """See ``Project.create_environment``."""
    if name == project.env:
        raise UsageError("HW663", f"{name} cannot be made from itself")
    known = environments(project.settings, project.catalog).get(name)
    if known is not None and (known.record.shown or known.record.created):
        raise UsageError("HW660", f"there is an environment {name!r} already", hint=f"headwater env drop {name}")
    abandon_dead_runs(project, name)
    catalog = project.catalog
    with catalog.reading():
        seen = catalog.head().sequence if as_of is None else _when_it_showed(project, as_of, "--as-of")
        pointers = catalog.pointers(project.env, as_of=None if as_of is None else seen)
        there = catalog.pointers(name)
    left, moves = [], []
    orphaned = _orphaned(project, pointers, None if as_of is None else seen) if frozen else set()
    for slot, one in pointers.items():
        if one.retired:
            left.append(Left(slot, "what it showed was taken out of use since"))
        elif slot in orphaned:
            left.append(Left(slot, "orphaned: nothing read it when this was made"))
        else:
            before = there.get(slot)
            moves.append(Move(name, slot, one.materialization, before and before.materialization))
    accept = _accepted_there(project, moves, seen)
    run = run_of(name, command, reason, f"env create {name} --from {project.env}")
    behind = carry_out(project, Change(run, Verb.CREATE, project.env, seen, frozen, tuple(moves), accept=accept))
    return Changed(
        Verb.CREATE,
        name,
        project.env,
        shifts(project, moves),
        tuple(moves),
        tuple(left),
        frozen=frozen,
        run_id=run.id,
        behind=behind,
    )


def _orphaned(project: Project, slots: Iterable[Slot], until: int | None) -> set[Slot]:
    """Of slots that show something, or did, those that nothing reads, or read: a frozen environment shows all it has.

    Arguments:
        until: the entry of the log after which they did; None for now.
    """
    shown = records_shown(project, as_of=until, lineage=False)
    read = set(current(project, shown))
    if until is not None:
        by_asset: dict[str, dict[Slot, Materialization]] = {}
        for slot, made in shown.items():
            by_asset.setdefault(slot.asset, {})[slot] = made
        known = project.graph.definitions
        read = {
            slot
            for key, several in by_asset.items()
            if key in known
            for slot in read_then(project, known[key], several, until).found
        }
    renames = renames_of(project.graph.definitions)
    present = {slot: present_slot(slot, renames) for slot in slots}
    return {slot for slot, one in present.items() if one.asset in project.graph.definitions and one not in read}


def _accepted_there(project: Project, moves: Iterable[Move], until: int) -> tuple[Accept, ...]:
    """What was accepted of the materializations that a new environment shows, where they come from."""
    shown = {move.slot: move.materialization for move in moves}
    return tuple(
        Accept(one.slot, one.materialization, one.acceptance.code, one.source, one.acceptance.run_id)
        for one in project.catalog.acceptances(env=project.env, until=until)
        if shown.get(one.slot) == one.materialization
    )


def drop(project: Project, *, command: str = "", reason: str = "") -> Changed:
    """See ``Project.drop_environment``."""
    env, catalog = project.env, project.catalog
    abandon_dead_runs(project)
    pointers, held = catalog.pointers(env), tuple(catalog.held(env))
    record = catalog.environment_records().get(env)
    if record is None or record.dropped:
        return Changed(Verb.DROP, env)
    moves = [Move(env, slot, None, one.materialization) for slot, one in pointers.items()]
    run = run_of(env, command, reason, f"env drop {env}")
    behind = carry_out(project, Change(run, Verb.DROP, moves=tuple(moves), release=held))
    moved = shifts(project, moves)
    released = _as_called_now(project, held)
    return Changed(
        Verb.DROP, env, moved=moved, moves=tuple(moves), released=released, run_id=run.id, behind=behind
    )  # fmt: skip


# -- rolling back and releasing -------------------------------------------------------------------------------------


def rollback(project: Project, to: str, *, dry_run: bool = False, command: str = "", reason: str = "") -> Changed:
    """See ``Project.rollback``."""
    env, catalog = project.env, project.catalog
    refuse_frozen(project)
    abandon_dead_runs(project)
    until = _when_it_showed(project, to, "--to")
    with catalog.reading():
        now, then = pointers_of(project, env), pointers_of(project, env, as_of=until)
        wanted, notes = {}, {}
        for slot in sorted({*now.shown, *then.shown}, key=_slot_order):
            past = then.shown.get(slot)
            either = now.shown.get(slot) or past
            if either is None or either.observed:  # what exists outside is looked at anew by every plan
                continue
            target = past and past.materialization
            if past is not None and past.retired:
                target = catalog.good_before(env, called_before(slot, now.renames), until=until)
                notes[slot] = "what it showed then was taken out of use; this is what it showed before"
            if target != now.id_of(slot):
                wanted[slot] = target
        records = catalog.materializations({one for one in wanted.values() if one is not None}, lineage=False)
    moves = [move for slot, target in wanted.items() for move in now.moves(slot, records.get(target or ""))]
    moved = shifts(project, moves, notes)
    run_id: str | None = None
    behind: tuple[str, ...] = ()
    if moves and not dry_run:
        run = run_of(env, command, reason, f"env rollback {env} --to {to}")
        hold = tuple(one.slot for one in moves)  # under every key that it moves: code from before a rename sees its own
        behind = carry_out(project, Change(run, Verb.ROLLBACK, seen=until, moves=tuple(moves), hold=hold))
        run_id = run.id
    return Changed(
        Verb.ROLLBACK, env, moved=moved, moves=tuple(moves), held=tuple(wanted), run_id=run_id, behind=behind
    )  # fmt: skip


def _when_it_showed(project: Project, moment: str, option: str) -> int:
    """The entry of the log that a moment means, at which the environment showed something already.

    Raises:
        UsageError: HW661, it did not.
    """
    until, first = place_in_log(project, moment), project.catalog.first_publication(project.env)
    if first is None or until < first[0]:
        when = "nothing was ever published there"
        when = when if first is None else f"the first run that published there is {first[1]}: {option} {first[1][:13]}"
        raise UsageError("HW661", f"{project.env} showed nothing yet at {moment}", hint=when)
    return until


def release(project: Project, select: str = "", *, command: str = "", reason: str = "") -> Changed:
    """See ``Project.release``."""
    refuse_frozen(project)
    held = project.catalog.held(project.env)
    keys = set(project.select(select)) if select else None
    renames = renames_of(project.graph.definitions)
    freed = tuple(slot for slot in held if keys is None or present_slot(slot, renames).asset in keys)
    if not freed:
        return Changed(Verb.RELEASE, project.env)
    run = run_of(project.env, command, reason, f"env release {project.env} {select}".strip())
    project.catalog.change(Change(run, Verb.RELEASE, release=freed))
    return Changed(Verb.RELEASE, project.env, released=_as_called_now(project, freed), run_id=run.id)


# -- what all of them need ------------------------------------------------------------------------------------------


def place_in_log(project: Project, text: str) -> int:
    """The entry of the log that a run ended with, or that was the last one at a moment.

    Arguments:
        text: the id of a run or the beginning of one, with or without ``run:``; else a moment.

    Raises:
        UsageError: HW612, several runs begin like that; HW616, it is no moment either; HW662, the run was in another
            environment.
    """
    short = text.removeprefix("run:")
    found = [one for one in project.catalog.runs(-1) if one.id.startswith(short)] if short else []
    if not found and short == text:
        return project.catalog.sequence_at(moment_of(project, text))
    run, _ = project.run(short)
    if run.env != project.env:
        raise UsageError(
            "HW662", f"run {run.id[:13]} was in {run.env}, not in {project.env}",
            hint=f"headwater --env {project.env} runs lists those that were",
        )  # fmt: skip
    return project.catalog.end_of(run.id)


def shifts(project: Project, moves: Iterable[Move], notes: Mapping[Slot, str] | None = None) -> tuple[Shift, ...]:
    """What slots show before and after some moves, with the records; the moves of one slot's several keys together."""
    moves = list(moves)
    records, renames, said = _records(project, moves), renames_of(project.graph.definitions), notes or {}
    found: dict[tuple[str, Slot], Shift] = {}
    for env, slot, after, before in moves:
        present = present_slot(slot, renames)
        known = found.get((env, present)) or Shift(env, present, None, None, said.get(present, ""))
        own = slot == present  # what is shown under a former key counts only where the present one shows nothing
        found[env, present] = replace(
            known,
            before=records[before] if before is not None and (own or known.before is None) else known.before,
            after=records[after] if after is not None and (own or known.after is None) else known.after,
        )
    return tuple(found.values())


Faces: TypeAlias = dict[tuple[str, str], dict[Slot, Stored | None]]
"""By environment and storage what other tools are to see of slots."""


def carry_out(project: Project, change: Change) -> tuple[str, ...]:
    """Records a change and shows other tools what came of it; what cannot be shown now is shown by the next run.

    Returns:
        A sentence on each storage that is behind.
    """
    faces = _faces(project, change.moves)
    # Noted before it is shown: who is cut off in between shows nothing more.
    project.catalog.change(replace(change, faces={place: tuple(slots) for place, slots in faces.items()}))
    return _show_faces(project, change.moves, faces)


def _faces(project: Project, moves: Collection[Move]) -> Faces:
    records = _records(project, moves)
    faces: Faces = {}
    for env, slot, after, before in moves:
        stored = [None if one is None else records[one].stored for one in (before, after)]
        for one in stored:  # what left one storage may have come to another
            if one is not None:
                faces.setdefault((env, one.storage), {})[slot] = None
        if stored[1] is not None:
            faces[env, stored[1].storage][slot] = stored[1]
    return faces


def _show_faces(project: Project, moves: Iterable[Move], faces: Faces) -> tuple[str, ...]:
    behind = [one for (env, storage), published in faces.items() for one in _show(project, env, storage, published)]
    renames = renames_of(project.graph.definitions)
    touched: dict[str, set[str]] = {}
    for move in moves:
        touched.setdefault(move.env, set()).add(present_slot(move.slot, renames).asset)
    for env, keys in touched.items():
        renew_faces(project, env, keys)
    return tuple(behind)


def mend_faces(project: Project) -> tuple[str, ...]:
    """Brings up to date what other tools see where that could not be done at its time.

    That is where the run that published was cut off, and where a storage could not be written, in any environment.

    Returns:
        A sentence on each storage that is still behind.
    """
    catalog = project.catalog
    cut_off = catalog.cut_off(project.env)
    still = list(_show_faces(project, cut_off, _faces(project, cut_off)))
    for (env, storage), slots in catalog.faces_behind().items():
        shown = catalog.published(env, assets={slot.asset for slot in slots}, lineage=False)
        there = {slot: made.stored for slot, made in shown.items() if made.stored and made.stored.storage == storage}
        known = storage == "default" or storage in project.settings.storage
        if known:
            still.extend(_show(project, env, storage, {slot: there.get(slot) for slot in slots}))
        else:
            catalog.note_face(env, storage, slots, behind=False)
    return tuple(still)


def _show(project: Project, env: str, storage: str, published: Mapping[Slot, Stored | None]) -> list[str]:
    """Brings the face of some slots up to date; a sentence where that cannot be done now."""
    try:
        opened = project.tables.storage(storage)
        if any(published.values()) or not project.catalog.environment_records()[env].dropped:
            opened.publish(env, published)
        else:
            opened.unpublish(env)
    except HeadwaterError as error:
        project.catalog.note_face(env, storage, published, behind=True)
        return [face_behind(env, storage, error)]
    project.catalog.note_face(env, storage, published, behind=False)
    return []


def _records(project: Project, moves: Iterable[Move]) -> dict[str, Materialization]:
    ids = {one for move in moves for one in (move.materialization, move.expected) if one is not None}
    return project.catalog.materializations(sorted(ids), lineage=False)


def _as_called_now(project: Project, slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """The slots under the keys that their assets have now, each once, in order."""
    renames = renames_of(project.graph.definitions)
    return tuple(sorted({present_slot(one, renames) for one in slots}, key=_slot_order))


def run_of(env: str, command: str, reason: str, selection: str) -> RunRecord:
    """Who does it, with which words and why; a run without steps that ends as it begins."""
    now = datetime.now(UTC)
    return RunRecord(
        new_id(), env, RunState.SUCCEEDED, now, actor(), mask(command), selection, processes.identity(), now,
        reason=mask(reason),
    )  # fmt: skip


def _slot_order(slot: Slot) -> tuple[str, str]:
    return slot.asset, slot.partition or ""
