"""``headwater completion``."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.command import verb


@verb(
    "completion",
    examples=(
        ('eval "$(headwater completion bash)"', "in ~/.bashrc; zsh alike"),
        ("headwater completion fish > ~/.config/fish/completions/headwater.fish", ""),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), help="The shell.")
def command(call: Call, shell: str) -> int:
    """Print the completion script of a shell.

    It completes commands, options and, inside a project, asset keys.
    """
    from click.shell_completion import get_completion_class

    from headwater.cli.app import program

    maker = get_completion_class(shell)
    if maker is None:  # click knows all three
        raise click.UsageError(f"no completion for {shell}")
    script = maker(program, {}, "headwater", "_HEADWATER_COMPLETE").source()
    call.answer(lambda style: script.rstrip(), lambda: {"shell": shell, "script": script})
    return 0
