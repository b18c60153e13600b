"""The catalog against a plain model of it: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assets_core.keys import Slot
from assets_core.records import Materialization
from lineage.audit import verify
from lineage.catalog.store import Catalog
from lineage.catalog.values import Outcome, Publish, Retired
from tests.lineage.catalog_samples import NOW, begun, made_of, outcome_of

SLOTS = [Slot("a"), Slot("b", "1"), Slot("b", "2")]
ENVS = ["dev", "prod"]
slots = st.sampled_from(SLOTS)
envs = st.sampled_from(ENVS)


@dataclass
class Model:
    """What the catalog should say."""

    shown: dict[str, dict[Slot, str]] = field(default_factory=lambda: {env: {} for env in ENVS})
    blocked: dict[str, dict[Slot, str]] = field(default_factory=lambda: {env: {} for env in ENVS})
    made: dict[str, Materialization] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    past: dict[int, dict[str, dict[Slot, str]]] = field(default_factory=dict)

    def remember(self, sequence: int) -> None:
        """Keeps what is shown as of a log entry."""
        self.past[sequence] = {env: dict(shown) for env, shown in self.shown.items()}


class CatalogMachine(RuleBasedStateMachine):
    """Makes, publishes, blocks, withdraws and retires; reopens in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.catalog = Catalog.open(self.folder / "catalog.sqlite", durability="none")
        self.model = Model()
        for env in ENVS:
            begun(self.catalog, f"run {env}", env)

    def teardown(self) -> None:
        self.catalog.close()
        shutil.rmtree(self.folder)

    def new(self, slot: Slot, env: str, *, blocked: bool = False) -> Materialization:
        inputs = list(self.model.made.values())[-2:]
        made = made_of(str(len(self.model.made)), slot, inputs, run_id=f"run {env}", blocked=blocked)
        self.model.made[made.id] = made
        return made

    def commit(self, env: str, *outcomes: Outcome) -> tuple[Slot, ...]:
        report = self.catalog.commit(env, f"run {env}", outcomes, NOW)
        self.report = report
        return report.lost

    @rule(slot=slots, env=envs)
    def make_and_publish(self, slot: Slot, env: str) -> None:
        expected = self.model.shown[env].get(slot)
        made = self.new(slot, env)
        assert self.commit(env, outcome_of(made, expected)) == ()
        self.model.shown[env][slot] = made.id
        self.model.blocked[env].pop(slot, None)
        self.model.remember(self.report.sequence)

    @rule(env=envs)
    def make_several_at_once(self, env: str) -> None:
        made = [self.new(slot, env) for slot in SLOTS]
        outcomes = [outcome_of(one, self.model.shown[env].get(one.slot)) for one in made]
        assert self.commit(env, *outcomes) == ()
        self.model.shown[env].update({one.slot: one.id for one in made})
        self.model.blocked[env].clear()
        self.model.remember(self.report.sequence)

    @rule(slot=slots, env=envs)
    def make_what_is_blocked(self, slot: Slot, env: str) -> None:
        made = self.new(slot, env, blocked=True)
        assert self.commit(env, outcome_of(made)) == ()
        self.model.blocked[env][slot] = made.id
        self.model.remember(self.report.sequence)

    @precondition(lambda self: self.model.made)
    @rule(data=st.data(), env=envs, right=st.booleans())
    def publish_an_old_one(self, data: st.DataObject, env: str, right: bool) -> None:
        made = self.model.made[data.draw(st.sampled_from(sorted(self.model.made)))]
        shown = self.model.shown[env].get(made.slot)
        known = [None, *self.model.made]
        expected = shown if right else data.draw(st.sampled_from(known))
        lost = self.commit(env, Outcome(publish=(Publish(made.slot, made.id, expected),)))
        if shown == made.id:
            assert lost == ()
        elif expected != shown or made.id in self.model.retired:
            assert lost == (made.slot,)
        else:
            assert lost == ()
            self.model.shown[env][made.slot] = made.id
            self.model.blocked[env].pop(made.slot, None)
        self.model.remember(self.report.sequence)

    @rule(slot=slots, env=envs)
    def take_from_view(self, slot: Slot, env: str) -> None:
        shown = self.model.shown[env].get(slot)
        assert self.commit(env, Outcome(publish=(Publish(slot, None, shown),))) == ()
        if shown is not None:
            del self.model.shown[env][slot]
            self.model.blocked[env].pop(slot, None)
        self.model.remember(self.report.sequence)

    @precondition(lambda self: self.model.made)
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(sorted(self.model.made)))
        self.catalog.retire([identifier], Retired.WITHDRAWN, reason="", run_id=None, at=NOW)
        self.model.retired.add(identifier)

    @rule()
    def reopen(self) -> None:
        self.catalog.close()
        self.catalog = Catalog.open(self.folder / "catalog.sqlite", durability="none")

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        for env in ENVS:
            expected = {slot: self.model.made[one] for slot, one in self.model.shown[env].items()}
            assert self.catalog.published(env) == expected
            aside = {slot: self.model.made[one] for slot, one in self.model.blocked[env].items()}
            assert self.catalog.latest_blocked(env) == aside

    @invariant()
    def remembers_the_past(self) -> None:
        for sequence in list(self.model.past)[-3:]:
            for env in ENVS:
                shown = self.catalog.published(env, as_of=sequence, lineage=False)
                assert {slot: made.id for slot, made in shown.items()} == self.model.past[sequence][env]

    @invariant()
    def finds_recipes_that_are_not_retired(self) -> None:
        usable = {
            one.recipe.id: one for one in self.model.made.values() if one.recipe and one.id not in self.model.retired
        }
        ids = [one.recipe.id for one in self.model.made.values() if one.recipe]
        assert self.catalog.find_recipes(ids) == usable

    @invariant()
    def verifies(self) -> None:
        assert verify(self.catalog, lambda stored: stored.digest).ok


TestCatalogMachine = CatalogMachine.TestCase
TestCatalogMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
