"""A command: its own parameters, the options that every command has, and the call it is given."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import click

from headwater.cli.call import Call
from headwater.cli.options import (
    COMMON,
    common_options,
    refuse_senseless,
    write_common_options,
    write_options,
)


class Command(click.Command):
    """A click command whose function takes a ``Call`` first and returns the exit status.

    Arguments:
        examples: command lines for the end of the help, each with what it does.
    """

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words of this command, and refuses those that cannot be meant."""
        words = list(args)
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            refuse_senseless(self, ctx, words)
        return rest

    def invoke(self, ctx: click.Context) -> int:
        """Hands the common options to the call, and the rest to the function."""
        call = ctx.ensure_object(Call)
        take_common(call, ctx)
        if self.callback is None:
            return 0
        call.show_all = bool(ctx.params.pop("show_all", False))
        call.settings = ctx.params.pop("settings", ())
        # What loaded modules and libraries print is not the answer.
        with contextlib.redirect_stdout(sys.stderr):
            status: int = ctx.invoke(self.callback, call, **ctx.params)
        return status

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: ``format_options`` writes them, also where click does not ask for them (before 8.5)."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes own options, the common ones, and examples."""
        write_options(self, ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                self._write_examples(formatter)
        write_common_options(self, ctx, formatter)

    def _write_examples(self, formatter: click.HelpFormatter) -> None:
        pad = " " * formatter.current_indent
        for line, does in self.examples:
            formatter.write(f"{pad}{line}\n")
            if does:
                formatter.write(f"{pad}    {does}\n")


def take_common(call: Call, ctx: click.Context) -> None:
    """Moves the options that every command has from the parameters to the call."""
    call.told({name: ctx.params.pop(name, None) for name in COMMON})


def verb(name: str, *, examples: tuple[tuple[str, str], ...] = ()) -> Callable[[Callable[..., int]], click.Command]:
    """Makes a command of a function; its docstring is the help."""
    return click.command(
        name,
        cls=Command,
        examples=examples,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    )
