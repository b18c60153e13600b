"""How text for people is drawn: width, colour, characters and how much of a long list is shown."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TextIO
from unicodedata import combining, east_asian_width

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_STATE_COLOURS = {
    "fresh": "green",
    "accepted": "green",
    "succeeded": "green",
    "passed": "green",
    "reused": "cyan",
    "skipped": "cyan",
    "running": "blue",
    "stale": "yellow",
    "warn": "yellow",
    "held": "yellow",
    "cancelled": "yellow",
    "left": "yellow",
    "waiting": "yellow",
    "abandoned": "yellow",
    "missing": "magenta",
    "orphaned": "magenta",
    "upstream_missing": "magenta",
    "upstream_failed": "red",
    "blocked": "red",
    "failed": "red",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LONG_LIST = 60
"""How many lines of a list a person is shown at once on a terminal."""


@dataclass(frozen=True, slots=True)
class Style:
    """How text is drawn.

    Arguments:
        width: columns to stay within; None never cuts, as befits a pipe.
        colour: whether to send colours.
        unicode: whether box-drawing characters can be written.
        limit: how many lines of a long list are shown; None shows all.
    """

    width: int | None = 80
    colour: bool = False
    unicode: bool = True
    limit: int | None = LONG_LIST

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, or as it is where colours are off or the name is empty."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colour and colour and text else text

    def dim(self, text: str) -> str:
        """The text set back."""
        return self.paint(text, "dim")

    def bold(self, text: str) -> str:
        """The text set forth."""
        return self.paint(text, "bold")

    def state(self, word: str, text: str = "") -> str:
        """The text, or the word itself, in the colour of a state."""
        return self.paint(text or word, state_colour(word))

    def whole(self) -> Style:
        """The same without a limit on lists."""
        return replace(self, limit=None)


def style_for(stream: TextIO) -> Style:
    """The style that suits a stream: colours, cutting and limits only on a terminal, no colours under ``NO_COLOR``."""
    terminal = is_terminal(stream)
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    unicode = (getattr(stream, "encoding", "") or "").lower().replace("-", "").startswith("utf")
    if not terminal:
        return Style(None, False, unicode, None)
    return Style(max(40, shutil.get_terminal_size().columns), colour, unicode, LONG_LIST)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed meanwhile
        return False


def may_ask() -> bool:
    """Whether a question would reach a person who can answer it."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def state_colour(word: str) -> str:
    """The colour of a state's word, empty for one that has none."""
    return _STATE_COLOURS.get(word, "")


def clean(text: str) -> str:
    """The text on one line, with control characters written out so that data cannot steer a terminal."""
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda match: repr(match.group())[1:-1], text)


def warning_text(message: str, style: Style) -> str:
    """A warning for people; what it says of an error, on lines of their own, stands below it."""
    first, *rest = message.splitlines() or [""]
    return "\n".join([f"{style.paint('warning', 'yellow')}: {clean(first)}", *(f"  {clean(one)}" for one in rest)])


def display_width(text: str) -> int:
    """Columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def cut(text: str, width: int, unicode: bool = True) -> str:
    """The text, or as much of it as fits with a mark that something is left out."""
    if display_width(text) <= width:
        return text
    mark = "…" if unicode else "..."
    room, kept = width - len(mark), ""
    for character in text:
        room -= display_width(character)
        if room < 0:
            break
        kept += character
    return (kept + mark)[: max(width, 1)]
