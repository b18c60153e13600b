"""Mappings: which slots of an input one slot reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assets_core.errors import DefinitionError
from assets_core.partitions import Partitions, Static, TimePartitions, Unit, last_place

_WIDTH = {Unit.HOUR: 0, Unit.DAY: 1, Unit.WEEK: 2, Unit.MONTH: 3}


@dataclass(frozen=True, slots=True)
class AllPartitions:
    """Every slot of the input that is published now or planned in the same run."""


@dataclass(frozen=True, slots=True)
class Window:
    """Slots of the input at offsets from the one that belongs to the reading slot, both ends included.

    Arguments:
        first: offset of the earliest, in partitions of the input; negative for the past.
        last: offset of the latest.
    """

    first: int
    last: int


Mapping = AllPartitions | Window


class Outside(StrEnum):
    """What a slot does where it reads beyond the input's definition."""

    TRUNCATE = "truncate"
    """Those slots are left out."""
    MISSING = "missing"
    """They count as missing upstream slots, and the step cannot run."""


def all_partitions() -> AllPartitions:
    """For ``Input(partitions=...)``: read every slot of the input."""
    return AllPartitions()


def window(first: int, last: int) -> Window:
    """For ``Input(partitions=...)``: read the slots at these offsets, as ``window(-6, 0)`` for a trailing week.

    Raises:
        DefinitionError: HW124, ``first`` lies after ``last``.
    """
    if first > last:
        raise DefinitionError("HW124", f"window({first}, {last}) is empty", hint="the earlier offset comes first")
    return Window(first, last)


def infer(down: Partitions | None, up: Partitions | None, mapping: Mapping | None, *, where: str, what: str) -> None:
    """Refuses a pair of definitions between which there is no one sensible mapping.

    Raises:
        DefinitionError: HW125, with the options to choose from.
    """
    if mapping is None and (up is None or down is None):
        return
    if isinstance(mapping, AllPartitions):
        return
    if up is None or down is None:
        raise DefinitionError(
            "HW125",
            f"{what} asks for a window of partitions, but {'the asset itself' if down is None else 'it'} has none",
            where=where,
            hint="drop partitions=, or partition the asset too" if down is None else "drop partitions=",
        )
    timed = isinstance(down, TimePartitions) and isinstance(up, TimePartitions)
    if timed or (down == up and mapping is None):
        return
    raise DefinitionError(
        "HW125",
        f"{what} is partitioned in another way than the asset that reads it",
        where=where,
        why=f"the asset: {describe(down)}; the input: {describe(up)}",
        hint="say what a slot reads: Input(..., partitions=all_partitions()), or give both one definition",
    )


def upstream_keys(
    down: Partitions | None,
    key: str | None,
    up: Partitions | None,
    mapping: Mapping | None,
    outside: Outside,
    now: datetime,
) -> Sequence[str | None]:
    """The partition keys of the input that the slot ``key`` reads, in the order of the input's definition.

    Arguments:
        down, up: the definitions of the reader and of the input; ``infer`` has accepted the pair.
        key: the reader's partition key, None if it is unpartitioned.
        now: for definitions without an end.

    Returns:
        Keys, ``None`` for the one slot of an unpartitioned input; with ``Outside.MISSING`` a key before the first
        window or after the last is given as the text of its place, which no published slot can have.
    """
    if up is None:
        return (None,)
    if down is None or key is None or isinstance(mapping, AllPartitions):
        return tuple(up.keys(now))
    if isinstance(up, Static) or isinstance(down, Static):
        return (key,)
    if mapping is None and (up.unit, up.timezone, up.start) == (down.unit, down.timezone, down.start):
        place = down.index(key)
        return _at(up, place, place, outside)
    start, end = down.span(key)
    first = up.place_at(start)
    if mapping is None:
        return _at(up, first, last_place(up, end), outside)
    last = last_place(up, end) if _WIDTH[down.unit] > _WIDTH[up.unit] else first
    return _at(up, first + mapping.first, last + mapping.last, outside)


def _at(up: TimePartitions, first: int, last: int, outside: Outside) -> Sequence[str | None]:
    """The keys at these places, both included, and what ``outside`` makes of places that have none."""
    keys: list[str | None] = []
    for place in range(first, last + 1):
        found = up.key_at(place)
        if found is not None:
            keys.append(found)
        elif outside is Outside.MISSING:
            keys.append(f"outside the definition ({place:+d})")
    return tuple(keys)


def describe(definition: Partitions | None) -> str:
    """The definition in a few words, for messages and cards."""
    if definition is None:
        return "unpartitioned"
    if isinstance(definition, Static):
        return f"static ({len(definition.names)} keys)"
    end = "" if definition.end is None else f" to {definition.end:%Y-%m-%d}"
    return f"by the {definition.unit} from {definition.start:%Y-%m-%d}{end} ({definition.timezone})"
