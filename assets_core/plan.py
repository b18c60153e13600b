"""The plan: the ordered steps that make a selection fresh, each with its reasons. A value, made from facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assets_core.asset import Asset, Definition, Source
from assets_core.batches import grouped
from assets_core.errors import UsageError, raise_all
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.staleness import FRESH, Reason, ReasonCode, SlotState, Verdict, judge


@dataclass(frozen=True, slots=True)
class Step:
    """One call: one slot, or the several of a multi-asset.

    Arguments:
        slots: what it makes.
        reasons: why, over all its slots.
        after: places in the plan of the steps whose results it reads, all of them before this one.
        may_change: nothing is known to differ yet; whether it must run shows when its inputs have settled.
    """

    slots: tuple[Slot, ...]
    reasons: tuple[Reason, ...]
    after: tuple[int, ...] = ()
    may_change: bool = False
    forced: bool = False

    @property
    def slot(self) -> Slot:
        """The first slot, by which the step is known."""
        return self.slots[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in working order, and sentences about what was noticed on the way."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    batches: tuple[tuple[int, ...], ...] = ()
    """Places of steps that one call computes together, in working order; see ``batches``."""


def states(keys: Iterable[str], facts: Facts) -> dict[Slot, Verdict]:
    """The state of every slot of these assets, upstream staleness included.

    Arguments:
        keys: asset keys; whatever lies upstream is judged too and left out of the result.
    """
    wanted = set(keys)
    verdicts = _judge_all(_with_upstream(wanted, facts), facts)
    return {slot: verdict for slot, verdict in verdicts.items() if slot.asset in wanted}


def make(
    keys: Collection[str],
    facts: Facts,
    *,
    partitions: Mapping[str, Collection[str]] | None = None,
    force: bool = False,
) -> Plan:
    """The steps that make exactly the selected slots fresh, on their inputs as published or planned.

    Arguments:
        keys: asset keys of the selection.
        partitions: by asset key, the partition keys to stay within; an absent key means all.
        force: compute every selected slot, fresh or not.

    Raises:
        UsageError: HW603, a slot that a step reads is neither published nor planned; one error an input. A slot
            that reads what is outside its input's definition can never run: it is left out with a warning.
    """
    wanted = set(keys)
    within = {key: frozenset(those) for key, those in (partitions or {}).items()}
    verdicts = _judge_all(_with_upstream(wanted, facts), facts)
    chosen = _Chosen(facts, verdicts, force)
    for key, definition in facts.graph.definitions.items():
        if key in wanted and isinstance(definition, Asset):
            chosen.consider(definition, within.get(key))
    raise_all(chosen.errors)
    batches = grouped([step.slot for step in chosen.steps], facts)
    return Plan(tuple(chosen.steps), tuple(chosen.warnings), batches)


class _Chosen:
    """The steps chosen so far, in working order."""

    def __init__(self, facts: Facts, verdicts: Mapping[Slot, Verdict], force: bool) -> None:
        self.facts = facts
        self.verdicts = verdicts
        self.force = force
        self.steps: list[Step] = []
        self.errors: list[UsageError] = []
        self.warnings: list[str] = []
        self._place: dict[Slot, int] = {}
        self._done: set[str] = set()
        self._impossible: set[Slot] = set()
        self._behind_held: set[Slot] = set()
        self._defined: dict[str, frozenset[Slot]] = {}

    def consider(self, asset: Asset[..., Any], partitions: Collection[str] | None) -> None:
        """Adds the steps that an asset needs."""
        if asset.maker in self._done:
            return
        self._done.add(asset.maker)
        keys = [one.key for one in self.facts.graph.makers[asset.maker]]
        stale_inputs: dict[str, None] = {}
        missing: dict[str, list[Slot]] = {}
        for first in self.facts.slots_of(asset.key):
            if partitions is not None and first.partition not in partitions:
                continue
            self._consider_slot(tuple(Slot(key, first.partition) for key in keys), stale_inputs, missing)
        for upstream, slots in missing.items():
            self.errors.append(_missing_input(asset, self.facts.graph.definitions[upstream], slots))
        own = self.facts.slots_of(asset.key)
        self._tell([one for one in own if one in self.facts.held], "held as it is: headwater env release lets it go")
        self._tell(
            [one for one in own if one in self._behind_held], "left out: what it reads is held and shows nothing"
        )
        left_out = [one for one in own if one in self._impossible and one not in self._behind_held]
        self._tell(left_out, "left out: it reads partitions that its input does not have")
        for upstream in stale_inputs:
            self.warnings.append(f"{asset.key} reads {upstream} as it is published, which is stale: +{asset.key}")

    def _tell(self, slots: list[Slot], what: str) -> None:
        if slots:
            self.warnings.append(f"{slots[0]}{f' and {len(slots) - 1} more' if len(slots) > 1 else ''} {what}")

    def _consider_slot(
        self, slots: tuple[Slot, ...], stale_inputs: dict[str, None], missing: dict[str, list[Slot]]
    ) -> None:
        if any(slot in self.facts.held for slot in slots):
            return
        after: set[int] = set()
        upstream_planned: dict[str, None] = {}
        stale: dict[str, None] = {}
        lacking: dict[str, list[Slot]] = {}
        for upstream, needed in _upstream_slots(slots[0], self.facts).items():
            if upstream in self._place:
                after.add(self._place[upstream])
                upstream_planned[upstream.asset] = None
            elif upstream not in self.facts.published:
                if not needed:
                    continue
                lacking.setdefault(upstream.asset, []).append(upstream)
            elif upstream in self.facts.held:
                continue
            elif self.verdicts.get(upstream, FRESH).state is not SlotState.FRESH:
                stale[upstream.asset] = None
        after.update(self._places_looked_up(slots))
        own = tuple(
            reason
            for slot in slots
            for reason in self.verdicts[slot].reasons
            if reason.code is not ReasonCode.UPSTREAM_STALE
            and not (reason.code is ReasonCode.INPUT_MISSING and upstream_planned)
        )
        reasons = _distinct(own)
        if self.force:
            reasons = (Reason(ReasonCode.FORCED, "asked for by force"), *reasons)
        if upstream_planned:
            reasons = (*reasons, _upstream_reason(slots[0].asset, upstream_planned, self.facts))
        if not reasons:
            stale_inputs.update(stale)
            return
        if any(self._cannot_be(one) for lacked in lacking.values() for one in lacked):
            self._impossible.update(slots)
            if any(one in self.facts.held or one in self._behind_held for lacked in lacking.values() for one in lacked):
                self._behind_held.update(slots)
            return
        for key, lacked in lacking.items():
            missing.setdefault(key, []).extend(lacked)
        stale_inputs.update(stale)
        place = len(self.steps)
        self.steps.append(Step(slots, reasons, tuple(sorted(after)), not own and not self.force, self.force))
        for slot in slots:
            self._place[slot] = place

    def _places_looked_up(self, slots: tuple[Slot, ...]) -> Iterable[int]:
        """The steps that make what the slots' checks look values up in: looked up in what is published by then."""
        for slot in slots:
            targets = {check.target for check in self.facts.graph.asset(slot.asset).checks}
            for target in targets & self.facts.graph.definitions.keys():
                if target is not None:
                    yield from (self._place[one] for one in self.facts.slots_of(target) if one in self._place)

    def _cannot_be(self, slot: Slot) -> bool:
        """Whether a slot that is not published cannot be planned either, today: nothing defines it, or it is held."""
        if slot in self.facts.held:
            return True
        if slot.asset not in self._defined:
            self._defined[slot.asset] = frozenset(self.facts.slots_of(slot.asset))
        return slot in self._impossible or slot not in self._defined[slot.asset]


def _missing_input(asset: Asset[..., Any], upstream: Definition, slots: list[Slot]) -> UsageError:
    rest = f" and {len(slots) - 1} more" if len(slots) > 1 else ""
    if isinstance(upstream, Source):
        return UsageError(
            "HW603",
            f"{asset.key} reads {slots[0]}{rest}, which cannot be found",
            where=upstream.where,
            hint=f"nothing is there to be read at {', '.join(upstream.files)}",
        )
    own = upstream.key == asset.key
    return UsageError(
        "HW603",
        f"{asset.key} reads {slots[0]}{rest}, which was never materialized",
        where=asset.where,
        hint="begin with the slot before: each reads the one before it"
        if own
        else f"materialize what lies upstream too: +{asset.key}",
    )


def _upstream_reason(asset: str, upstream: Iterable[str], facts: Facts) -> Reason:
    """That an asset may change because something it reads does, and through which columns that could be."""
    columns = {key: _columns_read(asset, key, facts) for key in upstream}
    shown = [f"{key} ({_listed(names)})" if names else key for key, names in columns.items()]
    rest = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
    return Reason(
        ReasonCode.UPSTREAM_STALE,
        f"may change through {'; '.join(shown[:3])}{rest}",
        {"assets": list(columns), "columns": columns},
    )


def _columns_read(asset: str, upstream: str, facts: Facts) -> list[str]:
    """The columns that an asset reads of another; empty while they are not known, or where none is read."""
    found: dict[str, None] = {}
    for bound in facts.graph.inputs[asset]:
        read = facts.read_set(asset, bound) if bound.key == upstream else None
        found.update(dict.fromkeys(name for name, _ in read or ()))
    return list(found)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    seen: dict[tuple[str, str], Reason] = {}
    for reason in reasons:
        seen.setdefault((reason.code, reason.message), reason)
    return tuple(seen.values())


def _upstream_slots(slot: Slot, facts: Facts) -> dict[Slot, bool]:
    """Every slot that a slot reads or is ordered after, and whether it cannot do without.

    Of an input that is read whole, those that are defined and not published yet may come to be read, but are not
    needed as long as there is any.
    """
    found: dict[Slot, bool] = {}
    for bound in facts.graph.inputs[slot.asset]:
        if facts.reads_whole(slot.asset, bound):
            found.update(dict.fromkeys(facts.slots_of(bound.key), False))
        found.update(dict.fromkeys(facts.reads(slot, bound), True))
    for dep in facts.graph.asset(slot.asset).deps:
        found.update(dict.fromkeys(facts.slots_of(dep), False))
        found.update(dict.fromkeys(facts.waits_for(dep), True))
    return found


def _with_upstream(keys: Iterable[str], facts: Facts) -> set[str]:
    seen: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting.extend(facts.graph.upstream(key))
            definition = facts.graph.definitions[key]
            if isinstance(definition, Asset):
                waiting.extend(one.key for one in facts.graph.makers[definition.maker])
    return seen


def _judge_all(keys: Collection[str], facts: Facts) -> dict[Slot, Verdict]:
    verdicts: dict[Slot, Verdict] = {}
    unfresh: dict[Slot, None] = {}
    unfresh_keys: set[str] = set()
    for key, definition in facts.graph.definitions.items():
        if key not in keys or not isinstance(definition, Asset):
            continue
        # A slot that reads the one before it may be stale because of that one alone.
        upstream_unfresh = definition.previous is not None or not unfresh_keys.isdisjoint(facts.graph.upstream(key))
        for slot in facts.slots_of(key):
            verdict = judge(slot, facts)
            held = verdict.state is SlotState.HELD
            if upstream_unfresh and not held:
                verdict = _with_cone(slot, verdict, unfresh, facts)
            verdicts[slot] = verdict
            if verdict.state is not SlotState.FRESH and not held:
                unfresh[slot] = None
                unfresh_keys.add(key)
    return verdicts


def _with_cone(slot: Slot, verdict: Verdict, unfresh: Mapping[Slot, None], facts: Facts) -> Verdict:
    """The verdict with the reason that something it reads is not fresh itself, if so."""
    upstream = _upstream_slots(slot, facts).items()
    stale = tuple(
        dict.fromkeys(one.asset for one, needed in upstream if one in unfresh and (needed or one in facts.published))
    )
    if not stale:
        return verdict
    reason = _upstream_reason(slot.asset, stale, facts)
    state = SlotState.STALE if verdict.state is SlotState.FRESH else verdict.state
    return Verdict(state, (*verdict.reasons, reason))
