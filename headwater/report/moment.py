"""What an environment showed at a moment, as text and as JSON."""

from __future__ import annotations

from typing import Any

from assets_core.keys import Slot
from assets_core.records import Materialization
from headwater.moment import StateThen
from headwater.report.slots import PartitionsOf, no_partitions, slot_count, span
from headwater.report.style import Style
from headwater.report.table import Cell, Row, limited, state_cell, table
from headwater.report.words import counted, moment, number, short_id


def then_document(found: StateThen) -> dict[str, Any]:
    """``{"as_of", "slots": [{"asset", "partition", "state", "materialization", ...}], "counts"}``."""
    slots = [
        {
            "asset": slot.asset,
            "partition": slot.partition,
            "state": _state(made),
            "materialization": made.id if made else None,
            "created": made.created if made else None,
            "run": made.run_id if made else None,
            "rows": made.version.rows if made else None,
            "accepted": _accepted(found, made),
        }
        for slot, made in found.shown.items()
    ]
    states = [one["state"] for one in slots]
    counts = {state: states.count(state) for state in ("published", "missing") if state in states}
    return {"as_of": found.at, "slots": slots, "counts": counts}


def then_text(found: StateThen, title: str, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """One line for each asset, and one more for its slots that showed nothing."""
    published = sum(made is not None for made in found.shown.values())
    head = f"{title} as of {moment(found.at)}: {counted(len(found.shown), 'slot')}, {number(published)} published"
    groups: dict[tuple[str, str], list[Slot]] = {}
    for slot, made in found.shown.items():
        groups.setdefault((slot.asset, _state(made)), []).append(slot)
    rows = [_row(key, state, slots, found, partitions_of) for (key, state), slots in groups.items()]
    lines = table(rows, style, right={2, 3}, flexible=4)
    return "\n".join([head, "", *limited([[line] for line in lines], style, "line", "--all shows them")])


def _accepted(found: StateThen, made: Materialization | None) -> dict[str, Any] | None:
    one = found.accepted.get(made.id) if made else None
    return {"actor": one.actor, "at": one.at, "reason": one.reason, "run": one.run_id} if one else None


def _state(made: Materialization | None) -> str:
    return "missing" if made is None else "published"


def _row(key: str, state: str, slots: list[Slot], found: StateThen, partitions_of: PartitionsOf) -> Row:
    records = [made for slot in slots if (made := found.shown[slot]) is not None]
    if not records:
        return [key, state_cell(state), slot_count(slots), "", span(slots, partitions_of, most=1, count=False)]
    rows = counted(sum(made.version.rows or 0 for made in records), "row")
    last = max(records, key=lambda made: made.created)
    accepted = sum(made.id in found.accepted for made in records)
    told = f"made {moment(last.created)}, {short_id(last.id)}" if len(records) == 1 else f"last {moment(last.created)}"
    told += f", {number(accepted)} accepted under other code" if accepted else ""
    return [key, state_cell(state), slot_count(slots), rows, Cell(told, "dim")]
