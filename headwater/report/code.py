"""What entered the digests of an asset's code, as text and as JSON."""

from __future__ import annotations

from typing import Any

from headwater.code import CodeCard
from headwater.report.style import Style, clean
from headwater.report.table import Cell, Row, table
from lineage.code import Part

_CODE = ("function", "class", "module")
_TITLES = {
    "value": "values", "default": "values", "closure": "values", "environment": "environment variables",
    "file": "files", "files": "files", "distribution": "distributions", "binding": "parameters", "name": "names",
}  # fmt: skip
_DECIDES = {
    "pinned": "version= decides: it was pinned by hand",
    "plan": "the plan decides; the source is kept for the day when plans do not compare",
    "sql": "the query decides",
    "source": "the source decides",
    "": "not known: the schema of an input is known only with data",
}


def code_document(card: CodeCard) -> dict[str, Any]:
    """The document of ``show --code``."""
    version = card.version
    return {
        "asset": card.asset,
        "evidence": card.evidence or None,
        "pinned": version.pinned if version else None,
        "plan": version.plan if version else None,
        "plan_scheme": version.plan_scheme if version and version.plan else None,
        "source": version.source if version else None,
        "source_scheme": version.source_scheme if version and version.source else None,
        "functions": [
            {"kind": one.kind, "name": one.name, "file": one.file, "line": one.line, "digest": one.digest}
            for one in card.parts
            if one.kind in _CODE
        ],
        "reached": [
            {"kind": one.kind, "name": one.name, "value": one.shown, "digest": one.digest}
            for one in card.parts
            if one.kind not in (*_CODE, "name")
        ],
        "query": card.query or None,
        "notes": [*card.notes, *card.warnings],
        "changes": list(card.changes),
    }


def code_text(card: CodeCard, title: str, style: Style, *, source: bool = False) -> str:
    """The digests, and under them everything that entered.

    Arguments:
        source: with the text of the functions.
    """
    lines = [f"{style.bold(card.asset)}  {style.dim(title)}", "", f"  {_DECIDES[card.evidence]}"]
    lines += table(_digests(card), style, flexible=1, indent="    ")
    lines += _section("changed since it was published", [[clean(one)] for one in card.changes], style)
    if card.query:
        lines += ["", f"  {style.bold('query')}", *(f"    {line}" for line in card.query.splitlines())]
    code = [one for one in card.parts if one.kind in _CODE]
    lines += _section(
        "functions and classes", [[one.name, Cell(f"{one.file}:{one.line}", "dim")] for one in code], style
    )
    for name in dict.fromkeys(_TITLES.values()):
        lines += _section(name, [_row(one) for one in card.parts if _TITLES.get(one.kind) == name != "names"], style)
    lines += _section("notes", [[clean(one)] for one in (*card.notes, *card.warnings)], style)
    for one in code if source else ():
        if one.text:
            lines += ["", f"  {style.dim(f'{one.name} at {one.file}:{one.line}')}"]
            lines += [f"    {line}" for line in one.text.splitlines()]
    return "\n".join(lines)


def _digests(card: CodeCard) -> list[Row]:
    if card.version is None:
        return []
    version = card.version
    named = (("version", version.pinned, ""), ("plan", version.plan, version.plan_scheme),
             ("source", version.source, version.source_scheme))  # fmt: skip
    return [[label, digest, Cell(scheme, "dim")] for label, digest, scheme in named if digest is not None]


def _row(part: Part) -> Row:
    return [part.name, clean(part.shown), Cell(part.digest[:12], "dim")]


def _section(title: str, rows: list[Row], style: Style) -> list[str]:
    return ["", f"  {style.bold(title)}", *table(rows, style, flexible=0, indent="    ")] if rows else []
