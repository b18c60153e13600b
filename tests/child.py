"""The command ``headwater`` in a process of its own, followed by its progress as a program would follow it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_SECONDS = 120.0
STARTED: list[Child] = []
"""Those of the test under way; it ends them however it ends itself."""


class Child:
    """A command under way; what it writes to standard error is read as it comes.

    Arguments:
        words: the command line, without the folder.
        environment: the process's variables; those of this process if not given.
    """

    def __init__(self, folder: Path, *words: str, environment: dict[str, str] | None = None) -> None:
        program = "import sys; from headwater.cli import main; sys.exit(main())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "-C", str(folder), *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        STARTED.append(self)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind that ``--progress json`` has told so far."""
        told = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [one for one in told if one["event"] == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until it has told so many events of a kind."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            found = self.events(kind)
            if len(found) >= count:
                return found
            assert self.process.poll() is None or self._reader.is_alive() or len(self.events(kind)) >= count, self.said
            time.sleep(0.01)
        raise AssertionError(f"no {kind} in {_SECONDS} s:\n{self.said}")

    @property
    def said(self) -> str:
        """The end of what it wrote to standard error."""
        return "".join(self.lines)[-4000:]

    def ended(self, status: int | None = 0) -> str:
        """Waits for its end and gives what it wrote to standard output.

        Arguments:
            status: that it must have; None for any.
        """
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        self.process.wait(_SECONDS)
        self._reader.join(_SECONDS)
        assert status is None or self.process.returncode == status, f"{self.process.returncode}: {self.said}"
        return out

    def document(self, status: int | None = 0) -> dict[str, Any]:
        """Waits for its end and gives the document it wrote."""
        found: dict[str, Any] = json.loads(self.ended(status))
        return found


@contextmanager
def holding(database: Path) -> Iterator[None]:
    """Has another process keep a DuckDB file open."""
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    command = [sys.executable, "-c", program, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.communicate(b"\n")


def end_all() -> None:
    """Ends what a test left running."""
    while STARTED:
        process = STARTED.pop().process
        if process.poll() is None:
            process.kill()
            process.wait()


def run(folder: Path, *words: str) -> Child:
    """Starts a command that answers with a document and tells its progress in JSON, if it has any."""
    told = ("--progress", "json") if {"materialize", "backfill", "resume"} & set(words) else ()
    return Child(folder, *words, "--json", *told)
