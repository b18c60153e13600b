"""What an environment shows, beyond glances: records by id, code versions, and data that is no longer there."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from assets_core.asset import Asset
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.published import PackedId
from assets_core.records import Materialization, Stored
from assets_core.versions import CodeVersion
from lineage.catalog.store import Catalog
from lineage.catalog.values import FileStamp
from materializers.files import FileState, file_state, settled
from materializers.storage.protocol import Storage

if TYPE_CHECKING:
    from materializers.observe import Scene

LOOKED_AT_ONE_BY_ONE = 20_000
"""Of up to so many slots, those of assets with few first, the stored piece is looked at with its size; of the other
assets the names are listed.
"""


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
        numbers = published.numbers(asset)
        if all(one and one in standings and standings[one].scheme == now.plan_scheme != "" for one in numbers):
            return []
        if self._found is None:
            self._found = self._scene.catalog.codes_shown(self._scene.env, self._assets)
        keys = [asset, *(former for former, key in self._facts.renames.items() if key == asset)]
        return [code for key in keys for code in self._found.get(key, ())]


def absent_slots(scene: Scene, facts: Facts, assets: Collection[str], formerly: Collection[str]) -> Iterable[Slot]:
    """The slots of these assets whose stored data is not there, as far as a look at names can tell, and at sizes too of
    the first ``LOOKED_AT_ONE_BY_ONE`` slots.

    Arguments:
        formerly: former keys of theirs, under which something may be shown too.
    """
    definitions = (scene.graph.definitions[key] for key in assets)
    counts = sorted((facts.published.count(one.key), one.key) for one in definitions if isinstance(one, Asset))
    few, total = [*formerly], 0
    doubtful: list[tuple[Slot, Stored]] = []
    for count, key in counts:
        total += count
        storage = scene.tables.storage(scene.graph.asset(key).storage or "default")
        folder = storage.folder(key) if total > LOOKED_AT_ONE_BY_ONE else None
        if folder is None:
            few.append(key)
        else:
            doubtful.extend(_not_listed(scene, facts, key, storage, folder))
    doubtful.extend(scene.catalog.stored_of(scene.env, few))
    for slot in scene.tables.absent_of(doubtful):
        present = Slot(facts.renames.get(slot.asset, slot.asset), slot.partition)
        if present == slot or _shows(facts, present, slot, scene):
            yield present


def _shows(facts: Facts, present: Slot, former: Slot, scene: Scene) -> bool:
    """Whether a slot shows what is recorded under its former key."""
    return present in facts.published and facts.published[present].slot == former


def _not_listed(scene: Scene, facts: Facts, key: str, storage: Storage, folder: str) -> Iterable[tuple[Slot, Stored]]:
    """Of an asset with very many slots, what its storage does not list by name."""
    ids = facts.published.all_ids(key)
    known = _Listing(scene, folder, ids)
    if known.was_complete():
        return []
    listed = storage.listed(key)
    if listed.issuperset(ids):
        known.keep_complete()
        return []
    slots = [Slot(key, partition) for partition, one in facts.published.ids(key).items() if one not in listed]
    facts.published.fetch(slots)
    made = (facts.published[slot] for slot in slots)
    return [(one.slot, one.stored) for one in made if one.stored is not None]


class _Listing:
    """Remembers that a folder listed all of some ids; it does so until something comes to it or goes from it."""

    def __init__(self, scene: Scene, folder: str, ids: Iterable[PackedId]) -> None:
        self._catalog = scene.catalog
        self._name = f"{os.path.abspath(folder)} in {scene.env}"
        self._ids = hashlib.sha256(_joined(list(ids))).hexdigest()
        self._began = time.time_ns()
        self._state: FileState | None = None
        with suppress(OSError):
            self._state = file_state(folder)

    def was_complete(self) -> bool:
        """Whether it was found complete, and neither the folder nor the ids changed since."""
        if self._state is None:
            return False
        stamp = FileStamp(self._name, *self._state)
        return self._catalog.file_digests([stamp]).get(stamp) == self._ids

    def keep_complete(self) -> None:
        """Notes that it is complete now, unless a change just afterwards would not show in the folder's times."""
        if self._state is not None and settled(self._state, self._began):
            self._catalog.offer_file(FileStamp(self._name, *self._state), self._ids)


def _joined(ids: list[PackedId]) -> bytes:
    """All ids in one, those that are not packed as they are written."""
    try:
        return b"".join(ids)  # type: ignore[arg-type]  # of a million, none is looked at
    except TypeError:
        return repr(ids).encode()
