"""From facts to a plan: which slots must be made, in which order, on what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets_core.asset import Asset, Definition, Source
from assets_core.batches import grouped
from assets_core.errors import UsageError, raise_all
from assets_core.facts import Facts
from assets_core.graph import BoundInput
from assets_core.keys import Slot, Slots
from assets_core.mappings import reads_last
from assets_core.plan import Block, Plan, Steps, Why
from assets_core.spans import Places, Spans, touched
from assets_core.staleness import Reason, ReasonCode, SlotState
from assets_core.states import UNFRESH, AssetStates, States, judge_all, upstream_reason


def states(keys: Iterable[str], facts: Facts) -> States:
    """The state of every slot of these assets, upstream staleness included.

    Arguments:
        keys: asset keys; whatever lies upstream is judged too and left out of the result.
    """
    wanted = set(keys)
    found = judge_all(_with_upstream(wanted, facts), facts)
    return States({key: one for key, one in found.items() if key in wanted}, facts)


def make(
    keys: Collection[str],
    facts: Facts,
    *,
    partitions: Mapping[str, Collection[str | None]] | None = None,
    force: bool = False,
    newest_first: bool = False,
    batch: Mapping[str, int | str] | None = None,
) -> Plan:
    """The steps that make exactly the selected slots fresh, on their inputs as published or planned.

    Arguments:
        keys: asset keys of the selection.
        partitions: by asset key, the partition keys to stay within; an absent key means all.
        force: compute every selected slot, fresh or not.
        newest_first: of the slots of an asset that are ready, the last partition is made first.
        batch: by asset key, what assets are batched by instead of what they say; the others are not batched.

    Raises:
        UsageError: HW603, a slot that a step reads is neither published nor planned; one error an input. A slot
            that reads what is outside its input's definition can never run: it is left out with a warning.
    """
    wanted = set(keys)
    judged = judge_all(_with_upstream(wanted, facts), facts)
    chosen = _Chosen(facts, judged, force)
    for key, definition in facts.graph.definitions.items():
        if key in wanted and isinstance(definition, Asset):
            chosen.consider(definition, (partitions or {}).get(key))
    raise_all(chosen.errors)
    steps = Steps(chosen.blocks)
    return Plan(steps, tuple(chosen.warnings), _batches(steps, facts, batch), newest_first, tuple(chosen.accepted))


def _batches(steps: Steps, facts: Facts, asked: Mapping[str, int | str] | None) -> tuple[tuple[int, ...], ...]:
    """The places of steps that one call computes together."""
    found = []
    for block in steps.blocks:
        asset = facts.graph.asset(block.keys[0])
        by = asset.run.batch if asked is None else asked.get(asset.key)
        if by is not None:
            slots = [Slot(asset.key, block.partitions[place]) for place in block.places]
            found += [tuple(block.first + place for place in batch) for batch in grouped(slots, by, facts)]
    return tuple(found)


@dataclass(slots=True)
class _Upstream:
    """One thing that an asset reads, as its steps see it.

    Arguments:
        planned, lacking, stale: by place of the reader, whether it reads a slot that is planned; one that it needs and
            that is neither planned nor published; one that is published and not fresh.
    """

    key: str
    planned: bytearray
    lacking: bytearray
    stale: bytearray


_OUTSIDE, _NOT_THERE_YET, _NOT_PASSED, _HELD = 1, 2, 3, 4
_WHY_LEFT_OUT = {
    _HELD: "what it reads is held and shows nothing",
    _NOT_PASSED: "a blocking check of a source failed on what it would read",
    _NOT_THERE_YET: "a source has nothing for it yet",
    _OUTSIDE: "it reads partitions that its input does not have",
}
"""Why a slot is not planned although it is stale, by a code; what reads it is left out for the same reason."""


class _Chosen:
    """The steps chosen so far, in working order."""

    def __init__(self, facts: Facts, judged: Mapping[str, AssetStates], force: bool) -> None:
        self.facts = facts
        self.judged = judged
        self.force = force
        self.blocks: list[Block] = []
        self.errors: list[UsageError] = []
        self.warnings: list[str] = []
        self.accepted: list[tuple[Slots, Reason]] = []
        self._planned: dict[str, bytearray] = {}
        self._block: dict[str, Block] = {}
        self._left_out: dict[str, bytearray] = {}
        self._considered: set[str] = set()
        self._lacking_unselected: dict[Slot, int] = {}
        self._done: set[str] = set()

    def consider(self, asset: Asset[..., Any], partitions: Collection[str | None] | None) -> None:
        """Adds the steps that an asset needs."""
        if asset.maker in self._done:
            return
        self._done.add(asset.maker)
        keys = tuple(one.key for one in self.facts.graph.makers[asset.maker])
        self._considered.update(keys)
        every = self.facts.partitions(asset.key)
        places = self._places(asset.key, partitions)
        unfresh = [self.judged[key].flags(UNFRESH) for key in keys]
        behind = any(key in self._planned for key in self.facts.graph.upstream(asset.key))
        if not (self.force or behind or any(map(any, unfresh))):
            self._tell_held(keys[0])
            self._tell_accepted(keys, places, ())
            return
        upstream = self._upstream(asset)
        block = Block(keys, every)
        stale_inputs: dict[str, None] = {}
        missing: dict[str, list[Slot]] = {}
        self._fill(block, places, upstream, stale_inputs, missing)
        for key, slots in missing.items():
            self.errors.append(_missing_input(asset, self.facts.graph.definitions[key], slots))
        self._tell_held(keys[0])
        self._tell_left_out(keys[0])
        self._tell_accepted(keys, places, block.places)
        for key in stale_inputs:
            fresh_first = "begin with the first that is" if key in keys else f"+{asset.key}"
            own = "its slot before" if key in keys else key
            self.warnings.append(f"{asset.key} reads {own} as it is published, which is stale: {fresh_first}")
        if block.places:
            self._add(block, keys, upstream)

    def _places(self, key: str, partitions: Collection[str | None] | None) -> Sequence[int]:
        every = self.facts.partitions(key)
        if partitions is None:
            return range(len(every))
        places = self.facts.places(key)
        return sorted({places[one] for one in partitions if one in places})

    def _fill(
        self,
        block: Block,
        places: Sequence[int],
        upstream: list[_Upstream],
        stale_inputs: dict[str, None],
        missing: dict[str, list[Slot]],
    ) -> None:
        """Decides for each place whether it is planned and why; equal situations are decided once."""
        codes = [self.judged[key].codes for key in block.keys]
        held = [[one.state is SlotState.HELD for one in self.judged[key].verdicts] for key in block.keys]
        signs = [sign for one in upstream for sign in (one.planned, one.lacking, one.stale)]
        memo: dict[tuple[int, ...], int | None] = {}
        whys: dict[tuple[object, ...], int] = {}
        lacks, stales = (any(any(sign) for sign in signs[nth::3]) for nth in (1, 2))
        own = next((one for one in upstream if one.key in block.keys), None)
        for place, situation in zip(places, _at(places, [*codes, *signs]), strict=True):
            if situation not in memo:
                memo[situation] = self._why(block, situation, held, upstream, whys)
            why = memo[situation]
            if why is None:
                stale_inputs.update((one.key, None) for one in upstream if one.stale[place])
                continue
            if why < 0:
                continue
            if lacks and any(one.lacking[place] for one in upstream):
                lacking = self._lacking(block.keys[0], place, upstream)
                if any(self._cannot_be(one) for one in lacking):
                    self._leave_out(block.keys, place, lacking)
                    continue
                for one in lacking:
                    missing.setdefault(one.asset, []).append(one)
            if stales:
                stale_inputs.update((one.key, None) for one in upstream if one.stale[place])
            block.places.append(place)
            block.why.append(why)
            if own is not None and place + 1 < len(block.partitions):  # the slot after it reads what is planned here
                own.planned[place + 1], own.lacking[place + 1], own.stale[place + 1] = 1, 0, 0

    def _why(
        self,
        block: Block,
        situation: tuple[int, ...],
        held: list[list[bool]],
        upstream: list[_Upstream],
        whys: dict[tuple[object, ...], int],
    ) -> int | None:
        """The place in the block's ``whys`` of what holds in a situation; -1 if held, None if there is no reason."""
        codes, signs = situation[: len(block.keys)], situation[len(block.keys) :]
        if any(marks[code] for marks, code in zip(held, codes, strict=True)):
            return -1
        planned = dict.fromkeys(one.key for one, sign in zip(upstream, signs[::3], strict=True) if sign)
        own = tuple(
            reason
            for key, code in zip(block.keys, codes, strict=True)
            for reason in self.judged[key].verdicts[code].reasons
            if reason.code not in (ReasonCode.UPSTREAM_STALE, ReasonCode.ACCEPTED)
            and not (reason.code is ReasonCode.INPUT_MISSING and planned)
        )
        reasons = _distinct(own)
        if self.force:
            reasons = (Reason(ReasonCode.FORCED, "asked for by force"), *reasons)
        if planned:
            reasons = (*reasons, upstream_reason(block.keys[0], planned, self.facts))
        if not reasons:
            return None
        known = (codes, tuple(planned))
        if known not in whys:
            whys[known] = len(block.whys)
            block.whys.append(Why(reasons, not own and not self.force, self.force))
        return whys[known]

    def _upstream(self, asset: Asset[..., Any]) -> list[_Upstream]:
        count = len(self.facts.partitions(asset.key))
        found: dict[str, _Upstream] = {}
        for _, read in self.facts.reads_by_name(asset.key):
            one = self._one_upstream(asset.key, read, count)
            before = found.get(one.key)
            if before is not None:  # one input bound twice
                for mine, other in (
                    (one.planned, before.planned), (one.lacking, before.lacking), (one.stale, before.stale)
                ):  # fmt: skip
                    mine[:] = bytearray(map(max, mine, other))
            found[one.key] = one
        return list(found.values())

    def _one_upstream(self, asset: str, read: BoundInput | str, count: int) -> _Upstream:
        key = read if isinstance(read, str) else read.key
        partitions, spans = self.facts.partitions(key), self.facts.spans(asset, read)
        shown = self.facts.published.ids(key)
        planned = self._planned.get(key) or bytearray(len(partitions))
        there = bytearray(map(shown.__contains__, partitions))
        unfresh = self.judged[key].flags(UNFRESH) if key in self.judged else bytearray(len(partitions))
        lacking = bytearray([not (one or other) for one, other in zip(planned, there, strict=True)])
        if spans.whole and (any(there) or any(planned)):
            lacking = bytearray(len(partitions))
        stale = bytearray(
            [one and other and not third for one, other, third in zip(unfresh, there, planned, strict=True)]
        )
        outside = bytearray([any(one < 0 for one in span) for span in spans.each]) if spans.each else None
        lacks = touched(spans, lacking, count)
        if outside is not None and any(outside):
            lacks = bytearray(map(max, lacks, outside))
        # Copies, because what ``touched`` hands on may be the flags themselves.
        marks = (bytearray(one) for one in (touched(spans, planned, count), lacks, touched(spans, stale, count)))
        return _Upstream(key, *marks)

    def _lacking(self, asset: str, place: int, upstream: list[_Upstream]) -> list[Slot]:
        """The slots that one at a place needs and that are neither published nor planned."""
        slot = Slot(asset, self.facts.partitions(asset)[place])
        found: dict[Slot, None] = {}
        for bound in self.facts.graph.inputs[asset]:
            found.update(dict.fromkeys(self.facts.reads(slot, bound)))
        for dep in self.facts.graph.asset(asset).deps:
            found.update(dict.fromkeys(self.facts.waits_for(dep)))
        return [one for one in found if one not in self.facts.published and not self._is(self._planned, one)]

    def _is(self, flags: Mapping[str, bytearray], slot: Slot) -> bool:
        place = self.facts.places(slot.asset).get(slot.partition)
        return place is not None and slot.asset in flags and bool(flags[slot.asset][place])

    def _cannot_be(self, slot: Slot) -> bool:
        """Whether a slot that is not published cannot be planned either, today, and so is nobody's mistake."""
        return self._why_lacking(slot) != 0

    def _why_lacking(self, slot: Slot) -> int:
        """Which of ``_WHY_LEFT_OUT`` holds of a slot that shows nothing; 0 if it only has to be made."""
        place = self.facts.places(slot.asset).get(slot.partition)
        if place is None:
            return _OUTSIDE
        if slot in self.facts.held:
            return _HELD
        definition = self.facts.graph.definitions[slot.asset]
        if isinstance(definition, Source):  # one that has nothing at all is written wrongly, or was never delivered
            some = definition.partitions is not None and self.facts.published.count(slot.asset)
            if some and slot in self.facts.aside:
                return _NOT_PASSED
            return _NOT_THERE_YET if some else 0
        left_out = self._left_out.get(slot.asset)
        if left_out is not None or slot.asset in self._considered:
            return 0 if left_out is None else left_out[place]
        if slot not in self._lacking_unselected:
            reads = (one for bound in self.facts.graph.inputs[slot.asset] for one in self.facts.reads(slot, bound))
            missing = (one for one in reads if one not in self.facts.published and one.asset != slot.asset)
            self._lacking_unselected[slot] = max(map(self._why_lacking, missing), default=0)
        return self._lacking_unselected[slot]

    def _leave_out(self, keys: Iterable[str], place: int, lacking: Iterable[Slot]) -> None:
        why = max(map(self._why_lacking, lacking))
        for key in keys:
            self._left_out.setdefault(key, bytearray(len(self.facts.partitions(key))))[place] = why

    def _add(self, block: Block, keys: Iterable[str], upstream: list[_Upstream]) -> None:
        """Adds a block to the plan, ordered after the blocks of what it reads and of what its checks look up."""
        self._block.update(dict.fromkeys(keys, block))
        for read in [read for _, read in self.facts.reads_by_name(block.keys[0])]:
            key = read if isinstance(read, str) else read.key
            if key in self._block:
                reader = _reader(self.facts.spans(block.keys[0], read), len(self.facts.partitions(key)))
                if self.facts.schema(key) is None:
                    reader = _or_first(reader, self._block[key])
                block.reads.append((self._block[key], reader))
        targets = {check.target for key in keys for check in self.facts.graph.asset(key).checks}
        for target in targets & self._block.keys():
            if target is not None and target not in keys:
                every = len(self.facts.partitions(target))
                block.reads.append((self._block[target], _reader(Spans(whole=True), every)))
        planned = bytearray(len(block.partitions))
        for place in block.places:
            planned[place] = 1
        for key in keys:
            self._planned[key] = planned
        self.blocks.append(block)

    # -- what is said -----------------------------------------------------------------------------------------------

    def _tell_held(self, key: str) -> None:
        held = [one for one in self.facts.held if one.asset == key and one.partition in self.facts.places(key)]
        held.sort(key=lambda one: self.facts.places(key)[one.partition])
        self._tell(held, "held as it is: headwater env release lets it go")

    def _tell_accepted(self, keys: Iterable[str], places: Sequence[int], planned: Collection[int]) -> None:
        """Notes which of the places stay as they are because their older code was accepted."""
        for key in keys:
            states = self.judged[key]
            if not any(one.state is SlotState.ACCEPTED for one in states.verdicts):
                continue
            left = set(places).difference(planned)
            found: dict[str, tuple[list[int], Reason]] = {}
            for code, mine in states.by_code().items():
                verdict = states.verdicts[code]
                for reason in verdict.reasons if verdict.state is SlotState.ACCEPTED else ():
                    found.setdefault(reason.message, ([], reason))[0].extend(one for one in mine if one in left)
            self.accepted += [
                (Slots(key, states.partitions, sorted(stay)), why) for stay, why in found.values() if stay
            ]

    def _tell_left_out(self, key: str) -> None:
        left_out = self._left_out.get(key)
        if left_out is None:
            return
        every = self.facts.partitions(key)
        last = [one.key for one in self.facts.graph.inputs[key] if reads_last(one.partitions)]
        for why, told in _WHY_LEFT_OUT.items():
            left = [Slot(key, every[place]) for place, found in enumerate(left_out) if found == why]
            if why == _OUTSIDE and last:
                told = f"no window of {', '.join(last)} has ended by then, which last() would read"
            self._tell(left, f"left out: {told}")

    def _tell(self, slots: list[Slot], what: str) -> None:
        if slots:
            self.warnings.append(f"{slots[0]}{f' and {len(slots) - 1} more' if len(slots) > 1 else ''} {what}")


def _at(places: Sequence[int], columns: Sequence[Sequence[int]]) -> Iterable[tuple[int, ...]]:
    """For each place what the columns have there."""
    if isinstance(places, range) and places.start == 0 and len(places) == len(columns[0]):
        return zip(*columns, strict=True)
    return ((*[column[place] for column in columns],) for place in places)


def _or_first(reader: Callable[[int], Places], block: Block) -> Callable[[int], Places]:
    """As ``reader``; a slot that reads none of an input whose columns are not known yet waits for one that has them."""
    return lambda place: reader(place) or block.places[:1]


def _reader(spans: Spans, count: int) -> Callable[[int], Places]:
    """Gives, for a place of the reader, the places that it reads."""
    if spans.same:
        return lambda place: range(place, place + 1)
    if spans.whole:
        return lambda place: range(count)
    return spans.each.__getitem__


def _missing_input(asset: Asset[..., Any], upstream: Definition, slots: list[Slot]) -> UsageError:
    rest = f" and {len(slots) - 1} more" if len(slots) > 1 else ""
    if isinstance(upstream, Source):
        files = ", ".join(upstream.files)
        return UsageError(
            "HW603",
            f"{asset.key} reads {slots[0]}{rest}, which cannot be found",
            where=upstream.where,
            hint=f"nothing is there to be read at {files}"
            if upstream.partitions is None
            else f"no row of {files} belongs to a partition that is there",
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


def _distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    seen: dict[tuple[str, str], Reason] = {}
    for reason in reasons:
        seen.setdefault((reason.code, reason.message), reason)
    return tuple(seen.values())


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
