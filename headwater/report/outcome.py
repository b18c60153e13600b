"""The outcome of a run as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assets_core.keys import Slot
from assets_core.ports import RunResult, StepOutcome
from assets_core.records import AttemptLog, StepError
from assets_core.run import BADLY_ENDED, StepState
from headwater.report.checks import check_result, failure_lines
from headwater.report.slots import PartitionsOf, no_partitions, slot_count, span
from headwater.report.style import Style, clean
from headwater.report.table import Cell, limited, paragraph, state_cell, table
from headwater.report.words import counted, number, seconds

_FAILURES_SHOWN = 10
_TRACEBACK_LINES = 12


def outcome_document(result: RunResult) -> dict[str, Any]:
    """``{"run", "counts", "seconds", "steps": [...]}``, a step a slot, in the order in which they ended."""
    return {
        "run": result.run_id,
        "counts": dict(result.counts),
        "seconds": result.seconds,
        "steps": [step_document(one) for one in result.steps],
    }


def step_document(one: StepOutcome) -> dict[str, Any]:
    """How one slot fared."""
    return {
        "asset": one.slot.asset,
        "partition": one.slot.partition,
        "state": str(one.state),
        "reasons": [reason.as_dict() for reason in one.reasons],
        "materialization": one.materialization,
        "error": error_document(one.error),
        "checks": [check_result(result) for result in one.checks],
        "attempts": one.attempts,
        "seconds": one.seconds,
        "rows": one.rows,
        "logs": [log_document(log) for log in one.logs],
    }


def error_document(error: StepError | None) -> dict[str, str] | None:
    """Why a step failed, None if it did not."""
    if error is None:
        return None
    return {
        "code": error.code,
        "type": error.type,
        "message": error.message,
        "traceback": error.traceback,
        "hint": error.hint,
    }


def log_document(log: AttemptLog) -> dict[str, str]:
    """What one attempt said."""
    return {"output": log.output, "traceback": log.traceback}


def outcome_text(
    result: RunResult,
    title: str,
    style: Style,
    *,
    partitions_of: PartitionsOf = no_partitions,
    interrupted: bool = False,
) -> str:
    """How the run went: counts, then what failed and why, then warnings of checks."""
    if result.run_id is None and not result.steps:
        return f"{title}: nothing to do" + ("" if result.warnings else ", everything selected is fresh")
    word = "succeeded" if result.ok else "cancelled" if interrupted else "failed"
    run = f" run {result.run_id}" if result.run_id else ""
    lines = [f"{title}:{run} {style.state(word)} in {seconds(result.seconds)}", *count_lines(result.counts, style)]
    if not result.steps:
        lines.append("  nothing to compute" + ("" if result.warnings else ", everything selected is fresh"))
    sections = [
        _failures(result, style, partitions_of),
        _blocked(result, style),
        _not_run(result, style, partitions_of),
        _warned(result, style),
    ]
    for section in sections:
        if section:
            lines.extend(["", *section])
    if not result.ok and result.run_id is not None:
        does = "resume {}  does the rest" if interrupted else "logs {}  shows what they said"
        lines.extend(["", style.dim(f"  headwater runs {does.format(result.run_id)}")])
    return "\n".join(lines)


def count_lines(counts: Mapping[str, int], style: Style) -> list[str]:
    """Steps by state, on one line."""
    ordered = [str(state) for state in StepState if counts.get(str(state))]
    shown = [style.state(word, f"{number(counts[word])} {word}") for word in ordered]
    return [f"  {', '.join(shown)}"] if shown else []


def error_lines(error: StepError, style: Style, indent: str = "      ") -> list[str]:
    """An error of a step: its sentence, its traceback without what the sentence says, its hint."""
    what = f"{error.code} {error.message}" if error.code != "HW501" else f"{error.type}: {error.message}"
    lines = [part for line in what.splitlines() or [""] for part in paragraph(clean(line), style, indent)]
    trace = _frames(error.traceback)
    if len(trace) > _TRACEBACK_LINES:
        trace = [*trace[:2], "  ...", *trace[-(_TRACEBACK_LINES - 3) :]]
    lines.extend(style.dim(f"{indent}{clean(line.expandtabs())}".rstrip()) for line in trace)
    if error.hint:
        lines.extend(paragraph(f"hint: {error.hint}", style, indent))
    return lines


def _frames(traceback: str) -> list[str]:
    """The lines of a traceback; only those of its frames if there is but one exception."""
    lines = traceback.rstrip().splitlines()
    if traceback.count("Traceback (most recent call last)") != 1:
        return lines
    return [line for line in lines if line.startswith("  ")]


def _failures(result: RunResult, style: Style, partitions_of: PartitionsOf) -> list[str]:
    groups: dict[tuple[str, StepError | None], list[StepOutcome]] = {}
    for one in result.steps:
        if one.state in (StepState.FAILED, StepState.ABANDONED):
            groups.setdefault((one.slot.asset, one.error), []).append(one)
    lines: list[str] = []
    for (key, error), failed in list(groups.items())[:_FAILURES_SHOWN]:
        attempts = max(one.attempts for one in failed)
        where = span([one.slot for one in failed], partitions_of)
        tries = f"  after {attempts} attempts" if attempts > 1 else ""
        word = str(failed[0].state)
        lines.append(f"  {style.state(word)}  {style.bold(key)}  {where}".rstrip() + tries)
        lines.extend([] if error is None else error_lines(error, style))
    if len(groups) > _FAILURES_SHOWN:
        lines.append(style.dim(f"  and {counted(len(groups) - _FAILURES_SHOWN, 'more failure')}"))
    return lines


def _blocked(result: RunResult, style: Style) -> list[str]:
    pairs = [(one.slot, check) for one in result.steps for check in one.checks if check.blocks]
    return failure_lines(pairs, style)


def _warned(result: RunResult, style: Style) -> list[str]:
    pairs = [(one.slot, check) for one in result.steps for check in one.checks if not check.passed and not check.blocks]
    return failure_lines(pairs, style)


def _not_run(result: RunResult, style: Style, partitions_of: PartitionsOf) -> list[str]:
    told = {StepState.FAILED, StepState.BLOCKED, StepState.ABANDONED}
    rows = _grouped((one for one in result.steps if one.state in BADLY_ENDED - told), partitions_of)
    return limited(
        [[line] for line in table(rows, style, right={2}, flexible=3)], style, "line", "--json lists them all"
    )


def _grouped(outcomes: Iterable[StepOutcome], partitions_of: PartitionsOf) -> list[list[str | Cell]]:
    groups: dict[tuple[str, str], list[Slot]] = {}
    for one in outcomes:
        groups.setdefault((str(one.state), one.slot.asset), []).append(one.slot)
    return [
        [state_cell(state), key, slot_count(slots), span(slots, partitions_of, most=1, count=False)]
        for (state, key), slots in groups.items()
    ]
