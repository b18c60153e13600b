"""Amounts of memory as people write them: ``512MB``, ``4GB``, ``1.5GiB``."""

from __future__ import annotations

import re

from assets_core.errors import DefinitionError

_FORM = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(B|[kKMGT]i?B?)?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def size(given: str | int, *, what: str, where: str = "") -> int:
    """An amount of memory in bytes.

    Arguments:
        given: bytes, or a number and a unit: ``kB``, ``MB``, ``GB``, ``TB`` are powers of 1000, ``KiB`` and so on of
            1024.
        what: what it is for, to be named in an error.

    Raises:
        DefinitionError: HW193, it is no amount of memory, or none at all.
    """
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    match = _FORM.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is not None:
        unit = (match[2] or "").removesuffix("B")
        found = int(float(match[1]) * (1024 if unit.endswith("i") else 1000) ** _POWERS[unit[:1].lower()])
        if found > 0:
            return found
    raise DefinitionError(
        "HW193", f"{what} is {given!r}, which is no amount of memory", where=where, hint="write 512MB, 4GB or 1.5GiB"
    )
