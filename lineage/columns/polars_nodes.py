"""How each kind of node of a polars plan (IR versions 15 and 16) makes its frame of the frames below it.

A rule is a function of the walker, the node, the states of its inputs and the columns that polars says the result
has. A rule that finds a node other than expected raises; the walker then keeps the node whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lineage.columns.polars_exprs import ExpressionReader
from lineage.columns.polars_joins import join_columns
from lineage.columns.polars_map_functions import FUNCTIONS
from lineage.columns.polars_state import (
    FILTER,
    GROUP_BY,
    JOIN,
    NOTHING,
    SORT,
    TRANSFORMATION,
    UNSUPPORTED,
    Column,
    Deps,
    FrameState,
    indirect,
    merge,
    transformed,
)
from lineage.columns.polars_value import ALIGNED, FREE, SCALAR, Value

if TYPE_CHECKING:
    from lineage.columns.polars_walk import PlanWalker


class MismatchError(Exception):
    """A node does not look as expected; it is kept whole."""


def _scan(walker: PlanWalker, node: Any, _: Sequence[FrameState], names: list[str]) -> FrameState:
    name = walker.name_leaf(node)
    if not name:
        return FrameState({column: Column(NOTHING) for column in names}, NOTHING, NOTHING, frozenset())
    options = getattr(node, "file_options", None)
    index = options.row_index if options is not None else None
    read = [column for column in names if index is None or column != index[0]]
    state = walker.sources.leaf(name, read)
    if options is not None and options.n_rows is not None:
        state.rows = merge(state.rows, state.order)
    if index is not None:
        position = merge(dict.fromkeys(state.rows, TRANSFORMATION), state.order)
        state.columns = {c: state.columns[c] if c != index[0] else Column(position) for c in names}
    return state


def _same(_: PlanWalker, __: Any, inputs: Sequence[FrameState], ___: list[str]) -> FrameState:
    return inputs[0]


def _cache(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], _: list[str]) -> FrameState:
    return walker.caches.setdefault(node.id_, inputs[0])


def _projection(_: PlanWalker, __: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    state = inputs[0]
    return state.changed({name: state.columns[name] for name in names})


def _as_columns(
    state: FrameState, values: list[tuple[str, Value]], reader: ExpressionReader
) -> tuple[dict[str, Column], Deps, Deps]:
    """Values laid side by side as the columns of a new frame, with its rows and its order."""
    spread = [value for _, value in values if value.shape != SCALAR]
    free = [value for value in spread if value.shape == FREE]
    if not free:
        return {name: value.column() for name, value in values}, state.rows, state.order
    order = merge(*(reader.order_of(value) for value in spread))
    rows = merge(state.rows, *(value.length for value in free))
    beside = indirect(order, SORT) if len(spread) > 1 else NOTHING
    columns = {
        name: Column(merge(value.deps, beside) if value.shape != SCALAR else value.deps, value.fields)
        for name, value in values
    }
    return columns, rows, order


def _values(walker: PlanWalker, state: FrameState, exprs: Any) -> tuple[list[tuple[str, Value]], ExpressionReader]:
    reader = walker.reader(state)
    return [(item.output_name, reader.read(item.node)) for item in exprs], reader


def _select(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], _: list[str]) -> FrameState:
    state = inputs[0]
    values, reader = _values(walker, state, getattr(node, "expr", None) or getattr(node, "exprs", []))
    columns, rows, order = _as_columns(state, values, reader)
    for item, (name, value) in zip(getattr(node, "expr", []), values, strict=False):
        if value.shape == ALIGNED and columns.get(name) is not None:
            columns[name] = _identical(walker, state, item.node, columns[name])
    if values and all(value.shape == SCALAR for _, value in values):
        return FrameState(columns, rows, NOTHING, state.tables, None, frozenset())
    made = state.changed(columns, rows=rows, order=order)
    if any(value.shape == FREE for _, value in values):
        made.sorted_by, made.unique = None, None
    return made


def _identical(walker: PlanWalker, state: FrameState, node: int, column: Column) -> Column:
    """The input's own column object where an expression is nothing but that column under its own name."""
    try:
        expression = walker.traverser.view_expression(node)
    except NotImplementedError:
        return column
    if type(expression).__name__ != "Column":
        return column
    own = state.columns.get(expression.name)
    return own if own is not None and own.deps is column.deps and own.fields is column.fields else column


def _with_columns(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    state = inputs[0]
    values, _ = _values(walker, state, node.exprs)
    columns = dict(state.columns)
    rows = state.rows
    for name, value in values:
        if value.shape == FREE:
            order = indirect(merge(state.order, value.order), SORT)
            columns[name] = Column(merge(value.deps, order), value.fields)
            rows = merge(rows, value.length)
        else:
            columns[name] = value.column()
    return state.changed(columns, rows=rows)


def _filter(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], _: list[str]) -> FrameState:
    state = inputs[0]
    reader = walker.reader(state)
    value = reader.read(node.predicate.node)
    test = merge(value.whole(), value.length)
    if value.shape == FREE:
        test = merge(test, value.order, state.order)
    return state.changed(state.columns, rows=merge(state.rows, indirect(test, FILTER)))


def _slice(_: PlanWalker, __: Any, inputs: Sequence[FrameState], ___: list[str]) -> FrameState:
    state = inputs[0]
    return state.changed(state.columns, rows=merge(state.rows, indirect(state.order, SORT)))


def _sort(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], _: list[str]) -> FrameState:
    state = inputs[0]
    reader = walker.reader(state)
    keys = [reader.read(item.node) for item in node.by_column]
    by = merge(*(indirect(merge(key.whole(), key.length, key.order), SORT) for key in keys))
    names = [_plain_name(walker, item.node) for item in node.by_column]
    total = state.unique is not None and state.unique.issubset(name for name in names if name is not None)
    order = by if total else merge(by, state.order)
    rows = state.rows if node.slice is None else merge(state.rows, indirect(order, SORT))
    made = state.changed(state.columns, rows=rows, order=order)
    descending = node.sort_options[2]
    made.sorted_by = names[0] if names and not descending[0] else None
    if total:
        made.hidden = merge(state.hidden, state.order)
    return made


def _plain_name(walker: PlanWalker, node: int) -> str | None:
    try:
        expression = walker.traverser.view_expression(node)
    except NotImplementedError:
        return None
    return str(expression.name) if type(expression).__name__ == "Column" else None


def _group_by(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    state = inputs[0]
    reader = walker.reader(state)
    options = node.options
    keys = [(item.output_name, reader.read(item.node)) for item in node.keys]
    columns: dict[str, Column] = {}
    rows = merge(state.rows, *(indirect(merge(value.whole(), value.length), GROUP_BY) for _, value in keys))
    rows = merge(rows, *(reader.pairing(value) for _, value in keys))
    for name, value in keys:
        columns[name] = Column(value.deps, value.fields)
    windows = options.rolling or options.dynamic
    if windows is not None:
        rows = merge(rows, _window_columns(state, windows, columns, names))
    for item in node.aggs:
        value = reader.read(item.node)
        deps = merge(value.whole(), value.length)
        if value.shape != SCALAR:
            deps = merge(deps, indirect(reader.order_of(value), SORT))
        columns[item.output_name] = Column(deps, value.fields if value.shape == SCALAR else None)
    # In practice groups come in an order that input order and keys decide, though nobody asked for it.
    order = indirect(merge(state.order, state.hidden, *(value.whole() for _, value in keys)), GROUP_BY)
    if node.maintain_order:
        order = merge(order, state.order)
    if options.slice is not None:
        rows = merge(rows, indirect(order, SORT))
    columns = {name: columns[name] for name in names}
    unique = frozenset(name for name, _ in keys) if windows is None else None
    return FrameState(columns, rows, order, state.tables, None, unique)


def _window_columns(state: FrameState, windows: Any, columns: dict[str, Column], names: list[str]) -> Deps:
    """Adds what a dynamic or rolling group-by makes of its index column; gives its influence on the rows."""
    index = state.columns[windows.index_column]
    unsorted = NOTHING if state.sorted_by == windows.index_column else indirect(state.order, SORT)
    deps = merge(transformed(index.whole()), unsorted)
    columns[windows.index_column] = Column(deps)
    if getattr(windows, "include_boundaries", False):
        for name in ("_lower_boundary", "_upper_boundary"):
            if name in names:
                columns[name] = Column(deps)
    return merge(indirect(index.whole(), GROUP_BY), unsorted)


def _distinct(_: PlanWalker, node: Any, inputs: Sequence[FrameState], __: list[str]) -> FrameState:
    state = inputs[0]
    keep, subset, maintain, sliced = node.options
    keys = list(state.columns) if subset is None else list(subset)
    by = merge(*(state.columns[name].whole() for name in keys))
    rows = merge(state.rows, indirect(by, GROUP_BY))
    if (keep != "none" and len(keys) < len(state.columns)) or sliced is not None:
        rows = merge(rows, indirect(state.order, SORT))
    if keep == "any" and len(keys) < len(state.columns):
        rows = merge(rows, indirect(state.hidden, SORT))  # polars drops a sort before: any row will do
    before = state.order if maintain else indirect(merge(state.order, state.hidden), GROUP_BY)
    order = merge(before, indirect(by, GROUP_BY))
    made = state.changed(state.columns, rows=rows, order=order)
    made.sorted_by, made.unique = None, frozenset(keys)
    return made


def _union(_: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    columns = {
        name: Column(merge(*(state.columns[name].deps for state in inputs)), _common_fields(inputs, name))
        for name in names
    }
    order = merge(*(merge(state.order, state.hidden) for state in inputs))
    rows = merge(*(state.rows for state in inputs))
    if node.slice is not None:
        rows = merge(rows, indirect(order, SORT))
    return FrameState(columns, rows, order, _tables(inputs))


def _common_fields(inputs: Sequence[FrameState], name: str) -> dict[str, Column] | None:
    found = [state.columns[name].fields for state in inputs]
    first = found[0]
    if first is None:
        return None if all(item is None for item in found) else _merged_whole(inputs, name)
    if any(item is None or set(item) != set(first) for item in found):
        return _merged_whole(inputs, name)
    return {key: Column(merge(*(item[key].whole() for item in found if item is not None))) for key in first}


def _merged_whole(inputs: Sequence[FrameState], name: str) -> dict[str, Column]:
    # An unnamed field keeps the influences without pretending to know which field they belong to.
    return {"": Column(merge(*(state.columns[name].whole() for state in inputs)))}


def _tables(inputs: Sequence[FrameState]) -> frozenset[int]:
    return frozenset[int]().union(*(state.tables for state in inputs))


def _side_by_side(_: PlanWalker, __: Any, inputs: Sequence[FrameState], ___: list[str]) -> FrameState:
    columns: dict[str, Column] = {}
    for state in inputs:
        if columns.keys() & state.columns.keys():
            raise MismatchError("a name twice")
        columns |= state.columns
    order = merge(*(merge(state.order, state.hidden) for state in inputs))
    rows = merge(*(_joined_rows(state) for state in inputs), indirect(order, SORT))
    return FrameState(columns, rows, order, _tables(inputs))


def _joined_rows(state: FrameState) -> Deps:
    """The rows of a frame that meets another one: how many there are counts as a join."""
    return {source: JOIN | mask & UNSUPPORTED if mask & FILTER else mask for source, mask in state.rows.items()}


def _join(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    left, right = inputs
    how, _nulls_equal, sliced, suffix, coalesce, _maintain = node.options
    if getattr(node, "predicate", None) is not None:
        raise MismatchError("a join with a predicate")
    on_left = [(_plain_name(walker, item.node), walker.reader(left).read(item.node)) for item in node.left_on]
    on_right = [(_plain_name(walker, item.node), walker.reader(right, 1).read(item.node)) for item in node.right_on]
    keys = [merge(value.whole(), value.length, value.order) for _, value in (*on_left, *on_right)]
    by = how[4:6] if isinstance(how, tuple) and how[0] == "AsOf" else (None, None)
    for state, extra in ((left, by[0]), (right, by[1])):
        keys += [state.columns[name].whole() for name in extra or ()]
    order = merge(left.order, left.hidden, right.order, right.hidden)
    stars = walker.sources.stars
    rows = merge(
        {s: JOIN | m & UNSUPPORTED if s in stars else m for s, m in merge(left.rows, right.rows).items()},
        *(indirect(key, JOIN) for key in keys),
    )
    if sliced is not None:
        rows = merge(rows, indirect(order, SORT))
    kind = how[0] if isinstance(how, tuple) else how
    columns = join_columns(
        kind,
        left,
        right,
        [name for name, _ in on_left],
        [name for name, _ in on_right],
        suffix=suffix,
        coalesce=coalesce,
        by_right=by[1] or (),
        names=names,
    )
    if kind in ("Semi", "Anti"):
        order = merge(left.order, left.hidden)
    return FrameState(columns, rows, order, left.tables | right.tables)


def _merge_sorted(_: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    keys = [node.key] if isinstance(node.key, str) else list(node.key)
    by = merge(*(state.columns[key].whole() for state in inputs for key in keys))
    columns = {name: Column(merge(*(state.columns[name].whole() for state in inputs))) for name in names}
    order = merge(indirect(by, SORT), *(merge(state.order, state.hidden) for state in inputs))
    return FrameState(columns, merge(*(state.rows for state in inputs)), order, _tables(inputs))


def _gather(_: PlanWalker, __: Any, inputs: Sequence[FrameState], ___: list[str]) -> FrameState:
    state, index = inputs
    chosen = indirect(merge(*(column.whole() for column in index.columns.values())), FILTER)
    rows = merge(state.rows, index.rows, chosen, indirect(state.order, SORT))
    made = state.changed(state.columns, rows=rows, order=merge(index.order, state.order))
    made.tables, made.sorted_by, made.unique = _tables(inputs), None, None
    return made


def _map_function(walker: PlanWalker, node: Any, inputs: Sequence[FrameState], names: list[str]) -> FrameState:
    name, *arguments = node.function
    rule = FUNCTIONS.get(name)
    if rule is None:
        raise MismatchError(f"unknown function {name}")
    return rule(walker, inputs[0], arguments, names)


Rule = Callable[["PlanWalker", Any, Sequence[FrameState], list[str]], FrameState]
RULES: dict[str, Rule] = {
    "PythonScan": _scan,
    "Scan": _scan,
    "DataFrameScan": _scan,
    "SimpleProjection": _projection,
    "Select": _select,
    "Reduce": _select,
    "HStack": _with_columns,
    "Filter": _filter,
    "Slice": _slice,
    "Sort": _sort,
    "GroupBy": _group_by,
    "Distinct": _distinct,
    "Union": _union,
    "HConcat": _side_by_side,
    "Join": _join,
    "MergeSorted": _merge_sorted,
    "Gather": _gather,
    "MapFunction": _map_function,
    "Cache": _cache,
    "Sink": _same,
}
"""The rule of every kind of node that is read; any other is kept whole."""
