"""``headwater runs cancel``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb


@verb("cancel", examples=(("headwater runs cancel 0199d3c2-11ab", ""), ("headwater runs cancel 0199d3c2 --now", "")))
@click.argument("run", metavar="ID", help="The run; the beginning of its id will do.")
@click.option("--now", "at_once", is_flag=True, help="Do not let what is running finish.")
def command(call: Call, run: str, at_once: bool) -> int:
    """Ask a run that another process carries out to end.

    The run hears it within seconds, begins nothing more, lets what is running finish and publishes that.
    """
    from headwater.report.runs import cancelled_text, run_document

    with call.open() as project:
        record = project.cancel(run, at_once=at_once)
        call.answer(
            lambda style: cancelled_text(record, call.title, at_once=at_once), lambda: {"run": run_document(record)}
        )
    return 0
