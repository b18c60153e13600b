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

    Arguments:
        traverser: polars' node traverser over a plan that was typed but not optimized; it ends where it began.
    """
    root, roots = traverser.get_node(), roots_of(traverser)
    steps: list[object] = []
    stack, seen = [root], {root}
    while stack:
        number = stack.pop()
        traverser.set_node(number)
        steps.append(_step(traverser, roots))
        above = [one for one in traverser.get_inputs() if one not in seen]
        seen.update(above)
        stack.extend(above)
    traverser.set_node(root)
    return digest("expansion", steps)


def _step(traverser: Any, roots: list[int]) -> tuple[object, ...]:
    try:
        node = traverser.view_current_node()
    except NotImplementedError as error:
        return (str(error).partition("\n")[0], list(traverser.get_schema()))
    kind = type(node).__name__
    if not traverser.get_inputs():  # a leaf: what is read of it is told by what lies above
        return (kind,)
    named = [(one.output_name, _columns(traverser, roots, one.node)) for one in traverser.get_exprs()]
    if kind == "HStack":  # ``cast`` of a selector is expanded in an order that differs from process to process
        named.sort()
    shown = [_plain(getattr(node, name)) for name in _SHOWN if hasattr(node, name)]
    return kind, named, shown


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
