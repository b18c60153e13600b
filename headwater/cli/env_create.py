"""``headwater env create``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.env import confirmed, open_in
from headwater.cli.options import all_option


@verb(
    "create",
    examples=(
        ("headwater env create feature --from prod", "a copy to work in, at no cost"),
        ("headwater env create q3-report --from prod --frozen --as-of 2026-09-30", "the evidence behind a report"),
    ),
)
@click.argument("name", metavar="NAME", help="The new environment.")
@click.option("--from", "origin", metavar="ENV", required=True, help="The environment whose pointers are copied.")
@click.option("--as-of", metavar="T", help="What that one showed at a moment, or after a run.")
@click.option("--frozen", is_flag=True, help="Nothing but dropping may be done to it from then on.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, name: str, origin: str, as_of: str | None, frozen: bool, reason: str) -> int:
    """Make an environment that shows what another shows.

    One transaction, and no data: pointers are copied. A run there publishes only there, and reuses everything that
    was ever made with the same recipe.
    """
    from headwater.cli.call import partitions_of
    from headwater.report.environments import changed_document, changed_text

    with open_in(call, origin) as project:
        reason = confirmed(call, project, f"fill it from {origin}", reason, name)
        done = project.create_environment(name, frozen=frozen, as_of=as_of, command=call.command_line, reason=reason)
        call.env_name = name
        call.answer(
            lambda style: changed_text(done, call.title, style, partitions_of=partitions_of(project)),
            lambda: changed_document(done),
            warnings=done.behind,
        )
    return 0
