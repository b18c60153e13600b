"""``headwater prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber, all_option

if TYPE_CHECKING:
    from headwater.project import Project


@verb(
    "prune",
    examples=(
        ("headwater prune --keep 5", "what would go, and how much that is"),
        ("headwater prune --keep 5 --older-than 90d --yes", "do it"),
    ),
)
@click.option("--keep", metavar="N", type=WholeNumber(min=0), default=0, help="Keep the newest N of every slot.")
@click.option("--older-than", metavar="AGE", help="Only what nobody used for so long: 90d, 12h, 2w.")
@click.option(
    "--grace", metavar="AGE", default="1h", show_default=True, help="How long marked data stays before it is deleted."
)
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, keep: int, older_than: str | None, grace: str, reason: str) -> int:
    """Delete stored data that nothing needs any more.

    Kept is what any environment points at and what --keep and --older-than say. The rest is marked first and deleted
    by the first prune after the grace period; what crashed runs left is deleted too. Records stay. Without --yes it
    only shows what it would do.
    """
    from assets_core.durations import duration
    from headwater.prune import Rule, prune
    from headwater.report.prune import prune_document, prune_text

    with call.open() as project:
        rule = Rule(
            keep,
            None if older_than is None else duration(older_than, what="--older-than"),
            duration(grace, what="--grace"),
        )
        if call.yes:
            reason = _confirmed(call, project, reason)
        found = prune(project, rule, carry_out=call.yes, command=call.command_line, reason=reason)
        call.answer(
            lambda style: prune_text(found, call.title, style, grace=grace),
            lambda: prune_document(found),
            warnings=found.warnings,
        )
    return 0


def _confirmed(call: Call, project: Project, reason: str) -> str:
    """The reason, which a protected environment asks for: its history goes too, whichever environment is named."""
    there = {project.env, *project.catalog.environments()}
    guarded = [name for name, section in project.settings.env.items() if section.protected and name in there]
    if not guarded:
        return reason
    return call.confirm("delete data of its history", code="HW751", reason=reason, guarded=" and ".join(guarded))
