"""Mutants of the proof of locality, each with one rule dropped; running plans both ways must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lineage.columns import locality, locality_exprs
from lineage.columns.locality import Part
from lineage.columns.polars_functions import Manner
from tests.soundness.locality_plans import KEY

Rule = Callable[..., Any]


@dataclass(frozen=True)
class LocalityMutant:
    """One dropped rule.

    Arguments:
        steps: the steps of random plans that need the rule.
        where: the table of rules, or the module or class, that is changed, and the name in it.
        change: makes the mutated rule of the right one.
    """

    name: str
    steps: tuple[str, ...]
    where: Any
    key: Any
    change: Callable[[Rule], Rule]

    @contextmanager
    def alive(self) -> Iterator[None]:
        """The proof without this rule, for the time of the block."""
        table = isinstance(self.where, dict)
        right = self.where[self.key] if table else vars(self.where)[self.key]
        self._put(self.change(right))
        try:
            yield
        finally:
            self._put(right)

    def _put(self, rule: Any) -> None:
        if isinstance(self.where, dict):
            self.where[self.key] = rule
        else:
            setattr(self.where, self.key, rule)


def _as_below(_: Rule) -> Rule:
    """The node changes nothing."""
    return lambda walk, node, below: replace(below[0], carriers=below[0].carriers & walk.schema.keys())


def _any_key(_: Rule) -> Rule:
    """Groups and duplicates need no partition column."""
    return lambda walk, node, below: Part(frozenset({KEY} & walk.schema.keys()), below[0].steady)


def _union_of_anything(_: Rule) -> Rule:
    """Rows that are the same for every slot may be added."""
    return lambda walk, node, below: Part(frozenset({KEY}), steady=True)


def _always(_: Rule) -> Rule:
    return lambda *_: True


def _carriers_of_both(_: Rule) -> Rule:
    """A side whose rows may be missing keeps its carriers."""

    def mutated(walk: Any, how: str, left: Part, right: Part, suffix: str) -> frozenset[str]:
        names = {*left.carriers, *right.carriers, *(f"{name}{suffix}" for name in right.carriers)}
        return frozenset(names & walk.schema.keys())

    return mutated


def _carriers_stay(rule: Rule) -> Rule:
    """A column that was computed anew is still taken for the partition column."""

    def mutated(walk: Any, node: Any, below: Any) -> Part:
        made: Part = rule(walk, node, below)
        return replace(made, carriers=below[0].carriers & walk.schema.keys())

    return mutated


def _row_by_row(_: Rule) -> Rule:
    """The expression is taken to go row by row."""
    return lambda reader, expression: None


def _window_without_keys(_: Rule) -> Rule:
    """A window needs no partition column."""
    return lambda reader, expression: None


def _as_whole(rule: Rule) -> Rule:
    """Order is kept wherever it is asked for."""

    def mutated(reader: Any, what: str) -> None:
        reader._only_in_group(what)

    return mutated


_N, _E, _M = locality.RULES, locality_exprs.EXPRESSIONS, locality_exprs.MANNERS

MUTANTS: tuple[LocalityMutant, ...] = (
    LocalityMutant("group keys", ("group_other",), _N, "GroupBy", _any_key),
    LocalityMutant("keys of duplicates", ("unique_other",), _N, "Distinct", _any_key),
    LocalityMutant("slices", ("top_rows",), _N, "Slice", _as_below),
    LocalityMutant("row index", ("numbered",), _N, "MapFunction", _as_below),
    LocalityMutant("union with what is whole", ("below_each_other",), _N, "Union", _union_of_anything),
    LocalityMutant("join keys", ("join_other",), locality, "_joined_by_slot", _always),
    LocalityMutant(
        "carriers behind an outer join", ("join_kept_apart",), locality, "_joined_carriers", _carriers_of_both
    ),
    LocalityMutant("carriers computed anew", ("other_key",), _N, "HStack", _carriers_stay),
    LocalityMutant("windows", ("over_any",), _E, "Window", _window_without_keys),
    LocalityMutant("aggregates", ("aggregated",), _E, "Agg", _row_by_row),
    LocalityMutant("number of rows", ("counted",), _E, "Len", _row_by_row),
    LocalityMutant("sequential functions", ("cumulated_all",), _M, Manner.SEQUENTIAL, _row_by_row),
    LocalityMutant("aggregating functions", ("function_of_all",), _M, Manner.AGGREGATE, _row_by_row),
    LocalityMutant("functions that compare rows", ("compared",), _M, Manner.ALIGNED, _row_by_row),
    LocalityMutant(
        "what is looked up", ("looked_up",), locality_exprs.Reader, "_looked_up", lambda _: lambda *__: None
    ),
    LocalityMutant("ties", ("highest",), locality_exprs, "TIES", lambda _: frozenset()),  # type: ignore[arg-type,return-value]
    LocalityMutant("order", ("joined_then_first",), locality_exprs.Reader, "_ordered", _as_whole),
)  # fmt: skip
