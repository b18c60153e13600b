"""``headwater ls``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb
from headwater.cli.options import exclude_option, selection_argument


@verb(
    "ls",
    examples=(
        ("headwater ls", "everything"),
        ("headwater ls 'marts/*' kind:sql", "what is in marts, and every SQL asset"),
        ("headwater ls --names state:stale", "keys only, for scripts"),
    ),
)
@selection_argument
@exclude_option
@click.option("--names", is_flag=True, help="Keys only, one a line.")
def command(call: Call, select: tuple[str, ...], exclude: str, names: bool) -> int:
    """List assets with their state.

    Sources are listed too, before what reads them.
    """
    from headwater.report.listing import ls_document, ls_text

    with call.open() as project:
        keys = project.select(" ".join(select), exclude=exclude, assets_only=False)
        definitions = [project.graph.definitions[key] for key in keys]
        if names and not call.as_json:
            call.write("\n".join(keys))
            return 0
        verdicts = project.status(" ".join(select), exclude=exclude)
        call.answer(
            lambda style: ls_text(definitions, verdicts, call.title, style),
            lambda: ls_document(definitions, verdicts, str(project.root)),
        )
    return 0
