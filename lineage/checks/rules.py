"""The kinds of checks: for each, which rows break it and how that is said.

To add a kind, write its two functions here, put them into ``RULES``, and declare it in ``assets_core.check``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import polars as pl

from assets_core.check import Check
from assets_core.errors import HeadwaterError, did_you_mean
from lineage.checks.expressions import first_line, sql_condition
from lineage.checks.limits import above, accepted, below
from lineage.checks.values import Unusable, is_text, pattern_condition, referred

Lookup: TypeAlias = Callable[[str, str], "pl.Series | pl.LazyFrame"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rule may know beside the check: the columns' types, and how to reach another asset's column.

    Arguments:
        lookup: gives the published values of (asset key, column); None when only definitions are looked at.
    """

    schema: Mapping[str, pl.DataType]
    lookup: Lookup | None = None

    def dtype(self, column: str) -> pl.DataType:
        """The type of a column; raises Unusable naming the nearest column if there is none."""
        if column not in self.schema:
            raise Unusable(f"there is no column {column!r}", did_you_mean(column, self.schema))
        return self.schema[column]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of check that looks at rows.

    Arguments:
        breaks: a boolean expression that is true for the rows that break the rule; null counts as false.
            Raises Unusable if the check cannot be evaluated on these columns at all.
        says: what is wrong with those rows, to stand behind "3 of 100 rows".
        looks_up: whether the condition depends on published data of another asset.
        in_passing: whether the condition looks at one row at a time and cannot fail on any value of a type that it
            takes, so that it can be counted while the rows are stored.
    """

    breaks: Callable[[Check, Setting], pl.Expr]
    says: Callable[[Check], str]
    looks_up: bool = False
    in_passing: bool = False


def _not_null(check: Check, setting: Setting) -> pl.Expr:
    for column in check.columns:
        setting.dtype(column)
    nulls = [pl.col(column).is_null() for column in check.columns]
    return nulls[0] if len(nulls) == 1 else pl.any_horizontal(nulls)


def _unique(check: Check, setting: Setting) -> pl.Expr:
    for column in check.columns:
        setting.dtype(column)
    key = pl.col(check.columns[0]) if len(check.columns) == 1 else pl.struct(check.columns)
    # As UNIQUE of SQL: null equals nothing, so that a row with one agrees with no other.
    return pl.all_horizontal(pl.col(column).is_not_null() for column in check.columns) & key.is_duplicated()


def _between(check: Check, setting: Setting) -> pl.Expr:
    (column,) = check.columns
    dtype = setting.dtype(column)
    low, high = check.argument("low"), check.argument("high")
    outside = []
    if low is not None:
        outside.append(below(column, dtype, low))
    if high is not None:
        outside.append(above(column, dtype, high))
    if dtype.is_float():
        outside.append(pl.col(column).is_nan())
    return outside[0] if len(outside) == 1 else pl.any_horizontal(outside)


def _accepted_values(check: Check, setting: Setting) -> pl.Expr:
    (column,) = check.columns
    return pl.col(column).is_not_null() & ~accepted(column, setting.dtype(column), check.argument("values") or ())


def _matches(check: Check, setting: Setting) -> pl.Expr:
    (column,) = check.columns
    if not is_text(setting.dtype(column)):
        raise Unusable(f"column {column!r} holds {setting.dtype(column)}, and only text can match a pattern")
    return ~pattern_condition(pl.col(column).cast(pl.String), check.argument("pattern"))


def _expression(check: Check, setting: Setting) -> pl.Expr:
    return ~sql_condition(check.argument("sql"), setting.schema)


def _foreign_key(check: Check, setting: Setting) -> pl.Expr:
    (column,) = check.columns
    dtype = setting.dtype(column)
    if setting.lookup is None:
        return pl.lit(False)
    to, to_column = check.argument("to"), check.argument("to_column")
    try:
        values = referred(setting.lookup(to, to_column), to_column, dtype, f"{to}:{to_column}")
    except HeadwaterError as error:
        raise Unusable(f"{to}:{to_column} cannot be read: {error.what}", error.hint) from None
    except LookupError:
        raise Unusable(f"{to}:{to_column} has no published data to compare with") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise Unusable(f"{to}:{to_column} cannot be read: {first_line(error)}") from None
    shown = pl.col(column).cast(pl.String) if is_text(dtype) else pl.col(column)
    return shown.is_not_null() & ~shown.is_in(values.implode())


def _target(check: Check) -> str:
    return f"{check.argument('to')}:{check.argument('to_column')}"


def _named(columns: tuple[str, ...]) -> str:
    return " or ".join(repr(column) for column in columns)


def _range(low: Any, high: Any) -> str:
    if high is None:
        return f"below {low}"
    return f"above {high}" if low is None else f"outside {low} to {high}"


UNIQUE = "unique"
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "not_null": Rule(_not_null, lambda check: f"have no value in {_named(check.columns)}", in_passing=True),
        UNIQUE: Rule(_unique, lambda check: f"share their {', '.join(check.columns)} with another row"),
        "between": Rule(
            _between,
            lambda check: f"have {check.columns[0]} {_range(check.argument('low'), check.argument('high'))}",
            in_passing=True,
        ),
        "accepted_values": Rule(
            _accepted_values,
            lambda check: f"have a value in {check.columns[0]!r} that is not accepted",
            in_passing=True,
        ),
        "matches": Rule(
            _matches,
            lambda check: f"have text in {check.columns[0]!r} that does not match {check.argument('pattern')!r}",
        ),
        "expression": Rule(_expression, lambda check: f"break {check.argument('sql')}"),
        "foreign_key": Rule(
            _foreign_key,
            lambda check: f"have a value in {check.columns[0]!r} that is not in {_target(check)}",
            looks_up=True,
        ),
    }
)
"""Every kind that looks at rows."""


def wrong_row_count(check: Check, rows: int) -> str:
    """What is wrong with the number of rows, empty if nothing: the one kind that looks at no row."""
    minimum, maximum = check.argument("minimum"), check.argument("maximum")
    if minimum is not None and rows < minimum:
        return f"there are {rows} rows, fewer than {minimum}"
    if maximum is not None and rows > maximum:
        return f"there are {rows} rows, more than {maximum}"
    return ""


ROW_COUNT = "row_count"
KINDS = (*RULES, ROW_COUNT)
"""All kinds of checks."""
