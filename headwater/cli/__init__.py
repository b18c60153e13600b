"""The command line: parses, calls one use case, renders its value, returns an exit status."""

from __future__ import annotations


def main() -> int:
    """The command ``headwater``; returns the exit status."""
    from headwater.cli.app import run

    return run()
