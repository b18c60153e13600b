"""``headwater withdraw``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, complete_keys

if TYPE_CHECKING:
    from headwater.project import Project
    from headwater.withdraw import Withdrawn


@verb(
    "withdraw",
    examples=(
        ("headwater withdraw staging/flights@2013-02-01 --reason 'sensor was broken'", ""),
        ("headwater withdraw marts/kpis --reason 'wrong rates' --dry-run", "where it is shown, what was made of it"),
    ),
)
@click.argument("what", metavar="SLOT|ID", shell_complete=complete_keys, help="What is shown there, or any record.")
@click.option("--reason", metavar="TEXT", required=True, help="What is wrong with it; every manifest below shows it.")
@click.option("--dry-run", is_flag=True, help="Show what would happen and stop.")
@all_option
def command(call: Call, what: str, reason: str, dry_run: bool) -> int:
    """Take a wrong result out of use, for ever and everywhere.

    It is never published or reused again. Every environment that shows it goes back to what it showed before, or to
    nothing; a frozen one to nothing. Manifests of what was made of it say so. Data and record stay.
    """
    from headwater.report.environments import withdrawn_document, withdrawn_text

    with call.open() as project:
        found = project.withdraw(what, reason=reason, dry_run=True)
        if not dry_run:
            reason = _confirmed(call, project, found, reason)
            found = project.withdraw(what, reason=reason, command=call.command_line)
        call.answer(
            lambda style: withdrawn_text(found, call.title, style, partitions_of=partitions_of(project)),
            lambda: withdrawn_document(found),
            warnings=found.behind,
        )
    return 0


def _confirmed(call: Call, project: Project, found: Withdrawn, reason: str) -> str:
    """Asks where any protected environment would change."""
    from headwater.report.words import counted

    settings = project.settings.env
    guarded = sorted({one.env for one in found.moved if one.env in settings and settings[one.env].protected})
    if not guarded:
        return reason
    asked_from, call.env_name = call.env_name, ", ".join(guarded)
    reason = call.confirm(f"move {counted(len(found.moved), 'pointer')}", code="HW722", reason=reason)
    call.env_name = asked_from
    return reason
