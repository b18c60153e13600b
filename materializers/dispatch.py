"""From a step of the plan to the task that carries it out: everything pinned, nothing read yet."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assets_core.asset import Asset, Source
from assets_core.errors import RunError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.plan import Step
from assets_core.recipe import Recipe
from assets_core.records import AttemptLog, Materialization, StepError
from lineage.code import Part, SourceReading
from lineage.derive import read_source, with_source
from lineage.locality import Locality, locality_of, split_as_declared
from materializers.observe import Scene, input_schemas
from materializers.step_task import RowsAt, Shown, StepTask, TaskInput, TaskOutput, rows_of


@dataclass
class Progress:
    """What the engine keeps of one step while it is under way.

    Arguments:
        recipes: by slot, the recipe with its inputs pinned; ``ids``: their ids, which take a digest to tell.
        basis: by slot, what its inputs showed then, in little.
        read: by slot, what its code was read from then; None where that reads nothing beside its inputs.
        expected: by slot, the id of what it showed when the step was dispatched.
        adopt: by slot, an earlier materialization whose data is only to be checked again.
        made: what came of it.
        sources: the observations that the attempt under way reads, which must still hold when it has ended.
        judged_at: how often other runs had moved the facts on when the step was judged last.
    """

    step: Step
    attempts: int = 0
    seconds: float = 0.0
    recipes: dict[Slot, Recipe] = field(default_factory=dict)
    ids: dict[Slot, str] = field(default_factory=dict)
    basis: dict[Slot, bytes | None] = field(default_factory=dict)
    read: dict[Slot, SourceReading | None] = field(default_factory=dict)
    expected: dict[Slot, str | None] = field(default_factory=dict)
    adopt: dict[Slot, Materialization] = field(default_factory=dict)
    made: tuple[Materialization, ...] = ()
    error: StepError | None = None
    logs: list[AttemptLog] = field(default_factory=list)
    judged_at: int = -1
    sources: list[list[Materialization]] = field(default_factory=list)


class Dispatcher:
    """Makes tasks for the steps of one run.

    Arguments:
        facts: moved on by the engine as steps are published.
        planned: the keys of all assets of the plan.
    """

    def __init__(self, scene: Scene, facts: Facts, run_id: str, planned: Container[str] = ()) -> None:
        self.scene = scene
        self.facts = facts
        self.run_id = run_id
        self._planned = planned
        self._readers = _readers(scene)
        self._locality: dict[str, Locality] = {}

    def task(self, progress: Progress) -> StepTask:
        """All that the next attempt at a step needs.

        Raises:
            RunError: HW512, an asset of the step cannot be derived.
        """
        step = progress.step
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
            reached=self._reached(asset),
        )

    def batch(self, progresses: Sequence[Progress]) -> StepTask:
        """The task of several steps of one asset: one call on the rows of all their slots.

        Raises:
            RunError: HW512, the asset cannot be derived; HW514, it has no partitions.
        """
        first = progresses[0].step.slot
        definition = self.facts.graph.asset(first.asset).partitions
        if definition is None:
            raise RunError("HW514", f"{first} has no partitions to be computed together")
        ordered = sorted(progresses, key=lambda one: definition.index(one.step.slot.partition or ""))
        slots = [one.step.slot for one in ordered]
        self.facts.published.fetch(slots)
        trials = () if self._local(slots) else tuple(self.task(ordered[place]) for place in self._telling(slots))
        outputs = {one.step.slot: self._output(one.step.slot, one) for one in ordered}
        return replace(
            self.task(ordered[0]),
            outputs=tuple(outputs.values()),
            inputs=tuple(self._inputs(*slots)),
            partition=None,
            partitions=tuple(definition.partition(slot.partition or "") for slot in slots),
            trials=trials,
        )

    def _telling(self, slots: Sequence[Slot]) -> Sequence[int]:
        """The places of slots that are computed alone to compare: of those with rows to read the middle one, which has
        others on both sides and shows what comes from before and from behind; both where there are only two.
        """
        reads = [[self.facts.reads(slot, bound) for bound in self.facts.graph.inputs[slot.asset]] for slot in slots]
        self.facts.published.fetch({one for read in reads for part in read for one in part})
        filled = [sum(any(self.facts.published[one].version.rows for one in part) for part in read) for read in reads]
        found = [place for place, count in enumerate(filled) if count == max(filled)]
        return found if len(found) <= 2 else [found[len(found) // 2]]

    def _local(self, slots: Sequence[Slot]) -> bool:
        """Whether computing slots together is proven to give what computing each of them alone gives."""
        key = slots[0].asset
        if key not in self._locality:
            inputs = input_schemas(self.facts.graph, self.facts.graph.asset(key), self.facts)
            self._locality[key] = locality_of(self.facts.graph, key, inputs, self.scene.configs.get(key))
        found = self._locality[key]
        if not found.proven:
            return False
        graph = self.facts.graph
        return all(
            split_as_declared(self.facts.published[one], graph.definitions[bound.key])
            for bound in graph.inputs[key]
            if bound.name in found.split
            for slot in slots
            for one in self.facts.reads(slot, bound)
        )

    def sources(self, step: Step) -> list[list[Materialization]]:
        """The observations that an attempt reads, a list a source."""
        graph = self.facts.graph
        return [
            [self.facts.published[one] for one in self.facts.reads(step.slot, bound)]
            for bound in graph.inputs[step.slot.asset]
            if isinstance(graph.definitions[bound.key], Source)
        ]

    def _inputs(self, slot: Slot, *more: Slot) -> Iterable[TaskInput]:
        """The inputs of a slot; of several slots the union of what they read."""
        for bound in self.facts.graph.inputs[slot.asset]:
            read = dict.fromkeys(one for each in (slot, *more) for one in self.facts.reads(each, bound))
            self.facts.published.fetch(read)
            made = [self.facts.published[one] for one in read]
            columns = self.facts.read_set(slot.asset, bound)
            derivation = self.facts.assets[slot.asset].derivation
            whole = derivation is None or bound.name not in derivation.read_sets
            names = None if whole or columns is None else tuple(name for name, _ in columns)
            schema = made[0].schema if made else self.facts.schema(bound.key) or ()
            count = sum(one.version.rows or 0 for one in made)
            yield TaskInput(bound.name, bound.key, bound.form, schema, names, tuple(map(rows_of, made)), count)

    def _output(self, slot: Slot, progress: Progress) -> TaskOutput:
        asset = self.facts.graph.asset(slot.asset)
        derivation = self.facts.assets[slot.asset].derivation
        if derivation is None:
            raise RunError("HW512", f"{slot} cannot be derived", where=asset.where)
        inputs = input_schemas(self.facts.graph, asset, self.facts)
        recipe = progress.recipes[slot]
        recipe = recipe.with_evidence(with_source(asset, recipe.code, inputs, self.scene.derived))
        shown = self.facts.published.get(slot)
        return TaskOutput(
            slot,
            recipe,
            derivation.lineage,
            self._read_sets(slot.asset),
            None if shown is None else Shown(shown.id, shown.version),
            self._originals(shown),
            progress.adopt.get(slot),
            any(reader in self._planned for reader, _ in self._readers.get(slot.asset, ())),
        )

    def _reached(self, asset: Asset[..., Any]) -> tuple[Part, ...]:
        if asset.version is not None or asset.volatile:
            return ()
        return read_source(asset, input_schemas(self.facts.graph, asset, self.facts), self.scene.derived).reached

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
        """Where the rows of every slot lie that an asset has and that is published now."""
        slots = self.facts.slots_shown(key)
        self.facts.published.fetch(slots)
        return tuple(rows_of(self.facts.published[slot]) for slot in slots)


def _readers(scene: Scene) -> dict[str, list[tuple[str, str]]]:
    """By key, the assets that read it and the name it is bound to there."""
    found: dict[str, list[tuple[str, str]]] = {}
    for reader, inputs in scene.graph.inputs.items():
        for bound in inputs:
            found.setdefault(bound.key, []).append((reader, bound.name))
    return found
