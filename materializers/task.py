"""One attempt at one step: read the inputs, call, trace columns, stage, fingerprint, check. Values in, a value out.

A task never touches the catalog, so an executor needs to know nothing of it.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import polars as pl

from assets_core.asset import Asset, Form
from assets_core.check import CheckResult
from assets_core.column_lineage import ColumnLineage
from assets_core.errors import DataError, HeadwaterError, message_of
from assets_core.records import (
    AttemptLog,
    Materialization,
    RecordKind,
    StepError,
    StepResult,
    Stored,
)
from assets_core.versions import DataVersion
from lineage.checks.evaluate import evaluate
from lineage.columns.eager import Trace, untraced
from lineage.fingerprint import data_version
from lineage.fingerprint_many import data_versions
from lineage.trace import combine
from materializers.batch_results import checks_of, difference, hold_together, split
from materializers.capture import bounded, captured, without_secrets
from materializers.ids import new_id
from materializers.results import as_frame, check_names, collected, held_to
from materializers.sql_engine import run_query
from materializers.staging import steady, ways_of, write_in_passing
from materializers.step_context import StepContext
from materializers.step_task import StepTask, TaskOutput
from materializers.storage.protocol import Storage
from materializers.task_inputs import few, given, queried
from materializers.workplace import Workplace

STREAMED_ROWS = 500_000
"""A lazy result is written while it is computed, and never whole in memory, if an input has at least so many rows."""


def perform(task: StepTask, place: Workplace) -> StepResult:
    """Carries out one attempt; whatever goes wrong in it is in the result, never raised."""
    began, cpu = time.perf_counter(), time.thread_time()
    slots = tuple(output.slot for output in task.outputs)
    with captured() as kept:
        error: StepError | None = None
        again = False
        made: tuple[Materialization, ...] = ()
        try:
            adopted = all(output.adopt is not None for output in task.outputs)
            made = _check_again(task, place) if adopted else _make(task, place, began, cpu)
            made = tuple(without_secrets(one, place.mask) for one in made)
        except BaseException as failure:  # noqa: BLE001 -- whatever a user's code raises ends with the attempt
            asset = place.asset(slots[0].asset)
            error = step_error(failure, asset.function, place.mask)
            again = isinstance(failure, asset.run.retry.on)
    log = AttemptLog(place.mask(kept.text()), error.traceback if error else "")
    seconds, cpu_seconds = time.perf_counter() - began, time.thread_time() - cpu
    return StepResult(slots, task.attempt, made, error, again, log, seconds, cpu_seconds)


def computed(task: StepTask, place: Workplace) -> list[pl.DataFrame]:
    """What the step's code gives, a frame a slot, neither checked nor stored; whatever it raises comes through."""
    return [collected(frame) for frame, _ in _frames(*_call(task, place, StepContext(task)), task, place)]


@contextmanager
def _in_this_process() -> Iterator[None]:
    """Ends a child that somebody's function forked and that came back from it: it stores nothing."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def _make(task: StepTask, place: Workplace, began: float, cpu: float) -> tuple[Materialization, ...]:
    context = StepContext(task)
    with _in_this_process():
        frames = _frames(*_call(task, place, context), task, place)
        batch = [collected(frame) for frame, _ in frames] if task.partitions else None
    judged = None if batch is None else _judged_together(batch, task, place)
    staged: list[tuple[Storage, Stored]] = []
    made = []
    share = _Share(began, cpu, len(task.partitions) or 1)
    try:
        for number, (output, (frame, lineage)) in enumerate(zip(task.outputs, frames, strict=True)):
            known = None if judged is None else judged[number]
            result = _stage(output, frame, task, place, staged, known)
            made.append(
                Materialization(
                    result.id,
                    output.slot,
                    RecordKind.MATERIALIZATION,
                    task.run_id,
                    datetime.now(UTC),
                    tuple((name, str(dtype)) for name, dtype in result.schema.items()),
                    result.version,
                    output.recipe,
                    result.stored,
                    lineage or derived_lineage(output, result.schema.names()),
                    tuple(result.checks),
                    any(check.blocks for check in result.checks),
                    dict(context.metadata),
                    *share.next(),
                )
            )
        for name in {stored.storage for _, stored in staged}:
            place.tables.storage(name).settle([stored for _, stored in staged if stored.storage == name])
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


def _judged_together(parts: Sequence[pl.DataFrame], task: StepTask, place: Workplace) -> Judged:
    """The slots of a batch, with one look at all rows where that tells."""
    asset = place.asset(task.outputs[0].slot.asset)
    for trial in task.trials:
        _compare(parts, task, trial, place)

    def lookup(frame: pl.DataFrame, key: str, column: str) -> pl.LazyFrame:
        return _looked_up(frame, asset.key, task, place, key, column)

    shown = [() if output.shown is None else output.shown.version.key for output in task.outputs]
    versions = data_versions(
        parts,
        unique_key=asset.unique_key,
        previous_keys=shown,
        read_sets=task.outputs[0].read_sets,
        ordered=asset.ordered,
    )
    hold_together(parts, asset, [version.key for version in versions])
    checks = checks_of(parts, asset.checks, asset.key, lookup)
    kept = [
        steady(version, part, asset, output, place.tables)
        for version, output, part in zip(versions, task.outputs, parts, strict=True)
    ]
    return list(zip(checks, kept, strict=True))


def _compare(parts: Sequence[pl.DataFrame], task: StepTask, trial: StepTask, place: Workplace) -> None:
    """Computes one slot of a batch alone, and refuses the batch if that gives something else.

    Raises:
        DataError: HW339, with what differs.
    """
    slot, alone = trial.outputs[0].slot, computed(trial, place)[0]
    asset = place.asset(slot.asset)
    batched = parts[[output.slot for output in task.outputs].index(slot)]
    differs = difference(batched, alone, asset)
    hint = "leave Run(batch=...) out, or keep every group, window and join within one partition"
    if differs:
        raise DataError(
            "HW339", f"{slot} comes out differently when it is computed in a batch: {differs}",
            where=asset.where, hint=hint,
        )  # fmt: skip
    if batched.is_empty() and any(map(len, parts)):
        raise DataError(
            "HW339", f"{slot} has no rows, so that it tells nothing of the other slots of the batch",
            where=asset.where, hint=hint,
        )  # fmt: skip


@dataclass(frozen=True)
class _Staged:
    """A result that lies beside the published data."""

    id: str
    schema: pl.Schema
    stored: Stored
    version: DataVersion
    checks: list[CheckResult]


def _stage(
    output: TaskOutput,
    frame: pl.DataFrame | pl.LazyFrame,
    task: StepTask,
    place: Workplace,
    staged: list[tuple[Storage, Stored]],
    judged: tuple[list[CheckResult], DataVersion] | None,
) -> _Staged:
    """Stores, fingerprints and checks one result.

    A lazy frame is written while it is computed, its sums taken in passing; the rest is read from what was stored.

    Arguments:
        staged: told what was stored, even if the result is refused afterwards.
        judged: its checks and version where these are known, being those of one slot of a batch.
    """
    asset, schema = place.asset(output.slot.asset), frame.collect_schema()
    storage = place.tables.storage(asset.storage or "default")
    # The id is made where the attempt runs: carried out twice, it stores twice, and one of them is recorded.
    id = new_id()  # noqa: A001 -- the record's word

    def write() -> Stored:
        staged.append((storage, storage.write(output.slot, id, frame)))
        if output.read_on and isinstance(frame, pl.DataFrame):
            place.handed_over.keep(staged[-1][1], frame)
        return staged[-1][1]

    if judged is not None:
        return _Staged(id, schema, write(), judged[1], judged[0])
    storage.check(schema)
    ways = ways_of(asset, output.shown, output.read_sets)
    tally, stored = None, None
    if isinstance(frame, pl.LazyFrame):
        with _in_this_process():
            stored, tally = write_in_passing(storage, output.slot, id, frame, ways, asset.checks)
        staged.append((storage, stored))
        frame = storage.scan(stored)
    version = data_version(frame, **ways, tally=tally)
    held_to(frame, asset, task.partition, key=version.key)
    checks = _checks(asset, frame, task, place, version.key, {} if tally is None else tally.fulfilled)
    stored = stored or write()
    version = steady(version, frame, asset, output, place.tables)
    return _Staged(id, schema, stored, version, checks)


def _check_again(task: StepTask, place: Workplace) -> tuple[Materialization, ...]:
    """New records of data that is stored already: same recipe, other checks."""
    made = []
    for output in task.outputs:
        if output.adopt is None or output.adopt.stored is None:
            continue
        asset = place.asset(output.slot.asset)
        frame = place.tables.storage(output.adopt.stored.storage).scan(output.adopt.stored)
        streams = (output.adopt.version.rows or 0) >= STREAMED_ROWS
        rows = frame if streams else frame.collect()
        checks = tuple(_checks(asset, rows, task, place, output.adopt.version.key))
        made.append(
            replace(
                output.adopt,
                id=new_id(),
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


def _call(task: StepTask, place: Workplace, context: StepContext) -> tuple[Any, Trace | None]:
    """What the asset's code returns, and how its DataFrames were followed on the way, if they were."""
    asset = place.asset(task.outputs[0].slot.asset)
    if asset.sql is not None:
        frames = {one.name: queried(one, place) for one in task.inputs}
        return run_query(asset.sql, frames, _values(task), asset.key), None
    followed = bool(task.inputs) and all(one.form is Form.FRAME for one in task.inputs)
    trace = Trace() if followed else None
    arguments: dict[str, Any] = {one.name: given(one, place) for one in task.inputs}
    if trace is not None:
        arguments = {name: trace.frame(name, frame) for name, frame in arguments.items()}
    resources = place.resources(asset)
    for parameter in asset.parameters:
        if parameter.context:
            arguments[parameter.name] = context
        elif parameter.config is not None:
            arguments[parameter.name] = task.config
        elif parameter.resource is not None:
            arguments[parameter.name] = resources[parameter.name]
    return asset(**arguments), trace


def _values(task: StepTask) -> dict[str, Any]:
    """The bound values of a query."""
    values: dict[str, Any] = {} if task.config is None else dict(task.config)
    if task.partition is not None:
        values |= {
            "partition_key": task.partition.key,
            "partition_start": task.partition.start,
            "partition_end": task.partition.end,
            **{f"partition_{name}": key for name, key in task.partition.keys.items()},
        }
    return values


_Frame: TypeAlias = pl.DataFrame | pl.LazyFrame


def _frames(
    result: Any, trace: Trace | None, task: StepTask, place: Workplace
) -> list[tuple[_Frame, ColumnLineage | None]]:
    """A frame a slot, each with the lineage that following it has proven, None where it has not.

    Plans over many rows stay lazy; all else is in memory.
    """
    assets = [place.asset(output.slot.asset) for output in task.outputs]
    if task.partitions:
        frame, lineage = _frame(result, trace, assets[0], task)
        parts = split(collected(frame), assets[0], [one.key for one in task.partitions])
        return [(part, lineage) for part in parts]
    if not assets[0].output:
        return [_frame(result, trace, assets[0], task)]
    names = [asset.output for asset in assets]
    if not isinstance(result, Mapping) or set(result) != set(names):
        got = sorted(map(str, result)) if isinstance(result, Mapping) else type(result).__name__
        raise DataError(
            "HW331",
            f"the multi-asset {assets[0].maker} returned {got}",
            where=assets[0].where,
            hint=f"return a mapping with exactly {names}",
        )
    return [_frame(result[asset.output], trace, asset, task) for asset in assets]


def _frame(
    result: Any, trace: Trace | None, asset: Asset[..., Any], task: StepTask
) -> tuple[_Frame, ColumnLineage | None]:
    streams = not task.partitions and any(one.row_count >= STREAMED_ROWS for one in task.inputs)
    if isinstance(result, pl.LazyFrame) and streams:
        check_names(result.collect_schema(), asset.key, asset.where)
        return result, None
    reading = None if trace is None else trace.reading(result)
    frame = as_frame(untraced(result), asset, few=bool(task.inputs) and all(map(few, task.inputs)))
    check_names(frame.columns, asset.key, asset.where)
    if reading is None:
        return frame, None
    return frame, combine(reading.lineage, {one.name: one.key for one in task.inputs})


def _checks(
    asset: Asset[..., Any],
    frame: _Frame,
    task: StepTask,
    place: Workplace,
    key: tuple[str, ...],
    counts: Mapping[int, int] = MappingProxyType({}),
) -> list[CheckResult]:
    """Arguments: key: columns that were found to identify the rows; counts: of failing rows where these are known."""
    if not asset.checks:
        return []

    def lookup(key: str, column: str) -> pl.LazyFrame:
        return _looked_up(frame, asset.key, task, place, key, column)

    return evaluate(asset.checks, frame, lookup=lookup, key=key, counts=counts)


def _looked_up(frame: _Frame, own: str, task: StepTask, place: Workplace, key: str, column: str) -> pl.LazyFrame:
    """The values of a column that a check looks up: in the rows checked where it names their own asset."""
    if key == own:
        return frame.lazy()
    if not task.lookups.get(key):
        raise LookupError(key)
    return place.tables.scan(task.lookups[key], [column]).select(column)


def derived_lineage(output: TaskOutput, columns: Sequence[str]) -> ColumnLineage | None:
    """The derived lineage over the output's columns, which only the data may tell; None where it is not known here."""
    return None if output.lineage is None else output.lineage.over(columns)


def step_error(failure: BaseException, function: Callable[..., Any] | None, mask: Callable[[str], str]) -> StepError:
    """What is kept of an exception: its traceback begins at the function's frame and holds no secret."""
    trace = bounded(mask(_trace(failure, function)))
    if isinstance(failure, HeadwaterError):
        return StepError(failure.code, type(failure).__name__, bounded(mask(failure.message)), trace, failure.hint)
    return StepError("HW501", type(failure).__name__, bounded(mask(message_of(failure))), trace)


def _trace(failure: BaseException, function: Callable[..., Any] | None) -> str:
    frames = failure.__traceback__
    code = getattr(function, "__code__", None)
    while frames is not None and frames.tb_frame.f_code is not code:
        frames = frames.tb_next
    if frames is None:  # not raised in the asset's code: an error of our own says all there is to say
        own = isinstance(failure, HeadwaterError)
        return "" if own else "".join(traceback.format_exception_only(type(failure), failure))
    return "".join(traceback.format_exception(type(failure), failure, frames))
