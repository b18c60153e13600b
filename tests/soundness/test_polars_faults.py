"""What is said of types without data, held against what polars does with data: random plans, right and wrong ones."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from random import Random

import polars as pl

from lineage.columns.plan_faults import plan_faults
from tests.soundness.polars_expressions import Expressions
from tests.soundness.polars_plans import STEPS, Plan, placeholders, random_plan
from tests.soundness.polars_values import SCHEMA, TABLES, tables

os.environ.setdefault("RUST_BACKTRACE", "0")
RIGHT, WRONG = 250, 600
"""Plans of each kind."""
_RAISED = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


class Careless(Expressions):
    """Draws expressions that take a column of any dtype now and then."""

    def names(self, *dtypes: type[pl.DataType]) -> list[str]:
        """The columns of some dtypes, and sometimes all."""
        return list(self.schema) if self.random.random() < 0.06 else super().names(*dtypes)


def careless_plan(random: Random) -> Plan:
    """A plan of one to three steps whose expressions need not type-check."""
    plan, inputs = Plan(random.choice(TABLES), []), placeholders()
    for _ in range(random.randint(1, 3)):
        name = random.choice(list(STEPS))
        with suppress(LookupError, ValueError, TypeError, *_RAISED):
            frame = plan.build(inputs)
            step = STEPS[name](Careless(random, frame.collect_schema()), random)
            step(frame, inputs)
            plan.steps.append((name, step))
    return plan


def faults_of(plan: Plan) -> list[str]:
    """What is wrong with a plan."""
    return [str(fault) for fault in plan_faults(plan.build(placeholders()), dict.fromkeys(TABLES, SCHEMA))]


def raises(plan: Plan, random: Random) -> bool:
    """Whether a plan fails on random data."""
    try:
        plan.build({name: frame.lazy() for name, frame in tables(random).items()}).collect()
    except _RAISED:
        return True
    return False


def test_plans_that_run_have_no_fault() -> None:
    said = []
    for number in range(RIGHT):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = random_plan(Random(f"right/{number}"))
            said += [f"{plan}: {fault}" for fault in faults_of(plan) if not raises(plan, Random(number))]
    assert said == []


def test_plans_with_a_fault_fail_on_whatever_data() -> None:
    faulty, ran = 0, []
    for number in range(WRONG):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = careless_plan(Random(f"wrong/{number}"))
            if faults_of(plan):
                faulty += 1
                ran += [str(plan)] * (not all(raises(plan, Random(f"{number}/{again}")) for again in range(3)))
    assert ran == []
    assert faulty > WRONG // 30
