"""Worker processes that somebody ends, or that the system ends because they took all memory there is."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.desk import Desk

LIMIT = 300_000_000
"""Bytes of resident memory at which the worker is ended, as a system without more of it would."""

DEFINITIONS = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def trouble():
    if (HERE / "mended").exists():
        return
    (HERE / "worker").write_text(str(os.getpid()))
    {trouble}

@asset
def first() -> pl.DataFrame:
    return pl.DataFrame({{"id": [1, 2]}})

@asset
def bad(first: pl.DataFrame) -> pl.DataFrame:
    trouble()
    return first.with_columns(id=first["id"] * 2)

@asset
def below(bad: pl.DataFrame) -> pl.DataFrame:
    return bad

@asset
def good(first: pl.DataFrame) -> pl.DataFrame:
    return first
"""
TROUBLES = {
    "waits": ("time.sleep(120)", 0),
    "leaks": (
        'kept = []\n    while True:\n        kept.append(bytearray(b"x") * 10_000_000)\n        time.sleep(0.005)',
        LIMIT,
    ),
}


def end_at(file: Path, resident: int) -> None:
    """Ends the process whose number comes to stand in a file, once it holds so many bytes."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            process = int(file.read_text() or 0)
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except (OSError, ValueError):
            pages = -1
        if pages * os.sysconf("SC_PAGE_SIZE") >= resident:
            os.kill(process, signal.SIGKILL)
            return
        time.sleep(0.01)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_worker_that_is_killed_costs_its_step_alone_and_the_run_can_be_resumed(desk: Desk, trouble: str) -> None:
    body, resident = TROUBLES[trouble]
    desk.define(DEFINITIONS.format(trouble=body))
    killer = threading.Thread(target=end_at, args=(desk.root / "worker", resident))
    killer.start()
    result = desk.materialize(executor="processes", workers=2)
    killer.join()

    assert {str(one.slot): str(one.state) for one in result.steps} == {
        "first": "succeeded", "bad": "failed", "below": "upstream_failed", "good": "succeeded",
    }  # fmt: skip
    error = next(one.error for one in result.steps if str(one.slot) == "bad")
    assert error is not None
    assert (error.code, "SIGKILL" in error.message) == ("HW521", True)
    assert desk.project.verify().findings == ()

    (desk.root / "mended").touch()
    resumed = desk.project.resume(result.run_id or "")
    assert {str(one.slot): str(one.state) for one in resumed.steps} == {"bad": "succeeded", "below": "succeeded"}
    assert desk.rows("below") == [{"id": 2}, {"id": 4}]
    assert desk.project.verify().findings == ()
