"""Numbers, sizes, times and lists as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: int) -> str:
    """Thousands set apart: ``336,776``."""
    return f"{value:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 slot``, ``365 slots``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def seconds(value: float) -> str:
    """A duration: ``12 ms``, ``3.4 s``, ``2 min 05 s``, ``1 h 12 min``."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(value: int) -> str:
    """Bytes in a readable unit: ``1.3 MiB``."""
    amount = float(value)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("the last unit takes any size")


def short_type(name: str) -> str:
    """A data type without the names of its parameters: ``Datetime(us, UTC)``."""
    return re.sub(r"\w+=", "", name).replace("'", "")


def moment(value: datetime | str | None) -> str:
    """A moment to the second in the local time of the reader, with its offset."""
    if value is None:
        return ""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S%z}"


def short_id(value: str) -> str:
    """As much of a time-ordered id as tells it from others: its first 13 characters, down to the millisecond."""
    return value[:13]
