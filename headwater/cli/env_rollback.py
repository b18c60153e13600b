"""``headwater env rollback``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.env import confirmed, open_in
from headwater.cli.options import all_option


@verb(
    "rollback",
    examples=(
        ("headwater env rollback prod --to 2026-11-20 --dry-run", "what would move"),
        ("headwater env rollback prod --to 01a20551-62fd --yes --reason 'wrong rates'", "as after that run"),
    ),
)
@click.argument("name", metavar="ENV", help="The environment to change.")
@click.option("--to", metavar="RUN|T", required=True, help="The end of a run in ENV, or a moment.")
@click.option("--dry-run", is_flag=True, help="Show what would move and stop.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded, and shown by status.")
@all_option
def command(call: Call, name: str, to: str, dry_run: bool, reason: str) -> int:
    """Show again what was shown before, and hold it.

    Pointers move back in one transaction; nothing is computed or lost. The slots that moved are held: no run touches
    them, which would find the newer results in history and publish them again, until env release.
    """
    from headwater.report.environments import changed_document, changed_text
    from headwater.report.words import counted

    with open_in(call, name) as project:
        found = project.rollback(to, dry_run=True)
        if found.moved and not dry_run:
            reason = confirmed(
                call, project, f"move {counted(len(found.moved), 'slot')} back and hold what moved", reason
            )
            found = project.rollback(to, command=call.command_line, reason=reason)
        call.answer(
            lambda style: changed_text(found, call.title, style, partitions_of=partitions_of(project)),
            lambda: changed_document(found),
            warnings=found.behind,
        )
    return 0
