"""Whether an expression of a polars plan gives each row a value that the rows of its slot alone decide.

Outside a group that means: row by row, or over a window with a carrier in its partition. Inside a group, all of whose
rows are of one slot, rows may meet; their order may reach values only where the frame is steady.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineage.columns import polars_functions as functions
from lineage.columns.polars_functions import Manner

_CHANCE = frozenset({"shuffle", "sample", "ListFunction.Sample"})
TIES = frozenset(
    [
        "min_by",
        "max_by",
        "arg_min",
        "arg_max",
        "argmin",
        "argmax",
        "arg_sort",
        "top_k",
        "top_k_by",
        "mode",
        "unique",
        "value_counts",
        "unique_counts",
        "agg_groups",
    ]
)
"""Which of equal rows these take, or in which order they give them, depends on how polars lays out all the rows: seen
of ``max_by`` in groups whose rows were the same."""
_ORDERLESS = frozenset({Manner.ROWWISE, Manner.FIRST, Manner.AGGREGATE, Manner.ALIGNED})
_MAX_DEPTH = 300


class NotLocalError(Exception):
    """Something is not known to stay within a slot; the text is a clause about the asset."""


class Reader:
    """Reads expressions over one frame.

    Arguments:
        nodes: polars' node traverser, standing on the node whose expressions are read.
        carriers, steady: of the frame that they are evaluated on.
    """

    def __init__(self, nodes: Any, carriers: frozenset[str], *, steady: bool) -> None:
        self._nodes = nodes
        self._carriers = carriers
        self._steady = steady
        self._grouped = False
        self._depth = 0

    def row_by_row(self, number: int) -> None:
        """Refuses an expression that mixes rows of different slots.

        Raises:
            NotLocalError: it does, or nothing is known of it.
        """
        self._grouped = False
        self._read(number)

    def in_group(self, number: int) -> None:
        """Refuses an expression over a group of rows of one slot, if their order reaches it and is not kept.

        Raises:
            NotLocalError: it does, or nothing is known of it.
        """
        self._grouped = True
        self._read(number)

    def has_rows(self, number: int) -> bool:
        """Whether an expression has a value for each row, and is not one value for all."""
        expression = self._view(number)
        if type(expression).__name__ in ("Column", "Window"):
            return True
        return any(self.has_rows(one) for one in _below(expression))

    def _view(self, number: int) -> Any:
        try:
            return self._nodes.view_expression(number)
        except NotImplementedError as error:
            raise NotLocalError(f"its expression {str(error).partition(chr(10))[0]!r} cannot be read") from None

    def _read(self, number: int) -> None:
        expression = self._view(number)
        rule = EXPRESSIONS.get(type(expression).__name__)
        if rule is None:
            raise NotLocalError(f"nothing is known of its expression {type(expression).__name__}")
        if self._depth >= _MAX_DEPTH:
            raise NotLocalError("one of its expressions is nested too deep to be read")
        self._depth += 1
        rule(self, expression)
        self._depth -= 1

    def _inner(self, expression: Any) -> None:
        for number in _below(expression):
            self._read(number)

    def _only_in_group(self, what: str) -> None:
        if not self._grouped:
            raise NotLocalError(f"its {what} goes over rows of other partitions")

    def _ordered(self, what: str) -> None:
        self._only_in_group(what)
        if not self._steady:
            raise NotLocalError(f"its {what} depends on an order of rows that is not kept within a partition")

    # The rules, by kind of expression.

    def row(self, expression: Any) -> None:
        """Row by row in what it is made of."""
        self._inner(expression)

    def literal(self, expression: Any) -> None:
        """One value; a series beside rows would be laid along them."""
        if type(expression.value).__name__ == "PySeries":
            raise NotLocalError("it lays a series beside the rows")

    def length(self, _: Any) -> None:
        """A number of rows."""
        self._only_in_group("len()")

    def aggregate(self, expression: Any) -> None:
        """One value of many rows."""
        name = str(expression.name)
        self._no_ties(name)
        if name in functions.AGGREGATES:
            self._only_in_group(f"{name}()")
        else:
            self._ordered(f"{name}()")
        self._inner(expression)

    def _no_ties(self, name: str) -> None:
        if name in TIES:
            raise NotLocalError(f"its {name} takes some of equal rows, and which ones is not told")

    def sorted_by(self, _: Any) -> None:
        """Sorted by other values, whose ties come in any order."""
        self._no_ties("arg_sort")

    def ordered(self, expression: Any) -> None:
        """Rows chosen or moved within a group."""
        self._ordered(type(expression).__name__.lower())
        self._inner(expression)

    def window(self, expression: Any) -> None:
        """Within groups: a carrier among the keys makes each of them one of a slot."""
        keys = [plain_name(self._nodes, number) for number in expression.partition_by]
        if not self._grouped and not self._carriers.intersection(name for name in keys if name is not None):
            named = ", ".join(name or "something computed" for name in keys)
            raise NotLocalError(f"its window over {named or 'all rows'} is without the partition column")
        if expression.options.kind not in ("groups_to_rows", "join"):
            raise NotLocalError("its window gives as many rows as it likes")
        outer = self._grouped
        for number in expression.partition_by:
            self._read(number)
        self._grouped = True
        if expression.order_by is not None:
            self._read(expression.order_by)
            self._no_ties("arg_sort")
        if expression.options.kind == "join":
            self._ordered("window of lists")
        self._read(expression.function)
        self._grouped = outer

    def function(self, expression: Any) -> None:
        """A named function, by how it treats rows."""
        data = expression.function_data
        name = str(data[0]) if isinstance(data, tuple) else str(data)
        if name in _CHANCE:
            raise NotLocalError(f"its {name} is chance")
        if name in functions.GUESSING and data[1] is None:
            raise NotLocalError(f"its {name} guesses a format from the first rows")
        self._no_ties(name if name != "rank" or data[1] in functions.UNORDERED_RANKS else "arg_sort")
        manner = functions.manner_of(name)
        if name == "rank" and data[1] in functions.UNORDERED_RANKS:
            manner = Manner.ALIGNED
        MANNERS[manner](self, name)
        arguments = list(expression.input)
        if manner is Manner.FIRST:
            for number in arguments[1:]:
                self._looked_up(number, name)
            arguments = arguments[:1]
        for number in arguments:
            self._read(number)

    def _looked_up(self, number: int, name: str) -> None:
        """What is looked up: literals, or within a group anything of it."""
        if self.has_rows(number):
            self._only_in_group(f"{name} in other rows")
            self._read(number)


def _anywhere(_: Reader, __: str) -> None:
    """Row by row: nothing to hold against it."""


def _within(reader: Reader, name: str) -> None:
    reader._only_in_group(name)


def _in_order(reader: Reader, name: str) -> None:
    reader._ordered(name)


MANNERS: dict[Manner, Callable[[Reader, str], None]] = {
    manner: _anywhere if manner in (Manner.ROWWISE, Manner.FIRST) else _within if manner in _ORDERLESS else _in_order
    for manner in Manner
}
"""What a function of each manner needs to stay within a slot."""

EXPRESSIONS: dict[str, Callable[[Reader, Any], None]] = {
    "Alias": Reader.row,
    "Column": Reader.row,
    "Literal": Reader.literal,
    "Len": Reader.length,
    "Cast": Reader.row,
    "BinaryExpr": Reader.row,
    "Ternary": Reader.row,
    "Filter": Reader.ordered,
    "Slice": Reader.ordered,
    "Gather": Reader.ordered,
    "Explode": Reader.ordered,
    "Sort": Reader.ordered,
    "SortBy": Reader.sorted_by,
    "Agg": Reader.aggregate,
    "Window": Reader.window,
    "Function": Reader.function,
}
"""What each kind of expression needs; any other is not proven."""

_PARTS: dict[str, tuple[str, ...]] = {
    "Alias": ("expr",),
    "Cast": ("expr",),
    "BinaryExpr": ("left", "right"),
    "Ternary": ("predicate", "truthy", "falsy"),
    "Filter": ("input", "by"),
    "Slice": ("input", "offset", "length"),
    "Gather": ("expr", "idx"),
    "Explode": ("expr",),
    "Sort": ("expr",),
    "SortBy": ("expr", "by"),
    "Agg": ("arguments",),
    "Function": ("input",),
}


def _below(expression: Any) -> list[int]:
    """The numbers of the expressions that one is made of."""
    found: list[int] = []
    for name in _PARTS.get(type(expression).__name__, ()):
        part = getattr(expression, name)
        found.extend(part if isinstance(part, list | tuple) else [part])
    return found


def plain_name(nodes: Any, number: int) -> str | None:
    """The name of the column that an expression is, other names given to it aside; None if it is anything else."""
    try:
        expression = nodes.view_expression(number)
    except NotImplementedError:
        return None
    if type(expression).__name__ == "Alias":
        return plain_name(nodes, expression.expr)
    return str(expression.name) if type(expression).__name__ == "Column" else None


__all__ = ["EXPRESSIONS", "MANNERS", "NotLocalError", "Reader", "plain_name"]
