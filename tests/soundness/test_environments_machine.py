"""Environments moved about at random: pointers show only what is recorded and good, and nobody else's moves.

Code is edited, environments are run, made, promoted, rolled back, released, dropped, and results are withdrawn, in any
order. After every step the chain of records must be proven, every pointer must lead to a materialization that was not
taken out of use, and nothing may have moved but what the step was about.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assets_core.asset import Asset
from assets_core.errors import HeadwaterError
from headwater import Project, asset
from headwater.environments import Changed

SEQUENCES = int(os.environ.get("HEADWATER_SEQUENCES", "25"))
KEYS = ("a", "b", "c")
ENVS = ("dev", "prod", "x", "y")
envs = st.sampled_from(ENVS)

Shown = dict[str, str]
"""By asset key, the id of what it shows."""


def chain(numbers: dict[str, int]) -> list[Asset[..., Any]]:
    """Assets a, b and c, each reading the one before; the code of each is its number. b is made by eager code."""

    @asset(key="a", version=str(numbers["a"]))
    def a() -> pl.LazyFrame:
        return pl.LazyFrame({"id": [1, 2], "v": [numbers["a"], 7]})

    @asset(key="b", version=str(numbers["b"]))
    def b(a: pl.DataFrame) -> pl.DataFrame:
        return a.with_columns(pl.col("v") % 2 + numbers["b"])

    @asset(key="c", version=str(numbers["c"]))
    def c(b: pl.LazyFrame) -> pl.LazyFrame:
        return b.select(pl.col("v") * numbers["c"])

    return [a, b, c]


class EnvironmentMachine(RuleBasedStateMachine):
    """Everything that moves pointers, and a memory of what every run left."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.numbers = dict.fromkeys(KEYS, 1)
        self.left: dict[str, tuple[str, Shown]] = {}
        self.withdrawn: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def at(self, env: str) -> Project:
        return Project.of(chain(self.numbers), path=self.folder, env=env, catalog={"durability": "relaxed"})

    def shown(self) -> dict[str, Shown]:
        with self.at("dev") as project:
            return {
                env: {slot.asset: one.materialization for slot, one in project.catalog.pointers(env).items()}
                for env in ENVS
            }

    def act(self, env: str, action: Callable[[Project], Any], *, elsewhere: bool = False) -> tuple[Any, Shown, Shown]:
        """Does something in an environment; gives what came of it, and what it showed before and after.

        What is refused must change nothing. Other environments must not change unless ``elsewhere``.
        """
        before = self.shown()
        with self.at(env) as project:
            head = project.catalog.head()
            frozen = self.frozen(project, env)
            try:
                done = action(project)
            except HeadwaterError as error:
                if error.code[:3] not in ("HW6", "HW7") or project.catalog.head() != head:
                    raise
                return None, before[env], before[env]
            fresh = [run for run in project.catalog.runs(5) if run.id not in self.left]
        after = self.shown()
        if not elsewhere:
            assert {one: after[one] for one in ENVS if one != env} == {one: before[one] for one in ENVS if one != env}
            assert not frozen or after[env] in (before[env], {})
        for run in fresh:
            self.left[run.id] = (run.env, after[run.env])
        return done, before[env], after[env]

    @staticmethod
    def frozen(project: Project, env: str) -> bool:
        record = project.catalog.environment_records().get(env)
        return record is not None and record.frozen and not record.dropped

    # -- what happens -------------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), number=st.integers(1, 3))
    def edit(self, key: str, number: int) -> None:
        self.numbers[key] = number

    @rule(env=envs, force=st.booleans())
    def run(self, env: str, force: bool) -> None:
        with self.at(env) as project:
            held = {slot.asset for slot in project.catalog.held(env)}
        done, before, after = self.act(env, lambda project: project.materialize("", force=force))
        assert {key: after.get(key) for key in held} == {key: before.get(key) for key in held}
        if done is not None:
            assert done.ok
            with self.at(env) as project:
                states = {slot.asset: str(one.state) for slot, one in project.status().items()}
            behind = not {key for key in held if key not in after}
            assert {states[key] for key in KEYS if key not in held} <= {"fresh"} or not behind
            assert {states[key] for key in held} <= {"held"}

    @rule(name=st.sampled_from(("x", "y")), origin=envs, frozen=st.booleans())
    def make(self, name: str, origin: str, frozen: bool) -> None:
        source = self.shown()[origin]
        done, _, _ = self.act(origin, lambda project: project.create_environment(name, frozen=frozen), elsewhere=True)
        if done is not None:
            assert self.shown()[name] == source

    @rule(origin=envs, goal=envs, force=st.booleans())
    def promote(self, origin: str, goal: str, force: bool) -> None:
        theirs = self.shown()[origin]
        with self.at("dev") as project:
            held = {slot.asset for slot in project.catalog.held(goal)}
        done, before, after = self.act(goal, lambda project: project.promote(origin, force=force))
        if done is None:
            return
        moved = {one.slot.asset for one in done.moved}
        assert not moved & held
        assert after == {**before, **{key: theirs[key] for key in moved}}
        assert {one.slot.asset for one in done.left} | moved == {
            key for key in theirs if theirs[key] != before.get(key)
        }
        with self.at(goal) as project:
            for slot, verdict in project.status().items():
                assert slot.asset not in moved or {str(one.code) for one in verdict.reasons} <= {"upstream_stale"}

    @rule(env=envs, place=st.integers(0, 5))
    def roll_back(self, env: str, place: int) -> None:
        runs = [run for run, (where, _) in self.left.items() if where == env]
        if not runs:
            return
        to = sorted(runs)[-1 - place % len(runs)]
        done, before, after = self.act(env, lambda project: project.rollback(to))
        if done is None:
            return
        then = self.left[to][1]
        for key in KEYS:
            if then.get(key) in self.withdrawn:
                assert after.get(key) not in self.withdrawn
            else:
                assert after.get(key) == then.get(key)
        assert {slot.asset for slot in done.held} == {key for key in KEYS if before.get(key) != after.get(key)}
        with self.at(env) as project:
            assert {slot.asset for slot in project.catalog.held(env)} >= {slot.asset for slot in done.held}

    @rule(env=envs)
    def release(self, env: str) -> None:
        done, before, after = self.act(env, lambda project: project.release())
        assert before == after
        if done is not None:
            with self.at(env) as project:
                assert project.catalog.held(env) == {}

    @rule(env=envs)
    def drop(self, env: str) -> None:
        done, _, after = self.act(env, lambda project: project.drop_environment())
        if isinstance(done, Changed):
            assert after == {}

    @rule(env=envs, key=st.sampled_from(KEYS))
    def withdraw(self, env: str, key: str) -> None:
        wrong = self.shown()[env].get(key)
        before = self.shown()
        done, _, _ = self.act(env, lambda project: project.withdraw(key, reason="wrong"), elsewhere=True)
        assert (done is None) == (wrong is None)
        if wrong is not None:
            self.withdrawn.add(wrong)
            after = self.shown()
            for name in ENVS:
                assert after[name].get(key) != wrong
                assert {k: v for k, v in after[name].items() if k != key} == {
                    k: v for k, v in before[name].items() if k != key
                }

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def every_pointer_leads_to_a_record_that_is_good(self) -> None:
        with self.at("dev") as project:
            pointers = [one for env in ENVS for one in project.catalog.pointers(env).values()]
            known = project.catalog.materializations({one.materialization for one in pointers}, lineage=False)
        assert not any(one.retired for one in pointers)
        assert {one.materialization for one in pointers} == set(known) - self.withdrawn
        assert not any(one.blocked for one in known.values())

    @invariant()
    def the_records_are_proven(self) -> None:
        with self.at("dev") as project:
            assert project.verify(data=False).findings == ()


EnvironmentMachine.TestCase.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
TestEnvironments = EnvironmentMachine.TestCase
