"""The states of all slots of assets at once, by set operations; ``staleness.judge`` only for those in doubt.

A slot is not in doubt where it shows nothing, and where it was found fresh before and neither the standing of its asset
nor what its inputs show has changed since. So judging a million fresh slots looks at no record.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assets_core.asset import Asset
from assets_core.facts import Facts
from assets_core.graph import BoundInput
from assets_core.keys import Slot
from assets_core.published import Judged, PackedId, basis, unpack_id, whole_basis
from assets_core.records import Acceptance
from assets_core.spans import touched
from assets_core.staleness import (
    FRESH,
    MISSING,
    Reason,
    ReasonCode,
    SlotState,
    Verdict,
    differences_first,
    judge,
    shared_differences,
)

_JUDGED_TOGETHER = 1000
_ALIKE_FROM = 200
"""So many slots in doubt of one asset, and those that are alike are judged by one of them."""


@dataclass(slots=True)
class AssetStates:
    """The states of all slots of one asset.

    Arguments:
        partitions: the partition keys, by place.
        verdicts: those that occur; the first is that of a fresh slot.
        codes: by place, which of the verdicts.
    """

    key: str
    partitions: Sequence[str | None]
    verdicts: list[Verdict] = field(default_factory=lambda: [FRESH])
    codes: array[int] = field(default_factory=lambda: array("I"))
    _numbers: dict[int, int] = field(default_factory=dict)

    def number(self, verdict: Verdict) -> int:
        """The code of a verdict, which may be a new one."""
        if verdict is FRESH:
            return 0
        found = self._numbers.get(id(verdict))
        if found is None:
            found = self._numbers[id(verdict)] = len(self.verdicts)
            self.verdicts.append(verdict)
        return found

    def verdict(self, place: int) -> Verdict:
        """The verdict on the slot at a place."""
        return self.verdicts[self.codes[place]]

    def by_code(self) -> dict[int, Sequence[int]]:
        """The places of the slots of each verdict that occurs, by its code, ascending."""
        occurring = set(self.codes)
        if len(occurring) == 1:
            return {code: range(len(self.codes)) for code in occurring}
        found: dict[int, list[int]] = {code: [] for code in sorted(occurring)}
        for place, code in enumerate(self.codes):
            found[code].append(place)
        return dict(found)

    def flags(self, states: Collection[SlotState]) -> bytearray:
        """By place, 1 where the slot is in one of these states."""
        found = bytearray(len(self.codes))
        for code, places in self.by_code().items():
            if self.verdicts[code].state in states:
                if isinstance(places, range):
                    return bytearray(b"\1") * len(self.codes)
                for place in places:
                    found[place] = 1
        return found


class States(Mapping[Slot, Verdict]):
    """The verdict on every slot of some assets.

    Arguments:
        assets: by key, in working order.
        others: verdicts on slots that no definition has.
        warnings: what stands in the way of making them.
    """

    def __init__(
        self,
        assets: Mapping[str, AssetStates],
        facts: Facts,
        others: Mapping[Slot, Verdict] | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        self.assets = assets
        self.others = others or {}
        self.warnings = tuple(warnings)
        self._facts = facts

    def told(self, others: Mapping[Slot, Verdict], warnings: Sequence[str]) -> States:
        """The same, with verdicts on slots that no definition has, and with warnings."""
        return States(self.assets, self._facts, others, warnings)

    def __getitem__(self, slot: Slot) -> Verdict:
        states = self.assets.get(slot.asset)
        place = None if states is None else self._facts.places(slot.asset).get(slot.partition)
        if states is None or place is None:
            return self.others[slot]
        return states.verdict(place)

    def __iter__(self) -> Iterator[Slot]:
        for states in self.assets.values():
            for partition in states.partitions:
                yield Slot(states.key, partition)
        yield from self.others

    def __len__(self) -> int:
        return sum(len(states.codes) for states in self.assets.values()) + len(self.others)


UNFRESH = frozenset(SlotState) - {SlotState.FRESH, SlotState.ACCEPTED, SlotState.HELD}
"""States that make what reads the slot stale. What is accepted or held is fresh for its readers: it stays as it is."""


def judge_all(keys: Collection[str], facts: Facts) -> dict[str, AssetStates]:
    """The states of all slots of these assets, in working order; those whose upstream is not fresh are stale too.

    Arguments:
        keys: with all that lies upstream of any of them.
    """
    found: dict[str, AssetStates] = {}
    unfresh: dict[str, bytearray] = {}
    for key, definition in facts.graph.definitions.items():
        if key not in keys or not isinstance(definition, Asset):
            continue
        states = found[key] = _judge_asset(definition, facts)
        _add_cone(states, unfresh, facts)
        flags = states.flags(UNFRESH)
        if any(flags):
            unfresh[key] = flags
    return found


def _judge_asset(asset: Asset[..., object], facts: Facts) -> AssetStates:
    partitions = facts.partitions(asset.key)
    states = AssetStates(asset.key, partitions)
    if not facts.published.count(asset.key):
        states.codes = array("I", [states.number(MISSING)]) * len(partitions)
        doubtful: list[int] = []
        bases: Sequence[bytes | None] = ()
    else:
        bases = _bases(asset, facts)
        doubtful = _in_doubt(states, bases, facts)
    special = _special(asset.key, facts)
    if len(doubtful) - len(special) >= _ALIKE_FROM:
        doubtful = _judge_alike(states, [one for one in doubtful if one not in special], bases, facts)
    _judge_each(states, sorted({*doubtful, *special}), bases, facts)
    return states


def _in_doubt(states: AssetStates, bases: Sequence[bytes | None], facts: Facts) -> list[int]:
    """Sets the codes of what is fresh or shows nothing, and gives the places of the other slots."""
    standing = facts.standing(states.key)
    known = standing is not None and not facts.graph.asset(states.key).volatile
    number = facts.number_of(standing) if standing is not None and known else None
    states.codes = array("I", bytes(4 * len(states.partitions)))
    seen = facts.published.in_order(states.key, states.partitions)
    if seen is not None and number is not None and None not in bases and seen.fresh_under(number, bases):
        return []  # of very many slots the loop would take a second
    shown, missing = facts.published.ids(states.key), states.number(MISSING)
    judged = facts.published.judged(states.key, states.partitions)
    doubtful: list[int] = []
    for place, (partition, then, now) in enumerate(zip(states.partitions, judged, bases, strict=True)):
        if partition not in shown:
            states.codes[place] = missing
        elif then != (number, now) or number is None or now is None:
            doubtful.append(place)
    return doubtful


def _special(key: str, facts: Facts) -> set[int]:
    """The places of slots that are held, set aside or gone from the storage: these say something of their own."""
    concerned = [one for slots in (facts.held, facts.aside, facts.absent) for one in slots if one.asset == key]
    places = facts.places(key) if concerned else {}
    return {places[one.partition] for one in concerned if one.partition in places}


def _judge_each(states: AssetStates, places: Sequence[int], bases: Sequence[bytes | None], facts: Facts) -> None:
    """Judges slots one by one, their records fetched together; what is found fresh is to be remembered."""
    for start in range(0, len(places), _JUDGED_TOGETHER):
        chunk = places[start : start + _JUDGED_TOGETHER]
        slots = [Slot(states.key, states.partitions[place]) for place in chunk]
        fetch(slots, facts)
        for place, slot in zip(chunk, slots, strict=True):
            verdict = judge(slot, facts)
            if verdict.state is SlotState.FRESH:
                remember(slot, bases[place] if bases else facts.basis(slot), facts)
            states.codes[place] = states.number(verdict)
        if len(places) > _JUDGED_TOGETHER:
            facts.published.let_go(slots)


def fetch(slots: Iterable[Slot], facts: Facts) -> None:
    """Fetches at once what judging these slots is going to look at."""
    slots = [slot for slot in slots if slot in facts.published]
    facts.published.fetch(slots)
    named: dict[str, None] = {}
    changed: dict[Slot, None] = {}
    for slot in slots:
        recipe = facts.published[slot].recipe
        for read in () if recipe is None else recipe.inputs:
            for part in read.parts:
                upstream = Slot(facts.renames.get(read.asset, read.asset), part.partition)
                now = facts.published.id_of(upstream)
                if now is not None and unpack_id(now) != part.materialization:
                    named[part.materialization] = None
                    changed[upstream] = None
    facts.fetch_recorded(named)
    facts.published.fetch(changed)


def remember(slot: Slot, now: bytes | None, facts: Facts) -> None:
    """Notes that what a slot shows is fresh on what its inputs show now, for the next command to know."""
    shown = facts.published.id_of(slot)
    found = None if shown is None else judged(slot, unpack_id(shown), now, facts)
    if found is not None:
        facts.found_fresh.append(found)


def judged(slot: Slot, identifier: str, now: bytes | None, facts: Facts) -> Judged | None:
    """That a materialization of a slot is fresh on what its inputs show; None where that cannot be remembered.

    Arguments:
        now: what its inputs show, as ``Facts.basis`` gives it.
    """
    standing = facts.standing(slot.asset)
    if standing is None or now is None or facts.graph.asset(slot.asset).volatile:
        return None
    return Judged(slot, identifier, standing.digest, standing.about, now)


def _judge_alike(states: AssetStates, doubtful: list[int], bases: Sequence[bytes | None], facts: Facts) -> list[int]:
    """Judges together the slots that are alike and whose inputs show what they did; gives the places of the rest."""
    standing = facts.standing(states.key)
    if standing is None or facts.graph.asset(states.key).volatile:
        return doubtful
    alike, ids = facts.alike(states.key), facts.published.ids(states.key)
    judged = facts.published.judged(states.key, states.partitions)
    codes: dict[tuple[int, tuple[Acceptance, ...] | None], int] = {}
    rest: list[int] = []
    for place in doubtful:
        partition, now = states.partitions[place], bases[place]
        group, (number, basis) = alike.get(partition), judged[place] or (0, None)
        known = facts.standings.get(number)
        if group is None or now is None or basis != now or known is None or known.calendar != standing.calendar:
            rest.append(place)
            continue
        sign = (group, facts.accepted.get(ids[partition]))
        if sign not in codes:
            codes[sign] = states.number(_shared_verdict(Slot(states.key, partition), facts))
        states.codes[place] = codes[sign]
        if codes[sign] == 0:
            remember(Slot(states.key, partition), now, facts)
    return rest


def _shared_verdict(slot: Slot, facts: Facts) -> Verdict:
    shown = facts.published[slot]
    if shown.recipe is None:
        return MISSING
    return Verdict.of(tuple(shared_differences(slot, shown, shown.recipe, facts)))


# -- what the inputs show -------------------------------------------------------------------------------------------


def _bases(asset: Asset[..., object], facts: Facts) -> Sequence[bytes | None]:
    """By place, what the inputs of each slot show now; None where one that it needs shows nothing."""
    count = len(facts.partitions(asset.key))
    columns = [_basis_of(asset.key, read, count, facts) for _, read in facts.reads_by_name(asset.key)]
    if not columns:
        return [b""] * count
    if len(columns) == 1:
        return columns[0]
    return [None if None in parts else whole_basis(parts) for parts in zip(*columns, strict=True)]


def _basis_of(asset: str, read: BoundInput | str, count: int, facts: Facts) -> Sequence[bytes | None]:
    spans = facts.spans(asset, read)
    key = read if isinstance(read, str) else read.key
    if spans.whole:
        return [facts.whole_basis(key)] * count
    ids = facts.published.ids_of(key, facts.partitions(key))
    if spans.same:
        if set(map(type, ids)) <= {bytes, type(None)}:
            return ids  # type: ignore[return-value]  # looked at above
        return [one if one is None or isinstance(one, bytes) else basis([one]) for one in ids]
    return [_span_basis(ids, span) for span in spans.each]


def _span_basis(ids: Sequence[PackedId | None], span: Sequence[int]) -> bytes | None:
    if isinstance(span, range):
        found = ids[span.start : span.stop : span.step]
    elif any(one < 0 for one in span):
        return None
    else:
        found = [ids[one] for one in span]
    return None if None in found else basis(found)  # type: ignore[arg-type]  # no None among them


# -- what lies upstream ---------------------------------------------------------------------------------------------


def _add_cone(states: AssetStates, unfresh: Mapping[str, bytearray], facts: Facts) -> None:
    """Adds to every slot the reason that something it reads is not fresh itself, if so."""
    marks: dict[str, bytearray] = {}
    for _, read in facts.reads_by_name(states.key):
        key = read if isinstance(read, str) else read.key
        if key in unfresh:
            spans = facts.spans(states.key, read)
            flags = _that_count(key, unfresh[key], facts) if spans.whole else unfresh[key]
            found = touched(spans, flags, len(states.codes))
            marks[key] = found if key not in marks else bytearray(map(max, marks[key], found))
    held = [one.state is SlotState.HELD for one in states.verdicts]
    if facts.graph.asset(states.key).previous is not None:
        marks[states.key] = _after_unfresh(states, held, list(marks.values()))
    if not any(map(any, marks.values())):
        return
    memo: dict[tuple[int, tuple[int, ...]], int] = {}
    for place, (code, *bits) in enumerate(zip(states.codes, *marks.values(), strict=True)):
        if not any(bits) or held[code]:
            continue
        known = (code, tuple(bits))
        if known not in memo:
            stale = [key for key, bit in zip(marks, bits, strict=True) if bit]
            memo[known] = states.number(_with_upstream(states.verdicts[code], states.key, stale, facts))
        states.codes[place] = memo[known]


def _after_unfresh(states: AssetStates, held: Sequence[bool], others: Sequence[bytearray]) -> bytearray:
    """For slots that read the one before them, whether that one is not fresh, by itself or because of what it reads."""
    found = bytearray(len(states.codes))
    before = False
    flags = states.flags(UNFRESH)
    for place, code in enumerate(states.codes):
        found[place] = before
        before = not held[code] and bool(before or flags[place] or any(one[place] for one in others))
    return found


def _that_count(key: str, flags: bytearray, facts: Facts) -> bytearray:
    """Of an input that is read whole the slots that are published count, or all where none is."""
    there = bytearray(map(facts.published.ids(key).__contains__, facts.partitions(key)))
    return bytearray(map(min, flags, there)) if any(there) else flags


def _with_upstream(verdict: Verdict, asset: str, stale: Iterable[str], facts: Facts) -> Verdict:
    state = SlotState.STALE if verdict.state in (SlotState.FRESH, SlotState.ACCEPTED) else verdict.state
    return Verdict(state, differences_first((*verdict.reasons, upstream_reason(asset, stale, facts))))


def upstream_reason(asset: str, upstream: Iterable[str], facts: Facts) -> Reason:
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
