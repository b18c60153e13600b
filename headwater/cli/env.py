"""``headwater env``: a group; and the project in the environment that one of its commands names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assets_core.errors import UsageError
from headwater.cli.call import Call
from headwater.cli.group import LazyGroup
from headwater.cli.index import COMMANDS, ENV

if TYPE_CHECKING:
    from headwater.project import Project


@click.group("env", cls=LazyGroup, sections=ENV, help=COMMANDS["Run"]["env"].help)
@click.pass_context
def command(ctx: click.Context, /, **common: object) -> int:
    """Hands the options given before the command on."""
    ctx.ensure_object(Call).told(common)
    return 0


def open_in(call: Call, name: str) -> Project:
    """The project in an environment that is named as an argument, to be used in a ``with`` block.

    Raises:
        UsageError: HW667, ``--env`` names another one.
    """
    if call.env not in (None, name):
        raise UsageError("HW667", f"--env {call.env} and {name} contradict each other", hint="leave --env out")
    call.env = name
    return call.open()


def confirmed(call: Call, project: Project, what: str, reason: str, env: str = "") -> str:
    """The reason, which a protected environment asks for; see ``Call.confirm``.

    Arguments:
        env: the environment that is changed, where it is not the project's.
    """
    name = env or project.env
    if name not in project.settings.env or not project.settings.env[name].protected:
        return reason
    call.env_name = name
    return call.confirm(what, code="HW722", reason=reason)
