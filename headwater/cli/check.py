"""``headwater check``."""

from __future__ import annotations

from headwater.cli.call import Call, partitions_of
from headwater.cli.command import verb
from headwater.cli.options import all_option, selection_argument


@verb("check", examples=(("headwater check", ""), ("headwater check 'staging/*'", "")))
@selection_argument
@all_option
def command(call: Call, select: tuple[str, ...]) -> int:
    """Run checks on published data, computing nothing.

    The exit status is 1 if a blocking check fails; the data stays published.
    """
    from headwater.report.checks import all_passed, checks_document, checks_text

    with call.open() as project:
        results = project.check(" ".join(select))
        ok = all_passed(results)
        call.answer(
            lambda style: checks_text(results, call.title, style, partitions_of=partitions_of(project)),
            lambda: checks_document(results),
            ok=ok,
        )
    return 0 if ok else 1
