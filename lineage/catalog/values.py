"""What goes into the catalog and comes out of it besides the core's records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from assets_core.check import CheckResult
from assets_core.keys import Slot
from assets_core.published import Judged
from assets_core.records import Acceptance, Materialization, RunRecord, StepRecord
from assets_core.versions import CodeVersion


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
        judged: what is known to be fresh with the publication; memory that saves looking again, and no evidence.
    """

    materializations: tuple[Materialization, ...] = ()
    publish: tuple[Publish, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    source: str = ""
    judged: tuple[Judged, ...] = ()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Those that it ends the work at."""
        return (*(one.slot for one in self.publish), *(one.slot for one in self.steps))


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


class Want(NamedTuple):
    """A step whose slots a run wants to claim.

    Arguments:
        place: of the step in the plan.
        pool, limit: the pool that it takes a place in, and how many places that has; None for no pool.
        call: the number, within the run, of the call that computes it: steps of one call share a place in the pool.
    """

    place: int
    slots: tuple[Slot, ...]
    pool: str | None = None
    limit: int = 0
    call: int = 0


class Claimed(NamedTuple):
    """What came of wanting to claim.

    Arguments:
        granted: places of the steps whose slots are claimed now.
        busy: places of steps that another run is at, with its id.
        full: places of steps whose pool has no room.
        moved: what slots show by what others published since the caller looked; None for nothing.
        sequence: the last entry of the log, up to which ``moved`` tells.
        lost: the run was marked as ended by somebody else; nothing was claimed.
    """

    granted: tuple[int, ...]
    busy: dict[int, str]
    full: tuple[int, ...]
    moved: dict[Slot, str | None]
    sequence: int
    lost: bool = False


class Neighbours(NamedTuple):
    """What other runs of an environment do.

    Arguments:
        claimed: the slots that they are at, each with the id of the run.
        moved, sequence: as in ``Claimed``.
    """

    claimed: dict[Slot, str]
    moved: dict[Slot, str | None]
    sequence: int


class Request(NamedTuple):
    """What somebody asks of a run that another process carries out.

    Arguments:
        how: ``finish``: what is running may finish; ``stop``: at once.
        actor: who asks.
    """

    how: str
    actor: str


class Retired(StrEnum):
    """Why a materialization may not be published any more."""

    WITHDRAWN = "withdrawn"
    """Somebody found it wrong."""
    PRUNED = "pruned"
    """Its data is going to be deleted, or is."""


class Verb(StrEnum):
    """What somebody did to an environment on purpose, apart from runs."""

    CREATE = "create"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RELEASE = "release"
    DROP = "drop"
    WITHDRAW = "withdraw"
    ACCEPT = "accept"


class Move(NamedTuple):
    """One pointer to move, in whichever environment, if it still shows what was seen.

    Arguments:
        materialization: id of what the slot shall show; None for nothing.
        expected: id of what the slot showed when it was looked at; None for nothing.
    """

    env: str
    slot: Slot
    materialization: str | None
    expected: str | None


class Accept(NamedTuple):
    """That what a slot shows is to stay although the code is another now, if it still shows that.

    Arguments:
        slot: under the key that the materialization was made under.
        code: the code version that is accepted, and ``source`` the text of that code.
        decided: the run by which somebody accepted it, where that is copied from another environment.
    """

    slot: Slot
    materialization: str
    code: CodeVersion
    source: str = ""
    decided: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody does to an environment, recorded in one transaction as a run without steps.

    Arguments:
        run: who, when, with which words and why; its environment is the one that is changed. It ends as it begins.
        origin: the environment that pointers come from.
        seen: the last entry of the log when the pointers of ``origin`` were looked at.
        frozen: with ``create``: nothing but dropping may be done to the environment from then on.
        moves: all of them or, when one was moved by somebody else, none.
        hold, release: slots of the environment that are kept as they are from now on, or no longer.
        withdraw: ids of materializations that are never used or shown again.
        accept: slots of the environment that stay as they are although the code is another now.
        faces: by environment and storage the slots that other tools see as they were until they are shown anew.
    """

    run: RunRecord
    verb: Verb
    origin: str | None = None
    seen: int | None = None
    frozen: bool = False
    moves: tuple[Move, ...] = ()
    hold: tuple[Slot, ...] = ()
    release: tuple[Slot, ...] = ()
    withdraw: tuple[str, ...] = ()
    accept: tuple[Accept, ...] = ()
    faces: Mapping[tuple[str, str], Collection[Slot]] = field(default_factory=dict)


class NamedKey(NamedTuple):
    """A partition key that is kept in the catalog, as it was last added or retired.

    Arguments:
        retired: whether it was retired, and not added again.
        actor, at, reason: who did that, when and why.
    """

    key: str
    retired: bool
    actor: str
    at: datetime
    reason: str


class Pointer(NamedTuple):
    """What a slot shows.

    Arguments:
        observed: whether it is an observation of a source.
        retired: whether it was taken out of use since, as only an earlier state of an environment can show.
    """

    materialization: str
    observed: bool
    retired: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """Who keeps a slot as it is since when, and why."""

    slot: Slot
    run_id: str
    actor: str
    at: datetime
    reason: str


class Accepted(NamedTuple):
    """An acceptance on record, in the environment that it holds in.

    Arguments:
        source: the text of the code that was accepted.
        recorded: the run that recorded it there: another than the one it was decided by where it was copied.
    """

    env: str
    slot: Slot
    materialization: str
    acceptance: Acceptance
    source: str
    recorded: str


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """What the catalog knows of one environment.

    Arguments:
        origin: the environment that it was made from; empty if it came to be by being used.
        created, actor: when it was made and by whom; None and empty if it came to be by being used.
        dropped: it was dropped, and nothing has been done in it since.
        shown: slots of assets that show something.
        held: slots that are kept as they are.
    """

    name: str
    origin: str = ""
    frozen: bool = False
    created: datetime | None = None
    actor: str = ""
    dropped: bool = False
    shown: int = 0
    held: int = 0


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
            ``later_check``, ``retirement``, ``change``, ``hold``, ``partition_key`` or ``acceptance``.
        env: the environment of the run it belongs to, or in which was published.
        actor: who asked for that run.
        detail: the command of a run, the state of an end or a step, ``blocked``, the record that a publication
            replaced, the reason of a retirement, what was done to an environment, or ``held`` and ``released``.
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
