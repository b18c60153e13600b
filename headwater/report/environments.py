"""What is done to environments as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from assets_core.keys import Slot
from assets_core.records import Materialization
from headwater.report.slots import PartitionsOf, no_partitions, slot_count, span
from headwater.report.style import Style, clean
from headwater.report.table import Cell, limited, paragraph, table
from headwater.report.words import counted, moment, number, short_id

if TYPE_CHECKING:
    from headwater.environments import Changed, Known, Shift
    from headwater.withdraw import Withdrawn

_DONE = {
    "create": "made from {origin}",
    "promote": "takes from {origin}",
    "rollback": "back to what it showed",
    "release": "released",
    "drop": "dropped",
}


def ls_document(found: Iterable[Known]) -> dict[str, Any]:
    """``{"environments": [{"name", "declared", "protected", "frozen", "from", "created", "actor", ...}]}``."""
    return {
        "environments": [
            {
                "name": one.name,
                "declared": one.declared,
                "protected": one.protected,
                "frozen": one.record.frozen,
                "from": one.record.origin or None,
                "created": one.record.created,
                "actor": one.record.actor or None,
                "slots": one.record.shown,
                "held": one.record.held,
            }
            for one in found
        ]
    }


def ls_text(found: Sequence[Known], own: str, title: str, style: Style) -> str:
    """One line an environment, the one at hand marked."""
    rows = [_known_row(one, own) for one in found]
    lines = table(rows, style, head=("environment", "", "shows", "held", "made"), right={2, 3}, flexible=4)
    return "\n".join([f"{title}: {counted(len(found), 'environment')}, this is {own}", "", *lines])


def _known_row(one: Known, own: str) -> list[str | Cell]:
    record = one.record
    words = [word for word, told in (("protected", one.protected), ("frozen", record.frozen)) if told]
    made = f"from {record.origin} {moment(record.created)[:16]} by {record.actor}" if record.created else ""
    return [
        Cell(one.name, "bold" if one.name == own else ""),
        ", ".join(words),
        counted(record.shown, "slot"),
        number(record.held) if record.held else "",
        clean(made),
    ]


def changed_document(done: Changed) -> dict[str, Any]:
    """``{"change", "from", "run", "moved", "left", "conflicts", "held", "released", "frozen"}``."""
    return {
        "change": str(done.verb),
        "from": done.origin or None,
        "run": done.run_id,
        "frozen": done.frozen,
        "moved": [_shift(one) for one in done.moved],
        "left": [{**slot_document(one.slot), "reason": one.reason} for one in done.left],
        "conflicts": [slot_document(one) for one in done.conflicts],
        "held": [slot_document(one) for one in done.held],
        "released": [slot_document(one) for one in done.released],
    }


def changed_text(done: Changed, title: str, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """The pointers that move, an asset a line, and what stays with the reason."""
    what = _DONE[str(done.verb)].format(origin=done.origin)
    count = len(done.released) if str(done.verb) == "release" else len(done.moved)
    frozen = ", frozen: nothing in it changes from now on" if done.frozen else ""
    head = f"{title}: {what}, {counted(count, 'slot')}{frozen}"
    if not (done.moved or done.left or done.released):
        return f"{title}: nothing to {done.verb}"
    lines = [head]
    lines.extend(_moved_lines(done.moved, style, partitions_of))
    if done.verb == "release":
        lines.extend(slot_lines("released", [(slot, "") for slot in done.released], style, partitions_of))
    lines.extend(slot_lines("stays", [(one.slot, one.reason) for one in done.left], style, partitions_of))
    lines.extend(
        slot_lines("moved meanwhile, not overwritten without --force", [(one, "") for one in done.conflicts], style,
                    partitions_of)
    )  # fmt: skip
    if done.held:
        lines.extend(["", style.dim(f"  held until headwater env release {done.env}")])
    return "\n".join(lines)


def withdrawn_document(found: Withdrawn) -> dict[str, Any]:
    """``{"run", "reason", "withdrawn", "moved", "below"}``."""
    return {
        "run": found.run_id,
        "reason": found.reason,
        "withdrawn": [{**slot_document(one.slot), **_made(one)} for one in found.materializations],
        "moved": [_shift(one) for one in found.moved],
        "below": [slot_document(one) for one in found.below],
    }


def withdrawn_text(found: Withdrawn, title: str, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """What was withdrawn, what every environment shows instead, and what was made of it."""
    word = "withdrawn" if found.run_id else "would be withdrawn"
    lines = [f"{title}: {counted(len(found.materializations), 'materialization')} {word}", ""]
    for one in found.materializations:
        lines.append(f"  {one.slot}  {one.id}")
    lines.extend(paragraph(clean(found.reason), style, "  "))
    by_env: dict[str, list[Shift]] = {}
    for shift in found.moved:
        by_env.setdefault(shift.env, []).append(shift)
    for env, moved in by_env.items():
        lines.extend(["", f"  {style.bold(env)} shows instead", *_moved_lines(moved, style, partitions_of)[1:]])
    if not found.moved:
        lines.extend(["", "  no environment shows it"])
    lines.extend(slot_lines("made of it", [(slot, "") for slot in found.below], style, partitions_of))
    return "\n".join(lines)


def _moved_lines(moved: Iterable[Shift], style: Style, partitions_of: PartitionsOf) -> list[str]:
    groups: dict[tuple[str, str, bool, bool], list[Shift]] = {}
    for one in moved:
        key = (one.slot.asset, one.note, one.before is None, one.after is None)
        groups.setdefault(key, []).append(one)
    rows = [_moved_row(group, partitions_of) for group in groups.values()]
    lines = table(rows, style, right={1}, flexible=5)
    return ["", *limited([[line] for line in lines], style, "line", "--all shows them")] if lines else []


def _moved_row(group: list[Shift], partitions_of: PartitionsOf) -> list[str | Cell]:
    slots = [one.slot for one in group]
    first = group[0]
    which = span(slots, partitions_of, most=1, count=False)
    if len(group) == 1:
        ids = f"{_short(first.before)} -> {_short(first.after)}"
    else:
        ids = "nothing now" if first.after is None else "nothing before" if first.before is None else ""
    return [first.slot.asset, slot_count(slots), which, _rows(group), ids, first.note]


def _rows(group: list[Shift]) -> str:
    def total(made: Iterable[Materialization | None]) -> int:
        return sum(one.version.rows or 0 for one in made if one is not None)

    before, after = total(one.before for one in group), total(one.after for one in group)
    return counted(after, "row") if before == after else f"{number(before)} -> {counted(after, 'row')}"


def _short(made: Materialization | None) -> str:
    return "nothing" if made is None else short_id(made.id)


def slot_lines(title: str, pairs: Sequence[tuple[Slot, str]], style: Style, partitions_of: PartitionsOf) -> list[str]:
    """Slots under a heading, those of one asset with one reason on a line."""
    groups: dict[tuple[str, str], list[Slot]] = {}
    for slot, reason in pairs:
        groups.setdefault((slot.asset, reason), []).append(slot)
    rows = [[key, span(slots, partitions_of, most=2), clean(reason)] for (key, reason), slots in groups.items()]
    lines = table(rows, style, flexible=2, indent="    ")
    drawn = limited([[line] for line in lines], style, "line", "--all shows them")
    return ["", f"  {style.bold(title)}", *drawn] if rows else []


def slot_document(slot: Slot) -> dict[str, Any]:
    """A slot as the JSON documents name it."""
    return {"asset": slot.asset, "partition": slot.partition}


def _made(made: Materialization) -> dict[str, Any]:
    return {"materialization": made.id, "run": made.run_id, "created": made.created, "rows": made.version.rows}


def _shift(one: Shift) -> dict[str, Any]:
    return {
        "env": one.env,
        **slot_document(one.slot),
        "before": None if one.before is None else _made(one.before),
        "after": None if one.after is None else _made(one.after),
        "note": one.note,
    }
