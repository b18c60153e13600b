"""Backfills: which partitions lie in a range, which of them are wanted, and what making them is likely to cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from assets_core import planning
from assets_core.asset import Asset
from assets_core.batch_rules import bad_batch
from assets_core.batches import may_be_batched
from assets_core.errors import HeadwaterError, UsageError, did_you_mean, raise_all
from assets_core.facts import Facts
from assets_core.partitions import Multi, Partitions, Timed, dimensions_of, select_range
from assets_core.plan import Plan
from assets_core.previous import reverse_errors
from assets_core.renames import renames_of, under_present_keys
from assets_core.run import BADLY_ENDED
from assets_core.staleness import SlotState
from headwater.pointers import with_former

if TYPE_CHECKING:
    from headwater.project import Project

ONLY = ("all", "stale", "missing", "failed")
"""Which slots of the range are made: all that are not fresh, or those of them in one state."""
_FAILED = frozenset(map(str, BADLY_ENDED))


@dataclass(frozen=True)
class Backfill:
    """What a backfill is asked to do.

    Arguments:
        first, last: partition keys, both included; empty for the beginning or the end of the definition.
        only: one of ``ONLY``; ``failed`` are slots whose last step in this environment did not end well.
        newest_first: begin with the last partition.
        batch: how many partitions one call computes, or the window that it computes together, where assets can be
            batched; None for what they say themselves.
    """

    first: str = ""
    last: str = ""
    only: str = "all"
    newest_first: bool = False
    batch: int | str | None = None


@dataclass(frozen=True)
class Estimate:
    """What carrying out a plan is likely to cost, going by what the assets' published slots cost.

    Arguments:
        seconds: of work, to be shared by the workers.
        bytes: that would be stored.
        unknown: steps of assets that were never made, which are not counted.
    """

    seconds: float
    bytes: float
    unknown: int


def planned_backfill(project: Project, keys: Collection[str], facts: Facts, asked: Backfill, *, force: bool) -> Plan:
    """The plan of a backfill.

    Raises:
        UsageError: HW610, HW611 the range fits nothing selected or is empty; HW650 an asset cannot be made newest
            first; HW651 ``only`` or ``batch`` is none of what there is.
    """
    if asked.only not in ONLY:
        hint = did_you_mean(asked.only, ONLY) or f"one of {', '.join(ONLY)}"
        raise UsageError("HW651", f"{asked.only!r} is no state to backfill", hint=hint)
    wrong = None if asked.batch is None else bad_batch(asked.batch)
    if wrong is not None:
        raise UsageError("HW651", wrong[0], hint=wrong[1])
    if asked.newest_first:
        raise_all(list(reverse_errors(project.graph.asset(key) for key in keys if key in project.graph.inputs)))
    within: Mapping[str, Collection[str | None]] = in_range(
        project.graph.definitions, keys, asked.first, asked.last, facts.now
    )
    if asked.only != "all":
        within = _of_state(project, keys, facts, within, asked.only)
    batch = None if asked.batch is None else _batched_by(asked.batch, keys, facts)
    plan = planning.make(keys, facts, partitions=within, force=force, newest_first=asked.newest_first, batch=batch)
    if asked.only == "all" or plan.steps:
        return plan
    state = "has failed" if asked.only == "failed" else f"is {asked.only}"
    said = f"nothing in the range {state}; without --only all is made that is not fresh"
    return replace(plan, warnings=(*plan.warnings, said))


def _batched_by(batch: int | str, keys: Iterable[str], facts: Facts) -> dict[str, int | str]:
    """The size or window of batches for those of the assets that can be batched by it."""
    from lineage.derive import bound_to_partition

    assets = (one for key in keys if isinstance(one := facts.graph.definitions[key], Asset))
    return {one.key: batch for one in assets if may_be_batched(one, facts.graph, batch) and not bound_to_partition(one)}


def in_range(
    definitions: Mapping[str, object], keys: Collection[str], first: str, last: str, now: datetime
) -> dict[str, Collection[str]]:
    """By asset, the partition keys from one to another, both included.

    Where the keys are of another width, as days are for an asset by the month, the windows count that share time with
    the range; of several dimensions the one of time decides. Assets without time that have no such keys are left out of
    the answer.

    Raises:
        UsageError: HW610, HW611: no selected asset has such partitions.
    """
    found: dict[str, Collection[str]] = {}
    errors: list[HeadwaterError] = []
    others: dict[str, Partitions] = {}
    spans: list[tuple[int, int]] = []
    for key in keys:
        one = definitions[key]
        partitions = one.partitions if isinstance(one, Asset) else None
        if partitions is None:
            continue
        try:
            chosen = _keys_between(partitions, first, last, now)
        except HeadwaterError as error:
            errors.append(error)
            if _time_of(partitions) is not None:
                others[key] = partitions
            continue
        found[key] = chosen
        name, timed = _time_of(partitions) or ("", None)
        if timed is not None and chosen:
            ends = chosen[0], chosen[-1]
            places = [
                timed.index(partitions.keys_of(one)[name] if isinstance(partitions, Multi) else one) for one in ends
            ]
            spans.append((timed.instant(min(places)), timed.instant(max(places) + 1)))
    if not found:
        if errors:
            raise errors[0]
        raise UsageError("HW610", "nothing selected has partitions", hint="headwater materialize makes what has none")
    for key, partitions in others.items():
        name, timed = _time_of(partitions) or ("", None)
        sharing = () if timed is None else _sharing(timed, spans, now)
        found[key] = _of_dimension(partitions, name, sharing, now) if isinstance(partitions, Multi) else sharing
    return found


def _time_of(partitions: Partitions) -> tuple[str, Timed] | None:
    """The one dimension of time, with its name; None if there is none or several."""
    found = [(name, one) for name, one in dimensions_of(partitions).items() if isinstance(one, Timed)]
    return found[0] if len(found) == 1 else None


def _of_dimension(partitions: Multi, name: str, wanted: Iterable[str], now: datetime) -> list[str]:
    """The keys that have one of the wanted keys in a dimension."""
    there = set(wanted)
    return [key for key in partitions.keys(now) if partitions.keys_of(key)[name] in there]


def _keys_between(partitions: Partitions, first: str, last: str, now: datetime) -> Sequence[str]:
    timed = _time_of(partitions)
    if isinstance(partitions, Multi) and timed is not None:
        return _of_dimension(partitions, timed[0], _keys_between(timed[1], first, last, now), now)
    return select_range(partitions, first if first == last and first else f"{first}..{last}", now)


def _sharing(partitions: Timed, spans: Iterable[tuple[int, int]], now: datetime) -> list[str]:
    """The windows that share time with any of these, in seconds since 1970."""
    places: dict[int, None] = {}
    for begin, end in spans:
        low, high = max(0, partitions.place_of(begin)), min(partitions.count(now) - 1, partitions.place_of(end - 1))
        places.update(dict.fromkeys(range(low, high + 1)))
    every = partitions.keys(now)
    return [every[place] for place in sorted(places)]


def _of_state(
    project: Project, keys: Collection[str], facts: Facts, within: Mapping[str, Collection[str | None]], only: str
) -> dict[str, Collection[str | None]]:
    """Those of the partitions that are in the state asked for; of assets without partitions their one slot."""
    chosen = {key: within.get(key, facts.partitions(key)) for key in keys if key in project.graph.inputs}
    if only == "failed":
        steps = under_present_keys(
            project.catalog.last_steps(project.env, assets=with_former(project, chosen)),
            renames_of(project.graph.definitions),
        )
        failed = {(slot.asset, slot.partition) for slot, step in steps.items() if step.state in _FAILED}
        return {key: [one for one in those if (key, one) in failed] for key, those in chosen.items()}
    wanted = SlotState(only)
    found: dict[str, Collection[str | None]] = {}
    for key, states in planning.states(chosen, facts).assets.items():
        places = facts.places(key)
        found[key] = [one for one in chosen[key] if one in places and states.verdict(places[one]).state is wanted]
    return found


def estimate(project: Project, plan: Plan) -> Estimate:
    """What a plan is likely to cost; one read an asset."""
    seconds = size = 0.0
    unknown = 0
    for keys, _, slots in plan.by_why():
        costs = [project.catalog.typical(project.env, key) for key in keys]
        for cost in costs:
            if cost is None:
                unknown += len(slots.places)
                continue
            seconds += cost[0] * len(slots.places)
            size += cost[1] * len(slots.places)
    return Estimate(seconds, size, unknown)
