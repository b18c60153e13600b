"""A plan as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets_core.keys import Slots
from assets_core.plan import Plan, Step, Why
from assets_core.staleness import Reason
from headwater.report.reasons import main_reason, reason_lines
from headwater.report.slots import PartitionsOf, no_partitions, place_ranges, wide_count
from headwater.report.style import Style
from headwater.report.table import limited, paragraph, table
from headwater.report.words import counted


def plan_document(plan: Plan) -> dict[str, Any]:
    """``{"steps": [...], "accepted": [...]}``: steps in working order, and what stays as made by older code."""
    batch_of = {place: number for number, places in enumerate(plan.batches) for place in places}
    return {
        "steps": [_step(step, batch_of.get(place)) for place, step in enumerate(plan.steps)],
        "accepted": [
            {**reason.as_dict(), "asset": slots.asset, "ranges": place_ranges(slots), "slots": len(slots.places)}
            for slots, reason in plan.accepted
        ],
        "redefined": [
            {
                "asset": one.asset,
                "kept": one.kept,
                "orphaned": list(one.orphaned),
                "gone": one.gone,
                "to_make": one.to_make,
            }
            for one in plan.redefined
        ],
    }


def _step(step: Step, batch: int | None) -> dict[str, Any]:
    return {
        "asset": step.slot.asset,
        "partition": step.slot.partition,
        "slots": [str(slot) for slot in step.slots],
        "reasons": [reason.as_dict() for reason in step.reasons],
        "may_change": step.may_change,
        "forced": step.forced,
        "batch": batch,
    }


def plan_text(
    plan: Plan, title: str, style: Style, *, why: bool = False, partitions_of: PartitionsOf = no_partitions
) -> str:
    """What would run, one line an asset; with ``why`` every reason below it.

    Arguments:
        title: the project and environment, as the first line names them.
    """
    notes = _accepted_lines(plan, style, why=why, partitions_of=partitions_of)
    for one in plan.redefined:
        notes.extend(["", *paragraph(str(one), style, "  ")])
    if not plan.steps:
        rest = f", everything selected is {'fresh or accepted' if plan.accepted else 'fresh'}"
        return "\n".join([f"{title}: nothing to do{'' if plan.warnings else rest}", *notes])
    groups = _by_asset(plan)
    head = f"{title}: {counted(len(plan.steps), 'step')}, {counted(len(groups), 'asset')}"
    if not why:
        rows = [_row(keys, group, partitions_of) for keys, group in groups.items()]
        lines = table(rows, style, right={1}, flexible=2)
        hint = style.dim("  headwater plan --why gives every reason")
        return "\n".join([head, "", *_cut(lines, style), *notes, "", hint])
    rows = [_row(keys, group, partitions_of)[:2] for keys, group in groups.items()]
    blocks = [
        [line, *reason_lines(_pairs(group), partitions_of, style)]
        for line, group in zip(table(rows, style, right={1}), groups.values(), strict=True)
    ]
    return "\n".join([head, "", *limited(blocks, style, "asset", "--all shows them"), *notes])


def _accepted_lines(plan: Plan, style: Style, *, why: bool, partitions_of: PartitionsOf) -> list[str]:
    """What stays as it is because its older code was accepted: how much, and with ``why`` who said so."""
    if not plan.accepted:
        return []
    if not why:
        slots = counted(sum(len(one.places) for one, _ in plan.accepted), "slot")
        return ["", style.dim(f"  {slots} made by older code stay: that was accepted")]
    return ["", "  accepted", *reason_lines(plan.accepted, partitions_of, style)]


def _cut(lines: list[str], style: Style) -> list[str]:
    return limited([[line] for line in lines], style, "asset", "--all shows them")


Group = list[tuple[Why, Slots]]


def _by_asset(plan: Plan) -> Mapping[tuple[str, ...], Group]:
    groups: dict[tuple[str, ...], Group] = {}
    for keys, why, slots in plan.by_why():
        groups.setdefault(keys, []).append((why, slots))
    return groups


def _row(keys: tuple[str, ...], group: Group, partitions_of: PartitionsOf) -> list[str]:
    count = wide_count([slots for _, slots in group])
    return [", ".join(keys), count, main_reason(_pairs(group), partitions_of)]


def _pairs(group: Group) -> list[tuple[Slots, Reason]]:
    return [(slots, reason) for why, slots in group for reason in why.reasons]
