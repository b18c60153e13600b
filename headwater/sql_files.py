"""A folder of .sql files as assets: the key is the path without ``.sql``, a leading comment holds the options."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from assets_core import check
from assets_core.asset import Asset, Column, Input, Retry, Run
from assets_core.declare import sql_asset
from assets_core.errors import DefinitionError, HeadwaterError, did_you_mean
from assets_core.mappings import (
    PartitionMapping,
    all_partitions,
    dimension,
    identity,
    last,
    static_map,
    window,
)
from assets_core.partitions import (
    Cron,
    Daily,
    Dynamic,
    Hourly,
    Monthly,
    Multi,
    Partitions,
    Quarterly,
    Static,
    Weekly,
    Yearly,
)
from headwater.sql_header import check_kinds

_HEADER = re.compile(
    r"(?>(?:\s+|--[^\n]*|/\*(?!\s*headwater\b)(?>.*?\*/))*)"  # space and other comments
    r"/\*\s*headwater\b(?P<toml>.*?)\*/",
    re.DOTALL | re.IGNORECASE,
)
_EVERY: dict[str, Callable[..., Partitions]] = {
    "hour": Hourly,
    "day": Daily,
    "week": Weekly,
    "month": Monthly,
    "quarter": Quarterly,
    "year": Yearly,
}
_MAPPINGS: dict[str, Callable[[], PartitionMapping]] = {"all": all_partitions, "same": identity, "last": last}
_CHECKS: dict[str, Callable[..., check.Check]] = {
    "not_null": check.not_null,
    "unique": check.unique,
    "between": check.between,
    "accepted_values": check.accepted_values,
    "matches": check.matches,
    "row_count": check.row_count,
    "expression": check.expression,
    "foreign_key": check.foreign_key,
}


def load(root: Path, folders: Iterable[str]) -> list[HeadwaterError]:
    """Declares one asset for every .sql file below the folders; see ``sql_asset`` for what they may say.

    Returns:
        One error for each file that cannot be read.
    """
    errors: list[HeadwaterError] = []
    for name in folders:
        folder = root / name
        if not folder.is_dir():
            errors.append(
                DefinitionError(
                    "HW146", f"no folder {name!r}", where=str(root / "headwater.toml"), hint="see [project] sql"
                )
            )
        for path in sorted(one for one in folder.rglob("*.sql") if not one.is_dir()):
            key = path.relative_to(folder).with_suffix("").as_posix()
            try:
                declare(key, path.read_text(encoding="utf-8-sig"), where=f"{path}:1")
            except HeadwaterError as error:
                errors.append(error)
            except UnicodeDecodeError as error:
                errors.append(DefinitionError("HW146", f"{path.name} is not UTF-8", where=str(path), why=str(error)))
            except OSError as error:
                errors.append(
                    DefinitionError("HW146", f"{path.name} cannot be read", where=str(path), why=error.strerror or "")
                )
    return errors


def declare(key: str, text: str, *, where: str) -> Asset[..., Any]:
    """Declares the asset of one file.

    Raises:
        DefinitionError: HW147, the header is no TOML or says something unknown, or in another form.
    """
    match = _HEADER.match(text)
    if match is None:
        return sql_asset(key, text, where=where)
    try:
        options = tomllib.loads(match["toml"])
    except (ValueError, RecursionError) as error:  # not TOML, a number without end, tables without end
        raise DefinitionError("HW147", "the header is not valid TOML", where=where, why=str(error)) from None
    check_kinds(options, where)
    for name, read in _READERS.items():
        if name in options:
            options[name] = read(options[name], where)
    # The header is replaced by as many empty lines, so that positions in errors are positions in the file.
    blank = "\n" * text[: match.end()].count("\n")
    return sql_asset(options.pop("key", key), blank + text[match.end() :], where=where, **options)


def _partitions(given: Any, where: str) -> Partitions:
    rest = dict(given) if isinstance(given, Mapping) else {}
    made: Partitions | None = None
    if isinstance(given, list):
        made = _call(Static, where, "partitions", given)
    elif str(rest.get("every")) in _EVERY:
        made = _call(_EVERY[rest.pop("every")], where, "partitions", **rest)
    elif "cron" in rest:
        made = _call(Cron, where, "partitions", rest.pop("cron"), **rest)
    elif "dynamic" in rest:
        made = _call(Dynamic, where, "partitions", rest.pop("dynamic"), **rest)
    elif rest and all(isinstance(one, list | Mapping) for one in rest.values()):
        made = _call(Multi, where, "partitions", **{name: _partitions(one, where) for name, one in rest.items()})
    if made is None:
        raise DefinitionError(
            "HW147",
            "partitions of another form than expected",
            where=where,
            hint='partitions = {every = "day", start = "2013-01-01", end = "2014-01-01"}, {cron = "0 6 * * *", start ='
            ' "2013-01-01"}, {dynamic = "customers"}, a list of keys, or several of these by the names of dimensions',
        )
    return made


def _mapping(given: Any, where: str, name: str) -> PartitionMapping | None:
    """What ``partitions`` of an input says: a word, two offsets, a dimension, or a table of keys."""
    if given is None:
        return None
    found: PartitionMapping | None = None
    if isinstance(given, str) and given in _MAPPINGS:
        found = _MAPPINGS[given]()
    elif isinstance(given, list):
        found = _call(window, where, name, *given)
    elif isinstance(given, Mapping) and "dimension" in given:
        found = _call(dimension, where, name, given["dimension"], _mapping(given.get("partitions"), where, name))
    elif isinstance(given, Mapping):
        found = _call(static_map, where, name, given)
    if found is None:
        raise DefinitionError(
            "HW147",
            f"partitions of the input {name} of another form than expected",
            where=where,
            hint='"all", "same", "last", [-6, 0], {dimension = "date", partitions = [-6, 0]} or {EU = ["DE", "FR"]}',
        )
    return found


def _checks(given: Any, where: str) -> list[check.Check]:
    rules = []
    for one in given if isinstance(given, list) else [given]:
        rest = dict(one)
        kind = next((name for name in one if name in _CHECKS), None)
        if kind is None:
            unknown = next(iter(one), "")
            raise DefinitionError(
                "HW147", f"no check {unknown!r}", where=where,
                hint=did_you_mean(unknown, _CHECKS) or 'checks = [{not_null = ["id"]}]',
            )  # fmt: skip
        arguments = rest.pop(kind)
        positional = arguments if isinstance(arguments, list) else [arguments]
        rules.append(_call(_CHECKS[kind], where, kind, *positional, **rest))
    return rules


def _inputs(given: Any, where: str) -> dict[str, Input | str]:
    bound: dict[str, Input | str] = {}
    for name, one in given.items():
        if isinstance(one, str):
            bound[name] = one
            continue
        rest = dict(one)
        mapping = _mapping(rest.pop("partitions", None), where, name)
        bound[name] = _call(Input, where, name, rest.pop("key", name.replace(".", "/")), mapping, **rest)
    return bound


def _columns(given: Any, where: str) -> dict[str, Column]:
    made = {}
    for name, one in given.items():
        words = {"description": one} if isinstance(one, str) else dict(one)
        words = {word: tuple(value) if isinstance(value, list) else value for word, value in words.items()}
        made[name] = _call(Column, where, name, **words)
    return made


def _run(given: Any, where: str) -> Run:
    rest = dict(given)
    retry = _call(Retry, where, "retry", **rest.pop("retry")) if "retry" in rest else Retry()
    made: Run = _call(Run, where, "run", retry=retry, **rest)
    return made


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "partitions": _partitions,
    "checks": _checks,
    "inputs": _inputs,
    "columns": _columns,
    "run": _run,
}


def _call(make: Callable[..., Any], where: str, what: str, *arguments: Any, **named: Any) -> Any:
    try:
        return make(*arguments, **named)
    except HeadwaterError as error:
        error.where = error.where or where
        raise
    except (TypeError, ValueError) as error:
        raise DefinitionError("HW147", f"{what} in the header cannot be used", where=where, why=str(error)) from None
