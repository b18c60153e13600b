"""Nested records as indented ``name  value`` lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater.report.document import plain
from headwater.report.style import Style, clean
from headwater.report.table import paragraph
from headwater.report.words import listed

_LISTED = 12


def record_lines(record: Mapping[str, Any], style: Style, indent: str = "  ") -> list[str]:
    """The entries of a record, nested ones set in; empty ones left out, long lists cut with a count."""
    lines: list[str] = []
    filled = {name: value for name, value in record.items() if value not in (None, "", [], {}, ())}
    width = max((len(str(name)) for name, value in filled.items() if not _nested(value)), default=0)
    for name, value in filled.items():
        if isinstance(value, Mapping):
            lines.extend([f"{indent}{style.dim(str(name))}", *record_lines(value, style, indent + "  ")])
        elif _is_table(value):
            lines.extend([f"{indent}{style.dim(str(name))}", *_table(value, style, indent + "  ")])
        else:
            pad = indent + " " * (width + 2)
            first, *rest = paragraph(_text(value, style), style, pad)
            lines.extend([f"{indent}{style.dim(str(name).ljust(width))}  {first[len(pad) :]}", *rest])
    return lines


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_table(value)


def _text(value: Any, style: Style) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = plain(value)
    if isinstance(shown, list):
        names = [clean(str(one)) for one in shown]
        return listed(names, _LISTED if style.limit is not None else len(names))
    return clean(str(shown))


def _is_table(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and isinstance(value[0], Mapping)


def _table(rows: Sequence[Mapping[str, Any]], style: Style, indent: str) -> Iterable[str]:
    most = len(rows) if style.limit is None else _LISTED
    for row in rows[:most]:
        first, *rest = record_lines(row, style, indent + "  ") or [indent]
        yield f"{indent}- {first[len(indent) + 2 :]}"
        yield from rest
    if len(rows) > most:
        yield style.dim(f"{indent}... {len(rows) - most:,} more: --all shows them")
