"""Walks a polars plan, leaves first, and gives what is known of the frame that it makes.

Every node's columns are checked against the schema that polars itself gives for it. A node that is unknown, or
whose columns do not come out as polars says, is kept whole: all columns of all leaves below it may have
influence on everything above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from lineage.columns.polars_blocks import roots_of
from lineage.columns.polars_exprs import ExpressionReader
from lineage.columns.polars_nodes import RULES, MismatchError
from lineage.columns.polars_state import FILTER, SORT, UNSUPPORTED, Column, Deps, FrameState, Sources, merge

LeafNamer = Callable[[Any], str]


class PlanWalker:
    """Walks a plan and gives the state of the frame that it makes.

    Arguments:
        traverser: polars' node traverser over a plan that was typed but not optimized.
        name_leaf: gives a leaf node the name of its input; an empty name for data written into the plan itself.
        look_inside: whether columns inside hidden expressions are looked for; the result must then be checked.
    """

    def __init__(self, traverser: Any, name_leaf: LeafNamer, *, look_inside: bool = True) -> None:
        self.traverser = traverser
        self._look_inside = look_inside
        self._roots: list[int] | None = None
        self.sources = Sources()
        self.warnings: dict[str, None] = {}
        self.name_leaf = name_leaf
        self._states: dict[int, FrameState] = {}
        self.caches: dict[int, FrameState] = {}

    def walk(self) -> FrameState:
        """The state of the whole plan's frame; nodes are visited without recursion, so depth is no limit."""
        traverser, states = self.traverser, self._states
        root = traverser.get_node()
        stack = [(root, False)]
        while stack:
            number, ready = stack.pop()
            if number in states:
                continue
            traverser.set_node(number)
            inputs = traverser.get_inputs()
            if ready or not inputs:
                states[number] = self._node([states[item] for item in inputs])
            else:
                stack.append((number, True))
                stack.extend((item, False) for item in inputs if item not in states)
        return states[root]

    def note(self, sentence: str) -> None:
        """Remembers a sentence about something that was not understood, once."""
        self.warnings[sentence] = None

    def _node(self, inputs: list[FrameState]) -> FrameState:
        names = list(self.traverser.get_schema())
        try:
            node = self.traverser.view_current_node()
        except NotImplementedError as error:
            return self._unreadable(str(error), inputs, names)
        rule = RULES.get(type(node).__name__)
        if rule is None:
            self.note(f"the node {type(node).__name__} is not known: all columns below it may have influence")
            return self._opaque(inputs, names)
        try:
            state = rule(self, node, inputs, names)
        except (MismatchError, LookupError, AttributeError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            self.note(f"the node {type(node).__name__} is not as expected ({error}): kept whole")
            return self._opaque(inputs, names)
        if type(node).__name__ != "Sink" and list(state.columns) != names:
            self.note(f"the node {type(node).__name__} has other columns than expected: kept whole")
            return self._opaque(inputs, names)
        return state

    def _unreadable(self, why: str, inputs: list[FrameState], names: list[str]) -> FrameState:
        if not inputs:
            return self.sources.leaf(self.name_leaf(None), names)
        if "python" in why or "apply inside GroupBy" in why:
            self.note("a Python function over a whole frame: every column it is given may have influence")
            deps = merge(*(state.assumed(self.sources.stars) for state in inputs))
            return self._all_from(deps, inputs, names)
        self.note(f"a node is not readable ({why.splitlines()[0][:60]}): all columns below it may have influence")
        return self._opaque(inputs, names)

    def _opaque(self, inputs: list[FrameState], names: list[str]) -> FrameState:
        tables = frozenset[int]().union(*(state.tables for state in inputs))
        return self._all_from(self.sources.all_of(tables), inputs, names)

    def _all_from(self, deps: Deps, inputs: list[FrameState], names: list[str]) -> FrameState:
        tables = frozenset[int]().union(*(state.tables for state in inputs))
        rows = merge(dict.fromkeys(deps, FILTER | UNSUPPORTED), *(state.rows for state in inputs))
        order = dict.fromkeys(deps, SORT | UNSUPPORTED)
        return FrameState({name: Column(deps) for name in names}, rows, order, tables)

    def reader(self, state: FrameState, place: int = 0) -> ExpressionReader:
        """A reader of the current node's expressions over a frame, which is its input at that place."""
        roots = self._all_roots if self._look_inside else None
        return ExpressionReader(self.traverser, state, self.sources, self.note, roots, place)

    def _all_roots(self) -> list[int]:
        if self._roots is None:
            self._roots = roots_of(self.traverser)
        return self._roots
