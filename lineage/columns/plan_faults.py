"""Finds everything in a plan on which polars will certainly raise, without any of its data.

Polars tells the first thing that it cannot type, and checks other types only when it runs: a comparison of text with
numbers, ``.str`` on a float, ``when`` on what is no Boolean. So each node is tried alone, on no rows, on rows of
values and on rows of nulls. What raises for its types on all three, raises on whatever data there are. Python
functions, plugins and sinks are never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from assets_core.column_lineage import ColumnRef
from assets_core.errors import HeadwaterError, LineageError
from lineage.columns import plan_pieces as pieces
from lineage.columns.placeholder import DtypeLike, as_dtype, schemas_known
from lineage.columns.plan import MAX_NODES, check_is_lazy, read_plan
from lineage.columns.plan_bytes import expanded_nodes, serialized
from lineage.columns.plan_pieces import Node
from lineage.columns.polars_errors import Inputs, plan_error

_RAISED = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_OF_TYPES = re.compile(
    r"cannot compare|dtype|data ?type|operation not supported|is not allowed|must be of type|expected \w+ type|"
    r"could not evaluate .* on .* type|not supported for",
    re.IGNORECASE,
)
"""What polars says where types are at fault, and not values or the number of rows."""
_KEEPS_COLUMNS = frozenset({"Filter", "Sort", "Slice", "Distinct", "Cache", "IR", "Sink"})
_UNNAMED = ""
"""Stands for columns that are lacking and whose names are not known."""
_PASSED_OVER = frozenset({"IR", "Sink"})


@dataclass(frozen=True)
class _Known:
    """What is known of a node's frame: its schema, and the columns that it lacks because what makes them is at fault.

    ``node`` makes the frame, and leaves out what polars cannot plan.
    """

    node: Node
    schema: Mapping[str, pl.DataType]
    lacking: frozenset[str] = frozenset()


def plan_faults(
    frame: pl.LazyFrame, inputs: Mapping[str, Mapping[str, DtypeLike]], *, labels: Mapping[str, str] | None = None
) -> tuple[LineageError, ...]:
    """Everything on which polars will raise when a plan is run, as far as it can be told without data.

    Arguments:
        frame: the plan, built on placeholders.
        inputs: the placeholders' names, each with its schema.
        labels: what to call the inputs in errors, by name; their names if it is left out.

    Returns:
        one error for each fault (HW220 to HW224), the deepest first; empty for a plan that polars cannot write down,
        such as one with a Python function in an expression or a lambda. Costs one run of the plan without rows where
        there is none.

    Raises:
        UsageError: it is not a LazyFrame (HW204).
    """
    check_is_lazy(frame)
    if expanded_nodes(serialized(frame)) > MAX_NODES // 10:
        return ()
    top = pieces.taken_apart(frame)
    if top is None:
        return ()
    dtypes = {name: {c: as_dtype(dtype) for c, dtype in schema.items()} for name, schema in inputs.items()}
    rehearsal = _Rehearsal(dtypes, labels or {})
    with suppress(RecursionError), schemas_known(dtypes):
        if not rehearsal.passes(top):
            rehearsal.schema_of(top)
    return tuple(rehearsal.faults.values())


class _Rehearsal:
    """Tries the nodes of a plan one by one, leaves first."""

    def __init__(self, inputs: Mapping[str, Mapping[str, pl.DataType]], labels: Mapping[str, str]) -> None:
        self._inputs, self._labels = inputs, labels
        self._texts: Inputs = {
            labels.get(name, name): {c: str(d) for c, d in schema.items()} for name, schema in inputs.items()
        }
        self.faults: dict[tuple[str, str, str], LineageError] = {}

    def passes(self, top: Node) -> bool:
        """Whether the whole plan runs on leaves without rows; then there is no fault in it."""

        def empty(leaf: Node) -> Node:
            known = self._leaf(leaf)
            samples = pieces.samples(known.schema) if known is not None else None
            if samples is None:
                raise TypeError
            return samples["none"]

        try:
            whole = pieces.replaced(top, empty)
            if not pieces.is_harmless(whole) or "Sink" in json.dumps(top)[:20]:
                return False
            pieces.put_together(whole).collect()
        except (TypeError, *_RAISED):
            return False
        return True

    def schema_of(self, node: Node) -> _Known | None:
        """The schema of a node's frame; None where a fault below leaves it open. Notes the node's own faults."""
        inputs = pieces.below(node)
        if not inputs:
            return self._leaf(node)
        known = [self.schema_of(one) for one in inputs]
        if pieces.kind_of(node) in _PASSED_OVER:
            return known[0]
        found = [one for one in known if one is not None]
        samples = [one for one in (pieces.samples(one.schema) for one in found) if one is not None]
        if len(samples) < len(inputs):
            return None
        trial = _Trial(pieces.over(node, [one.node for one in found]), samples)
        lacking = frozenset[str]().union(*(one.lacking for one in found))
        return self._tried(trial, found[0], lacking) if trial.key is None else self._parts_tried(trial, lacking)

    def _leaf(self, leaf: Node) -> _Known | None:
        name = pieces.placeholder_name(leaf)
        if name is not None:
            schema = self._inputs.get(name)
            return None if schema is None else _Known(leaf, schema)
        if pieces.kind_of(leaf) == "PythonScan":
            return None
        try:
            return _Known(leaf, dict(pieces.put_together(leaf).collect_schema()))
        except (OSError, *_RAISED):
            return None

    def _tried(self, trial: _Trial, below: _Known, lacking: frozenset[str]) -> _Known | None:
        """Tries a node as one."""
        fault = trial.fault()
        if fault is None:
            return _Known(trial.node, trial.schema(), lacking)
        if not (fault.planned and trial.mentions(lacking)):
            self._note(trial, fault)
        if not fault.planned:
            return _Known(trial.node, trial.schema(), lacking)
        return replace(below, lacking=lacking) if trial.kind in _KEEPS_COLUMNS else None

    def _parts_tried(self, trial: _Trial, lacking: frozenset[str]) -> _Known | None:
        """Tries the expressions of a node one by one, if they do not all pass together."""
        whole = trial.fault()
        if whole is None:
            return _Known(trial.node, trial.schema(), lacking)
        if trial.fault([]) is not None:  # it is not its expressions
            if not trial.mentions(lacking):
                self._note(trial, whole)
            return None
        good, faults = [], []
        for part in trial.parts():
            fault = trial.fault([part])
            if fault is not None and not (fault.planned and _mentions(part, lacking)):
                faults.append((part, fault))
            if fault is None or not fault.planned:
                good.append(part)
                continue
            lacking |= {pieces.name_of(part) or _UNNAMED}
        for part, fault in faults:
            self._note(trial, fault, part)
        rest = trial.fault(good)
        if rest is not None and not faults and not lacking:
            self._note(trial, rest)
        if _UNNAMED in lacking or (rest is not None and rest.planned):
            return None
        return _Known(trial.of(good), trial.schema(good), lacking)

    def _note(self, trial: _Trial, fault: _Fault, part: Any = None) -> None:
        error = plan_error(fault.error, self._texts)
        error.why = error.why.partition("This error occurred in")[0].rstrip()
        parts = [part] if part is not None else trial.expressions()
        names = list(dict.fromkeys(name for one in parts for name in pieces.names_in(one)))
        why = [error.why, *(f"in the expression {text}" for one in parts if (text := pieces.text_of(one)))]
        why += self._origins(trial, names)
        error.why = "\n".join(filter(None, why))
        self.faults.setdefault((error.code, error.what, error.why), error)

    def _origins(self, trial: _Trial, names: list[str]) -> list[str]:
        """Sentences on the columns at this place: their dtype, and the inputs' columns that they come from."""
        said = []
        for place, node in enumerate(pieces.below(trial.node)):
            schema = trial.schema_of_input(place)
            there = [name for name in names if name in schema]
            origins: Mapping[str, Any] = {}
            with suppress(HeadwaterError, *_RAISED):
                lineage = read_plan(pieces.put_together(node), self._inputs).lineage
                origins = {name: sorted(map(self._said, lineage.upstream(name, direct=True))) for name in there}
            for name in there:
                origin = f", from {', '.join(origins[name][:4])}" if origins.get(name) else ""
                said.append(f"{name} is {schema[name]} here{origin}")
        return said

    def _said(self, ref: ColumnRef) -> str:
        return f"{self._labels.get(ref.table, ref.table)}:{ref.column}"


@dataclass(frozen=True)
class _Fault:
    """What polars raised on a node; ``planned`` if before it ran anything."""

    error: Exception
    planned: bool


class _Trial:
    """One node over samples of the frames below it.

    Arguments:
        node: the node.
        samples: for each of the frames, leaves with the same columns, by kind of rows.
    """

    def __init__(self, node: Node, samples: list[dict[str, Node]]) -> None:
        self.node = node
        self.kind = pieces.kind_of(node)
        self.key = pieces.EXPRESSIONS.get(self.kind)
        self._samples = samples

    def parts(self) -> list[Any]:
        """The expressions of a node that makes several columns by them."""
        return list(pieces.body_of(self.node)[self.key or ""])

    def expressions(self) -> list[Any]:
        """The expressions of a node that has them otherwise: a filter's, a sort's."""
        body = pieces.body_of(self.node)
        return [body["predicate"]] if self.kind == "Filter" else list(body.get("by_column", ()))

    def mentions(self, names: frozenset[str]) -> bool:
        """Whether the node may speak of one of the columns; only filters and sorts are known to say which."""
        own = pieces.body_of(pieces.over(self.node, [{}] * len(self._samples)))
        return bool(names) and (self.kind not in ("Filter", "Sort") or _mentions(own, names))

    def of(self, parts: list[Any]) -> Node:
        """The node with some of its expressions only."""
        return {self.kind: pieces.body_of(self.node) | {self.key or "": parts}}

    def _frame(self, rows: str, parts: list[Any] | None) -> pl.LazyFrame:
        node = self.node if parts is None else self.of(parts)
        return pieces.put_together(pieces.over(node, [one[rows] for one in self._samples]))

    def schema(self, parts: list[Any] | None = None) -> dict[str, pl.DataType]:
        """The columns of the node's frame, of some expressions only if they are given."""
        return dict(self._frame("none", parts).collect_schema())

    def schema_of_input(self, place: int) -> dict[str, pl.DataType]:
        """The columns of one of the frames below."""
        return dict(pieces.put_together(self._samples[place]["none"]).collect_schema())

    def fault(self, parts: list[Any] | None = None) -> _Fault | None:
        """What polars raises on the node, or on some of its expressions, whatever the rows are."""
        try:
            self._frame("none", parts).collect_schema()
        except _RAISED as error:
            return _Fault(error, planned=True)
        if not pieces.is_harmless(self.node):
            return None
        raised: Exception | None = None
        for rows in pieces.ROWS:
            try:
                self._frame(rows, parts).collect()
            except _RAISED as error:
                if isinstance(error, pl.exceptions.PanicException) or not _OF_TYPES.search(str(error)):
                    return None
                raised = raised or error
            else:
                return None
        return None if raised is None else _Fault(raised, planned=False)


def _mentions(expression: Any, names: frozenset[str]) -> bool:
    """Whether an expression, as JSON, may speak of one of the columns."""
    text = json.dumps(expression)
    return bool(names) and ("Selector" in text or any(json.dumps(name) in text for name in names))
