"""What a Dask worker does for an attempt: hand it to a process of its own, as on the run's own machine.

So a step that hangs can be ended, one that crashes takes no Dask worker with it, and code of two runs never meets.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from materializers.executors.host import Ended, Host
from materializers.executors.options import ExecutorOptions
from materializers.workplace import ProjectLocation

IDLE_SECONDS = 120.0
"""So long is a warm process kept that nobody asks anything of."""

_KEPT = 10_000
"""So many attempts are remembered that began, or that are not to begin."""

ProjectKey = bytes
"""A shipped location: equal for the attempts of one run, and of runs of the same files."""

_lock = threading.Lock()
_idle: dict[ProjectKey, list[tuple[Host, float]]] = defaultdict(list)
_serving: dict[str, Host] = {}
_begun: dict[str, None] = {}
_unwanted: dict[str, None] = {}
_sweeping = False


def attempt(
    location: ProjectKey, options: ExecutorOptions, payload: bytes, timeout_seconds: float | None, token: str
) -> bytes:
    """Carries out a shipped task in a warm process of its project.

    Arguments:
        location: a pickled ``ProjectLocation``; options: when a process is replaced.
        token: by which ``end`` names this attempt.

    Returns:
        A pickled ``Ended``.
    """
    with _lock:
        if token in _unwanted:
            return pickle.dumps(Ended(died="was not started"))
        _note(_begun, [token])
        host = _idle[location].pop()[0] if _idle[location] else _new_host(location, options)
        _serving[token] = host
    try:
        return pickle.dumps(host.carry_out(payload, timeout_seconds, token))
    finally:
        with _lock:
            del _serving[token]
            _idle[location].append((host, time.monotonic()))
        _sweep_later()


def hold_back(tokens: Sequence[str]) -> list[str]:
    """Gives those of the attempts that have begun on this worker, and sees to it that the others will not."""
    with _lock:
        begun = [token for token in tokens if token in _begun]
        _note(_unwanted, [token for token in tokens if token not in _begun])
    return begun


def end(tokens: Sequence[str]) -> None:
    """Ends those attempts that run on this worker, and sees to it that the others will not begin here."""
    with _lock:
        _note(_unwanted, tokens)
        hosts = {token: _serving[token] for token in tokens if token in _serving}
    for token, host in hosts.items():
        host.end(token)


def leave(location: ProjectKey) -> None:
    """Lets the warm processes of a project go."""
    with _lock:
        hosts = [host for host, _ in _idle.pop(location, [])]
    for host in hosts:
        host.close()


def _note(kept: dict[str, None], tokens: Sequence[str]) -> None:
    """Keeps tokens for as long as may matter."""
    kept.update(dict.fromkeys(tokens))
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]


def _new_host(location: ProjectKey, options: ExecutorOptions) -> Host:
    found: ProjectLocation = pickle.loads(location)  # noqa: S301 -- from the run that asks this cluster to work for it
    return Host(found, options)


def _sweep_later() -> None:
    global _sweeping  # noqa: PLW0603 -- one timer a process
    with _lock:
        if _sweeping:
            return
        _sweeping = True
    timer = threading.Timer(IDLE_SECONDS, _sweep)
    timer.daemon = True
    timer.start()


def _sweep() -> None:
    global _sweeping  # noqa: PLW0603 -- as above
    with _lock:
        tired = list(_take_tired(time.monotonic() - IDLE_SECONDS))
        left = any(_idle.values())
        _sweeping = False
    for host in tired:
        host.close()
    if left:
        _sweep_later()


def _take_tired(before: float) -> Iterator[Host]:
    for location, hosts in list(_idle.items()):
        yield from (host for host, since in hosts if since <= before)
        _idle[location] = [one for one in hosts if one[1] > before]
        if not _idle[location]:
            del _idle[location]
