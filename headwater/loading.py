"""From a folder or a list of definitions to the parts of a project, with everything that is wrong told at once."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from assets_core.asset import Asset, Definition
from assets_core.declare import registering, with_defaults
from assets_core.errors import DefinitionError, HeadwaterError, did_you_mean, raise_all
from assets_core.graph import Graph, build
from assets_core.renames import renames_of
from assets_core.selection import select as select_keys
from headwater import config, modules, sql_files
from headwater.config import Settings
from headwater.definitions import config_values, normalised
from headwater.environment_name import choose_environment
from headwater.secrets import mask
from lineage.code_sources import DEFAULT_CACHE

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


class Loaded(NamedTuple):
    """What ``Project`` is made of; see there."""

    root: Path
    name: str
    env: str
    settings: Settings
    graph: Graph
    configs: Mapping[str, Config]


def load(root: Path, env: str | None, overrides: Iterable[str]) -> Loaded:
    """The project in a folder; see ``Project.load``."""
    raw = config.read(root)
    name, settings = choose_environment(raw, env, root)
    with registering() as found:
        errors = modules.load(root, raw.project.modules)
        errors += sql_files.load(root, raw.project.sql)
    if errors:
        raise_all(_relative(errors, root))
    return _assemble(root, raw.project.name or root.name, name, settings, found, overrides)


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of headwater.toml and of the bytes that each module of the project was imported from, by path below the
    root; to be asked for when the project has just been loaded."""
    imported = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    found = {config.FILE_NAME: hashlib.sha256((root / config.FILE_NAME).read_bytes()).hexdigest()}
    for path, digest in DEFAULT_CACHE.digests().items():
        place = Path(path).resolve()
        if path in imported and place.is_relative_to(root):
            found[place.relative_to(root).as_posix()] = digest
    return found


def of(definitions: Iterable[Any], root: Path, env: str, name: str, settings: Mapping[str, Any]) -> Loaded:
    """The project of definitions that are at hand; see ``Project.of``."""
    listed: list[Definition] = []
    for one in definitions:
        listed.extend(one.assets if hasattr(one, "assets") else [one])
    parsed = config.parse(settings, "Project.of")
    return _assemble(root, name, env, config.overlaid(parsed, env), listed, ())


def _assemble(
    root: Path, name: str, env: str, settings: Settings, found: list[Definition], overrides: Iterable[str]
) -> Loaded:
    errors: list[HeadwaterError] = []
    definitions = normalised(found, errors)
    try:
        graph = build(definitions, _tables_of)
        renames_of(graph.definitions)
        graph = _with_asset_defaults(graph, settings, errors)
    except HeadwaterError as error:
        errors.extend(getattr(error, "errors", [error]))
        raise_all(_relative(errors, root))
        raise
    errors.extend(_unknown_pools(graph, settings))
    configs = config_values(graph, settings, overrides, errors)
    raise_all(_relative(errors, root))
    return Loaded(root, name, env, settings, graph, configs)


def _unknown_pools(graph: Graph, settings: Settings) -> Iterator[HeadwaterError]:
    """An error for every asset whose pool has no size."""
    for one in graph.assets:
        pool = one.run.pool
        if pool is not None and pool not in settings.pools:
            yield DefinitionError(
                "HW195",
                f"{one.key} runs in the pool {pool!r}, which headwater.toml does not know",
                where=one.where,
                hint=did_you_mean(pool, settings.pools) or f"[pools] {pool} = 2 lets two of its steps run at once",
            )


def _tables_of(asset: Asset[..., Any]) -> Iterable[str]:
    from lineage.derive import tables_of

    return tables_of(asset)


def _with_asset_defaults(graph: Graph, settings: Settings, errors: list[HeadwaterError]) -> Graph:
    """The graph with what ``[assets."SELECTION"]`` says of assets that say nothing themselves; later sections win."""
    if not settings.assets:
        return graph
    given: dict[str, dict[str, Any]] = {}
    for text, section in settings.assets.items():
        try:
            keys = select_keys(text, graph)
        except HeadwaterError as error:
            error.where = f'headwater.toml: [assets."{text}"]'
            errors.append(error)
            continue
        for key in keys:
            values = {name: value for name, value in vars(section).items() if value is not None}
            given.setdefault(key, {}).update(values)
    changed = {
        key: with_defaults(one, **given[key]) if isinstance(one, Asset) and key in given else one
        for key, one in graph.definitions.items()
    }
    return build(changed.values(), _tables_of)


def _relative(errors: list[HeadwaterError], root: Path) -> list[HeadwaterError]:
    """The errors with places below the project's folder told from there, and without secrets."""
    for error in errors:
        error.where = error.where.replace(f"{root}{os.sep}", "")
        error.why = mask(error.why.replace(f"{root}{os.sep}", ""))
    return errors
