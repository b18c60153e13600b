"""Attempts on a Dask cluster: an existing one by its address, or one of this run's own."""

from __future__ import annotations

import contextlib
import pickle
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Self

from distributed import Client, Future, LocalCluster

from assets_core.errors import HeadwaterError, RunError, message_of
from assets_core.records import StepResult
from materializers.executors import dask_worker
from materializers.executors.failures import process_died, refused
from materializers.executors.host import Ended, outcome
from materializers.executors.leftovers import remove_leftovers
from materializers.executors.options import ExecutorOptions
from materializers.executors.shipping import location_to_ship, ship
from materializers.ids import new_id
from materializers.step_task import StepTask
from materializers.workplace import Workplace

CONNECT_SECONDS = 30.0
"""So long is a scheduler waited for."""
_COUNT_SECONDS = 2.0
"""So often the cluster is asked how many workers it has."""
_FOR_THIS_MACHINE = "127.0.0.1:0"
"""Where the pages of a cluster of this run's own are served: Dask serves them, and to every network if not told."""
_ASK_SECONDS = 10.0
"""So long are the workers waited for that are asked to end something."""


class DaskExecutor:
    """Hands attempts to a Dask scheduler, which sends them to its workers and again to others when one is lost.

    An attempt that is carried out twice because of that stores twice, under two ids; one result comes back, and what
    nobody recorded is removed by ``prune``. Workers need the project's files and its storage, never the catalog.

    Arguments:
        client: of the scheduler.
        closing: closes the client, and the cluster if it is this run's own.
        options: how many attempts at once, when processes are replaced, what workers must offer.
        place: this process's own workplace.
    """

    def __init__(
        self, client: Client, closing: contextlib.ExitStack, options: ExecutorOptions, place: Workplace
    ) -> None:
        location = location_to_ship(place)
        self._client = client
        self._closing = closing
        self._options = options
        self._place = place
        self._location = pickle.dumps(replace(location, root=options.project or location.root))
        self._underway: dict[int, tuple[str, Future[bytes] | None]] = {}
        self._ended: SimpleQueue[tuple[int, str, StepTask, StepResult]] = SimpleQueue()
        self._counted = (-_COUNT_SECONDS, 1)

    @classmethod
    def open(cls, options: ExecutorOptions, place: Workplace) -> Self:
        """Reads ``address``, ``workers``, ``resources``, ``project`` and ``recycle_after_...``.

        Raises:
            RunError: HW522, only this process knows the project; HW525, there is no scheduler at the address, or no
                worker to be had.
        """
        location_to_ship(place)
        with contextlib.ExitStack() as closing:
            address: Any = options.address or _own_cluster(options, closing)
            try:
                client = closing.enter_context(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
            except (OSError, TimeoutError, ValueError) as error:
                raise RunError(
                    "HW525",
                    f"no Dask scheduler answers at {options.address}",
                    where="[executor] address",
                    why=str(error),
                    hint="start it with `dask scheduler`, and workers with `dask worker ADDRESS`",
                ) from None
            executor = cls(client, closing.pop_all(), options, place)
        executor._wait_for_a_worker()
        return executor

    @property
    def workers(self) -> int:
        """How many threads the cluster's workers have now that offer what is asked of them, or fewer if so wished."""
        asked, count = self._counted
        if time.monotonic() - asked >= _COUNT_SECONDS:
            count = self._threads() or count
            self._counted = (time.monotonic(), count)
        return min(count, self._options.workers or count)

    def submit(self, place: int, task: StepTask, *, timeout_seconds: float | None = None) -> None:
        """Takes an attempt; returns at once. Its time counts from when a worker begins with it."""
        token = new_id()
        self._underway[place] = (token, None)
        try:
            future = self._sent(token, ship(task, self._place), timeout_seconds)
        except HeadwaterError as error:
            self._ended.put((place, token, task, refused(task, self._place, error)))
            return
        except Exception as error:  # noqa: BLE001 -- a client that has lost its scheduler raises many things
            lost = process_died(task, self._place, f"could not be asked: {_short(error)}")
            self._ended.put((place, token, task, lost))
            return
        self._underway[place] = (token, future)
        future.add_done_callback(partial(self._done, place, token, task))

    def recall(self, places: Collection[int]) -> Collection[int]:
        """Takes attempts back that no worker has begun; none if a worker could not be asked."""
        sent: dict[str, tuple[int, Future[bytes]]] = {}
        for place in places:
            token, future = self._underway[place]
            if future is not None:
                sent[token] = (place, future)
        answers = self._answers(dask_worker.hold_back, list(sent)) if sent else None
        if answers is None:
            return ()
        begun = {token for answer in answers for token in answer}
        taken_back = [one for token, one in sent.items() if token not in begun]
        for place, _ in taken_back:
            del self._underway[place]
        self._client.cancel([future for _, future in taken_back], force=True)
        return [place for place, _ in taken_back]

    def cancel(self, place: int) -> bool:
        """Takes an attempt back; where it runs, its process is ended. False if a worker could not be asked."""
        token, future = self._underway.pop(place, ("", None))
        if future is None:
            return True
        future.cancel(force=True)
        return self._ask_all(dask_worker.end, [token])

    def wait(self, seconds: float | None) -> Sequence[tuple[int, StepResult]]:
        """Attempts that ended; waits for the first at most so long."""
        until = None if seconds is None else time.monotonic() + seconds
        found: list[tuple[int, StepResult]] = []
        while True:
            try:
                left = 0.0 if found else None if until is None else max(0.0, until - time.monotonic())
                place, token, task, result = self._ended.get(timeout=left)
            except Empty:
                return found
            if self._underway.get(place, ("", None))[0] == token:
                del self._underway[place]
                found.append((place, result))
            else:
                remove_leftovers(task, result, self._place)

    def close(self, wait: bool = True) -> None:
        """Waits for what was begun, or ends it; leaves the cluster as it was, or closes this run's own."""
        while wait and self._underway:
            self.wait(None)
        left = [(token, future) for token, future in self._underway.values() if future is not None]
        self._underway.clear()
        if left:
            self._client.cancel([future for _, future in left], force=True)
            self._ask_all(dask_worker.end, [token for token, _ in left])
        self._ask_all(dask_worker.leave, self._location)
        self._closing.close()

    def _sent(self, token: str, payload: bytes, timeout_seconds: float | None) -> Future[bytes]:
        return self._client.submit(
            dask_worker.attempt,
            self._location,
            self._options,
            payload,
            timeout_seconds,
            token,
            key=f"headwater-{token}",
            pure=False,
            resources=dict(self._options.resources) or None,
        )

    def _done(self, place: int, token: str, task: StepTask, future: Future[bytes]) -> None:
        """Called in a thread of the client when the scheduler is done with an attempt, whichever way."""
        try:
            ended: Ended = pickle.loads(future.result())  # noqa: S301 -- from a worker that this run gave the task to
            result = outcome(ended, task, self._place)
        except Exception as error:  # noqa: BLE001 -- whatever Dask or a worker raises is what became of the attempt
            result = process_died(task, self._place, f"was lost: {_short(error)}")
        self._ended.put((place, token, task, result))

    def _wait_for_a_worker(self) -> None:
        until = time.monotonic() + CONNECT_SECONDS
        while not self._threads():
            if time.monotonic() > until:
                self._closing.close()
                raise RunError(
                    "HW525",
                    "the Dask cluster has no worker that could be given an attempt",
                    where=self._options.address,
                    why=f"asked of it is {dict(self._options.resources)}" if self._options.resources else "",
                    hint="start one with `dask worker ADDRESS`, with the --resources that [executor] asks for",
                )
            time.sleep(0.2)

    def _threads(self) -> int:
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        except Exception:  # noqa: BLE001 -- a client that has lost its scheduler raises many things
            return 0
        wanted = self._options.resources.items()
        fit = [one for one in workers if all(one["resources"].get(name, 0) >= amount for name, amount in wanted)]
        return sum(one["nthreads"] for one in fit)

    def _ask_all(self, function: Any, word: Any) -> bool:
        """Calls a function on every worker; whether all of them answered in time, as one that is cut off does not."""
        return self._answers(function, word) is not None

    def _answers(self, function: Any, word: Any) -> list[Any] | None:
        """What a function gives on every worker; None if one of them did not answer in time."""
        answers: list[list[Any]] = []

        def ask() -> None:
            with contextlib.suppress(Exception):
                answers.append(list(self._client.run(function, word, on_error="return").values()))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(_ASK_SECONDS)
        if not answers or any(isinstance(one, BaseException) for one in answers[0]):
            return None
        return answers[0]


def _own_cluster(options: ExecutorOptions, closing: contextlib.ExitStack) -> Any:
    """A scheduler and a worker in this process; attempts run in processes of their own all the same."""
    folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="headwater-dask-"))
    cluster = LocalCluster(
        n_workers=1,
        threads_per_worker=options.workers_here,
        processes=False,
        dashboard_address=_FOR_THIS_MACHINE,
        worker_dashboard_address=_FOR_THIS_MACHINE,
        local_directory=folder,
        resources=dict(options.resources) or None,
    )
    return closing.enter_context(cluster)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {message_of(error)}".splitlines()[0][:300]
