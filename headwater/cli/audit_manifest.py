"""``headwater audit manifest``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, complete_keys


@verb(
    "manifest",
    examples=(
        ("headwater audit manifest marts/kpis", "of what is published now"),
        ("headwater audit manifest staging/flights@2013-02-01 --json", ""),
    ),
)
@click.argument(
    "slot",
    metavar="SLOT|ID",
    shell_complete=complete_keys,
    help="A slot as it is published now, or the id of any materialization.",
)
@all_option
def command(call: Call, slot: str) -> int:
    """Show what one materialization was made of.

    The code, the columns and versions of every input that it read, its own columns with their versions and lineage,
    the checks it passed, and the run that made it; with -v also the text of the code.
    """
    from headwater.report.manifest import manifest_text

    with call.open() as project:
        manifest = project.manifest(slot)
        where, code = partitions_of(project), call.verbose
        call.answer(
            lambda style: manifest_text(manifest, call.title, style, partitions_of=where, code=code),
            lambda: {"manifest": manifest},
        )
    return 0
