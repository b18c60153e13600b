"""``headwater diff``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import WholeNumber, all_option, complete_keys


@verb(
    "diff",
    examples=(
        ("headwater diff marts/kpis", "what its last publication changed"),
        ("headwater diff marts/kpis --from 2026-01-31 --to 2026-02-28", "between two moments"),
        ("headwater diff dev prod --select 'marts/*'", "between two environments"),
        ("headwater diff 0199e2c5-6b1f 0199e2d0-11aa", "two materializations, by id"),
    ),
)
@click.argument(
    "sides",
    metavar="[A [B]]",
    nargs=-1,
    shell_complete=complete_keys,
    help="Two environments, two ids of materializations, two slots, or one asset or slot.",
)
@click.option(
    "--from", "since", metavar="T", help="The earlier moment: an ISO time, run:ID, or a date meaning its end."
)
@click.option("--to", "until", metavar="T", help="The later moment; now if not given.")
@click.option("--select", metavar="SELECT", default="", help="With environments or moments, only these assets.")
@click.option(
    "--rows/--no-rows", default=None, help="Whether rows are compared; if not said, of up to 20 slots that differ."
)
@click.option(
    "--sample", metavar="N", type=WholeNumber(min=0), default=5, show_default=True, help="Rows of a kind to show."
)
@all_option
def command(
    call: Call,
    sides: tuple[str, ...],
    since: str | None,
    until: str | None,
    select: str,
    rows: bool | None,
    sample: int,
) -> int:
    """Show what differs between two materializations, moments or environments.

    Schema, code, inputs, settings and checks come from the records. Rows are matched by key where one tells them
    apart on both sides, and compared as whole rows otherwise.
    """
    if len(sides) > 2:
        raise click.UsageError("a diff has two sides", click.get_current_context())
    from headwater.report.diff import diff_document, diff_text

    with call.open() as project:
        before, after = (*sides, None, None)[:2]
        found = project.diff(before, after, since=since, until=until, select=select, rows=rows, sample=sample)
        call.answer(lambda style: diff_text(found, call.title, style), lambda: diff_document(found))
    return 0
