"""One slice of a partitioned asset, and what every partition key must be like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from itertools import islice

from assets_core.errors import UsageError

_LOOKED_AT = 10_000
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Partition:
    """One slice: its key, and where it is a slice of time its window, ``start`` included, ``end`` not.

    Arguments:
        key: the partition key; of several dimensions ``2013-02-01,EU``.
        start, end: the window, with offset; of several dimensions that of the first one that is a slice of time.
        keys: of several dimensions, the key in each by the dimension's name; else empty.
        windows: of several dimensions, the window of each that is a slice of time.
    """

    key: str
    start: datetime | None = None
    end: datetime | None = None
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)
    windows: Mapping[str, tuple[datetime, datetime]] = field(default_factory=dict, hash=False)

    @property
    def window(self) -> tuple[str, ...]:
        """Both ends of every window as ISO text, as the recipe holds them; empty for a slice that is none of time."""
        pairs = tuple(self.windows.values())
        if not pairs and self.start is not None and self.end is not None:
            pairs = ((self.start, self.end),)
        return tuple(moment.isoformat() for pair in pairs for moment in pair)


def bad_key(key: object) -> str:
    """Why a text cannot be a partition key, in a few words; empty if it can."""
    if not isinstance(key, str) or not key:
        return "it is no text"
    if key != key.strip() or not key.isprintable():
        return "it begins or ends with a space, or holds characters that cannot be printed"
    found = [mark for mark in ("@", ",", "..") if mark in key]
    return f"it holds {found[0]!r}, which separates keys from each other" if found else ""


def unknown_key(key: str, known: Iterable[str], *, what: str = "") -> UsageError:
    """The error for a key that a definition does not have, with those that are nearest to it.

    Arguments:
        known: the keys there are; of very many only the first are compared.
        what: the definition, where its keys look like nothing near.
    """
    listed = list(islice(known, _LOOKED_AT))
    by_lower: dict[str, str] = {}
    for one in listed:
        by_lower.setdefault(one.lower(), one)
    near = [by_lower[one] for one in get_close_matches(key.lower(), by_lower, n=_SHOWN, cutoff=0.6)]
    some = ", ".join(map(repr, listed[:_SHOWN]))
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {some}{more}" if some else what
    return UsageError("HW610", f"no partition {key!r}", hint=hint)
