"""``headwater materialize``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.carry_out import (
    carry_out,
    executor_option,
    fail_fast_option,
    if_busy_option,
    refuse_unknown_executor,
    workers_option,
)
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
    from headwater.project import Project


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
@workers_option
@executor_option
@if_busy_option
@fail_fast_option
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
    if_busy: str,
    fail_fast: bool,
    progress: str,
    reason: str,
) -> int:
    """Make the selected assets fresh.

    Computes exactly the slots of the selection that are not fresh, publishes each one whole once its checks have
    passed, and carries on with whatever does not depend on what failed. What lies upstream is read as it is
    published; with + before a name it is made fresh first.
    """
    selection = " ".join(select)
    if why and not dry_run:
        raise click.UsageError("--why goes with --dry-run", click.get_current_context())
    with call.open() as project:
        if dry_run:
            refuse_unknown_executor(project, executor)
            return _dry_run(call, project, selection, exclude, partition, force, why)
        if force and project.protected:
            reason = call.confirm(f"compute {selection or 'every asset'} again", code="HW720", reason=reason)
        return carry_out(
            call,
            project,
            progress,
            lambda reporter: project.materialize(
                selection,
                partition=partition,
                exclude=exclude,
                force=force,
                workers=workers,
                executor=executor,
                if_busy=if_busy,
                fail_fast=fail_fast,
                reporter=reporter,
                command=call.command_line,
                reason=reason,
            ),
        )


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
