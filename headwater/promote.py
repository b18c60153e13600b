"""Promoting: what one environment shows is shown by another, as far as the other would make it the same way now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.check import Severity
from assets_core.errors import RefusedError, UsageError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.records import Materialization
from assets_core.renames import called_before, under_present_keys
from assets_core.staleness import ReasonCode, judge
from headwater.beside import abandon_dead_runs, refuse_frozen, refuse_if_busy
from headwater.environments import Changed, Left, carry_out, known_environment, run_of, shifts
from headwater.pointers import pointers_of
from lineage.catalog.values import Change, Verb
from materializers.ids import new_id
from materializers.observe import asset_facts, gather

if TYPE_CHECKING:
    from headwater.project import Project

_REASONS_TOLD = 3
_NO_DIFFERENCE = (ReasonCode.VOLATILE, ReasonCode.ACCEPTED)
"""Reasons that keep nothing from being shown here: the second is that it was accepted here."""


def promotion(project: Project, origin: str) -> Changed:
    """What promoting from ``origin`` to the project's environment would do; nothing is done.

    Observations of sources do not move: each environment looks for itself.

    Raises:
        UsageError: HW663, the two are the same; HW609, there is no such environment.
        RefusedError: HW704, the target is frozen; HW701, a run is at work in it.
    """
    env, catalog = project.env, project.catalog
    if origin == env:
        raise UsageError("HW663", f"{env} cannot be promoted to itself", hint="headwater env promote FROM TO")
    known_environment(project.settings, catalog, origin)
    refuse_frozen(project)
    abandon_dead_runs(project)
    refuse_if_busy(project)
    with catalog.reading():
        theirs, ours = pointers_of(project, origin), pointers_of(project, env)
        held = under_present_keys(catalog.held(env), ours.renames)
        base = catalog.last_in_step(origin, env)
        past, followed = pointers_of(project, env, as_of=base), catalog.ever_shown(origin, since=base)
    differing = {
        slot: one.materialization
        for slot, one in theirs.shown.items()
        if not (one.observed or one.retired) and ours.id_of(slot) != one.materialization
    }
    records = catalog.materializations(sorted(differing.values()))
    kept = dict.fromkeys(held, f"held in {env}: headwater env release {env}")
    judged = _Judged(project, {slot: records[made] for slot, made in differing.items()}, kept)
    accepted = [slot for slot in differing if slot in judged.accepted]
    moves = [move for slot in accepted for move in ours.moves(slot, records[differing[slot]])]
    conflicts = tuple(
        slot
        for slot in accepted
        if ours.id_of(slot) not in (None, past.id_of(slot))
        and not any(ours.id_of(slot) in followed.get(one, ()) for one in called_before(slot, ours.renames))
    )
    left = tuple(judged.left)
    return Changed(Verb.PROMOTE, env, origin, shifts(project, moves), tuple(moves), left, conflicts=conflicts)


def promote(
    project: Project, proposal: Changed, *, force: bool = False, command: str = "", reason: str = ""
) -> Changed:
    """Does what ``promotion`` proposed, if nothing changed since it looked.

    Raises:
        RefusedError: HW705, the target moved meanwhile on slots that would be overwritten, and ``force`` is not
            given; HW703, it moves right now.
    """
    if proposal.conflicts and not force:
        listed = ", ".join(map(str, proposal.conflicts[:5]))
        rest = len(proposal.conflicts) - 5
        raise RefusedError(
            "HW705",
            f"{project.env} moved since {proposal.origin} was made from it or last promoted; nothing was done",
            why=f"it would overwrite {listed}{f' and {rest} more' if rest > 0 else ''}",
            hint=f"materialize in {proposal.origin} what {project.env} has, or --force",
        )
    if not proposal.moves:
        return proposal
    run = run_of(project.env, command, reason, f"env promote {proposal.origin} {project.env}")
    behind = carry_out(project, Change(run, Verb.PROMOTE, proposal.origin, moves=proposal.moves))
    return replace(proposal, run_id=run.id, behind=behind)


class _Judged:
    """Which of some materializations the project's environment would make with just their recipes now.

    They are put into its facts in working order, each judged as if it were published there on what was accepted
    before it. So the one function that decides about freshness decides here too.

    Arguments:
        kept: slots that stay in any case, each with the reason.
    """

    def __init__(self, project: Project, wanted: Mapping[Slot, Materialization], kept: Mapping[Slot, str]) -> None:
        self.accepted: set[Slot] = set()
        self.left: list[Left] = []
        self._project = project
        self._wanted = wanted
        self._kept = kept
        graph = project.graph
        keys = {slot.asset for slot in wanted if isinstance(graph.definitions.get(slot.asset), Asset)}
        self.left.extend(Left(slot, "its asset is not in this code") for slot in wanted if slot.asset not in keys)
        known = gather(project.scene, keys, datetime.now(UTC), new_id())
        known.raise_errors()
        self._facts: Facts = known.facts
        self._facts.fetch_recorded(self._named())
        self._absent = project.tables.absent(wanted.values())
        self._checked_later = project.catalog.checked_later(made.id for made in wanted.values())
        done: set[str] = set()
        for key in graph.definitions:
            if key in keys and key not in done:
                group = [one.key for one in graph.makers[graph.asset(key).maker]]
                done.update(group)
                self._judge(group)

    def _named(self) -> set[str]:
        """The ids of the materializations that the recipes were made on."""
        return {
            part.materialization
            for made in self._wanted.values()
            if made.recipe is not None
            for read in made.recipe.inputs
            for part in read.parts
        }

    def _judge(self, group: Collection[str]) -> None:
        """Judges the slots of one asset, or of all that are made by one call, and keeps those that are accepted."""
        facts = self._facts
        defined = {slot for key in group for slot in facts.slots_of(key)}
        slots = [slot for slot in self._wanted if slot.asset in group]
        self.left.extend(Left(slot, "its partition is not in this code") for slot in slots if slot not in defined)
        slots = [slot for slot in slots if slot in defined]
        before = {slot: facts.published.get(slot) for slot in slots}
        absent = facts.absent & set(slots)
        facts.absent = (facts.absent - absent) | (self._absent & set(slots))
        facts.published.update({slot: self._wanted[slot] for slot in slots})
        for key in group:
            facts.assets[key] = asset_facts(self._project.scene, facts.graph.asset(key), facts)
        refused = {slot: why for slot in slots if (why := self._kept.get(slot) or self._why_not(slot))}
        together = {slot.partition for slot in refused}
        for slot in slots:
            if slot.partition not in together:
                self.accepted.add(slot)
                continue
            self.left.append(Left(slot, refused.get(slot, "what is made by the same call stays")))
            facts.absent.discard(slot)
            shown = before[slot]
            if shown is None:
                del facts.published[slot]
            else:
                facts.published[slot] = shown
        facts.absent |= {slot for slot in absent if slot.partition in together}

    def _why_not(self, slot: Slot) -> str:
        """What the recipe that would be used now has different; empty if nothing."""
        reasons = [one.message for one in judge(slot, self._facts).reasons if one.code not in _NO_DIFFERENCE]
        asked = {one.rule for one in self._facts.graph.asset(slot.asset).checks if one.severity is Severity.BLOCKING}
        later = self._checked_later.get(self._wanted[slot].id, ())
        reasons += [
            f"check {one.name} failed since it was made" for one in later if one.rule in asked and not one.passed
        ]
        rest = len(reasons) - _REASONS_TOLD
        return "; ".join(reasons[:_REASONS_TOLD]) + (f"; and {rest} more" if rest > 0 else "")
