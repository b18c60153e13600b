"""Names of things: asset keys and slots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from assets_core.errors import DefinitionError, UsageError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


class Slot(NamedTuple):
    """The unit of work, of state and of publication: an asset key and a partition key (None if unpartitioned)."""

    asset: str
    partition: str | None = None

    def __str__(self) -> str:
        return self.asset if self.partition is None else f"{self.asset}@{self.partition}"


class Slots(NamedTuple):
    """Slots of one asset, many of them in little.

    Arguments:
        every: partition keys, ``places`` those of them that are meant, ascending.
    """

    asset: str
    every: Sequence[str | None]
    places: Sequence[int]

    @classmethod
    def of(cls, *slots: Slot) -> Slots:
        """Slots that are at hand, at least one."""
        return cls(slots[0].asset, [slot.partition for slot in slots], range(len(slots)))

    @property
    def partitions(self) -> Sequence[str | None]:
        """The partition keys of the slots."""
        if len(self.places) == len(self.every):
            return self.every
        return [self.every[place] for place in self.places]


def parse_slot(text: str) -> Slot:
    """Reads ``ASSET`` or ``ASSET@PARTITION``.

    Raises:
        UsageError: HW601, one of the two is empty.
    """
    asset, at, partition = text.strip().partition("@")
    if not asset or (at and not partition):
        raise UsageError("HW601", f"{text!r} is no slot", hint="write ASSET or ASSET@PARTITION")
    return Slot(asset, partition if at else None)


def check_key(key: str, *, where: str = "") -> str:
    """Returns the asset key unchanged if it is well formed.

    Parts are letters, digits, ``_``, ``-`` and ``.``, begin with a letter, digit or ``_``, and are separated by
    single slashes. The restriction keeps keys safe as paths, as SQL names and on a command line.

    Raises:
        DefinitionError: HW101.
    """
    if not isinstance(key, str) or not key or not all(_PART.fullmatch(part) for part in key.split("/")):
        raise DefinitionError(
            "HW101",
            f"{key!r} is no asset key",
            where=where,
            hint="use parts of letters, digits, '_', '-' and '.', separated by single slashes: staging/flights",
        )
    return key


def name_of(key: str) -> str:
    """The asset's name: the last part of its key."""
    return key.rsplit("/", 1)[-1]


def group_of(key: str) -> str:
    """All of the key but the name; empty for a key of one part."""
    return key.rpartition("/")[0]


def parameter_form(key: str) -> str:
    """The key as it is written as a Python parameter: ``staging/flights`` is ``staging_flights``."""
    return re.sub(r"[/.\-]", "_", key)
