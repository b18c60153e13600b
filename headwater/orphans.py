"""Slots whose asset is gone from the code, or whose key is: listed, never deleted silently."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.keys import Slot
from assets_core.partitions import Multi, Partitions, Timed
from assets_core.records import RecordKind
from assets_core.renames import renames_of
from assets_core.staleness import Reason, ReasonCode, SlotState, Verdict
from lineage.stock import shown_assets, shown_slots

if TYPE_CHECKING:
    from headwater.project import Project

_REASON = Reason(
    ReasonCode.ORPHANED, "its asset is gone from the code; renamed_from= carries the history of a key to another"
)


_KEY_GONE = Reason(ReasonCode.ORPHANED, "its partition was retired, or is gone from the code; what was made stays")


def orphaned(project: Project, keys: Collection[str] | None = None) -> dict[Slot, Verdict]:
    """The published slots of this environment whose asset or partition the code does not have any more.

    Arguments:
        keys: only slots of these assets; None for all, and of assets that are gone.

    Not among them are slots of sources, and those whose history another asset carries on.
    """
    found = _of_keys_gone(project, project.graph.definitions if keys is None else keys)
    return found if keys is not None else {**_of_assets_gone(project), **found}


def _of_keys_gone(project: Project, keys: Collection[str]) -> dict[Slot, Verdict]:
    """The published slots of assets with named partitions whose key was retired, or is not in the code any more.

    Slices of time are left out: a definition that begins later or ends earlier says what is to be made from now on.
    """
    named = {
        key: one.partitions
        for key, one in project.graph.definitions.items()
        if key in keys
        and isinstance(one, Asset)
        and one.partitions is not None
        and not isinstance(one.partitions, Timed)
    }
    gone = [
        slot
        for slot in shown_slots(project.catalog, project.env, named)
        if slot.partition is not None and _gone(named[slot.asset], slot.partition)
    ]
    return dict.fromkeys(gone, Verdict(SlotState.ORPHANED, (_KEY_GONE,)))


def _gone(definition: Partitions, key: str) -> bool:
    if not isinstance(definition, Multi):
        return definition.find(key) is None
    parts = key.split(",")
    return len(parts) != len(definition.dimensions) or any(
        one.find(part) is None
        for one, part in zip(definition.dimensions.values(), parts, strict=True)
        if not isinstance(one, Timed)
    )


def _of_assets_gone(project: Project) -> dict[Slot, Verdict]:
    known = {*project.graph.definitions, *renames_of(project.graph.definitions)}
    assets = shown_assets(project.catalog, project.env) - known
    shown = project.catalog.published(project.env, assets=assets, lineage=False) if assets else {}
    gone = [slot for slot, made in shown.items() if made.kind is RecordKind.MATERIALIZATION]
    gone.sort(key=lambda slot: (slot.asset, slot.partition or ""))
    return dict.fromkeys(gone, Verdict(SlotState.ORPHANED, (_REASON,)))
