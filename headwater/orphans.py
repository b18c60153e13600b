"""Slots whose asset is gone from the code, or whose key is: listed, never deleted silently."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.partitions import has_slot
from assets_core.plan import Plan, Redefined
from assets_core.published import unpack_id
from assets_core.records import RecordKind
from assets_core.renames import renames_of
from assets_core.staleness import Reason, ReasonCode, SlotState, Verdict
from assets_core.states import States
from headwater.pointers import current, pointers_of
from lineage.stock import shown_assets

if TYPE_CHECKING:
    from headwater.project import Project

_REASON = Reason(
    ReasonCode.ORPHANED, "its asset is gone from the code; renamed_from= carries the history of a key to another"
)


_KEY_GONE = Reason(ReasonCode.ORPHANED, "its partition was retired, or is gone from the code; what was made stays")


def orphaned(project: Project, facts: Facts, keys: Collection[str] | None = None) -> dict[Slot, Verdict]:
    """The published slots of this environment whose asset or partition the code does not have any more.

    Arguments:
        keys: only slots of these assets; None for all, and of assets that are gone.

    Not among them are slots of sources, and those whose history another asset carries on.
    """
    gone = keys_gone(facts, project.graph.definitions if keys is None else keys)
    verdict = Verdict(SlotState.ORPHANED, (_KEY_GONE,))
    found = {Slot(key, one): verdict for key, several in gone.items() for one in several}
    return found if keys is not None else {**_of_assets_gone(project), **found}


def frozen_states(project: Project, facts: Facts, keys: Collection[str] | None = None) -> States:
    """What a frozen environment shows, all of it held: whatever the code has become, nothing of that counts there.

    Arguments:
        facts: the definitions; nothing else of them is looked at.
        keys: only slots of these assets; None for all, and of assets that are gone.
    """
    record = project.catalog.environment_records()[project.env]
    made = "" if record.created is None else f" {record.created:%Y-%m-%d %H:%M} UTC by {record.actor}"
    verdict = Verdict(SlotState.HELD, (Reason(ReasonCode.HELD, f"frozen{made}: nothing in this environment changes"),))
    shown = {slot: one for slot, one in pointers_of(project, project.env).shown.items() if not one.observed}
    slots = [*current(project, shown), *(slot for slot in shown if slot.asset not in project.graph.definitions)]
    return States({}, facts, {slot: verdict for slot in slots if keys is None or slot.asset in keys})


def keys_gone(facts: Facts, keys: Collection[str]) -> dict[str, list[str | None]]:
    """By asset, the partition keys that show something and that its definition does not have any more, sorted.

    They are of an earlier definition: one of other keys, another width, that began earlier or ended later, or none at
    all, whose one slot is None; or they were retired. Not among them are windows that the definition has and that only
    have not ended yet.
    """
    found = {}
    for key in keys:
        definition = facts.graph.definitions[key]
        if isinstance(definition, Asset):
            partitions = facts.partitions(key)
            if facts.published.shows_just(key, partitions):
                continue
            beside = facts.published.ids(key).keys() - set(partitions)
            gone = [one for one in beside if not has_slot(definition.partitions, one)]
            if gone:
                found[key] = sorted(gone, key=lambda one: one or "")
    return found


def with_orphaned(plan: Plan, facts: Facts, keys: Collection[str]) -> Plan:
    """The plan, saying what stays of earlier partition definitions, before anything is done."""
    gone = keys_gone(facts, keys)
    if not gone:
        return plan
    made = dict.fromkeys(gone, 0)
    anew = dict(made)
    for made_keys, _, slots in plan.by_why():
        for key in made_keys:
            if key in gone:
                shown = facts.published.ids(key)
                made[key] += len(slots.places)
                anew[key] += sum(one in shown for one in slots.partitions)
    changed = []
    for key, found in gone.items():
        shown = facts.published.ids(key)
        kept = sum(one in shown for one in facts.partitions(key)) - anew[key]
        ranges = tuple(_runs(found, facts.partitions(key)))
        changed.append(Redefined(key, kept, ranges, len(found), made[key], _is_news(key, found, facts)))
    return replace(plan, redefined=tuple(changed))


def _is_news(key: str, gone: Sequence[str | None], facts: Facts) -> bool:
    """Whether no run has made anything of the present definition since the one that made the last orphaned slot."""
    shown = facts.published.ids(key)
    there = [one for one in facts.partitions(key) if one in shown]
    if not there:
        return True
    slots = [Slot(key, max(ones, key=lambda one: unpack_id(shown[one]))) for ones in (gone, there)]
    facts.published.fetch(slots)
    orphan, present = (facts.published[slot] for slot in slots)
    return orphan.run_id == present.run_id or orphan.id > present.id


def _runs(gone: Sequence[str | None], defined: Sequence[str | None]) -> Iterator[str | None]:
    """Sorted keys, joined to ``A..B`` where the definition has no key between them; None as it is."""
    known = sorted(one for one in defined if one is not None)
    yield from (one for one in gone if one is None)
    named = (one for one in gone if one is not None)
    for _, several in groupby(named, key=lambda one: bisect_left(known, one)):
        keys = list(several)
        yield keys[0] if len(keys) == 1 else f"{keys[0]}..{keys[-1]}"


def _of_assets_gone(project: Project) -> dict[Slot, Verdict]:
    known = {*project.graph.definitions, *renames_of(project.graph.definitions)}
    assets = shown_assets(project.catalog, project.env) - known
    shown = project.catalog.published(project.env, assets=assets, lineage=False) if assets else {}
    gone = [slot for slot, made in shown.items() if made.kind is RecordKind.MATERIALIZATION]
    gone.sort(key=lambda slot: (slot.asset, slot.partition or ""))
    return dict.fromkeys(gone, Verdict(SlotState.ORPHANED, (_REASON,)))
