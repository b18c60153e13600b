"""What goes into the catalog and comes out of it besides the core's records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from assets_core.check import CheckResult
from assets_core.keys import Slot
from assets_core.records import Materialization, StepRecord


class Publish(NamedTuple):
    """One move of an environment's pointer, made only if the slot still shows what was seen.

    Arguments:
        materialization: id of what the slot shall show; None to withdraw it from view.
        expected: id of what the slot showed when it was looked at; None for nothing.
    """

    slot: Slot
    materialization: str | None
    expected: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step leaves behind, recorded in one transaction.

    Arguments:
        materializations: new records, blocked ones included; empty when nothing was made.
        publish: pointers to move: all of them or, when one is lost to another run, none.
        steps: how the step's slots fared.
        source: text of the code that made the materializations, kept once however often it is used.
    """

    materializations: tuple[Materialization, ...] = ()
    publish: tuple[Publish, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What came of a commit.

    Arguments:
        lost: slots whose pointer had been moved by somebody else, or whose materialization was retired meanwhile.
            Their materializations are recorded; their pointers are untouched and the steps of their outcomes are
            not recorded, because how those ended is for the caller to say.
        sequence: the last entry of the catalog's log.
    """

    lost: tuple[Slot, ...]
    sequence: int


class Retired(StrEnum):
    """Why a materialization may not be published any more."""

    WITHDRAWN = "withdrawn"
    """Somebody found it wrong."""
    PRUNED = "pruned"
    """Its data is going to be deleted, or is."""


class Head(NamedTuple):
    """The end of the catalog's log: noted elsewhere, it proves later that nothing before it was changed.

    Arguments:
        sequence: how many entries the log has.
        hash: the hash of the last one, in hexadecimal.
    """

    sequence: int
    hash: str


class FileStamp(NamedTuple):
    """What the file system says of a file, by which an untouched one is known without reading it."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class CheckMoment:
    """The results of one evaluation of an asset's checks on one materialization.

    Arguments:
        sequence: its place in the catalog's order.
        run_id: the run that evaluated them; None outside a run.
    """

    sequence: int
    at: datetime
    run_id: str | None
    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class Retirement:
    """One materialization taken out of use."""

    sequence: int
    materialization: str
    how: Retired
    reason: str
    run_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record as the catalog's log has it, for reading.

    Arguments:
        kind: what was recorded: ``run``, ``run_end``, ``materialization``, ``publication``, ``step``,
            ``later_check`` or ``retirement``.
        env: the environment of the run it belongs to, or in which was published.
        actor: who asked for that run.
        detail: the command of a run, the state of an end or a step, ``blocked``, the record that a publication
            replaced, or the reason of a retirement.
        hash: of the entry that covers it, in hexadecimal.
    """

    sequence: int
    at: datetime
    kind: str
    hash: str
    env: str = ""
    slot: Slot | None = None
    materialization: str | None = None
    run_id: str | None = None
    actor: str = ""
    detail: str = ""
