"""What prune deletes, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assets_core.records import Stored
from headwater.prune import Pruning
from headwater.report.style import Style
from headwater.report.table import Row, limited, table
from headwater.report.words import counted, number, size
from lineage.stock import Holding


def prune_document(found: Pruning) -> dict[str, Any]:
    """``{"done", "retire", "delete", "waiting", "leftovers", "kept", "bytes"}``."""
    return {
        "done": found.done,
        "retire": [_holding(one) for one in found.retire],
        "delete": [_holding(one) for one in found.delete],
        "waiting": [_holding(one) for one in found.waiting],
        "leftovers": [
            {"storage": one.storage, "location": one.location, "bytes": one.bytes} for one in found.leftovers
        ],
        "kept": len(found.kept),
        "bytes": {
            "retire": _bytes(found.retire),
            "delete": _bytes(found.delete),
            "waiting": _bytes(found.waiting),
            "leftovers": sum(one.bytes for one in found.leftovers),
            "kept": _bytes(found.kept),
        },
    }


def prune_text(found: Pruning, title: str, style: Style, *, grace: str) -> str:
    """What is marked and deleted, by asset, and what to type next."""
    deleted = {(one.stored.storage, one.stored.location) for one in found.delete}
    marked = [one for one in found.retire if (one.stored.storage, one.stored.location) not in deleted]
    freed = _bytes(found.delete) + sum(one.bytes for one in found.leftovers)
    verb = "were" if found.done else "would be"
    head = f"{title}: {size(_bytes(marked))} {verb} marked, {size(freed)} {verb} deleted"
    lines = [head]
    lines += _section("marked, and deleted by a later prune", marked, style)
    lines += _section("deleted: their grace period is over", found.delete, style)
    lines += _section("marked, and within their grace period", found.waiting, style)
    if found.leftovers:
        lines += ["", f"  {style.bold('left by crashed runs, deleted')}", *_leftovers(found.leftovers, style)]
    kept = f"kept: {counted(len(found.kept), 'table')}, {size(_bytes(found.kept))}"
    lines += ["", style.dim(f"  {kept}")]
    if not found.done:
        lines.append(style.dim("  nothing was done: --yes carries it out"))
    elif marked or found.waiting:
        lines.append(style.dim(f"  what is marked goes with the first prune --yes after {grace}"))
    return "\n".join(lines)


def _section(title: str, holdings: Sequence[Holding], style: Style) -> list[str]:
    if not holdings:
        return []
    by_asset: dict[str, list[Holding]] = {}
    for one in holdings:
        by_asset.setdefault(one.slot.asset, []).append(one)
    rows: list[Row] = [[key, number(len(found)), size(_bytes(found))] for key, found in sorted(by_asset.items())]
    drawn = table(rows, style, right={1, 2}, flexible=0, indent="    ")
    return ["", f"  {style.bold(title)}", *limited([[line] for line in drawn], style, "asset", "--all shows them")]


def _leftovers(leftovers: Sequence[Stored], style: Style) -> list[str]:
    rows: list[Row] = [[f"{one.storage}: {one.location}", size(one.bytes)] for one in leftovers]
    drawn = table(rows, style, right={1}, flexible=0, indent="    ")
    return limited([[line] for line in drawn], style, "table", "--all shows them")


def _bytes(holdings: Iterable[Holding]) -> int:
    return sum(one.stored.bytes for one in holdings)


def _holding(one: Holding) -> dict[str, Any]:
    return {
        "asset": one.slot.asset,
        "partition": one.slot.partition,
        "materializations": [record.id for record in one.records],
        "storage": one.stored.storage,
        "location": one.stored.location,
        "bytes": one.stored.bytes,
        "created": one.records[0].created,
        "last_used": one.last_used,
        "marked": one.marked,
    }
