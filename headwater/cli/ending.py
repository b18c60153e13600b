"""The end of the process."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading

from materializers.executors.given_up import at_work

_LAST_SECONDS = 2.0
"""So long are exit handlers waited for where an attempt was given up."""


def end_process(status: int) -> int:
    """Ends this process as ``sys.exit`` would, but leaves its memory to the system.

    Taking apart what a command held and unloading polars takes 0.1 s, which is as long as a small plan, and longer the
    more there was. What others have asked for is done first, in the interpreter's order: threads are waited for, then
    exit handlers are called and streams flushed. Under a profiler or debugger nothing is cut short.

    Returns:
        The status, only where the interpreter is to end the process itself.
    """
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return status
    if at_work():
        last = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # multiprocessing's waits for processes
        last.start()
        last.join(_LAST_SECONDS)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls first itself
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status)
