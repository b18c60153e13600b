"""Mappings made ready for one pair of definitions: places of the reader to places of the input, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from assets_core.errors import DefinitionError, message_of
from assets_core.mappings.kinds import KeyFunction
from assets_core.partitions.kinds import Partitions, Timed

NOWHERE = -1
"""A place that no definition has: what is read there is missing."""


class Link(Protocol):
    """One mapping between one reader and one input.

    Both directions give places in rising order, as a ``range`` wherever they follow each other. They may lie before the
    first slot of a definition or behind its last one: who asks decides what that means. For any two slots that there
    are, one direction names the pair if and only if the other does. Costs a few microseconds a call.
    """

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """The places of the input that the slot at a place of the reader reads."""

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """The places of the reader whose slots read the one at a place of the input."""


@dataclass(frozen=True)
class SamePlace:
    """Place for place."""

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return range(place, place + 1)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return range(place, place + 1)


@dataclass(frozen=True)
class Whole:
    """Everything; ``None`` stands for the one slot of what is unpartitioned."""

    down: Partitions | None
    up: Partitions | None

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return range(1 if self.up is None else self.up.count(now))

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return range(1 if self.down is None else self.down.count(now))


@dataclass(frozen=True)
class SharedTime:
    """The windows of the input that share time with the reader's."""

    down: Timed
    up: Timed

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return _sharing(self.down, place, self.up)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return _sharing(self.up, place, self.down)


def _sharing(one: Timed, place: int, other: Timed) -> range:
    return range(other.place_of(one.instant(place)), other.place_of(one.instant(place + 1) - 1) + 1)


@dataclass(frozen=True)
class Offsets:
    """Windows of the input at offsets from the one in which the reader's begins, to the one in which it ends.

    Arguments:
        first, last: the offsets, both included.
        wide: whether the last is counted from the window in which the reader's ends, and not from where it begins.
    """

    down: Timed
    up: Timed
    first: int
    last: int
    wide: bool

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        begin = self.up.place_of(self.down.instant(place))
        end = self.up.place_of(self.down.instant(place + 1) - 1) if self.wide else begin
        return range(begin + self.first, end + self.last + 1)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``.

        A reader whose window begins in the input's b-th and ends in its e-th one reads from b + first to e + last, and
        so this place if b <= place - first and e >= place - last. Both b and e rise with the reader's place.
        """
        latest = self.down.place_of(self.up.instant(place - self.first + 1) - 1)
        since = self.up.instant(place - self.last)
        earliest = self.down.place_of(since) if self.wide else self.down.place_of(since - 1) + 1
        return range(earliest, latest + 1)


@dataclass(frozen=True)
class LastEnded:
    """The newest window of the input that ended with the reader's, or before."""

    down: Timed
    up: Timed

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        found = self.up.place_of(self.down.instant(place + 1)) - 1
        found = found if self.up.bound is None else min(found, self.up.bound - 1)
        return range(found, found + 1) if found >= 0 else (NOWHERE,)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``.

        The reader's window must end when this one ends or later, and before the next one ends, if there is a next.
        """
        earliest = self.down.place_of(self.up.instant(place + 1) - 1)
        if self.up.bound is not None and place >= self.up.bound - 1:
            return range(earliest, max(earliest, self.down.count(now)))
        return range(earliest, self.down.place_of(self.up.instant(place + 2) - 1))


@dataclass(frozen=True)
class Newest:
    """The newest window of the input that there is, for readers that have no place in time."""

    down: Partitions | None
    up: Timed

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        count = self.up.count(now)
        return range(count - 1, count) if count else (NOWHERE,)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        readers = 1 if self.down is None else self.down.count(now)
        return range(readers if place == self.up.count(now) - 1 else 0)


@dataclass(frozen=True)
class SameKey:
    """The slot of the same key, where the definitions are not the same."""

    down: Partitions
    up: Partitions

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return _same_key(self.down, place, self.up)

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return _same_key(self.up, place, self.down)


def _same_key(one: Partitions, place: int, other: Partitions) -> Sequence[int]:
    key = one.key_at(place)
    found = None if key is None else other.find(key)
    return (NOWHERE if found is None else found,)


@dataclass(frozen=True)
class Table:
    """What is written out, key by key."""

    down: Partitions
    up: Partitions
    table: tuple[tuple[str, tuple[str, ...]], ...]

    @cached_property
    def _reads(self) -> Mapping[str, Sequence[int]]:
        return {key: _places(self.up, keys) for key, keys in self.table}

    @cached_property
    def _readers(self) -> Mapping[int, Sequence[int]]:
        found: dict[int, list[int]] = {}
        for key, places in self._reads.items():
            reader = self.down.find(key)
            for place in places if reader is not None else ():
                found.setdefault(place, []).append(reader or 0)
        return {place: tuple(sorted(readers)) for place, readers in found.items()}

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return self._reads.get(self.down.key_at(place) or "", ())

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        return self._readers.get(place, ())


class Asked:
    """What a function says; its inverse is found by asking it for every slot of the reader, once.

    Raises:
        DefinitionError: HW119, the function fails, or gives something else than keys.
    """

    def __init__(self, down: Partitions, up: Partitions, function: KeyFunction) -> None:
        self.down = down
        self.up = up
        self.function = function
        self._said: dict[int, Sequence[int]] = {}
        self._readers: tuple[int, dict[int, list[int]]] = (0, {})

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        found = self._said.get(place)
        if found is None:
            key = self.down.key_at(place)
            found = self._said[place] = () if key is None else _places(self.up, self._ask(key))
        return found

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``; the first call costs one call of the function a slot of the reader."""
        asked, readers = self._readers
        count = self.down.count(now)
        if asked != count:
            readers = {}
            for reader in range(count):
                for one in self.upstream(reader, now):
                    readers.setdefault(one, []).append(reader)
            self._readers = (count, readers)
        return readers.get(place, ())

    def _ask(self, key: str) -> Sequence[str]:
        try:
            given = self.function(key)
            keys = (given,) if isinstance(given, str) else tuple(given)
        except Exception as error:
            raise _no_mapping(key, f"{type(error).__name__}: {message_of(error)}") from error
        if not all(isinstance(one, str) for one in keys):
            raise _no_mapping(key, f"it gave {given!r}")
        return keys


def _no_mapping(key: str, why: str) -> DefinitionError:
    return DefinitionError(
        "HW119",
        f"the function of mapped(...) gives no partition keys for {key!r}",
        why=why,
        hint="it takes a key of the asset and returns a key of the input, or several",
    )


def _places(definition: Partitions, keys: Sequence[str]) -> Sequence[int]:
    """The places of keys in rising order, each once; ``NOWHERE`` for those that are none."""
    found = {definition.find(key) for key in keys}
    places = sorted(NOWHERE if place is None else place for place in found)
    if places and places[-1] - places[0] == len(places) - 1:
        return range(places[0], places[-1] + 1)
    return tuple(places)
