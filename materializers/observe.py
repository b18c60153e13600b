"""Gathering facts: what is published, what sources hold, what the code would compute; in a few batched reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from assets_core.asset import Asset, Source
from assets_core.errors import HeadwaterError, raise_all
from assets_core.facts import AssetFacts, Facts
from assets_core.graph import BoundInput, Graph
from assets_core.keys import Slot
from assets_core.published import Glances, Published
from assets_core.records import Derivation, Materialization, Schema
from assets_core.renames import renames_of, under_present_keys
from assets_core.staleness import MATCHED
from assets_core.versions import same_code
from lineage.catalog.store import Catalog
from lineage.catalog.values import Hold
from lineage.checks.evaluate import evaluate
from lineage.code_record import changes
from lineage.derive import Derived, Inputs, derive, read_source, with_source
from materializers import sources
from materializers.former import FormerCode
from materializers.ids import new_id
from materializers.results import check_names
from materializers.shown import Codes, Records, absent_slots
from materializers.sql_engine import settings as sql_settings
from materializers.tables import CatalogDigests, Tables, Versions
from materializers.undeclared import undeclared_files

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


@dataclass(frozen=True)
class Scene:
    """Where and for whom facts are gathered.

    Arguments:
        configs: by asset key, the value of its ``Config``.
    """

    graph: Graph
    env: str
    catalog: Catalog
    tables: Tables
    derived: Derived
    configs: Mapping[str, Config] = field(default_factory=dict)


@dataclass
class Known:
    """Facts, and what came up while they were gathered.

    Arguments:
        observed: observations that the catalog does not have yet, blocked ones included.
        errors: code that does not type-check.
        unobserved: sources that could not be observed, or of which checks let nothing through, by key.
        versions: computes what readers compare.
    """

    facts: Facts
    versions: Versions
    observed: list[Materialization] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[HeadwaterError] = field(default_factory=list)
    unobserved: dict[str, HeadwaterError] = field(default_factory=dict)

    def raise_errors(self) -> None:
        """Raises what was found wrong, sources first."""
        raise_all([*self.unobserved.values(), *self.errors])


def gather(
    scene: Scene, keys: Iterable[str], now: datetime, run_id: str, *, told: Callable[[str], None] = lambda _: None
) -> Known:
    """All facts on these assets and whatever lies upstream of them.

    Arguments:
        keys: asset keys.
        now: with offset.
        run_id: the run on whose behalf sources are observed.
        told: hears what is being done where that may take long.
    """
    graph, catalog = scene.graph, scene.catalog
    needed = with_upstream(graph, keys)
    renames = renames_of(graph.definitions)
    formerly = {former for former, key in renames.items() if key in needed}
    looked_up = _looked_up(graph, needed)
    wanted = needed | formerly | looked_up
    glances = glances_now(catalog.glances(scene.env, wanted), renames)
    records = Records(catalog)
    versions = Versions(scene.tables, catalog)
    published = Published(glances=glances, fetch=partial(catalog.materializations, lineage=False))
    facts = Facts(
        graph, now, {}, published, version_of=versions, renames=renames,
        recorded=records, fetch_recorded=records.fetch, standings=catalog.standings(),
        accepted=catalog.accepted(scene.env), alike=lambda key: catalog.alike(scene.env, key),
    )  # fmt: skip
    known = Known(facts, versions)
    read_eager(scene, needed)
    _observe_sources(scene, known, needed | looked_up, run_id, told)
    codes = Codes(scene, facts, needed | formerly)
    for key, definition in graph.definitions.items():
        if key in needed and isinstance(definition, Asset):
            facts.assets[key] = asset_facts(scene, definition, facts, codes)
            derivation = facts.assets[key].derivation
            known.errors.extend(derivation.errors if derivation is not None else ())
            known.warnings.extend(derivation.warnings if derivation is not None else ())
    known.warnings[:] = dict.fromkeys(known.warnings)
    keep_derivations(scene)
    held = under_present_keys(catalog.held(scene.env), renames)
    facts.held = {slot: _why_held(one) for slot, one in held.items() if slot.asset in needed}
    aside = catalog.latest_blocked(scene.env, assets=needed)  # that of sources is told by what was observed now
    facts.aside |= {slot: one for slot, one in aside.items() if isinstance(graph.definitions[slot.asset], Asset)}
    facts.absent.update(absent_slots(scene, facts, needed, formerly))
    facts.code_changes = _CodeChanges(scene, facts)
    facts.former_code = FormerCode(scene.catalog, scene.derived, scene.configs, facts)
    return known


def read_eager(scene: Scene, keys: Container[str]) -> None:
    """Reads the code of eager assets before functions of lazy ones are called, which may change what globals hold."""
    for asset in scene.graph.assets:
        if asset.key in keys and asset.function is not None and not asset.lazy and asset.version is None:
            read_source(asset, [(bound, None) for bound in scene.graph.inputs[asset.key]], scene.derived)


def glances_now(glances: dict[str, Glances], renames: Mapping[str, str]) -> dict[str, Glances]:
    """What is shown, that of former keys under the present ones unless these show something of their own."""
    for former in glances.keys() & renames.keys():
        rows = [*zip(*glances.pop(former), strict=True), *zip(*glances.get(renames[former], ()), strict=True)]
        last = {row[0]: row for row in rows}.values()
        glances[renames[former]] = Glances(*map(list, zip(*last, strict=True))) if last else Glances.of_none()
    return glances


def _why_held(hold: Hold) -> str:
    reason = f": {hold.reason}" if hold.reason else ""
    return f"rolled back {hold.at:%Y-%m-%d %H:%M} UTC by {hold.actor}{reason}"


class _CodeChanges:
    """Says what differs between recorded code and the code now; each pair is compared once, however many slots."""

    def __init__(self, scene: Scene, facts: Facts) -> None:
        self._scene = scene
        self._facts = facts
        self._said: dict[tuple[object, ...], tuple[str, ...]] = {}

    def __call__(self, made: Materialization) -> tuple[str, ...]:
        """See ``Facts.code_changes``."""
        text = self._scene.catalog.code_source(made.id)
        asset = self._facts.graph.asset(self._facts.renames.get(made.slot.asset, made.slot.asset))
        config = {} if made.recipe is None else made.recipe.config
        known = (asset.key, made.slot.asset, text, *sorted(config.items()))
        if known not in self._said:
            inputs = input_schemas(self._facts.graph, asset, self._facts)
            said = changes(text, asset, read_source(asset, inputs, self._scene.derived))
            self._said[known] = () if said and self._only_config(asset, inputs, made) else said
        return self._said[known]

    def _only_config(self, asset: Asset[..., object], inputs: Inputs, made: Materialization) -> bool:
        """Whether the plan is the recorded one again when it is built with the config of then: what was rewritten
        since, if anything, changes nothing."""
        now = self._scene.configs.get(asset.key)
        if made.recipe is None or made.recipe.code.plan is None or now is None:
            return False
        from materializers.config_texts import config_of_texts

        then = config_of_texts(type(now), made.recipe.config)
        if then is None or then == now:
            return False
        derivation = derive(asset, inputs, then, self._scene.derived)
        return derivation is not None and same_code(made.recipe.code, derivation.code) is True


def with_upstream(graph: Graph, keys: Iterable[str]) -> set[str]:
    """The keys, and those of all that they depend on, with the siblings of multi-assets."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        waiting.extend(graph.upstream(key))
        definition = graph.definitions[key]
        if isinstance(definition, Asset):
            waiting.extend(one.key for one in graph.makers[definition.maker])
    return found


def _looked_up(graph: Graph, keys: Iterable[str]) -> set[str]:
    """What the checks of assets and sources look values up in, which need not lie upstream of them."""
    found = {target for key in keys for one in graph.definitions[key].checks if (target := one.target) is not None}
    return found & graph.definitions.keys()


def asset_facts(scene: Scene, asset: Asset[..., object], facts: Facts, codes: Codes | None = None) -> AssetFacts:
    """What is known of one asset, with the schemas of its inputs as far as ``facts`` has them.

    Arguments:
        codes: the code versions of what assets show, where those of several are looked at.
    """
    config = scene.configs.get(asset.key)
    inputs = input_schemas(scene.graph, asset, facts)
    derivation = derive(asset, inputs, config, scene.derived)
    if derivation is not None:
        derivation = _comparable(scene, asset, derivation, codes or Codes(scene, facts, {asset.key}), inputs)
    values = {} if config is None else _texts(config)
    settings = {**_settings(asset), **files_scanned(scene, derivation)}
    if derivation is not None and derivation.matched:
        settings[MATCHED] = derivation.matched
    return AssetFacts(derivation, values, settings, tuple(schema for _, schema in inputs))


def _texts(config: Config) -> Mapping[str, str]:
    from materializers.config_texts import config_texts  # with pydantic, which few projects have loaded

    return config_texts(config)


def input_schemas(graph: Graph, asset: Asset[..., object], facts: Facts) -> list[tuple[BoundInput, Schema | None]]:
    """The bound inputs of an asset, each with its schema as far as it is known."""
    return [
        (bound, asset.schema if bound.key == asset.key else facts.schema(bound.key))
        for bound in graph.inputs[asset.key]
    ]


def _comparable(
    scene: Scene,
    asset: Asset[..., object],
    derivation: Derivation,
    codes: Codes,
    inputs: list[tuple[BoundInput, Schema | None]],
) -> Derivation:
    """The derivation with a source digest where some slot was recorded under evidence that compares by nothing else."""
    if derivation.code.source is not None or derivation.code.pinned is not None:
        return derivation
    if any(same_code(one, derivation.code) is None for one in codes.of(asset.key, derivation.code)):
        return replace(derivation, code=with_source(asset, derivation.code, inputs, scene.derived))
    return derivation


def files_scanned(scene: Scene, derivation: Derivation | None) -> dict[str, str]:
    """What files hold that the plan scans and that are none of the asset's inputs."""
    if derivation is None or not derivation.undeclared:
        return {}
    digests = CatalogDigests(scene.catalog)
    found = undeclared_files(derivation.undeclared, scene.tables.root, digests)
    digests.flush()
    return found


def _settings(asset: Asset[..., object]) -> dict[str, str]:
    settings: dict[str, str] = sql_settings() if asset.sql is not None else {}
    if asset.ordered:
        settings["ordered"] = "true"
    # What a result is held to decides whether there is one: data made under another promise was not held to this one.
    if asset.schema is not None:
        settings["schema"] = json.dumps(asset.schema)
    if asset.unique_key:
        settings["unique_key"] = json.dumps(asset.unique_key)
    if asset.partition_by is not None:
        settings["partition_by"] = json.dumps(asset.partition_by)
    return settings


def _observe_sources(scene: Scene, known: Known, needed: set[str], run_id: str, told: Callable[[str], None]) -> None:
    digests = CatalogDigests(scene.catalog)
    facts = known.facts
    for key, definition in scene.graph.definitions.items():
        if key not in needed or not isinstance(definition, Source):
            continue
        slots = [Slot(key, partition) for partition in facts.published.ids(key)]
        facts.published.fetch(slots)
        previous = {slot: facts.published[slot] for slot in slots}
        try:
            found = sources.observe(
                definition,
                root=scene.tables.root,
                cache=scene.tables.cache,
                digests=digests,
                previous=previous,
                now=facts.now,
                run_id=run_id,
            )
            for one in found.materializations:
                check_names((name for name, _ in one.schema), key, definition.where)
        except HeadwaterError as error:
            # What it held last says nothing of what it holds now: whatever reads it is not fresh.
            known.unobserved[key] = error
            facts.unobserved.add(key)
            for slot in previous:
                facts.published.pop(slot, None)
            continue
        known.warnings.extend(found.warnings)
        asked = {check.rule for check in definition.checks}
        fresh = [
            one if changed else replace(one, id=new_id(), created=facts.now)  # the same data, with more asked of it
            for one in found.materializations
            if (changed := previous.get(one.slot) is not one) or asked - {result.rule for result in one.checks}
        ]
        if fresh:
            told(f"observed {key}: {len(fresh)} new" if definition.partitions else f"observed {key}: changed")
        blocked = []
        for one in fresh:
            made = _checked(scene, definition, one, facts)
            known.observed.append(made)
            if made.blocked:
                blocked.append(made)
                facts.aside[made.slot] = made
            else:
                facts.published[made.slot] = made
        if blocked and not facts.published.count(key):
            known.unobserved[key] = sources.not_passed(definition, blocked)
            facts.unobserved.add(key)
        else:
            known.warnings.extend(_kept(one, facts) for one in blocked)
    digests.flush()


def _checked(scene: Scene, source: Source, made: Materialization, facts: Facts) -> Materialization:
    """The observation with the results of its checks; a blocking failure keeps the last observation."""
    if not source.checks:
        return made

    def lookup(key: str, column: str) -> pl.LazyFrame:
        slots = facts.slots_shown(key)
        if not slots:
            raise LookupError(key)
        facts.published.fetch(slots)
        return scene.tables.scan([facts.published[slot] for slot in slots], [column]).select(column)

    results = tuple(evaluate(source.checks, scene.tables.scan([made]), lookup=lookup))
    return replace(made, checks=results, blocked=any(result.blocks for result in results))


def _kept(made: Materialization, facts: Facts) -> str:
    """Says what becomes of an observation that a check blocked."""
    names = ", ".join(result.name for result in made.checks if result.blocks)
    kept = "the last observation stays" if made.slot in facts.published else "it is not used"
    return f"source {made.slot}: {names} failed, so {kept}"


def keep_judgements(scene: Scene, facts: Facts) -> None:
    """Writes which slots were found fresh by looking at their records, so that the next command need not look again."""
    if facts.found_fresh:
        scene.catalog.remember_judged(scene.env, facts.found_fresh)
        facts.found_fresh.clear()


def keep_derivations(scene: Scene) -> None:
    """Writes what was derived since the last time, so that the next command need not derive it again."""
    if scene.derived.fresh:
        scene.catalog.remember_derivations(scene.derived.fresh)
        scene.derived.fresh.clear()
