"""What commands that carry out runs share: how a run is to be done, and how its outcome is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.options import WholeNumber

if TYPE_CHECKING:
    from assets_core.ports import Reporter, RunResult
    from headwater.project import Project
    from headwater.report.slots import PartitionsOf
    from headwater.report.style import Style

F = TypeVar("F", bound=Callable[..., Any])


def if_busy_option(function: F) -> F:
    """``--if-busy``."""
    return click.option(
        "--if-busy",
        type=click.Choice(["wait", "skip", "fail"]),
        default="wait",
        show_default=True,
        help="Slots that another run is at: wait for it, leave them to it, or refuse to begin.",
    )(function)


def fail_fast_option(function: F) -> F:
    """``--fail-fast``."""
    return click.option("--fail-fast", is_flag=True, help="Begin nothing more when a step has failed.")(function)


def executor_option(function: F) -> F:
    """``--executor``."""
    return click.option(
        "--executor",
        metavar="KIND",
        help="Where steps run: threads, processes or dask; else [executor] kind.",
    )(function)


def workers_option(function: F) -> F:
    """``--workers``."""
    return click.option(
        "--workers",
        metavar="N",
        type=WholeNumber(min=1),
        help="Steps at a time; else [executor] workers, or one a processor.",
    )(function)


def refuse_unknown_executor(project: Project, executor: str | None) -> None:
    """Refuses an executor that nobody has registered where only a plan is shown, as the run would.

    Raises:
        UsageError: HW652.
    """
    from materializers.executors.registry import check_kind

    check_kind(executor or project.settings.executor.kind)


def carry_out(call: Call, project: Project, progress: str, run: Callable[[Reporter], RunResult]) -> int:
    """Carries a run out, shows its progress, and answers with its outcome.

    Returns:
        The exit status.
    """
    from headwater.progress import reporter_for
    from headwater.report.outcome import outcome_document
    from headwater.running import Interrupted

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
        lambda style: _text(result, call, style, where, interrupted=bool(interrupted)),
        lambda: outcome_document(result),
        ok=result.ok and not interrupted,
        warnings=result.warnings if call.as_json else (),
    )
    return 128 + interrupted if interrupted else 0 if result.ok else 1


def _text(result: RunResult, call: Call, style: Style, where: PartitionsOf, *, interrupted: bool) -> str:
    from headwater.report.outcome import outcome_text

    if call.quiet and result.ok:
        return ""
    return outcome_text(result, call.title, style, partitions_of=where, interrupted=interrupted)
