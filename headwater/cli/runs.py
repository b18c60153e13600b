"""``headwater runs``: a group; without a command it lists."""

from __future__ import annotations

import contextlib
import sys

import click

from headwater.cli.call import Call
from headwater.cli.group import LazyGroup
from headwater.cli.index import COMMANDS, RUNS
from headwater.cli.options import WholeNumber


@click.group(
    "runs",
    cls=LazyGroup,
    sections=RUNS,
    invoke_without_command=True,
    help=f"{COMMANDS['Run']['runs'].help}\n\nWithout a command, the latest runs. An ID may be cut to what tells it "
    "from others.",
)
@click.option("--limit", metavar="N", type=WholeNumber(min=1), default=20, show_default=True, help="Runs to list.")
@click.pass_context
def command(ctx: click.Context, /, limit: int, **common: object) -> int:
    """Lists where no command is given."""
    call = ctx.ensure_object(Call)
    call.told(common)
    if ctx.invoked_subcommand is not None:
        if ctx.get_parameter_source("limit") is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError("--limit goes with no command or behind list", ctx)
        return 0
    from headwater.cli.runs_list import list_runs

    with contextlib.redirect_stdout(sys.stderr):
        return list_runs(call, limit)
