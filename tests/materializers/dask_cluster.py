"""A Dask scheduler and workers as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class DaskCluster(NamedTuple):
    """A running cluster: the scheduler's address, and the processes."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def dask_cluster(folder: Path, workers: int, *, settings: Mapping[str, str] | None = None) -> Iterator[DaskCluster]:
    """A scheduler and so many workers of one thread each, on this machine.

    Arguments:
        settings: Dask's configuration, as environment variables.
    """
    with ExitStack() as ending:
        scheduler, address = start_scheduler(folder, "127.0.0.1", ending, settings=settings)
        started = [start_worker(folder, number, address, ending, settings=settings) for number in range(workers)]
        wait_for_workers(address, workers)
        yield DaskCluster(address, scheduler, started)


def start_scheduler(
    folder: Path,
    host: str,
    ending: ExitStack,
    *,
    within: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], str]:
    """A scheduler and its address.

    Arguments:
        within: words before the command, that put it into another network.
    """
    file = folder / "scheduler.json"
    words = ["--host", host, "--port", "0", "--no-dashboard", "--no-jupyter", "--scheduler-file", str(file)]
    process = _start(folder / "scheduler.log", "dask_scheduler", words, within, settings)
    ending.callback(_end, process)
    until = time.monotonic() + 60
    while not file.exists() or not file.read_text(encoding="utf-8"):
        assert process.poll() is None, (folder / "scheduler.log").read_text(encoding="utf-8")
        assert time.monotonic() < until, "the scheduler did not start"
        time.sleep(0.1)
    return process, json.loads(file.read_text(encoding="utf-8"))["address"]


def start_worker(
    folder: Path,
    number: int,
    address: str,
    ending: ExitStack,
    *,
    within: Sequence[str] = (),
    host: str = "127.0.0.1",
    settings: Mapping[str, str] | None = None,
    more: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """A worker of one thread, without a nanny: when it is killed, it stays away.

    Arguments:
        more: options of ``dask worker``.
    """
    words = [address, "--host", host, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"worker-{number}"]
    words += ["--local-directory", str(folder), "--death-timeout", "120", *more]
    process = _start(folder / f"worker-{number}.log", "dask_worker", words, within, settings)
    ending.callback(_end, process)
    return process


def wait_for_workers(address: str, count: int) -> None:
    """Waits until so many workers have come."""
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)


def _start(
    log: Path, module: str, words: Sequence[str], within: Sequence[str], settings: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **(settings or {}),
        "PYTHONPATH": str(ROOT),
        "DASK_TEMPORARY_DIRECTORY": str(log.parent),
    }
    with log.open("wb") as file:
        return subprocess.Popen(
            [*within, sys.executable, "-m", f"distributed.cli.{module}", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            cwd=log.parent,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
