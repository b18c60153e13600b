"""What polars itself says a plan needs: the columns that its leaves still ask for after projection pushdown.

This knows nothing of the reading of nodes and expressions: what is not read cannot have influence. It bounds
what the reading left open, and it is the read set that a run is held to.

Polars is asked by its private node traverser. The public way is a ``LazyFrameResolver`` for each input, which is told
projection and filters by ``explain()``. ``python -m benchmarks.oracle_routes 800``: both say the same of 777 random
plans, the resolver is asked for one column more in 1, and 22 plans with ``map_groups`` hang for ever in polars 2.1; it
costs 2.0 ms a plan against 0.35 ms, polars 2.0 does not have it, and polars calls it unstable. So it is no safer, and
the traverser is needed for the edges anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from assets_core.errors import LineageError

IR_MAJORS = (15, 16)
"""The versions of polars' plan representation that are understood: polars 2.0 has 15.2, polars 2.1 has 16.0.

All that differs in what is read here is that a join of 2.0 has no predicate of its own.
"""


def _flags(**on: bool) -> Any:
    return pl.QueryOptFlags.none(**on)._pyoptflags


_UNDERSTOOD = " and ".join(map(str, IR_MAJORS))
_UNTOUCHED = _flags()
_PROJECTED = _flags(projection_pushdown=True)
_OPTIMIZED = pl.QueryOptFlags()._pyoptflags


def traverser(frame: pl.LazyFrame, flags: Any = _UNTOUCHED) -> Any:
    """Polars' node traverser over the typed plan, as it is written unless optimizations are asked for.

    Raises:
        UnsupportedError: this polars has no traverser, or one of another major version (HW206).
        polars.exceptions.PolarsError: the plan does not type-check.
    """
    try:
        nodes = frame._ldf.with_optimizations(flags).visit()
        version = tuple(nodes.version())
    except (AttributeError, TypeError) as error:
        raise UnsupportedError("none") from error
    if version[0] not in IR_MAJORS:
        raise UnsupportedError(".".join(map(str, version)))
    return nodes


class UnsupportedError(LineageError):
    """The installed polars writes its plans in a way that is not understood (HW206)."""

    def __init__(self, version: str) -> None:
        super().__init__(
            "HW206",
            f"plans of polars {pl.__version__} have version {version}, and {_UNDERSTOOD} are understood",
            hint="install a polars that the requirements of headwater admit",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (LineageError, (self.code, self.what))


def read_columns(frame: pl.LazyFrame, name_leaf: Callable[[Any], str]) -> dict[str, list[str]]:
    """The columns that each input is asked for when the plan is run.

    Where only the rows of some step count, polars picks a column to count them by, and which one depends on its other
    optimizations; then they are all applied. Elsewhere projection pushdown alone asks for as many columns or for more
    (in 1,500 random plans as many in 1,497), and all of them cost as much again.
    """
    asked, counting = _leaf_columns(traverser(frame, _PROJECTED), name_leaf)
    if counting:
        for name, columns in _leaf_columns(traverser(frame, _OPTIMIZED), name_leaf)[0].items():
            known = asked.setdefault(name, [])
            known.extend(column for column in columns if column not in known)
    return asked


def leaf_columns(frame: pl.LazyFrame, name_leaf: Callable[[Any], str]) -> dict[str, list[str]]:
    """The columns that each input is asked for, and an empty list where only its rows are counted.

    Arguments:
        frame: the plan.
        name_leaf: the name of a leaf's input, empty for data written into the plan.
    """
    return _leaf_columns(traverser(frame, _PROJECTED), name_leaf)[0]


def _leaf_columns(nodes: Any, name_leaf: Callable[[Any], str]) -> tuple[dict[str, list[str]], bool]:
    """The columns that leaves are asked for, and whether some step in between has rows but no columns."""
    asked: dict[str, dict[str, None]] = {}
    seen: set[tuple[int, bool]] = set()
    counting = False
    stack = [(nodes.get_node(), False)]
    while stack:
        number, counted = stack.pop()
        if (number, counted) in seen:
            continue
        seen.add((number, counted))
        nodes.set_node(number)
        inputs = nodes.get_inputs()
        node = _viewed(nodes) if not inputs or len(inputs) == 1 else None
        if inputs:
            counting = counting or (type(node).__name__ == "SimpleProjection" and not nodes.get_schema())
            only_counts = type(node).__name__ == "Select" and not any(
                _names_columns(nodes, item.node) for item in nodes.get_exprs()
            )
            stack.extend((item, only_counts) for item in inputs)
            continue
        name = name_leaf(node)
        if name:
            columns = asked.setdefault(name, {})
            # A scan by a Python function must give some column for its rows to be counted; a file need not.
            if not (counted and type(node).__name__ == "PythonScan"):
                columns.update(dict.fromkeys(nodes.get_schema()))
    return {name: list(columns) for name, columns in asked.items()}, counting


def _names_columns(nodes: Any, number: int) -> bool:
    """Whether an expression is anything but a count or a literal."""
    try:
        expression = nodes.view_expression(number)
    except NotImplementedError:
        return True
    kind = type(expression).__name__
    if kind in ("Cast", "Alias"):
        return _names_columns(nodes, expression.expr)
    if kind == "BinaryExpr":
        return _names_columns(nodes, expression.left) or _names_columns(nodes, expression.right)
    return kind not in ("Len", "Literal")


def _viewed(nodes: Any) -> Any:
    try:
        return nodes.view_current_node()
    except NotImplementedError:
        return None
