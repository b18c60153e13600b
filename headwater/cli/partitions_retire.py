"""``headwater partitions retire``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.env import confirmed
from headwater.cli.options import all_option, complete_keys


@verb("retire", examples=(("headwater partitions retire customers acme --reason 'left us'", ""),))
@click.argument(
    "what", metavar="ASSET|NAME", shell_complete=complete_keys, help="The partitions, or an asset that has them."
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True, help="Partition keys.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, what: str, keys: tuple[str, ...], reason: str) -> int:
    """Retire partition keys of Dynamic partitions.

    In every environment; what was made for them stays, is listed as orphaned, and is read by nothing any more. Added
    again, they show it again.
    """
    from headwater.report.partitions import changed_document, changed_text

    with call.open() as project:
        reason = confirmed(call, project, "retire partition keys", reason)
        done = project.retire_partitions(what, keys, command=call.command_line, reason=reason)
        call.answer(lambda style: changed_text(done, call.title, style), lambda: changed_document(done))
    return 0
