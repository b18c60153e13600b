"""What an environment shows, beyond glances: records by id, code versions, and data that is no longer there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.records import Materialization, Stored
from assets_core.versions import CodeVersion
from lineage.catalog.store import Catalog

if TYPE_CHECKING:
    from materializers.observe import Scene

LOOKED_AT_ONE_BY_ONE = 20_000
"""Up to so many slots of an asset, each stored piece is looked at with its size; above, the names are listed."""


class Records(Mapping[str, Materialization]):
    """Records by their ids, fetched as they are asked for and kept; unknown ids are not in it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, Materialization | None] = {}

    def fetch(self, ids: Iterable[str]) -> dict[str, Materialization]:
        """Those that are known, in one read."""
        wanted = list(ids)
        missing = [one for one in wanted if one not in self._known]
        if missing:
            found = self._catalog.materializations(missing, lineage=False)
            self._known.update({one: found.get(one) for one in missing})
        return {one: made for one in wanted if (made := self._known[one]) is not None}

    def __getitem__(self, identifier: str) -> Materialization:
        found = self.fetch([identifier])
        return found[identifier]

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, str) and bool(self.fetch([identifier]))

    def __iter__(self) -> Iterator[str]:
        return iter([one for one, made in self._known.items() if made is not None])

    def __len__(self) -> int:
        return sum(made is not None for made in self._known.values())


class Codes:
    """The code versions of what assets show, where they may compare with the present ones by source digests only.

    Arguments:
        assets: keys of those that are going to be asked for, former keys included.
    """

    def __init__(self, scene: Scene, facts: Facts, assets: Collection[str]) -> None:
        self._scene = scene
        self._facts = facts
        self._assets = assets
        self._found: dict[str, list[CodeVersion]] | None = None

    def of(self, asset: str, now: CodeVersion) -> list[CodeVersion]:
        """Those of one asset, under its former keys too; none where plan digests found all of its slots fresh."""
        published, standings = self._facts.published, self._facts.standings
        judged = {one[0] if one else 0 for one in published.judged(asset, list(published.ids(asset)))}
        if all(one in standings and standings[one].scheme == now.plan_scheme != "" for one in judged):
            return []
        if self._found is None:
            self._found = self._scene.catalog.codes_shown(self._scene.env, self._assets)
        keys = [asset, *(former for former, key in self._facts.renames.items() if key == asset)]
        return [code for key in keys for code in self._found.get(key, ())]


def absent_slots(scene: Scene, facts: Facts, assets: Collection[str], formerly: Collection[str]) -> Iterable[Slot]:
    """The slots of these assets whose stored data is not there, as far as a look at names and sizes can tell.

    Arguments:
        formerly: former keys of theirs, under which something may be shown too.
    """
    counts = {key: len(facts.published.ids(key)) for key in assets}
    many = {key for key, count in counts.items() if count > LOOKED_AT_ONE_BY_ONE}
    few = [key for key in assets if key not in many and counts[key]]
    shown = scene.catalog.stored_of(scene.env, [*few, *formerly])
    doubtful = [*shown, *(pair for key in many for pair in _not_listed(scene, facts, key))]
    for slot in scene.tables.absent_of(doubtful):
        present = Slot(facts.renames.get(slot.asset, slot.asset), slot.partition)
        if present == slot or _shows(facts, present, slot, scene):
            yield present


def _shows(facts: Facts, present: Slot, former: Slot, scene: Scene) -> bool:
    """Whether a slot shows what is recorded under its former key."""
    return present in facts.published and facts.published[present].slot == former


def _not_listed(scene: Scene, facts: Facts, key: str) -> Iterable[tuple[Slot, Stored]]:
    """Of an asset with very many slots, what its storage does not list by name."""
    definition = facts.graph.definitions[key]
    if not isinstance(definition, Asset):
        return []
    listed = scene.tables.storage(definition.storage or "default").listed(key)
    ids = facts.published.ids(key)
    if listed.issuperset(ids.values()):
        return []
    slots = [Slot(key, partition) for partition, one in ids.items() if one not in listed]
    facts.published.fetch(slots)
    made = (facts.published[slot] for slot in slots)
    return [(one.slot, one.stored) for one in made if one.stored is not None]
