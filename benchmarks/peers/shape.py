"""The graph of W(N): names of its assets and what each reads. No library is needed for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

LAYERS = 10
ROOT, LEAF = "l0_a0", "l9_a0"


class Node(NamedTuple):
    """One asset: its name, and the two that it reads (none for a root)."""

    name: str
    inputs: tuple[str, ...]


def nodes(size: int) -> Iterator[Node]:
    """Every asset of W(size), each after what it reads."""
    width = size // LAYERS
    for layer in range(LAYERS):
        for place in range(width):
            inputs = (f"l{layer - 1}_a{place}", f"l{layer - 1}_a{(7 * place + 1) % width}") if layer else ()
            yield Node(f"l{layer}_a{place}", inputs)


def last_layer(size: int) -> list[str]:
    """The assets that nothing reads."""
    return [node.name for node in nodes(size) if node.name.startswith(f"l{LAYERS - 1}_")]


def cone(size: int, start: str) -> int:
    """How many assets depend on one, itself included: what has to be made when it changes."""
    reached = {start}
    for node in nodes(size):
        if reached.intersection(node.inputs):
            reached.add(node.name)
    return len(reached)


def sql(node: Node, reference: str, *, changed: bool) -> str:
    """The query of an asset; ``reference`` is how a tool names a table, with ``{}`` for its name."""
    plus = " + 1" if changed else ""
    if not node.inputs:
        return (
            f"select i::bigint as id, (i * 0.5)::double{plus} as value, ['a', 'b', 'c', 'd'][i % 4 + 1] as label "
            "from range(100) as r(i)"
        )
    left, right = (reference.format(name) for name in node.inputs)
    return f"select a.id, a.value + b.value{plus} as value, a.label from {left} as a join {right} as b on a.id = b.id"
