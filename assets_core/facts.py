"""What is known before deciding: gathered by ``materializers.observe``, read by ``staleness`` and ``plan``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, cast

from assets_core.column_lineage import ORDER
from assets_core.graph import BoundInput, Graph
from assets_core.keys import Slot
from assets_core.mappings import AllPartitions, same_places, upstream_keys, upstream_places
from assets_core.published import Judged, PackedId, Published, basis, whole_basis
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Acceptance, Derivation, Materialization, Schema
from assets_core.spans import Places, Spans
from assets_core.standing import Standing, standing_of
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
        unobserved: sources of which nobody can say what they hold now.
        held: slots that are kept as they are, with a sentence that says since when and why.
        absent: slots whose published data is no longer stored.
        kept: assets that nobody makes now and that show other columns than their code would give.
        recorded: materializations that recipes name, by their ids, as far as they are needed.
        accepted: by packed id, how somebody accepted that a materialization stays shown under other code, oldest first.
        renames: by former key, the key that an asset has now.
        former_code: the code version of an asset now, under the names that it and its inputs had when a record was
            made; called only where something was renamed and the code versions differ.
        code_changes: says what differs between the code that made a materialization and the code now, a sentence each;
            called only where the code versions differ.
        version_of: gives what a reader of these columns compares, computing it from stored data where it must.
        fetch_recorded: makes many records of ``recorded`` be at hand at once.
        standings: by their numbers, the standings under which slots were found fresh before.
        alike: gives, for the slots of an asset that show something, a number that is equal for records that differ in
            their data and in what they read at most; without it every slot is judged by itself.
        found_fresh: what is worth remembering of the decisions made on these facts.
    """

    graph: Graph
    now: datetime
    assets: dict[str, AssetFacts]
    published: Published
    aside: dict[Slot, Materialization] = field(default_factory=dict)
    unobserved: set[str] = field(default_factory=set)
    held: Mapping[Slot, str] = field(default_factory=dict)
    absent: set[Slot] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    recorded: Mapping[str, Materialization] = field(default_factory=dict)
    accepted: Mapping[PackedId, tuple[Acceptance, ...]] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    former_code: Callable[[str, Materialization], CodeVersion | None] = lambda key, made: None
    code_changes: Callable[[Materialization], Sequence[str]] = lambda made: ()
    version_of: Callable[[Materialization, tuple[str, ...]], str | None] = lambda made, columns: as_read(
        made.version, columns
    )
    fetch_recorded: Callable[[Iterable[str]], object] = lambda ids: None
    standings: Mapping[int, Standing] = field(default_factory=dict)
    alike: Callable[[str], Mapping[str | None, int]] = lambda key: {}
    found_fresh: list[Judged] = field(default_factory=list)
    _read_sets: dict[tuple[str, str], tuple[Any, Schema, Schema]] = field(default_factory=dict, init=False, repr=False)
    _standing: dict[str, tuple[Any, Standing]] = field(default_factory=dict, init=False, repr=False)
    _spans: dict[tuple[str, BoundInput | str], Spans] = field(default_factory=dict, init=False, repr=False)
    _places: dict[str, dict[str | None, int]] = field(default_factory=dict, init=False, repr=False)
    _numbers: tuple[Any, dict[str, int]] = field(default=(None, {}), init=False, repr=False)

    def partitions(self, key: str) -> Sequence[str | None]:
        """The partition keys of every slot that an asset or source has by its definition; None for its one slot."""
        partitions = self.graph.definitions[key].partitions
        return (None,) if partitions is None else partitions.keys(self.now)

    def slots_of(self, key: str) -> list[Slot]:
        """Every slot that an asset or source has by its definition."""
        return [Slot(key, one) for one in self.partitions(key)]

    def slots_shown(self, key: str) -> list[Slot]:
        """Every slot that an asset or source has by its definition and that shows something, in its order."""
        return [one for one in self.slots_of(key) if one in self.published]

    def places(self, key: str) -> Mapping[str | None, int]:
        """By partition key, the place of every slot that an asset or source has by its definition."""
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = {one: place for place, one in enumerate(self.partitions(key))}
        return found

    def spans(self, asset: str, read: BoundInput | str) -> Spans:
        """Which slots of an input, or of an asset that it is only ordered after, the slots of an asset read."""
        found = self._spans.get((asset, read))
        if found is None:
            found = self._spans[asset, read] = self._spans_of(asset, read)
        return found

    def _spans_of(self, asset: str, read: BoundInput | str) -> Spans:
        if isinstance(read, str) or self.reads_whole(asset, read):
            return Spans(whole=True)
        down, up = self.graph.definitions[asset].partitions, self.graph.definitions[read.key].partitions
        readers, count = len(self.partitions(asset)), len(self.partitions(read.key))
        if up is None:
            return Spans(same=True) if down is None else Spans(each=[range(1)] * readers)
        if same_places(down, up, read.partitions) and readers == count:
            return Spans(same=True)
        spans = (
            upstream_places(down, place, up, read.partitions, self.now, outside=read.outside)
            for place in range(readers)
        )
        return Spans(each=[_within(one, count) for one in spans])

    def standing(self, key: str) -> Standing | None:
        """All that concerns every slot of an asset alike; None while something of it is not known."""
        own = self.assets.get(key)
        if own is None or own.derivation is None:
            return None
        asset, schemas = self.graph.asset(key), tuple(self.schema(bound.key) for bound in self.graph.inputs[key])
        known = self._standing.get(key)
        if known is not None and known[0][0] is own and known[0][1] is asset and known[0][2] == schemas:
            return known[1]
        columns = [self.read_set(key, bound) for bound in self.graph.inputs[key]]
        if any(one is None for one in columns):
            return None
        found = standing_of(asset, own, own.derivation.code, self.graph.inputs[key], schemas, columns, self.renames)
        self._standing[key] = ((own, asset, schemas), found)
        return found

    def number_of(self, standing: Standing) -> int | None:
        """The number that glances name a standing by; None where no slot was found fresh under it yet."""
        if self._numbers[0] is not self.standings:
            self._numbers = (self.standings, {one.digest: number for number, one in self.standings.items()})
        return self._numbers[1].get(standing.digest)

    def basis(self, slot: Slot) -> bytes | None:
        """What the inputs of a slot show now, in little; None where one that it needs shows nothing."""
        parts = []
        for _, read in self.reads_by_name(slot.asset):
            if isinstance(read, str) or self.reads_whole(slot.asset, read):
                key = read if isinstance(read, str) else read.key
                part = self.whole_basis(key)
            else:
                ids = [self.published.id_of(one) for one in self.reads(slot, read)]
                part = None if None in ids else basis(cast("list[PackedId]", ids))
            if part is None:
                return None
            parts.append(part)
        return whole_basis(parts)

    def reads_by_name(self, asset: str) -> list[tuple[str, BoundInput | str]]:
        """What an asset reads and is ordered after, sorted by the names that recipes give them."""
        bound: list[tuple[str, BoundInput | str]] = [(one.name, one) for one in self.graph.inputs[asset]]
        bound += [(f"deps:{dep}", dep) for dep in self.graph.asset(asset).deps]
        return sorted(bound, key=lambda pair: pair[0])

    def whole_basis(self, key: str) -> bytes | None:
        """What all slots of an asset or source show now, in little; None where nothing is published."""
        ids = [one for one in self.published.ids_of(key, self.partitions(key)) if one is not None]
        return basis(ids) if ids else None

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
        if isinstance(bound.partitions, AllPartitions):
            return up.partitions is not None
        return up.partitions is not None and down.partitions is None and bound.partitions is None

    def read_set(self, asset: str, bound: BoundInput) -> Schema | None:
        """The columns an asset reads of an input, with types; None while the input's schema is unknown.

        Code that cannot be read is given everything. Whether it looks at the order of the rows it alone knows: it is
        taken to, if the order of its own result is content.
        """
        facts = self.assets[asset]
        schema = self.schema(bound.key)
        if facts.derivation is None or schema is None:
            return None
        wanted = facts.derivation.read_sets.get(bound.name)
        if wanted is None:
            return (*schema, (ORDER, "")) if self.graph.asset(asset).ordered else schema
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
        defined = (slot for slot in self._latest_slots(key) if slot in self.published)
        others = (Slot(key, one) for one in self.published.ids(key))  # gone from the definition: that they still tell
        return next((self.published[slot].schema for slot in chain(defined, others)), None)

    def _latest_slots(self, key: str) -> Iterator[Slot]:
        """The slots of an asset or source, last one first, made only as they are asked for."""
        partitions = self.graph.definitions[key].partitions
        if partitions is None:
            yield Slot(key)
        else:
            yield from (Slot(key, one) for one in reversed(partitions.keys(self.now)))


def _within(places: Places, count: int) -> Places:
    """The places, with -1 for those that the input does not have now."""
    if isinstance(places, range) and places.step == 1 and places.start >= 0 and places.stop <= count:
        return places
    if isinstance(places, range) and places.step == 1:  # it may reach as far as a calendar does
        return [*range(max(0, places.start), min(places.stop, count)), -1] if places else places
    return [one if 0 <= one < count else -1 for one in places]


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
        window = asset.partitions.partition(slot.partition).window
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
