"""The selection language: text -> asset keys.

``key``, ``group/*``, ``+x`` upstream, ``x+`` downstream, ``2+x`` two steps up, ``tag:layer=staging``, ``group:marts``,
``owner:ops``, ``kind:sql``, ``state:stale``, ``column:staging/flights:dep_delay+``; spaces or commas join,
``not:`` takes away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase

from assets_core.asset import Asset, Definition, Source
from assets_core.errors import UsageError, did_you_mean
from assets_core.graph import Graph
from assets_core.keys import group_of

_TERM = re.compile(r"(?P<up>\d*\+)?(?P<core>.*?)(?P<down>\+\d*)?", re.DOTALL)
_METHODS = ("tag", "group", "owner", "kind", "state", "column")
_STATES = ("fresh", "accepted", "stale", "missing", "blocked", "held", "orphaned")

StatesOf = Callable[[], dict[str, Collection[str]]]
"""Gives the states that the slots of each asset are in; not cheap, so called only where ``state:`` is used."""
FeedsOf = Callable[[str, str], Iterable[str]]
"""Gives the assets that a column of an asset reaches; called only where ``column:`` is used."""


def select(
    text: str,
    graph: Graph,
    *,
    exclude: str = "",
    states_of: StatesOf | None = None,
    feeds_of: FeedsOf | None = None,
) -> list[str]:
    """The keys that a selection names, in working order; everything if the text is empty.

    Arguments:
        exclude: a second selection whose keys are taken away.

    Raises:
        UsageError: HW602, a name that nothing has; HW604, a method that does not exist or cannot be used here;
            HW605, a pattern that matches nothing.
    """
    reader = _Reader(graph, states_of, feeds_of)
    chosen: set[str] = set()
    removed: set[str] = set(reader.union(exclude.replace(",", " ").split())) if exclude.strip() else set()
    terms = text.replace(",", " ").split()
    wanted = [term for term in terms if not term.startswith("not:")]
    chosen.update(reader.union(wanted) if wanted else graph.definitions)
    removed.update(reader.union([term[4:] for term in terms if term.startswith("not:")]))
    return [key for key in graph.definitions if key in chosen and key not in removed]


class _Reader:
    def __init__(self, graph: Graph, states_of: StatesOf | None, feeds_of: FeedsOf | None) -> None:
        self.graph = graph
        self.states_of = states_of
        self.feeds_of = feeds_of

    def union(self, terms: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for term in terms:
            found |= self.term(term)
        return found

    def term(self, term: str) -> set[str]:
        if term.startswith("column:"):
            return self._column(term)
        match = _TERM.fullmatch(term)
        core = match["core"] if match else term
        found = set(self._core(core))
        result = set(found)
        if match and match["up"]:
            result |= self._walk(found, self.graph.upstream, match["up"].rstrip("+"))
        if match and match["down"]:
            result |= self._walk(found, self._downstream, match["down"].lstrip("+"))
        return result

    def _core(self, core: str) -> Iterable[str]:
        method, colon, value = core.partition(":")
        if colon:
            return self._method(method, value)
        if any(character in core for character in "*?["):
            return self._some([key for key in self.graph.definitions if fnmatchcase(key, core)], core)
        key, at, partition = core.partition("@")
        if at and core not in self.graph.definitions:
            found = self.graph.find(key).key
            raise UsageError(
                "HW604", f"{core!r} is a slot, and a selection names assets", hint=f"{found} --partition {partition}"
            )
        return [self.graph.find(core).key]

    def _method(self, method: str, value: str) -> Iterable[str]:
        tests: dict[str, Callable[[Definition], bool]] = {
            "tag": lambda one: _has_tag(one, value),
            "group": lambda one: group_of(one.key) == value or group_of(one.key).startswith(f"{value}/"),
            "owner": lambda one: value in one.owners,
            "kind": lambda one: (one.kind if isinstance(one, Asset) else "source") == value,
        }
        if method in tests:
            test = tests[method]
            return self._some([key for key, one in self.graph.definitions.items() if test(one)], f"{method}:{value}")
        if method == "state" and value not in _STATES:
            hint = did_you_mean(value, _STATES) or f"use one of {', '.join(_STATES)}"
            raise UsageError("HW604", f"{value!r} is no state of a slot", hint=hint)
        if method == "state" and self.states_of is not None:
            return [key for key, states in self.states_of().items() if value in states]
        if method in _METHODS:
            raise UsageError("HW604", f"{method}: cannot be used here")
        hint = did_you_mean(method, _METHODS) or f"use one of {', '.join(_METHODS)}"
        raise UsageError("HW604", f"no way to select by {method!r}", hint=hint)

    def _some(self, keys: list[str], what: str) -> list[str]:
        if not keys:
            groups = [f"{group}/*" for group in dict.fromkeys(map(group_of, self.graph.definitions)) if group]
            hint = did_you_mean(what, [*groups, *self.graph.definitions])
            raise UsageError("HW605", f"{what!r} matches no asset", hint=hint or "headwater ls lists them all")
        return keys

    def _column(self, term: str) -> set[str]:
        if self.feeds_of is None:
            raise UsageError("HW604", "column: cannot be used here")
        key, _, column = term.removeprefix("column:").removesuffix("+").rpartition(":")
        if not key:
            raise UsageError("HW604", f"{term!r} names no column", hint="write column:staging/flights:dep_delay+")
        definition = self.graph.find(key)
        return {definition.key, *self.feeds_of(definition.key, column)}

    def _downstream(self, key: str) -> Iterable[str]:
        return self.graph.downstream.get(key, ())

    def _walk(self, start: set[str], step: Callable[[str], Iterable[str]], depth: str) -> set[str]:
        left = int(depth) if depth else len(self.graph.definitions)
        seen, edge = set(start), set(start)
        while edge and left > 0:
            edge = {further for key in edge for further in step(key)} - seen
            seen |= edge
            left -= 1
        return seen


def _has_tag(definition: Asset[..., object] | Source, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in definition.tags and (not equals or definition.tags[name] == wanted)
