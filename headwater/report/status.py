"""The states of slots as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets_core.keys import Slot
from assets_core.staleness import SlotState, Verdict
from headwater.report.reasons import main_reason, reason_lines
from headwater.report.slots import PartitionsOf, no_partitions, slot_count, span
from headwater.report.style import Style
from headwater.report.table import Cell, limited, state_cell, table
from headwater.report.words import counted, number

Verdicts = Mapping[Slot, Verdict]


def status_document(verdicts: Verdicts) -> dict[str, Any]:
    """``{"slots": [{"asset", "partition", "state", "reasons"}], "counts": {state: n}}``."""
    slots = [
        {
            "asset": slot.asset,
            "partition": slot.partition,
            "state": str(verdict.state),
            "reasons": [reason.as_dict() for reason in verdict.reasons],
        }
        for slot, verdict in verdicts.items()
    ]
    return {"slots": slots, "counts": count_states(verdicts)}


def count_states(verdicts: Verdicts) -> dict[str, int]:
    """Slots by state, in a fixed order, each state that occurs."""
    counts = {str(state): 0 for state in SlotState}
    for verdict in verdicts.values():
        counts[str(verdict.state)] += 1
    return {state: count for state, count in counts.items() if count}


def status_text(
    verdicts: Verdicts, title: str, style: Style, *, why: bool = False, partitions_of: PartitionsOf = no_partitions
) -> str:
    """One line for each asset and state that its slots are in; with ``why`` every reason below it."""
    counts = count_states(verdicts)
    shown = ", ".join(style.state(state, f"{number(count)} {state}") for state, count in counts.items())
    head = f"{title}: {counted(len(verdicts), 'slot')}{', ' if shown else ''}{shown}"
    if not verdicts:
        return f"{title}: no slots"
    groups = _groups(verdicts)
    rows = [_row(key, state, slots, verdicts, partitions_of, why) for (key, state), slots in groups.items()]
    lines = table(rows, style, right={2}, flexible=3)
    if not why:
        hint = [] if set(counts) == {"fresh"} else ["", style.dim("  headwater status --why gives every reason")]
        blocks = [[line] for line in lines]
        return "\n".join([head, "", *limited(blocks, style, "line", "--all shows them"), *hint])
    blocks = [
        [line, *reason_lines(_pairs(slots, verdicts), partitions_of, style)]
        for line, slots in zip(lines, groups.values(), strict=True)
    ]
    return "\n".join([head, "", *limited(blocks, style, "asset", "--all shows them")])


def _groups(verdicts: Verdicts) -> dict[tuple[str, str], list[Slot]]:
    groups: dict[tuple[str, str], list[Slot]] = {}
    for slot, verdict in verdicts.items():
        groups.setdefault((slot.asset, str(verdict.state)), []).append(slot)
    return groups


def _row(
    key: str, state: str, slots: list[Slot], verdicts: Verdicts, partitions_of: PartitionsOf, why: bool
) -> list[str | Cell]:
    about = "" if why else main_reason(_pairs(slots, verdicts), partitions_of)
    return [key, state_cell(state), slot_count(slots), about or span(slots, partitions_of, most=1, count=False)]


def _pairs(slots: list[Slot], verdicts: Verdicts) -> list[tuple[Slot, Any]]:
    return [(slot, reason) for slot in slots for reason in verdicts[slot].reasons]
