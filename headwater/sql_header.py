"""Whether the header of a .sql file says each thing as what it is: a text, a number, a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets_core.arguments import TABLE_OF_TEXTS, TEXT, TEXTS, Kind, is_table_of
from assets_core.errors import DefinitionError
from assets_core.option_kinds import OPTION_KINDS


def _is_tables(value: Any) -> bool:
    return all(isinstance(one, dict) for one in (value if isinstance(value, list) else [value]))


def _is_inputs(value: Any) -> bool:
    return is_table_of(value, str, dict) and all(
        isinstance(one.get("key", ""), str) for one in value.values() if isinstance(one, dict)
    )


def _is_run(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("retry", {}), dict)


_AS_IN_PYTHON = (
    "description", "storage", "version", "previous", "owners", "unique_key", "renamed_from", "volatile", "ordered",
    "tolerance",
)  # fmt: skip
_KINDS = {
    **{name: OPTION_KINDS[name] for name in _AS_IN_PYTHON},
    "key": TEXT.such_as('"marts/delays"'),
    "deps": TEXTS.such_as('["staging/flights"]'),
    "tags": TABLE_OF_TEXTS.such_as('{layer = "marts"}'),
    "schema": TABLE_OF_TEXTS.such_as('{origin = "String", delay = "Float64"}'),
    "columns": Kind(
        "a table of texts or tables", lambda value: is_table_of(value, str, dict), '{delay = "Mean delay in minutes"}'
    ),
    "checks": Kind("a list of tables", _is_tables, '[{not_null = ["origin"]}, {between = ["delay", 0, 60]}]'),
    "inputs": Kind(
        "a table of keys or tables", _is_inputs, '{"staging.flights" = {partitions = [-6, 0]}, f = "staging/flights"}'
    ),
    "run": Kind("a table", _is_run, "{timeout_seconds = 600, retry = {attempts = 3}}"),
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
