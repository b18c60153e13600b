"""Which mapping there is between two definitions: the one asked for, or the one that is sensible; else an error."""

from __future__ import annotations

from assets_core.errors import DefinitionError
from assets_core.mappings.combined import Axis, Combined
from assets_core.mappings.kinds import (
    AllPartitions,
    ByFunction,
    Identity,
    Last,
    OneDimension,
    PartitionMapping,
    StaticMap,
    Window,
)
from assets_core.mappings.links import (
    Asked,
    LastEnded,
    Link,
    Newest,
    Offsets,
    SameKey,
    SamePlace,
    SharedTime,
    Table,
    Whole,
)
from assets_core.partitions.kinds import Partitions, Timed, describe, dimensions_of
from assets_core.partitions.multi import Multi
from assets_core.partitions.named import Static
from assets_core.partitions.time_windows import TimePartitions, Unit

_WIDTH = {one: width for width, one in enumerate(Unit)}
_Key = tuple[int, int, int]
_KEPT = 4096


class _Unmapped(Exception):  # noqa: N818 -- it never leaves this file
    """There is no such mapping; its text says why."""


def infer(
    down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None, *, where: str, what: str
) -> None:
    """Refuses a pair of definitions between which there is no mapping, or not the one that is asked for.

    Raises:
        DefinitionError: HW125, with the options to choose from; HW117, a static map that names a key which is none, or
            that leaves one out.
    """
    try:
        _chosen(down, up, mapping)
    except _Unmapped as error:
        options = [] if down is None or up is None else _options(down, up)
        raise DefinitionError(
            "HW125",
            f"{what} {error}",
            where=where,
            why=f"the asset: {describe(down)}; the input: {describe(up)}",
            hint=f"say what a slot reads: Input(..., partitions={' or '.join(options)})"
            if options
            else "drop partitions=" + (", or partition the asset too" if down is None else ""),
        ) from None
    if isinstance(mapping, StaticMap) and down is not None and up is not None:
        _refuse_wrong_map(down, up, mapping, where, what)


_links: dict[_Key, tuple[Partitions | None, Partitions | None, PartitionMapping | None, Link]] = {}


def link(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None) -> Link:
    """The mapping of a pair made ready; ``infer`` has accepted the pair. The same objects give the same link."""
    key = (id(down), id(up), id(mapping))
    known = _links.get(key)
    if known is not None:  # it holds the objects, so that no others can come to have their ids
        return known[3]
    try:
        made = _chosen(down, up, mapping)
    except _Unmapped as error:
        raise DefinitionError("HW125", f"there is no mapping: the input {error}") from None
    if len(_links) >= _KEPT:
        _links.clear()
    _links[key] = (down, up, mapping, made)
    return made


def same_grid(down: Partitions | None, up: Partitions | None) -> bool:
    """Whether equal places are equal slices, and the input has every place that the reader has, or will have."""
    if down is None or up is None:
        return down is up
    if not isinstance(down, Timed):
        return down == up
    return down.same_grid(up) and (up.bound is None or (down.bound is not None and down.bound <= up.bound))


def _chosen(down: Partitions | None, up: Partitions | None, mapping: PartitionMapping | None) -> Link:
    if isinstance(mapping, AllPartitions) or (mapping is None and (down is None or up is None)):
        return Whole(down, up)
    if up is None:
        raise _Unmapped("is asked for by partitions, but has none")
    if isinstance(mapping, OneDimension):
        return _one_dimension(down, up, mapping)
    if isinstance(mapping, Last) or (isinstance(mapping, Window) and down is not None):
        return _by_time(down, up, mapping)
    if down is None:
        raise _Unmapped("is asked for by partitions, but the asset itself has none")
    if isinstance(mapping, StaticMap):
        return Table(down, up, mapping.table)
    if isinstance(mapping, ByFunction):
        return Asked(down, up, mapping.function)
    if isinstance(mapping, Identity) or (mapping is None and down == up):
        return SamePlace() if _equal_places(down, up) else SameKey(down, up)
    if isinstance(down, Multi) or isinstance(up, Multi):
        return _inferred_combination(down, up)
    if isinstance(down, Timed) and isinstance(up, Timed):
        return SamePlace() if _equal_places(down, up) else SharedTime(down, up)
    raise _Unmapped("is partitioned in another way than the asset that reads it")


def _by_time(down: Partitions | None, up: Partitions, mapping: Window | Last) -> Link:
    multi = isinstance(down, Multi) or isinstance(up, Multi)
    of_time = "is asked for by time, but of several dimensions" if multi else "is asked for by time, but is not by time"
    if not isinstance(up, Timed):
        raise _Unmapped(of_time)
    if isinstance(mapping, Last):
        return LastEnded(down, up) if isinstance(down, Timed) else Newest(down, up)
    if not isinstance(down, Timed):
        raise _Unmapped(of_time if multi else "is asked for by time, but the asset is not by time")
    return Offsets(down, up, mapping.first, mapping.last, _wider(down, up))


def _wider(down: Timed, up: Timed) -> bool:
    if isinstance(down, TimePartitions) and isinstance(up, TimePartitions):
        return _WIDTH[down.unit] > _WIDTH[up.unit]
    return not _equal_places(down, up)


def _equal_places(down: Partitions, up: Partitions) -> bool:
    """Whether equal places are equal slices, as far as both definitions go."""
    return down.same_grid(up) if isinstance(down, Timed) else down == up and down.bound == up.bound


# -- several dimensions ---------------------------------------------------------------------------------------------


def _inferred_combination(down: Partitions, up: Partitions) -> Link:
    """Dimensions of one name belong together; a definition of one dimension belongs to the one that is like it."""
    own, read = dimensions_of(down), dimensions_of(up)
    if isinstance(down, Multi) and isinstance(up, Multi):
        shared = [name for name in read if name in own]
        if len(shared) < min(len(own), len(read)) or not all(_alike(own[name], read[name]) for name in shared):
            raise _Unmapped("is partitioned by other dimensions than the asset that reads it")
        return Combined(down, up, tuple(_axis(down, up, name, name, None) for name in shared))
    several, one = (own, up) if isinstance(down, Multi) else (read, down)
    like = [name for name, kind in several.items() if kind == one] or [
        name for name, kind in several.items() if _alike(kind, one)
    ]
    if len(like) != 1:
        raise _Unmapped(
            "is partitioned in another way than the asset that reads it"
            if not like
            else f"could be read by {' or '.join(like)}"
        )
    down_name, up_name = (like[0], "") if isinstance(down, Multi) else ("", like[0])
    return Combined(down, up, (_axis(down, up, down_name, up_name, None),))


def _one_dimension(down: Partitions | None, up: Partitions, mapping: OneDimension) -> Link:
    """The named dimension as asked; others of the input that the reader has too as they are, the rest whole."""
    read, name = dimensions_of(up), mapping.name
    own = {} if down is None else dimensions_of(down)
    if not isinstance(up, Multi) and not isinstance(down, Multi):
        raise _Unmapped(f"has no dimension {name!r}: neither it nor the asset has several")
    for definition, names in ((down, own), (up, read)):
        if isinstance(definition, Multi) and name not in names:
            raise _Unmapped(f"cannot be read by {name!r}: the dimensions are {', '.join(names)}")
    axes = [
        _axis(down, up, name if isinstance(down, Multi) else "", name if isinstance(up, Multi) else "", mapping.inner)
    ]
    if isinstance(down, Multi) and isinstance(up, Multi):
        axes += [_axis(down, up, other, other, None) for other in read if other != name and other in own]
    return Combined(down, up, tuple(axes))


def _axis(
    down: Partitions | None, up: Partitions, down_name: str, up_name: str, inner: PartitionMapping | None
) -> Axis:
    own = {} if down is None else dimensions_of(down)
    read = dimensions_of(up)
    inside = _chosen(own.get(down_name), read[up_name], inner)
    return Axis(list(read).index(up_name), list(own).index(down_name) if own else 0, inside)


def _alike(one: Partitions, other: Partitions) -> bool:
    return one == other or (isinstance(one, Timed) and isinstance(other, Timed))


# -- what is refused ------------------------------------------------------------------------------------------------


def _options(down: Partitions, up: Partitions) -> list[str]:
    """What could be written for a pair, most likely first."""
    options = []
    if isinstance(up, Multi) or isinstance(down, Multi):
        own, read = dimensions_of(down), dimensions_of(up)
        shared = [name for name in read if name in own] if isinstance(up, Multi) and isinstance(down, Multi) else []
        names = shared or [name for name in (*read, *own) if name]
        options += [f'dimension("{name}")' for name in dict.fromkeys(names)]
    elif isinstance(up, Timed):
        options.append("last()")
    else:
        options += ["identity()", "static_map({...})"]
    return [*options, "all_partitions()", "mapped(lambda key: ...)"]


def _refuse_wrong_map(down: Partitions, up: Partitions, mapping: StaticMap, where: str, what: str) -> None:
    """Refuses a static map that does not fit keys which are all written in the code."""
    keys = [key for key, _ in mapping.table]
    unknown = [key for key in keys if isinstance(down, Static) and down.find(key) is None]
    unread = [one for _, read in mapping.table for one in read if isinstance(up, Static) and up.find(one) is None]
    lacking = [key for key in down.names if key not in keys] if isinstance(down, Static) else []
    wrong = [
        (unknown, "of keys that the asset does not have"),
        (unread, "to keys that the input does not have"),
        (lacking, "without a line for each key of the asset"),
    ]
    for found, text in wrong:
        if found:
            raise DefinitionError(
                "HW117",
                f"{what} has a static_map {text}: {', '.join(map(repr, found))}",
                where=where,
                hint='static_map({"EU": ["DE", "FR"], "US": []}) has one line for each key of the asset',
            )
