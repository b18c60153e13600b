"""``headwater env ls``."""

from __future__ import annotations

from headwater.cli.call import Call
from headwater.cli.command import verb


@verb("ls", examples=(("headwater env ls", ""),))
def command(call: Call) -> int:
    """List environments with what they show.

    Those that headwater.toml names, the default one, dev, and those made with env create.
    """
    from headwater.report.environments import ls_document, ls_text

    with call.open() as project:
        found = project.environments()
        call.answer(lambda style: ls_text(found, project.env, f"{project.name}", style), lambda: ls_document(found))
    return 0
