"""A comparison as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from assets_core.records import Materialization
from headwater.diff import Diff, SlotDiff
from headwater.report.style import Style, clean
from headwater.report.table import limited, paragraph
from headwater.report.words import counted, listed, moment, number, short_id, short_type
from lineage.diff import InputDiff, RecordDiff, SchemaDiff, ValueDiff
from lineage.diff_rows import RowsDiff

_LABEL = 8
_LISTED = 12
_LINE_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_CHANGE_COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "same": ""}


def diff_document(found: Diff) -> dict[str, Any]:
    """``{"kind", "before", "after", "counts", "slots": [...]}``."""
    return {
        "kind": found.kind,
        "before": found.before,
        "after": found.after,
        "counts": counts(found),
        "slots": [_slot_document(one) for one in found.slots],
    }


def counts(found: Diff) -> dict[str, int]:
    """Slots by how they differ; ``same`` counts those that show one record, or two that hold the same."""
    told = {"added": 0, "removed": 0, "changed": 0, "same": found.unchanged}
    for one in found.slots:
        told[one.change] += 1
    return told


def diff_text(found: Diff, title: str, style: Style) -> str:
    """What differs, slot by slot."""
    told = counts(found)
    words = [style.paint(f"{number(count)} {word}", _CHANGE_COLOURS[word]) for word, count in told.items() if count]
    head = f"{title}: {found.before} to {found.after}: {', '.join(words) or 'nothing to compare'}"
    blocks = [["", *_slot_lines(one, style)] for one in found.slots if one.change != "same"]
    return "\n".join([head, *limited(blocks, style, "slot", "--all shows them")])


# -- text -----------------------------------------------------------------------------------------------------------


def _slot_lines(one: SlotDiff, style: Style) -> list[str]:
    lines = [f"{style.bold(str(one.slot))}  {style.paint(one.change, _CHANGE_COLOURS[one.change])}"]
    lines += _line("before", _record(one.before), style)
    lines += _line("after", _record(one.after), style)
    if one.records is not None:
        lines += _record_lines(one.records, style)
    if one.rows is not None:
        lines += _rows_lines(one.rows, style)
    return lines + _line("rows", one.note, style)


def _record(made: Materialization | None) -> str:
    if made is None:
        return ""
    rows = "" if made.version.rows is None else f", {counted(made.version.rows, 'row')}"
    return f"{short_id(made.id)}, {moment(made.created)}{rows}"


def _record_lines(found: RecordDiff, style: Style) -> Iterable[str]:
    yield from _line("schema", _schema(found.schema), style)
    for number_, sentence in enumerate(found.code.changes[:_LISTED]):
        yield from _line("" if number_ else "code", sentence, style)
    if not found.code.changes and (found.code.changed or found.code.text):
        yield from _line("code", "changed" if found.code.changed else "its text changed; it computes the same", style)
    for line in found.code.text.splitlines():
        yield f"    {style.paint(clean(line), _LINE_COLOURS.get(line[:1], ''))}"
    for one in found.inputs:
        yield from _line("input", _input(one), style)
    for label, values in (("config", found.config), ("setting", found.settings), ("check", found.checks)):
        for value in values:
            yield from _line(label, _value(value), style)


def _schema(found: SchemaDiff) -> str:
    words = [f"+ {name} {short_type(dtype)}" for name, dtype in found.added]
    words += [f"- {name} {short_type(dtype)}" for name, dtype in found.removed]
    words += [f"{name} is {short_type(new)}, was {short_type(old)}" for name, old, new in found.retyped]
    return ", ".join([*words, *(["columns in another order"] if found.reordered else [])])


def _input(found: InputDiff) -> str:
    if found.before != found.after:
        return f"{found.name} is {found.after or 'no input'}, was {found.before or 'no input'}"
    words = [f"now reads {name}" for name in found.columns_added]
    words += [f"no longer reads {name}" for name in found.columns_removed]
    changed = tuple(dict.fromkeys(name for one in found.slots for name in one.columns))
    slots = [one.partition for one in found.slots if one.partition is not None]
    if changed:
        words.append(f"{listed(changed, _LISTED)} changed")
    gone = [one for one in found.slots if one.after is None]
    new = [one for one in found.slots if one.before is None]
    words += [f"{counted(len(new), 'slot')} more"] if new else []
    words += [f"{counted(len(gone), 'slot')} fewer"] if gone else []
    where = f" ({listed(slots)})" if slots else ""
    return f"{found.after}: {'; '.join(words)}{where}"


def _value(found: ValueDiff) -> str:
    return f"{found.name} is {found.after or 'not there'}, was {found.before or 'not there'}"


def _rows_lines(found: RowsDiff, style: Style) -> Iterable[str]:
    if found.equal:
        yield from _line("rows", "the same", style)
        return
    words = [f"{number(found.added)} added", f"{number(found.removed)} removed"]
    words += [] if found.changed is None else [f"{number(found.changed)} changed"]
    how = f"by {', '.join(found.key)}" if found.key else "as whole rows: no key tells them apart"
    yield from _line("rows", f"{', '.join(words)}; {how}", style)
    columns = [f"{name} in {number(count)}" for name, count in found.columns.items()]
    yield from _line("columns", listed(columns, _LISTED), style)
    for sign, sample in (("+", found.added_sample), ("-", found.removed_sample)):
        for row in sample:
            yield f"    {style.paint(clean(f'{sign} {_pairs(row)}'), _LINE_COLOURS[sign])}"
    for row in found.changed_sample:
        changes = ", ".join(f"{name} {one['before']} -> {one['after']}" for name, one in row["columns"].items())
        told = clean(f"~ {_pairs(row['key'])}: {changes}")
        yield f"    {style.paint(told, 'yellow')}"


def _pairs(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _line(label: str, value: str, style: Style) -> list[str]:
    if not value:
        return []
    pad = " " * (_LABEL + 4)
    first, *rest = paragraph(clean(value), style, pad, "")
    return [f"  {style.dim(label.ljust(_LABEL))}  {first[len(pad) :]}", *rest]


# -- JSON -----------------------------------------------------------------------------------------------------------


def _slot_document(one: SlotDiff) -> dict[str, Any]:
    records = one.records
    return {
        "asset": one.slot.asset,
        "partition": one.slot.partition,
        "change": one.change,
        "before": _record_document(one.before),
        "after": _record_document(one.after),
        "schema": _schema_document(records.schema) if records else None,
        "code": {
            "changed": records.code.changed,
            "changes": list(records.code.changes),
            "diff": records.code.text,
        }
        if records
        else None,
        "inputs": [asdict(read) for read in records.inputs] if records else [],
        "config": [asdict(value) for value in records.config] if records else [],
        "settings": [asdict(value) for value in records.settings] if records else [],
        "checks": [asdict(value) for value in records.checks] if records else [],
        "rows": _rows_document(one.rows) if one.rows else None,
        "note": one.note,
    }


def _record_document(made: Materialization | None) -> dict[str, Any] | None:
    if made is None:
        return None
    return {
        "materialization": made.id,
        "asset": made.slot.asset,
        "created": made.created,
        "run": made.run_id,
        "rows": made.version.rows,
        "recipe": made.recipe.id if made.recipe else None,
    }


def _schema_document(found: SchemaDiff) -> dict[str, Any]:
    return {
        "added": [{"name": name, "type": dtype} for name, dtype in found.added],
        "removed": [{"name": name, "type": dtype} for name, dtype in found.removed],
        "retyped": [{"name": name, "before": old, "after": new} for name, old, new in found.retyped],
        "reordered": found.reordered,
    }


def _rows_document(found: RowsDiff) -> dict[str, Any]:
    return {
        "key": list(found.key),
        "before": found.before,
        "after": found.after,
        "added": found.added,
        "removed": found.removed,
        "changed": found.changed,
        "columns": dict(found.columns),
        "samples": {
            "added": [dict(row) for row in found.added_sample],
            "removed": [dict(row) for row in found.removed_sample],
            "changed": [dict(row) for row in found.changed_sample],
        },
    }
