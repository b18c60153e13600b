"""The history of runs as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets_core.keys import Slots
from assets_core.records import RunRecord, RunState, StepRecord
from headwater.report.outcome import count_lines, error_document, error_lines, log_document
from headwater.report.reasons import main_reason, reason_from
from headwater.report.slots import PartitionsOf, no_partitions, slot_count
from headwater.report.style import Style, clean
from headwater.report.table import Cell, limited, state_cell, table
from headwater.report.words import counted, moment, seconds, short_id


def run_document(run: RunRecord) -> dict[str, Any]:
    """One run."""
    return {
        "run": run.id,
        "env": run.env,
        "state": str(run.state),
        "started": run.started,
        "ended": run.ended,
        "actor": run.actor,
        "command": run.command,
        "selection": run.selection,
        "reason": run.reason,
        "counts": dict(run.counts),
        "resumes": run.parent,
    }


def runs_document(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """``{"runs": [{"run", "env", "state", "started", ...}]}``, the latest first."""
    return {"runs": [run_document(run) for run in runs]}


def run_show_document(run: RunRecord, steps: Sequence[StepRecord]) -> dict[str, Any]:
    """``{"run": {...}, "steps": [{"asset", "partition", "state", ...}]}``."""
    return {"run": run_document(run), "steps": [_step(step) for step in steps]}


def logs_document(run: RunRecord, steps: Sequence[StepRecord]) -> dict[str, Any]:
    """``{"run": {...}, "logs": [{"asset", "partition", "attempt", "output", "traceback"}], "gone": [...]}``."""
    logs = [
        {
            "asset": step.slot.asset,
            "partition": step.slot.partition,
            "attempt": attempt,
            **log_document(log),
        }
        for step in steps
        for attempt, log in enumerate(step.logs, start=1)
    ]
    gone = [{"asset": step.slot.asset, "partition": step.slot.partition} for step in steps if step.logs_gone]
    return {"run": run_document(run), "logs": logs, "gone": gone}


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "asset": step.slot.asset,
        "partition": step.slot.partition,
        "state": step.state,
        "reasons": [dict(reason) for reason in step.reasons],
        "materialization": step.materialization,
        "error": error_document(step.error),
        "attempts": step.attempts,
        "seconds": step.seconds,
    }


def runs_text(runs: Sequence[RunRecord], title: str, style: Style) -> str:
    """One line a run, the latest first."""
    if not runs:
        return f"{title}: no runs yet"
    rows: list[list[str | Cell]] = [
        [
            short_id(run.id),
            state_cell(str(run.state)),
            moment(run.started)[:16],
            _took(run),
            clean(run.selection or "everything"),
        ]
        for run in runs
    ]
    head = ("run", "state", "started", "took", "selection")
    lines = table(rows, style, head=head, right={3}, flexible=4)
    return "\n".join([f"{title}: {counted(len(runs), 'run')}, the latest first", "", *lines])


def run_show_text(
    run: RunRecord,
    steps: Sequence[StepRecord],
    title: str,
    style: Style,
    *,
    partitions_of: PartitionsOf = no_partitions,
) -> str:
    """One run: who, when, why, and how its slots fared, one line for each asset and state."""
    facts = [
        ("state", style.state(str(run.state))),
        ("started", moment(run.started)),
        ("ended", moment(run.ended)),
        ("took", _took(run)),
        ("by", run.actor),
        ("command", run.command),
        ("selection", run.selection or "everything"),
        ("reason", run.reason),
        ("resumes", f"run {run.parent}" if run.parent else ""),
    ]
    lines = [f"{title}: run {run.id}", *(f"  {name:<10} {value}" for name, value in facts if value)]
    lines.extend(count_lines(run.counts, style))
    groups: dict[tuple[str, str], list[StepRecord]] = {}
    for step in steps:
        groups.setdefault((step.slot.asset, step.state), []).append(step)
    rows = [_row(key, state, found, partitions_of) for (key, state), found in groups.items()]
    drawn = table(rows, style, right={2, 3}, flexible=4)
    blocks = [[line, *_errors(found, style)] for line, found in zip(drawn, groups.values(), strict=True)]
    return "\n".join([*lines, "", *limited(blocks, style, "line", "--all shows them")])


def cancelled_text(run: RunRecord, title: str, *, at_once: bool) -> str:
    """What becomes of a run that was asked to end."""
    if run.state is not RunState.RUNNING:
        return f"{title}: run {run.id} was {run.state}: its process is gone"
    rest = "stops what is running" if at_once else "lets what is running finish"
    return f"{title}: run {run.id} was asked to end; it begins nothing more and {rest}"


def _row(key: str, state: str, steps: Sequence[StepRecord], partitions_of: PartitionsOf) -> list[str | Cell]:
    pairs = [(Slots.of(step.slot), reason_from(reason)) for step in steps for reason in step.reasons]
    took = seconds(sum(step.seconds for step in steps))
    return [state_cell(state), key, slot_count([step.slot for step in steps]), took, main_reason(pairs, partitions_of)]


def _errors(steps: Sequence[StepRecord], style: Style) -> list[str]:
    for step in steps:
        if step.error is not None:
            about = [f"      {step.slot}"] if len(steps) > 1 else []
            return [*about, *error_lines(step.error, style)]
    return []


def logs_text(steps: Sequence[StepRecord], style: Style) -> str:
    """What the attempts printed, logged and raised, each under its slot."""
    lines: list[str] = []
    for step in steps:
        if step.logs_gone:
            lines.extend([_said_by(str(step.slot), step, style), "  its log is gone: headwater audit verify", ""])
        for attempt, log in enumerate(step.logs, start=1):
            said = [*log.output.rstrip().splitlines(), *log.traceback.rstrip().splitlines()]
            if said:
                name = f"{step.slot}, attempt {attempt}" if len(step.logs) > 1 else str(step.slot)
                lines.extend(
                    [
                        _said_by(name, step, style),
                        *(f"  {clean(line.expandtabs())}" for line in said),
                        "",
                    ]
                )
    return "\n".join(lines).rstrip()


def _said_by(name: str, step: StepRecord, style: Style) -> str:
    return f"{style.bold(name)}  {style.state(step.state)}"


def _took(run: RunRecord) -> str:
    return "" if run.ended is None else seconds((run.ended - run.started).total_seconds())
