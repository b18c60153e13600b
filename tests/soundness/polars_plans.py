"""Random plans over two inputs, as functions that build the same plan on placeholders and on data."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from random import Random

import polars as pl

from lineage.columns.placeholder import placeholder
from tests.soundness import polars_steps, polars_steps_joining
from tests.soundness.polars_expressions import Expressions
from tests.soundness.polars_steps import FREE_SPECIMENS, SPECIMENS, Frames, Step
from tests.soundness.polars_values import SCHEMA, TABLES


class Plan:
    """A random plan: which input it starts from, and its steps with their names."""

    def __init__(self, start: str, steps: list[tuple[str, Step]]) -> None:
        self.start = start
        self.steps = steps

    def build(self, frames: Frames) -> pl.LazyFrame:
        """The plan on the given inputs."""
        frame = frames[self.start]
        for _, step in self.steps:
            frame = step(frame, frames)
        return frame

    def __str__(self) -> str:
        return " > ".join([self.start, *(name for name, _ in self.steps)])


def placeholders() -> dict[str, pl.LazyFrame]:
    """The inputs as placeholders."""
    return {name: placeholder(name, SCHEMA) for name in TABLES}


def random_plan(random: Random, focus: str | None = None, longest: int = 5) -> Plan:
    """A plan of one to a few steps that type-checks.

    Arguments:
        focus: the name of a step that must be in it.
        longest: the most steps.
    """
    inputs = placeholders()
    while True:
        plan = Plan(random.choice(TABLES), [])
        length = random.randint(1, longest)
        place = random.randrange(length)
        for number in range(length):
            _extend(plan, random, inputs, focus if number == place else None)
        if plan.steps and (focus is None or any(name == focus for name, _ in plan.steps)):
            return plan


def _extend(plan: Plan, random: Random, inputs: Frames, wanted: str | None) -> None:
    frame = plan.build(inputs)
    schema = frame.collect_schema()
    for _ in range(8):
        name = wanted or random.choices(list(STEPS), [WEIGHTS.get(step, 2) for step in STEPS])[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                step = STEPS[name](Expressions(random, schema), random)
                made = step(frame, inputs).collect_schema()
        except (LookupError, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError):
            continue
        if len(made) <= 24 and len(made) > 0:
            plan.steps.append((name, step))
            return


STEPS: dict[str, Callable[[Expressions, Random], Step]] = {
    name.removeprefix("_"): made
    for module in (polars_steps, polars_steps_joining)
    for name, made in vars(module).items()
    if name.startswith("_") and callable(made) and getattr(made, "__annotations__", {}).get("return") == "Step"
}
STEPS |= {f"select_{name}": polars_steps._specimen(make) for name, make in SPECIMENS.items()}
STEPS |= {f"free_{name}": polars_steps._free_specimen(make) for name, make in FREE_SPECIMENS.items()}
WEIGHTS: dict[str, float] = {
    "select": 6,
    "with_columns": 8,
    "filter": 6,
    "group_by": 5,
    "join": 5,
    "sort": 4,
    "slice": 4,
    "python": 1,
    "python_filter": 1,
    "python_frame": 1,
    "map_groups": 1,
    "cross": 1,
    **{name: 0.3 for name in STEPS if name.startswith(("select_", "free_")) and name[7:] in SPECIMENS},
}
