"""What polars itself says a plan needs: the columns that its leaves still ask for after projection pushdown.

This knows nothing of the reading of nodes and expressions: what is not read cannot have influence. It bounds
what the reading left open, and it is the read set that a run is held to.
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


def traverser(frame: pl.LazyFrame, *, projected: bool = False) -> Any:
    """Polars' node traverser over the typed plan, with or without projection pushdown and nothing else.

    Raises:
        UnsupportedError: this polars has no traverser, or one of another major version (HW206).
        polars.exceptions.PolarsError: the plan does not type-check.
    """
    try:
        nodes = frame._ldf.with_optimizations(_PROJECTED if projected else _UNTOUCHED).visit()
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


def leaf_columns(frame: pl.LazyFrame, name_leaf: Callable[[Any], str]) -> dict[str, list[str]]:
    """The columns that each input is asked for, and an empty list where only its rows are counted.

    Arguments:
        frame: the plan.
        name_leaf: the name of a leaf's input, empty for data written into the plan.
    """
    nodes = traverser(frame, projected=True)
    asked: dict[str, dict[str, None]] = {}
    seen: set[tuple[int, bool]] = set()
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
    return {name: list(columns) for name, columns in asked.items()}


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
