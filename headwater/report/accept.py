"""What was accepted, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.report.environments import slot_document, slot_lines
from headwater.report.slots import PartitionsOf, no_partitions
from headwater.report.style import Style, clean
from headwater.report.table import paragraph
from headwater.report.words import counted, listed

if TYPE_CHECKING:
    from headwater.accept import Accepted


def accepted_document(found: Accepted) -> dict[str, Any]:
    """``{"run", "reason", "accepted", "left", "changes"}``."""
    return {
        "run": found.run_id,
        "reason": found.reason,
        "accepted": [slot_document(one) for one in found.slots],
        "left": [{**slot_document(one.slot), "reason": one.reason} for one in found.left],
        "changes": {key: list(changes) for key, changes in found.changes.items()},
    }


def accepted_text(found: Accepted, title: str, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """What stays as it is and what its code differs in, and what stays stale with the reason."""
    word = "accepted as made by older code" if found.run_id else "would be accepted as made by older code"
    lines = [f"{title}: {counted(len(found.slots), 'slot')} {word}"]
    if found.reason:
        lines.extend(paragraph(clean(found.reason), style, "  "))
    pairs = [(slot, listed(found.changes.get(slot.asset, ()), 3)) for slot in found.slots]
    lines.extend(slot_lines("stays as it is", pairs, style, partitions_of))
    lines.extend(slot_lines("stays stale", [(one.slot, one.reason) for one in found.left], style, partitions_of))
    return "\n".join(lines)
