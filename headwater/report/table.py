"""Aligned columns of text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import wrap
from typing import NamedTuple

from headwater.report.style import Style, cut, display_width, state_colour
from headwater.report.words import counted

GAP = "  "


class Cell(NamedTuple):
    """Text and the colour it is drawn in; the colour takes no room."""

    text: str
    colour: str = ""


Row = Sequence[str | Cell]


def state_cell(word: str) -> Cell:
    """The word of a state in its colour."""
    return Cell(word, state_colour(word))


def table(
    rows: Sequence[Row],
    style: Style,
    *,
    head: Sequence[str] = (),
    right: Collection[int] = (),
    flexible: int | None = None,
    indent: str = "  ",
) -> list[str]:
    """Lines of aligned columns.

    Arguments:
        head: titles over the columns.
        right: places of the columns whose text stands at the right, as numbers do.
        flexible: the column that is cut when a line would be too wide.

    A column without any text is left out.
    """
    cells = [[one if isinstance(one, Cell) else Cell(one) for one in row] for row in rows]
    titles = [[Cell(title, "dim") for title in head]] if head else []
    everything = titles + cells
    if not everything:
        return []
    count = max(len(row) for row in everything)
    filled = [place for place in range(count) if any(place < len(row) and row[place].text for row in cells or titles)]
    widths = {place: max(display_width(row[place].text) for row in everything if place < len(row)) for place in filled}
    if flexible in widths and style.width is not None:
        spare = style.width - len(indent) - sum(widths.values()) - len(GAP) * (len(widths) - 1)
        widths[flexible] = max(min(widths[flexible], 8), widths[flexible] + min(0, spare))
    return [_line(row, widths, right, style, indent) for row in everything]


def _line(row: Sequence[Cell], widths: Mapping[int, int], right: Collection[int], style: Style, indent: str) -> str:
    drawn = []
    for place in widths:
        cell = row[place] if place < len(row) else Cell("")
        text = cut(cell.text, widths[place], style.unicode)
        padding = " " * (widths[place] - display_width(text))
        painted = style.paint(text, cell.colour)
        drawn.append(padding + painted if place in right else painted + padding)
    return (indent + GAP.join(drawn)).rstrip()


def paragraph(text: str, style: Style, indent: str, hanging: str = "  ") -> list[str]:
    """Lines of a text, wrapped within the width, further ones set in a little more."""
    if style.width is None:
        return [indent + text]
    return wrap(
        text,
        max(style.width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def limited(blocks: Sequence[Sequence[str]], style: Style, noun: str, how: str, plural: str = "") -> list[str]:
    """The lines of the first blocks, as many lines as the style allows, and how many blocks were left out.

    Arguments:
        noun: what a block is about.
        how: what to type to see all.
    """
    lines: list[str] = []
    for place, block in enumerate(blocks):
        full = style.limit is not None and len(lines) + len(block) > style.limit
        if full and 0 < place < len(blocks) - 1:
            rest = counted(len(blocks) - place, f"more {noun}", f"more {plural or noun + 's'}")
            lines.append(style.dim(f"  {'…' if style.unicode else '...'} {rest}: {how}"))
            break
        lines.extend(block)
    return lines
