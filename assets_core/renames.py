"""Assets under new keys: what was recorded under an old key counts for the asset that says ``renamed_from=``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from assets_core.asset import Asset, Definition
from assets_core.errors import DefinitionError
from assets_core.graph import BoundInput
from assets_core.keys import Slot
from assets_core.recipe import Recipe, RecipeInput

T = TypeVar("T")


def renames_of(definitions: Mapping[str, Definition]) -> dict[str, str]:
    """By former key, the key that the asset has now.

    Raises:
        DefinitionError: HW136, a former key is in use; HW137, two assets claim one.
    """
    found: dict[str, str] = {}
    for key, one in definitions.items():
        for former in one.renamed_from if isinstance(one, Asset) else ():
            if former in definitions:
                raise DefinitionError(
                    "HW136", f"{key} cannot be renamed from {former}: there is an asset of that key", where=one.where,
                    hint="renamed_from= names a key that is no longer used",
                )  # fmt: skip
            if former in found:
                raise DefinitionError(
                    "HW137", f"{key} and {found[former]} are both renamed from {former}", where=one.where,
                    hint="only one of them can have its history",
                )  # fmt: skip
            found[former] = key
    return found


def under_present_keys(by_slot: Mapping[Slot, T], renames: Mapping[str, str]) -> dict[Slot, T]:
    """What slots have, with those of former keys under the present ones unless these have something of their own."""
    if not renames:
        return dict(by_slot)
    found = {slot: value for slot, value in by_slot.items() if slot.asset not in renames}
    for slot, value in by_slot.items():
        if slot.asset in renames:
            found.setdefault(Slot(renames[slot.asset], slot.partition), value)
    return found


def present_slot(slot: Slot, renames: Mapping[str, str]) -> Slot:
    """The slot under the key that its asset has now."""
    return Slot(renames[slot.asset], slot.partition) if slot.asset in renames else slot


def called_before(slot: Slot, renames: Mapping[str, str]) -> tuple[Slot, ...]:
    """The slot, and then the same one under every key that its asset had before."""
    return slot, *(Slot(former, slot.partition) for former, key in renames.items() if key == slot.asset)


def as_called_now(
    recipe: Recipe, inputs: Iterable[BoundInput], deps: Iterable[str], renames: Mapping[str, str]
) -> Recipe:
    """The recorded recipe with inputs and dependencies called as they are now, where their assets were renamed.

    The code version stays as it was recorded: for comparing it see ``former_names``.
    """
    if not renames or not any(one.asset in renames for one in recipe.inputs):
        return recipe
    names = {former: bound.name for bound in inputs for former in [_former(recipe, bound, renames)] if former}
    names |= {f"deps:{one.asset}": f"deps:{renames[one.asset]}" for one in recipe.inputs if one.asset in renames}
    called = (
        replace(one, name=names[one.name], asset=renames[one.asset])
        if one.asset in renames and one.name in names
        else one
        for one in recipe.inputs
    )
    return replace(recipe, inputs=tuple(called))


def former_names(recipe: Recipe, inputs: Iterable[BoundInput], renames: Mapping[str, str]) -> dict[str, str]:
    """By the present name of an input whose asset was renamed since, the name it had when the recipe was made."""
    found = ((bound.name, _former(recipe, bound, renames)) for bound in inputs)
    return {name: former for name, former in found if former is not None}


def _former(recipe: Recipe, bound: BoundInput, renames: Mapping[str, str]) -> str | None:
    """The name under which a recipe read an input before its asset was renamed; None where it read none such."""
    named: dict[str, RecipeInput] = {one.name: one for one in recipe.inputs}
    same = named.get(bound.name)
    if same is not None and same.asset not in renames:
        return None
    if same is not None and renames.get(same.asset) == bound.key:
        return bound.name
    several = [
        one.name for one in recipe.inputs if renames.get(one.asset) == bound.key and not one.name.startswith("deps:")
    ]
    return several[0] if len(several) == 1 else None
