"""From a step of the plan to the task that carries it out: everything pinned, nothing read yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from assets_core.errors import RunError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.plan import Step
from assets_core.recipe import Recipe
from assets_core.records import AttemptLog, Materialization, StepError
from lineage.derive import with_source
from materializers.observe import Scene, input_schemas
from materializers.step_task import RowsAt, Shown, StepTask, TaskInput, TaskOutput, rows_of


@dataclass
class Progress:
    """What the engine keeps of one step while it is under way.

    Arguments:
        recipes: by slot, the recipe with its inputs pinned.
        basis: by slot, what its inputs showed then, in little.
        expected: by slot, the id of what it showed when the step was dispatched.
        adopt: by slot, an earlier materialization whose data is only to be checked again.
        made: what came of it.
    """

    attempts: int = 0
    seconds: float = 0.0
    recipes: dict[Slot, Recipe] = field(default_factory=dict)
    basis: dict[Slot, bytes | None] = field(default_factory=dict)
    expected: dict[Slot, str | None] = field(default_factory=dict)
    adopt: dict[Slot, Materialization] = field(default_factory=dict)
    made: tuple[Materialization, ...] = ()
    error: StepError | None = None
    logs: list[AttemptLog] = field(default_factory=list)


class Dispatcher:
    """Makes tasks for the steps of one run.

    Arguments:
        facts: moved on by the engine as steps are published.
    """

    def __init__(self, scene: Scene, facts: Facts, run_id: str) -> None:
        self.scene = scene
        self.facts = facts
        self.run_id = run_id
        self._readers = _readers(scene)

    def task(self, step: Step, progress: Progress) -> StepTask:
        """All that the next attempt at a step needs.

        Raises:
            RunError: HW512, an asset of the step cannot be derived.
        """
        asset = self.facts.graph.asset(step.slot.asset)
        partition = None
        if asset.partitions is not None and step.slot.partition is not None:
            partition = asset.partitions.partition(step.slot.partition)
        return StepTask(
            tuple(self._output(slot, progress) for slot in step.slots),
            tuple(self._inputs(step.slot)),
            self.run_id,
            progress.attempts + 1,
            partition,
            self.scene.configs.get(asset.key),
            self._lookups(step),
        )

    def _inputs(self, slot: Slot) -> Iterable[TaskInput]:
        for bound in self.facts.graph.inputs[slot.asset]:
            made = [self.facts.published[one] for one in self.facts.reads(slot, bound)]
            columns = self.facts.read_set(slot.asset, bound)
            derivation = self.facts.assets[slot.asset].derivation
            whole = derivation is None or bound.name not in derivation.read_sets
            names = None if whole or columns is None else tuple(name for name, _ in columns)
            schema = made[0].schema if made else self.facts.schema(bound.key) or ()
            yield TaskInput(bound.name, bound.key, bound.form, schema, names, tuple(map(rows_of, made)))

    def _output(self, slot: Slot, progress: Progress) -> TaskOutput:
        asset = self.facts.graph.asset(slot.asset)
        derivation = self.facts.assets[slot.asset].derivation
        if derivation is None:
            raise RunError("HW512", f"{slot} cannot be derived", where=asset.where)
        inputs = input_schemas(self.facts.graph, asset, self.facts)
        recipe = progress.recipes[slot]
        recipe = replace(recipe, code=with_source(asset, recipe.code, inputs, self.scene.derived))
        shown = self.facts.published.get(slot)
        return TaskOutput(
            slot,
            recipe,
            derivation.lineage,
            self._read_sets(slot.asset),
            None if shown is None else Shown(shown.id, shown.version),
            self._originals(shown),
            progress.adopt.get(slot),
        )

    def _read_sets(self, key: str) -> tuple[tuple[str, ...], ...]:
        """What the readers of an asset read of it, as far as they are derived."""
        found: dict[tuple[str, ...], None] = {}
        for reader, name in self._readers.get(key, ()):
            facts = self.facts.assets.get(reader)
            if facts is not None and facts.derivation is not None and name in facts.derivation.read_sets:
                found[facts.derivation.read_sets[name]] = None
        return tuple(found)

    def _originals(self, shown: Materialization | None) -> dict[str, RowsAt]:
        if shown is None:
            return {}
        earlier = {one for one in shown.version.origins.values() if one != shown.id}
        records = self.scene.catalog.materializations(earlier) if earlier else {}
        return {made.id: rows_of(made) for made in (shown, *records.values())}

    def _lookups(self, step: Step) -> dict[str, tuple[RowsAt, ...]]:
        """What is published now of the assets and sources in which the step's checks look values up."""
        checks = (check for slot in step.slots for check in self.facts.graph.asset(slot.asset).checks)
        targets = {check.target for check in checks if check.target is not None}
        return {key: self._published(key) for key in targets}

    def _published(self, key: str) -> tuple[RowsAt, ...]:
        """Where the rows of every slot of an asset lie that is published now."""
        slots = [Slot(key, partition) for partition in list(self.facts.published.glances(key))]
        self.facts.published.fetch(slots)
        return tuple(rows_of(self.facts.published[slot]) for slot in slots)


def _readers(scene: Scene) -> dict[str, list[tuple[str, str]]]:
    """By key, the assets that read it and the name it is bound to there."""
    found: dict[str, list[tuple[str, str]]] = {}
    for reader, inputs in scene.graph.inputs.items():
        for bound in inputs:
            found.setdefault(bound.key, []).append((reader, bound.name))
    return found
