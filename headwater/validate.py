"""Definitions without data: derive every asset, type-check the whole graph, find what would go wrong later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset, Source
from assets_core.column_lineage import ORDER, ROWS
from assets_core.errors import DefinitionError, HeadwaterError, LineageError, did_you_mean
from assets_core.facts import Facts
from assets_core.partitions import columns_of
from assets_core.published import Published
from assets_core.records import Derivation, Schema
from headwater.rebuild import unsteady
from headwater.resources import snake
from lineage.checks.validate import validate_checks
from lineage.derive import type_faults
from lineage.dtypes import parse_dtype
from lineage.locality import Locality, locality_of
from materializers.executors.registry import check_kind
from materializers.observe import asset_facts, input_schemas
from materializers.storage.registry import kinds

if TYPE_CHECKING:
    from headwater.project import Project


_FILES_TOLD = 3


@dataclass(frozen=True)
class Validation:
    """What looking at definitions alone found.

    Arguments:
        derivations: by asset key; those are missing whose inputs' schemas are not known without data.
        localities: by key of each batched asset, whether batches are proven to change nothing.
    """

    errors: tuple[HeadwaterError, ...]
    warnings: tuple[str, ...]
    derivations: Mapping[str, Derivation]
    localities: Mapping[str, Locality] = field(default_factory=dict)


def _few(files: tuple[str, ...]) -> tuple[str, ...]:
    """The first files, the last of them with how many more there are."""
    more = len(files) - _FILES_TOLD
    return files if more <= 0 else (*files[: _FILES_TOLD - 1], f"{files[_FILES_TOLD - 1]} and {more} more")


def validate(project: Project, *, rebuild: bool = True) -> Validation:
    """See ``Project.validate``."""
    errors: list[HeadwaterError] = [*_storages(project), *_executor(project)]
    warnings = list(_unused_resources(project))
    facts = _facts(project)
    for asset in project.graph.assets:
        derivation = facts.assets[asset.key].derivation
        if derivation is None:
            unknown = [one.key for one in project.graph.inputs[asset.key] if facts.schema(one.key) is None]
            warnings.append(f"{asset.key} is not checked: the schema of {', '.join(unknown)} is known only with data")
            continue
        errors.extend(_faults(project, asset, derivation, facts))
        warnings.extend(derivation.warnings)
        warnings.extend(
            f"{asset.key} reads {file}, which is none of its inputs: declare a source for it"
            for file in _few(derivation.undeclared)
        )
        warnings.extend(_order(project, asset, derivation))
        if not derivation.errors:
            errors.extend(_contract(asset, derivation.schema))
    for definition in project.graph.definitions.values():
        schema = facts.schema(definition.key)
        if schema is not None:
            errors.extend(_checks(definition, schema))
        errors.extend(_origins(project, definition, facts))
    found = {key: one.derivation for key, one in facts.assets.items() if one.derivation is not None}
    if rebuild and not errors:
        warnings.extend(unsteady(project, found))
    localities = _localities(project, facts)
    warnings.extend(
        f"{key} is batched, and nothing proves that this changes no result: {one.why}; "
        "so one slot of each batch is computed alone as well and compared"
        for key, one in localities.items()
        if not one.proven
    )
    return Validation(_distinct(errors), tuple(dict.fromkeys(warnings)), found, localities)


def _executor(project: Project) -> Iterable[HeadwaterError]:
    try:
        check_kind(project.settings.executor.kind)
    except HeadwaterError as error:
        yield error


def _unused_resources(project: Project) -> Iterable[str]:
    """Sections that fill nothing: most likely a name is misspelt, and the resource takes its defaults."""
    asked = {one.resource for asset in project.graph.assets for one in asset.parameters if one.resource is not None}
    names = {snake(one.__name__) for one in asked}
    for name in project.settings.resources:
        if name not in names:
            near = did_you_mean(name, names)
            yield f"[resources.{name}] of headwater.toml fills no resource of any asset{near and f': {near}'}"


def _localities(project: Project, facts: Facts) -> dict[str, Locality]:
    found = {}
    for asset in project.graph.assets:
        derivation = facts.assets[asset.key].derivation
        if asset.run.batch is not None and derivation is not None and not derivation.errors:
            inputs = input_schemas(project.graph, asset, facts)
            found[asset.key] = locality_of(project.graph, asset.key, inputs, project.scene.configs.get(asset.key))
    return found


def _faults(
    project: Project, asset: Asset[..., Any], derivation: Derivation, facts: Facts
) -> tuple[HeadwaterError, ...]:
    """What is wrong with an asset's code; of a plan everything, where polars by itself tells the first thing only."""
    scene = project.scene
    types = type_faults(asset, input_schemas(scene.graph, asset, facts), scene.configs.get(asset.key))
    if not types:
        return derivation.errors
    return (*(one for one in derivation.errors if not isinstance(one, LineageError)), *types)


def derivations(project: Project) -> dict[str, Derivation]:
    """What every asset would compute as the code stands now, as far as that is known without data."""
    facts = _facts(project)
    return {key: one.derivation for key, one in facts.assets.items() if one.derivation is not None}


def _facts(project: Project) -> Facts:
    """Facts without a look at any data: schemas are declared, derived, or those of the last observation."""
    sources = {one.key for one in project.graph.sources}
    shown = project.catalog.published(project.env, assets=sources, lineage=False) if sources else {}
    facts = Facts(project.graph, datetime.now(UTC), {}, Published(shown))
    for asset in project.graph.assets:
        facts.assets[asset.key] = asset_facts(project.scene, asset, facts)
    return facts


def _order(project: Project, asset: Asset[..., Any], derivation: Derivation) -> Iterable[str]:
    """Where the order of an input's rows reaches values although it promises none, so that they are anybody's guess."""
    for bound in project.graph.inputs[asset.key]:
        upstream = project.graph.definitions[bound.key]
        if ORDER in derivation.read_sets.get(bound.name, ()) and isinstance(upstream, Asset) and not upstream.ordered:
            yield (
                f"the order of the rows of {bound.key} may reach values of {asset.key}, and it promises none: declare "
                f"{bound.key} as ordered=True, unless they are sorted by what tells all of them apart"
            )


def _contract(asset: Asset[..., Any], derived: Schema | None) -> Iterable[HeadwaterError]:
    """Differences between the schema that an asset declares and the one its code gives."""
    if asset.schema is None or derived is None or asset.schema == derived:
        return
    declared, given = dict(asset.schema), dict(derived)
    problems = [f"{name}: missing" for name in declared if name not in given]
    problems += [f"{name}: not declared" for name in given if name not in declared]
    problems += [
        f"{name}: {given[name]} instead of {dtype}"
        for name, dtype in declared.items()
        if name in given and given[name] != dtype
    ]
    if problems:
        yield DefinitionError(
            "HW152",
            f"{asset.key} does not give the schema it declares",
            where=asset.where,
            why="\n".join(problems[:12]),
            hint="change the code, or the declared schema",
        )


def _checks(definition: Asset[..., Any] | Source, schema: Schema) -> Iterable[HeadwaterError]:
    types = {name: parse_dtype(dtype) for name, dtype in schema}
    for error in validate_checks(definition.checks, types):
        error.where = f"{definition.where} ({definition.key})"
        yield error
    names = [name for name, _ in schema]
    for name in (*definition.columns, *definition.unique_key, *columns_of(definition.partition_by)):
        if name not in types:
            yield DefinitionError(
                "HW153",
                f"{definition.key} has no column {name!r}, which its declaration names",
                where=definition.where,
                hint=did_you_mean(name, names),
            )


def _origins(project: Project, definition: Asset[..., Any] | Source, facts: Facts) -> Iterable[HeadwaterError]:
    """An error for each declared origin of a column that there is not: the lineage would end in nothing."""
    for name, column in definition.columns.items():
        for origin in column.derived_from:
            key, _, source = origin.rpartition(":")
            schema = facts.schema(key) if key in project.graph.definitions else ()
            columns = None if schema is None else [known for known, _ in schema]
            if columns is not None and source not in (*columns, ROWS, ORDER):
                known = columns or project.graph.definitions
                yield DefinitionError(
                    "HW153",
                    f"there is no {origin}, from which {definition.key}:{name} is declared to be derived",
                    where=definition.where,
                    hint=did_you_mean(source if columns else key, known),
                )


def _storages(project: Project) -> Iterable[HeadwaterError]:
    for name, section in project.settings.storage.items():
        kind = section.get("kind", "parquet")
        if kind not in kinds():
            yield DefinitionError(
                "HW154",
                f"{kind!r} is no kind of storage",
                where=f"headwater.toml: [storage.{name}]",
                hint=did_you_mean(kind, kinds()),
            )
    names = {*project.settings.storage, "default"}
    for asset in project.graph.assets:
        if asset.storage is not None and asset.storage not in names:
            yield DefinitionError(
                "HW155",
                f"{asset.key} is stored in {asset.storage!r}, which headwater.toml does not have",
                where=asset.where,
                hint=did_you_mean(asset.storage, names) or f"add [storage.{asset.storage}]",
            )


def _distinct(errors: Iterable[HeadwaterError]) -> tuple[HeadwaterError, ...]:
    return tuple({(one.code, one.what, one.where): one for one in errors}.values())
