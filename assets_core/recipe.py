"""The recipe of a slot: all that determines its rows, and the digest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from assets_core.digest import digest
from assets_core.versions import CodeVersion


class InputPart(NamedTuple):
    """One slot of one input as a recipe reads it.

    ``version`` is what ``versions.as_read`` gives for the read set; ``materialization`` is the id of the record it
    was read from: evidence, and no part of the recipe id, because equal content under another id changes nothing.
    """

    partition: str | None
    materialization: str
    version: str


@dataclass(frozen=True, slots=True)
class RecipeInput:
    """What a recipe reads of one input.

    Arguments:
        name: the parameter or SQL table name it is bound to.
        asset: key of the asset or source.
        columns: the read set with data types, in the order of the input's schema. The pseudo-column ``#`` may be
            among them; ``*`` is implied and never listed.
        parts: the slots that are read, in the order of their partition keys in the definition.
    """

    name: str
    asset: str
    columns: tuple[tuple[str, str], ...]
    parts: tuple[InputPart, ...]

    @property
    def read_set(self) -> tuple[str, ...]:
        """The names of the columns read."""
        return tuple(name for name, _ in self.columns)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that determines the rows of one slot.

    Arguments:
        asset: the asset key.
        partition: the slot's partition key, None if unpartitioned.
        window: start and end of the slot's own window as ISO text, empty if it has none.
        code: the code version.
        inputs: one entry a bound input, sorted by name; assets that are only ordered before (``deps``) have no
            columns.
        config: values of the asset's ``Config`` by field, as JSON text.
        settings: storage, engine and read settings that change content, by name, as JSON text.
    """

    asset: str
    partition: str | None
    code: CodeVersion
    inputs: tuple[RecipeInput, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    window: tuple[str, ...] = ()
    _id: str = field(default="", init=False, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The recipe id: equal for two slots' makings exactly if every ingredient is."""
        if not self._id:
            object.__setattr__(self, "_id", self._digest())  # once: it goes over every slot of every input
        return self._id

    def with_evidence(self, code: CodeVersion) -> Recipe:
        """The same recipe with more evidence of the same code, which leaves its id as it is."""
        made = replace(self, code=code)
        if code.id == self.code.id:
            object.__setattr__(made, "_id", self._id)
        return made

    def _digest(self) -> str:
        inputs = tuple(
            (one.name, one.asset, one.columns, tuple((part.partition, part.version) for part in one.parts))
            for one in self.inputs
        )
        return digest(
            "recipe", self.asset, self.partition, self.window, self.code.id, inputs, self.config, self.settings
        )
