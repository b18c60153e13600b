"""``headwater env drop``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.env import confirmed, open_in
from headwater.cli.options import all_option


@verb("drop", examples=(("headwater env drop feature", ""),))
@click.argument("name", metavar="ENV", help="The environment to drop.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, name: str, reason: str) -> int:
    """Drop an environment: it shows nothing any more.

    Records and data stay; prune deletes what no other environment shows. Frozen environments can be dropped too.
    """
    from headwater.report.environments import changed_document, changed_text

    with open_in(call, name) as project:
        reason = confirmed(call, project, "make it show nothing", reason)
        done = project.drop_environment(command=call.command_line, reason=reason)
        call.answer(
            lambda style: changed_text(done, call.title, style, partitions_of=partitions_of(project)),
            lambda: changed_document(done),
            warnings=done.behind,
        )
    return 0
