"""``headwater materialize``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import (
    all_option,
    exclude_option,
    partition_option,
    progress_option,
    selection_argument,
    set_option,
    why_option,
)

if TYPE_CHECKING:
    from assets_core.ports import RunResult
    from headwater.project import Project
    from headwater.report.slots import PartitionsOf
    from headwater.report.style import Style


@verb(
    "materialize",
    examples=(
        ("headwater materialize", "everything that is not fresh"),
        ("headwater materialize +marts/kpis", "with what lies upstream"),
        ("headwater materialize staging/flights --partition 2013-02-01..2013-02-28", ""),
        ("headwater materialize --dry-run --why", "what would run, and why"),
    ),
)
@selection_argument
@exclude_option
@partition_option
@click.option("--force", is_flag=True, help="Compute every selected slot, fresh or not.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@why_option
@click.option("--workers", metavar="N", type=click.IntRange(min=1), help="Steps at a time; else one a processor.")
@click.option("--executor", metavar="KIND", help="Where steps run: threads, processes or dask; else [executor] kind.")
@progress_option
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded with the run.")
@all_option
@set_option
def command(
    call: Call,
    select: tuple[str, ...],
    exclude: str,
    partition: str | None,
    force: bool,
    dry_run: bool,
    why: bool,
    workers: int | None,
    executor: str | None,
    progress: str,
    reason: str,
) -> int:
    """Make the selected assets fresh.

    Computes exactly the slots of the selection that are not fresh, publishes each one whole once its checks have
    passed, and carries on with whatever does not depend on what failed. What lies upstream is read as it is
    published; with + before a name it is made fresh first.
    """
    from headwater.progress import reporter_for
    from headwater.report.outcome import outcome_document
    from headwater.use_cases import Interrupted

    selection = " ".join(select)
    with call.open() as project:
        if dry_run:
            return _dry_run(call, project, selection, exclude, partition, force, why)
        if force and project.protected:
            reason = call.confirm(f"compute {selection or 'every asset'} again", code="HW720", reason=reason)
        reporter = reporter_for(progress, sys.stderr, quiet=call.quiet, verbose=call.verbose)
        interrupted = 0
        try:
            result = project.materialize(
                selection,
                partition=partition,
                exclude=exclude,
                force=force,
                workers=workers,
                executor=executor,
                reporter=reporter,
                command=call.command_line,
                reason=reason,
            )
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


def _dry_run(
    call: Call, project: Project, selection: str, exclude: str, partition: str | None, force: bool, why: bool
) -> int:
    from headwater.report.plan import plan_document, plan_text

    plan = project.plan(selection, partition=partition, exclude=exclude, force=force)
    call.answer(
        lambda style: plan_text(plan, call.title, style, why=why, partitions_of=partitions_of(project)),
        lambda: plan_document(plan),
        warnings=plan.warnings,
    )
    return 0
