"""A frame of data as text and as JSON. Takes whatever offers ``columns``, ``dtypes`` and ``rows()`` as polars does."""

from __future__ import annotations

import math
from typing import Any

from headwater.report.document import plain
from headwater.report.style import Style, clean, cut, display_width
from headwater.report.table import GAP, Cell, paragraph, table
from headwater.report.words import counted, short_type

_WIDEST_CELL = 40


def data_document(frame: Any, head: int) -> dict[str, Any]:
    """``{"columns": [...], "types": [...], "rows": [[...]], "truncated": bool}``.

    Arguments:
        frame: up to one row more than is to be shown, so that it is known whether there are more.
        head: how many rows to give.
    """
    rows = frame.rows()
    return {
        "columns": list(frame.columns),
        "types": [str(dtype) for dtype in frame.dtypes],
        "rows": [[plain(value) for value in row] for row in rows[:head]],
        "truncated": len(rows) > head,
    }


def data_text(frame: Any, head: int, style: Style) -> str:
    """The first rows as a table; columns that do not fit are counted, not squeezed."""
    rows = frame.rows()
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    limit = _WIDEST_CELL if style.width is not None else None
    shown = [[_cell(value, limit, style) for value in row] for row in rows[:head]]
    names = [clean(name) for name in frame.columns]
    types = [short_type(str(dtype)) for dtype in frame.dtypes]
    fits = _columns_that_fit(names, types, shown, style)
    body = [[Cell(one, "dim") for one in types[:fits]], *(row[:fits] for row in shown)]
    right = {place for place in range(fits) if numeric[place]}
    lines = table(body, style, head=names[:fits], right=right, indent="")
    notes = []
    if len(rows) > head:
        notes.append(f"the first {counted(head, 'row')}: --head N shows more")
    elif not rows:
        notes.append("no rows")
    if fits < len(names):
        notes.append(f"{counted(len(names) - fits, 'more column')} ({', '.join(names[fits:])})")
    tail = [style.dim(line) for note in notes for line in paragraph(note, style, "")]
    return "\n".join([*lines, *([""] if tail else []), *tail])


def _cell(value: Any, limit: int | None, style: Style) -> Cell:
    if value is None:
        return Cell("null", "dim")
    text = clean(f"{value:.10g}" if isinstance(value, float) and math.isfinite(value) else str(value))
    return Cell(text if limit is None else cut(text, limit, style.unicode))


def _columns_that_fit(names: list[str], types: list[str], rows: list[list[Cell]], style: Style) -> int:
    if style.width is None:
        return len(names)
    used = 0
    for place, name in enumerate(names):
        used += max(map(display_width, [name, types[place], *(row[place].text for row in rows)]))
        if used > style.width:
            return max(1, place)
        used += len(GAP)
    return len(names)
