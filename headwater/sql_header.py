"""Whether the header of a .sql file says each thing as what it is: a text, a number, a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from assets_core.errors import DefinitionError


class _Kind(NamedTuple):
    name: str
    holds: Callable[[Any], bool]
    example: str = ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_tables(value: Any) -> bool:
    return all(isinstance(one, dict) for one in (value if isinstance(value, list) else [value]))


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_table_of_texts_or_tables(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str | dict) for one in value.values())


def _is_inputs(value: Any) -> bool:
    return _is_table_of_texts_or_tables(value) and all(
        isinstance(one.get("key", ""), str) for one in value.values() if isinstance(one, dict)
    )


def _is_run(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("retry", {}), dict)


def _text(example: str) -> _Kind:
    return _Kind("a text", _is_text, example)


_KINDS = {
    "key": _text('"marts/delays"'),
    "description": _text('"Delays by airport."'),
    "storage": _text('"default"'),
    "version": _text('"2"'),
    "previous": _text('"before"'),
    "owners": _Kind("a text or a list of texts", _is_texts, '["ops"]'),
    "deps": _Kind("a text or a list of texts", _is_texts, '["staging/flights"]'),
    "unique_key": _Kind("a text or a list of texts", _is_texts, '["origin"]'),
    "renamed_from": _Kind("a text or a list of texts", _is_texts, '["marts/late"]'),
    "volatile": _Kind("true or false", _is_flag),
    "ordered": _Kind("true or false", _is_flag),
    "tolerance": _Kind("a number", _is_number, "1e-9"),
    "tags": _Kind("a table of texts", _is_table_of_texts, '{layer = "marts"}'),
    "schema": _Kind("a table of texts", _is_table_of_texts, '{origin = "String", delay = "Float64"}'),
    "columns": _Kind("a table of texts or tables", _is_table_of_texts_or_tables, '{delay = "Mean delay in minutes"}'),
    "checks": _Kind("a list of tables", _is_tables, '[{not_null = ["origin"]}, {between = ["delay", 0, 60]}]'),
    "inputs": _Kind(
        "a table of keys or tables", _is_inputs, '{"staging.flights" = {partitions = [-6, 0]}, f = "staging/flights"}'
    ),
    "run": _Kind("a table", _is_run, "{timeout_seconds = 600, retry = {attempts = 3}}"),
}
_OF_PYTHON = frozenset({"config", "where", "sql"})


def check_kinds(options: Mapping[str, Any], where: str) -> None:
    """Refuses what is of another kind than it has to be, and what only Python can say.

    Raises:
        DefinitionError: HW147.
    """
    for name, value in options.items():
        if name in _OF_PYTHON:
            raise DefinitionError("HW147", f"a header cannot say {name}", where=where, hint="sql_asset in Python can")
        kind = _KINDS.get(name)
        if kind is not None and not kind.holds(value):
            raise DefinitionError(
                "HW147", f"{name} in the header is not {kind.name}", where=where,
                hint=f"{name} = {kind.example}" if kind.example else "",
            )  # fmt: skip
