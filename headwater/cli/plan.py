"""``headwater plan``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import (
    all_option,
    exclude_option,
    partition_option,
    selection_argument,
    set_option,
    why_option,
)


@verb(
    "plan",
    examples=(
        ("headwater plan", "everything that is not fresh"),
        ("headwater plan --why +marts/kpis", "with reasons, and with what lies upstream"),
        ("headwater plan staging/flights --partition 2013-02-01..2013-02-28", ""),
    ),
)
@selection_argument
@exclude_option
@partition_option
@click.option("--force", is_flag=True, help="As if every selected slot had to be computed.")
@why_option
@all_option
@set_option
def command(call: Call, select: tuple[str, ...], exclude: str, partition: str | None, force: bool, why: bool) -> int:
    """Show what would run, and why.

    Steps in working order that make exactly the selection fresh; nothing is computed and nothing recorded.
    """
    from headwater.report.plan import plan_document, plan_text

    with call.open() as project:
        plan = project.plan(" ".join(select), partition=partition, exclude=exclude, force=force)
        call.answer(
            lambda style: plan_text(plan, call.title, style, why=why, partitions_of=partitions_of(project)),
            lambda: plan_document(plan),
            warnings=plan.warnings,
        )
    return 0
