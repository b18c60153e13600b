"""Carrying a run out on the command line: progress while it lasts, its outcome, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.cli.call import Call, partitions_of

if TYPE_CHECKING:
    from assets_core.ports import Reporter, RunResult
    from headwater.project import Project
    from headwater.report.slots import PartitionsOf
    from headwater.report.style import Style


def carry_out(call: Call, project: Project, progress: str, run: Callable[[Reporter], RunResult]) -> int:
    """Runs, answers with the outcome, and gives the exit status.

    Arguments:
        progress: a mode of ``progress.reporter_for``.
        run: the run, told its reporter.
    """
    from headwater.progress import reporter_for
    from headwater.report.outcome import outcome_document
    from headwater.use_cases import Interrupted

    reporter = reporter_for(progress, sys.stderr, quiet=call.quiet, verbose=call.verbose)
    interrupted = 0
    try:
        result = run(reporter)
    except Interrupted as stopped:
        result, interrupted = stopped.result, stopped.number
    finally:
        reporter.close()
    where = partitions_of(project)
    call.answer(
        lambda style: _text(result, call, style, where),
        lambda: outcome_document(result),
        ok=result.ok,
        warnings=result.warnings if call.as_json else (),
    )
    return 128 + interrupted if interrupted else 0 if result.ok else 1


def _text(result: RunResult, call: Call, style: Style, where: PartitionsOf) -> str:
    from headwater.report.outcome import outcome_text

    return "" if call.quiet and result.ok else outcome_text(result, call.title, style, partitions_of=where)
