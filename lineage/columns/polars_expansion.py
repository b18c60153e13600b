"""What a plan's selectors, positions and wildcards came to on the columns that its inputs have.

The serialized plan says "all numeric columns" or "the last one". Which those are depends on the inputs, and a column
that is no longer among them leaves no trace in what is read: so what they came to is part of what the plan computes.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from assets_core.digest import digest
from lineage.columns.polars_blocks import roots_of

_SHOWN = ("options", "function", "key")
"""Attributes of nodes that name columns without an expression: of ``unique``, ``explode``, ``unpivot``, ``unnest``."""


def expansion(traverser: Any) -> str:
    """A digest of the columns that each step of a plan names, node by node; equal in every process.

    Of a step that passes columns on, only those count that a step above it asks for: ``rename`` and ``drop`` name all
    that there are.

    Arguments:
        traverser: polars' node traverser over a plan that was typed but not optimized; it ends where it began.
    """
    root, roots = traverser.get_node(), roots_of(traverser)
    wanted: dict[int, set[str] | None] = {root: None}
    steps: list[object] = []
    for number in _parents_first(traverser, root):
        traverser.set_node(number)
        step, below = _step(traverser, roots, wanted[number])
        steps.append(step)
        for child in traverser.get_inputs():
            known = wanted.get(child, below)
            wanted[child] = None if known is None or below is None else known | below
    traverser.set_node(root)
    return digest("expansion", steps)


def _parents_first(traverser: Any, root: int) -> list[int]:
    """All nodes, each after those that read it."""
    found: list[int] = []
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        number, done = stack.pop()
        if done:
            found.append(number)
        elif number not in seen:
            seen.add(number)
            traverser.set_node(number)
            stack.append((number, True))
            stack.extend((one, False) for one in reversed(traverser.get_inputs()))
    return found[::-1]


def _step(traverser: Any, roots: list[int], wanted: set[str] | None) -> tuple[object, set[str] | None]:
    """What a step names, and the columns that it asks of its inputs.

    Arguments:
        wanted: the columns that the steps above ask of it; None for all.
    """
    try:
        node = traverser.view_current_node()
    except NotImplementedError as error:
        return (str(error).partition("\n")[0], list(traverser.get_schema())), None
    kind = type(node).__name__
    if not traverser.get_inputs():  # a leaf: what is read of it is told by what lies above
        return (kind,), None
    named = [(one.output_name, _columns(traverser, roots, one.node)) for one in traverser.get_exprs()]
    if kind in ("Select", "HStack", "GroupBy") and wanted is not None:
        keys = {one.output_name for one in node.keys} if kind == "GroupBy" else set()
        named = sorted(one for one in named if one[0] in wanted or one[0] in keys)
    elif kind == "HStack":  # ``cast`` of a selector is expanded in an order that differs from process to process
        named.sort()
    shown = [_plain(getattr(node, name)) for name in _SHOWN if hasattr(node, name)]
    if kind == "SimpleProjection" and wanted is None:
        shown.append(list(traverser.get_schema()))
    return (kind, named, shown), _asked(node, kind, named, wanted)


def _asked(node: Any, kind: str, named: list[tuple[str, list[str]]], wanted: set[str] | None) -> set[str] | None:
    """The columns that a step asks of its inputs, and maybe names that these do not have; None for all."""
    used = {column for _, columns in named for column in columns}
    if kind == "Select" or (kind == "GroupBy" and not node.apply):
        return used
    if wanted is None:
        return None
    if kind == "HStack":
        return (wanted - {name for name, _ in named}) | used
    if kind in ("Filter", "Sort", "Slice", "Union", "HConcat", "Cache", "SimpleProjection"):
        return wanted | used
    if kind == "Join":
        suffix = node.options[3]
        return wanted | used | {name.removesuffix(suffix) for name in wanted}
    if kind == "Distinct" and node.options[1] is not None:
        return wanted | set(node.options[1])
    if kind == "MapFunction" and node.function[0] in ("row_index", "explode"):
        return wanted | (set(node.function[1]) if node.function[0] == "explode" else set())
    return None


def _columns(traverser: Any, roots: list[int], root: int) -> list[str]:
    """The columns in an expression, in the order in which polars wrote them down: see ``polars_blocks``."""
    place = bisect_left(roots, root)
    found = []
    for number in range(roots[place - 1] + 1 if place else 0, root + 1):
        try:
            expression = traverser.view_expression(number)
        except NotImplementedError:
            continue
        if type(expression).__name__ == "Column":
            found.append(expression.name)
    return found


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | bool | None) else type(value).__name__
