"""Mutants of the reading of plans, each with one rule deleted; the soundness proof must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lineage.columns import polars_exprs as exprs
from lineage.columns import polars_functions as functions
from lineage.columns import polars_map_functions as map_functions
from lineage.columns import polars_nodes as nodes
from lineage.columns.polars_state import CONDITIONAL, NOTHING, SORT, WINDOW, Column, FrameState

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """One deleted rule.

    Arguments:
        name: what is deleted.
        steps: the steps of random plans that use the rule.
        table: the table of rules that is changed, with the key in it.
        change: makes the mutated rule of the right one.
    """

    name: str
    steps: tuple[str, ...]
    table: dict[Any, Any]
    key: Any
    change: Callable[[Rule], Rule]

    @contextmanager
    def alive(self) -> Iterator[None]:
        """The reading with this rule deleted, for the time of the block."""
        right = self.table[self.key]
        self.table[self.key] = self.change(right)
        try:
            yield
        finally:
            self.table[self.key] = right


def _rows_kept(rule: Rule) -> Rule:
    """The node no longer decides which rows there are."""

    def mutated(walker: Any, node: Any, inputs: Any, names: list[str]) -> FrameState:
        state: FrameState = rule(walker, node, inputs, names)
        rows: dict[int, int] = {}
        for one in inputs:
            rows |= one.rows
        state.rows = rows
        return state

    return mutated


def _order_kept(rule: Rule) -> Rule:
    """The node no longer decides the order of rows."""

    def mutated(walker: Any, node: Any, inputs: Any, names: list[str]) -> FrameState:
        state: FrameState = rule(walker, node, inputs, names)
        state.order = inputs[0].order
        return state

    return mutated


def _first_input_only(rule: Rule) -> Rule:
    """The node takes columns and rows of its first input only."""

    def mutated(walker: Any, node: Any, inputs: Any, names: list[str]) -> FrameState:
        state: FrameState = rule(walker, node, inputs, names)
        state.rows = inputs[0].rows
        state.columns = {name: inputs[0].columns.get(name, column) for name, column in state.columns.items()}
        return state

    return mutated


def _function_rows_kept(rule: Rule) -> Rule:
    def mutated(walker: Any, state: FrameState, arguments: list[Any], names: list[str]) -> FrameState:
        made: FrameState = rule(walker, state, arguments, names)
        made.rows = state.rows
        return made

    return mutated


def _function_forgets(column: int) -> Callable[[Rule], Rule]:
    """The function over a frame forgets what decides one of its columns."""

    def change(rule: Rule) -> Rule:
        def mutated(walker: Any, state: FrameState, arguments: list[Any], names: list[str]) -> FrameState:
            made: FrameState = rule(walker, state, arguments, names)
            made.columns[names[column]] = Column(NOTHING)
            return made

        return mutated

    return change


def _without_kind(*kinds: int) -> Callable[[Rule], Rule]:
    """The expression forgets influences of some kinds."""

    def change(rule: Rule) -> Rule:
        def mutated(reader: Any, argument: Any) -> exprs.Value:
            value: exprs.Value = rule(reader, argument)
            value.deps = {s: m for s, m in value.deps.items() if m not in kinds}
            return value

        return mutated

    return change


def _without_length(rule: Rule) -> Rule:
    """The expression no longer decides how many rows there are."""

    def mutated(reader: Any, argument: Any) -> exprs.Value:
        value: exprs.Value = rule(reader, argument)
        value.length = NOTHING
        return value

    return mutated


def _like_input(rule: Rule) -> Rule:
    """The expression is taken for its first argument alone."""

    def mutated(reader: Any, argument: Any) -> exprs.Value:
        number = getattr(argument, "input", None)
        number = argument.expr if number is None else number
        value: exprs.Value = reader.read(number)
        return value

    return mutated


def _as_manner(manner: functions.Manner) -> Callable[[Rule], Rule]:
    """A function is taken to treat rows in another manner."""
    return lambda _: manner


def _side(name: str) -> Callable[[Rule], Rule]:
    """The expression forgets one of its operands."""

    def change(rule: Rule) -> Rule:
        def mutated(reader: Any, argument: Any) -> exprs.Value:
            value: exprs.Value = reader.read(getattr(argument, name))
            return value

        return mutated

    return change


def _first_argument(rule: Rule) -> Rule:
    """Functions of a manner forget all arguments but the first."""
    return lambda reader, values: rule(reader, values[:1])


_N, _F, _E, _M = nodes.RULES, map_functions.FUNCTIONS, exprs._RULES, functions.MANNERS

MUTANTS: tuple[Mutant, ...] = (
    Mutant("filter decides rows", ("filter",), _N, "Filter", _rows_kept),
    Mutant("join keys decide rows", ("join", "join_two"), _N, "Join", _rows_kept),
    Mutant("group keys decide rows", ("group_by", "group_by_computed"), _N, "GroupBy", _rows_kept),
    Mutant("dedupe decides rows", ("unique",), _N, "Distinct", _rows_kept),
    Mutant("slice takes order", ("slice", "top"), _N, "Slice", _rows_kept),
    Mutant("sort decides order", ("sort", "sort_all", "top"), _N, "Sort", _order_kept),
    Mutant("union takes every input", ("concat", "concat_self"), _N, "Union", _first_input_only),
    Mutant("merge_sorted takes every input", ("merge_sorted",), _N, "MergeSorted", _first_input_only),
    Mutant("hconcat aligns by order", ("hconcat",), _N, "HConcat", _rows_kept),
    Mutant("gather takes order and index", ("gather",), _N, "Gather", _rows_kept),
    Mutant("explode decides rows", ("explode_keep", "explode"), _F, "explode", _function_rows_kept),
    Mutant("row index follows order", ("row_index",), _F, "row_index", _function_forgets(0)),
    Mutant("unpivot takes its columns", ("unpivot",), _F, "unpivot", _function_forgets(-1)),
    Mutant("unnest takes the struct", ("unnest",), _F, "unnest", _function_forgets(-1)),
    Mutant("over: partition", ("with_columns",), _E, "Window", _without_kind(WINDOW)),
    Mutant("rolling window: index", ("rolling_forgotten",), _E, "Rolling", _without_kind(WINDOW)),
    Mutant("when: condition", ("select_when",), _E, "Ternary", _without_kind(CONDITIONAL)),
    Mutant("first and last follow order", ("select_aggregates", "group_by"), _E, "Agg", _without_kind(SORT)),
    Mutant("filter inside an expression", ("select_filtered",), _E, "Filter", _like_input),
    Mutant("filter inside decides length", ("free_filter",), _E, "Filter", _without_length),
    Mutant("head inside follows order", ("free_head",), _E, "Slice", _like_input),
    Mutant("sort_by inside", ("select_sort_by",), _E, "SortBy", _like_input),
    Mutant("gather inside follows order", ("free_gather",), _E, "Gather", _like_input),
    Mutant("explode inside decides length", ("free_explode",), _E, "Explode", _without_length),
    Mutant("arithmetic: right operand", ("with_columns", "filter"), _E, "BinaryExpr", _side("left")),
    Mutant("cum_sum follows order", ("select_cum_sum",), _M, "cum_sum", _as_manner(functions.Manner.ROWWISE)),
    Mutant("shift follows order", ("select_shift",), _M, "shift", _as_manner(functions.Manner.ROWWISE)),
    Mutant("index_of follows order", ("select_index_of",), _M, "index_of", _as_manner(functions.Manner.AGGREGATE)),
    Mutant("drop_nulls decides length", ("free_drop_nulls",), _M, "drop_nulls", _as_manner(functions.Manner.ROWWISE)),
    Mutant("rolling by a column", ("select_rolling_by",), exprs._MANNERS, functions.Manner.ALIGNED, _first_argument),
    Mutant("is_in: what is looked up", ("select_is_in",), exprs._MANNERS, functions.Manner.FIRST, _first_argument),
)
