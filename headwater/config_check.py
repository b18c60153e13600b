"""Whether headwater.toml says only what there is to say, each thing of its kind: by pydantic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from assets_core.errors import DefinitionError, HeadwaterError, did_you_mean, raise_all
from assets_core.local_paths import why_not_local
from headwater.config import (
    FILE_NAME,
    AssetsSection,
    CatalogSection,
    EnvSection,
    ExecutorSection,
    ProjectSection,
    RunSection,
    Settings,
)
from headwater.environment_name import is_name

_SECTIONS = {
    "project": ProjectSection,
    "catalog": CatalogSection,
    "run": RunSection,
    "executor": ExecutorSection,
    "assets": AssetsSection,
    "env": EnvSection,
}
for _section in (Settings, *_SECTIONS.values()):
    with_config(ConfigDict(extra="forbid"))(_section)


def checked(raw: Mapping[str, Any], where: str) -> Settings:
    """Settings given as nested mappings; see ``headwater.config.parse``."""
    try:
        settings = TypeAdapter(Settings).validate_python(raw)
    except ValidationError as failed:
        raise_all([_as_error(one, where) for one in failed.errors()])
        raise
    wrong = (*_wrong(settings), *_truths(raw))
    raise_all([DefinitionError("HW142", f"{FILE_NAME}: {one}", where=where) for one in wrong])
    for amounts in (settings.executor, *(one.executor for one in settings.env.values() if one.executor is not None)):
        amounts.values()  # refuses what is no amount
    settings.run.memory_bytes  # noqa: B018 -- so does this
    return settings


def _wrong(settings: Settings) -> Iterator[str]:
    """What is of the right kind and wrong nevertheless."""
    try:
        ZoneInfo(settings.project.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = settings.project.timezone
        yield f"project.timezone: there is no time zone {zone!r}, see the names of the IANA database"
    if not settings.project.name.isprintable():
        yield f"project.name: {settings.project.name!r} holds characters that cannot be printed"
    for name in settings.env:
        if not is_name(name):
            yield f"env: {name!r} is no name of an environment, use letters, digits, '_', '-', '.'"
    if why := why_not_local(settings.catalog.path):
        yield f"catalog.path: {settings.catalog.path!r} is no path of local files: {why}"
    yield from _too_few((f"pools.{name}", size) for name, size in settings.pools.items())
    envs = {f"env.{name}.": one.executor for name, one in settings.env.items()}
    for place, executor in {"": settings.executor, **envs}.items():
        if executor is not None:
            names = ("workers", "recycle_after_steps")
            yield from _too_few((f"{place}executor.{name}", getattr(executor, name)) for name in names)
    storages = {"": settings.storage, **{f"env.{name}.": one.storage for name, one in settings.env.items()}}
    for place, tables in storages.items():
        for name, table in tables.items():
            if not isinstance(table.get("kind", ""), str):
                yield f"{place}storage.{name}.kind: Input should be a valid string"


def _truths(raw: Mapping[str, Any]) -> Iterator[str]:
    """Numbers that are written as true or false, which pydantic takes for 1 and 0."""
    tables = {"pools": raw.get("pools", {}), "executor": raw.get("executor", {})}
    tables |= {f"env.{name}.executor": env.get("executor", {}) for name, env in raw.get("env", {}).items()}
    tables |= {f"{place}.resources": table.get("resources", {}) for place, table in tables.items()}
    for place, table in tables.items():
        for name, value in table.items():
            if isinstance(value, bool):
                yield f"{place}.{name}: it is {str(value).lower()}, and must be a number"


def _too_few(amounts: Iterable[tuple[str, int | None]]) -> Iterator[str]:
    return (
        f"{name}: it is {value}, and must be at least 1" for name, value in amounts if value is not None and value < 1
    )


def _as_error(problem: Any, where: str) -> HeadwaterError:
    path = [str(part) for part in problem["loc"]]
    if problem["type"] == "unexpected_keyword_argument":
        return DefinitionError(
            "HW142",
            f"{FILE_NAME} has no setting {'.'.join(path)}",
            where=where,
            hint=did_you_mean(path[-1], _known_names(path[:-1])),
        )
    said = "it should be a table" if problem["type"] == "dataclass_type" else problem["msg"]
    return DefinitionError("HW142", f"{FILE_NAME}: {'.'.join(path)}: {said}", where=where)


def _known_names(path: list[str]) -> list[str]:
    section = _SECTIONS.get("executor" if path[-1:] == ["executor"] else path[0], Settings) if path else Settings
    return [one.name for one in fields(section)]
