"""What a backfill would do and cost, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets_core.plan import Plan
from headwater.report.plan import plan_document, plan_text
from headwater.report.slots import PartitionsOf, no_partitions
from headwater.report.style import Style
from headwater.report.words import counted, seconds, size

if TYPE_CHECKING:
    from headwater.backfill import Estimate


def backfill_document(plan: Plan, cost: Estimate) -> dict[str, Any]:
    """The document of ``plan``, with ``estimate``: ``{"seconds", "bytes", "unknown"}``."""
    estimate = {"seconds": cost.seconds, "bytes": round(cost.bytes), "unknown": cost.unknown}
    return {**plan_document(plan), "estimate": estimate}


def backfill_text(
    plan: Plan,
    cost: Estimate,
    workers: int,
    title: str,
    style: Style,
    *,
    why: bool = False,
    partitions_of: PartitionsOf = no_partitions,
) -> str:
    """The plan, and below it a line about time and bytes."""
    text = plan_text(plan, title, style, why=why, partitions_of=partitions_of)
    if not plan.steps:
        return text
    return f"{text}\n\n  {cost_text(cost, len(plan.steps), workers)}"


def cost_text(cost: Estimate, steps: int, workers: int) -> str:
    """Time and bytes in one sentence, and what they say nothing about."""
    unknown = f"{counted(cost.unknown, 'step')} of assets that were never made not counted"
    if cost.unknown >= steps:
        return "how long it takes nobody knows: none of these assets was made before"
    shared = f", {seconds(cost.seconds / workers)} by {workers} at a time" if workers > 1 else ""
    known = f"about {seconds(cost.seconds)} of work{shared}, and {size(round(cost.bytes))} to store"
    return f"{known}, going by what is published" + (f"; {unknown}" if cost.unknown else "")
