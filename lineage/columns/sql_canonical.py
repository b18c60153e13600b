"""A syntax tree as a value to digest: layout, comments and the case of keywords are gone, stars are expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from lineage.columns.sql_context import Context


def canonical(node: exp.Expr, context: Context) -> list[object]:
    """The tree as a list of plain values; two trees give the same list only if they say the same.

    Arguments:
        node: a statement that was read within ``context``, which knows what its stars stood for.
        context: the reading.
    """
    flat: list[object] = []
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Expr):
            flat.append(item.key)
            arguments = [(name, value) for name, value in sorted(item.args.items()) if _counts(item, name, value)]
            flat.append(len(arguments))
            for name, value in reversed(arguments):
                stack.append(_Named(name, value))
        elif isinstance(item, _Named):
            flat.append(item.name)
            stack.append(item.value)
        elif isinstance(item, list | tuple):
            items = _expanded(item, context)
            flat.append(len(items))
            stack.extend(reversed(items))
        elif isinstance(item, bool | int | str) or item is None:
            flat.append(item)
        else:
            flat.append(str(getattr(item, "value", item)))
    return flat


class _Named:
    __slots__ = ("name", "value")

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self.value = value


def _expanded(items: Sequence[object], context: Context) -> list[object]:
    """A list in which every star gives way to the columns that it stands for."""
    result: list[object] = []
    for item in items:
        _, columns = context.stars.get(id(item), (None, None))
        if columns is None:
            result.append(item)
        else:
            result.extend(columns)
    return result


def _counts(node: exp.Expr, name: str, value: object) -> bool:
    """Whether an argument says anything: unset flags do not, nor whether a name is quoted."""
    if value is None or value is False or value == [] or value == "":
        return False
    return not (name == "quoted" and isinstance(node, exp.Identifier))
