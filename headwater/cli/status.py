"""``headwater status``."""

from __future__ import annotations

import click

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, exclude_option, selection_argument, set_option, why_option


@verb(
    "status",
    examples=(
        ("headwater status", ""),
        ("headwater status --why state:stale", "every reason of every stale slot"),
        ("headwater status --as-of 2026-01-31", "what was published at the end of that day"),
    ),
)
@selection_argument
@exclude_option
@why_option
@click.option("--as-of", metavar="T", help="What was published at an ISO time, after run:ID, or at the end of a date.")
@all_option
@set_option
def command(call: Call, select: tuple[str, ...], exclude: str, why: bool, as_of: str | None) -> int:
    """Show the state of every slot, and why.

    A slot is fresh, accepted, stale, missing, blocked, held or orphaned; all but fresh ones carry reasons.
    """
    if as_of is not None:
        if why:
            raise click.UsageError("--why is about now: reasons of then are in runs show", click.get_current_context())
        if call.settings:
            raise click.UsageError("--set changes states, and --as-of tells none", click.get_current_context())
        return _then(call, as_of, " ".join(select), exclude)
    from headwater.report.status import status_document, status_text

    with call.open() as project:
        verdicts = project.status(" ".join(select), exclude=exclude)
        call.answer(
            lambda style: status_text(verdicts, call.title, style, why=why, partitions_of=partitions_of(project)),
            lambda: status_document(verdicts),
            warnings=verdicts.warnings,
        )
    return 0


def _then(call: Call, as_of: str, select: str, exclude: str) -> int:
    from headwater.moment import state_then
    from headwater.report.moment import then_document, then_text

    with call.open() as project:
        found = state_then(project, as_of, select, exclude=exclude)
        call.answer(
            lambda style: then_text(found, call.title, style, partitions_of=partitions_of(project)),
            lambda: then_document(found),
        )
    return 0
