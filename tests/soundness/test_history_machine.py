"""Random projects whose code, data, settings and environments are edited at random, against a model from scratch.

People edit files and run commands in any order. After every run what is published must be what computing everything
anew gives; a step may be computed only where the model knows of no earlier making of the same recipe; whatever is
called fresh must be right without a run, and every reason must name a change that happened. Nothing that moves pointers
may move others than it is about. ``make soundness`` runs many more sequences than ``make test``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from assets_core.errors import HeadwaterError
from assets_core.ports import RunResult, StepOutcome
from headwater import Project
from headwater.environments import Changed
from tests.soundness.history_edits import NUMBERS, ROW, Edits, sources
from tests.soundness.history_model import NOTHING, Model
from tests.soundness.history_project import ENVS, READS, SOURCES, Files, Node, multiset
from tests.soundness.history_reasons import hold_water

SEQUENCES = int(os.environ.get("HEADWATER_SEQUENCES", "15"))
T = TypeVar("T")
BADLY = {"blocked", "upstream_failed", "upstream_missing"}
envs = st.sampled_from(ENVS)


class Histories(Edits):
    """The machine; its rules are what people do."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A random graph of two sources and up to five assets, all materialized in prod."""
        self.files = Files(Path(tempfile.mkdtemp()))
        self.model = Model(self.files)
        self.turn = 0
        for key in SOURCES:
            self.files.rows[key] = [(n, *data.draw(ROW)) for n in range(data.draw(st.integers(1, 4)))]
        for place in range(data.draw(st.integers(2, 5))):
            form = data.draw(st.sampled_from(["lazy", "eager", "sql"]))
            known = [*SOURCES, *self.files.nodes]
            count = 1 if form == "sql" else data.draw(st.integers(1, 2))
            inputs = tuple(data.draw(st.permutations(known))[:count])
            key = f"n{place}"
            op, number = data.draw(st.sampled_from(sorted(READS))), data.draw(NUMBERS)
            self.files.nodes[key] = Node(key, form, op, number, inputs, configured=data.draw(st.booleans()))
        self.run_all("prod")

    def teardown(self) -> None:
        """Proves the records once more and removes the project's folder."""
        if not hasattr(self, "files"):
            return
        try:
            with self.at("prod") as project:
                assert project.verify(data=False).findings == ()
            for env in ENVS:
                self.look(env)
        finally:
            shutil.rmtree(self.files.root)

    # -- running ------------------------------------------------------------------------------------------------------

    @rule(env=envs)
    def run_all(self, env: str) -> None:
        """A run of everything; a second one would find nothing but what cannot be done."""
        self.run(env, "", NOTHING)

    @rule(env=envs, key=sources, data=st.data())
    def the_nightly_case(self, env: str, key: str, data: st.DataObject) -> None:
        """One cell changed since the last full run."""
        self.edit_a_cell(key, data)
        self.run(env, "", NOTHING)

    @rule(env=envs, data=st.data(), number=st.none() | NUMBERS, force=st.sampled_from([False, False, True]))
    def run_some(self, env: str, data: st.DataObject, number: int | None, force: bool) -> None:
        """A run of one asset and what lies above it, perhaps with a setting given on the command line."""
        key = self.node(data)
        given = {key: number} if number is not None and self.files.nodes[key].configured else {}
        self.run(env, f"+{key}", given, force=force)

    def run(self, env: str, select: str, given: Mapping[str, int], *, force: bool = False) -> None:
        """Carries out a run and holds it to the model."""
        model = self.model
        self.write()
        before = dict(model.shown[env])
        with self.at(env, given) as project:
            selected = project.select(select)
            result = self.act(env, lambda: project.materialize(select, force=force), env in model.frozen)
            if result is None:
                return
            self.note(result)
            states = {one.slot.asset: str(one.state) for one in result.steps}
            for one in sorted(result.steps, key=lambda one: one.slot):  # an asset's name tells its place in the graph
                self.hold(project, result, one, given, states, forced=force)
            self.agree(project, env)
            for key in model.files.nodes:
                if states.get(key) not in ("succeeded", "reused"):
                    assert model.shown[env].get(key) == before.get(key), (key, states)
                if key in selected and key not in states and key not in model.held[env]:
                    shown, want = model.content(env, key), model.want(env, key, given)
                    right = want is None or (shown is not None and multiset(shown) == multiset(want))
                    assert right or model.stays(env, key, given) is not False, (key, shown, want)
            if not select:
                again = {step.slot.asset for step in project.plan().steps}
                assert again == {key for key, state in states.items() if state in BADLY}, (again, states)
        model.end(result.run_id, env)

    def hold(
        self,
        project: Project,
        result: RunResult,
        one: StepOutcome,
        given: Mapping[str, int],
        states: Mapping[str, str],
        *,
        forced: bool,
    ) -> None:
        """Holds one step, whose inputs have settled, to the model."""
        model, env, key = self.model, project.env, one.slot.asset
        node, want = model.files.nodes[key], model.want(env, key, given)
        about = (key, str(one.state), [str(reason) for reason in one.reasons], one.error)
        assert key not in model.held[env], about
        if one.state == "upstream_failed":
            assert any(states.get(upstream) in BADLY for upstream in node.inputs), about
            return
        if one.state == "upstream_missing" or want is None:
            assert (one.state == "upstream_missing") == (want is None), about
            return
        assert one.state in ("succeeded", "reused", "skipped", "blocked"), about
        if one.state == "skipped":
            shown = model.content(env, key)
            assert shown is not None, about
            assert multiset(shown) == multiset(want) or model.stays(env, key, given) is not False, about
            return
        assert forced or not model.stays(env, key, given), about
        assert (one.state == "blocked") == model.violated(key, want), about
        assert one.materialization is not None, about
        recipe = model.recipe(env, key, given)
        record = project.catalog.materializations([one.materialization])[one.materialization]
        assert record.stored is not None, about
        if one.materialization not in model.made:
            folder = ".headwater/other" if record.stored.storage == "other" else ".headwater/data"
            location = str(model.files.root / folder / record.stored.location)
            computed = record.id in location
            assert not computed or forced or not model.needless(recipe), f"{about} was made before"
            assert computed == (one.state == "succeeded") or one.state == "blocked", about
            model.record(record.id, env, key, given, recipe, location)
        assert record.blocked == (one.state == "blocked") or one.state == "blocked", about
        made = model.made[one.materialization]
        assert multiset(made.frame) == multiset(want), about
        assert multiset(project.tables.scan([record]).collect()) == multiset(want), about
        if one.state != "blocked":
            assert one.materialization not in model.withdrawn, about
            model.show(env, key, one.materialization)

    # -- environments -------------------------------------------------------------------------------------------------

    @rule(origin=envs, frozen=st.sampled_from([False, False, True]))
    def create(self, origin: str, frozen: bool) -> None:
        """Another environment is made to show the same."""
        model = self.model
        self.write()
        with self.at(origin) as project:
            known = {one.name: one.record for one in project.environments()}["x"]
            wrong = origin == "x" or bool(known.shown or known.created)
            done = self.act(origin, lambda: project.create_environment("x", frozen=frozen), wrong)
            if done is not None:
                self.note(done)
                for key, one in list(model.shown[origin].items()):
                    model.show("x", key, one)
                model.step("x", origin)
                model.followed["x", origin] = set(model.shown["x"].values())
                model.accepted["x"] |= {one for one in model.accepted[origin] if one[0] in model.followed["x", origin]}
                model.frozen |= {"x"} if frozen else set()
                self.agree(project, "x")
                model.end(done.run_id, "x")

    @rule(origin=envs, goal=envs, force=st.booleans())
    def promote(self, origin: str, goal: str, force: bool) -> None:
        """One environment takes over what it would make the same way; the rest is named and stays."""
        model, target = self.model, goal
        self.write()
        theirs = dict(model.shown[origin])
        with self.at(target) as project:
            wrong = origin == target or target in model.frozen
            proposal = self.act(target, lambda: project.promotion(origin), wrong)
            if proposal is None:
                return
            if (origin, target) not in model.in_step:  # the origin was never used
                assert not theirs
                return
            self.hold_promotion(proposal, theirs)
            conflicts = {one.asset for one in proposal.conflicts}
            refused = bool(conflicts) and not force
            done = self.act(target, lambda: project.promote(proposal, force=force), refused)
            if done is not None:
                self.note(done)
                for one in done.moved:
                    model.show(target, one.slot.asset, theirs[one.slot.asset])
                if done.moved:
                    model.step(origin, target)
                model.end(done.run_id, target)
            self.agree(project, target)

    def hold_promotion(self, proposal: Changed, theirs: dict[str, str]) -> None:
        """What moves is what the target would make now, what stays is not, and what is overwritten unseen is told."""
        model, target = self.model, proposal.env
        before = dict(model.shown[target])
        moved = {one.slot.asset: one.after for one in proposal.moved}
        left = {one.slot.asset: one.reason for one in proposal.left}
        assert {*moved, *left} == {key for key, one in theirs.items() if before.get(key) != one}
        overwritten = {key for key in moved if model.moved_meanwhile(proposal.origin, target, key)}
        assert {one.asset for one in proposal.conflicts} == overwritten
        for key in self.files.nodes:
            if key not in moved and key not in left:
                continue
            made = model.made[theirs[key]]
            want, recipe = model.want(target, key), model.recipe(target, key)
            same = made.recipe[:-1] == recipe[:-1]
            if key in moved:
                assert key not in model.held[target]
                assert same, (key, made.recipe, recipe)
                assert model.usable(theirs[key]), key
                assert want is not None, key
                assert multiset(made.frame) == multiset(want), key
                model.shown[target][key] = theirs[key]  # what lies below is judged on it
            else:
                good = same and model.usable(theirs[key]) and not self.files.nodes[key].ordered
                assert not good or key in model.held[target], (key, left[key])
        model.shown[target] = before

    @rule(env=envs, place=st.integers(0, 5))
    def roll_back(self, env: str, place: int) -> None:
        """An environment shows what it showed when a run ended, and what moved is held."""
        model = self.model
        runs = [run for run, (where, _) in model.left.items() if where == env]
        if not runs:
            return
        self.write()
        to, before = runs[-1 - place % len(runs)], dict(model.shown[env])
        with self.at(env) as project:
            if env not in model.frozen and project.catalog.first_publication(env) is None:
                return
            done = self.act(env, lambda: project.rollback(to), env in model.frozen)
            if done is None:
                return
            self.note(done)
            then = model.left[to][1]
            after = self.pointers(project, env)
            for key in self.files.nodes:
                if then.get(key) in model.withdrawn:
                    assert after.get(key) not in model.withdrawn, key
                else:
                    assert after.get(key) == then.get(key), key
                model.show(env, key, after.get(key))
            changed = {key for key in self.files.nodes if before.get(key) != after.get(key)}
            assert {one.asset for one in done.held} == changed
            model.held[env] |= changed
            model.end(done.run_id, env)
            self.agree(project, env)

    @rule(env=envs, data=st.data(), some=st.booleans())
    def release(self, env: str, data: st.DataObject, some: bool) -> None:
        """Slots that were held are let go."""
        model = self.model
        key = self.node(data) if some else ""
        self.write()
        with self.at(env) as project:
            done = self.act(env, lambda: project.release(key), env in model.frozen)
            if done is not None:
                self.note(done)
                freed = model.held[env] & ({key} if some else set(self.files.nodes))
                assert {one.asset for one in done.released} == freed
                model.held[env] -= freed
                self.agree(project, env)

    @rule(env=envs, data=st.data(), some=st.booleans())
    def accept(self, env: str, data: st.DataObject, some: bool) -> None:
        """Somebody says that a change of code is not to touch what is shown."""
        self.accept_now(env, self.node(data) if some else "")

    @rule(env=envs, data=st.data(), ops=st.permutations(sorted(READS)), back=st.booleans())
    def accept_a_change(self, env: str, data: st.DataObject, ops: list[str], back: bool) -> None:
        """All is fresh, the code of an asset changes, and that is not to touch what is shown; the next change does."""
        self.run(env, "", NOTHING)
        key = self.node(data)
        for op in ops[:2]:
            self.files.edit(key, op=op)
            if op == ops[0]:
                self.accept_now(env, key)
            self.look(env)
        self.files.edit(key, op=ops[0] if back else ops[1])

    def accept_now(self, env: str, select: str) -> None:
        """Accepts all that is selected of which nothing but the code differs."""
        model = self.model
        self.write()
        free = {key for key in self.files.nodes if select in ("", key)} - model.held[env]
        told = {
            key: model.code_alone(env, key) and model.other_code(env, key)
            for key in free
            if not model.stays(env, key) and model.other_code(env, key) is not False
        }
        sure = {key for key, one in told.items() if one}
        guess = {key for key, one in told.items() if one is None}
        frozen = env in model.frozen
        if guess and not sure and not frozen:
            return
        with self.at(env) as project:
            done = self.act(env, lambda: project.accept(select, reason="as it was"), frozen or not sure)
            if done is not None:
                accepted = {slot.asset for slot in done.slots}
                assert sure <= accepted <= sure | guess, (sure, accepted, guess)
                for key in accepted:
                    model.accept(env, key)
                model.used(env)
                model.end(done.run_id, env)
                self.agree(project, env)

    @rule(env=envs, data=st.data())
    def withdraw(self, env: str, data: st.DataObject) -> None:
        """Somebody found a result wrong: nobody is shown it any more."""
        model, key = self.model, self.node(data)
        self.write()
        wrong = model.shown[env].get(key)
        with self.at(env) as project:
            done = self.act(env, lambda: project.withdraw(key, reason="wrong"), wrong is None)
            if done is None or wrong is None:
                return
            model.used(env)
            model.withdrawn.add(wrong)
            for other in ENVS:
                if model.shown[other].get(key) == wrong:
                    instead = self.pointers(project, other).get(key)
                    assert instead not in model.withdrawn
                    assert instead is None or other not in model.frozen
                    assert instead is None or model.made[instead].node.key == key
                    model.show(other, key, instead)
            model.end(done.run_id, env)
            for other in ENVS:
                self.agree(project, other)

    @rule(env=st.sampled_from(["dev", "x"]))
    def drop(self, env: str) -> None:
        """An environment shows nothing any more."""
        model = self.model
        self.write()
        with self.at(env) as project:
            done = self.act(env, project.drop_environment, False)
            assert done is not None
            self.note(done)
            for key in list(model.shown[env]):
                model.show(env, key, None)
            model.held[env].clear()
            model.accepted[env].clear()
            model.frozen.discard(env)
            model.end(done.run_id, env)
            self.agree(project, env)

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def what_is_said_of_slots_is_true(self) -> None:
        """Each environment in turn: fresh is right, and reasons name changes that happened."""
        if hasattr(self, "files"):
            self.turn += 1
            self.look(ENVS[self.turn % len(ENVS)])

    def look(self, env: str) -> None:
        """Holds the status of one environment to the model."""
        self.write()
        with self.at(env) as project:
            hold_water(self.model, env, project.status())

    # -- tools --------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Writes the files as they have come to be edited."""
        self.files.write()

    def at(self, env: str, given: Mapping[str, int] = NOTHING) -> Project:
        """The project as its files say now."""
        return Project.load(self.files.root, env=env, set=[f"{key}:number={one}" for key, one in given.items()])

    def act(self, env: str, action: Callable[[], T], refused: bool) -> T | None:
        """Does something that must be refused, or must not be."""
        try:
            done = action()
        except HeadwaterError as error:
            if not refused or error.code[:3] not in ("HW6", "HW7"):
                raise
            return None
        assert not refused
        return done

    def note(self, done: RunResult | Changed) -> None:
        """Something was recorded in an environment, perhaps the first thing ever."""
        if done.run_id is not None:
            self.model.used(done.env)

    def pointers(self, project: Project, env: str) -> dict[str, str]:
        """What the catalog shows."""
        found = project.catalog.pointers(env)
        return {slot.asset: one.materialization for slot, one in found.items() if not one.observed}

    def agree(self, project: Project, env: str) -> None:
        """The catalog shows what the model says, and holds what it holds."""
        assert self.pointers(project, env) == self.model.shown[env]
        assert {slot.asset for slot in project.catalog.held(env)} == self.model.held[env]


Histories.TestCase.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=16,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking replays hundreds of whole runs
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
