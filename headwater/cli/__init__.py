"""The command line: parses, calls one use case, renders its value, returns an exit status."""

from __future__ import annotations

import os
import sys

_LAST_STANDARD = 2  # the descriptor of standard error


def main() -> int:
    """The command ``headwater``: ends the process, or returns its exit status for ``sys.exit``."""
    try:
        _open_closed_streams()
        from headwater.garbage import collect_seldom

        collect_seldom()
        from headwater.cli.app import run
        from headwater.cli.ending import end_process
    except KeyboardInterrupt:  # before anything could be begun that would have to be ended in order
        sys.stderr.write("interrupted\n")
        return 130
    return end_process(run())


def _open_closed_streams() -> None:
    """Whoever closed a standard stream wants to hear nothing; what writes to it need not know.

    The descriptors are taken as well: else a file of data would get the number that others still write to.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 -- it stays open to the end
