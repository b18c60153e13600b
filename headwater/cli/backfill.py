"""``headwater backfill``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from assets_core.errors import UsageError
from headwater.cli.call import Call, partitions_of
from headwater.cli.carry_out import (
    carry_out,
    executor_option,
    fail_fast_option,
    if_busy_option,
    refuse_unknown_executor,
)
from headwater.cli.command import verb
from headwater.cli.options import (
    WholeNumber,
    all_option,
    exclude_option,
    progress_option,
    selection_argument,
    set_option,
    why_option,
)

if TYPE_CHECKING:
    from headwater.report.style import Style


@verb(
    "backfill",
    examples=(
        ("headwater backfill staging/flights --from 2013-02-01 --to 2013-02-28", "both ends included"),
        ("headwater backfill +marts/kpis --from 2013-01 --reverse", "from January on, newest first"),
        ("headwater backfill staging/flights --only failed", "what failed last time"),
        ("headwater backfill staging/flights --accept --reason 'from July on'", "history stays as it is"),
        ("headwater backfill staging/flights --batch month --dry-run", "what would run, and what it may cost"),
    ),
)
@selection_argument
@click.option("--from", "first", metavar="A", default="", help="The first partition; else the first there is.")
@click.option("--to", "last", metavar="B", default="", help="The last partition, included; else the last there is.")
@click.option(
    "--only", metavar="STATE", default="all", help="stale, missing or failed; else all slots that are not fresh."
)
@click.option("--reverse", is_flag=True, help="Newest partitions first.")
@click.option("--batch", metavar="N|WINDOW", default="", help="Partitions of one call: a number, day, week, month ...")
@click.option(
    "--max-parallel",
    metavar="N",
    type=WholeNumber(min=1),
    help="Steps at a time; else [executor] workers, or one a processor.",
)
@executor_option
@if_busy_option
@fail_fast_option
@exclude_option
@click.option("--force", is_flag=True, help="Compute every slot of the range, fresh or not.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option(
    "--accept", is_flag=True, help="Make nothing: record that a change of code is not to touch the range, see accept."
)
@why_option
@progress_option
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded with the run.")
@all_option
@set_option
def command(
    call: Call,
    select: tuple[str, ...],
    first: str,
    last: str,
    only: str,
    reverse: bool,
    batch: str,
    max_parallel: int | None,
    executor: str | None,
    if_busy: str,
    fail_fast: bool,
    exclude: str,
    force: bool,
    dry_run: bool,
    accept: bool,
    why: bool,
    progress: str,
    reason: str,
) -> int:
    """Make many partitions, in one run.

    Plans everything first and says what it is likely to cost; on a terminal it asks before it begins. Slots that are
    fresh are left as they are, so that the same command again makes only what is left. Of assets by another width,
    as months are to days, the partitions count that share time with the range.
    """
    from headwater.backfill import Backfill
    from headwater.cli.accept import accepted
    from headwater.report.backfill import backfill_document, backfill_text
    from headwater.report.style import style_for

    selection = " ".join(select)
    asked = Backfill(first, last, only, reverse, int(batch) if batch.isascii() and batch.isdigit() else batch or None)
    if accept:
        _refuse_how({
            "--force": force, "--only": only != "all", "--reverse": reverse, "--batch": batch, "--executor": executor,
            "--max-parallel": max_parallel, "--fail-fast": fail_fast, "--if-busy": if_busy != "wait",
        })  # fmt: skip
        with call.open() as project:
            return accepted(
                call, project, reason, dry_run, lambda why, command, dry: project.accept(
                    selection, reason=why, backfill=asked, exclude=exclude, command=command, dry_run=dry
                )
            )  # fmt: skip
    with call.open() as project:
        if dry_run or not call.as_json:
            refuse_unknown_executor(project, executor)
            plan, cost = project.plan_backfill(selection, asked, exclude=exclude, force=force)

            def text(style: Style) -> str:
                where = partitions_of(project)
                return backfill_text(plan, cost, max_parallel or 0, call.title, style, why=why, partitions_of=where)

            if dry_run:
                call.answer(text, lambda: backfill_document(plan, cost), warnings=plan.warnings)
                return 0
            if not call.quiet:
                sys.stderr.write(f"{text(style_for(sys.stderr))}\n")
            if plan.steps and not call.agree(f"Make these {len(plan.steps):,} steps?"):
                sys.stderr.write("nothing was done\n")
                return 0
        if force and project.protected:
            reason = call.confirm(f"compute {selection or 'every asset'} again", code="HW720", reason=reason)
        return carry_out(
            call,
            project,
            progress,
            lambda reporter: project.backfill(
                selection,
                asked,
                exclude=exclude,
                force=force,
                workers=max_parallel,
                executor=executor,
                if_busy=if_busy,
                fail_fast=fail_fast,
                reporter=reporter,
                command=call.command_line,
                reason=reason,
            ),
        )


def _refuse_how(given: Mapping[str, object]) -> None:
    """Refuses options that say what is made and how, where nothing is made."""
    idle = [option for option, value in given.items() if value]
    if idle:
        raise UsageError("HW678", f"--accept makes nothing, so it does not go with {' and '.join(idle)}")
