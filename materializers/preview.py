"""Calling one step on published inputs without recording anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import polars as pl

from assets_core.errors import UsageError
from assets_core.facts import make_recipe
from assets_core.keys import Slot
from assets_core.plan import Step
from materializers.capture import captured, capturing_streams
from materializers.dispatch import Dispatcher, Progress
from materializers.observe import Known, Scene, asset_facts
from materializers.task import computed
from materializers.workplace import Workplace


def preview_step(scene: Scene, known: Known, slot: Slot, place: Workplace) -> pl.DataFrame:
    """What an asset's code gives now for one slot; errors of the user's function come through as they are.

    Raises:
        UsageError: HW603, an input was never materialized.
    """
    graph = known.facts.graph
    keys = [one.key for one in graph.makers[graph.asset(slot.asset).maker]]
    slots = tuple(Slot(key, slot.partition) for key in keys)
    known.facts.keep_all_but(())
    for key in keys:
        known.facts.assets[key] = asset_facts(scene, graph.asset(key), known.facts)
    recipes = {one: make_recipe(one, known.facts) for one in slots}
    progress = Progress(Step(slots, ()), recipes={one: recipe for one, recipe in recipes.items() if recipe is not None})
    if len(progress.recipes) < len(slots):
        raise UsageError(
            "HW603", f"an input of {slot} was never materialized", hint=f"headwater materialize +{slot.asset}"
        )
    task = Dispatcher(scene, known.facts, "preview").task(progress)
    with _masking(place.mask):
        frames = computed(task, place)
    return frames[slots.index(slot)]


@contextmanager
def _masking(mask: Callable[[str], str]) -> Iterator[None]:
    """What the block prints and logs comes without secrets, when the block has ended."""
    with ExitStack() as after, capturing_streams(), captured() as kept:
        after.callback(lambda: sys.stdout.write(mask(kept.text())))
        yield
