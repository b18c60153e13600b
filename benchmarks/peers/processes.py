"""Processes that are measured whole: CPU and peak memory of a process and all that it started, within a time bound."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple


class Took(NamedTuple):
    """What one process took.

    Attributes:
        cpu: seconds of the whole tree.
        wall: seconds.
        peak_bytes: resident memory of the tree's largest process.
        answer: the JSON of the last line that it printed.
        failed: why there is no answer; empty if there is.
    """

    cpu: float
    wall: float
    peak_bytes: int
    answer: Any
    failed: str


def run(command: list[str], folder: Path, environment: dict[str, str], bound: float) -> Took:
    """Runs a process to its end, or ends it and what it started after ``bound`` seconds."""
    began = time.perf_counter()
    with (folder / "output.txt").open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True
        )
        late = False
        while True:
            ended, status, used = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            if not late and time.perf_counter() - began > bound:
                late = True
                os.killpg(child.pid, signal.SIGKILL)
            time.sleep(0.005)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    said = (folder / "output.txt").read_text(errors="replace").strip().splitlines()
    failed = f"ended after {bound:.0f} s" if late else ""
    if child.returncode and not late:
        failed = said[-1][:200] if said else f"status {child.returncode}"
    answer = None if failed else json.loads(said[-1])
    return Took(_cpu(used), wall, used.ru_maxrss * 1024, answer, failed)


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime
