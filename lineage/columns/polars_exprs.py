"""Reads the expressions of a plan's node: which sources reach the value, and how it lies beside the rows.

Which shapes a value can have stands in ``polars_value``. Only where values that are not aligned are laid side by
side does their order become a matter of content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from lineage.columns import polars_functions as functions
from lineage.columns.polars_blocks import block_below
from lineage.columns.polars_state import (
    AGGREGATION,
    CONDITIONAL,
    FILTER,
    NOTHING,
    SORT,
    UNSUPPORTED,
    WINDOW,
    Deps,
    FrameState,
    Sources,
    aggregated,
    assumed,
    indirect,
    merge,
    transformed,
)
from lineage.columns.polars_value import ALIGNED, FREE, SCALAR, Value

_MAX_DEPTH = 400
"""Expressions nested deeper are taken as not understood: reading them would exhaust Python's stack."""


class ExpressionReader:
    """Reads expressions over one frame.

    Arguments:
        traverser: polars' node traverser, standing on the node whose expressions are read.
        state: what is known of the frame that they are evaluated on.
        sources: the numbers of the leaves' columns.
        note: told a sentence for everything that is not understood.
        roots: the numbers of all nodes' expressions, where columns inside hidden ones shall be looked for.
        place: which of the node's inputs the frame is.
    """

    def __init__(
        self,
        traverser: Any,
        state: FrameState,
        sources: Sources,
        note: Callable[[str], None],
        roots: Callable[[], Sequence[int]] | None = None,
        place: int = 0,
    ) -> None:
        self._traverser = traverser
        self._state = state
        self._sources = sources
        self._note = note
        self._roots = roots
        self._input = place
        self._depth = 0
        self._number = 0
        self._structs: list[Value] = []

    def read(self, node: int) -> Value:
        """The value of the expression with this number in polars' arena."""
        try:
            expression = self._traverser.view_expression(node)
        except NotImplementedError as error:
            return self._hidden(node, str(error).partition("\n")[0])
        rule = _RULES.get(type(expression).__name__)
        if rule is None:
            return self._unknown(f"the expression {type(expression).__name__}")
        if self._depth >= _MAX_DEPTH:
            return self._unknown(f"an expression nested more than {_MAX_DEPTH} deep")
        self._depth += 1
        self._number = node
        try:
            return rule(self, expression)
        finally:
            self._depth -= 1

    def _hidden(self, node: int, kind: str) -> Value:
        """An expression that the traverser does not show: a Python function and some others."""
        if kind == "field" and self._structs:
            struct = self._structs[-1]
            return Value(transformed(struct.whole()), struct.shape, struct.length, struct.order)
        block = block_below(self._traverser, node, self._roots(), kind) if self._roots is not None else None
        if block is None or not all(name in self._state.columns for name in block.columns):
            return self._unknown(f"the expression {kind!r}")
        self._note(f"the expression {kind!r} is not readable: every column in it may have influence")
        columns = merge(*(self._state.columns[name].whole() for name in block.columns))
        if block.rowwise:
            return Value(assumed(columns), ALIGNED)
        return self._assumed(columns)

    def _unknown(self, what: str) -> Value:
        self._note(f"{what} is not readable: every column before it may have influence")
        return self._assumed(merge(*(column.whole() for column in self._state.columns.values())))

    def _assumed(self, columns: Deps) -> Value:
        state, columns = self._state, assumed(columns)
        deps = merge(columns, dict.fromkeys(state.order, SORT | UNSUPPORTED))
        return Value(deps, FREE, indirect(deps, FILTER), state.order)

    def order_of(self, value: Value) -> Deps:
        """What decides the order of a value's elements."""
        if value.shape == ALIGNED:
            return self._state.order
        return value.order if value.shape == FREE else NOTHING

    def pairing(self, value: Value) -> Deps:
        """What decides beside which rows of the frame a value's elements come to lie: keys must not be their own."""
        if value.shape != FREE:
            return NOTHING
        return merge(value.length, indirect(merge(value.order, self._state.order), SORT))

    # Leaves.

    def _column(self, expression: Any) -> Value:
        column = self._state.columns.get(expression.name)
        if column is None:
            return self._unknown(f"the column {expression.name!r}")
        return Value(column.deps, ALIGNED, fields=column.fields)

    def _literal(self, expression: Any) -> Value:
        series = type(expression.value).__name__ == "PySeries"
        return Value(NOTHING, FREE if series else SCALAR)

    def _len(self, _: Any) -> Value:
        stars = self._sources.stars
        return Value({source: AGGREGATION for source in self._state.rows if source in stars}, SCALAR)

    # Row by row.

    def beside(self, values: list[Value], deps: Deps) -> Value:
        """A value computed element by element from values laid side by side."""
        spread = [value for value in values if value.shape != SCALAR]
        free = [value for value in spread if value.shape == FREE]
        if not free:
            return Value(deps, ALIGNED if spread else SCALAR)
        order = merge(*map(self.order_of, spread))
        if len(spread) > 1:
            deps = merge(deps, indirect(order, SORT))
        return Value(deps, FREE, merge(*(value.length for value in free)), order)

    def _alias(self, expression: Any) -> Value:
        return self.read(expression.expr)

    def _cast(self, expression: Any) -> Value:
        value = self.read(expression.expr)
        return Value(transformed(value.whole()), value.shape, value.length, value.order)

    def _binary(self, expression: Any) -> Value:
        values = [self.read(expression.left), self.read(expression.right)]
        return self.beside(values, transformed(merge(*(value.whole() for value in values))))

    def _ternary(self, expression: Any) -> Value:
        test = self.read(expression.predicate)
        branches = [self.read(expression.truthy), self.read(expression.falsy)]
        deps = merge(transformed(merge(*(value.whole() for value in branches))), indirect(test.whole(), CONDITIONAL))
        return self.beside([test, *branches], deps)

    # Rows chosen, moved, made.

    def _filter(self, expression: Any) -> Value:
        value, by = self.read(expression.input), self.read(expression.by)
        chosen = indirect(by.whole(), FILTER)
        laid = self.beside([value, by], merge(value.whole(), chosen))
        order = self.order_of(value) if value.shape != SCALAR else self.order_of(by)
        return Value(laid.deps, FREE, merge(laid.length, chosen), order)

    def _slice(self, expression: Any) -> Value:
        value = self.read(expression.input)
        bounds = [self.read(expression.offset), self.read(expression.length)]
        order = self.order_of(value)
        chosen = indirect(merge(*(bound.whole() for bound in bounds)), FILTER)
        deps = merge(value.whole(), indirect(order, SORT), chosen)
        return Value(deps, FREE, merge(value.length, chosen), order)

    def _gather(self, expression: Any) -> Value:
        value, index = self.read(expression.expr), self.read(expression.idx)
        chosen = indirect(index.whole(), FILTER)
        deps = merge(value.whole(), indirect(self.order_of(value), SORT), chosen)
        if expression.scalar:
            return Value(deps, SCALAR)
        return Value(deps, FREE, merge(chosen, index.length), self.order_of(index))

    def _explode(self, expression: Any) -> Value:
        value = self.read(expression.expr)
        deps = transformed(value.whole())
        return Value(deps, FREE, merge(value.length, indirect(deps, FILTER)), self.order_of(value))

    def _sort(self, expression: Any) -> Value:
        value = self.read(expression.expr)
        return Value(value.whole(), FREE, value.length, indirect(value.whole(), SORT))

    def _sort_by(self, expression: Any) -> Value:
        value = self.read(expression.expr)
        keys = [self.read(node) for node in expression.by]
        laid = self.beside([value, *keys], value.whole())
        by = indirect(merge(*(key.whole() for key in keys)), SORT)
        return Value(laid.deps, FREE, value.length, merge(by, self.order_of(value)))

    # Many rows into one, or one window.

    def _aggregate(self, expression: Any) -> Value:
        values = [self.read(node) for node in expression.arguments]
        deps = aggregated(merge(*(value.whole() for value in values)))
        if expression.name not in functions.AGGREGATES:
            deps = merge(deps, *(indirect(self.order_of(value), SORT) for value in values))
        deps = merge(deps, *(value.length for value in values))
        return Value(deps, SCALAR)

    def _window(self, expression: Any) -> Value:
        value = self.read(expression.function)
        by = [*expression.partition_by]
        if expression.order_by is not None:
            by.append(expression.order_by)
        read = [self.read(node) for node in by]
        keys = merge(*(merge(indirect(key.whole(), WINDOW), self.pairing(key)) for key in read))
        deps = merge(value.whole(), value.length, keys)
        if value.shape != ALIGNED:
            deps = merge(deps, indirect(value.order, SORT))
        if expression.options.kind == "explode":
            order = merge(keys, self._state.order, value.order)
            return Value(deps, FREE, merge(keys, value.length), order)
        if value.shape == FREE or expression.options.kind == "join":
            deps = merge(deps, indirect(self._state.order, SORT)) if value.shape != SCALAR else deps
        return Value(deps, ALIGNED)

    def _rolling(self, expression: Any) -> Value:
        value = self.read(expression.function)
        index = self.read(expression.index_column)
        deps = merge(value.whole(), value.length, indirect(index.whole(), WINDOW))
        deps = merge(deps, indirect(self.order_if_unsorted(expression.index_column), SORT))
        if value.shape != SCALAR:
            deps = merge(deps, indirect(self._state.order, SORT))
        return Value(deps, ALIGNED)

    def order_if_unsorted(self, node: int) -> Deps:
        """The frame's order, unless the expression is the very column that the frame is sorted by."""
        try:
            name = getattr(self._traverser.view_expression(node), "name", None)
        except NotImplementedError:
            name = None
        return NOTHING if name is not None and name == self._state.sorted_by else self._state.order

    # Functions.

    def _struct_eval(self, expression: Any) -> Value:
        struct = self.read(expression.expr)
        self._structs.append(struct)
        try:
            added = {item.output_name: self.read(item.node) for item in expression.evaluation}
        finally:
            self._structs.pop()
        values = [struct, *added.values()]
        if struct.fields is None or expression.variant != "with_fields":
            return self._rowwise(values)
        laid = self.beside(values, struct.deps)
        if laid.shape == FREE:
            return self._rowwise(values)
        laid.fields = struct.fields | {name: value.column() for name, value in added.items()}
        return laid

    def _function(self, expression: Any) -> Value:
        number, data = self._number, expression.function_data
        name = str(data[0]) if isinstance(data, tuple) else str(data)
        values = [self.read(node) for node in expression.input]
        if name == "as_struct":
            return self._as_struct(number, values)
        if name == "StructFunction.FieldByName" and values[0].fields is not None:
            return self._field(values[0], data[1])
        if name == "StructFunction.RenameFields" and values[0].fields is not None:
            return self._renamed_fields(values[0], data[1])
        if name in functions.GUESSING and data[1] is None:
            return self._sequential(values)
        if name == "rank" and data[1] in functions.UNORDERED_RANKS:
            return self._aligned(values)
        return _MANNERS[functions.manner_of(name)](self, values)

    def _as_struct(self, number: int, values: list[Value]) -> Value:
        laid = self.beside(values, NOTHING)
        # The traverser shows a field's expression without the name it was given; the struct's dtype has the names.
        names = self._field_names(number)
        if laid.shape == FREE or len(names) != len(values):
            return self._rowwise(values)
        laid.fields = {name: value.column() for name, value in zip(names, values, strict=True)}
        return laid

    def _field_names(self, number: int) -> list[str]:
        """The names of the fields of a struct expression, none where polars does not tell."""
        traverser = self._traverser
        node = traverser.get_node()
        traverser.set_node(traverser.get_inputs()[self._input])
        try:
            return [field.name for field in getattr(traverser.get_dtype(number), "fields", ())]
        except pl.exceptions.PolarsError:
            return []
        finally:
            traverser.set_node(node)

    def _renamed_fields(self, value: Value, names: Sequence[str]) -> Value:
        fields = value.fields or {}
        if len(names) != len(fields) or "" in fields:
            return self._rowwise([value])
        renamed = dict(zip(names, fields.values(), strict=True))
        return Value(value.deps, value.shape, value.length, value.order, renamed)

    def _field(self, value: Value, name: str) -> Value:
        found = (value.fields or {}).get(name)
        if found is None:
            return Value(transformed(value.whole()), value.shape, value.length, value.order)
        return Value(merge(found.deps, value.deps), value.shape, value.length, value.order, found.fields)

    def _rowwise(self, values: list[Value]) -> Value:
        return self.beside(values, transformed(merge(*(value.whole() for value in values))))

    def _lookup(self, values: list[Value]) -> Value:
        tables = [value for value in values[1:] if value.shape == FREE]
        laid = self._rowwise([values[0], *(value for value in values[1:] if value.shape != FREE)])
        for table in tables:
            laid.deps = merge(laid.deps, transformed(table.whole()), indirect(table.order, SORT))
        return laid

    def _aggregate_function(self, values: list[Value]) -> Value:
        laid = self.beside(values, merge(*(value.whole() for value in values)))
        return Value(merge(aggregated(laid.deps), laid.length), SCALAR)

    def _ordered_aggregate(self, values: list[Value]) -> Value:
        value = self._aggregate_function(values)
        value.deps = merge(value.deps, *(indirect(self.order_of(item), SORT) for item in values))
        return value

    def _aligned(self, values: list[Value]) -> Value:
        return self._rowwise(values)

    def _sequential(self, values: list[Value]) -> Value:
        value = self._rowwise(values)
        value.deps = merge(value.deps, *(indirect(self.order_of(item), SORT) for item in values))
        return value

    def _set(self, values: list[Value]) -> Value:
        deps = transformed(merge(*(value.whole() for value in values)))
        if len([value for value in values if value.shape != SCALAR]) > 1:
            deps = merge(deps, *(indirect(self.order_of(value), SORT) for value in values))
        order = merge(indirect(deps, SORT), *(self.order_of(value) for value in values))
        return Value(deps, FREE, merge(indirect(deps, FILTER), *(value.length for value in values)), order)

    def _whole(self, values: list[Value]) -> Value:
        orders = merge(*(indirect(self.order_of(value), SORT) for value in values))
        deps = merge(transformed(merge(*(value.whole() for value in values))), orders)
        lengths = merge(indirect(deps, FILTER), *(value.length for value in values))
        return Value(deps, FREE, lengths, merge(indirect(deps, SORT), orders))


_MANNERS: dict[functions.Manner, Callable[[ExpressionReader, list[Value]], Value]] = {
    functions.Manner.ROWWISE: ExpressionReader._rowwise,
    functions.Manner.FIRST: ExpressionReader._lookup,
    functions.Manner.AGGREGATE: ExpressionReader._aggregate_function,
    functions.Manner.ORDERED_AGGREGATE: ExpressionReader._ordered_aggregate,
    functions.Manner.ALIGNED: ExpressionReader._aligned,
    functions.Manner.SEQUENTIAL: ExpressionReader._sequential,
    functions.Manner.SET: ExpressionReader._set,
    functions.Manner.WHOLE: ExpressionReader._whole,
}

_RULES: dict[str, Callable[[ExpressionReader, Any], Value]] = {
    "Alias": ExpressionReader._alias,
    "Column": ExpressionReader._column,
    "Literal": ExpressionReader._literal,
    "Len": ExpressionReader._len,
    "Cast": ExpressionReader._cast,
    "BinaryExpr": ExpressionReader._binary,
    "Ternary": ExpressionReader._ternary,
    "Filter": ExpressionReader._filter,
    "Slice": ExpressionReader._slice,
    "Gather": ExpressionReader._gather,
    "Explode": ExpressionReader._explode,
    "Sort": ExpressionReader._sort,
    "SortBy": ExpressionReader._sort_by,
    "Agg": ExpressionReader._aggregate,
    "Window": ExpressionReader._window,
    "Rolling": ExpressionReader._rolling,
    "StructEval": ExpressionReader._struct_eval,
    "Function": ExpressionReader._function,
}

EXPRESSION_KINDS: tuple[str, ...] = tuple(_RULES)
"""The kinds of expression that are read; any other is kept whole."""
