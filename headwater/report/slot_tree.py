"""Which slots a slot was made from, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.report.slots import PartitionsOf, no_partitions, span
from headwater.report.style import Style, cut
from headwater.report.words import short_id

if TYPE_CHECKING:
    from headwater.slot_lineage import SlotTree


def slot_tree_document(tree: SlotTree) -> dict[str, Any]:
    """``{"asset", "slots": [{"partition", "materialization"}], "reads": [...]}``, reads of the same form."""
    slots = [{"partition": slot.partition, "materialization": made} for slot, made in tree.made.items()]
    return {"asset": tree.asset, "slots": slots, "reads": [slot_tree_document(one) for one in tree.reads]}


def slot_tree_text(tree: SlotTree, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """An asset a line with the ranges of its slots, what it reads below it; of one slot its materialization too."""
    lines = _lines(tree, "", "", style, partitions_of)
    return "\n".join(line if style.width is None else cut(line, style.width) for line in lines)


def _lines(tree: SlotTree, lead: str, below: str, style: Style, partitions_of: PartitionsOf) -> Iterator[str]:
    slots = list(tree.made)
    where = span(slots, partitions_of)
    made = f"  {short_id(next(iter(tree.made.values())))}" if len(slots) == 1 else ""
    yield f"{lead}{tree.asset}{f'  {where}' if where else ''}{style.dim(made)}"
    branch, last, bar = ("├─ ", "└─ ", "│  ") if style.unicode else ("|- ", "`- ", "|  ")
    for place, one in enumerate(tree.reads):
        ends = place == len(tree.reads) - 1
        yield from _lines(
            one, below + (last if ends else branch), below + ("   " if ends else bar), style, partitions_of
        )
