"""The command line: parses, calls one use case, renders its value, returns an exit status."""

from __future__ import annotations


def main() -> int:
    """The command ``headwater``: ends the process, or returns its exit status for ``sys.exit``."""
    from headwater.garbage import collect_seldom

    collect_seldom()
    from headwater.cli.app import run
    from headwater.cli.ending import end_process

    return end_process(run())
