"""The code of a materialization as the catalog keeps it, and what differs between it and the code now."""

from __future__ import annotations

import difflib
import json
from typing import Any

from assets_core.asset import Asset
from lineage.code import Part, SourceReading, changed_parts


def to_text(asset: Asset[..., Any], reading: SourceReading) -> str:
    """What is kept: the query of a SQL asset, the parts of a source reading otherwise, values only as short texts."""
    if asset.sql is not None:
        return json.dumps({"sql": asset.sql})
    return json.dumps({"parts": [_fields(part) for part in reading.parts]})


def changes(text: str, asset: Asset[..., Any], reading: SourceReading) -> tuple[str, ...]:
    """What differs between recorded code and the code now, a sentence each; empty where that is not known.

    Arguments:
        text: what ``to_text`` gave when the materialization was made.
    """
    recorded = _from_text(text)
    other = _other_language(recorded, asset.sql is not None)
    if other:
        return other
    if asset.sql is not None:
        before = recorded.get("sql")
        return () if before is None or before == asset.sql else (_changed_line(before, asset.sql),)
    parts = [Part(*fields) for fields in recorded.get("parts", ())]
    return changed_parts(parts, reading) if parts else ()


def recorded_parts(text: str) -> tuple[Part, ...]:
    """The parts of a recorded source reading; none for a query."""
    return tuple(Part(*fields) for fields in _from_text(text).get("parts", ()))


def changes_between(before: str, after: str) -> tuple[str, ...]:
    """What differs between two recorded codes, a sentence each; empty where that is not known."""
    old, new = _from_text(before), _from_text(after)
    if "sql" in old and "sql" in new:
        return () if old["sql"] == new["sql"] else (_changed_line(old["sql"], new["sql"]),)
    other = _other_language(old, "sql" in new) if new else ()
    return other or changed_parts(
        [Part(*fields) for fields in old.get("parts", ())], [Part(*fields) for fields in new.get("parts", ())]
    )


def source_text(text: str) -> str:
    """The source that a materialization was made from, for people."""
    recorded = _from_text(text)
    parts = [Part(*fields) for fields in recorded.get("parts", ())]
    return str(recorded.get("sql", "")) or SourceReading(tuple(parts)).text


def _other_language(before: dict[str, Any], query: bool) -> tuple[str, ...]:
    """That a query stands where Python code did, or the other way about; empty where neither is so."""
    if not before or ("sql" in before) == query:
        return ()
    return ("it is SQL now and was Python",) if query else ("it is Python now and was SQL",)


def _fields(part: Part) -> list[Any]:
    return [part.kind, part.name, part.digest, part.file, part.line, part.shown, part.text]


def _from_text(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _changed_line(before: str, after: str) -> str:
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line.startswith("+ ") and line[2:].strip():
            return f"its query changed, now with: {line[2:].strip()[:60]}"
    return "its query changed"
