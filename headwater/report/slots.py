"""Many slots in few words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from assets_core.partitions import Partitions, ranges
from headwater.report.words import listed, number

PartitionsOf = Callable[[str], Partitions | None]
"""Gives the partition definition of an asset key, None where it has none or is not known."""


def no_partitions(key: str) -> Partitions | None:
    """For where no definitions are at hand: every key is listed by itself."""
    return None


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


def key_span(keys: Iterable[str], definition: Partitions | None, most: int = 3, *, count: bool = True) -> str:
    """Partition keys of one definition, neighbours joined, and their number where it cannot be seen."""
    keys = list(dict.fromkeys(keys))
    try:
        found = ranges(keys, definition) if definition is not None else sorted(keys)
    except HeadwaterError:  # keys of an earlier definition
        found = sorted(keys)
    text = listed(found, most)
    return text if len(keys) == 1 or not count else f"{text} ({len(keys):,})"
