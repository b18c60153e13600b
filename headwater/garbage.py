"""When the garbage collector of a command looks for cycles: so many objects more than were let go, and it looks again.

Python's own 700 is for programs that make little they keep.
"""

from __future__ import annotations

import gc

_WHILE_DECIDING = 500_000
"""What a command imports, loads and decides it keeps to its end: to look at all of that again and again takes a quarter
of the time to the first answer. So many objects in cycles, as sqlglot's trees are, take some 100 MB."""
_WHILE_RUNNING = 5_000
"""A step that failed may leave a few objects in a cycle, and one of them a large frame."""


def collect_seldom() -> None:
    """While a command is imported, loads definitions and decides."""
    gc.set_threshold(_WHILE_DECIDING, *gc.get_threshold()[1:])


def collect_often() -> None:
    """Before steps run: from now on, but not among what there is already.

    A process that did not collect seldom keeps what it has set.
    """
    if gc.get_threshold()[0] == _WHILE_DECIDING:
        gc.freeze()
        gc.set_threshold(_WHILE_RUNNING, *gc.get_threshold()[1:])
