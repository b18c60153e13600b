"""The command line: parses, calls one use case, renders its value, returns an exit status."""

from __future__ import annotations

import gc

_COLLECT_AFTER = 50_000
"""So many objects more than were let go, and the garbage collector looks for cycles. A command makes many objects that
it keeps: at the usual 700 the collector takes a seventh of a plan of 1,000 assets."""


def main() -> int:
    """The command ``headwater``: ends the process, or returns its exit status for ``sys.exit``."""
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    from headwater.cli.app import run
    from headwater.cli.ending import end_process

    return end_process(run())
