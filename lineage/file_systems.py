"""What the file system is like on which a folder lies."""

from __future__ import annotations

import os
from pathlib import Path


def read_only(folder: Path) -> bool:
    """Whether the folder's file system is mounted read-only; False where that is not known."""
    if not hasattr(os, "statvfs"):  # on Windows
        return False
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that a folder is on, or is going to be on; empty where that is not known."""
    try:
        table = mounts.read_text(errors="surrogateescape")
    except OSError:
        return ""
    real = os.path.realpath(folder)
    best, found = -1, ""
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # later mounts cover earlier ones at the same place
            best, found = len(point), fields[2]
    return found
