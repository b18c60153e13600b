"""Threads that nobody waits for any more, because what runs in them was given up."""

from __future__ import annotations

import threading

_threads: list[threading.Thread] = []


def give_up(thread: threading.Thread) -> None:
    """Notes a thread that is left to itself."""
    _threads.append(thread)


def at_work() -> bool:
    """Whether any of them goes on; what it has started and waits for goes on too."""
    return any(thread.is_alive() for thread in _threads)
