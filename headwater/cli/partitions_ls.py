"""``headwater partitions ls``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import all_option, complete_keys


@verb(
    "ls",
    examples=(
        ("headwater partitions ls", "all that the catalog keeps keys for"),
        ("headwater partitions ls customers", "by name, or by an asset that is partitioned by it"),
    ),
)
@click.argument("what", metavar="[ASSET|NAME]", required=False, shell_complete=complete_keys, help="Only of these.")
@all_option
def command(call: Call, what: str | None) -> int:
    """List partition keys that are added and retired by hand.

    Those of Dynamic partitions, with who added or retired each one last, and when.
    """
    from headwater.report.partitions import keys_document, keys_text

    with call.open() as project:
        found = project.partition_keys(what)
        call.answer(lambda style: keys_text(found, call.title, style), lambda: keys_document(found))
    return 0
