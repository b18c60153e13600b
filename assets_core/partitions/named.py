"""Slices that have names: those written in the code, and those that are added and retired while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assets_core.arguments import as_tuple
from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions.partition import Partition, bad_key, unknown_key

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")


@dataclass(frozen=True)
class Static:
    """Named slices that do not change by themselves.

    Arguments:
        names: the partition keys, in the order in which they are shown and run.

    Raises:
        DefinitionError: HW120, no key, a key twice, or a key with ``..``, ``@`` or a comma in it.
    """

    names: tuple[str, ...]
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __init__(self, names: Iterable[str]) -> None:
        given = [*names] if isinstance(names, Mapping) else names
        listed = () if isinstance(given, str) or not isinstance(given, Iterable) else as_tuple(given)
        bad = [name for name in listed if bad_key(name)]
        if not listed or bad or len(set(listed)) != len(listed):
            raise DefinitionError(
                "HW120",
                "Static needs distinct partition keys",
                why=f"these cannot be keys: {bad}" if bad else "",
                hint="Static(['EU', 'US']); keys hold no '@', ',' or '..'",
            )
        object.__setattr__(self, "names", listed)
        object.__setattr__(self, "_places", {name: place for place, name in enumerate(listed)})

    @property
    def bound(self) -> int:
        """How many keys there will ever be."""
        return len(self.names)

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys; ``now`` does not matter here."""
        return self.names

    def count(self, now: datetime) -> int:
        """How many keys there are."""
        return len(self.names)

    def find(self, key: str) -> int | None:
        """The place of a key, counted from 0; None if there is no such key."""
        return self._places.get(key)

    def index(self, key: str) -> int:
        """The place of a key in the definition, counted from 0.

        Raises:
            UsageError: HW610, there is no such key.
        """
        try:
            return self._places[key]
        except KeyError:
            raise unknown_key(key, self.names) from None

    def key_at(self, place: int) -> str | None:
        """The key at a place; None where there is none."""
        return self.names[place] if 0 <= place < len(self.names) else None

    def partition(self, key: str) -> Partition:
        """The slice of a key; it has no window."""
        self.index(key)
        return Partition(key)


@dataclass(frozen=True)
class Dynamic:
    """Named slices that come and go while the code stays: customers, files of a feed, experiments.

    The code holds the name only. The keys are kept in the catalog, added with ``headwater partitions add NAME KEY``
    and retired with ``headwater partitions retire``; a project fills them in when it looks at the catalog. Several
    assets may share a name, and so the keys. What was made of a retired key stays and is listed as orphaned.

    Arguments:
        name: what the keys are kept under.
        known: the keys there are, in the order in which they were added; a project fills them in. Two definitions of
            one name are equal, whatever is filled in.

    Raises:
        DefinitionError: HW114, the name is no name.
    """

    name: str
    known: tuple[str, ...] = field(default=(), compare=False)
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DefinitionError(
                "HW114",
                f"{self.name!r} is no name for partitions",
                hint="Dynamic('customers'): letters, digits, '_' and '-', beginning with a letter",
            )
        object.__setattr__(self, "_places", {name: place for place, name in enumerate(self.known)})

    @property
    def bound(self) -> int:
        """How many keys are filled in."""
        return len(self.known)

    def filled(self, keys: Mapping[str, Sequence[str]]) -> Dynamic:
        """The definition with its keys.

        Arguments:
            keys: by name.
        """
        known = tuple(keys.get(self.name, ()))
        return self if known == self.known else Dynamic(self.name, known)

    def keys(self, now: datetime) -> Sequence[str]:
        """The keys that are filled in; ``now`` does not matter here."""
        return self.known

    def count(self, now: datetime) -> int:
        """How many keys there are."""
        return len(self.known)

    def find(self, key: str) -> int | None:
        """The place of a key, counted from 0; None if there is no such key."""
        return self._places.get(key)

    def index(self, key: str) -> int:
        """The place of a key among those that are filled in, counted from 0.

        Raises:
            UsageError: HW610, there is no such key.
        """
        try:
            return self._places[key]
        except KeyError:
            what = f"{self.name} has no partitions yet: headwater partitions add {self.name} KEY"
            raise unknown_key(key, self.known, what=what) from None

    def key_at(self, place: int) -> str | None:
        """The key at a place; None where there is none."""
        return self.known[place] if 0 <= place < len(self.known) else None

    def partition(self, key: str) -> Partition:
        """The slice of a key; it has no window."""
        self.index(key)
        return Partition(key)


def check_dynamic_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys, each once, if all of them can be partition keys.

    Raises:
        UsageError: HW630, one cannot.
    """
    listed = tuple(dict.fromkeys(keys))
    for key in listed:
        why = bad_key(key) or ("it holds '=', which names a dimension" if "=" in key else "")
        if why:
            raise UsageError(
                "HW630", f"{key!r} cannot be a partition key", why=why, hint="keys hold no '@', ',', '=' or '..'"
            )
    return listed
