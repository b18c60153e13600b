"""Telling whether the process of a run still lives, so that a crashed run is recognised and a reused id is not."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SILENCE = timedelta(minutes=2)
"""A run tells every few seconds that it is alive; after so long a silence it is not, clocks a little apart included."""


def identity() -> dict[str, Any]:
    """Host, process id and start of this process, and among which processes that id counts."""
    return {
        "host": socket.gethostname(), "pid": os.getpid(), "start": _start_of(os.getpid()), "boot": _boot(),
        "space": _space(),
    }  # fmt: skip


def alive(process: Mapping[str, Any], *, beat: datetime, now: datetime) -> bool:
    """Whether the process of a run is still there.

    Arguments:
        process: what ``identity`` gave there.
        beat: the last heartbeat of the run, with offset; a process on another host, or in a container that goes by the
            same name, counts as gone when it has been silent for ``SILENCE``, because nobody here can look.
        now: with offset.
    """
    if process.get("host") != socket.gethostname():
        return now - beat < SILENCE
    pid = process.get("pid")
    if not isinstance(pid, int) or process.get("boot") != _boot():
        return False
    if process.get("space", _space()) != _space():
        return now - beat < SILENCE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid) and _start_of(pid) == process.get("start")


def _start_of(pid: int) -> str:
    """What the kernel says of a process's start, in clock ticks since boot; empty where there is no /proc."""
    return (_stat(pid) or [""] * 20)[19]


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only nobody has asked how, as in containers whose first process never asks."""
    return (_stat(pid) or [""])[0] in ("Z", "X")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _boot() -> str:
    """Which boot of the machine this is; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    """Among which processes a process id counts: a container has its own; empty where the kernel does not tell."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
