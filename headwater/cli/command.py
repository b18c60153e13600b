"""A command: its own parameters, the options that every command has, and the call it is given."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import click

from headwater.cli.call import Call
from headwater.cli.options import COMMON, common_options, split_options


class Command(click.Command):
    """A click command whose function takes a ``Call`` first and returns the exit status.

    Arguments:
        examples: command lines for the end of the help, each with what it does.
    """

    def __init__(self, *args: Any, examples: tuple[tuple[str, str], ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())
        self.examples = examples

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

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes own options, the common ones, and examples."""
        own, common = split_options(self, ctx)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        with formatter.section("Options of every command"):
            formatter.write_dl(common)
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl(list(self.examples))


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
