"""``headwater data``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import complete_keys, head_option


@verb(
    "data",
    examples=(
        ("headwater data marts/kpis", ""),
        ("headwater data staging/flights@2013-02-01 --sql 'select count(*) from data'", ""),
        ("headwater data marts/kpis --as-of 2026-01-31", "as it was published then"),
    ),
)
@click.argument(
    "slot", metavar="ASSET[@PARTITION]", shell_complete=complete_keys, help="An asset or source, or one slot of it."
)
@click.option("--sql", metavar="QUERY", help="A query; the table is named data.")
@click.option("--as-of", metavar="T", help="As it was at an ISO time, after run:ID, or at the end of a date.")
@head_option(10)
def command(call: Call, slot: str, sql: str | None, as_of: str | None, head: int) -> int:
    """Show or query published data.

    Without a partition, all of the asset's partitions together.
    """
    from assets_core.keys import parse_slot
    from headwater.report.data import data_document, data_text
    from headwater.use_cases import doubts
    from lineage.presentable import presentable

    with call.open() as project:
        wanted = parse_slot(slot)
        # One row more than asked for tells whether there are more.
        rows = project.query(wanted.asset, sql, partition=wanted.partition, as_of=as_of, head=head + 1)
        frame = presentable(rows)
        call.answer(
            lambda style: data_text(frame, head, style),
            lambda: data_document(frame, head),
            warnings=doubts(project, wanted.asset, wanted.partition, as_of),
        )
    return 0
