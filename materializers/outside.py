"""What code reads beside its inputs, files and environment variables: the same from judging a step to its end."""

from __future__ import annotations

from collections.abc import Iterator

from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.recipe import Recipe
from assets_core.staleness import FILE
from lineage.code import SourceReading
from lineage.derive import read_source
from materializers.observe import Scene, asset_facts, files_scanned, input_schemas


class Outside:
    """Sees to it that a recipe tells what an attempt read, though files change while a run is under way.

    Arguments:
        facts: moved on where something has changed.
    """

    def __init__(self, scene: Scene, facts: Facts) -> None:
        self._scene = scene
        self._facts = facts
        self._read: dict[str, SourceReading] = {}

    def renew(self, key: str) -> bool:
        """Derives an asset anew where what its code reads may be something else than when it was derived.

        Returns:
            Whether it did. Costs nothing where the code reads nothing beside its inputs.
        """
        asset, before = self._facts.graph.asset(key), self._facts.assets[key]
        if asset.function is None or before.derivation is None:
            return False
        reading = read_source(asset, input_schemas(self._facts.graph, asset, self._facts), self._scene.derived)
        files = {name: value for name, value in before.settings.items() if name.startswith(FILE)}
        if not reading.outside and not before.derivation.undeclared:
            return False
        if self._read.get(key) is reading and files == files_scanned(self._scene, before.derivation):
            return False
        self._read[key] = reading
        self._facts.assets[key] = asset_facts(self._scene, asset, self._facts)
        return True

    def read(self, key: str) -> SourceReading | None:
        """What an asset's code was derived from; None where it reads nothing beside its inputs."""
        return self._read.get(key)

    def moved(self, slot: Slot, recipe: Recipe, reading: SourceReading | None) -> Iterator[str]:
        """What holds something else now than when a recipe was made: ``file rates.csv``.

        Arguments:
            reading: what ``read`` gave then.
        """
        if recipe.code.pinned is None and reading is not None:
            yield from self._scene.derived.reader.moved(reading, files=True)
        derivation = self._facts.assets[slot.asset].derivation
        files = {name: value for name, value in recipe.settings.items() if name.startswith(FILE)}
        now = files_scanned(self._scene, derivation) if files else {}
        yield from sorted(
            f"file {name.removeprefix(FILE)}" for name in files.keys() | now if files.get(name) != now.get(name)
        )
