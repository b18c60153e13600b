"""Keeping what each attempt prints, logs and raises, told apart between threads, masked and bounded."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TextIO

from assets_core.records import Materialization

LIMIT = 64 * 1024
"""Characters kept of one attempt: the first three quarters and the last quarter."""


class Captured:
    """The text of one attempt.

    Arguments:
        mirror: an open file to which the first part of the text is copied as it comes.
    """

    def __init__(self, mirror: int | None = None) -> None:
        self._mirror = mirror
        self._head: list[str] = []
        self._tail = ""
        self._kept = 0
        self._dropped = 0

    def write(self, text: str) -> None:
        """Keeps text, dropping from the middle what is beyond the limit."""
        room = LIMIT * 3 // 4 - self._kept
        if room > 0:
            self._head.append(text[:room])
            if self._mirror is not None:
                with suppress(OSError):  # a full disk is no reason for print to fail
                    os.write(self._mirror, text[:room].encode("utf-8", "replace"))
            self._kept += min(len(text), room)
            text = text[room:]
        if text:
            joined = self._tail + text
            self._dropped += max(0, len(joined) - LIMIT // 4)
            self._tail = joined[-(LIMIT // 4) :]

    def text(self) -> str:
        """All that was kept, with a line that says how much was not."""
        gap = f"\n... {self._dropped} characters left out ...\n" if self._dropped else ""
        return "".join(self._head) + gap + self._tail


def without_secrets(made: Materialization, mask: Callable[[str], str]) -> Materialization:
    """The record with masked metadata, and masked messages and samples of checks."""
    if made.metadata:
        made = replace(made, metadata=_masked(made.metadata, mask))
    if any(check.message or check.sample for check in made.checks):
        checks = (
            replace(check, message=mask(check.message), sample=tuple(_masked(row, mask) for row in check.sample))
            for check in made.checks
        )
        made = replace(made, checks=tuple(checks))
    return made


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {_masked(key, mask): _masked(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, mask) for item in value]
    return value


def bounded(text: str) -> str:
    """A text without its middle where it is too long to be kept whole."""
    kept = Captured()
    kept.write(text)
    return kept.text()


_mirrors: list[int] = []
_current: ContextVar[Captured | None] = ContextVar("captured", default=None)


class _Router(io.TextIOBase):
    """Stands in for a standard stream: what a captured attempt writes is kept, everything else passes through."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        captured = _current.get()
        if captured is None:
            return self.stream.write(text)
        captured.write(text)
        return len(text)

    def flush(self) -> None:
        if _current.get() is None:
            self.stream.flush()

    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        captured = _current.get()
        if captured is None:
            return
        try:
            captured.write(f"{record.levelname} {record.name}: {self.format(record)}\n")
        except Exception:  # noqa: BLE001 -- as in logging itself: a message that cannot be formatted stops nobody
            self.handleError(record)


@contextmanager
def capturing_streams() -> Iterator[None]:
    """Routes the standard streams and the root logger for the length of a run."""
    handler = _Handler(logging.INFO)
    root, level = logging.getLogger(), logging.getLogger().level
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Router(out), _Router(err)
    root.addHandler(handler)
    if level > logging.INFO:
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        sys.stdout, sys.stderr = out, err


@contextmanager
def mirroring(descriptor: int) -> Iterator[None]:
    """Copies the beginning of what each attempt prints to an open file as well, for a reader that may outlive it."""
    _mirrors[:] = [descriptor]
    try:
        yield
    finally:
        _mirrors.clear()


@contextmanager
def captured() -> Iterator[Captured]:
    """Collects what the current thread prints and logs inside the block."""
    kept = Captured(*_mirrors)
    token = _current.set(kept)
    try:
        yield kept
    finally:
        _current.reset(token)
