"""A plan that is proven to be local gives the same rows in one call for all slots as slot by slot."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from random import Random

import polars as pl
import pytest

from tests.soundness.locality_mutants import MUTANTS, LocalityMutant
from tests.soundness.locality_plans import OWN_STEPS, Case, random_case

os.environ.setdefault("RUST_BACKTRACE", "0")
PLANS = 1200
"""Random plans that are tried here; a longer run takes 20,000."""
CASES = 40
"""Plans with its step in them that a mutant is tried on."""


def differs(case: Case) -> bool | None:
    """Whether the plan gives other rows in one call than slot by slot; None where it cannot be run."""
    try:
        return case.together() != case.apart()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


@cache
def tried() -> tuple[Counter[str], list[str]]:
    """How often each step is in a plan that is proven, and the proven plans that give other rows."""
    steps: Counter[str] = Counter()
    wrong = []
    for number in range(PLANS):
        case = random_case(Random(f"locality/{number}"))
        if case.why_not():
            continue
        outcome = differs(case)
        if outcome is not None:
            steps.update({name for name, _ in case.plan.steps})
            steps["plans"] += 1
        if outcome:
            wrong.append(str(case))
    return steps, wrong


def test_plans_that_are_proven_never_give_other_rows_in_a_batch() -> None:
    assert tried()[1] == []


def test_a_fair_share_of_random_plans_is_proven() -> None:
    assert tried()[0]["plans"] > 0.06 * PLANS


@cache
def cases(step: str) -> list[Case]:
    """Plans with a step in them."""
    return [random_case(Random(f"locality/{step}/{number}"), step, longest=2) for number in range(CASES)]


@pytest.mark.parametrize("step", ["over_key", "cumulated", "group_key", "unique_key", "join_key", "below_each_other"])
def test_what_keeps_to_the_partition_column_is_proven(step: str) -> None:
    assert any(not case.why_not() and differs(case) is False for case in cases(step))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_proof_without_one_of_its_rules_is_found_out(mutant: LocalityMutant) -> None:
    with mutant.alive():
        caught = any(not case.why_not() and differs(case) for step in mutant.steps for case in cases(step))
    assert caught


def test_the_plans_that_find_the_mutants_find_nothing_in_the_whole_proof() -> None:
    wrong = [str(case) for step in OWN_STEPS for case in cases(step) if not case.why_not() and differs(case)]
    assert wrong == []
