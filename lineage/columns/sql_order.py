"""Where the order of input rows, which SQL does not promise, can reach the values of a result."""

from __future__ import annotations

from sqlglot import exp

from lineage.columns.sql_binding import aggregates

_FREE = (
    exp.ApproxDistinct, exp.Avg, exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg, exp.BoolxorAgg, exp.Corr,
    exp.Count, exp.CountIf, exp.CovarPop, exp.CovarSamp, exp.CumeDist, exp.DenseRank, exp.Grouping, exp.GroupingId,
    exp.Hll, exp.Kurtosis, exp.LogicalAnd, exp.LogicalOr, exp.Max, exp.Median, exp.Min, exp.PercentRank,
    exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.Rank, exp.RegrAvgx, exp.RegrAvgy, exp.RegrCount,
    exp.RegrIntercept, exp.RegrR2, exp.RegrSlope, exp.RegrSxx, exp.RegrSxy, exp.RegrSyy, exp.RegrValx, exp.RegrValy,
    exp.Skewness, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Sum, exp.Variance, exp.VariancePop,
)  # fmt: skip
"""Aggregates whose value is the same in whatever order the rows come; every other one counts as made by their order."""
_FREE_BY_NAME = frozenset(
    {"bitstring_agg", "count_star", "countif", "decimal_average", "entropy", "favg", "fsum", "histogram", "kahan_sum",
     "kurtosis_pop", "mad", "mean", "product", "quantile", "quantile_cont", "quantile_disc", "sem", "sum_no_overflow",
     "sumkahan", "var_samp", "stddev"}
)  # fmt: skip
_FREE_COMBINED = ("avg", "count", "max", "min", "quantile", "stddev", "sum", "uniq", "var")
"""How the names of ClickHouse's aggregates begin that are free of the order with any combinator behind."""
_MACROS = frozenset({"json_group_array", "json_group_object", "json_group_structure", "variant_group_array"})
_NUMBERING = (exp.RowNumber, exp.List)


def order_matters(node: exp.Expr) -> list[str]:
    """The constructs of a query through which the order of input rows can reach values, each named once.

    Ties under an ORDER BY count too: a LIMIT or a row number may break them by the order of the input.
    """
    found: dict[str, None] = {}
    for inner in node.walk():
        reason = _reason(inner)
        if reason:
            found.setdefault(reason)
    return list(found)


def _reason(node: exp.Expr) -> str:
    if isinstance(node, exp.Func) and not isinstance(node, exp.Collate):
        return _function(node)
    if isinstance(node, exp.Limit | exp.Fetch | exp.Offset):
        return "" if isinstance(node.parent, exp.AggFunc) else "LIMIT"
    if isinstance(node, exp.Distinct) and node.args.get("on") is not None:
        return "DISTINCT ON"
    if isinstance(node, exp.WindowSpec):
        return "a window of ROWS" if _cuts_between_rows(node) else ""
    if isinstance(node, exp.Join):
        method = (node.args.get("method") or "").upper()
        return f"{method} JOIN" if method in ("POSITIONAL", "ASOF") else ""
    if isinstance(node, exp.CTE) and node.args.get("key_expressions"):
        return "USING KEY"
    return next((text for kind, text in _CLAUSES.items() if isinstance(node, kind)), "")


_CLAUSES: dict[type[exp.Expr], str] = {
    exp.TableSample: "SAMPLE",  # a seed draws the same places, not the same rows
    exp.Collate: "COLLATE",  # of texts that count as equal, one is shown
    exp.Summarize: "SUMMARIZE",
}


def _function(node: exp.Func) -> str:
    if isinstance(node, exp.CombinedAggFunc | exp.ParameterizedAgg | exp.CombinedParameterizedAgg):
        name = str(node.this.name if isinstance(node.this, exp.Expr) else node.this).lower()
        return "" if name.startswith(_FREE_COMBINED) else name
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        name = str(node.name).lower()
        gathers = name in _MACROS or name in aggregates() or isinstance(node, exp.AnonymousAggFunc)
        return name if gathers and name not in _FREE_BY_NAME else ""
    if isinstance(node, exp.Array) and any(isinstance(item, exp.Query) for item in node.expressions):
        return "an ARRAY of a query"
    if isinstance(node, _NUMBERING) or (isinstance(node, exp.AggFunc) and not isinstance(node, _FREE)):
        return _NAMES.get(type(node)) or str(node.sql_name().lower())
    return ""


_NAMES: dict[type[exp.Expr], str] = {exp.ArgMax: "arg_max", exp.ArgMin: "arg_min"}


def _cuts_between_rows(frame: exp.WindowSpec) -> bool:
    """Whether rows that are equal in the order of the window may fall to either side of the frame's ends."""
    ends = [str(frame.args.get(name) or "").upper() for name in ("start", "end")]
    return str(frame.args.get("kind") or "").upper() == "ROWS" and ends != ["UNBOUNDED", "UNBOUNDED"]
