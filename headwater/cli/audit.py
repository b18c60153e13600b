"""``headwater audit``: a group of questions."""

from __future__ import annotations

import click

from headwater.cli.call import Call
from headwater.cli.group import LazyGroup
from headwater.cli.index import AUDIT, COMMANDS


@click.group("audit", cls=LazyGroup, sections=AUDIT, help=COMMANDS["Ask"]["audit"].help)
@click.pass_context
def command(ctx: click.Context, /, **common: object) -> int:
    """Hands the options given before the question on."""
    ctx.ensure_object(Call).told(common)
    return 0
