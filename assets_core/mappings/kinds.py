"""What ``Input(partitions=...)`` may say: which slots of an input one slot reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from assets_core.arguments import FUNCTION, NAME, WHOLE, Kind, as_tuple, is_texts, maybe, must_be
from assets_core.errors import DefinitionError

KeyFunction = Callable[[str], str | Iterable[str]]
"""Gives the input's key or keys that the slot of a key reads; always the same for the same key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The slot of the input that has the same key."""


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


@dataclass(frozen=True, slots=True)
class Last:
    """The newest window of the input that ended when the reading slot ended, or before."""


@dataclass(frozen=True, slots=True)
class OneDimension:
    """One dimension is mapped, and the others as they are where the reader has them, whole where it has not.

    Arguments:
        name: the dimension of the input, or of the reader where the input has only one.
        inner: how that dimension is mapped; None for the one sensible mapping.
    """

    name: str
    inner: PartitionMapping | None


@dataclass(frozen=True, slots=True)
class StaticMap:
    """What each slot reads, written out.

    Arguments:
        table: key of the reader, and the keys of the input.
    """

    table: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class ByFunction:
    """What a slot reads is what a pure function of its key says.

    Arguments:
        function: gives the input's keys.
    """

    function: KeyFunction


PartitionMapping = Identity | AllPartitions | Window | Last | OneDimension | StaticMap | ByFunction
"""Any mapping."""


MAPPING = maybe(Kind("a mapping of partitions", lambda value: isinstance(value, PartitionMapping), "window(-6, 0)"))
"""What an argument has to be that says which slots are read, if anything."""
_MAP = Kind(
    "a table of keys",
    lambda value: (
        isinstance(value, Mapping) and all(isinstance(key, str) and is_texts(read) for key, read in value.items())
    ),
    '{"EU": ["DE", "FR"], "US": "US"}',
)


def reads_last(mapping: PartitionMapping | None) -> bool:
    """Whether a mapping asks for the one window that ``last`` means, by itself or as one dimension."""
    return isinstance(mapping.inner if isinstance(mapping, OneDimension) else mapping, Last)


class Outside(StrEnum):
    """What a slot does where it reads beyond the input's definition."""

    TRUNCATE = "truncate"
    """Those slots are left out."""
    MISSING = "missing"
    """They count as missing upstream slots, and the step cannot run."""


def identity() -> Identity:
    """For ``Input(partitions=...)``: read the slot that has the same key."""
    return Identity()


def all_partitions() -> AllPartitions:
    """For ``Input(partitions=...)``: read every slot of the input."""
    return AllPartitions()


def window(first: int, last: int) -> Window:
    """For ``Input(partitions=...)``: read the slots at these offsets, as ``window(-6, 0)`` for a trailing week.

    Raises:
        DefinitionError: HW124, ``first`` lies after ``last``; HW129.
    """
    must_be(WHOLE, "window(first)", first)
    must_be(WHOLE, "window(last)", last)
    if first > last:
        raise DefinitionError("HW124", f"window({first}, {last}) is empty", hint="the earlier offset comes first")
    return Window(first, last)


def last() -> Last:
    """For ``Input(partitions=...)``: read the newest window that ended when the slot ended, or before.

    A reader whose slots are none of time, or that has none, reads the newest window that there is.
    """
    return Last()


def dimension(name: str, inner: PartitionMapping | None = None) -> OneDimension:
    """For ``Input(partitions=...)`` where either side has several dimensions: map this one.

    The input's other dimensions are read as they are where the reader has one of the same name, else whole.

    Arguments:
        name: the dimension.
        inner: how it is mapped, as ``dimension("date", window(-6, 0))``; None for the one sensible mapping.

    Raises:
        DefinitionError: HW118, a dimension cannot have dimensions itself; HW129.
    """
    must_be(NAME.such_as('"date"'), "dimension(name)", name)
    must_be(MAPPING, "dimension(inner)", inner)
    if isinstance(inner, OneDimension):
        raise DefinitionError("HW118", "a dimension has no dimensions itself", hint='dimension("date", window(-6, 0))')
    return OneDimension(name, inner)


def static_map(table: Mapping[str, str | Iterable[str]]) -> StaticMap:
    """For ``Input(partitions=...)``: what each slot reads, as ``static_map({"EU": ["DE", "FR"], "US": "US"})``.

    Raises:
        DefinitionError: HW129.
    """
    read = {key: as_tuple(keys) for key, keys in table.items()} if isinstance(table, Mapping) else table
    must_be(_MAP, "static_map(table)", read)
    return StaticMap(tuple(read.items()))


def mapped(function: KeyFunction) -> ByFunction:
    """For ``Input(partitions=...)``: what a function of the key says, as ``mapped(lambda key: key.lower())``.

    The function must give the same for the same key and do nothing else. Who reads a slot is found by asking it for
    every slot of the reader.

    Raises:
        DefinitionError: HW129.
    """
    must_be(FUNCTION.such_as("lambda key: key.lower()"), "mapped(function)", function)
    return ByFunction(function)
