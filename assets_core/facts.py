"""What is known before deciding: gathered by ``materializers.observe``, read by ``staleness`` and ``plan``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assets_core.graph import BoundInput, Graph
from assets_core.keys import Slot
from assets_core.mappings import AllPartitions, upstream_keys
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Derivation, Materialization, Schema
from assets_core.versions import CodeVersion, as_read


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What is known of one asset as its code stands now.

    Arguments:
        derivation: code version, read sets, lineage; None until its inputs' schemas are known.
        config: values of its ``Config`` by field, as JSON text.
        settings: settings that change content, as JSON text.
        input_schemas: the schemas of its inputs that the derivation rests on, in the order of its inputs.
    """

    derivation: Derivation | None
    config: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    input_schemas: tuple[Schema | None, ...] = ()


@dataclass(slots=True)
class Facts:
    """All that a decision may rest on.

    Arguments:
        graph: the definitions.
        now: the moment of the decision, with offset: it bounds open partition definitions and nothing else.
        assets: by asset key.
        published: what each slot shows in the environment; for slots of sources, what is observed now. The engine
            moves it on as steps are published.
        aside: by slot, what a blocking check kept from being published, if it is newer than what is published.
        held: slots that are kept as they are, with a sentence that says since when and why.
        absent: slots whose published data is no longer stored.
        kept: assets that nobody makes now and that show other columns than their code would give.
        recorded: materializations that recipes name and that are not published any more, as far as they were needed;
            the engine adds what it replaces.
        renames: by former key, the key that an asset has now.
        former_code: the code version of an asset now, under the names that it and its inputs had when a record was
            made; called only where something was renamed and the code versions differ.
        code_changes: says what differs between the code that made a materialization and the code now, a sentence each;
            called only where the code versions differ.
        version_of: gives what a reader of these columns compares, computing it from stored data where it must.
    """

    graph: Graph
    now: datetime
    assets: dict[str, AssetFacts]
    published: dict[Slot, Materialization]
    aside: dict[Slot, Materialization] = field(default_factory=dict)
    held: Mapping[Slot, str] = field(default_factory=dict)
    absent: set[Slot] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    recorded: dict[str, Materialization] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    former_code: Callable[[str, Materialization], CodeVersion | None] = lambda key, made: None
    code_changes: Callable[[Materialization], Sequence[str]] = lambda made: ()
    version_of: Callable[[Materialization, tuple[str, ...]], str | None] = lambda made, columns: as_read(
        made.version, columns
    )
    _read_sets: dict[tuple[str, str], tuple[Any, Schema, Schema]] = field(default_factory=dict, init=False, repr=False)

    def slots_of(self, key: str) -> list[Slot]:
        """Every slot that an asset or source has by its definition."""
        partitions = self.graph.definitions[key].partitions
        if partitions is None:
            return [Slot(key)]
        return [Slot(key, one) for one in partitions.keys(self.now)]

    def reads(self, slot: Slot, bound: BoundInput) -> list[Slot]:
        """The slots of one input that a slot reads, in the order of the input's definition.

        Of an input that is read whole, those that are published; all that are defined if none is.
        """
        down, up = self.graph.definitions[slot.asset], self.graph.definitions[bound.key]
        keys = upstream_keys(down.partitions, slot.partition, up.partitions, bound.partitions, bound.outside, self.now)
        slots = [Slot(bound.key, key) for key in keys]
        return self._there(slots) if self.reads_whole(slot.asset, bound) else slots

    def waits_for(self, dep: str) -> list[Slot]:
        """The slots of an asset or source that another is only ordered after: as if they were read whole."""
        return self._there(self.slots_of(dep))

    def _there(self, slots: list[Slot]) -> list[Slot]:
        return [one for one in slots if one in self.published] or slots

    def reads_whole(self, asset: str, bound: BoundInput) -> bool:
        """Whether an asset reads all slots of a partitioned input, however many there come to be."""
        down, up = self.graph.definitions[asset], self.graph.definitions[bound.key]
        return up.partitions is not None and (down.partitions is None or isinstance(bound.partitions, AllPartitions))

    def read_set(self, asset: str, bound: BoundInput) -> Schema | None:
        """The columns an asset reads of an input, with types; None while the input's schema is unknown."""
        facts = self.assets[asset]
        schema = self.schema(bound.key)
        if facts.derivation is None or schema is None:
            return None
        wanted = facts.derivation.read_sets.get(bound.name)
        if wanted is None:
            return schema
        known = self._read_sets.get((asset, bound.name))
        if known is not None and known[0] is facts.derivation and known[1] is schema:
            return known[2]
        types = dict(schema)
        found = tuple((name, types.get(name, "")) for name in wanted)
        self._read_sets[asset, bound.name] = (facts.derivation, schema, found)
        return found

    def schema(self, key: str) -> Schema | None:
        """The schema of an asset or source as far as it is known: derived, else published; published if it is kept."""
        facts = self.assets.get(key)
        derived = None if facts is None or facts.derivation is None else facts.derivation.schema
        if derived is not None and key not in self.kept:
            return derived
        return self._shown_schema(key) or self.graph.definitions[key].schema

    def keep_all_but(self, made: Collection[str]) -> None:
        """Takes the assets that nobody makes now by the columns that they show, because those are what is read."""
        for key, own in self.assets.items():
            if key in made or own.derivation is None or own.derivation.schema is None:
                continue
            shown = self._shown_schema(key)
            if shown is not None and [name for name, _ in shown] != [name for name, _ in own.derivation.schema]:
                self.kept.add(key)

    def _shown_schema(self, key: str) -> Schema | None:
        shown = (self.published[slot].schema for slot in self._latest_slots(key) if slot in self.published)
        return next(shown, None)

    def _latest_slots(self, key: str) -> Iterator[Slot]:
        """The slots of an asset or source, last one first, made only as they are asked for."""
        partitions = self.graph.definitions[key].partitions
        if partitions is None:
            yield Slot(key)
        else:
            yield from (Slot(key, one) for one in reversed(partitions.keys(self.now)))


def make_recipe(slot: Slot, facts: Facts) -> Recipe | None:
    """The recipe that would be used for a slot now, on its inputs as they are published.

    Returns:
        None when an input slot is missing or a version that is compared is not known.
    """
    own = facts.assets[slot.asset]
    if own.derivation is None:
        return None
    asset = facts.graph.asset(slot.asset)
    inputs = []
    for bound in facts.graph.inputs[slot.asset]:
        columns = facts.read_set(slot.asset, bound)
        if columns is None:
            return None
        parts = _parts(facts.reads(slot, bound), tuple(name for name, _ in columns), facts)
        if parts is None:
            return None
        inputs.append(RecipeInput(bound.name, bound.key, columns, parts))
    for dep in asset.deps:
        parts = _parts(facts.waits_for(dep), None, facts)
        if parts is None:
            return None
        inputs.append(RecipeInput(f"deps:{dep}", dep, (), parts))
    window: tuple[str, ...] = ()
    if asset.partitions is not None and slot.partition is not None:
        one = asset.partitions.partition(slot.partition)
        window = () if one.start is None or one.end is None else (one.start.isoformat(), one.end.isoformat())
    return Recipe(
        slot.asset,
        slot.partition,
        own.derivation.code,
        tuple(sorted(inputs, key=lambda one: one.name)),
        own.config,
        own.settings,
        window,
    )


def _parts(slots: Iterable[Slot], columns: tuple[str, ...] | None, facts: Facts) -> tuple[InputPart, ...] | None:
    """Versions of input slots; ``columns`` None compares everything that the slot holds."""
    parts = []
    for slot in slots:
        made = facts.published.get(slot)
        if made is None:
            return None
        version = facts.version_of(made, tuple(name for name, _ in made.schema) if columns is None else columns)
        if version is None:
            return None
        parts.append(InputPart(slot.partition, made.id, version))
    return tuple(parts)
