"""The bounded share of the soundness proof: random plans, and the mutants that it must find."""

from __future__ import annotations

import os
import warnings
from functools import cache
from random import Random
from typing import Any

import polars as pl
import pytest

from lineage.columns.eager import Trace
from lineage.columns.plan import PlanReading
from tests.soundness.polars_mutants import MUTANTS, Mutant
from tests.soundness.polars_plans import Plan, random_plan
from tests.soundness.polars_proof import (
    Claim,
    Observation,
    Tally,
    UnusableError,
    deterministic,
    misses,
    observe,
    persistent,
    prove,
    reading_of,
    used_columns,
)

os.environ.setdefault("RUST_BACKTRACE", "0")
PLANS = 400
"""Random plans that are proven here; the long run takes thousands."""


@cache
def proven() -> Tally:
    """What the proof of the bounded number of plans counted."""
    tally = Tally()
    for number in range(PLANS):
        random = Random(f"bounded/{number}")
        prove(random_plan(random), random, tally)
    return tally


def test_no_influence_is_missed_by_random_plans() -> None:
    assert [str(miss) for miss in proven().misses] == []


def test_random_plans_run_within_their_read_sets() -> None:
    assert proven().unheld == []


def test_most_random_plans_can_be_proven() -> None:
    assert proven().plans > 0.8 * PLANS


def test_few_random_plans_have_anything_assumed_for_lack_of_understanding() -> None:
    # Only Python functions are not understood; about one plan in ten has one.
    assert proven().opaque < 0.2 * PLANS


def test_few_of_the_derived_claims_of_value_are_confirmed_by_no_perturbation() -> None:
    # Of all claims it may be a tenth; that is held by the long run, because a single plan with a Python function over
    # a wide frame makes as many claims here as thirty others.
    assert proven().share(Claim.DERIVED) <= 0.05


def test_a_value_assumed_in_all_columns_mostly_gets_into_one() -> None:
    assert proven().share(Claim.ASSUMED_OF_ALL) <= 0.40


@cache
def observed(step: str) -> list[tuple[Plan, Observation]]:
    """Deterministic plans with a step in them, run on data and on perturbations."""
    found: list[tuple[Plan, Observation]] = []
    number = 0
    while len(found) < 10:
        random = Random(f"mutants/{step}/{number}")
        number += 1
        plan = random_plan(random, step, longest=3)
        try:
            observation = observe(plan, random, used=used_columns(reading_of(plan)))
            if any(observation.before.values()) and deterministic(observation):
                found.append((plan, observation))
        except UnusableError:
            continue
    return found


def plans_for(mutant: Mutant) -> list[tuple[Plan, Observation]]:
    """Plans that use the rule that a mutant deletes."""
    return [pair for step in mutant.steps for pair in observed(step)]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_reading_with_one_rule_deleted_is_found_out(mutant: Mutant) -> None:
    plans = plans_for(mutant)
    with mutant.alive():
        caught = any(
            persistent(observation, miss)
            for plan, observation in plans
            for miss in misses(observation, reading_of(plan).lineage)[:3]
        )
    assert caught


def test_the_plans_that_find_the_mutants_find_nothing_in_the_whole_reading() -> None:
    steps = {step for mutant in MUTANTS for step in mutant.steps}
    missed = [
        str(miss)
        for step in sorted(steps)
        for plan, observation in observed(step)
        for miss in misses(observation, reading_of(plan).lineage)
        if persistent(observation, miss)
    ]
    assert missed == []


def test_eager_code_that_is_followed_misses_no_influence() -> None:
    followed, missed = 0, []
    for number in range(100):
        random = Random(f"eager/{number}")
        plan = random_plan(random, longest=3)
        try:
            observation = observe(plan, random)
        except UnusableError:
            continue
        reading = followed_reading(plan, observation)
        if reading is not None:
            followed += 1
            missed += [str(one) for one in misses(observation, reading.lineage) if persistent(observation, one)]
    assert missed == []
    assert followed > 20


def followed_reading(plan: Plan, observation: Observation) -> PlanReading | None:
    """The reading of a plan's steps done eagerly on traced frames; None where they end the trace."""
    trace = Trace()
    frames: Any = {name: trace.frame(name, data) for name, data in observation.data.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return trace.reading(plan.build(frames))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, AttributeError, TypeError):
        return None
