"""Tasks and results on their way between processes: plain pickle of our own values, and nothing big.

What the other process can find for itself stays here: the record's evidence is added when the result is back.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.errors import HeadwaterError, RunError
from assets_core.records import Materialization, StepResult
from lineage.code import changed_parts
from lineage.derive import Derived, derive
from materializers.snapshots import SNAPSHOTS
from materializers.step_task import StepTask
from materializers.task import derived_lineage
from materializers.workplace import ProjectLocation, Workplace

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


@dataclass(frozen=True)
class Shipped:
    """A task without what only its record needs.

    Arguments:
        config: the fields of the asset's ``Config``; its class is found where the task runs.
        query: of a SQL asset, by which the other process knows that it has the same.
        plan: the digest of a lazy asset's plan, for the same purpose.
    """

    task: StepTask
    config: dict[str, Any] | None
    query: str | None
    plan: str | None = None


def location_to_ship(place: Workplace) -> ProjectLocation:
    """Where another process finds the project.

    Raises:
        RunError: HW522, only this process knows it.
    """
    location = place.location()
    if location is None:
        raise RunError(
            "HW522",
            "a project made with Project.of is known to this process only",
            hint="put its definitions into a folder and use Project.load, or run it with executor='threads'",
        )
    return location


def ship(task: StepTask, place: Workplace) -> bytes:
    """A task as bytes for another process.

    Raises:
        RunError: HW522, a value of the asset's Config cannot be sent, or a storage serves one process only.
    """
    asset = place.asset(task.outputs[0].slot.asset)
    _refuse_single_process_storages(task, place)
    config = None if task.config is None else dict(task.config)
    recipe = task.outputs[0].recipe
    shipped = Shipped(_bare(task), config, asset.sql, None if recipe is None else recipe.code.plan)
    try:
        return pickle.dumps(shipped, protocol=5)
    except Exception as error:  # noqa: BLE001 -- pickling runs code of the values, which may raise anything
        raise _unshippable(asset, config or {}, error) from None


def unpack(payload: bytes, place: Workplace) -> StepTask:
    """The task that another process of this run has shipped.

    Raises:
        RunError: HW522, it cannot be read here; HW523, the definitions here are others.
    """
    try:
        shipped: Shipped = pickle.loads(payload)  # noqa: S301 -- from the process that started this one, never a file
    except Exception as error:  # noqa: BLE001 -- unpickling runs code of the values, which may raise anything
        raise RunError("HW522", "the step cannot be read where it should run", why=repr(error)) from None
    key = shipped.task.outputs[0].slot.asset
    try:
        asset = place.asset(key)
    except HeadwaterError:
        raise RunError(
            "HW523",
            f"the project as a worker loads it has no asset {key!r}",
            hint="definitions must not depend on the time, on chance or on who loads them",
        ) from None
    if asset.sql != shipped.query:
        raise RunError("HW523", f"the query of {key} was edited after the run began", where=asset.where)
    config = None if shipped.config is None else _config_class(asset).model_construct(**shipped.config)
    trials = tuple(replace(one, config=config) for one in shipped.task.trials)
    task = replace(shipped.task, config=config, trials=trials)
    _hold_to_code(asset, task, shipped.plan, place)
    return task


def complete(result: StepResult, task: StepTask) -> StepResult:
    """A result that has come back, with the evidence that had stayed here."""
    if not result.made:
        return result
    outputs = {one.slot: one for one in task.outputs}
    made = []
    for one in result.made:
        output = outputs[one.slot]
        lineage = one.lineage or derived_lineage(output, [name for name, _ in one.schema])
        if output.adopt is not None:
            lineage = output.adopt.lineage
        recipe = output.recipe if output.adopt is None else output.adopt.recipe
        made.append(replace(one, recipe=recipe, lineage=lineage))
    return replace(result, made=tuple(made))


def _bare(task: StepTask) -> StepTask:
    """A task, and those of a batch's slots alone, without what the record needs and without its Config."""
    outputs = tuple(
        replace(one, recipe=None, lineage=None, adopt=None if one.adopt is None else _without_evidence(one.adopt))
        for one in task.outputs
    )
    return replace(task, outputs=outputs, config=None, trials=tuple(map(_bare, task.trials)))


def _hold_to_code(asset: Asset[..., Any], task: StepTask, plan: str | None, place: Workplace) -> None:
    """Makes sure that the code reaches here what it reached where the recipe was made: the same files, imported at
    another time or in another place, may have come to other values.
    """
    if place.reading is None or not task.reached:
        return
    differs = changed_parts(task.reached, place.reading(asset).reached)
    if differs and (plan is None or plan != _plan_here(asset, task, place)):
        raise RunError(
            "HW523",
            f"the code of {asset.key} reaches something else where it should run than where it was planned",
            where=asset.where,
            why="; ".join(differs[:5]),
            hint="run the command again; definitions must not depend on the time, on chance or on who loads them",
        )


def _plan_here(asset: Asset[..., Any], task: StepTask, place: Workplace) -> str | None:
    schemas = {one.name: one.schema for one in task.inputs}
    inputs = [(bound, schemas.get(bound.name)) for bound in place.graph.inputs[asset.key]]
    found = derive(asset, inputs, task.config, Derived(place.tables.root))
    return None if found is None else found.code.plan


def _without_evidence(made: Materialization) -> Materialization:
    return replace(made, recipe=None, lineage=None)


def _config_class(asset: Asset[..., Any]) -> type[Config]:
    found = asset.config_class or next((one.config for one in asset.parameters if one.config is not None), None)
    if found is None:
        raise RunError("HW523", f"{asset.key} has no Config where a worker loads it", where=asset.where)
    return found


def _refuse_single_process_storages(task: StepTask, place: Workplace) -> None:
    names = {place.asset(one.slot.asset).storage or "default" for one in task.outputs}
    read = [*(one.rows for one in task.inputs), *task.lookups.values()]
    names |= {rows.stored.storage for slots in read for rows in slots if rows.stored is not None}
    for name in sorted(names):
        if name != SNAPSHOTS and not place.tables.storage(name).shared:
            raise RunError(
                "HW522",
                f"the storage {name!r} can be opened by one process at a time, the one that runs the plan",
                hint="run what it holds with --executor threads, or keep it in a storage of another kind",
            )


def _unshippable(asset: Asset[..., Any], config: dict[str, Any], error: Exception) -> RunError:
    """Names the first value that cannot be pickled."""
    for name, value in config.items():
        try:
            pickle.dumps(value)
        except Exception as own:  # noqa: BLE001 -- as above
            return RunError(
                "HW522",
                f"the value of {name!r} in the Config of {asset.key} cannot be sent to another process",
                where=asset.where,
                why=f"it is a {type(value).__name__}: {own}",
                hint="keep to plain values there (numbers, texts, dates, lists), or run it with --executor threads",
            )
    return RunError("HW522", f"the step of {asset.key} cannot be sent to another process", why=repr(error))
