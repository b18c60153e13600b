"""One attempt at one step: read the inputs, call, trace columns, stage, fingerprint, check. Values in, a value out.

A task never touches the catalog, so an executor needs to know nothing of it.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import polars as pl

from assets_core.asset import Asset, Form
from assets_core.check import Check, CheckResult
from assets_core.column_lineage import ORDER, ColumnLineage
from assets_core.errors import DataError, HeadwaterError, RunError
from assets_core.keys import Slot
from assets_core.partitions import Partition
from assets_core.recipe import Recipe
from assets_core.records import (
    AttemptLog,
    Derivation,
    Materialization,
    RecordKind,
    Schema,
    StepError,
    StepResult,
    Stored,
)
from assets_core.settings import Config
from assets_core.versions import DataVersion
from lineage.checks.evaluate import evaluate
from lineage.columns.eager import Trace, untraced
from lineage.columns.guard import guarded
from lineage.dtypes import parse_dtype
from lineage.fingerprint import data_version
from lineage.fingerprint_many import data_versions
from lineage.trace import combine
from materializers.batch_results import checks_of, difference, hold_together, split
from materializers.capture import captured
from materializers.results import as_frame, held_to
from materializers.sql_engine import run_query
from materializers.staging import steady, ways_of, write_in_passing
from materializers.storage.protocol import Storage

STREAMED_ROWS = 500_000
"""A lazy result is written while it is computed, and never whole in memory, if an input has at least so many rows."""


@dataclass(frozen=True)
class TaskInput:
    """One input of a step, pinned.

    Arguments:
        schema: all its columns; ``read_set``: those that may be read, None for all.
        scan: gives its rows, all columns, without reading them yet.
        rows: how many there are, as far as that is recorded.
    """

    name: str
    key: str
    form: Form
    schema: Schema
    read_set: tuple[str, ...] | None
    scan: Callable[[], pl.LazyFrame]
    rows: int = 0


@dataclass(frozen=True)
class TaskOutput:
    """One slot that a step makes.

    Arguments:
        id: the materialization's id, given before so that nothing is made twice.
        recipe: as it was when the step was dispatched, its inputs pinned.
        read_sets: what its known readers read, so that versions for them are made along.
        shown: what the slot shows, whose key is tried first and whose float columns may keep their versions.
        originals: by id, the data of those earlier materializations of the slot from which versions shown now come.
        adopt: an earlier materialization of the same recipe whose data is only checked again, not computed.
    """

    asset: Asset[..., Any]
    slot: Slot
    id: str
    recipe: Recipe
    derivation: Derivation
    read_sets: tuple[tuple[str, ...], ...] = ()
    shown: Materialization | None = None
    originals: Mapping[str, Callable[[], pl.LazyFrame]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    adopt: Materialization | None = None


@dataclass(frozen=True)
class StepTask:
    """All that one attempt at one step needs.

    Arguments:
        outputs: its slots; the first asset's function is called.
        inputs: in the order of the function's parameters.
        storages: by the names that ``TaskOutput.asset.storage`` gives; ``default`` where it gives none.
        values: bound values of a SQL asset.
        lookup: published values of a column of another asset, for ``foreign_key``.
        mask: takes secrets out of a text.
        partitions: of a batch, the partitions of its slots, in their order; ``partition`` is None then.
        trial: of a batch that is not proven to be local, the task of one of its slots alone, to compare with.
    """

    outputs: tuple[TaskOutput, ...]
    inputs: tuple[TaskInput, ...]
    storages: Mapping[str, Storage]
    run_id: str
    attempt: int
    partition: Partition | None
    config: Config | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    lookup: Callable[[str, str], pl.LazyFrame] | None = None
    mask: Callable[[str], str] = str
    partitions: tuple[Partition, ...] = ()
    trial: StepTask | None = None


class StepContext:
    """What a function that asks for ``Context`` gets; see ``assets_core.settings.Context``."""

    def __init__(self, task: StepTask) -> None:
        self.key = task.outputs[0].slot.asset
        self.partitions = task.partitions or (() if task.partition is None else (task.partition,))
        self.run_id = task.run_id
        self.attempt = task.attempt
        self.log = logging.getLogger(f"headwater.{self.key}")
        self.metadata: dict[str, Any] = {}

    @property
    def partition(self) -> Partition | None:
        """Key and window of the slot; see ``assets_core.settings.Context``."""
        if len(self.partitions) > 1:
            raise RunError(
                "HW513",
                f"{self.key} is computed for {len(self.partitions)} partitions at once, so there is no one partition",
                hint="use context.partitions, or leave Run(batch=...) out",
            )
        return self.partitions[0] if self.partitions else None

    def add_metadata(self, **values: Any) -> None:
        """Keeps JSON-ready values with the materialization."""
        self.metadata.update(values)


def perform(task: StepTask) -> StepResult:
    """Carries out one attempt; whatever goes wrong in it is in the result, never raised."""
    began, cpu = time.perf_counter(), time.thread_time()
    slots = tuple(output.slot for output in task.outputs)
    with captured() as kept:
        error: StepError | None = None
        again = False
        made: tuple[Materialization, ...] = ()
        try:
            adopted = all(output.adopt is not None for output in task.outputs)
            made = _check_again(task) if adopted else _make(task, began, cpu)
        except BaseException as failure:  # noqa: BLE001 -- whatever a user's code raises ends with the attempt
            error = step_error(failure, task)
            again = isinstance(failure, task.outputs[0].asset.run.retry.on)
    log = AttemptLog(task.mask(kept.text()), error.traceback if error else "")
    seconds, cpu_seconds = time.perf_counter() - began, time.thread_time() - cpu
    return StepResult(slots, task.attempt, made, error, again, log, seconds, cpu_seconds)


def computed(task: StepTask) -> list[pl.DataFrame]:
    """What the step's code gives, a frame a slot, neither checked nor stored; whatever it raises comes through."""
    return [frame.lazy().collect() for frame, _ in _frames(*_call(task, StepContext(task)), task)]


def _make(task: StepTask, began: float, cpu: float) -> tuple[Materialization, ...]:
    context = StepContext(task)
    process = os.getpid()
    frames = _frames(*_call(task, context), task)
    if os.getpid() != process:
        os._exit(0)  # somebody's function forked and came back twice: only the one that was asked goes on
    judged = _judged_together([frame.lazy().collect() for frame, _ in frames], task) if task.partitions else None
    staged: list[tuple[Storage, Stored]] = []
    made = []
    share = _Share(began, cpu, len(task.partitions) or 1)
    try:
        for number, (output, (frame, lineage)) in enumerate(zip(task.outputs, frames, strict=True)):
            known = None if judged is None else judged[number]
            result = _stage(output, frame, task, staged, known)
            made.append(
                Materialization(
                    output.id,
                    output.slot,
                    RecordKind.MATERIALIZATION,
                    task.run_id,
                    datetime.now(UTC),
                    tuple((name, str(dtype)) for name, dtype in result.schema.items()),
                    result.version,
                    output.recipe,
                    result.stored,
                    lineage or _lineage(output, result.schema),
                    tuple(result.checks),
                    any(check.blocks for check in result.checks),
                    dict(context.metadata),
                    *share.next(),
                )
            )
        for name in {output.asset.storage or "default" for output in task.outputs}:
            task.storages[name].settle([stored for storage, stored in staged if storage is task.storages[name]])
    except BaseException:
        for storage, stored in staged:
            with suppress(HeadwaterError):
                storage.delete(stored)
        raise
    return tuple(made) if task.partitions else _all_or_none(made)


class _Share:
    """Wall and processor seconds of a slot: all that passed, or of a batch an equal share of what they have in common
    and what was spent on the slot itself.
    """

    def __init__(self, began: float, cpu: float, slots: int) -> None:
        self._slots = slots
        self._seen = time.perf_counter(), time.thread_time()
        self._common = (self._seen[0] - began) / slots, (self._seen[1] - cpu) / slots
        self._own = slots > 1

    def next(self) -> tuple[float, float]:
        """The seconds of the next slot."""
        now, before = (time.perf_counter(), time.thread_time()), self._seen
        if self._own:
            self._seen = now
        return self._common[0] + now[0] - before[0], self._common[1] + now[1] - before[1]


Judged = list[tuple[list[CheckResult], DataVersion]]
"""For each output the results of its checks and the version of its rows."""


def _judged_together(parts: Sequence[pl.DataFrame], task: StepTask) -> Judged:
    """The slots of a batch, with one look at all rows where that tells."""
    asset = task.outputs[0].asset
    hold_together(parts, asset)
    if task.trial is not None:
        slots = [output.slot for output in task.outputs]
        _compare(parts[slots.index(task.trial.outputs[0].slot)], task.trial)

    def lookup(frame: pl.DataFrame, key: str, column: str) -> pl.LazyFrame:
        return _looked_up(frame, asset.key, task, key, column)

    checks = checks_of(parts, task.outputs[0].checks, asset.key, lookup)
    shown = [() if output.shown is None else output.shown.version.key for output in task.outputs]
    versions = data_versions(
        parts,
        unique_key=asset.unique_key,
        previous_keys=shown,
        read_sets=task.outputs[0].read_sets,
        ordered=asset.ordered,
    )
    kept = [
        steady(version, part, asset, output.shown, output.originals)
        for version, output, part in zip(versions, task.outputs, parts, strict=True)
    ]
    return list(zip(checks, kept, strict=True))


def _compare(batched: pl.DataFrame, trial: StepTask) -> None:
    """Computes one slot of a batch alone, and refuses the batch if that gives something else.

    Raises:
        DataError: HW339, with what differs.
    """
    output, alone = trial.outputs[0], computed(trial)[0]
    differs = difference(batched, alone, output.asset)
    if differs:
        raise DataError(
            "HW339",
            f"{output.slot} comes out differently when it is computed in a batch: {differs}",
            where=output.asset.where,
            hint="leave Run(batch=...) out, or keep every group, window and join within one partition",
        )


@dataclass(frozen=True)
class _Staged:
    """A result that lies beside the published data."""

    schema: pl.Schema
    stored: Stored
    version: DataVersion
    checks: list[CheckResult]


def _stage(
    output: TaskOutput,
    frame: pl.DataFrame | pl.LazyFrame,
    task: StepTask,
    staged: list[tuple[Storage, Stored]],
    judged: tuple[list[CheckResult], DataVersion] | None,
) -> _Staged:
    """Stores, fingerprints and checks one result.

    A lazy frame is written while it is computed, its sums taken in passing; the rest is read from what was stored.

    Arguments:
        staged: told what was stored, even if the result is refused afterwards.
        judged: its checks and version where these are known, being those of one slot of a batch.
    """
    asset, schema = output.asset, frame.collect_schema()
    storage = task.storages[asset.storage or "default"]
    if judged is not None:
        staged.append((storage, storage.write(output.slot, output.id, frame)))
        return _Staged(schema, staged[-1][1], judged[1], judged[0])
    storage.check(schema)
    ways = ways_of(asset, output.shown, output.read_sets)
    tally, stored = None, None
    if isinstance(frame, pl.LazyFrame):
        stored, tally = write_in_passing(storage, output.slot, output.id, frame, ways)
        staged.append((storage, stored))
        frame = storage.scan(stored)
    version = data_version(frame, **ways, tally=tally)
    held_to(frame, asset, task.partition, key=version.key)
    checks = _checks(output, frame, task, version.key)
    if stored is None:
        stored = storage.write(output.slot, output.id, frame)
        staged.append((storage, stored))
    version = steady(version, frame, asset, output.shown, output.originals)
    return _Staged(schema, stored, version, checks)


def _check_again(task: StepTask) -> tuple[Materialization, ...]:
    """New records of data that is stored already: same recipe, other checks."""
    made = []
    for output in task.outputs:
        if output.adopt is None or output.adopt.stored is None:
            continue
        frame = task.storages[output.adopt.stored.storage].scan(output.adopt.stored)
        streams = (output.adopt.version.rows or 0) >= STREAMED_ROWS
        checks = tuple(_checks(output, frame if streams else frame.collect(), task, output.adopt.version.key))
        made.append(
            replace(
                output.adopt,
                id=output.id,
                run_id=task.run_id,
                created=datetime.now(UTC),
                checks=checks,
                blocked=any(result.blocks for result in checks),
            )
        )
    return _all_or_none(made)


def _all_or_none(made: Sequence[Materialization]) -> tuple[Materialization, ...]:
    """The slots of one step are published together: one that is blocked keeps the others aside too."""
    blocked = any(one.blocked for one in made)
    return tuple(replace(one, blocked=blocked) for one in made)


def _call(task: StepTask, context: StepContext) -> tuple[Any, Trace | None]:
    """What the asset's code returns, and how its DataFrames were followed on the way, if they were."""
    asset = task.outputs[0].asset
    if asset.sql is not None:
        frames = {one.name: _read(one).collect() for one in task.inputs}
        return run_query(asset.sql, frames, task.values, asset.key), None
    followed = bool(task.inputs) and all(one.form is Form.FRAME for one in task.inputs)
    trace = Trace() if followed else None
    arguments: dict[str, Any] = {one.name: _given(one) for one in task.inputs}
    if trace is not None:
        arguments = {name: trace.frame(name, frame) for name, frame in arguments.items()}
    for parameter in asset.parameters:
        if parameter.context:
            arguments[parameter.name] = context
        elif parameter.config is not None:
            arguments[parameter.name] = task.config
        elif parameter.resource is not None:
            arguments[parameter.name] = task.resources[parameter.name]
    return asset(**arguments), trace


def _read(one: TaskInput) -> pl.LazyFrame:
    """An input of a query with the columns that it reads; with any one of them where it only counts rows."""
    names = [name for name in one.read_set or () if name != ORDER]
    return one.scan() if one.read_set is None else one.scan().select(names or one.schema[0][0])


def _given(one: TaskInput) -> Any:
    """An input in the form that the function's annotation asks for."""
    frame = one.scan()
    if one.form in (Form.LAZY, Form.UNKNOWN):
        if one.read_set is None:
            return frame
        return guarded(frame, one.read_set, {name: parse_dtype(dtype) for name, dtype in one.schema})
    collected = frame.collect()
    if one.form is Form.ARROW:
        return collected.to_arrow()
    if one.form is Form.PANDAS:
        return collected.to_pandas()
    if one.form is Form.PATH:
        raise DataError(
            "HW330",
            f"the input {one.key} cannot be given as a path",
            where=one.name,
            hint="annotate it as pl.LazyFrame, pl.DataFrame, pandas.DataFrame or pyarrow.Table",
        )
    return collected


_Frame: TypeAlias = pl.DataFrame | pl.LazyFrame


def _frames(result: Any, trace: Trace | None, task: StepTask) -> list[tuple[_Frame, ColumnLineage | None]]:
    """A frame a slot, each with the lineage that following it has proven, None where it has not.

    Plans over many rows stay lazy; all else is in memory.
    """
    outputs = task.outputs
    if task.partitions:
        frame, lineage = _frame(result, trace, outputs[0], task)
        parts = split(frame.lazy().collect(), outputs[0].asset, [one.key for one in task.partitions])
        return [(part, lineage) for part in parts]
    if not outputs[0].asset.output:
        return [_frame(result, trace, outputs[0], task)]
    names = [output.asset.output for output in outputs]
    if not isinstance(result, Mapping) or set(result) != set(names):
        got = sorted(map(str, result)) if isinstance(result, Mapping) else type(result).__name__
        raise DataError(
            "HW331",
            f"the multi-asset {outputs[0].asset.maker} returned {got}",
            where=outputs[0].asset.where,
            hint=f"return a mapping with exactly {names}",
        )
    return [_frame(result[output.asset.output], trace, output, task) for output in outputs]


def _frame(result: Any, trace: Trace | None, output: TaskOutput, task: StepTask) -> tuple[_Frame, ColumnLineage | None]:
    streams = not task.partitions and any(one.rows >= STREAMED_ROWS for one in task.inputs)
    if isinstance(result, pl.LazyFrame) and streams:
        return result, None
    reading = None if trace is None else trace.reading(result)
    frame = as_frame(untraced(result), output.asset)
    if reading is None:
        return frame, None
    return frame, combine(reading.lineage, {one.name: one.key for one in task.inputs})


def _checks(output: TaskOutput, frame: _Frame, task: StepTask, key: tuple[str, ...]) -> list[CheckResult]:
    """Arguments: key: columns that were found to identify the rows."""
    if not output.checks:
        return []

    def lookup(key: str, column: str) -> pl.LazyFrame:
        return _looked_up(frame, output.slot.asset, task, key, column)

    return evaluate(output.checks, frame, lookup=lookup, key=key)


def _looked_up(frame: _Frame, own: str, task: StepTask, key: str, column: str) -> pl.LazyFrame:
    """The values of a column that a check looks up: in the rows checked where it names their own asset."""
    if key == own:
        return frame.lazy()
    if task.lookup is None:
        raise LookupError(key)
    return task.lookup(key, column)


def _lineage(output: TaskOutput, schema: pl.Schema) -> Any:
    """The derived lineage, with the output's columns where only the data could tell them."""
    lineage = output.derivation.lineage
    return lineage if lineage.columns else replace(lineage, columns=tuple(schema))


def step_error(failure: BaseException, task: StepTask) -> StepError:
    """What is kept of an exception: its traceback begins at the user's frame and holds no secret."""
    mask = task.mask
    if isinstance(failure, HeadwaterError):
        text = f"{failure.what}\n{failure.why}".strip()
        return StepError(failure.code, type(failure).__name__, mask(text), mask(_trace(failure, task)), failure.hint)
    return StepError("HW501", type(failure).__name__, mask(str(failure)), mask(_trace(failure, task)))


def _trace(failure: BaseException, task: StepTask) -> str:
    function = task.outputs[0].asset.function
    frames = failure.__traceback__
    code = getattr(function, "__code__", None)
    while frames is not None and frames.tb_frame.f_code is not code:
        frames = frames.tb_next
    if frames is None:
        return "".join(traceback.format_exception_only(type(failure), failure))
    return "".join(traceback.format_exception(type(failure), failure, frames))
