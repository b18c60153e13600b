"""Data-quality rules as values; ``lineage.checks`` evaluates them.

Used as a namespace: ``check.not_null("id")``, ``check.between("dep_delay", -120, 2000, severity="warn")``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assets_core.arguments import COUNT, NAME, TEXT, Kind, as_tuple, maybe, must_be
from assets_core.digest import digest
from assets_core.errors import DefinitionError


class Severity(StrEnum):
    """What a failing check does."""

    BLOCKING = "blocking"
    """The data is kept aside and the old data stays published."""
    WARN = "warn"
    """The data is published, and the failure recorded and shown."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on one asset.

    Arguments:
        kind: the name of the rule, as ``lineage.checks`` knows it.
        columns: the columns it looks at; empty for rules on the whole table.
        arguments: what else the rule needs, as sorted (name, value) pairs.
        severity: blocking unless said otherwise.
        name: how it is shown and recorded; made from the rule when none is given.
    """

    kind: str
    columns: tuple[str, ...] = ()
    arguments: tuple[tuple[str, Any], ...] = ()
    severity: Severity = Severity.BLOCKING
    name: str = ""

    @property
    def rule(self) -> str:
        """What is asked, whatever its name and severity: two checks of one rule agree on all data."""
        return digest(self.kind, self.columns, tuple((name, repr(value)) for name, value in self.arguments))[:16]

    @property
    def target(self) -> str | None:
        """The key of the asset or source in which it looks values up (``foreign_key``); None for other rules."""
        target = self.argument("to") if self.kind == "foreign_key" else None
        return None if target is None else str(target)

    def argument(self, name: str) -> Any:
        """The value of one argument, None when it was not given."""
        return dict(self.arguments).get(name)


def not_null(*columns: str, severity: str = "blocking", name: str = "") -> Check:
    """No null in any of the columns."""
    return _check("not_null", _columns("not_null", columns), severity, name)


def unique(*columns: str, severity: str = "blocking", name: str = "") -> Check:
    """No two rows agree in all of the columns."""
    return _check("unique", _columns("unique", columns), severity, name)


def between(column: str, low: Any = None, high: Any = None, *, severity: str = "blocking", name: str = "") -> Check:
    """Every value that is not null is at least ``low`` and at most ``high``; None leaves an end open."""
    if low is None and high is None:
        raise DefinitionError("HW110", "check.between needs a low or a high end", hint="check.between('x', 0, 1)")
    _refuse_reversed("between", low, high)
    return _check("between", (column,), severity, name, low=low, high=high)


def accepted_values(column: str, values: Any, *, severity: str = "blocking", name: str = "") -> Check:
    """Every value that is not null is one of ``values``."""
    given = [*values] if isinstance(values, Mapping) else values
    listed = given if isinstance(given, str) else as_tuple(given)  # a text alone would be read as its letters
    must_be(_VALUES, "check.accepted_values(values)", listed)
    if not listed:
        raise DefinitionError("HW110", "check.accepted_values needs a value", hint="check.accepted_values('x', ['a'])")
    return _check("accepted_values", (column,), severity, name, values=listed)


def matches(column: str, pattern: str, *, severity: str = "blocking", name: str = "") -> Check:
    """Every text that is not null matches the regular expression as a whole.

    Raises:
        DefinitionError: HW111, the pattern is no regular expression; HW129.
    """
    must_be(_PATTERN, "check.matches(pattern)", pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        raise DefinitionError("HW111", f"{pattern!r} is no regular expression", why=str(error)) from None
    return _check("matches", (column,), severity, name, pattern=pattern)


def row_count(
    minimum: int | None = None, maximum: int | None = None, *, severity: str = "blocking", name: str = ""
) -> Check:
    """The number of rows is at least ``minimum`` and at most ``maximum``; None leaves an end open."""
    must_be(_COUNT, "check.row_count(minimum)", minimum)
    must_be(_COUNT, "check.row_count(maximum)", maximum)
    if minimum is None and maximum is None:
        raise DefinitionError("HW110", "check.row_count needs a minimum or a maximum", hint="check.row_count(1)")
    _refuse_reversed("row_count", minimum, maximum)
    return _check("row_count", (), severity, name, minimum=minimum, maximum=maximum)


def expression(sql: str, *, severity: str = "blocking", name: str = "") -> Check:
    """A boolean SQL expression that holds for every row; a row for which it is null passes, as in SQL's CHECK."""
    must_be(_CONDITION, "check.expression(sql)", sql)
    return _check("expression", (), severity, name, sql=sql)


def foreign_key(column: str, to: str, to_column: str = "", *, severity: str = "blocking", name: str = "") -> Check:
    """Every value that is not null occurs in a column of another asset, as it is published when the check runs.

    Arguments:
        to: key of the asset that is referred to.
        to_column: its column; the same name if not given.
    """
    must_be(_KEY, "check.foreign_key(to)", to)
    must_be(_COLUMN, "check.foreign_key(to_column)", to_column)
    return _check("foreign_key", (column,), severity, name, to=to, to_column=to_column or column)


def _refuse_reversed(kind: str, low: Any, high: Any) -> None:
    try:
        reversed_ = low is not None and high is not None and bool(low > high)
    except TypeError:  # of two kinds; which columns have both is for the check itself to say
        return
    if reversed_:
        raise DefinitionError(
            "HW110", f"check.{kind} needs its ends in order, and {low!r} is more than {high!r}: nothing would pass"
        )


def _columns(kind: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    if not columns or not all(isinstance(column, str) for column in columns):
        raise DefinitionError("HW110", f"check.{kind} needs the names of columns", hint=f"check.{kind}('id')")
    return columns


_COLUMN = TEXT.such_as('"id"')
_NAME = TEXT.such_as('"no_gaps"')
_PATTERN = TEXT.such_as('"[A-Z]{3}"')
_CONDITION = NAME.such_as('"low <= high"')
_KEY = NAME.such_as('"staging/planes"')
_COUNT = maybe(COUNT.such_as("1"))
_VALUES = Kind("a list of values", lambda value: isinstance(value, tuple), '["EWR", "JFK"]')


def _check(kind: str, columns: tuple[str, ...], severity: str, name: str, **arguments: Any) -> Check:
    for column in columns:
        must_be(_COLUMN, f"check.{kind}(column)", column)
    must_be(_NAME, f"check.{kind}(name)", name)
    try:
        level = Severity(severity)
    except ValueError:
        raise DefinitionError(
            "HW112", f"{severity!r} is no severity of a check", hint="use 'blocking' or 'warn'"
        ) from None
    given = tuple(sorted((key, value) for key, value in arguments.items() if value is not None))
    return Check(kind, columns, given, level, name or _default_name(kind, columns, dict(given)))


def _default_name(kind: str, columns: tuple[str, ...], arguments: dict[str, Any]) -> str:
    if kind == "expression":
        return f"expression({arguments['sql']})"
    if kind == "foreign_key":
        return f"foreign_key({columns[0]} -> {arguments['to']}:{arguments['to_column']})"
    if kind == "accepted_values":
        return f"accepted_values({columns[0]}: {_listed(arguments['values'])})"
    shown = [*columns, *(f"{key}={value}" for key, value in sorted(arguments.items()))]
    return f"{kind}({', '.join(shown)})"


def _listed(values: tuple[Any, ...]) -> str:
    """Values as part of a name: other values give another name, because results are found again by name."""
    shown = ", ".join(map(str, values[:4]))
    return shown if len(values) <= 4 else f"{shown} and {len(values) - 4} more, {digest(*map(repr, values))[:8]}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check on one materialization.

    Arguments:
        rule: ``Check.rule`` of the check as it was when it ran: a changed check has not run yet.
        failed_rows: how many rows break the rule; None where rows cannot be counted.
        sample: a few offending rows as JSON-ready mappings, for the person who has to find them.
        message: one sentence, empty when it passed.
    """

    name: str
    kind: str
    severity: Severity
    passed: bool
    failed_rows: int | None = None
    message: str = ""
    sample: tuple[dict[str, Any], ...] = ()
    rule: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the data from being published."""
        return not self.passed and self.severity is Severity.BLOCKING
