"""``headwater partitions add``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.env import confirmed
from headwater.cli.options import all_option, complete_keys


@verb(
    "add",
    examples=(
        ("headwater partitions add customers acme globex", ""),
        ("headwater partitions add marts/bills acme", "by asset"),
    ),
)
@click.argument(
    "what", metavar="ASSET|NAME", shell_complete=complete_keys, help="The partitions, or an asset that has them."
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True, help="Partition keys.")
@click.option("--reason", metavar="TEXT", default="", help="Why; recorded.")
@all_option
def command(call: Call, what: str, keys: tuple[str, ...], reason: str) -> int:
    """Add partition keys to Dynamic partitions.

    In every environment; their slots are missing until they are materialized. A key that is there already stays as it
    is, and one that was retired is there again.
    """
    from headwater.report.partitions import changed_document, changed_text

    with call.open() as project:
        reason = confirmed(call, project, "add partition keys", reason)
        done = project.add_partitions(what, keys, command=call.command_line, reason=reason)
        call.answer(lambda style: changed_text(done, call.title, style), lambda: changed_document(done))
    return 0
