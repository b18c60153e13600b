"""The states of slots as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assets_core.keys import Slot, Slots
from assets_core.staleness import Reason, SlotState, Verdict
from assets_core.states import AssetStates, States
from headwater.report.bar import bar, legend
from headwater.report.reasons import main_reason, reason_lines
from headwater.report.slots import PartitionsOf, no_partitions, wide_count, wide_span
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
    for _, state, slots, _ in by_verdict(verdicts):
        counts[state] += len(slots.places)
    return {state: count for state, count in counts.items() if count}


def by_verdict(verdicts: Verdicts) -> Iterator[tuple[str, str, Slots, Verdict]]:
    """Asset key, state, slots and verdict, for each verdict that occurs; in the order of first appearance."""
    others: Verdicts = verdicts
    if isinstance(verdicts, States):
        others = verdicts.others
        for states in verdicts.assets.values():
            for code, places in states.by_code().items():
                verdict = states.verdicts[code]
                yield states.key, str(verdict.state), Slots(states.key, states.partitions, places), verdict
    together: dict[tuple[str, int], list[Slot]] = {}
    for slot, verdict in others.items():
        together.setdefault((slot.asset, id(verdict)), []).append(slot)
    for slots in together.values():
        verdict = others[slots[0]]
        yield slots[0].asset, str(verdict.state), Slots.of(*slots), verdict


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
    rows = [_row(key, state, group, partitions_of, why) for (key, state), group in groups.items()]
    lines = table(rows, style, right={2}, flexible=3)
    bars = {key: bar(states, style) for key, states in _partitioned(verdicts).items()}
    last = {key: place for place, (key, _) in enumerate(groups)}
    blocks = []
    for place, (line, ((key, _), group)) in enumerate(zip(lines, groups.items(), strict=True)):
        reasons = reason_lines(_pairs(group), partitions_of, style) if why else []
        blocks.append([line, *reasons, *([f"    {bars[key]}"] if key in bars and last[key] == place else [])])
    hint = [] if why or set(counts) == {"fresh"} else ["", style.dim("  headwater status --why gives every reason")]
    signs = ["", style.dim(f"  {legend(counts)}")] if bars else []
    return "\n".join([head, "", *limited(blocks, style, "asset" if why else "line", "--all shows them"), *signs, *hint])


Group = list[tuple[Slots, Verdict]]


def _groups(verdicts: Verdicts) -> dict[tuple[str, str], Group]:
    groups: dict[tuple[str, str], Group] = {}
    for key, state, slots, verdict in by_verdict(verdicts):
        groups.setdefault((key, state), []).append((slots, verdict))
    return groups


def _partitioned(verdicts: Verdicts) -> dict[str, AssetStates]:
    found = verdicts.assets if isinstance(verdicts, States) else {}
    return {key: states for key, states in found.items() if len(states.codes) > 1}


def _row(key: str, state: str, group: Group, partitions_of: PartitionsOf, why: bool) -> list[str | Cell]:
    about = "" if why else main_reason(_pairs(group), partitions_of)
    slots = [one for one, _ in group]
    return [key, state_cell(state), wide_count(slots), about or wide_span(slots, partitions_of, most=1, count=False)]


def _pairs(group: Group) -> list[tuple[Slots, Reason]]:
    return [(slots, reason) for slots, verdict in group for reason in verdict.reasons]
