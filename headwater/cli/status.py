"""``headwater status``."""

from __future__ import annotations

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, exclude_option, selection_argument, set_option, why_option


@verb(
    "status",
    examples=(
        ("headwater status", ""),
        ("headwater status --why state:stale", "every reason of every stale slot"),
    ),
)
@selection_argument
@exclude_option
@why_option
@all_option
@set_option
def command(call: Call, select: tuple[str, ...], exclude: str, why: bool) -> int:
    """Show the state of every slot, and why.

    A slot is fresh, stale, missing or blocked; all but fresh ones carry reasons.
    """
    from headwater.report.status import status_document, status_text

    with call.open() as project:
        verdicts = project.status(" ".join(select), exclude=exclude)
        call.answer(
            lambda style: status_text(verdicts, call.title, style, why=why, partitions_of=partitions_of(project)),
            lambda: status_document(verdicts),
        )
    return 0
