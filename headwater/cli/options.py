"""The options that every command has, and the arguments that several share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
_SELECT = "Assets: key, group/*, +x with upstream, x+ with downstream, tag:, kind:, state:, not:; everything if none."
COMMON = ("directory", "env", "as_json", "yes", "quiet", "verbose")
"""Parameter names of the options that every command has."""


class WholeNumber(click.IntRange):
    """A number of things; as many as anybody can count are as many as the libraries below can take."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number as it was written, or the largest there is."""
        return min(int(super().convert(value, param, ctx)), 2**31)


def common_options() -> list[click.Parameter]:
    """Fresh options, for one command or group."""
    return [
        click.Option(
            ["-C", "directory"],
            metavar="DIR",
            type=click.Path(file_okay=False),
            help="Folder of the project; this one if not given.",
        ),
        click.Option(["--env"], metavar="NAME", help="Environment; else HEADWATER_ENV, else the project's default."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document and nothing else."),
        click.Option(["--yes"], is_flag=True, help="Answer every question with yes."),
        click.Option(["-q", "--quiet"], is_flag=True, help="No progress and no remarks."),
        click.Option(["-v", "--verbose"], is_flag=True, help="More detail, and tracebacks of unexpected errors."),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    ]


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Writes a command's arguments and its own options; those that every command has come after all else."""
    arguments: list[tuple[str, str]] = []
    own: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None and not _is_common(param):
            (arguments if isinstance(param, click.Argument) else own).append(record)
    for title, records in (("Arguments", arguments), ("Options", own)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def write_common_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Writes the options that every command has."""
    records = [param.get_help_record(ctx) for param in command.get_params(ctx) if _is_common(param)]
    with formatter.section("Options of every command"):
        formatter.write_dl([record for record in records if record is not None])


def _is_common(param: click.Parameter) -> bool:
    return param.name in (*COMMON, "version") or "--help" in param.opts


def refuse_senseless(command: click.Command, ctx: click.Context, words: list[str]) -> None:
    """Refuses what an unset variable of a shell leaves, which would mean everything, and a value that would be lost.

    Raises:
        click.UsageError: an argument or the value of an option is empty, or an option of this command is given twice.
    """
    values, _, order = command.make_parser(ctx).parse_args(args=words)
    for param in command.params:
        given = values.get(param.name)
        texts = given if isinstance(given, list | tuple) else [given]
        if any(isinstance(text, str) and not text.strip(" ,") for text in texts):
            raise click.BadParameter("it is empty", ctx, param)
        if order.count(param) > 1 and _holds_one_value(param):
            raise click.UsageError(f"{param.opts[-1]} is given twice", ctx)
        if any(other is not param and other.name == param.name for other in order) and param in order:
            raise click.UsageError(f"{param.opts[-1]} is given beside its opposite", ctx)


def _holds_one_value(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not (param.multiple or param.is_flag or _is_common(param))


def complete_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Offers asset keys to the shell."""
    from headwater.cli.complete import asset_keys

    return [*asset_keys(ctx, param, incomplete)]


def selection_argument(function: F) -> F:
    """``[SELECT]...``: terms of a selection; none means everything."""
    return click.argument("select", nargs=-1, metavar="[SELECT]...", help=_SELECT, shell_complete=complete_keys)(
        function
    )


def exclude_option(function: F) -> F:
    """``--exclude``."""
    return click.option("--exclude", metavar="SELECT", default="", help="Take these away from the selection.")(function)


def partition_option(function: F) -> F:
    """``--partition``."""
    return click.option(
        "--partition", metavar="K|A..B", help="Only this partition, or this range with both ends included."
    )(function)


def why_option(function: F) -> F:
    """``--why``."""
    return click.option("--why", is_flag=True, help="Give every reason, with the partitions that have it.")(function)


def set_option(function: F) -> F:
    """``--set``."""
    return click.option(
        "--set",
        "settings",
        metavar="KEY:FIELD=VALUE",
        multiple=True,
        help="A setting of a Config; repeatable.",
    )(function)


def all_option(function: F) -> F:
    """``--all``."""
    return click.option("--all", "show_all", is_flag=True, help="Show long lists whole.")(function)


def head_option(default: int) -> Callable[[F], F]:
    """``--head N``."""
    return click.option(
        "--head", metavar="N", type=WholeNumber(min=0), default=default, show_default=True, help="Rows to show."
    )


def progress_option(function: F) -> F:
    """``--progress``."""
    return click.option(
        "--progress",
        type=click.Choice(["auto", "live", "plain", "json", "none"]),
        default="auto",
        show_default=True,
        help="How to show progress, on standard error.",
    )(function)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from headwater.cli.version import version

        click.echo(f"headwater {version()}")
        ctx.exit()
