"""Judging a step when its inputs have settled: nothing to do, found in history, or to be computed, and from what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from assets_core.check import Check, Severity
from assets_core.column_lineage import ORDER, ROWS
from assets_core.errors import DataError, HeadwaterError
from assets_core.facts import Facts, make_recipe
from assets_core.keys import Slot
from assets_core.partitions import has_slot
from assets_core.plan import Step
from assets_core.recipe import Recipe
from assets_core.records import Materialization
from assets_core.run import StepEvent
from assets_core.staleness import SlotState, judge
from assets_core.states import remember
from materializers.dispatch import Progress
from materializers.observe import Known, Scene, asset_facts, input_schemas
from materializers.outside import Outside


class Considering:
    """Judges the steps of one run.

    Arguments:
        known: moved on as steps are published, by this run or by others.
        done: slots that need not be forced again.
        meanwhile: slots that other runs have published since this one began; it grows.
    """

    def __init__(self, scene: Scene, known: Known, done: frozenset[Slot], meanwhile: Set[Slot]) -> None:
        self._scene = scene
        self._facts: Facts = known.facts
        self._versions = known.versions
        self._done = done
        self._meanwhile = meanwhile
        self._outside = Outside(scene, known.facts)

    def judged(self, progress: Progress, together: Callable[[], Sequence[Slot]]) -> StepEvent | None:
        """How a step ends without being computed; None if it must be, and then its recipes are in the progress.

        Arguments:
            together: gives the slots whose versions are to be prepared with this one's.

        Raises:
            HeadwaterError: its code does not type-check on its inputs, or they cannot be compared.
        """
        step = progress.step
        if all(self._is_ahead(slot) for slot in step.slots):
            return StepEvent.EQUAL
        if not self._inputs_are_there(step):
            return StepEvent.INPUT_ABSENT
        self._derive_now(step)
        self._prepare_versions(together())
        states = {} if self._forced(step) else {slot: judge(slot, self._facts).state for slot in step.slots}
        if states and all(state in (SlotState.FRESH, SlotState.ACCEPTED) for state in states.values()):
            for slot, state in states.items():
                if state is SlotState.FRESH:
                    remember(slot, self._facts.basis(slot), self._facts)
            return StepEvent.EQUAL
        if any(self._outside.renew(key) for key in dict.fromkeys(slot.asset for slot in step.slots)):
            return self.judged(progress, together)
        progress.read = {slot: self._outside.read(slot.asset) for slot in step.slots}
        progress.recipes = {slot: self._recipe(slot) for slot in step.slots}
        progress.ids = {slot: recipe.id for slot, recipe in progress.recipes.items()}
        progress.basis = {slot: self._facts.basis(slot) for slot in step.slots}
        progress.expected = {slot: self._shown(slot) for slot in step.slots}
        return None

    def moved(self, progress: Progress) -> tuple[str, ...]:
        """Files and environment variables that the code of a step reads and that have changed since it was judged."""
        slots = progress.recipes.items()
        moved = (one for slot, recipe in slots for one in self._outside.moved(slot, recipe, progress.read[slot]))
        return tuple(dict.fromkeys(moved))

    def confirm(self, progress: Progress) -> None:
        """Makes sure that an attempt's code read what it was judged by; to be called before its result is recorded.

        Raises:
            DataError: HW316, a file changed meanwhile.
        """
        asset = self._facts.graph.asset(progress.step.slot.asset)
        moved = () if progress.adopt or asset.volatile else self.moved(progress)
        if moved:
            raise DataError(
                "HW316", f"{', '.join(moved)}, which the code of {asset.key} reads, changed meanwhile",
                where=asset.where,
                hint="nothing was published from it; run the command again, or say volatile=True if the code writes it",
            )  # fmt: skip

    def history(self, steps: Iterable[Progress]) -> dict[str, Materialization]:
        """Earlier results of the steps' recipes by recipe id, looked up together."""
        asked = [
            recipe_id
            for one in steps
            if not self._forced(one.step) and not self._facts.graph.asset(one.step.slot.asset).volatile
            for recipe_id in one.ids.values()
        ]
        return self._scene.catalog.find_recipes(asked) if asked else {}

    def found(self, progress: Progress, history: Mapping[str, Materialization]) -> StepEvent | None:
        """How a step ends whose recipes were all made before; None if there is something to compute or to check.

        What is to be published from history is in the progress then, and so is what is only to be checked again.
        """
        made = {slot: history.get(recipe_id) for slot, recipe_id in progress.ids.items()}
        records = {slot: one for slot, one in made.items() if one is not None and one.slot == slot}
        progress.adopt = {}
        if len(records) < len(made) or not self._scene.tables.intact(records.values()):
            return None
        passed = {slot: {result.rule for result in one.checks if result.passed} for slot, one in records.items()}
        failed = {slot: {result.rule for result in one.checks if not result.passed} for slot, one in records.items()}
        wanted = {slot: {check.rule for check in self._blocking(slot)} for slot in records}
        if any(wanted[slot] & failed[slot] for slot in records):
            progress.made = tuple(records.values())
            return StepEvent.FOUND_BLOCKED
        settled = all(not one.blocked for one in records.values())
        if settled and all(wanted[slot] <= passed[slot] for slot in records):
            progress.made = tuple(records.values())
            return StepEvent.FOUND
        progress.adopt = records
        return None

    def _is_ahead(self, slot: Slot) -> bool:
        """Whether another run has published a slot meanwhile, of windows that have ended only since this one began."""
        if slot not in self._meanwhile or slot not in self._facts.published:
            return False
        recipe = self._facts.published[slot].recipe
        return recipe is not None and any(
            part.partition not in self._facts.places(read.asset)
            and has_slot(self._facts.graph.definitions[read.asset].partitions, part.partition)
            for read in recipe.inputs
            if read.asset in self._facts.graph.definitions
            for part in read.parts
        )

    def _forced(self, step: Step) -> bool:
        return step.forced and not self._done.issuperset(step.slots)

    def _inputs_are_there(self, step: Step) -> bool:
        graph = self._facts.graph
        return all(
            upstream in self._facts.published
            for bound in graph.inputs[step.slot.asset]
            for upstream in self._facts.reads(step.slot, bound)
        )

    def _prepare_versions(self, slots: Sequence[Slot]) -> None:
        """Computes in one pass what slots of one asset compare of what they read, as far as it is not known."""
        facts = self._facts
        for bound in facts.graph.inputs[slots[0].asset] if slots else ():
            columns = facts.read_set(slots[0].asset, bound)
            if columns is not None:
                read = [one for slot in slots for one in facts.reads(slot, bound)]
                facts.published.fetch(read)
                made = {slot: facts.published[slot] for slot in read if slot in facts.published}
                self._versions.prepare(tuple(made.values()), tuple(name for name, _ in columns))

    def _derive_now(self, step: Step) -> None:
        """Derives an asset whose inputs' schemas have become known only now, or are others than it was planned with."""
        facts = self._facts
        for slot in step.slots:
            asset, known = facts.graph.asset(slot.asset), facts.assets[slot.asset]
            schemas = tuple(schema for _, schema in input_schemas(facts.graph, asset, facts))
            if known.derivation is None or known.input_schemas != schemas:
                found = facts.assets[slot.asset] = asset_facts(self._scene, asset, facts)
                if found.derivation is not None and found.derivation.errors:
                    raise found.derivation.errors[0]

    def _recipe(self, slot: Slot) -> Recipe:
        recipe = make_recipe(slot, self._facts)
        if recipe is None:
            unknown = [one.key for one in self._facts.graph.inputs[slot.asset] if self._facts.schema(one.key) is None]
            if unknown:
                raise HeadwaterError(
                    "HW512", f"{slot} reads no slot of {unknown[0]}, whose columns are not known yet", where=str(slot),
                    hint=f"declare schema= on {unknown[0]}, or materialize {slot} when it has a partition",
                )  # fmt: skip
            self._refuse_lacking(slot)
            raise HeadwaterError(
                "HW512", f"the inputs of {slot} cannot be compared", where=str(slot),
                hint="their stored data may be gone: headwater audit verify",
            )  # fmt: skip
        return recipe

    def _refuse_lacking(self, slot: Slot) -> None:
        """Refuses to read columns of slots that were made before they had them."""
        facts = self._facts
        for bound in facts.graph.inputs[slot.asset]:
            wanted = {name for name, _ in facts.read_set(slot.asset, bound) or () if name not in (ROWS, ORDER)}
            for read in facts.reads(slot, bound):
                lacking = sorted(wanted.difference(name for name, _ in facts.published[read].schema))
                if lacking:
                    raise HeadwaterError(
                        "HW512", f"{slot} reads {', '.join(lacking[:5])} of {read}, which was made without",
                        where=str(slot), hint=f"materialize {read} again with today's code",
                    )  # fmt: skip

    def _shown(self, slot: Slot) -> str | None:
        made = self._facts.published.get(slot)
        # What is shown under a former key is not what the catalog shows under this one.
        return None if made is None or made.slot != slot else made.id

    def _blocking(self, slot: Slot) -> list[Check]:
        return [one for one in self._facts.graph.asset(slot.asset).checks if one.severity is Severity.BLOCKING]
