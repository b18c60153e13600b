"""What is remembered and what crosses floors: frozen values, no behaviour beyond reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from assets_core.check import CheckResult
from assets_core.column_lineage import ColumnLineage
from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from assets_core.recipe import Recipe
from assets_core.versions import CodeVersion, DataVersion

Schema = tuple[tuple[str, str], ...]
"""Column names and data types, the types as polars writes them: ``(("id", "Int64"), ("name", "String"))``."""


class RecordKind(StrEnum):
    """Whether Headwater computed the rows or found them."""

    MATERIALIZATION = "materialization"
    OBSERVATION = "observation"


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the data of one materialization lies.

    Arguments:
        storage: name of the storage in headwater.toml.
        location: what that storage needs to find it: a path below its root, a table name.
        bytes: size of the stored data.
        digest: SHA-256 of the stored bytes, or what the storage can offer of equal strength; for audit verify.
    """

    storage: str
    location: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Materialization:
    """The immutable record of one making of one slot, or of one observation of a source's slot.

    Arguments:
        id: time-ordered UUID.
        recipe: what it was made from; None for observations.
        stored: None for a source that is read in place.
        lineage: the column lineage of this making, tables being input names bound to asset keys; None for
            observations.
        blocked: a blocking check failed; the data was kept aside and never published.
        checks: results taken before publication.
        metadata: what ``context.add_metadata`` was told, JSON-ready.
        seconds: wall time of the attempt; ``cpu_seconds`` its processor time.
    """

    id: str
    slot: Slot
    kind: RecordKind
    run_id: str
    created: datetime
    schema: Schema
    version: DataVersion
    recipe: Recipe | None = None
    stored: Stored | None = None
    lineage: ColumnLineage | None = None
    checks: tuple[CheckResult, ...] = ()
    blocked: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That somebody wants a materialization to stay shown although the code is another now.

    Arguments:
        code: the code version that is accepted beside the recorded one, under the names that assets had when the
            materialization was made. Any other code makes its slot stale as ever.
        run_id: by which it was recorded.
    """

    code: CodeVersion
    run_id: str
    actor: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is known of an asset without data.

    Arguments:
        code: the code version.
        schema: the output schema; None where only running tells.
        read_sets: per bound input name, the columns it reads, in the input's order; ``#`` if row order matters.
            An input that is missing here is read whole.
        lineage: the column lineage; its tables are bound input names.
        undeclared: files that the plan scans and that are none of its inputs.
        volatile_functions: SQL functions inside that are not stable.
        warnings: sentences for ``validate``.
        errors: what is wrong with the code, found without data.
        matched: a digest of the columns that its selectors match, where the code version does not say it.
    """

    code: CodeVersion
    schema: Schema | None
    read_sets: Mapping[str, tuple[str, ...]]
    lineage: ColumnLineage
    undeclared: tuple[str, ...] = ()
    volatile_functions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[HeadwaterError, ...] = ()
    matched: str = ""


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """What one attempt at a step printed, logged and raised: masked and bounded text."""

    output: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class StepError:
    """Why an attempt failed, fit to be kept and to be shown.

    Arguments:
        code: a stable code; ``HW501`` for an exception of the user's function.
        type: name of the exception's class.
        message: its text, masked.
        traceback: beginning at the user's frame.
        hint: what to do about it, where that is known.
    """

    code: str
    type: str
    message: str
    traceback: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one attempt at one step: values only, never a frame.

    Arguments:
        slots: the slots of the step, in the order of the step.
        made: one materialization a slot when the attempt succeeded, blocked ones included; else empty.
        error: why it failed; None when it did not.
        worth_another_try: the exception is of a type that the asset's ``Retry`` names.
        given_up: the attempt could not be ended and may still run; nothing that it gives will be used.
    """

    slots: tuple[Slot, ...]
    attempt: int
    made: tuple[Materialization, ...] = ()
    error: StepError | None = None
    worth_another_try: bool = False
    log: AttemptLog = AttemptLog()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    given_up: bool = False


class RunState(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """Every step ended well."""
    FAILED = "failed"
    """It went to its end, and some step did not end well."""
    CANCELLED = "cancelled"
    """Somebody stopped it; what was published stays."""
    ABANDONED = "abandoned"
    """Its process is gone; the next command noticed."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One carrying-out of a plan.

    Arguments:
        actor: who asked for it: ``HEADWATER_ACTOR``, else the user.
        command: the words it was asked with, masked.
        process: host, process id and start of the process that carries it out, by which a crash is noticed.
        counts: steps by final state; empty while it runs.
        asked: what was asked for besides the selection, as far as resuming the run needs it.
        parent: the run that this one resumes.
    """

    id: str
    env: str
    state: RunState
    started: datetime
    actor: str
    command: str
    selection: str
    process: Mapping[str, Any] = field(default_factory=dict)
    ended: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How one slot fared in one run.

    Arguments:
        state: the final state of the step, a word of ``run.StepState``.
        reasons: why it was planned, as their JSON form.
        materialization: what it published or set aside; None if nothing.
        logs_gone: whether logs were recorded that the catalog does not have any more.
    """

    run_id: str
    slot: Slot
    state: str
    reasons: tuple[Mapping[str, Any], ...] = ()
    materialization: str | None = None
    error: StepError | None = None
    attempts: int = 0
    seconds: float = 0.0
    logs: tuple[AttemptLog, ...] = ()
    logs_gone: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """One move of an environment's pointer for one slot.

    Arguments:
        sequence: its place in the catalog's order, counted from 1.
        materialization: what the slot shows from then on; None when it was withdrawn from view.
        previous: what it showed before.
    """

    sequence: int
    env: str
    slot: Slot
    materialization: str | None
    previous: str | None
    run_id: str
    at: datetime
