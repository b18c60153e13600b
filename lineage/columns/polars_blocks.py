"""Finds the columns inside an expression that polars' node traverser does not show, such as a Python function.

Polars writes an expression into its arena children first, so what lies below one stands between the expression
before it and itself. That is a guess about polars' inside: whoever uses it checks the result against what
polars says it reads, and falls back to all columns of the frame where the two disagree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lineage.columns.polars_functions import Manner, manner_of

_PLAIN = frozenset({"Column", "Literal", "Cast", "BinaryExpr", "Ternary", "Alias"})
# Not among them: "categorical expr", because the physical numbers of categories follow the order they came in.
_ROWWISE_KINDS = frozenset({"list.eval", "binary expr", "extension expr", "bitwise expr", "business"})


@dataclass(frozen=True, slots=True)
class Block:
    """What stands in the arena before an unreadable expression.

    Arguments:
        columns: the names of the columns.
        rowwise: whether it is known to be computed row by row.
    """

    columns: tuple[str, ...]
    rowwise: bool


def roots_of(traverser: Any) -> list[int]:
    """The numbers of all expressions that nodes hold, ascending; the traverser ends where it began."""
    root = traverser.get_node()
    found: set[int] = set()
    seen: set[int] = set()
    stack = [root]
    while stack:
        number = stack.pop()
        if number in seen:
            continue
        seen.add(number)
        traverser.set_node(number)
        found.update(item.node for item in traverser.get_exprs())
        stack.extend(traverser.get_inputs())
    traverser.set_node(root)
    return sorted(found)


def block_below(traverser: Any, node: int, roots: Sequence[int], kind: str) -> Block | None:
    """The block of an expression, or None where there is no column in it.

    Arguments:
        node: the expression's number.
        roots: see ``roots_of``.
        kind: what polars called it when it refused to show it.
    """
    place = bisect_left(roots, node)
    start = roots[place - 1] + 1 if place else 0
    columns: dict[str, None] = {}
    plain = kind in _ROWWISE_KINDS
    for number in range(start, node):
        try:
            expression = traverser.view_expression(number)
        except NotImplementedError as error:
            plain = plain and str(error) in ("element", *_ROWWISE_KINDS)
            continue
        name = type(expression).__name__
        if name == "Column":
            columns[expression.name] = None
        elif name == "Function":
            plain = plain and manner_of(str(expression.function_data[0])) is Manner.ROWWISE
        elif name not in _PLAIN:
            plain = False
    return Block(tuple(columns), plain) if columns else None
