"""Which slots read which, asked both ways: by keys, and by places where there are very many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from assets_core.mappings.choose import link, same_grid
from assets_core.mappings.combined import lacks_last, within
from assets_core.mappings.kinds import Identity, Outside, PartitionMapping, Window, reads_last
from assets_core.mappings.links import NOWHERE
from assets_core.partitions.kinds import Partitions


def upstream_places(
    down: Partitions | None,
    place: int,
    up: Partitions | None,
    mapping: PartitionMapping | None,
    now: datetime,
    *,
    outside: Outside = Outside.TRUNCATE,
) -> Sequence[int]:
    """The places of the input that the slot at a place of the reader reads, in rising order.

    Arguments:
        down, up: the definitions of the reader and of the input; ``infer`` has accepted the pair. The one slot of what
            is unpartitioned has place 0.
        now: for definitions without an end.
        outside: with ``MISSING``, what is read beyond the definition is given too, as places that it does not have:
            negative ones, and those from its ``bound`` on. The window of ``last`` is always given, -1 where none has
            ended yet.

    Returns:
        A ``range`` wherever the places follow each other. Of an input that grows, windows that have not ended are among
        them: their places are ``up.count(now)`` or more. Costs 2 to 5 microseconds for slices of time.
    """
    chosen = link(down, up, mapping)
    places = chosen.upstream(place, now)
    if outside is Outside.MISSING:
        return places
    # What ``last`` reads is one window: there is nothing to cut off from it, and without it there is nothing to read.
    return within(places, up) or ((NOWHERE,) if reads_last(mapping) and lacks_last(chosen, place, now) else ())


def downstream_places(
    down: Partitions | None, up: Partitions | None, place: int, mapping: PartitionMapping | None, now: datetime
) -> Sequence[int]:
    """The places of the reader whose slots read the one at a place of the input, in rising order.

    Returns:
        A ``range`` wherever they follow each other; only slots that there are now.
    """
    places = within(link(down, up, mapping).downstream(place, now), down)
    count = 1 if down is None else down.count(now)
    if not places or places[-1] < count:
        return places
    if isinstance(places, range):
        return range(places.start, max(places.start, min(places.stop, count)))
    return tuple(one for one in places if one < count)


def same_places(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None) -> bool:
    """Whether the slot at any place of the reader reads exactly the one at that place of the input.

    Then the input has every place that the reader has or will have; where both grow and the input counts its windows
    later, the last places of the reader may read windows that the input does not count yet.
    """
    if mapping is None or isinstance(mapping, Identity) or mapping == Window(0, 0):
        return down is not None and same_grid(down, up)
    return False


def upstream_keys(
    down: Partitions | None,
    key: str | None,
    up: Partitions | None,
    mapping: PartitionMapping | None,
    outside: Outside,
    now: datetime,
) -> Sequence[str | None]:
    """The partition keys of the input that the slot ``key`` reads, in the order of the input's definition.

    Arguments:
        down, up: the definitions of the reader and of the input; ``infer`` has accepted the pair.
        key: the reader's partition key, None if it is unpartitioned.
        now: for definitions without an end.

    Returns:
        Keys, ``None`` for the one slot of an unpartitioned input; with ``Outside.MISSING`` what is read before the
        first window or after the last is given as the text of its place, which no published slot can have.
    """
    if up is None:
        return (None,)
    place = 0 if down is None or key is None else down.index(key)
    places = upstream_places(down, place, up, mapping, now, outside=outside)
    if isinstance(places, range) and len(places) > 1 and places.stop <= up.count(now):
        return up.keys(now)[places.start : places.stop] if places.start >= 0 else _keys(up, places)
    return _keys(up, places)


def _keys(up: Partitions, places: Sequence[int]) -> tuple[str, ...]:
    """The keys at places, and for those that the definition does not have the text of the place."""
    return tuple(
        f"outside the definition ({place:+d})" if (key := up.key_at(place)) is None else key for place in places
    )


def downstream_keys(
    down: Partitions | None,
    up: Partitions | None,
    key: str | None,
    mapping: PartitionMapping | None,
    outside: Outside,
    now: datetime,
) -> Sequence[str | None]:
    """The partition keys of the reader whose slots read the input's slot ``key``, in the order of its definition.

    The inverse of ``upstream_keys`` on the slots that there are now; ``outside`` has no say in it, because what is read
    beyond a definition is no slot.
    """
    if down is None and up is None:
        return (None,)
    place = 0 if up is None or key is None else up.index(key)
    places = downstream_places(down, up, place, mapping, now)
    if down is None:
        return (None,) * len(places)
    return tuple(key for one in places if (key := down.key_at(one)) is not None)
