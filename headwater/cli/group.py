"""Groups whose commands are imported when they are called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from assets_core.errors import did_you_mean
from headwater.cli.index import Entry, Sections
from headwater.cli.options import common_options, refuse_senseless, write_common_options, write_options


class LazyGroup(click.Group):
    """A group that knows its commands by name, section and line of help.

    Arguments:
        sections: the commands by the heading under which the overview lists them.
    """

    def __init__(self, *args: Any, sections: Sections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())
        self.sections = sections
        self.entries: dict[str, Entry] = {
            name: entry for commands in sections.values() for name, entry in commands.items()
        }

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words of this command, and refuses those that cannot be meant."""
        words = list(args)
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            refuse_senseless(self, ctx, words)
        return rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the overview."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(entry.module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, or fails with the nearest name."""
        if args and args[0] not in self.entries and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.entries)
            raise click.UsageError(f"no command {args[0]!r}" + (f"; {hint}" if hint else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the overview from the index; nothing is imported."""
        width = max(map(len, self.entries))
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in commands.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes own options, the commands, then the options that every command has."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)
        write_common_options(self, ctx, formatter)
