"""Files of sources: which there are, what they hold, and whether they changed meanwhile."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple, Protocol

from assets_core.errors import DataError, did_you_mean

_TRIES = 3
_SETTLED_NS = 100_000_000
"""Clocks of file systems tick every few milliseconds: a file younger than this can change without showing it."""
_COARSE_SETTLED_NS = 2_100_000_000
"""The same for file systems that keep whole seconds (NFS, HFS+) or two of them (FAT)."""


class FileState(NamedTuple):
    """What a file system tells of a file without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class FileDigests(Protocol):
    """Remembers the digest of a file for a state; the catalog keeps one. A forgotten entry costs a reading only."""

    def get(self, path: str, state: FileState) -> str | None:
        """The digest that was put for this path under exactly this state, else None."""

    def put(self, path: str, state: FileState, digest: str) -> None:
        """Remembers a digest; an older one of the same path may be forgotten."""


class MemoryDigests:
    """A ``FileDigests`` for as long as the process lives: for notebooks and tests."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[FileState, str]] = {}

    def get(self, path: str, state: FileState) -> str | None:
        """See ``FileDigests.get``."""
        known = self._known.get(path)
        return known[1] if known is not None and known[0] == state else None

    def put(self, path: str, state: FileState, digest: str) -> None:
        """See ``FileDigests.put``."""
        self._known[path] = (state, digest)


class SourceFile(NamedTuple):
    """One file of a source as it was read."""

    name: str
    """Its path relative to the project's folder with forward slashes; absolute where it lies outside."""
    path: str
    state: FileState
    digest: str


def file_state(path: str | Path) -> FileState:
    """Size, times and inode of a file; two microseconds.

    Raises:
        OSError: there is none.
    """
    stat = os.stat(path)
    return FileState(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def find_files(patterns: Sequence[str], root: Path, *, where: str = "") -> list[tuple[str, str]]:
    """The files that paths and globs name, each once, sorted by name and so in the same order everywhere.

    Arguments:
        patterns: relative to ``root``; ``**`` goes through folders. Hidden files match only patterns that say so.
        where: the source's definition, for errors.

    Returns:
        (name, path) of each: the name as ``SourceFile`` has it.

    Raises:
        DataError: HW310, a path is missing or a glob matches nothing; the hint names the nearest file. HW311, a name
            is not UTF-8.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        full = os.path.join(root, pattern)
        paths = [full] if os.path.isfile(full) else []
        if not paths and has_magic(pattern):
            names = glob(pattern, root_dir=root, recursive=True)
            paths = [path for path in (os.path.join(root, name) for name in names) if os.path.isfile(path)]
        if not paths:
            raise _missing(pattern, full, where)
        odd = next((path for path in paths if not _is_text(path)), None)
        if odd is not None:
            shown = os.fsencode(os.path.relpath(odd, root)).decode("utf-8", "backslashreplace")
            raise DataError(
                "HW311", f"the name of the file {shown} is not UTF-8, so it cannot be opened by name", where=where,
                hint="rename it, or write a pattern that leaves it out",
            )  # fmt: skip
        for path in paths:
            name = os.path.relpath(path, root).replace(os.sep, "/")
            found[os.path.abspath(path).replace(os.sep, "/") if name.startswith("../") else name] = path
    return sorted(found.items())


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def digest_files(found: Sequence[tuple[str, str]], digests: FileDigests) -> list[SourceFile]:
    """Reads the content digest of each file, or takes the remembered one of a file whose state did not change.

    Arguments:
        found: what ``find_files`` returns.
        digests: remembers digests from command to command.

    Raises:
        DataError: HW311, a file cannot be read; HW312, a file kept changing while it was read.
    """
    return [_digest_file(name, path, digests) for name, path in found]


def changed_file(files: Sequence[SourceFile]) -> str | None:
    """The name of the first file that no longer has the state in which it was digested; None if all have."""
    for file in files:
        try:
            if file_state(file.path) != file.state:
                return file.name
        except OSError:
            return file.name
    return None


def _digest_file(name: str, path: str, digests: FileDigests) -> SourceFile:
    for _ in range(_TRIES):
        try:
            state = file_state(path)
            known = digests.get(os.path.abspath(path), state)
            if known is not None:
                return SourceFile(name, path, state, known)
            began = time.time_ns()
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if file_state(path) != state:
                continue
        except OSError as error:
            raise DataError(
                "HW311", f"the file {name} cannot be read", where=path, why=error.strerror or str(error)
            ) from error
        if settled(state, began):
            digests.put(os.path.abspath(path), state, digest)
        return SourceFile(name, path, state, digest)
    raise DataError(
        "HW312",
        f"the file {name} changed while it was read, {_TRIES} times in a row",
        where=path,
        hint="write it under another name and rename it when it is complete",
    )


def settled(state: FileState, began_ns: int) -> bool:
    """Whether a change after a reading that began then would show in the state; else git calls it racily clean."""
    coarse = state.ctime_ns % 1_000_000_000 == 0
    return max(state.ctime_ns, state.mtime_ns) < began_ns - (_COARSE_SETTLED_NS if coarse else _SETTLED_NS)


def _missing(pattern: str, full: str, where: str) -> DataError:
    folder = os.path.dirname(full)
    try:
        there = sorted(os.listdir(folder))
    except OSError:
        there = []
    what = f"no file matches {pattern!r}" if has_magic(pattern) else f"there is no file {pattern!r}"
    why = "" if os.path.isdir(folder) or has_magic(folder) else f"the folder {folder} does not exist"
    return DataError("HW310", what, where=where or full, why=why, hint=did_you_mean(os.path.basename(pattern), there))
