"""A mapping between definitions of several dimensions: each dimension of the input by a link of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from assets_core.mappings.links import NOWHERE, LastEnded, Link, Newest
from assets_core.partitions.kinds import Partitions, dimensions_of
from assets_core.partitions.multi import Multi


class Axis(NamedTuple):
    """How one dimension of the input is read.

    Arguments:
        up: its number; 0 for an input of one dimension.
        down: the number of the reader's dimension that decides; 0 for a reader of one dimension.
        link: from the one to the other.
    """

    up: int
    down: int
    link: Link


@dataclass(frozen=True)
class Combined:
    """Dimension for dimension; those of the input that no axis maps are read whole.

    Arguments:
        down: the reader; None if it is unpartitioned.
        axes: of the dimensions that are mapped; no two of them share a dimension.
    """

    down: Partitions | None
    up: Partitions
    axes: tuple[Axis, ...]

    def upstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        own = _split(self.down, place)
        found: list[Sequence[int]] = [range(one.count(now)) for one in dimensions_of(self.up).values()]
        outside = False
        for axis in self.axes:
            places = axis.link.upstream(own[axis.down], now)
            found[axis.up], lost = _inside(places, list(dimensions_of(self.up).values())[axis.up])
            outside = outside or lost
        places = _joined(self.up, found, now)
        return (NOWHERE, *places) if outside else places

    def downstream(self, place: int, now: datetime) -> Sequence[int]:
        """See ``Link``."""
        if self.down is None:
            read = all(place in axis.link.upstream(0, now) for axis, place in self._read_at(place))
            return range(1 if read else 0)
        found: list[Sequence[int]] = [range(one.count(now)) for one in dimensions_of(self.down).values()]
        kinds = list(dimensions_of(self.down).values())
        for axis, part in self._read_at(place):
            found[axis.down] = _inside(axis.link.downstream(part, now), kinds[axis.down])[0]
        return _joined(self.down, found, now)

    def _read_at(self, place: int) -> list[tuple[Axis, int]]:
        parts = _split(self.up, place)
        return [(axis, parts[axis.up]) for axis in self.axes]


def lacks_last(link: Link, place: int, now: datetime) -> bool:
    """Whether no window has ended yet that the reader at a place could take as the last one."""
    if isinstance(link, Combined):
        own = _split(link.down, place)
        return any(lacks_last(axis.link, own[axis.down], now) for axis in link.axes)
    return isinstance(link, LastEnded | Newest) and tuple(link.upstream(place, now)) == (NOWHERE,)


def _split(definition: Partitions | None, place: int) -> Sequence[int]:
    if isinstance(definition, Multi):
        return definition.split(place) or (NOWHERE,) * len(definition.dimensions)
    return (place,)


def _inside(places: Sequence[int], definition: Partitions) -> tuple[Sequence[int], bool]:
    """Those of the places that a definition has, and whether there are others."""
    kept = within(places, definition)
    return kept, len(kept) != len(places)


def within(places: Sequence[int], definition: Partitions | None) -> Sequence[int]:
    """Those of the places that a definition has; a range stays one."""
    bound = 1 if definition is None else definition.bound
    if isinstance(places, range):
        if places.start >= 0 and (bound is None or places.stop <= bound):
            return places
        stop = places.stop if bound is None else min(places.stop, bound)
        return range(max(places.start, 0), max(stop, places.start, 0))
    if all(place >= 0 and (bound is None or place < bound) for place in places):
        return places
    return tuple(place for place in places if place >= 0 and (bound is None or place < bound))


def _joined(definition: Partitions, parts: Sequence[Sequence[int]], now: datetime) -> Sequence[int]:
    """The places of all combinations of places in each dimension, in rising order; a range if they allow it."""
    if not isinstance(definition, Multi):
        return parts[0]
    kinds = list(definition.dimensions.values())
    slowest, *faster = definition.order
    places = parts[slowest]
    for number in faster:
        inner, size = parts[number], kinds[number].bound or 0
        if isinstance(places, range) and isinstance(inner, range) and len(inner) == size:
            places = range(places.start * size, places.stop * size)
        elif len(places) == 1 and isinstance(inner, range):
            begin = places[0] * size
            places = range(begin + inner.start, begin + inner.stop)
        else:
            places = tuple(place * size + part for place in places for part in inner)
    return places
