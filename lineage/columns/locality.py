"""Whether a polars plan is *local*: whether what it gives for one slot depends on the rows of that slot alone.

Then computing many slots in one call and splitting the result gives what computing each of them alone gives. The proof
follows *carriers* through the plan: columns whose value tells to which slot a row belongs, as it came from an input's
partition column. It holds if the partition column is a carrier of every group key, window, join of two split frames
and dedupe, and if nothing else mixes rows. What is not known to be local is taken not to be: a gap costs precision.

A frame is *whole* if nothing in it depends on the slot: then anything may be done to it. A frame is *steady* if the
rows of a slot come in the order in which they would come alone: only then may order reach values inside a group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from lineage.columns import polars_oracle as oracle
from lineage.columns.locality_exprs import NotLocalError, Reader, plain_name
from lineage.columns.polars_leaves import LeafNames
from lineage.columns.polars_oracle import UnsupportedError


@dataclass(frozen=True)
class Part:
    """What is known of a frame half-way through a plan; see the module for the words."""

    carriers: frozenset[str]
    steady: bool
    whole: bool = False


_WHOLE = Part(frozenset(), steady=True, whole=True)


def why_not_local(frame: pl.LazyFrame, split: Mapping[str, str], column: str, *, ordered: bool = False) -> str:
    """Why a plan is not proven to be local; empty if it is.

    Arguments:
        frame: the plan, built on placeholders.
        split: by the name of each input that is read by slot, its partition column; all others are the same for every
            slot.
        column: the result's partition column.
        ordered: whether the order of the result's rows is content.
    """
    try:
        nodes = oracle.traverser(frame)
        made = _Walk(nodes, LeafNames(frame), split).walk()
    except NotLocalError as error:
        return str(error)
    except UnsupportedError:
        return "plans of this release of polars are not understood"
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, LookupError, AttributeError, TypeError) as error:
        return f"its plan is not as expected ({error})"
    if made.whole or column not in made.carriers:
        return f"its column {column} is not the partition column of an input as it was read"
    if ordered and not made.steady:
        return "the order of its rows is content, and is not kept within a partition"
    return ""


class _Walk:
    """Walks a plan, leaves first and without recursion, so depth is no limit."""

    def __init__(self, nodes: Any, names: LeafNames, split: Mapping[str, str]) -> None:
        self.nodes = nodes
        self.names = names
        self.split = split
        self.columns: list[Mapping[str, Any]] = []
        self.schema: Mapping[str, Any] = {}

    def walk(self) -> Part:
        """What is known of the frame that the whole plan gives."""
        nodes, found = self.nodes, dict[int, tuple[Part, Mapping[str, Any]]]()
        root = nodes.get_node()
        stack = [(root, False)]
        while stack:
            number, ready = stack.pop()
            if number in found:
                continue
            nodes.set_node(number)
            below = nodes.get_inputs()
            if ready or not below:
                self.schema = nodes.get_schema()
                self.columns = [found[one][1] for one in below]
                found[number] = self._node([found[one][0] for one in below]), self.schema
            else:
                stack.append((number, True))
                stack.extend((one, False) for one in below if one not in found)
        return found[root][0]

    def _node(self, below: list[Part]) -> Part:
        if below and all(part.whole for part in below):
            return _WHOLE
        try:
            node = self.nodes.view_current_node()
        except NotImplementedError as error:
            if not below:
                return _WHOLE  # a scan that is none of the inputs
            raise NotLocalError(f"a step cannot be read ({str(error).splitlines()[0][:60]})") from None
        rule = RULES.get(type(node).__name__)
        if rule is None:
            raise NotLocalError(f"nothing is known of the step {type(node).__name__}")
        return rule(self, node, below)

    def reader(self, part: Part) -> Reader:
        """Reads the expressions of the current node over a frame."""
        return Reader(self.nodes, part.carriers, steady=part.steady)

    def row_by_row(self, part: Part, number: int) -> None:
        """Makes sure that an expression gives each row a value that its slot alone decides."""
        self.reader(part).row_by_row(number)


def _scan(walk: _Walk, node: Any, _: Sequence[Part]) -> Part:
    column = walk.split.get(walk.names(node))
    return _WHOLE if column is None else Part(frozenset((column,)), steady=True)


def _named(walk: _Walk, part: Part, items: Sequence[Any]) -> dict[str, bool]:
    """The names that expressions give, each with whether it is a carrier as it stands."""
    found = {}
    for item in items:
        walk.row_by_row(part, item.node)
        found[item.output_name] = plain_name(walk.nodes, item.node) in part.carriers
    return found


def _projection(walk: _Walk, _: Any, below: Sequence[Part]) -> Part:
    return replace(below[0], carriers=below[0].carriers & walk.schema.keys())


def _select(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    if not any(walk.reader(below[0]).has_rows(item.node) for item in node.expr):
        raise NotLocalError("it selects nothing that has a value for each row")
    named = _named(walk, below[0], node.expr)
    return replace(below[0], carriers=frozenset(name for name, carries in named.items() if carries))


def _with_columns(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    named = _named(walk, below[0], node.exprs)
    kept = below[0].carriers - named.keys()
    return replace(below[0], carriers=kept | {name for name, carries in named.items() if carries})


def _filter(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    walk.row_by_row(below[0], node.predicate.node)
    return below[0]


def _sort(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    if node.slice is not None:
        raise NotLocalError("it takes the first rows of all")
    for item in node.by_column:
        walk.row_by_row(below[0], item.node)
    keeps_order = bool(node.sort_options[0])
    plain = [plain_name(walk.nodes, item.node) for item in node.by_column]
    ranked = any(isinstance(walk.columns[0].get(name or ""), pl.Categorical) for name in plain)
    return replace(below[0], steady=below[0].steady and keeps_order and not ranked)


def _group_by(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    part, options = below[0], node.options
    if options.rolling is not None or options.dynamic is not None:
        raise NotLocalError("it groups by windows that move over rows")
    if options.slice is not None:
        raise NotLocalError("it takes the first groups of all")
    named = _named(walk, part, node.keys)
    carriers = frozenset(name for name, carries in named.items() if carries)
    if not carriers:
        raise NotLocalError(f"it groups by {', '.join(named)}, without the partition column")
    for item in node.aggs:
        walk.reader(part).in_group(item.node)
    return Part(carriers, part.steady and bool(node.maintain_order))


def _distinct(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    part = below[0]
    keep, subset, maintain, sliced = node.options
    keys = set(walk.schema) if subset is None else set(subset)
    if sliced is not None:
        raise NotLocalError("it takes the first rows of all")
    if not part.carriers & keys:
        raise NotLocalError(f"it drops duplicates of {', '.join(sorted(keys))}, without the partition column")
    if keep != "none" and keys != set(walk.schema) and not (part.steady and keep in ("first", "last")):
        raise NotLocalError("which of its duplicates are kept depends on an order that is not kept")
    return replace(part, steady=part.steady and bool(maintain))


def _union(_: _Walk, node: Any, below: Sequence[Part]) -> Part:
    if node.slice is not None:
        raise NotLocalError("it takes the first rows of all")
    if any(part.whole for part in below):
        raise NotLocalError("it adds rows that are the same for every partition")
    carriers = frozenset.intersection(*(part.carriers for part in below))
    return Part(carriers, all(part.steady for part in below))


def _join(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    left, right = below
    how, _, sliced, suffix, _, maintain = node.options
    if sliced is not None or node.predicate is not None or not isinstance(how, str):
        raise NotLocalError("it joins in a way of which nothing is known")
    for part, items in ((left, node.left_on), (right, node.right_on)):
        if not part.whole:
            for item in items:
                walk.row_by_row(part, item.node)
    if left.whole or right.whole:
        allowed = _WITH_WHOLE_LEFT if left.whole else _WITH_WHOLE_RIGHT
        if how not in allowed:
            raise NotLocalError(f"its {how} join keeps rows that are the same for every partition")
    elif not _joined_by_slot(walk, node, left, right):
        raise NotLocalError("it joins two partitioned inputs without their partition columns")
    steady = left.steady and right.steady and maintain == "left_right" and not left.whole
    return Part(_joined_carriers(walk, how, left, right, suffix), steady)


# Nothing with a carrier comes of any other join with what is whole: refusing it here only says why.
_WITH_WHOLE_RIGHT = frozenset({"Inner", "Left", "Semi", "Anti", "Cross"})
_WITH_WHOLE_LEFT = frozenset({"Inner", "Right", "Cross"})
_BY_SLOT = frozenset({"Inner", "Left", "Right", "Full", "Semi", "Anti"})


def _joined_by_slot(walk: _Walk, node: Any, left: Part, right: Part) -> bool:
    """Whether rows meet only where their partition columns are equal."""
    how = node.options[0]
    return how in _BY_SLOT and any(
        plain_name(walk.nodes, mine.node) in left.carriers and plain_name(walk.nodes, other.node) in right.carriers
        for mine, other in zip(node.left_on, node.right_on, strict=True)
    )


def _joined_carriers(walk: _Walk, how: str, left: Part, right: Part, suffix: str) -> frozenset[str]:
    """The carriers of the joined frame: of the side whose rows are all there with their values."""
    if how == "Full":
        return _merged_keys(walk, left, right)
    mine = left.carriers if how != "Right" else frozenset()
    if how not in ("Inner", "Right", "Cross"):
        return mine & walk.schema.keys()
    # A key on the right may have become one column with the left's, and another column may have its name now.
    keys = {plain_name(walk.nodes, item.node) for item in walk.nodes.view_current_node().right_on}
    others = right.carriers - keys
    if how == "Right":
        return (others - walk.columns[0].keys()) & walk.schema.keys()
    others = frozenset(f"{name}{suffix}" if name in walk.columns[0] else name for name in others)
    return (mine | others) & walk.schema.keys()


def _merged_keys(walk: _Walk, left: Part, right: Part) -> frozenset[str]:
    """The carriers that a full join makes one column of: each value is the left's or the right's."""
    node = walk.nodes.view_current_node()
    if not node.options[4]:
        return frozenset()
    pairs = [
        (plain_name(walk.nodes, mine.node), plain_name(walk.nodes, other.node))
        for mine, other in zip(node.left_on, node.right_on, strict=True)
    ]
    return frozenset(mine for mine, other in pairs if mine in left.carriers and other in right.carriers and mine)


def _map_function(walk: _Walk, node: Any, below: Sequence[Part]) -> Part:
    name, *arguments = node.function
    part = below[0]
    if name == "rechunk":
        return part
    if name in ("explode", "unnest"):
        return replace(part, carriers=(part.carriers & walk.schema.keys()) - set(arguments[0]))
    if name == "unpivot":
        return Part(part.carriers & set(arguments[0]), steady=False)
    raise NotLocalError(f"its step {name} depends on rows of other partitions")


def _cache(_: _Walk, __: Any, below: Sequence[Part]) -> Part:
    return below[0]


def _first_rows(_: _Walk, __: Any, ___: Sequence[Part]) -> Part:
    raise NotLocalError("it takes some rows by their place among all")


RULES: dict[str, Callable[[_Walk, Any, Sequence[Part]], Part]] = {
    "PythonScan": _scan,
    "Scan": _scan,
    "DataFrameScan": _scan,
    "SimpleProjection": _projection,
    "Select": _select,
    "HStack": _with_columns,
    "Filter": _filter,
    "Sort": _sort,
    "GroupBy": _group_by,
    "Distinct": _distinct,
    "Union": _union,
    "Join": _join,
    "MapFunction": _map_function,
    "Cache": _cache,
    "Slice": _first_rows,
    "Gather": _first_rows,
}
"""What each kind of node does to carriers and order; any other is not proven."""
