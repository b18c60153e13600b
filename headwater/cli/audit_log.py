"""``headwater audit log``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber, complete_keys


@verb("log", examples=(("headwater audit log --limit 5", ""), ("headwater audit log --asset marts/kpis", "")))
@click.option("--limit", metavar="N", type=WholeNumber(min=1), default=20, show_default=True, help="How many.")
@click.option("--asset", metavar="ASSET", shell_complete=complete_keys, help="Only entries about this asset.")
def command(call: Call, limit: int, asset: str | None) -> int:
    """List the catalog's entries, the latest first.

    Entries are only ever added, each sealed with a hash over itself and the one before.
    """
    from headwater.report.audit import log_document, log_text

    with call.open() as project:
        entries = project.audit_log(limit, asset)
        call.answer(lambda style: log_text(entries, call.title, style), lambda: log_document(entries))
    return 0
