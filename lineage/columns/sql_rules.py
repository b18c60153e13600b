"""The rules of functions and clauses that do more than compute with their arguments: choose, aggregate, order.

Each rule queues the parts of a node on the walk with the kind of influence that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from assets_core.column_lineage import EdgeKind
from lineage.columns.sql_flow import COMPOSED, merged

if TYPE_CHECKING:
    from lineage.columns.sql_expressions import Walk

_T, _A = EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION
_CONDITIONAL, _WINDOW, _SORT = EdgeKind.CONDITIONAL, EdgeKind.WINDOW, EdgeKind.SORT

Rule = Callable[["Walk", exp.Expr, EdgeKind], None]


def _count(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    counted = [item for item in (node.this, *node.args.get("expressions", ())) if isinstance(item, exp.Expr)]
    values = [item for item in counted if not isinstance(item, exp.Star | exp.Literal | exp.Boolean)]
    if not values:
        walk.add(walk.scope.rows(), COMPOSED[operator, _A])
    walk.push(values, operator, _A)


def _aggregate(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push_args(node, operator, _A)


def _case(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.args.get("this"), operator, _CONDITIONAL)
    for branch in node.args["ifs"]:
        walk.push(branch.this, operator, _CONDITIONAL)
        walk.push(branch.args.get("true"), operator)
    walk.push(node.args.get("default"), operator)


def _if(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator, _CONDITIONAL)
    walk.push(node.args.get("true"), operator)
    walk.push(node.args.get("false"), operator)


def _coalesce(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    values = [node.this, *node.args.get("expressions", ())]
    walk.push(values, operator)
    walk.push(values, operator, _CONDITIONAL)


def _nullif(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator)
    walk.push([node.this, node.args.get("expression")], operator, _CONDITIONAL)


def _nvl2(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator, _CONDITIONAL)
    walk.push([node.args.get("true"), node.args.get("false")], operator)


def _decode(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    items = node.args.get("expressions") or []
    walk.push(items[:1], operator, _CONDITIONAL)
    rest = items[1:]
    for place in range(0, len(rest) - 1, 2):
        walk.push(rest[place], operator, _CONDITIONAL)
        walk.push(rest[place + 1], operator)
    if len(rest) % 2:
        walk.push(rest[-1], operator)


def _by_name(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """Functions that the parser does not know but that choose as CASE and COALESCE do."""
    name, items = str(node.name).lower(), node.args.get("expressions") or []
    if name == "multiif":
        for place in range(0, len(items) - 1, 2):
            walk.push(items[place], operator, _CONDITIONAL)
            walk.push(items[place + 1], operator)
        walk.push(items[-1:] if len(items) % 2 else [], operator)
    elif name in ("nvl", "ifnull", "isnull", "coalesce") and len(items) > 1:
        walk.push(items, operator)
        walk.push(items, operator, _CONDITIONAL)
    elif name in ("if", "iff", "iif", "nvl2") and len(items) == 3:
        walk.push(items[0], operator, _CONDITIONAL)
        walk.push(items[1:], operator)
    else:
        walk.push(items, operator, _T)


def _filter(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator)
    walk.push(node.args.get("expression"), operator, _CONDITIONAL)


def _order(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push_args(node, operator, _SORT, without=("this",))
    walk.push(node.args.get("this"), operator)


def _grouping(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """GROUPING(a) tells whether a row is grouped by a column, not what the column holds."""
    walk.push_args(node, operator, EdgeKind.GROUP_BY)


def _having_max(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push(node.this, operator)
    walk.push(node.args.get("expression"), operator, _CONDITIONAL)


_BY_POSITION = (exp.PercentileCont, exp.PercentileDisc, exp.Mode, exp.Quantile, exp.ApproxQuantile)


def _within_group(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    function = node.this
    name = function.name.lower() if isinstance(function, exp.Anonymous) else ""
    ordered = isinstance(function, _BY_POSITION) or name.startswith(("percentile", "mode", "median", "approx_perc"))
    order = node.args.get("expression")
    if ordered and order is not None:
        walk.push([item.this for item in order.expressions], operator, _A)
    else:
        walk.push(order, operator, _SORT)
        walk.push(function, operator, _A)


_RANKING = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile)
_SHIFTING = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)


def _shifting(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    walk.push_args(node, operator, _T)


def _window(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    function = node.this
    walk.push(function, operator, _T)
    inner = function.this if isinstance(function, exp.IgnoreNulls | exp.RespectNulls) else function
    if isinstance(inner, _RANKING) or not isinstance(inner, exp.AggFunc):
        # The number of a row depends on how many rows there are, even where nothing orders them.
        walk.add(walk.scope.rows(), COMPOSED[operator, _WINDOW])
    _window_clauses(walk, node, operator, 0)


def _window_clauses(walk: Walk, node: exp.Expr, operator: EdgeKind, depth: int) -> None:
    walk.push(node.args.get("partition_by"), operator, _WINDOW)
    walk.push(node.args.get("order"), operator, _WINDOW)
    spec = node.args.get("spec")
    if spec is not None:
        walk.push([spec.args.get("start"), spec.args.get("end")], operator, _WINDOW)
    base = node.args.get("alias") or node.args.get("first")
    named = walk.scope.windows.get(base.name.lower()) if isinstance(base, exp.Expr) else None
    if named is not None and depth < 20:
        _window_clauses(walk, named, operator, depth + 1)


def _exists(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    query = node.this
    if not isinstance(query, exp.Query):
        walk.push_args(node, operator, _T)
        return
    relation = walk.scope.context.evaluate(query, walk.scope)
    walk.add(merged((relation.counted, relation.rows)), COMPOSED[operator, _CONDITIONAL])


def _query(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    relation = walk.scope.context.evaluate(node, walk.scope)
    walk.add(relation.everything(), operator)
    walk.add(relation.rows, operator)


def _chosen_by(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """``arg_max(a, b)``: the value is ``a``'s, and ``b`` chooses which."""
    walk.push(node.this, operator, _A)
    walk.push_args(node, operator, _CONDITIONAL, without=("this",))


def _combined(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """ClickHouse's combinators: the last argument of ``sumIf(a, condition)`` chooses."""
    arguments = node.args.get("expressions") or []
    conditional = str(node.this).endswith("If") and len(arguments) > 1
    walk.push(arguments[:-1] if conditional else arguments, operator, _A)
    if conditional:
        walk.push(arguments[-1], operator, _CONDITIONAL)


def _ranking(walk: Walk, node: exp.Expr, operator: EdgeKind) -> None:
    """A rank is made of the order of its window, not of its arguments, unless these give an order of its own."""
    walk.push([order for order in node.find_all(exp.Order) if order.parent is node], operator, _WINDOW)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Anonymous: _by_name,
    exp.Count: _count,
    exp.CountIf: _aggregate,
    exp.AggFunc: _aggregate,
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
    exp.Nvl2: _nvl2,
    exp.DecodeCase: _decode,
    exp.Filter: _filter,
    exp.Order: _order,
    exp.HavingMax: _having_max,
    exp.Grouping: _grouping,
    exp.GroupingId: _grouping,
    exp.WithinGroup: _within_group,
    exp.Window: _window,
    exp.Exists: _exists,
    exp.Query: _query,
    exp.ArgMax: _chosen_by,
    exp.ArgMin: _chosen_by,
    exp.CombinedAggFunc: _combined,
    **dict.fromkeys(_SHIFTING, _shifting),
    **dict.fromkeys(_RANKING, _ranking),
}
