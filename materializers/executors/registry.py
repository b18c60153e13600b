"""Executors by their kind: the built-in ones and those of other distributions, through one door."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from assets_core.errors import UsageError, did_you_mean
from assets_core.ports import Executor
from materializers.executors.options import ExecutorOptions
from materializers.workplace import Workplace

GROUP = "headwater.executor"
"""The entry point group under which a distribution registers ``kind = module:class``."""
_OWN = {  # read when the code runs from a folder that was never installed and so has no metadata
    "threads": "materializers.executors.threads:ThreadsExecutor",
    "processes": "materializers.executors.processes:ProcessesExecutor",
    "dask": "materializers.executors.dask:DaskExecutor",
}


class Opens(Protocol):
    """What a registered class must offer."""

    def open(self, options: ExecutorOptions, place: Workplace) -> Executor:
        """Makes the executor; called once a run. It may start threads, processes and connections.

        Raises:
            HeadwaterError: it cannot be opened; nothing ran.
        """


def open_executor(options: ExecutorOptions, place: Workplace) -> Executor:
    """Opens the executor that the options name.

    Raises:
        UsageError: HW652, the kind is unknown or cannot be loaded.
    """
    check_kind(options.kind)
    module, _, attribute = _known(options.kind)[options.kind].partition(":")
    try:
        made = cast(Opens, getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise UsageError(
            "HW652",
            f"the executor {options.kind!r} cannot be loaded",
            where="[executor] kind",
            why=str(error),
            hint=f"pip install 'headwater[{options.kind}]' brings what it needs",
        ) from error
    return made.open(options, place)


def check_kind(kind: str) -> None:
    """Refuses a kind that nobody has registered.

    Raises:
        UsageError: HW652.
    """
    known = _known(kind)
    if kind not in known:
        raise UsageError(
            "HW652",
            f"{kind!r} is no kind of executor",
            where="[executor] kind",
            hint=did_you_mean(kind, known) or f"there are {', '.join(sorted(known))}",
        )


def _known(kind: str) -> Mapping[str, str]:
    """The kinds of Headwater's own where that is one of them; else all, which takes as long as to open a catalog."""
    return _OWN if kind in _OWN else kinds()


@cache
def kinds() -> Mapping[str, str]:
    """Every known kind with ``module:class``; looked up once a process."""
    found: tuple[EntryPoint, ...] = tuple(entry_points(group=GROUP))
    return {one.name: one.value for one in found} | _OWN
