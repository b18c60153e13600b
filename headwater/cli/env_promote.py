"""``headwater env promote``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.env import confirmed, open_in
from headwater.cli.options import all_option, set_option


@verb(
    "promote",
    examples=(
        ("headwater env promote dev prod --dry-run", "what would move, and what would stay"),
        ("headwater env promote dev prod --yes --reason 'release 12'", ""),
    ),
)
@click.argument("origin", metavar="FROM", help="The environment to take from.")
@click.argument("target", metavar="TO", help="The environment to change.")
@click.option("--force", is_flag=True, help="Overwrite what TO changed since the two were last in step.")
@click.option("--dry-run", is_flag=True, help="Show what would move and stop.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
@set_option
def command(call: Call, origin: str, target: str, force: bool, dry_run: bool, reason: str) -> int:
    """Show in one environment what another shows.

    All pointers that differ move in one transaction; nothing is computed. Only slots move whose recipe is the one
    that TO would use now, with this code and its settings; the others stay and are named. What TO changed since FROM
    was made from it or last promoted is not overwritten without --force.
    """
    from headwater.report.environments import changed_document, changed_text
    from headwater.report.words import counted

    with open_in(call, target) as project:
        where = partitions_of(project)
        proposal = project.promotion(origin)
        if dry_run or not proposal.moved:
            call.answer(
                lambda style: changed_text(proposal, call.title, style, partitions_of=where),
                lambda: changed_document(proposal),
            )
            return 0
        if not call.as_json:
            call.write(changed_text(proposal, call.title, call.style, partitions_of=where))
        if force or not proposal.conflicts:
            what = f"show {counted(len(proposal.moved), 'slot')} of {origin}"
            reason = confirmed(call, project, what, reason)
        done = project.promote(proposal, force=force, command=call.command_line, reason=reason)
        call.answer(
            lambda style: f"\npromoted, recorded as run {done.run_id}",
            lambda: changed_document(done),
            warnings=done.behind,
        )
    return 0
