"""Of which kind each option of ``asset``, ``multi_asset``, ``sql_asset`` and ``source`` has to be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from assets_core.arguments import FLAG, NAME, POSITIVE, TABLE_OF_TEXTS, TEXT, TEXTS, Kind, is_table_of, maybe, must_be
from assets_core.asset import Asset, Column, Input, MultiAsset, Run, Source
from assets_core.partitions import Partitions


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and dtype is not None for name, dtype in value.items()
    )


def _all_are(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(isinstance(one, types) for one in value)


def _is_config_class(value: Any) -> bool:
    settings: Any = sys.modules.get("assets_core.settings")  # nobody can have derived from a class not yet loaded
    return settings is not None and isinstance(value, type) and issubclass(value, settings.Config)


CONFIG_CLASS = maybe(Kind("a subclass of Config", _is_config_class))

OPTION_KINDS: Mapping[str, Kind] = {
    "description": TEXT.such_as('"Delays by airport."'),
    "storage": NAME.such_as('"default"'),
    "version": NAME.such_as('"2"'),
    "previous": NAME.such_as('"before"'),
    "owners": TEXTS.such_as('["ops"]'),
    "unique_key": TEXTS.such_as('["origin"]'),
    "renamed_from": TEXTS.such_as('["marts/late"]'),
    "volatile": FLAG,
    "ordered": FLAG,
    "tolerance": POSITIVE.such_as("1e-9"),
    "tags": TABLE_OF_TEXTS.such_as('{"layer": "marts"}'),
    "schema": Kind("a table of data types", _is_schema, '{"origin": pl.String, "delay": pl.Float64}'),
    "columns": Kind(
        "a table of columns", lambda value: is_table_of(value, Column), '{"delay": Column("Mean delay in minutes")}'
    ),
    "checks": Kind(
        "a list of checks", lambda value: isinstance(value, tuple), '[check.not_null("id"), check.between("x", 0, 1)]'
    ),
    "deps": Kind("a list of keys, assets and sources", _all_are(str, Asset, Source, MultiAsset), '["raw/planes"]'),
    "inputs": Kind(
        "a table of keys, assets, sources and inputs",
        lambda value: is_table_of(value, str, Asset, Source, Input),
        '{"raw": "staging/flights"}',
    ),
    "partitions": Kind(
        "a definition of partitions", lambda value: isinstance(value, Partitions), 'Daily("2013-01-01", "2014-01-01")'
    ),
    "partition_by": Kind(
        "a column or a table of columns",
        lambda value: bool(value) and (isinstance(value, str) or is_table_of(value, str)),
        '"flight_date"',
    ),
    "run": Kind("a Run", lambda value: isinstance(value, Run), "Run(timeout_seconds=600)"),
    "code_depends": Kind(
        "a list of functions", lambda value: isinstance(value, tuple) and all(map(callable, value)), "[helper]"
    ),
}
"""Of those that may be one or several, as tuples; whatever is not here is looked at where it is read."""


def check_options(options: Mapping[str, Any], where: str) -> None:
    """Refuses an option of another kind than it has to be; takes two microseconds.

    Raises:
        DefinitionError: HW129.
    """
    for name, value in options.items():
        if name in OPTION_KINDS:
            must_be(OPTION_KINDS[name], name, value, where=where)
