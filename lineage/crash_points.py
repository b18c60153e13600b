"""Places at which the fault suite lets a process die: one between every pair of operations that must be durable.

``HEADWATER_CRASH_AT=transaction.commit:3`` ends the process, as the kernel would, when it comes to that place for the
third time. ``HEADWATER_CRASH_TRACE=FILE`` writes down every place it comes to, so that the suite knows what there is
to try. Without them a place costs some nanoseconds.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

POINTS = {
    "transaction.begun": "the catalog's lock is held, nothing is written",
    "transaction.commit": "everything is written, nothing is committed",
    "transaction.committed": "what was committed is durable, nobody was told",
    "parquet.created": "the data file has its name, and is empty",
    "parquet.written": "its bytes are written and not synced",
    "parquet.synced": "its bytes are synced, its name is not",
    "parquet.settled": "its name is synced, no record names it",
    "duckdb.written": "the table is committed, no record names it",
    "face.prepared": "the new link lies beside the old one",
    "face.published": "the face of some slots is brought up to date",
    "prune.marked": "what is to be deleted is marked, nothing is deleted",
    "prune.deleted": "one of several is deleted",
}
"""Every place by name, and what holds there."""

_AT = os.environ.get("HEADWATER_CRASH_AT", "")
_TRACE = os.environ.get("HEADWATER_CRASH_TRACE", "")
_ARMED = bool(_AT or _TRACE)
_seen: Counter[str] = Counter()
_lock = threading.Lock()


def crash_point(name: str) -> None:
    """Ends the process here if it was asked to; a name of ``POINTS``."""
    if _ARMED:
        _reached(name)


def _reached(name: str) -> None:
    with _lock:
        _seen[name] += 1
        here = f"{name}:{_seen[name]}"
        if _TRACE:
            with open(_TRACE, "a", encoding="utf-8") as trace:
                trace.write(f"{here}\n")
    if here == _AT:
        os.kill(os.getpid(), signal.SIGKILL)
