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
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from assets_core.asset import Asset, Form
from assets_core.check import CheckResult
from assets_core.column_lineage import ORDER, ColumnLineage
from assets_core.errors import DataError, HeadwaterError
from assets_core.records import AttemptLog, Materialization, RecordKind, StepError, StepResult, Stored
from assets_core.versions import DataVersion
from lineage.checks.evaluate import evaluate
from lineage.columns.eager import Trace, untraced
from lineage.columns.guard import guarded
from lineage.dtypes import parse_dtype
from lineage.fingerprint import data_version
from lineage.fingerprint_tolerance import steady_version
from lineage.trace import combine
from materializers.capture import captured
from materializers.ids import new_id
from materializers.results import as_frame, held_to
from materializers.sql_engine import run_query
from materializers.step_task import StepTask, TaskInput, TaskOutput
from materializers.storage.protocol import Storage
from materializers.workplace import Workplace


class StepContext:
    """What a function that asks for ``Context`` gets; see ``assets_core.settings.Context``."""

    def __init__(self, task: StepTask) -> None:
        self.key = task.outputs[0].slot.asset
        self.partition = task.partition
        self.run_id = task.run_id
        self.attempt = task.attempt
        self.log = logging.getLogger(f"headwater.{self.key}")
        self.metadata: dict[str, Any] = {}

    def add_metadata(self, **values: Any) -> None:
        """Keeps JSON-ready values with the materialization."""
        self.metadata.update(values)


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
        except BaseException as failure:  # noqa: BLE001 -- whatever a user's code raises ends with the attempt
            asset = place.asset(slots[0].asset)
            error = step_error(failure, asset.function, place.mask)
            again = isinstance(failure, asset.run.retry.on)
    log = AttemptLog(place.mask(kept.text()), error.traceback if error else "")
    seconds, cpu_seconds = time.perf_counter() - began, time.thread_time() - cpu
    return StepResult(slots, task.attempt, made, error, again, log, seconds, cpu_seconds)


def computed(task: StepTask, place: Workplace) -> list[pl.DataFrame]:
    """What the step's code gives, a frame a slot, neither checked nor stored; whatever it raises comes through."""
    return [frame for frame, _ in _frames(*_call(task, place, StepContext(task)), task, place)]


def _make(task: StepTask, place: Workplace, began: float, cpu: float) -> tuple[Materialization, ...]:
    context, process = StepContext(task), os.getpid()
    try:
        frames = _frames(*_call(task, place, context), task, place)
    finally:
        if os.getpid() != process:  # a child that the function forked and that came back from it: it stores nothing
            os._exit(0)
    staged: list[tuple[Storage, Stored]] = []
    made = []
    try:
        for output, (frame, lineage) in zip(task.outputs, frames, strict=True):
            asset = place.asset(output.slot.asset)
            held_to(frame, asset, task.partition)
            checks = _checks(asset, frame, task, place)
            storage = place.tables.storage(asset.storage or "default")
            # The id is made where the attempt runs: carried out twice, it stores twice, and one of them is recorded.
            id = new_id()  # noqa: A001 -- the record's word
            stored = storage.write(output.slot, id, frame)
            staged.append((storage, stored))
            version = _version(asset, output, frame, place)
            made.append(
                Materialization(
                    id,
                    output.slot,
                    RecordKind.MATERIALIZATION,
                    task.run_id,
                    datetime.now(UTC),
                    tuple((name, str(dtype)) for name, dtype in frame.schema.items()),
                    version,
                    output.recipe,
                    stored,
                    lineage or derived_lineage(output, frame.columns),
                    tuple(checks),
                    any(result.blocks for result in checks),
                    dict(context.metadata),
                    time.perf_counter() - began,
                    time.thread_time() - cpu,
                )
            )
        for name in {stored.storage for _, stored in staged}:
            place.tables.storage(name).settle([stored for _, stored in staged if stored.storage == name])
    except BaseException:
        for storage, stored in staged:
            with suppress(HeadwaterError):
                storage.delete(stored)
        raise
    return _all_or_none(made)


def _version(asset: Asset[..., Any], output: TaskOutput, frame: pl.DataFrame, place: Workplace) -> DataVersion:
    shown = output.shown
    version = data_version(
        frame,
        unique_key=asset.unique_key,
        previous_key=() if shown is None else shown.version.key,
        read_sets=output.read_sets,
        ordered=asset.ordered,
    )
    if shown is None:
        return version

    def original_of(materialization: str) -> pl.DataFrame | None:
        rows = output.originals.get(materialization)
        try:
            return None if rows is None else place.tables.scan([rows]).collect()
        except (HeadwaterError, OSError, pl.exceptions.PolarsError):
            return None

    return steady_version(version, frame, shown.version, shown.id, original_of, tolerance=asset.tolerance)


def _check_again(task: StepTask, place: Workplace) -> tuple[Materialization, ...]:
    """New records of data that is stored already: same recipe, other checks."""
    made = []
    for output in task.outputs:
        if output.adopt is None or output.adopt.stored is None:
            continue
        frame = place.tables.storage(output.adopt.stored.storage).scan(output.adopt.stored).collect()
        checks = tuple(_checks(place.asset(output.slot.asset), frame, task, place))
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
        frames = {one.name: _read(one, place).collect() for one in task.inputs}
        return run_query(asset.sql, frames, _values(task), asset.key), None
    followed = bool(task.inputs) and all(one.form is Form.FRAME for one in task.inputs)
    trace = Trace() if followed else None
    arguments: dict[str, Any] = {one.name: _given(one, place) for one in task.inputs}
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


def _scan(one: TaskInput, place: Workplace) -> pl.LazyFrame:
    """The rows of an input, all columns; none where no slot lies in the window that is read."""
    if one.rows:
        return place.tables.scan(one.rows)
    return pl.LazyFrame(schema={name: parse_dtype(dtype) for name, dtype in one.schema})


def _read(one: TaskInput, place: Workplace) -> pl.LazyFrame:
    """An input of a query with the columns that it reads; with any one of them where it only counts rows."""
    names = [name for name in one.read_set or () if name != ORDER]
    frame = _scan(one, place)
    return frame if one.read_set is None else frame.select(names or one.schema[0][0])


def _given(one: TaskInput, place: Workplace) -> Any:
    """An input in the form that the function's annotation asks for."""
    frame = _scan(one, place)
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


def _frames(
    result: Any, trace: Trace | None, task: StepTask, place: Workplace
) -> list[tuple[pl.DataFrame, ColumnLineage | None]]:
    """A frame a slot, each with the lineage that following it has proven, None where it has not."""
    assets = [place.asset(output.slot.asset) for output in task.outputs]
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
) -> tuple[pl.DataFrame, ColumnLineage | None]:
    reading = None if trace is None else trace.reading(result)
    frame = as_frame(untraced(result), asset)
    if reading is None:
        return frame, None
    return frame, combine(reading.lineage, {one.name: one.key for one in task.inputs})


def _checks(asset: Asset[..., Any], frame: pl.DataFrame, task: StepTask, place: Workplace) -> list[CheckResult]:
    if not asset.checks:
        return []

    def lookup(key: str, column: str) -> pl.LazyFrame:
        if key == asset.key:
            return frame.lazy()
        if not task.lookups.get(key):
            raise LookupError(key)
        return place.tables.scan(task.lookups[key]).select(column)

    return evaluate(asset.checks, frame, lookup=lookup)


def derived_lineage(output: TaskOutput, columns: Sequence[str]) -> ColumnLineage | None:
    """The derived lineage, with the output's columns where only the data could tell them; None where it is not known
    here."""
    lineage = output.lineage
    return lineage if lineage is None or lineage.columns else replace(lineage, columns=tuple(columns))


def step_error(failure: BaseException, function: Callable[..., Any] | None, mask: Callable[[str], str]) -> StepError:
    """What is kept of an exception: its traceback begins at the function's frame and holds no secret."""
    trace = mask(_trace(failure, function))
    if isinstance(failure, HeadwaterError):
        text = f"{failure.what}\n{failure.why}".strip()
        return StepError(failure.code, type(failure).__name__, mask(text), trace, failure.hint)
    return StepError("HW501", type(failure).__name__, mask(str(failure)), trace)


def _trace(failure: BaseException, function: Callable[..., Any] | None) -> str:
    frames = failure.__traceback__
    code = getattr(function, "__code__", None)
    while frames is not None and frames.tb_frame.f_code is not code:
        frames = frames.tb_next
    if frames is None:
        return "".join(traceback.format_exception_only(type(failure), failure))
    return "".join(traceback.format_exception(type(failure), failure, frames))
