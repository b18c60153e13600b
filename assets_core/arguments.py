"""The kinds that arguments of declarations can be of, and the one error for what is of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from assets_core.errors import DefinitionError


class Kind(NamedTuple):
    """What an argument has to be.

    Arguments:
        name: in words, as an error says it.
        holds: whether a value is of this kind.
        example: one that is, as it is written; empty where the name says enough.
    """

    name: str
    holds: Callable[[Any], bool]
    example: str = ""

    def such_as(self, example: str) -> Kind:
        """The kind with another example."""
        return self._replace(example=example)


def must_be(kind: Kind, what: str, value: Any, *, where: str = "") -> None:
    """Refuses a value of another kind.

    Arguments:
        what: the name of the argument, ``tags``, or with that of whatever takes it, ``Column(tags)``.

    Raises:
        DefinitionError: HW129.
    """
    if not kind.holds(value):
        shown = " ".join(repr(value).split())
        name = what.rpartition("(")[2].removesuffix(")")
        raise DefinitionError(
            "HW129",
            f"{what} is {shown if len(shown) <= 80 else f'{shown[:79]}…'}, which is not {kind.name}",
            where=where,
            hint=f"{name}={kind.example}" if kind.example else "",
        )


def is_text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def is_texts(value: Any) -> bool:
    """Whether it is a text, or a list of nothing but texts."""
    return isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value))


def is_number(value: Any) -> bool:
    """Whether it is a number, neither infinite nor NaN; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def is_whole(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_table_of(value: Any, *types: type) -> bool:
    """Whether it is a mapping from texts to values of these types."""
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(one, types) for name, one in value.items()
    )


TEXT = Kind("a text", is_text)
NAME = Kind("a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
TEXTS = Kind("a text or a list of texts", is_texts)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
POSITIVE = Kind("a number, at least 0", lambda value: is_number(value) and value >= 0)
WHOLE = Kind("a whole number", is_whole)
COUNT = Kind("a whole number, at least 0", lambda value: is_whole(value) and value >= 0)
TABLE_OF_TEXTS = Kind("a table of texts", lambda value: is_table_of(value, str))
FUNCTION = Kind("a function", callable)


def maybe(kind: Kind) -> Kind:
    """The kind, or None."""
    return kind._replace(holds=lambda value: value is None or kind.holds(value))


def as_tuple(value: Any) -> Any:
    """One or several, as a tuple; those of a set by the alphabet, and what is neither as it is, to be refused."""
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, set | frozenset):
        return tuple(sorted(value, key=str))  # the order of a set is another one in every process
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping) else value
