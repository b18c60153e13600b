"""Which of the slots that an asset showed at a moment its definition had then, as far as the records tell.

A record does not hold the definition of its asset. What it holds tells slots of different definitions apart: whether
there is a partition key, of what form and how many dimensions, and the windows in time, which in one definition do not
overlap. The keys of ``Dynamic`` partitions are on record with when they came and went.
"""

from __future__ import annotations

import re
from bisect import bisect, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from assets_core.asset import Definition
from assets_core.keys import Slot
from assets_core.partitions import Partitions, dynamic_names, filled, has_slot
from assets_core.records import Materialization
from assets_core.renames import present_slot, renames_of
from headwater.pointers import current, with_former
from lineage.catalog.values import NamedKey

if TYPE_CHECKING:
    from headwater.project import Project

_TIME = re.compile(r"\d{4}(-\d\d(-\d\d(T.*)?)?|-Q\d)?")
_LONGEST_DAY = timedelta(days=2)
Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class ReadThen:
    """What was read of an asset at a moment.

    Arguments:
        found: in the order of the definition; after them those that it has no more.
        kept: how many of them the definition has no more, where it has others of them: it may not have had them then.
        left: how many that the definition has now are not among them, because others were published later.
    """

    found: Mapping[Slot, Materialization]
    kept: int = 0
    left: int = 0

    def doubts(self, asset: str) -> list[str]:
        """What the records do not tell, a sentence each."""
        told = []
        if self.kept:
            told.append(
                f"{asset} showed {self.kept:,} slots then that its definition does not have now; whether it had them"
                " then is not on record, and they are read"
            )
        if self.left:
            told.append(
                f"{asset} showed {self.left:,} slots then that its definition has now, and published others after them;"
                " whether it had them then is not on record, and they are left out"
            )
        return told


def read_then(
    project: Project, definition: Definition | None, shown: Mapping[Slot, Materialization], until: int
) -> ReadThen:
    """What was read of an asset or source at a moment: its slots of one definition, the one that was published last.

    Arguments:
        definition: None where it is gone from the code.
        shown: all that it showed at the moment.
        until: the last entry of the log at the moment.
    """
    catalog = project.catalog
    nothing_since = until == catalog.head().sequence
    if catalog.frozen(project.env) or (nothing_since and definition is not None):  # as it is now
        return ReadThen(current(project, shown))
    partitions = None if definition is None else definition.partitions
    known = catalog.partition_keys(dynamic_names(partitions), until=until).items()
    ever = filled(partitions, {name: [one.key for one in keys] for name, keys in known})
    then = filled(partitions, {name: [one.key for one in keys if not one.retired] for name, keys in known})
    there = {slot for slot in shown if has_slot(then, slot.partition) or not has_slot(ever, slot.partition)}
    defined = {slot for slot in there if has_slot(then, slot.partition) and _is_alike(then, shown[slot])}
    kept = there
    if len(defined) < len(there):
        newest_first = _newest_first(project, {slot: shown[slot] for slot in there}, until)
        kept = set(_of_one_definition(newest_first, defined))
    if not dynamic_names(partitions):  # it may have been dynamic then
        kept -= _retired(kept, catalog.partition_keys(until=until).values()) - defined
    order = {**current(project, shown), **dict(sorted(shown.items(), key=lambda pair: pair[0].partition or ""))}
    beside = len(kept - defined)
    return ReadThen(
        {slot: made for slot, made in order.items() if slot in kept},
        beside if beside < len(kept) else 0,
        len(defined - kept),
    )


def _newest_first(project: Project, shown: Mapping[Slot, Materialization], until: int) -> dict[Slot, Materialization]:
    """What slots of an asset showed, what was published last first; of what one run published, what was made last."""
    renames = renames_of(project.graph.definitions)
    moves = [
        one
        for key in with_former(project, {slot.asset for slot in shown})
        for one in project.catalog.publications(project.env, asset=key)
        if one.sequence <= until
    ]
    began: dict[str, int] = {}
    published: dict[Slot, int] = {}
    for one in sorted(moves, key=attrgetter("sequence")):
        published[present_slot(one.slot, renames)] = began.setdefault(one.run_id, one.sequence)
    order = sorted(shown.items(), key=lambda pair: (published[pair[0]], pair[1].created), reverse=True)
    return dict(order)


def _retired(slots: Collection[Slot], known: Iterable[Sequence[NamedKey]]) -> set[Slot]:
    """Of slots of one definition those of a key that was retired, where all keys of a dimension were of one name.

    Arguments:
        known: the keys of each name.
    """
    keys = {slot: slot.partition.split(",") for slot in slots if slot.partition is not None}
    found: set[Slot] = set()
    for place in range(min(map(len, keys.values()), default=0)):
        used = {parts[place] for parts in keys.values()}
        for several in known:
            if used <= {one.key for one in several}:
                retired = {one.key for one in several if one.retired}
                found |= {slot for slot, parts in keys.items() if parts[place] in retired}
    return found


def _of_one_definition(newest_first: Mapping[Slot, Materialization], defined: set[Slot]) -> Iterator[Slot]:
    """The slots that one definition can have had together with the first.

    Arguments:
        defined: those that one definition is known to have together.
    """
    wanted: object = None
    taken: dict[tuple[str, ...], list[tuple[Window, bool]]] = {}
    for slot, made in newest_first.items():
        shape, rest, window = _shape(slot.partition, None if made.recipe is None else made.recipe.window)
        wanted = shape if wanted is None else wanted
        if shape != wanted:
            continue
        if window is not None:
            beside = taken.setdefault(rest, [])
            place = bisect(beside, (window, False))
            near = beside[max(0, place - 1) : place + 1]
            if any(_same_time(window, other) and not (known and slot in defined) for other, known in near):
                continue
            insort(beside, (window, slot in defined))
        yield slot


def _is_alike(definition: Partitions | None, made: Materialization) -> bool:
    """Whether a record is of a slice like the one that the definition calls so: 2024-01-01 may be a day or a week."""
    key = made.slot.partition
    if definition is None or key is None or made.recipe is None:
        return True
    return _shape(key, made.recipe.window)[0] == _shape(key, definition.partition(key).window)[0]


def _shape(key: str | None, ends: Sequence[str] | None) -> tuple[object, tuple[str, ...], Window | None]:
    """What is equal for all slots of a definition; the parts of the key beside its window in time; that window.

    Arguments:
        ends: of every window, as a recipe has them; None where that is not known.
    """
    parts = [] if key is None else key.split(",")
    moments = [datetime.fromisoformat(one) for one in ends or ()]
    windows = iter(zip(moments[::2], moments[1::2], strict=True))
    shape: list[object] = []
    rest: list[str] = []
    first: Window | None = None
    for part in parts:
        timed = _TIME.fullmatch(part) is not None
        window = next(windows, None) if timed else None
        first = first or window
        if window is None or window is not first:
            rest.append(part)
        if not timed or (window is None and ends is not None):
            shape.append("name")
        elif "T" in part:  # cron windows are of any length
            shape.append("T")
        else:  # days and weeks have keys of one form
            long = window is not None and len(part) == 10 and window[1] - window[0] > _LONGEST_DAY
            shape.append((len(part), "Q" in part, long))
    return tuple(shape), tuple(rest), first


def _same_time(one: Window, other: Window) -> bool:
    """Whether two windows share more than half of the shorter: another time zone moves the windows of a key by less."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared * 2 > min(one[1] - one[0], other[1] - other[0])
