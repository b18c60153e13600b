"""``headwater partitions``: a group."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.group import LazyGroup
from headwater.cli.index import COMMANDS, PARTITIONS


@click.group("partitions", cls=LazyGroup, sections=PARTITIONS, help=COMMANDS["Run"]["partitions"].help)
@click.pass_context
def command(ctx: click.Context, /, **common: object) -> int:
    """Hands the options given before the command on."""
    ctx.ensure_object(Call).told(common)
    return 0
