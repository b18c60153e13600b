"""What an environment showed at a moment, from the catalog alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from assets_core.keys import Slot
from assets_core.records import Acceptance, Materialization
from headwater.pointers import records_shown
from headwater.use_cases import moment_of

if TYPE_CHECKING:
    from headwater.project import Project


@dataclass(frozen=True, slots=True)
class StateThen:
    """What slots showed at a moment.

    Arguments:
        at: the moment.
        shown: what each slot showed; None for slots that the definitions have now and that showed nothing then.
        accepted: by id, that until then somebody had accepted that it stays shown under other code, the last time.
    """

    at: datetime
    shown: dict[Slot, Materialization | None]
    accepted: Mapping[str, Acceptance] = field(default_factory=dict)


def state_then(project: Project, as_of: str, select: str = "", *, exclude: str = "") -> StateThen:
    """What every slot showed at a moment, in the order of the definitions; then those of assets gone from the code.

    Arguments:
        as_of: an ISO time, a date meaning its end, or ``run:ID``.
        select, exclude: with a selection, only assets that the code still has.

    Raises:
        UsageError: HW616, it is no moment.
    """
    at = moment_of(project, as_of)
    keys = project.select(select, exclude=exclude)
    recorded = records_shown(project, as_of=at, lineage=False)
    shown: dict[Slot, Materialization | None] = {}
    for key in keys:
        partitions = project.graph.definitions[key].partitions
        slots = [Slot(key)] if partitions is None else [Slot(key, one) for one in partitions.keys(at)]
        shown.update({slot: recorded.get(slot) for slot in slots})
        shown.update({slot: made for slot, made in recorded.items() if slot.asset == key and slot not in shown})
    if not select and not exclude:
        known = project.graph.definitions
        shown.update({slot: made for slot, made in sorted(recorded.items(), key=_name) if slot.asset not in known})
    until = project.catalog.sequence_at(at)
    accepted = project.catalog.acceptances(env=project.env, until=until)
    return StateThen(at, shown, {one.materialization: one.acceptance for one in accepted})


def _name(pair: tuple[Slot, Materialization]) -> tuple[str, str]:
    return pair[0].asset, pair[0].partition or ""
