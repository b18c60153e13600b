"""Definitions made ready for use: data types spelled one way, and every ``Config`` filled."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset, Definition
from assets_core.errors import DefinitionError, HeadwaterError, UsageError, did_you_mean
from assets_core.graph import Graph
from headwater.config import Settings

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


def normalised(definitions: Iterable[Definition], errors: list[HeadwaterError]) -> list[Definition]:
    """The definitions with declared data types written as polars writes them; what cannot be read is an error."""
    made: list[Definition] = []
    for one in definitions:
        if one.schema is None:
            made.append(one)
            continue
        from lineage.dtypes import parse_dtype

        schema = []
        for column, text in one.schema:
            try:
                schema.append((column, str(parse_dtype(text))))
            except HeadwaterError as error:
                error.where = f"{one.where} ({one.key}:{column})"
                errors.append(error)
        made.append(replace(one, schema=tuple(schema)))
    return made


def config_values(
    graph: Graph, settings: Settings, overrides: Iterable[str], errors: list[HeadwaterError]
) -> dict[str, Config]:
    """The value of every asset's ``Config``: defaults, then ``[config."KEY"]``, then ``--set KEY:FIELD=VALUE``.

    A value that does not fit, or settings for an asset that has no ``Config``, are errors.
    """
    given = {key: dict(values) for key, values in settings.config.items()}
    for text in overrides:
        key, field, value = _override(text, graph)
        given.setdefault(key, {})[field] = value
    configs: dict[str, Config] = {}
    classes = {one.key: _config_class(one) for one in graph.assets}
    for key in given:
        if classes.get(key) is None:
            hint = did_you_mean(key, [one for one, found in classes.items() if found])
            errors.append(DefinitionError("HW148", f"{key} has no Config", where=f'[config."{key}"]', hint=hint))
    for key, cls in classes.items():
        if cls is None:
            continue
        from pydantic import ValidationError  # as whoever derived from Config has done

        try:
            configs[key] = cls.model_validate(given.get(key, {}))
        except ValidationError as failed:
            errors.extend(_config_error(key, cls, one) for one in failed.errors())
    return configs


def _config_class(asset: Asset[..., Any]) -> type[Config] | None:
    return asset.config_class or next((one.config for one in asset.parameters if one.config is not None), None)


def _override(text: str, graph: Graph) -> tuple[str, str, Any]:
    left, equals, value = text.partition("=")
    key, colon, field = left.rpartition(":")
    if not equals or not colon:
        raise UsageError("HW613", f"{text!r} sets nothing", hint="write --set KEY:FIELD=VALUE")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    return graph.asset(key).key, field, parsed


def _config_error(key: str, cls: type[Config], problem: Any) -> DefinitionError:
    field = ".".join(map(str, problem["loc"]))
    where = f'[config."{key}"]'
    if problem["type"] == "extra_forbidden":
        return DefinitionError(
            "HW148", f"{cls.__name__} of {key} has no field {field!r}", where=where,
            hint=did_you_mean(field, cls.model_fields),
        )  # fmt: skip
    return DefinitionError("HW148", f"{cls.__name__} of {key}: {field}: {problem['msg']}", where=where)
