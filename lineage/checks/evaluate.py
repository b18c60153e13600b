"""Evaluating checks: one pass over the data counts the rows that break each, a second fetches samples of failures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import polars as pl

from assets_core.check import Check, CheckResult
from assets_core.errors import did_you_mean
from lineage.checks.expressions import first_line
from lineage.checks.rules import KINDS, ROW_COUNT, RULES, UNIQUE, Lookup, Setting, wrong_row_count
from lineage.checks.values import Unusable, as_json
from lineage.presentable import presentable
from lineage.stacked import table_numbers

SAMPLE_ROWS = 5
SAMPLE_COLUMNS = 12
_TABLE = "table"


def evaluate(
    checks: Iterable[Check],
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    lookup: Lookup,
    key: Collection[str] = (),
    counts: Mapping[int, int] = MappingProxyType({}),
) -> list[CheckResult]:
    """The result of every check on these rows, in the checks' order.

    A check that cannot be evaluated (a missing column, a wrong type, an error while computing) fails with a
    message; it never stops the others.

    Arguments:
        lookup: gives, for ``foreign_key``, the published values of (asset key, column) as a series, or a lazy
            frame that has the column. It may raise a HeadwaterError or LookupError where there is none.
        key: columns of these rows that were found unique and without nulls, which answers ``unique`` for them.
        counts: what counting the conditions of ``in_passing`` over just these rows gave.
    """
    asked = list(checks)
    if not asked:
        return []
    setting = Setting(frame.schema if isinstance(frame, pl.DataFrame) else frame.collect_schema(), lookup)
    breaks: list[pl.Expr | Unusable | None] = [
        pl.lit(False) if _is_known_unique(check, key, setting) else _prepared(check, setting) for check in asked
    ]
    rows, found = _count(frame, breaks, counts)
    failing = [place for place, count in enumerate(found) if isinstance(count, int) and count > 0]
    samples = _samples(frame, asked, breaks, failing, list(setting.schema))
    return [
        _result(check, rows, count, samples.get(place, ()))
        for place, (check, count) in enumerate(zip(asked, found, strict=True))
    ]


def in_passing(checks: Sequence[Check], schema: pl.Schema) -> dict[int, pl.Expr]:
    """For checks that can be counted while the rows are stored, by their places, the condition of a failing row."""
    setting = Setting(schema)
    kinds = {place: check for place, check in enumerate(checks) if check.kind in RULES and RULES[check.kind].in_passing}
    breaks = {place: _prepared(check, setting) for place, check in kinds.items()}
    found = {place: one for place, one in breaks.items() if isinstance(one, pl.Expr)}
    try:
        pl.LazyFrame(schema=schema).select(one.alias(str(place)) for place, one in found.items()).collect_schema()
    except pl.exceptions.PolarsError:  # left to ``evaluate``, which says what is wrong with which
        return {}
    return found


def broken_tables(checks: Sequence[Check], frame: pl.DataFrame, heights: Sequence[int]) -> dict[int, set[int]]:
    """In which of several tables there are rows that break a check, for checks that look at one row at a time.

    Arguments:
        frame: the tables, below each other.
        heights: their numbers of rows.

    Returns:
        By the check's place the numbers of tables; nothing of a check that cannot be looked at in this way.
    """
    conditions = {str(place): one for place, one in in_passing(checks, frame.schema).items()}
    if not conditions:
        return {}
    marks = frame.select(table_numbers(heights).alias(_TABLE), **conditions)
    return {int(name): set(marks.filter(pl.col(name)).get_column(_TABLE).unique()) for name in conditions}


def _is_known_unique(check: Check, key: Collection[str], setting: Setting) -> bool:
    return check.kind == UNIQUE and bool(key) and set(key) <= set(check.columns) <= set(setting.schema)


def _prepared(check: Check, setting: Setting) -> pl.Expr | Unusable | None:
    """The condition of a failing row; None for a check that looks at no row."""
    if check.kind == ROW_COUNT:
        return None
    rule = RULES.get(check.kind)
    if rule is None:
        return Unusable(f"there is no check {check.kind!r}", did_you_mean(check.kind, KINDS))
    if not rule.looks_up:
        try:
            return _remembered(check, repr(check.arguments), tuple(setting.schema.items()))
        except TypeError:  # an argument that cannot be hashed
            pass
    try:
        return rule.breaks(check, setting)
    except Unusable as unusable:
        return unusable


@lru_cache(maxsize=10_000)
def _remembered(check: Check, spelled: str, schema: tuple[tuple[str, pl.DataType], ...]) -> pl.Expr | Unusable:
    """The condition of a check on columns of these types: building it costs as much as evaluating it on 100 rows.

    ``spelled`` tells arguments apart that compare equal, such as 1 and True.
    """
    try:
        return RULES[check.kind].breaks(check, Setting(dict(schema)))
    except Unusable as unusable:
        return unusable


def _count(
    frame: pl.DataFrame | pl.LazyFrame,
    breaks: Sequence[pl.Expr | Unusable | None],
    known: Mapping[int, int],
) -> tuple[int, list[int | Unusable | None]]:
    """The number of rows, and for each condition how many rows fulfil it, all that is not known in one pass."""
    conditions = {place: one for place, one in enumerate(breaks) if isinstance(one, pl.Expr) and place not in known}
    asked = {str(place): one.sum() for place, one in conditions.items()}
    try:
        rows, found = _select(frame, asked)
    except (pl.exceptions.PolarsError, Unusable):
        # One of them cannot be computed: ask one at a time, so that the others are still answered.
        rows, found = _select(frame, {})
        for place, one in asked.items():
            try:
                found |= _select(frame, {place: one})[1]
            except (pl.exceptions.PolarsError, Unusable) as error:
                found[place] = Unusable(f"it cannot be computed: {first_line(error)}")
    return rows, [known.get(place, found.get(str(place), one)) for place, one in enumerate(breaks)]


def _select(frame: pl.DataFrame | pl.LazyFrame, asked: dict[str, pl.Expr]) -> tuple[int, dict[str, Any]]:
    wanted = [one.alias(name) for name, one in asked.items()]
    if isinstance(frame, pl.DataFrame):
        rows = frame.height
        answer = frame.select(wanted) if wanted else pl.DataFrame()
    else:
        answer = frame.select(pl.len().alias("rows"), *wanted).collect(engine="streaming")
        rows = answer.get_column("rows").item()
    return rows, {name: int(answer.get_column(name).item() or 0) if answer.height else 0 for name in asked}


def _samples(
    frame: pl.DataFrame | pl.LazyFrame,
    checks: Sequence[Check],
    breaks: Sequence[Any],
    failing: Sequence[int],
    columns: Sequence[str],
) -> dict[int, tuple[dict[str, Any], ...]]:
    """For each failing check a few of the rows that break it: the columns it looks at first."""
    queries = []
    for place in failing:
        first = checks[place].columns or tuple(breaks[place].meta.root_names())
        shown = list(dict.fromkeys([*(name for name in first if name in columns), *columns]))[:SAMPLE_COLUMNS]
        queries.append(frame.lazy().filter(breaks[place]).head(SAMPLE_ROWS).select(shown))
    frames = pl.collect_all(queries, engine="streaming") if queries else []
    return {
        place: tuple({name: as_json(value) for name, value in row.items()} for row in presentable(found).to_dicts())
        for place, found in zip(failing, frames, strict=True)
    }


def _result(check: Check, rows: int, count: int | Unusable | None, sample: tuple[dict[str, Any], ...]) -> CheckResult:
    passed, failed_rows, message = _verdict(check, rows, count)
    sample = () if passed or failed_rows is None else sample
    return CheckResult(check.name, check.kind, check.severity, passed, failed_rows, message, sample, check.rule)


def _verdict(check: Check, rows: int, count: int | Unusable | None) -> tuple[bool, int | None, str]:
    """Whether it passed, how many rows fail it, and a sentence if any do."""
    if isinstance(count, Unusable):
        return False, None, f"the check cannot be evaluated: {count.why}" + (f" ({count.hint})" if count.hint else "")
    if count is None:
        message = wrong_row_count(check, rows)
        return not message, None, message
    if count == 0:
        return True, 0, ""
    return False, count, f"{count} of {rows} rows {RULES[check.kind].says(check)}"
