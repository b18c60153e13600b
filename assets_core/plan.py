"""The plan: the ordered steps that make a selection fresh, each with its reasons. A value, made from facts."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from assets_core.keys import Slot, Slots
from assets_core.spans import Places
from assets_core.staleness import Reason


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
class Why:
    """Why steps are planned, and how: shared by many of them."""

    reasons: tuple[Reason, ...]
    may_change: bool = False
    forced: bool = False


@dataclass(slots=True)
class Block:
    """The steps of one maker: of all that one call makes, over its partitions.

    Arguments:
        keys: the assets that one call makes.
        partitions: the partition keys of their definition, by place.
        places: of the partitions that are planned, ascending.
        why: for each of them, its place in ``whys``.
        reads: what each slot of them waits for: the block of an upstream asset, and the places read of it.
        first: the place of the first step in the plan.
    """

    keys: tuple[str, ...]
    partitions: Sequence[str | None]
    places: array[int] = field(default_factory=lambda: array("L"))
    why: array[int] = field(default_factory=lambda: array("L"))
    whys: list[Why] = field(default_factory=list)
    reads: list[tuple[Block, Callable[[int], Places]]] = field(default_factory=list)
    first: int = 0

    def step(self, number: int) -> Step:
        """The step at a place among those of the block, counted from 0."""
        place, why = self.places[number], self.whys[self.why[number]]
        partition = self.partitions[place]
        after = {one for block, read in self.reads for one in block.steps_at(read(place))}
        slots = tuple([Slot(key, partition) for key in self.keys])
        return Step(slots, why.reasons, tuple(sorted(after)), why.may_change, why.forced)

    def steps_at(self, places: Places) -> Iterable[int]:
        """The places in the plan of the steps that make these places of the block, of those that are planned."""
        own = self.places
        if isinstance(places, range) and places.step == 1:
            low, high = bisect_left(own, places.start), bisect_right(own, places.stop - 1)
            return range(self.first + low, self.first + high)
        found = ((one, bisect_left(own, one)) for one in places if one >= 0)
        return [self.first + at for one, at in found if at < len(own) and own[at] == one]

    def by_why(self) -> Iterator[tuple[Why, Sequence[int]]]:
        """The planned places by the reasons that they share, in the order of first appearance."""
        if len(set(self.why)) == 1:
            yield self.whys[self.why[0]], self.places
            return
        groups: dict[int, list[int]] = {}
        for place, why in zip(self.places, self.why, strict=True):
            groups.setdefault(why, []).append(place)
        for why, places in groups.items():
            yield self.whys[why], places


class Steps(Sequence[Step]):
    """The steps of a plan in working order, each made when it is asked for: a plan may have a million of them."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = [block for block in blocks if block.places]
        self._firsts: list[int] = []
        count = 0
        for block in self.blocks:
            block.first = count
            self._firsts.append(count)
            count += len(block.places)
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Step]: ...
    def __getitem__(self, place: int | slice) -> Step | Sequence[Step]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if place < 0:
            place += self._count
        if not 0 <= place < self._count:
            raise IndexError(place)
        block = self.block_at(place)
        return block.step(place - block.first)

    def block_at(self, place: int) -> Block:
        """The block that a step at a place belongs to."""
        return self.blocks[bisect_right(self._firsts, place) - 1]

    def __iter__(self) -> Iterator[Step]:
        for block in self.blocks:
            for number in range(len(block.places)):
                yield block.step(number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]  # as of any sequence that may be long


def _equal(one: object, other: object) -> bool:
    return one == other


@dataclass(frozen=True, slots=True)
class Redefined:
    """What becomes of the partitions of an asset whose definition is another than it was when they were made.

    Arguments:
        kept: how many of those that it has now show something and stay as they are.
        orphaned: keys that show something and that it does not have any more, neighbours joined to ``A..B``, None for
            the one slot that it had without partitions; ``gone`` is how many. They stay published and nothing reads
            them.
        to_make: how many of those that it has now are planned.
        news: nothing of the present definition was made yet by a run after the last of what is orphaned.
    """

    asset: str
    kept: int
    orphaned: tuple[str | None, ...]
    gone: int
    to_make: int
    news: bool

    def __str__(self) -> str:
        keys = ", ".join("the one without partitions" if one is None else one for one in self.orphaned[:5])
        rest = f" and {len(self.orphaned) - 5} more" if len(self.orphaned) > 5 else ""
        return (
            f"{self.asset} has other partitions than it had: {self.kept:,} kept as they are, {self.to_make:,} to be"
            f" made, {self.gone:,} orphaned ({keys}{rest}), which stay published and are read"
            " by nothing"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in working order, and sentences about what was noticed on the way."""

    steps: Sequence[Step]
    warnings: tuple[str, ...] = ()
    batches: tuple[tuple[int, ...], ...] = ()
    """Places of steps that one call computes together, in working order; see ``batches``."""
    newest_first: bool = False
    """Of the slots of an asset that are ready, the last partition is made first."""
    accepted: tuple[tuple[Slots, Reason], ...] = ()
    """Slots of the selection that stay as they are because somebody accepted that older code made them, and how."""
    redefined: tuple[Redefined, ...] = ()
    """The assets of the selection that show partitions of an earlier definition."""

    def turn(self, place: int) -> int:
        """What a step that is ready is ordered by: its place in the plan, among its asset's from behind if asked."""
        if not self.newest_first or not isinstance(self.steps, Steps):
            return place
        block = self.steps.block_at(place)
        return 2 * block.first + len(block.places) - 1 - place

    @property
    def assets(self) -> dict[str, None]:
        """The keys of all assets that are planned, in working order."""
        if isinstance(self.steps, Steps):
            return {key: None for block in self.steps.blocks for key in block.keys}
        return {slot.asset: None for step in self.steps for slot in step.slots}

    def by_why(self) -> Iterator[tuple[tuple[str, ...], Why, Slots]]:
        """The steps by the assets that they make and the reasons that they share; the slots are those of the first."""
        if isinstance(self.steps, Steps):
            for block in self.steps.blocks:
                for why, places in block.by_why():
                    yield block.keys, why, Slots(block.keys[0], block.partitions, places)
            return
        for step in self.steps:
            keys = tuple(slot.asset for slot in step.slots)
            yield keys, Why(step.reasons, step.may_change, step.forced), Slots.of(step.slot)
