"""Many slots in few words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise

from assets_core.errors import HeadwaterError
from assets_core.keys import Slot, Slots
from assets_core.partitions import Partitions, ranges
from headwater.report.words import listed, number

PartitionsOf = Callable[[str], Partitions | None]
"""Gives the partition definition of an asset key, None where it has none or is not known."""


_VERY_MANY = 5000


def no_partitions(key: str) -> Partitions | None:
    """For where no definitions are at hand: every key is listed by itself."""
    return None


def wide_span(slots: Sequence[Slots], partitions_of: PartitionsOf, most: int = 3, *, count: bool = True) -> str:
    """As ``span``, for slots of one asset in little; where there are very many, ranges are told by their places."""
    if len(slots) == 1 and len(slots[0].places) > _VERY_MANY:
        first = slots[0]
        text = listed([f"{first.every[low]}..{first.every[high]}" for low, high in _runs(first.places)], most)
        return f"{text} ({len(first.places):,})" if count else text
    return span(
        [Slot(one.asset, partition) for one in slots for partition in one.partitions], partitions_of, most, count=count
    )


def place_ranges(slots: Slots) -> list[str]:
    """The partition keys of slots, neighbours joined to ``A..B``; empty for the one slot without a partition."""
    every = slots.every
    if every[slots.places[0]] is None:
        return []
    runs = _runs(slots.places)
    return [f"{every[low]}..{every[high]}" if low != high else f"{every[low]}" for low, high in runs]


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of places that follow each other."""
    if places[-1] - places[0] == len(places) - 1:
        return [(places[0], places[-1])]
    starts = [places[0], *(two for one, two in pairwise(places) if two != one + 1)]
    ends = [*(one for one, two in pairwise(places) if two != one + 1), places[-1]]
    return list(zip(starts, ends, strict=True))


def wide_count(slots: Sequence[Slots]) -> str:
    """How many slots there are; empty for the one slot of an asset without partitions."""
    total = sum(len(one.places) for one in slots)
    return number(total) if total > 1 or any(one.partitions[0] is not None for one in slots) else ""


def span(slots: Iterable[Slot], partitions_of: PartitionsOf, most: int = 3, *, count: bool = True) -> str:
    """The partitions of slots of one asset: ``2013-01-01..2013-12-31 (365)``; empty if it is unpartitioned.

    Arguments:
        most: ranges to name.
        count: whether to add how many there are, for where nothing else says it.
    """
    slots = list(slots)
    keys = [slot.partition for slot in slots if slot.partition is not None]
    return key_span(keys, partitions_of(slots[0].asset), most, count=count) if keys else ""


def slot_count(slots: Collection[Slot]) -> str:
    """How many slots there are; empty for the one slot of an asset without partitions."""
    return number(len(slots)) if any(slot.partition is not None for slot in slots) else ""


def key_ranges(keys: Collection[str], definition: Partitions | None) -> list[str]:
    """Partition keys of one definition, neighbours joined to ``A..B``; one by one where they are not all its own."""
    try:
        return ranges(keys, definition) if definition is not None else sorted(keys)
    except HeadwaterError:  # keys of an earlier definition
        return sorted(keys)


def key_span(keys: Iterable[str], definition: Partitions | None, most: int = 3, *, count: bool = True) -> str:
    """Partition keys of one definition, neighbours joined, and their number where it cannot be seen."""
    keys = list(dict.fromkeys(keys))
    text = listed(key_ranges(keys, definition), most)
    return text if len(keys) == 1 or not count else f"{text} ({len(keys):,})"
