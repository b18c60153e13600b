"""The manifest of one materialization as text; the document itself is made by ``lineage.manifest``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from assets_core.keys import Slot
from headwater.report.slots import PartitionsOf, key_span, no_partitions
from headwater.report.style import Style, clean
from headwater.report.table import Cell, Row, limited, paragraph, state_cell, table
from headwater.report.words import counted, listed, moment, number, seconds, short_id, short_type, size

_LABEL = 11
_DIGEST = 12
_SOURCES_SHOWN = 4


def manifest_text(
    manifest: Mapping[str, Any],
    title: str,
    style: Style,
    *,
    partitions_of: PartitionsOf = no_partitions,
    code: bool = False,
) -> str:
    """What it was made of, what it holds, what it passed, and where it is shown.

    Arguments:
        code: with the text of the code that made it.
    """
    partition = f"@{manifest['partition']}" if manifest["partition"] else ""
    lines = [f"{style.bold(manifest['asset'] + partition)}  {style.dim(title)}", ""]
    for label, value in _facts(manifest):
        lines.extend(_fact(label, value, style))
    lines.extend(_section("made of", _input_rows(manifest["recipe"], partitions_of), style, "input"))
    lines.extend(_section("columns", _column_rows(manifest), style, "column"))
    lines.extend(_section("for every column", _whole_rows(manifest), style, "column"))
    lines.extend(_section("checks", _check_rows(manifest), style, "check"))
    lines.extend(_section("shown", _publication_rows(manifest), style, "publication"))
    if code and manifest["code"]:
        lines.extend(["", f"  {style.bold('code')}", *_code_lines(manifest["code"]["text"])])
    return "\n".join(lines)


def _facts(manifest: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    run, stored = manifest["run"], manifest["stored"]
    yield "id", f"{manifest['materialization']}{', blocked: never published' if manifest['blocked'] else ''}"
    yield "observed" if manifest["kind"] == "observation" else "made", _made(manifest)
    yield "run", f"{run['id']}: {run['command']}" if run.get("command") else run["id"]
    yield "reason", run.get("reason", "")
    if manifest["rows"] is not None:
        where = f", {size(stored['bytes'])} in {stored['storage']}: {stored['location']}" if stored else ""
        yield "rows", f"{number(manifest['rows'])}{where}"
    if manifest["code"]:
        code = manifest["code"]
        digest = code["pinned"] or code[code["evidence"]]
        yield "code", f"{code['evidence']} {_digest(digest)} ({_scheme(code)})"
    if manifest["recipe"]:
        recipe = manifest["recipe"]
        yield "recipe", _digest(recipe["id"])
        yield "config", listed([f"{name}={value}" for name, value in recipe["config"].items()], 8)
        yield "settings", listed([f"{name}={value}" for name, value in recipe["settings"].items()], 8)
        yield "window", " to ".join(recipe["window"])
    yield "metadata", listed([f"{name}={value}" for name, value in manifest["metadata"].items()], 8)
    yield "upstream", counted(len(manifest["upstream"]), "record") if manifest["upstream"] else ""
    yield "stored as", f"SHA-256 {stored['digest']}" if stored else ""
    yield "log entry", f"{manifest['log']['sequence']} {manifest['log']['hash']}"
    for one in manifest["retired"]:
        yield "retired", f"{one['how']} {moment(one['at'])}: {one['reason']}"
    for one in manifest.get("accepted", ()):
        newer = one["code"][one["code"]["evidence"]]
        who = f"by {one['actor']} in {one['env']}"
        yield "accepted", f"stays beside code {_digest(newer)}, {moment(one['at'])} {who}: {one['reason']}"
    for one in manifest.get("withdrawn_upstream", ()):
        slot = Slot(one["asset"], one["partition"])
        yield "above it", f"withdrawn: {slot} {short_id(one['materialization'])}: {one['reason']}"


def _made(manifest: Mapping[str, Any]) -> str:
    by = f" by {manifest['run']['actor']}" if manifest["run"].get("actor") else ""
    took = f" in {seconds(manifest['seconds'])}" if manifest["seconds"] else ""
    return f"{moment(manifest['created'])}{by}{took}"


def _scheme(code: Mapping[str, Any]) -> str:
    return "pinned by hand" if code["pinned"] else str(code[f"{code['evidence']}_scheme"])


def _digest(text: str) -> str:
    return str(text)[:_DIGEST]


def _fact(label: str, value: str, style: Style) -> list[str]:
    if not value:
        return []
    pad = " " * (_LABEL + 4)
    first, *rest = paragraph(clean(value), style, pad, "")
    return [f"  {style.dim(label.ljust(_LABEL))}  {first[len(pad) :]}", *rest]


def _section(title: str, rows: list[Row], style: Style, noun: str) -> list[str]:
    if not rows:
        return []
    drawn = table(rows, style, flexible=len(rows[0]) - 1, indent="    ")
    return ["", f"  {style.bold(title)}", *limited([[line] for line in drawn], style, noun, "--all shows them")]


def _input_rows(recipe: Mapping[str, Any] | None, partitions_of: PartitionsOf) -> list[Row]:
    rows: list[Row] = []
    for one in recipe["inputs"] if recipe else ():
        slots = one["slots"]
        keys = [slot["partition"] for slot in slots if slot["partition"] is not None]
        if len(slots) == 1:
            which = f"{keys[0]} " if keys else ""
            read = f"{which}{short_id(slots[0]['materialization'])}, version {_digest(slots[0]['version'])}"
        else:
            read = key_span(keys, partitions_of(one["asset"])) if keys else counted(len(slots), "slot")
        columns = ", ".join(column["name"] for column in one["columns"])
        rows.append([one["asset"], read, columns or "order only"])
    return rows


def _column_rows(manifest: Mapping[str, Any]) -> list[Row]:
    lineage = manifest["lineage"]
    versions = manifest["version"]["columns"]
    rows: list[Row] = []
    for column in manifest["schema"]:
        edges = lineage["columns"].get(column["name"], []) if lineage else []
        sources = listed([_edge(edge) for edge in edges], _SOURCES_SHOWN)
        version = _digest(versions.get(column["name"], ""))
        rows.append([column["name"], Cell(short_type(column["type"]), "dim"), Cell(version, "dim"), sources])
    return rows


def _whole_rows(manifest: Mapping[str, Any]) -> list[Row]:
    if not manifest["lineage"]:
        return []
    kinds: dict[str, list[str]] = {}
    for edge in manifest["lineage"]["all_columns"]:
        kinds.setdefault(_source(edge), []).append(edge["kind"])
    rows: list[Row] = [[", ".join(found), source] for source, found in kinds.items()]
    if manifest["lineage"]["evidence"] != "derived":
        rows.insert(0, [manifest["lineage"]["evidence"], ""])
    return rows


def _edge(edge: Mapping[str, Any]) -> str:
    return f"{edge['kind']} {_source(edge)}"


def _source(edge: Mapping[str, Any]) -> str:
    return f"{edge['source']['asset']}:{edge['source']['column']}"


def _check_rows(manifest: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for evaluation in manifest["checks"]:
        when = "" if evaluation["before_publication"] else f"again {moment(evaluation['at'])}"
        for result in evaluation["results"]:
            word = "passed" if result["passed"] else "warn" if result["severity"] == "warn" else "failed"
            rows.append([state_cell(word), clean(result["name"]), when, clean(result["message"])])
    return rows


def _publication_rows(manifest: Mapping[str, Any]) -> list[Row]:
    return [
        [one["env"], f"from {moment(one['from'])}", f"until {moment(one['until'])}" if one["until"] else "still", ""]
        for one in manifest["publications"]
    ]


def _code_lines(text: str) -> list[str]:
    try:
        parts = [(name, file, line, source) for _, name, _, file, line, _, source in json.loads(text)["parts"]]
    except (ValueError, KeyError, TypeError):  # SQL, or recorded by another version
        return [f"    {line}" for line in text.splitlines()]
    lines: list[str] = []
    for name, file, line, source in parts:
        if source:
            lines.extend([f"    {name} at {file}:{line}", *(f"      {one}" for one in source.splitlines()), ""])
    return lines
