"""Lengths of time as people write them: ``90s``, ``30m``, ``12h``, ``7d``, ``2w``, or ``0``."""

from __future__ import annotations

import re
from datetime import timedelta

from assets_core.errors import DefinitionError

_FORM = re.compile(r"(\d{1,5})\s*([smhdw])|0")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(given: str | timedelta, *, what: str, where: str = "") -> timedelta:
    """A length of time.

    Arguments:
        given: a number and a unit, or a ``timedelta``.
        what: what it is for, to be named in an error.

    Raises:
        DefinitionError: HW127, it is no length of time, or a negative one.
    """
    match = _FORM.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is not None:
        return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match[1] else timedelta()
    if isinstance(given, timedelta) and given >= timedelta():
        return given
    raise DefinitionError(
        "HW127", f"{what} is {given!r}, which is no length of time", where=where, hint="write 90s, 30m, 12h, 7d or 2w"
    )
