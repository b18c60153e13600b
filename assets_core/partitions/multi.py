"""Slices of several dimensions: a day and a region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from operator import itemgetter

from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions.cron import Cron
from assets_core.partitions.named import Dynamic, Static
from assets_core.partitions.partition import Partition
from assets_core.partitions.time_windows import TimePartitions

Dimension = Static | Dynamic | TimePartitions | Cron
"""What a dimension of a Multi may be."""
_HINT = "Multi(date=Daily('2013-01-01'), region=Static(['EU', 'US']))"


@dataclass(frozen=True)
class Multi:
    """Every combination of the keys of several dimensions; keys are ``2013-02-01,EU`` in the order of declaration.

    Places count through the last dimension first, but through a dimension that grows (slices of time without end) last
    of all: what comes later is put behind what there is. So one dimension may grow, and not two.

    Arguments:
        dimensions: definitions by the names of the dimensions.

    Raises:
        DefinitionError: HW116, no dimension, one that is itself a Multi or no definition, two names that differ by case
            only, two that grow, or a key that reads like the name of a dimension.
    """

    dimensions: Mapping[str, Dimension]
    bound: int | None = field(init=False, repr=False, compare=False)
    """How many keys there will ever be; None for a definition that grows."""
    _order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _made: tuple[int, tuple[str, ...]] = field(default=(0, ()), init=False, repr=False, compare=False)

    def __init__(self, **dimensions: Dimension) -> None:
        _refuse(dimensions)
        put = object.__setattr__
        put(self, "dimensions", dimensions)
        kinds = list(dimensions.values())
        put(self, "_order", tuple(sorted(range(len(kinds)), key=lambda number: kinds[number].bound is not None)))
        bounds = [one.bound for one in kinds]
        put(self, "bound", None if None in bounds else _product([one or 0 for one in bounds]))

    def __hash__(self) -> int:
        return hash(tuple(self.dimensions.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Multi) and list(self.dimensions.items()) == list(other.dimensions.items())

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (dict(self.dimensions),)

    def filled(self, keys: Mapping[str, Sequence[str]]) -> Multi:
        """The definition with the keys of its dynamic dimensions.

        Arguments:
            keys: by the names of the dynamic definitions.
        """
        named = {name: one.filled(keys) if isinstance(one, Dynamic) else one for name, one in self.dimensions.items()}
        same = all(one is self.dimensions[name] for name, one in named.items())
        return self if same else Multi(**named)

    # -- what every definition answers ------------------------------------------------------------------------------

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys in the order of their places; made once and kept."""
        count, (made, keys) = self.count(now), self._made
        if made != count:
            kinds = [*self.dimensions.values()]
            combined = product(*(kinds[number].keys(now) for number in self._order))
            declared = [self._order.index(number) for number in range(len(kinds))]
            if declared == sorted(declared):
                keys = tuple(map(",".join, combined))
            else:
                keys = tuple(map(",".join, map(itemgetter(*declared), combined)))
            object.__setattr__(self, "_made", (count, keys))
        return keys

    def count(self, now: datetime) -> int:
        """How many keys there are."""
        return _product([one.count(now) for one in self.dimensions.values()])

    def find(self, key: str) -> int | None:
        """The place of a key, counted from 0; None if the text is no key of this definition."""
        parts = key.split(",")
        if len(parts) != len(self.dimensions):
            return None
        found = [one.find(part) for one, part in zip(self.dimensions.values(), parts, strict=True)]
        return None if None in found else self.join([place or 0 for place in found])

    def index(self, key: str) -> int:
        """The place of a key, counted from 0; keys after an open end have one too.

        Raises:
            UsageError: HW610, the text is no key of this definition.
        """
        place = self.find(key)
        if place is None:
            raise self._unknown(key)
        return place

    def key_at(self, place: int) -> str | None:
        """The key at a place; None where there is none."""
        if place < len(self._made[1]) and place >= 0:
            return self._made[1][place]
        parts = None if place < 0 else self.split(place)
        if parts is None:
            return None
        keys = [one.key_at(part) for one, part in zip(self.dimensions.values(), parts, strict=True)]
        return None if None in keys else ",".join(key or "" for key in keys)

    def partition(self, key: str) -> Partition:
        """The slice of a key: its key in each dimension, and the windows of those that are slices of time."""
        self.index(key)
        keys = self.keys_of(key)
        windows = {
            name: one.span(keys[name])
            for name, one in self.dimensions.items()
            if isinstance(one, TimePartitions | Cron)
        }
        start, end = next(iter(windows.values()), (None, None))
        return Partition(key, start, end, keys, windows)

    # -- what slices of several dimensions answer -------------------------------------------------------------------

    def keys_of(self, key: str) -> dict[str, str]:
        """The key in each dimension, by name."""
        return dict(zip(self.dimensions, key.split(","), strict=True))

    def split(self, place: int) -> tuple[int, ...] | None:
        """The place in each dimension, in the order of declaration; None if a dimension has no keys."""
        kinds = [*self.dimensions.values()]
        found = [0] * len(kinds)
        for number in reversed(self._order):
            bound = kinds[number].bound
            if bound is None:
                found[number], place = place, 0
            elif bound == 0:
                return None
            else:
                place, found[number] = divmod(place, bound)
        return tuple(found) if place == 0 else None

    def join(self, places: Sequence[int]) -> int:
        """The place of the combination of a place in each dimension, given in the order of declaration."""
        kinds = [*self.dimensions.values()]
        found = 0
        for number in self._order:
            found = found * (kinds[number].bound or 0) + places[number]
        return found

    @property
    def order(self) -> tuple[int, ...]:
        """The numbers of the dimensions, the one whose places move slowest first."""
        return self._order

    def _unknown(self, key: str) -> UsageError:
        parts = key.split(",")
        if len(parts) != len(self.dimensions):
            shown = ",".join(f"{name}=..." for name in self.dimensions)
            return UsageError("HW610", f"no partition {key!r}", hint=f"it takes a key in each dimension: {shown}")
        for (name, one), part in zip(self.dimensions.items(), parts, strict=True):
            try:
                one.index(part)
            except UsageError as error:
                return UsageError("HW610", f"no partition {key!r}: no {name} {part!r}", hint=error.hint)
        return UsageError("HW610", f"no partition {key!r}")


def _product(counts: Sequence[int]) -> int:
    found = 1
    for count in counts:
        found *= count
    return found


def _refuse(dimensions: Mapping[str, Dimension]) -> None:
    names = list(dimensions)
    grow = [name for name, one in dimensions.items() if isinstance(one, Dimension) and one.bound is None]
    checks: list[tuple[Callable[[], bool], str]] = [
        (lambda: not names, "it has no dimension"),
        (lambda: len({name.lower() for name in names}) < len(names), f"names differ by case only: {', '.join(names)}"),
        (lambda: not all(map(str.isidentifier, names)), "a dimension's name is a word"),
        (lambda: any(name.lower() in ("key", "start", "end") for name in names), "key, start and end are the slice's"),
        (lambda: not all(isinstance(one, Dimension) for one in dimensions.values()), "a dimension is one definition"),
        (lambda: len(grow) > 1, f"{' and '.join(grow)} both grow without end; one dimension may"),
    ]
    why = next((said for wrong, said in checks if wrong()), "") or _like_a_name(dimensions)
    if why:
        raise DefinitionError("HW116", "this is no Multi", why=why, hint=_HINT)


def _like_a_name(dimensions: Mapping[str, Dimension]) -> str:
    for one in dimensions.values():
        for key in one.names if isinstance(one, Static) else ():
            if key.partition("=")[0] in dimensions and "=" in key:
                return f"the key {key!r} reads like the name of a dimension"
    return ""


def _made(dimensions: dict[str, Dimension]) -> Multi:
    return Multi(**dimensions)
