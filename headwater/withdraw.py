"""Withdrawing: a materialization that somebody found wrong is never used or shown again, in no environment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets_core.errors import UsageError
from assets_core.keys import Slot, parse_slot
from assets_core.partitions import select_range
from assets_core.records import Materialization, RecordKind
from assets_core.renames import called_before, present_slot
from headwater.environments import Shift, carry_out, run_of, shifts
from headwater.evidence import is_id
from headwater.pointers import pointers_of, recorded_key
from headwater.use_cases import published
from lineage.catalog.values import Change, Move, Retired, Verb

if TYPE_CHECKING:
    from headwater.project import Project


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was withdrawn, and where it is not shown any more.

    Arguments:
        moved: pointers, in every environment that showed it, to what is shown instead.
        below: slots of this environment that were made of it, directly or through others.
        run_id: by which it was recorded; None if it was not done.
        behind: a sentence on each storage that other tools do not see it in yet.
    """

    materializations: tuple[Materialization, ...]
    moved: tuple[Shift, ...]
    below: tuple[Slot, ...]
    reason: str
    run_id: str | None = None
    behind: tuple[str, ...] = ()


def withdraw(project: Project, what: str, *, reason: str, command: str = "", dry_run: bool = False) -> Withdrawn:
    """See ``Project.withdraw``."""
    if not reason.strip():
        raise UsageError(
            "HW664", "withdrawing needs a reason", hint="--reason TEXT; it is shown in every manifest below"
        )
    made = _meant(project, what)
    catalog = project.catalog
    ids = tuple(one.id for one in made)
    frozen = {name for name, one in catalog.environment_records().items() if one.frozen}
    moves: list[Move] = []
    notes = {}
    with catalog.reading():
        shown = {env: pointers_of(project, env) for env, _, _ in catalog.shown_by(ids)}
        for env, recorded, identifier in catalog.shown_by(ids):
            pointers = shown[env]
            slot = present_slot(recorded, pointers.renames)
            if env in frozen:
                notes[slot] = "frozen: it shows nothing rather than what it never showed"
            if env in frozen or pointers.id_of(slot) != identifier:  # of several keys, one that nobody looks at
                moves.append(Move(env, recorded, None, identifier))
                continue
            before = catalog.good_before(env, called_before(slot, pointers.renames), besides=ids)
            record = catalog.materializations([before], lineage=False)[before] if before is not None else None
            moves.extend(pointers.moves(slot, record))
    moved = shifts(project, moves, notes)
    below = _made_of(project, set(ids))
    if dry_run:
        return Withdrawn(made, moved, below, reason)
    run = run_of(project.env, command, reason, f"withdraw {what}")
    behind = carry_out(project, Change(run, Verb.WITHDRAW, moves=tuple(moves), withdraw=ids))
    return Withdrawn(made, moved, below, reason, run.id, behind)


def _meant(project: Project, what: str) -> tuple[Materialization, ...]:
    """The records that are meant: one by its id, or what slots show.

    Raises:
        UsageError: HW665, it was taken out of use already; HW666, it is an observation; HW614, the asset is
            partitioned and no partition was named; HW615, nothing is published.
    """
    known = project.catalog.materializations([what], lineage=False) if is_id(what) else {}
    made = tuple(known.values()) or _shown(project, what)
    for one in made:
        if one.kind is RecordKind.OBSERVATION:
            raise UsageError(
                "HW666", f"{one.slot} is an observation of a source, and what was seen was seen",
                hint="correct the source: it is observed anew",
            )  # fmt: skip
        gone = [past for past in project.catalog.retirements(one.id) if past.how is Retired.WITHDRAWN]
        if gone:
            raise UsageError(
                "HW665", f"{one.id} was withdrawn already", where=str(one.slot),
                why=f"{gone[0].at:%Y-%m-%d %H:%M} UTC: {gone[0].reason}",
            )  # fmt: skip
    return made


def _shown(project: Project, what: str) -> tuple[Materialization, ...]:
    slot = parse_slot(what)
    key = recorded_key(project, slot.asset)
    definition = project.graph.definitions.get(key)
    partitions = None if definition is None else definition.partitions
    if slot.partition is None or partitions is None:
        found = published(project, slot.asset, slot.partition, None)
        if partitions is not None or len(found) > 1:
            raise UsageError(
                "HW614", f"{key} is partitioned",
                hint=f"name what is wrong: {Slot(key, found[-1].slot.partition)}{', or A..B' if partitions else ''}",
            )  # fmt: skip
        return tuple(found)
    try:
        wanted = set(select_range(partitions, slot.partition, datetime.now(UTC)))
    except UsageError:
        with suppress(UsageError):  # a partition that the definition has no more may show something all the same
            return tuple(published(project, slot.asset, slot.partition, None))
        raise
    shown = [one for one in published(project, slot.asset, None, None) if one.slot.partition in wanted]
    return tuple(shown) or tuple(published(project, slot.asset, slot.partition, None))


def _made_of(project: Project, ids: set[str]) -> tuple[Slot, ...]:
    """The slots whose published records were made of these, directly or through whatever was published in between."""
    shown = pointers_of(project, project.env).shown
    parents: dict[str, set[str]] = {}
    layer = {one.materialization for one in shown.values()}
    while layer:
        records = project.catalog.materializations(sorted(layer), lineage=False)
        for one in records.values():
            inputs = one.recipe.inputs if one.recipe is not None else ()
            parents[one.id] = {part.materialization for read in inputs for part in read.parts}
        layer = {parent for one in records for parent in parents[one]} - parents.keys()
    children: dict[str, list[str]] = {}
    for child, read_by in parents.items():
        for parent in read_by:
            children.setdefault(parent, []).append(child)
    tainted, waiting = set(ids), list(ids)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in tainted:
                tainted.add(child)
                waiting.append(child)
    return tuple(sorted(slot for slot, one in shown.items() if one.materialization in tainted - ids))
