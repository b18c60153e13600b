"""``headwater runs resume``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.carry_out import carry_out, fail_fast_option, if_busy_option
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber, all_option, progress_option, set_option


@verb("resume", examples=(("headwater runs resume 0199d3c2-11ab", ""),))
@click.argument("run", metavar="ID", help="The run; the beginning of its id will do.")
@click.option(
    "--workers",
    metavar="N",
    type=WholeNumber(min=1),
    help="Steps at a time; else as that run was told, [executor] workers, or one a processor.",
)
@click.option(
    "--executor",
    metavar="KIND",
    help="Where steps run: threads, processes or dask; else as that run was told, or [executor] kind.",
)
@if_busy_option
@fail_fast_option
@progress_option
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded with the run.")
@all_option
@set_option
def command(
    call: Call,
    run: str,
    workers: int | None,
    executor: str | None,
    if_busy: str,
    fail_fast: bool,
    progress: str,
    reason: str,
) -> int:
    """Do the rest of a run that was interrupted, failed or crashed.

    Plans anew what that run was asked for: the same selection, partitions, environment, settings and moment, with
    the code as it is now. What it published is fresh and is not computed again. The new run is recorded as its child.
    """
    from headwater.project import Project

    with call.open() as project:
        record, _ = project.run(run)
        settings = tuple(record.asked.get("settings", ()))
        if settings and not call.settings:
            project.close()
            project = Project.load(call.directory, env=call.env, set=settings)
        if record.asked.get("force") and project.protected:
            reason = call.confirm(f"compute {record.selection or 'every asset'} again", code="HW720", reason=reason)
        with project:
            return carry_out(
                call,
                project,
                progress,
                lambda reporter: project.resume(
                    record.id,
                    workers=workers,
                    executor=executor,
                    if_busy=if_busy,
                    fail_fast=fail_fast,
                    reporter=reporter,
                    command=call.command_line,
                    reason=reason,
                ),
            )
