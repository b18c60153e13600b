"""Lineage by slots: which slots of what lies upstream a published slot was made from, as its record says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets_core.keys import Slot
from assets_core.records import Materialization
from headwater.use_cases import published

if TYPE_CHECKING:
    from headwater.project import Project


@dataclass(frozen=True)
class SlotTree:
    """Slots of one asset or source, and what all of them together were made from.

    Arguments:
        made: by slot, the id of the materialization or observation that was read.
        reads: an entry an asset or source, in the order of their keys.
    """

    asset: str
    made: Mapping[Slot, str]
    reads: tuple[SlotTree, ...] = ()


def slot_lineage(
    project: Project, asset: str, partition: str | None, *, as_of: str | None = None, depth: int | None = None
) -> SlotTree:
    """What a published slot was made from; of an asset without a partition named, all its slots.

    Arguments:
        depth: at most so many assets away; None for all the way up to the sources.

    Raises:
        UsageError: HW615, nothing is published; HW610, there is no such partition.
    """
    records = published(project, asset, partition, as_of)
    return _tree(project, records[0].slot.asset, {made.id: made for made in records}, depth)


def _tree(project: Project, asset: str, records: Mapping[str, Materialization], depth: int | None) -> SlotTree:
    read: dict[str, dict[str, None]] = {}
    for made in records.values() if depth != 0 else ():
        for one in () if made.recipe is None else made.recipe.inputs:
            read.setdefault(one.asset, {}).update(dict.fromkeys(part.materialization for part in one.parts))
    further = None if depth is None else depth - 1
    reads = []
    for key in sorted(read):
        found = project.catalog.materializations(read[key], lineage=False)
        reads.append(_tree(project, key, {one: found[one] for one in read[key]}, further))
    return SlotTree(asset, {made.slot: made.id for made in records.values()}, tuple(reads))
