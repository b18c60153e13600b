"""Reads a polars plan: its digest, its schema, what it asks of each input, and its column lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl
from polars.selectors import by_name

from assets_core.column_lineage import ColumnLineage, Resolution, opaque_lineage
from assets_core.digest import digest as combined
from assets_core.errors import UsageError
from lineage.columns import polars_oracle as oracle
from lineage.columns.placeholder import DtypeLike
from lineage.columns.plan_bytes import digest_of, expanded_nodes, plan_digest, serialized
from lineage.columns.polars_edges import bounded, covers, edges_of, order_read, trimmed
from lineage.columns.polars_errors import plan_error
from lineage.columns.polars_expansion import expansion
from lineage.columns.polars_leaves import LeafNames
from lineage.columns.polars_oracle import UnsupportedError
from lineage.columns.polars_walk import PlanWalker

MAX_NODES = 20_000
"""Plans that polars expands to more nodes than this are kept whole: a chain of self-joins doubles at each."""
MAX_REMEMBERED = 10_000
"""Readings that a process remembers."""
MAX_REMEMBERED_EDGES = 2_000
"""Edges of a reading that is remembered; larger ones are read again, so that memory stays bounded."""
UNSUPPORTED = "this release of polars has plans that are not understood: every column may influence every column"
"""The warning of a reading that is opaque because of the installed polars."""
MAX_ASKED = 200
"""Output columns up to which polars is asked what each one needs, where something was only assumed."""


@dataclass(frozen=True)
class PlanReading:
    """All that a plan says without data.

    Arguments:
        digest: SHA-256 of the serialized plan and of what its selectors came to; None where that does not determine
            what the plan computes.
        schema: names and polars dtypes (as text) of the output columns, in order.
        read_sets: by input, the columns that the optimized plan asks for, in the input's order, and ``#`` last
            where the order of its rows reaches values; the row count ``*`` is always implied.
        lineage: the column lineage.
        undeclared: files and other scans in the plan that are none of the inputs.
        warnings: sentences about what was not understood.
        matched: a digest of what its selectors came to, which ``digest`` says too.
    """

    digest: str | None
    schema: tuple[tuple[str, str], ...]
    read_sets: dict[str, tuple[str, ...]]
    lineage: ColumnLineage
    undeclared: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    matched: str = ""


def read_plan(
    frame: pl.LazyFrame, inputs: Mapping[str, Mapping[str, DtypeLike]], *, ordered: bool = False
) -> PlanReading:
    """Everything that a plan built on placeholders says.

    Readings of plans that have a digest are remembered, so reading the same plan again costs its digest alone.
    A version of polars whose plans are not understood gives an opaque reading with ``UNSUPPORTED`` as warning.

    Arguments:
        frame: what the user's function returned.
        inputs: the placeholders' names, each with its schema.
        ordered: whether the order of the result's rows is content; the order of an input that reaches it is read.

    Raises:
        UsageError: it is not a LazyFrame (HW204).
        LineageError: the plan does not type-check (HW220 to HW224).
    """
    check_is_lazy(frame)
    return read_serialized(frame, serialized(frame), inputs, ordered=ordered)


def read_serialized(
    frame: pl.LazyFrame, data: bytes | None, inputs: Mapping[str, Mapping[str, DtypeLike]], *, ordered: bool = False
) -> PlanReading:
    """What ``read_plan`` gives, of a plan that was serialized already: that takes as long as reading it again.

    Arguments:
        data: what ``plan_bytes.serialized`` gives of the frame.
    """
    typed = {name: {c: str(dtype) for c, dtype in schema.items()} for name, schema in inputs.items()}
    digest = digest_of(data)
    key = (digest, ordered, tuple((name, tuple(schema.items())) for name, schema in typed.items()))
    known = _remembered.get(key) if digest is not None else None
    if known is not None:
        return known
    if expanded_nodes(data) > MAX_NODES:
        schema = tuple((name, str(dtype)) for name, dtype in frame.collect_schema().items())
        whole = None if digest is None else combined(digest, [list(columns.items()) for columns in typed.values()])
        return _opaque_reading(whole, schema, typed, f"polars expands this plan to more than {MAX_NODES} nodes")
    try:
        reading = read_frame(frame, LeafNames(frame), typed, digest, ordered=ordered)
    except (UnsupportedError, pl.exceptions.PanicException) as error:
        warning = UNSUPPORTED if isinstance(error, UnsupportedError) else f"polars panics on this plan: {error}"
        return _opaque_reading(None, _schema_of(frame), typed, warning)
    small = len(reading.lineage.edges) <= MAX_REMEMBERED_EDGES
    if reading.digest is not None and not reading.undeclared and small:
        if len(_remembered) >= MAX_REMEMBERED:
            _remembered.clear()
        _remembered[key] = reading
    return reading


_remembered: dict[tuple[object, ...], PlanReading] = {}


def forget() -> None:
    """Forgets all readings that are remembered."""
    _remembered.clear()


def check_is_lazy(frame: object) -> None:
    """Refuses anything but a LazyFrame.

    Raises:
        UsageError: it is none (HW204).
    """
    if not isinstance(frame, pl.LazyFrame):
        hint = "call .lazy() on it before the first operation" if isinstance(frame, pl.DataFrame) else ""
        raise UsageError("HW204", f"expected a polars LazyFrame, not {type(frame).__name__}", hint=hint)


def read_frame(
    frame: pl.LazyFrame,
    names: LeafNames,
    inputs: Mapping[str, Mapping[str, str]],
    digest: str | None = None,
    *,
    ordered: bool = False,
) -> PlanReading:
    """Everything that a plan says, read afresh.

    Arguments:
        names: names the plan's leaves.
        inputs: the inputs' columns and dtypes, as far as they are known.
        digest: the plan's digest.
        ordered: whether the order of the result's rows is content.

    Raises:
        UnsupportedError: polars' plans are of a version that is not understood (HW206).
        LineageError: the plan does not type-check (HW220 to HW224).
    """
    try:
        nodes = oracle.traverser(frame)
    except pl.exceptions.PolarsError as error:
        raise plan_error(error, inputs) from error
    schema = tuple((name, str(dtype)) for name, dtype in nodes.get_schema().items())
    matched = expansion(nodes)
    digest = None if digest is None else combined(digest, matched)
    walker = PlanWalker(nodes, names)
    state = walker.walk()
    asked = oracle.read_columns(frame, names)
    edges = trimmed(edges_of(state, walker.sources, ordered=ordered), asked)
    if any(edge.resolution is Resolution.UNSUPPORTED for edge in edges) and len(schema) in range(1, MAX_ASKED + 1):
        needs = {name: oracle.leaf_columns(frame.select(by_name(name)), names) for name in state.columns}
        if not covers(edges, needs):
            walker = PlanWalker(oracle.traverser(frame), names, look_inside=False)
            edges = trimmed(edges_of(walker.walk(), walker.sources, ordered=ordered), asked)
        edges = bounded(edges, needs)
    warnings = tuple(walker.warnings)
    lineage = ColumnLineage(tuple(state.columns), edges, warnings=warnings)
    read_sets = {name: _read_set(name, columns, set(asked.get(name, ())), lineage) for name, columns in inputs.items()}
    if names.python:
        digest = None
    schema = schema or tuple((name, "") for name in state.columns)
    return PlanReading(digest, schema, read_sets, lineage, tuple(names.undeclared), warnings, matched)


def _schema_of(frame: pl.LazyFrame) -> tuple[tuple[str, str], ...]:
    """The schema as polars gives it, empty where it fails on that too."""
    try:
        return tuple((name, str(dtype)) for name, dtype in frame.collect_schema().items())
    except pl.exceptions.PanicException:
        return ()


def _read_set(name: str, columns: Iterable[str], wanted: set[str], lineage: ColumnLineage) -> tuple[str, ...]:
    read = tuple(column for column in columns if column in wanted)
    return (*read, "#") if order_read(name, lineage) else read


def _opaque_reading(
    digest: str | None,
    schema: tuple[tuple[str, str], ...],
    inputs: Mapping[str, Mapping[str, str]],
    warning: str,
) -> PlanReading:
    lineage = opaque_lineage(
        (name for name, _ in schema), {name: list(columns) for name, columns in inputs.items()}, warnings=(warning,)
    )
    read_sets = {name: (*columns, "#") for name, columns in inputs.items()}
    return PlanReading(digest, schema, read_sets, lineage, warnings=(warning,))


__all__ = [
    "MAX_NODES",
    "UNSUPPORTED",
    "LeafNames",
    "PlanReading",
    "check_is_lazy",
    "plan_digest",
    "read_frame",
    "read_plan",
]
