"""What ``[executor]`` of headwater.toml and the command line say of where attempts run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ExecutorOptions:
    """How an executor is to be opened; each kind reads what concerns it.

    Arguments:
        kind: ``threads``, ``processes``, ``dask``, or what another distribution registers.
        workers: attempts at once; None for as many as the place has processors or workers.
        recycle_after_steps: a process is replaced when it has carried out so many attempts; None for never.
        recycle_after_bytes: or when it holds so much memory after one.
        address: of the scheduler of a cluster; empty for one of its own.
        project: the project's folder where the attempts run; empty where it is the same as here.
        resources: what a worker of the cluster must offer to be given an attempt, and how much of it one takes.
    """

    kind: str = "threads"
    workers: int | None = None
    recycle_after_steps: int | None = None
    recycle_after_bytes: int | None = None
    address: str = ""
    project: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("workers", "recycle_after_steps", "recycle_after_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, and must be at least 1")

    @property
    def workers_here(self) -> int:
        """Attempts at once where they run on this machine."""
        return self.workers or os.cpu_count() or 1
