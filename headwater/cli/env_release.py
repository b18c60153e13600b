"""``headwater env release``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.env import confirmed, open_in
from headwater.cli.options import all_option, selection_argument


@verb("release", examples=(("headwater env release prod", ""), ("headwater env release prod marts/kpis", "")))
@click.argument("name", metavar="ENV", help="The environment to change.")
@selection_argument
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, name: str, select: tuple[str, ...], reason: str) -> int:
    """Let held slots go.

    Slots that a rollback holds are planned again, by the next run as they are by any other difference.
    """
    from headwater.report.environments import changed_document, changed_text

    with open_in(call, name) as project:
        reason = confirmed(call, project, "let held slots go", reason)
        done = project.release(" ".join(select), command=call.command_line, reason=reason)
        call.answer(
            lambda style: changed_text(done, call.title, style, partitions_of=partitions_of(project)),
            lambda: changed_document(done),
        )
    return 0
