"""What a process does that carries attempts out for another one: load the project once, then task after task.

It is started by ``worker_process``, speaks with it over one socket, and is gone when the other end is.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import queue
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from assets_core.errors import HeadwaterError, RunError, message_of
from assets_core.records import AttemptLog, StepResult
from materializers.capture import bounded, capturing_streams, mirroring
from materializers.executors.shipping import unpack
from materializers.task import perform
from materializers.workplace import ProjectLocation, Workplace

NATIVE = 2
"""What anything in the process writes to the standard streams past Python goes to a file, too."""


def main(socket: int, mirror: int) -> None:
    """Serves until it is told to stop, or until nobody is there any more.

    Arguments:
        socket: its end of the socket.
        mirror: a file for a copy of what the attempt has printed so far, in case it does not live to tell.
    """
    faulthandler.enable(NATIVE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with Connection(socket) as connection:
        location: ProjectLocation = pickle.loads(connection.recv_bytes())  # noqa: S301 -- from the parent process
        threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
        place = _loaded(location, connection)
        if place is not None:
            with capturing_streams(), mirroring(mirror):
                while payload := tasks.get():
                    os.ftruncate(NATIVE, 0)
                    os.ftruncate(mirror, 0)
                    with _surroundings():
                        result = _carry_out(payload, place)
                    _answer(connection, result)
            place.close()
        os._exit(0)  # what a step left behind, such as threads that are no daemons, keeps no process


def load(location: ProjectLocation) -> Workplace:
    """The workplace of a project, made by the loader that the location names."""
    module, _, function = location.loader.partition(":")
    made: Workplace = getattr(import_module(module), function)(location)
    return made


def _listen(connection: Connection, tasks: queue.SimpleQueue[bytes]) -> None:
    """Hands tasks on; when the other end is gone, what runs is worth nothing any more and ends, with all it started."""
    while True:
        try:
            tasks.put(connection.recv_bytes())
        except (EOFError, OSError):
            os.killpg(0, signal.SIGKILL)


def _loaded(location: ProjectLocation, connection: Connection) -> Workplace | None:
    try:
        place = load(location)
    except HeadwaterError as error:
        connection.send_bytes(pickle.dumps(error))
        return None
    connection.send_bytes(pickle.dumps(None))
    return place


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """Puts back what a step changed of what the next ones find: environment variables and the working folder.

    What a step reads of them is recorded as the process that judged it has them.
    """
    variables, folder = dict(os.environ), None
    with contextlib.suppress(OSError):  # it was removed
        folder = os.getcwd()
    try:
        yield
    finally:
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)
        with contextlib.suppress(OSError):
            os.chdir(folder or os.curdir)


def _carry_out(payload: bytes, place: Workplace) -> StepResult | HeadwaterError:
    try:
        task = unpack(payload, place)
    except HeadwaterError as error:
        return error
    result = perform(task, place)
    beside = place.mask(read_back(NATIVE))
    if beside:
        output = bounded(f"{result.log.output}{beside}")
        result = replace(result, log=AttemptLog(output, result.log.traceback))
    return result


def _answer(connection: Connection, result: StepResult | HeadwaterError) -> None:
    try:
        answer = pickle.dumps((result, resident_bytes()), protocol=5)
    except Exception as error:  # noqa: BLE001 -- pickling runs code of the values, which may raise anything
        problem = RunError(
            "HW522",
            "what the step gave cannot be sent back from the process that carried it out",
            why=f"{type(error).__name__}: {message_of(error)}",
        )
        answer = pickle.dumps((problem, resident_bytes()))
    connection.send_bytes(answer)


def read_back(descriptor: int) -> str:
    """What was written to a file that the descriptor is open on, bounded like an attempt's log."""
    with contextlib.suppress(OSError):
        size = os.fstat(descriptor).st_size
        if size:
            return bounded(os.pread(descriptor, min(size, 1 << 20), 0).decode("utf-8", "replace"))
    return ""


def resident_bytes() -> int:
    """The memory that this process holds now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
