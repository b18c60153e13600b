"""Where the order of input rows, which SQL does not promise, can reach the values of a result."""

from __future__ import annotations

from sqlglot import exp

_BY_NAME = frozenset({"list", "array_agg", "string_agg", "group_concat", "listagg", "first", "last", "arbitrary",
                      "any_value", "first_value", "last_value", "lag", "lead", "nth_value", "row_number",
                      "arg_min", "arg_max", "min_by", "max_by", "argmin", "argmax", "histogram_exact", "ntile",
                      "rowid"})  # fmt: skip
_NUMBERING = (exp.RowNumber, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Ntile)
_GATHERING = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last, exp.AnyValue, exp.List)


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
    if isinstance(node, exp.Limit | exp.Fetch | exp.Offset):
        return "" if isinstance(node.parent, exp.AggFunc) else "LIMIT"
    if isinstance(node, exp.Distinct) and node.args.get("on") is not None:
        return "DISTINCT ON"
    if isinstance(node, _NUMBERING + _GATHERING):
        return str(node.sql_name().lower())
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.lower() in _BY_NAME:
        return str(node.name.lower())
    if isinstance(node, exp.Func) and node.key in ("argmax", "argmin"):
        return "arg_max" if node.key == "argmax" else "arg_min"
    if isinstance(node, exp.Join) and (node.args.get("method") or "").upper() == "POSITIONAL":
        return "POSITIONAL JOIN"
    return ""
