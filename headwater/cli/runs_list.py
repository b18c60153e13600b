"""``headwater runs list``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber


@verb("list", examples=(("headwater runs list --limit 5", ""),))
@click.option("--limit", metavar="N", type=WholeNumber(min=1), default=20, show_default=True, help="Runs to list.")
def command(call: Call, limit: int) -> int:
    """List runs, the latest first."""
    return list_runs(call, limit)


def list_runs(call: Call, limit: int) -> int:
    """Lists the latest runs; ``headwater runs`` does the same."""
    from headwater.report.runs import runs_document, runs_text

    with call.open() as project:
        runs = project.runs(limit)
        call.answer(lambda style: runs_text(runs, call.title, style), lambda: runs_document(runs))
    return 0
