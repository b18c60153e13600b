"""``headwater runs show``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option


@verb("show", examples=(("headwater runs show 0199d3c2-11ab", ""),))
@click.argument("run", metavar="ID", help="The run; the beginning of its id will do.")
@all_option
def command(call: Call, run: str) -> int:
    """Show one run and how its slots fared."""
    from headwater.report.runs import run_show_document, run_show_text

    with call.open() as project:
        record, steps = project.run(run)
        call.answer(
            lambda style: run_show_text(record, steps, call.title, style, partitions_of=partitions_of(project)),
            lambda: run_show_document(record, steps),
        )
    return 0
