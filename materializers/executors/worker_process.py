"""One process that carries attempts out, as the process that started it sees it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from typing import IO, Any

from assets_core.errors import HeadwaterError
from materializers.executors.worker import read_back
from materializers.workplace import ProjectLocation

_LOOK_SECONDS = 0.25
"""So often it is looked whether a silent process still lives: one that it forked may hold its socket open."""
_STOP_SECONDS = 10.0
"""So long may resources take to close before a process is ended that was asked to stop."""
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from materializers.executors.worker import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""


def _log_file() -> IO[bytes]:
    """A file without a name; what is written to it goes to its end, also after it was cut to nothing."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- open for as long as the process lives
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
    return file


class Gone(Exception):  # noqa: N818 -- no error: the process is not there any more
    """The process ended before it answered.

    Arguments:
        how: as a sentence goes on: "was ended by SIGKILL".
    """

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(how)


class WorkerProcess:
    """A process of its own session, so that what it starts can be ended with it and Ctrl-C does not reach it.

    It starts Python afresh: nothing of this process is inherited but its environment variables and search path, and
    the program that started this process is not run again, as multiprocessing would.

    Arguments:
        location: where it finds the project.
    """

    def __init__(self, location: ProjectLocation) -> None:
        ours, theirs = socket.socketpair()
        self._native, self._mirror = _log_file(), _log_file()
        with theirs:
            open_there = [theirs.fileno(), self._mirror.fileno()]
            path = json.dumps([one for one in sys.path if one])
            self._process = subprocess.Popen(  # noqa: S603 -- this interpreter, with our own module
                [sys.executable, "-P", "-c", _START, path, *map(str, open_there)],
                stdin=subprocess.DEVNULL,
                stdout=self._native,
                stderr=self._native,
                pass_fds=open_there,
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self.ready = False
        self.steps = 0
        self.resident_bytes = 0
        with contextlib.suppress(OSError):
            self._connection.send_bytes(pickle.dumps(location))

    def wait_ready(self) -> None:
        """Waits until the project is loaded there.

        Raises:
            HeadwaterError: it cannot be loaded.
            Gone: the process ended instead.
        """
        if not self.ready:
            problem: HeadwaterError | None = self._received(None)
            if problem is not None:
                raise problem
            self.ready = True

    def carry_out(self, payload: bytes, timeout_seconds: float | None) -> Any:
        """What comes of a task.

        Raises:
            TimeoutError: it takes longer; the process still runs.
            Gone: the process ended before it answered.
        """
        try:
            self._connection.send_bytes(payload)
        except OSError:
            raise Gone(self._how()) from None
        result, self.resident_bytes = self._received(timeout_seconds)
        self.steps += 1
        return result

    def output(self) -> str:
        """What the attempt has printed that runs there or was the last to."""
        return read_back(self._mirror.fileno()) + read_back(self._native.fileno())

    def stop(self, *, wait: bool = True) -> None:
        """Lets it close its resources and end, or ends it where that takes too long.

        Arguments:
            wait: until it is gone.
        """
        with contextlib.suppress(OSError):
            self._connection.send_bytes(b"")
        if wait:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
            self.end()

    def end(self) -> None:
        """Ends it and all that it started, now; may be called from any thread."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def release(self) -> None:
        """Gives back what this process holds of it, once it has ended."""
        self._connection.close()
        self._native.close()
        self._mirror.close()

    def _received(self, timeout_seconds: float | None) -> Any:
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            left = _LOOK_SECONDS if until is None else min(_LOOK_SECONDS, until - time.monotonic())
            gone = self._process.poll() is not None  # asked before its last words are looked for
            try:
                if self._connection.poll(max(0.0, left)):
                    return pickle.loads(self._connection.recv_bytes())  # noqa: S301 -- from the process we started
            except (EOFError, OSError):
                raise Gone(self._how()) from None
            if gone:
                raise Gone(self._how())
            if until is not None and time.monotonic() >= until:
                raise TimeoutError

    def _how(self) -> str:
        try:
            status = self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its end"
        if status >= 0:
            return f"ended itself with status {status}"
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"
