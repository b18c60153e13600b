"""``headwater init``."""

from __future__ import annotations

from pathlib import Path

import click

from headwater.cli.call import Call
from headwater.cli.command import verb


@verb("init", examples=(("headwater init shop", "a folder shop with a project in it"),))
@click.argument("folder", metavar="[DIR]", required=False, help="Where; the folder of -C, or this one, if not given.")
@click.option("--name", metavar="NAME", default="", help="Name of the project; else the folder's.")
def command(call: Call, folder: str | None, name: str) -> int:
    """Make a new project that runs.

    One source, three assets in Python and SQL, checks and a test. Nothing that exists is overwritten.
    """
    from headwater.scaffold import create_project

    target = Path(call.directory) / (folder or ".")
    written = create_project(target, name)
    go = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    lines = [f"a project in {target}", "", *(f"  {path}" for path in written), "", f"next: {go}headwater materialize"]
    call.answer(lambda style: "\n".join(lines), lambda: {"folder": str(target.resolve()), "files": written})
    return 0
