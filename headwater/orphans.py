"""Slots whose asset is gone from the code: listed, never deleted silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets_core.keys import Slot
from assets_core.records import RecordKind
from assets_core.renames import renames_of
from assets_core.staleness import Reason, ReasonCode, SlotState, Verdict
from lineage.stock import shown_assets

if TYPE_CHECKING:
    from headwater.project import Project

_REASON = Reason(
    ReasonCode.ORPHANED, "its asset is gone from the code; renamed_from= carries the history of a key to another"
)


def orphaned(project: Project) -> dict[Slot, Verdict]:
    """The published slots of this environment whose asset the code does not have any more, sorted.

    Not among them are slots of sources, and those whose history another asset carries on.
    """
    known = {*project.graph.definitions, *renames_of(project.graph.definitions)}
    assets = shown_assets(project.catalog, project.env) - known
    shown = project.catalog.published(project.env, assets=assets, lineage=False) if assets else {}
    gone = [slot for slot, made in shown.items() if made.kind is RecordKind.MATERIALIZATION]
    gone.sort(key=lambda slot: (slot.asset, slot.partition or ""))
    return dict.fromkeys(gone, Verdict(SlotState.ORPHANED, (_REASON,)))
