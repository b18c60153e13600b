"""JSON documents: the keys that every one has, and values that JSON has no word for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from assets_core.errors import HeadwaterError, ProjectError

VERSION = 1
"""The edition of the documents; it grows only if a key's meaning changes or a key goes."""


def document(
    body: Mapping[str, Any],
    *,
    project: str | None,
    env: str | None,
    ok: bool,
    errors: Iterable[Mapping[str, Any]] = (),
    warnings: Iterable[str] = (),
) -> dict[str, Any]:
    """A whole document: the head that all share, then the body, then errors and warnings."""
    head = {"headwater": VERSION, "project": project, "env": env, "ok": ok}
    return {**head, **body, "errors": [dict(one) for one in errors], "warnings": list(warnings)}


def error_list(error: HeadwaterError) -> list[dict[str, str]]:
    """The errors of a project, or the one error."""
    found = error.errors if isinstance(error, ProjectError) else (error,)
    return [one.as_dict() for one in found]


def encode(value: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """The document as text; numbers that JSON cannot write are written as text, so that nothing is lost."""
    return json.dumps(plain(value), ensure_ascii=ascii_only, indent=2, allow_nan=False)


def encode_line(value: Mapping[str, Any]) -> str:
    """A document on one line."""
    return json.dumps(plain(value), allow_nan=False, separators=(", ", ": "))


def plain(value: Any) -> Any:
    """The value in JSON's types.

    Dates and times become ISO 8601 text, durations seconds, decimals text (a float would round them), bytes
    hexadecimal text, and floats that are no number the texts ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Iterable) and not isinstance(value, Decimal):
        return [plain(one) for one in value]
    return str(value)


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
