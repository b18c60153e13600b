"""The auditor's answers: verification, log and manifest as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater.report.style import Style, clean
from headwater.report.table import Cell, limited, paragraph, table
from headwater.report.words import counted, moment, number, short_id

if TYPE_CHECKING:
    from lineage.audit import AuditReport

_KIND_WORDS = {
    "run": "run began",
    "run_end": "run ended",
    "materialization": "made",
    "publication": "published",
    "step": "step",
    "later_check": "checked",
    "retirement": "retired",
    "change": "environment",
    "hold": "hold",
    "partition_key": "partition",
    "acceptance": "accepted",
}


def verify_document(report: AuditReport) -> dict[str, Any]:
    """``{"findings": [{"code", "message", "where"}], "records", "files", "head": {"sequence", "hash"}}``."""
    return {
        "findings": [{"code": one.code, "message": one.what, "where": one.where} for one in report.findings],
        "records": report.records,
        "files": report.files,
        "head": {"sequence": report.head.sequence, "hash": report.head.hash},
    }


def verify_text(report: AuditReport, title: str, style: Style, *, data: bool = True, noted: bool = False) -> str:
    """What was proven, or everything that is wrong.

    Arguments:
        data: whether stored data was looked at.
        noted: whether the log was held against a head that somebody had noted.
    """
    looked = counted(report.records, "record") + (
        f" and {counted(report.files, 'stored table')}" if data else "; stored data was not looked at"
    )
    head = f"  head of the log: {report.head.sequence} {report.head.hash}"
    unproven = "note it elsewhere: --head 'NUMBER HASH' proves the log up to that end"
    note = style.dim(f"  {'it passes through the head that was noted' if noted else unproven}")
    if report.ok:
        return "\n".join([f"{title}: {style.paint('intact', 'green')}, {looked}", head, note])
    blocks = []
    for one in report.findings:
        lines = paragraph(f"{one.code} {clean(one.what)}", style, "  ")
        blocks.append([*lines, *(paragraph(f"at {clean(one.where)}", style, "      ") if one.where else [])])
    wrong = style.paint(counted(len(report.findings), "finding"), "red")
    return "\n".join([f"{title}: {wrong} in {looked}", "", *limited(blocks, style, "finding", "--all shows them")])


def log_document(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``{"entries": [{"sequence", "at", "kind", "hash", ...}]}``, the latest first."""
    return {"entries": [_entry(entry) for entry in entries]}


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    asset, partition = entry["slot"] or (None, None)
    return {
        "sequence": entry["sequence"],
        "at": entry["at"],
        "kind": entry["kind"],
        "hash": entry["hash"],
        "env": entry["env"] or None,
        "asset": asset,
        "partition": partition,
        "materialization": entry["materialization"],
        "run": entry["run_id"],
        "actor": entry["actor"],
        "detail": entry["detail"],
    }


def log_text(entries: Sequence[Mapping[str, Any]], title: str, style: Style) -> str:
    """One line an entry, the latest first."""
    if not entries:
        return f"{title}: no entries"
    rows = [_log_row(entry) for entry in entries]
    titles = ("entry", "at", "what", "on", "detail")
    lines = table(rows, style, head=titles, right={0}, flexible=4)
    return "\n".join([f"{title}: {counted(len(entries), 'entry', 'entries')}, the latest first", "", *lines])


def _log_row(entry: Mapping[str, Any]) -> list[str | Cell]:
    on = str(entry["slot"] or f"run {short_id(entry['run_id'] or '')}")
    kind = str(entry["kind"])
    actor = f"by {entry['actor']} " if entry["actor"] and kind == "run" else ""
    made = short_id(entry["materialization"] or "")
    detail = str(entry["detail"])
    if kind == "publication" and detail:
        detail = f"instead of {short_id(detail.removeprefix('instead of '))}"
    shown = f"{actor}{made} {detail}".strip()
    return [
        number(entry["sequence"]),
        moment(entry["at"])[:19],
        _KIND_WORDS.get(kind, kind),
        on,
        clean(shown),
    ]
