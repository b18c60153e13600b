"""Runs beside each other: which are at work, which crashed, and what is refused meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets_core.errors import RefusedError
from assets_core.records import RunRecord, RunState
from headwater import processes

if TYPE_CHECKING:
    from headwater.project import Project


def abandon_dead_runs(project: Project, env: str | None = None, *, everywhere: bool = False) -> list[str]:
    """Marks runs whose process is gone, and says so, one sentence a run.

    Arguments:
        env: in which environment; the project's if not given.
        everywhere: in all environments, which share what a run takes beside its slots: pools, and data that it stores.
    """
    said = []
    for run in project.catalog.live_runs(None if everywhere else env or project.env):
        if not at_work(project, run):
            now = datetime.now(UTC)
            project.catalog.end_run(run.id, RunState.ABANDONED, ended=now, counts={}, reason="its process is gone")
            there = "" if run.env == project.env else f"--env {run.env} "
            said.append(
                f"run {run.id[:13]} of {run.started:%Y-%m-%d %H:%M} was cut off; what it published stays, and "
                f"headwater {there}runs resume {run.id[:13]} does the rest"
            )
    return said


def at_work(project: Project, run: RunRecord) -> bool:
    """Whether a run that has not ended is still carried out by somebody."""
    return processes.alive(run.process, beat=project.catalog.last_beat(run.id) or run.started, now=datetime.now(UTC))


def refuse_frozen(project: Project) -> None:
    """Refuses early what the catalog would refuse in the end.

    Raises:
        RefusedError: HW704.
    """
    if project.catalog.frozen(project.env):
        raise RefusedError(
            "HW704",
            f"the environment {project.env!r} is frozen: nothing in it changes",
            hint=f"headwater env drop {project.env} removes it whole",
        )


def refuse_if_busy(project: Project) -> None:
    """Refuses to work beside a run in the same environment.

    Raises:
        RefusedError: HW701.
    """
    for run in project.catalog.live_runs(project.env):
        if at_work(project, run):
            raise RefusedError(
                "HW701",
                f"run {run.id[:13]} is at work in {project.env}",
                why=f"started {run.started:%Y-%m-%d %H:%M:%S} by {run.actor}, process {run.process.get('pid')}",
                hint="wait until it has ended; headwater runs shows it",
            )
