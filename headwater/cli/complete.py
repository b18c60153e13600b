"""What the shell offers where an asset or a selection is expected."""

from __future__ import annotations

import contextlib
import io
import re

import click
from click.shell_completion import CompletionItem

_LEAD = re.compile(r"not:|\d*\+")


def asset_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The keys of the project that begin with what was typed, what may stand before a key left as it is.

    A project that cannot be loaded offers nothing: completion is no place for errors.
    """
    match = _LEAD.match(incomplete)
    lead = match[0] if match else ""
    folder = ctx.params.get("directory") or ctx.find_root().params.get("directory") or "."
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        from headwater.project import Project

        with Project.load(folder) as project:
            found = [key for key in project.graph.definitions if key.startswith(incomplete[len(lead) :])]
            return [CompletionItem(f"{lead}{key}") for key in found]
    return []
