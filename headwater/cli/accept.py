"""``headwater accept``, and ``headwater backfill --accept``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, exclude_option, partition_option, selection_argument, set_option

if TYPE_CHECKING:
    from headwater.accept import Accepted
    from headwater.project import Project


@verb(
    "accept",
    examples=(
        ("headwater accept staging/flights --reason 'new rates from July on'", "all that it made stale"),
        ("headwater accept staging/flights --partition ..2013-06-30 --dry-run", "in this range, and do nothing"),
    ),
)
@selection_argument
@exclude_option
@partition_option
@click.option(
    "--reason", metavar="TEXT", default="", help="Why; needed but for --dry-run, and shown by status and in manifests."
)
@click.option("--dry-run", is_flag=True, help="Show what would be accepted and stop.")
@all_option
@set_option
def command(
    call: Call, select: tuple[str, ...], exclude: str, partition: str | None, reason: str, dry_run: bool
) -> int:
    """Record that a change of code is not to touch what is published.

    Slots of which nothing but the code differs stay as they are, and so does what reads them. Any further difference
    makes them stale as ever, and whatever is made from now on is made by the new code.
    """
    with call.open() as project:
        return accepted(
            call,
            project,
            reason,
            dry_run,
            lambda why, command, dry: project.accept(
                " ".join(select), reason=why, partition=partition, exclude=exclude, command=command, dry_run=dry
            ),
        )


def accepted(
    call: Call, project: Project, reason: str, dry_run: bool, accept: Callable[[str, str, bool], Accepted]
) -> int:
    """Looks, asks where the environment is protected, records, and tells.

    Arguments:
        accept: takes the reason, the command line, and whether to look only.
    """
    from headwater.report.accept import accepted_document, accepted_text
    from headwater.report.words import counted

    found = accept(reason, "", True)
    if not dry_run:
        if project.protected:
            what = f"accept {counted(len(found.slots), 'slot')} as made by older code"
            reason = call.confirm(what, code="HW723", reason=reason)
        found = accept(reason, call.command_line, False)
    call.answer(
        lambda style: accepted_text(found, call.title, style, partitions_of=partitions_of(project)),
        lambda: accepted_document(found),
    )
    return 0
