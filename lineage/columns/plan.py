"""Reads a polars plan: its digest, its schema, what it asks of each input, and its column lineage."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets_core.column_lineage import ColumnLineage, Resolution, opaque_lineage
from assets_core.errors import UsageError
from lineage.columns import polars_oracle as oracle
from lineage.columns.placeholder import DtypeLike, PlaceholderReader
from lineage.columns.polars_edges import bounded, covers, edges_of, order_read, trimmed
from lineage.columns.polars_nodes import PlanWalker

MAX_NODES = 20_000
"""Plans that polars expands to more nodes than this are kept whole: a chain of self-joins doubles at each."""
MAX_ASKED = 200
"""Output columns up to which polars is asked what each one needs, where something was only assumed."""


@dataclass(frozen=True)
class PlanReading:
    """All that a plan says without data.

    Arguments:
        digest: SHA-256 of the serialized plan; None where it does not determine what the plan computes.
        schema: names and polars dtypes (as text) of the output columns, in order.
        read_sets: by input, the columns that the optimized plan asks for, in the input's order, and ``#`` last
            where the order of its rows reaches values; the row count ``*`` is always implied.
        lineage: the column lineage.
        undeclared: files and other scans in the plan that are none of the inputs.
        warnings: sentences about what was not understood.
    """

    digest: str | None
    schema: tuple[tuple[str, str], ...]
    read_sets: dict[str, tuple[str, ...]]
    lineage: ColumnLineage
    undeclared: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class LeafNames:
    """Names leaves of plans: placeholders by their own name, scans by a given name or their path.

    Arguments:
        named: paths to the names that they are known by.
    """

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        self.undeclared: dict[str, None] = {}
        self.python = False
        self._named = dict(named or {})

    def __call__(self, node: Any) -> str:
        kind = type(node).__name__
        if kind == "DataFrameScan":
            return ""
        if kind == "PythonScan":
            reader = node.options[0]
            if isinstance(reader, PlaceholderReader):
                return reader.name
            self.python = True
            name = f"<python scan {getattr(reader, '__qualname__', type(reader).__qualname__)}>"
        elif kind == "Scan":
            paths = [str(path) for path in node.paths]
            known = [self._named[path] for path in paths if path in self._named]
            if known and len(set(known)) == 1 and len(known) == len(paths):
                return known[0]
            name = ",".join(paths)
        else:
            name = "<unreadable scan>"
        self.undeclared[name] = None
        return name


def read_plan(frame: pl.LazyFrame, inputs: Mapping[str, Mapping[str, DtypeLike]]) -> PlanReading:
    """Everything that a plan built on placeholders says.

    Arguments:
        frame: what the user's function returned.
        inputs: the placeholders' names, each with its schema.

    Raises:
        UsageError: it is not a LazyFrame (HW204).
        LineageError: the plan does not type-check.
    """
    check_is_lazy(frame)
    names = LeafNames()
    return read_frame(frame, names, {name: tuple(schema) for name, schema in inputs.items()})


def check_is_lazy(frame: object) -> None:
    """Refuses anything but a LazyFrame.

    Raises:
        UsageError: it is none (HW204).
    """
    if not isinstance(frame, pl.LazyFrame):
        hint = "call .lazy() on it before the first operation" if isinstance(frame, pl.DataFrame) else ""
        raise UsageError("HW204", f"expected a polars LazyFrame, not {type(frame).__name__}", hint=hint)


def read_frame(frame: pl.LazyFrame, names: LeafNames, inputs: Mapping[str, tuple[str, ...]]) -> PlanReading:
    """Everything that a plan says; ``names`` names its leaves, ``inputs`` lists the columns of the inputs."""
    digest = plan_digest(frame)
    nodes = oracle.traverser(frame)
    schema = tuple((name, str(dtype)) for name, dtype in nodes.get_schema().items())
    if not oracle.supported(nodes):
        version = ".".join(map(str, nodes.version()))
        return _opaque_reading(None, schema, inputs, f"polars plans of version {version} are not understood")
    walker = PlanWalker(nodes, names)
    state = walker.walk()
    if not schema:
        schema = tuple((name, "") for name in state.columns)
    asked = oracle.leaf_columns(frame, names)
    edges = trimmed(edges_of(state, walker.sources), asked)
    if any(edge.resolution is Resolution.UNSUPPORTED for edge in edges) and len(schema) <= MAX_ASKED:
        needs = {name: oracle.leaf_columns(frame.select(pl.col(name)), names) for name in state.columns}
        if not covers(edges, needs):
            walker = PlanWalker(oracle.traverser(frame), names, look_inside=False)
            edges = trimmed(edges_of(walker.walk(), walker.sources), asked)
        edges = bounded(edges, needs)
    warnings = tuple(walker.warnings)
    lineage = ColumnLineage(tuple(state.columns), edges, warnings=warnings)
    read_sets = {name: _read_set(name, columns, set(asked.get(name, ())), lineage) for name, columns in inputs.items()}
    undeclared = tuple(names.undeclared)
    if names.python or any("Python" in warning or "anonymous" in warning for warning in warnings):
        digest = None
    return PlanReading(digest, schema, read_sets, lineage, undeclared, warnings)


def _read_set(name: str, columns: tuple[str, ...], wanted: set[str], lineage: ColumnLineage) -> tuple[str, ...]:
    read = tuple(column for column in columns if column in wanted)
    return (*read, "#") if order_read(name, lineage) else read


def _opaque_reading(
    digest: str | None,
    schema: tuple[tuple[str, str], ...],
    inputs: Mapping[str, tuple[str, ...]],
    warning: str,
) -> PlanReading:
    lineage = opaque_lineage((name for name, _ in schema), dict(inputs), warnings=(warning,))
    read_sets = {name: (*columns, "#") for name, columns in inputs.items()}
    return PlanReading(digest, schema, read_sets, lineage, warnings=(warning,))


_CACHE_ID = re.compile(rb"\xa2id\xc4\x10(.{16})", re.DOTALL)
_PICKLE = re.compile(rb"(?:\xcc\x80|\x80)[\x02-\x08](?:\xcc\x95|\x95)")
_READER = b"".join(b"\xcc%c" % byte if byte > 127 else b"%c" % byte for byte in b"\x8c\x11PlaceholderReader\x94")
_SCHEMA = b"".join(b"\xcc%c" % byte if byte > 127 else b"%c" % byte for byte in b"\x8c\x0a_schema_of\x94")


def plan_digest(frame: pl.LazyFrame) -> str | None:
    """SHA-256 of the serialized plan, with the random identities of ``cache()`` taken out.

    Returns:
        64 hexadecimal digits, or None where the bytes do not determine what is computed: a Python function or a
        plugin is inside, or the plan cannot be serialized.
    """
    buffer = io.BytesIO()
    try:
        frame._ldf.serialize_binary(buffer)
    except pl.exceptions.PolarsError:
        return None
    data = buffer.getvalue()
    if len(_PICKLE.findall(data)) != data.count(_READER) + data.count(_SCHEMA) or b"FfiPlugin" in data:
        return None
    if b"\xa2id\xc4\x10" in data:
        data = _without_cache_ids(data)
    return hashlib.sha256(data).hexdigest()


def _without_cache_ids(data: bytes) -> bytes:
    numbers: dict[bytes, int] = {}

    def numbered(match: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(match[1], len(numbers))
        return b"\xa2id\xc4\x10" + number.to_bytes(16, "big")

    return _CACHE_ID.sub(numbered, data)
