"""Interruption and termination: both end a run in order, and both show in the exit status."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class Terminated(KeyboardInterrupt):
    """The process was asked to end; whoever takes care of an interruption takes care of this too."""


class Signals:
    """Within the block, SIGINT and SIGTERM raise and are remembered."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is signal.SIG_IGN:  # as in the background of a script, and under nohup
                continue
            try:
                self._before[number] = signal.signal(number, self._raise)
            except ValueError:  # not in the main thread: then the signals are somebody else's
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def status(self, otherwise: int) -> int:
        """130 or 143 after a signal, else the given status."""
        return otherwise if self.received is None else 128 + self.received

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        if number == signal.SIGTERM:
            raise Terminated
        raise KeyboardInterrupt
