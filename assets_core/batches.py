"""Batches: which planned slots of one asset a single call computes together.

A batch changes how slots are computed and nothing else: every slot keeps its own step, recipe, check, record and
publication. So a batch is no part of any recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from assets_core.asset import Asset
from assets_core.batch_rules import batch_errors
from assets_core.facts import Facts
from assets_core.graph import BoundInput, Graph
from assets_core.keys import Slot


def may_be_batched(asset: Asset[..., Any], graph: Graph, batch: int | str) -> bool:
    """Whether an asset can be computed in batches of this size or window."""
    asked = replace(asset, run=replace(asset.run, batch=batch))
    return not any(batch_errors(asked, ((one.key, one.partitions) for one in graph.inputs[asset.key])))


def grouped(slots: Sequence[Slot], batch: int | str, facts: Facts) -> tuple[tuple[int, ...], ...]:
    """The batches among planned slots of one asset: runs of neighbours, two slots or more.

    Slots come together only if, of each input, either all of them read the same slots or no two of them share one:
    then a row of the union belongs to one slot of the batch, or to all of them alike.

    Arguments:
        slots: in working order.
        batch: how many come together at most, or the calendar window that they begin in.

    Returns:
        Places among the slots, counted from 0.
    """
    found: list[tuple[int, ...]] = []
    together: list[int] = []
    reads = _Reads(facts)
    window: object = None
    for place, slot in enumerate(slots):
        own = _window_of(facts.graph.asset(slot.asset), slot, batch)
        full = isinstance(batch, int) and len(together) >= batch
        if together and (full or own != window or not reads.admits(slot)):
            found.append(tuple(together))
            together, reads = [], _Reads(facts)
        if not together:
            reads.admits(slot)
        window = own
        together.append(place)
    found.append(tuple(together))
    return tuple(one for one in found if len(one) > 1)


class _Reads:
    """What the slots of one batch read, input by input."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._first: dict[str, tuple[Slot, ...]] = {}
        self._all: dict[str, set[Slot]] = {}
        self._alike: dict[str, bool] = {}

    def admits(self, slot: Slot) -> bool:
        """Whether a slot reads what fits with the slots before it; then it counts as one of them."""
        own = {
            bound.name: tuple(self._facts.reads(slot, bound))
            for bound in self._facts.graph.inputs[slot.asset]
            if self._is_split(slot.asset, bound)
        }
        if not all(self._fits(name, slots) for name, slots in own.items()):
            return False
        for name, slots in own.items():
            if slots and name in self._first:
                self._alike[name] = slots == self._first[name]
            elif slots:
                self._first[name] = slots
            self._all.setdefault(name, set()).update(slots)
        return True

    def _is_split(self, asset: str, bound: BoundInput) -> bool:
        up = self._facts.graph.definitions[bound.key].partitions
        return up is not None and not self._facts.reads_whole(asset, bound)

    def _fits(self, name: str, slots: tuple[Slot, ...]) -> bool:
        if not slots or name not in self._first:
            return True
        alike, apart = slots == self._first[name], self._all[name].isdisjoint(slots)
        known = self._alike.get(name)
        return alike or apart if known is None else alike if known else apart


def _window_of(asset: Asset[..., Any], slot: Slot, batch: int | str) -> object:
    """The calendar window that a slot begins in; None where slots are only counted."""
    if not isinstance(batch, str) or asset.partitions is None or slot.partition is None:
        return None
    start = asset.partitions.partition(slot.partition).start
    return None if start is None else _named(batch, start.date())


def _named(window: str, day: date) -> tuple[int, ...]:
    names: dict[str, tuple[int, ...]] = {
        "day": (day.year, day.month, day.day),
        "week": tuple(day.isocalendar()[:2]),
        "month": (day.year, day.month),
        "quarter": (day.year, (day.month - 1) // 3),
        "year": (day.year,),
    }
    return names[window]
