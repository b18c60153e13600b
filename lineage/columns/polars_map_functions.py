"""How each function over a whole frame, which is one kind of node to polars, makes its frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lineage.columns.polars_state import (
    FILTER,
    NOTHING,
    SORT,
    TRANSFORMATION,
    Column,
    Deps,
    FrameState,
    indirect,
    merge,
)

if TYPE_CHECKING:
    from lineage.columns.polars_walk import PlanWalker


def _map_same(_: PlanWalker, state: FrameState, __: list[Any], ___: list[str]) -> FrameState:
    return state


def _map_hint(_: PlanWalker, state: FrameState, arguments: list[Any], __: list[str]) -> FrameState:
    # A promise about order lets polars take short cuts that give other values where it is broken.
    columns = dict(state.columns)
    for name, *_rest in arguments[0]:
        column = columns[name]
        columns[name] = Column(merge(column.deps, indirect(state.order, SORT)), column.fields)
    return state.changed(columns)


def _map_explode(_: PlanWalker, state: FrameState, arguments: list[Any], __: list[str]) -> FrameState:
    columns = dict(state.columns)
    lengths: list[Deps] = []
    for name in arguments[0]:
        columns[name] = state.columns[name].mapped()
        lengths.append(indirect(columns[name].deps, FILTER))
    made = state.changed(columns, rows=merge(state.rows, *lengths))
    made.unique = None
    return made


def _map_unnest(_: PlanWalker, state: FrameState, arguments: list[Any], names: list[str]) -> FrameState:
    structs, separator = set(arguments[0]), arguments[1] if len(arguments) > 1 else None
    columns = {name: column for name, column in state.columns.items() if name not in structs}
    made = {name: columns.get(name) for name in names}
    for name in structs:
        column = state.columns[name]
        for new in [new for new, found in made.items() if found is None]:
            field = new if separator is None else new.removeprefix(f"{name}{separator}")
            known = (column.fields or {}).get(field)
            if known is not None:
                made[new] = Column(merge(known.deps, column.deps), known.fields)
            elif len(structs) == 1 or (separator is not None and field != new):
                made[new] = column.mapped()
    rest = merge(*(state.columns[name].mapped().deps for name in structs))
    return state.changed({name: found or Column(rest) for name, found in made.items()})


def _map_row_index(walker: PlanWalker, state: FrameState, arguments: list[Any], _: list[str]) -> FrameState:
    counted = {source: TRANSFORMATION for source in state.rows if source in walker.sources.stars}
    position = Column(merge(counted, indirect(state.order, SORT)))
    return state.changed({arguments[0]: position, **state.columns})


def _map_unpivot(_: PlanWalker, state: FrameState, arguments: list[Any], __: list[str]) -> FrameState:
    index, on, variable, value = arguments[:4]
    columns = {name: state.columns[name] for name in index}
    columns[variable] = Column(NOTHING)
    columns[value] = Column(merge(*(state.columns[name].whole() for name in on)))
    made = state.changed(columns)
    made.sorted_by, made.unique = None, None
    return made


FUNCTIONS: dict[str, Callable[[PlanWalker, FrameState, list[Any], list[str]], FrameState]] = {
    "unnest": _map_unnest,
    "explode": _map_explode,
    "unpivot": _map_unpivot,
    "row_index": _map_row_index,
    "rechunk": _map_same,
    "hint_sorted": _map_hint,
}
"""The functions over frames that are read, each with its rule; any other is kept whole."""
