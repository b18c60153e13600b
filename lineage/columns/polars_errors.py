"""Says in Headwater's words why a polars plan does not type-check, and which input's column is behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl

from assets_core.errors import LineageError, did_you_mean, nearest

Inputs = Mapping[str, Mapping[str, str]]
"""By input, its columns and their dtypes as text."""

_SCHEMA_FAULTS = (
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.DuplicateError,
    pl.exceptions.InvalidOperationError,
    pl.exceptions.SchemaError,
    pl.exceptions.SchemaFieldNotFoundError,
    pl.exceptions.StructFieldNotFoundError,
    pl.exceptions.ComputeError,
    pl.exceptions.ShapeError,
)


def plan_error(error: Exception, inputs: Inputs) -> LineageError:
    """The lineage error for what polars says about a plan that does not type-check.

    Arguments:
        error: what polars raised while the plan was built or typed.
        inputs: the inputs' columns with their dtypes.

    Returns:
        HW220 a column is missing, HW221 dtypes do not go together, HW222 a filter is not boolean, HW223 a name
        is there twice, HW224 anything else. ``why`` names the inputs' columns that are behind it.
    """
    text = str(error).partition("\n\nResolved plan")[0].strip()
    for pattern, explain in _EXPLANATIONS:
        match = pattern.search(text)
        if match is not None:
            return explain(match, inputs)
    if isinstance(error, pl.exceptions.StructFieldNotFoundError):
        return LineageError("HW220", f"the struct has no field {text!r}", why=_origins([text], inputs))
    first, *rest = text.splitlines() or [type(error).__name__]
    code = "HW223" if isinstance(error, pl.exceptions.DuplicateError) else "HW224"
    if isinstance(error, pl.exceptions.InvalidOperationError | pl.exceptions.SchemaError):
        code = "HW221"
    why = "\n".join([*filter(None, rest), *filter(None, [_origins(_quoted(text), inputs)])])
    return LineageError(code, f"the plan does not type-check: {first}", why=why)


def is_schema_fault(error: BaseException) -> bool:
    """Whether polars found a fault in a plan, rather than failing for a reason of its own."""
    return isinstance(error, _SCHEMA_FAULTS)


def _missing(match: re.Match[str], inputs: Inputs) -> LineageError:
    name = match["name"]
    listed = match.groupdict().get("valid")
    valid = re.findall(r'"([^"]*)"', listed) if listed else [c for columns in inputs.values() for c in columns]
    why = [f"columns at this place: {', '.join(valid)}"] if listed else []
    near = nearest(name, valid)
    gone = [table for table, columns in inputs.items() if name in columns]
    if gone:
        why.append(
            f"{_listed([f'{table}:{name}' for table in gone])} exists, but it is not there any more at this place"
        )
    elif near:
        why += filter(None, [_origins([near], inputs)])
    return LineageError("HW220", f"there is no column {name!r}", why="\n".join(why), hint=did_you_mean(name, valid))


def _join(match: re.Match[str], inputs: Inputs) -> LineageError:
    left, right = match["left"], match["right"]
    what = f"join keys do not match: {left} is {match['one']} on the left, {right} is {match['two']} on the right"
    return LineageError(
        "HW221", what, why=_origins([left, right], inputs), hint="cast one of them to the dtype of the other"
    )


def _arithmetic(match: re.Match[str], inputs: Inputs) -> LineageError:
    names = re.findall(r"column '([^']*)'", match["sides"])
    what = f"arithmetic on {match['one']} and {match['two']} is not possible ({match['sides']})"
    return LineageError("HW221", what, why=_origins(names, inputs), hint="cast one of them first")


def _compared(match: re.Match[str], inputs: Inputs) -> LineageError:
    hint = "cast one of them to the dtype of the other"
    return LineageError("HW221", f"dtypes that cannot be compared: {match['sides']}", hint=hint)


def _wrong_dtype(match: re.Match[str], inputs: Inputs) -> LineageError:
    name, wanted, given = match["name"], match["wanted"], match["given"]
    hint = "compare it with something, or cast it to Boolean" if wanted == "Boolean" else f"cast it to {wanted} first"
    what = f"{name!r} is {given} where only {wanted} will do" if name else f"{given} where only {wanted} will do"
    return LineageError("HW221", what, why=_origins([name], inputs), hint=hint)


def _filter(match: re.Match[str], inputs: Inputs) -> LineageError:
    dtype = match["dtype"]
    candidates = [
        f"{table}:{column}" for table, columns in inputs.items() for column, known in columns.items() if known == dtype
    ]
    why = f"columns of that dtype: {_listed(candidates)}" if candidates else ""
    hint = "compare it with something, or cast it to Boolean"
    return LineageError("HW222", f"a filter must be Boolean, and this one is {dtype}", why=why, hint=hint)


def _duplicate(match: re.Match[str], inputs: Inputs) -> LineageError:
    name = match["name"]
    hint = "rename one of them, with alias() or the join's suffix="
    return LineageError("HW223", f"the name {name!r} is there twice", why=_origins([name], inputs), hint=hint)


def _concat(match: re.Match[str], inputs: Inputs) -> LineageError:
    first, second = (dict(_fields(match[side])) for side in ("one", "two"))
    faults = [
        f"{name} is {first[name]} and {second[name]}" for name in first if second.get(name, "") not in ("", first[name])
    ]
    faults += [f"{name} is only in the first" for name in first if name not in second]
    faults += [f"{name} is only in the second" for name in second if name not in first]
    names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    why = "\n".join(filter(None, [*faults, _origins(names, inputs)]))
    hint = 'how="diagonal" fills missing columns, and "vertical_relaxed" casts to a common dtype'
    return LineageError("HW221", "the frames that are concatenated have different columns", why=why, hint=hint)


def _fields(text: str) -> list[tuple[str, str]]:
    """Names and dtypes of a schema as polars prints it."""
    return re.findall(r'"([^"]*)": ((?:[^,{}()]|\([^()]*(?:\([^()]*\)[^()]*)*\))+)', text)


def _origins(names: list[str], inputs: Inputs) -> str:
    """A sentence on the inputs that have columns of these names, with their dtypes."""
    found = [
        f"{table}:{name} is {columns[name]}"
        for name in dict.fromkeys(names)
        for table, columns in inputs.items()
        if name in columns
    ]
    return f"among the inputs {_listed(found)}" if found else ""


def _listed(items: list[str], most: int = 8) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _quoted(text: str) -> list[str]:
    return re.findall(r"['\"`]([^'\"`]+)['\"`]", text)


_EXPLANATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Inputs], LineageError]], ...] = (
    (re.compile(r'unable to find column "(?P<name>[^"]*)"; valid columns: \[(?P<valid>.*?)\]'), _missing),
    (re.compile(r'^"(?P<name>[^"]*)" not found'), _missing),
    (
        re.compile(
            r"join keys don't match - `(?P<left>.*?)`: (?P<one>.*?) on left "
            r"does not match `(?P<right>.*?)`: (?P<two>.*?) on right"
        ),
        _join,
    ),
    (
        re.compile(r"arithmetic on dtypes (?P<one>.*?) and (?P<two>.*?) is not allowed \((?P<sides>.*?)\);"),
        _arithmetic,
    ),
    (re.compile(r"cannot compare (?P<sides>.*?)(?:\n|$)"), _compared),
    (
        re.compile(
            r"invalid series dtype: expected `(?P<wanted>.*?)`, got `(?P<given>.*?)`"
            r"(?: for series with name `(?P<name>.*?)`)?"
        ),
        _wrong_dtype,
    ),
    (re.compile(r"filter predicate must be of type `Boolean`, got `(?P<dtype>.*?)`"), _filter),
    (re.compile(r"duplicate output name '(?P<name>[^']*)'"), _duplicate),
    (re.compile(r"the name '(?P<name>[^']*)' passed to .* is duplicate"), _duplicate),
    (re.compile(r"(?i)column with name '(?P<name>[^']*)' (?:has more than one|already exists)"), _duplicate),
    (re.compile(r"duplicate column name (?P<name>\S+)"), _duplicate),
    (
        re.compile(
            r"inputs should all have the same schema,\s*got\s*(?P<one>Schema .*?) and\s*(?P<two>Schema .*)", re.S
        ),
        _concat,
    ),
)
