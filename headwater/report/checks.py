"""Results of checks as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assets_core.check import CheckResult
from assets_core.keys import Slot
from headwater.report.slots import PartitionsOf, no_partitions, slot_count, span
from headwater.report.style import Style, clean, cut
from headwater.report.table import Cell, limited, paragraph, state_cell, table
from headwater.report.words import counted, listed, number

Results = Mapping[Slot, tuple[CheckResult, ...]]
_SAMPLES_SHOWN = 3


def check_result(result: CheckResult) -> dict[str, Any]:
    """One result as the JSON documents carry it."""
    return {
        "name": result.name,
        "kind": result.kind,
        "severity": str(result.severity),
        "passed": result.passed,
        "failed_rows": result.failed_rows,
        "message": result.message,
        "sample": [dict(row) for row in result.sample],
    }


def checks_document(results: Results) -> dict[str, Any]:
    """``{"checks": [{"asset", "partition", "name", ...}], "counts": {"passed", "warned", "failed"}}``."""
    checks = [
        {"asset": slot.asset, "partition": slot.partition, **check_result(result)}
        for slot, found in results.items()
        for result in found
    ]
    return {"checks": checks, "counts": count_results(results)}


def count_results(results: Results) -> dict[str, int]:
    """How many results passed, failed as a warning, and failed as blocking."""
    counts = {"passed": 0, "warned": 0, "failed": 0}
    for found in results.values():
        for result in found:
            counts[_word(result)] += 1
    return counts


def all_passed(results: Results) -> bool:
    """Whether no blocking check failed."""
    return not any(result.blocks for found in results.values() for result in found)


def checks_text(results: Results, title: str, style: Style, *, partitions_of: PartitionsOf = no_partitions) -> str:
    """One line a check with the slots it failed on, and a sample of the rows that break it."""
    counts = count_results(results)
    total = sum(counts.values())
    head = (
        f"{title}: {counted(total, 'check result')}, {number(counts['passed'])} passed, "
        f"{style.state('warn', number(counts['warned']) + ' warned')}, "
        f"{style.state('failed', number(counts['failed']) + ' failed')}"
    )
    if not total:
        return f"{title}: no checks on published data"
    groups = _by_check(results)
    rows = [_row(key, name, found) for (key, name), found in groups.items()]
    lines = table(rows, style, right={3, 4}, flexible=2, head=("", "asset", "check", "slots", "rows"))
    blocks = [
        [line, *_details(found, style, partitions_of)] for line, found in zip(lines[1:], groups.values(), strict=True)
    ]
    return "\n".join([head, "", lines[0], *limited(blocks, style, "check", "--all shows them")])


def failure_lines(results: Iterable[tuple[Slot, CheckResult]], style: Style) -> list[str]:
    """Failed checks, one line a check however many slots it failed on."""
    groups: dict[tuple[str, str], list[tuple[Slot, CheckResult]]] = {}
    for slot, result in results:
        if not result.passed:
            groups.setdefault((slot.asset, result.name), []).append((slot, result))
    rows: list[list[str | Cell]] = []
    for (key, name), found in groups.items():
        word = "blocked" if found[0][1].blocks else "warn"
        failed = sum(result.failed_rows or 0 for _, result in found)
        slots = [slot for slot, _ in found]
        count = counted(len(slots), "slot") if slot_count(slots) else ""
        rows.append([state_cell(word), key, count, counted(failed, "row") if failed else "", clean(name)])
    lines = table(rows, style, flexible=4, right={2, 3})
    return limited([[line] for line in lines], style, "check", "--all shows them")


def _by_check(results: Results) -> dict[tuple[str, str], list[tuple[Slot, CheckResult]]]:
    groups: dict[tuple[str, str], list[tuple[Slot, CheckResult]]] = {}
    for slot, found in results.items():
        for result in found:
            groups.setdefault((slot.asset, result.name), []).append((slot, result))
    return groups


def _row(key: str, name: str, found: list[tuple[Slot, CheckResult]]) -> list[str | Cell]:
    failed = [result for _, result in found if not result.passed]
    word = "passed" if not failed else "failed" if failed[0].blocks else "warn"
    slots = slot_count([slot for slot, _ in found])
    slots = f"{number(len(failed))} of {slots}" if failed and slots else slots
    rows = sum(result.failed_rows or 0 for result in failed)
    return [state_cell(word), key, clean(name), slots, number(rows) if rows else ""]


def _details(found: list[tuple[Slot, CheckResult]], style: Style, partitions_of: PartitionsOf) -> list[str]:
    failed = [(slot, result) for slot, result in found if not result.passed]
    if not failed:
        return []
    slot, result = failed[0]
    where = span([one for one, _ in failed], partitions_of)
    lines = paragraph(where, style, "      ") if where else []
    if result.message:
        about = f"{slot}: " if len(failed) > 1 else ""
        lines.extend(paragraph(about + clean(result.message), style, "      "))
    for row in result.sample[:_SAMPLES_SHOWN]:
        shown = listed([f"{name}={clean(str(value))}" for name, value in row.items()], 6)
        shown = shown if style.width is None else cut(shown, style.width - 8, style.unicode)
        lines.append(style.dim(f"        {shown}"))
    return lines


def _word(result: CheckResult) -> str:
    if result.passed:
        return "passed"
    return "failed" if result.blocks else "warned"
