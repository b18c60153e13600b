"""Compares two ways to ask polars what a plan reads: its private node traverser, and a public lazy-frame resolver.

``python -m benchmarks.oracle_routes [plans]``. A resolver (``polars.lazyframe.resolver``, from polars 2.1, marked
unstable) stands for an input and is told projection and filters when the plan is explained. Plans with ``map_groups``
are left out: polars 2.1 never comes back from explaining them over a resolver.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import polars as pl
from polars.lazyframe.resolver import LazyFrameResolver

from lineage.columns.polars_leaves import LeafNames
from lineage.columns.polars_oracle import leaf_columns
from tests.soundness.polars_plans import placeholders, random_plan
from tests.soundness.polars_values import SCHEMA, TABLES

Asked = dict[str, set[str]]
_FLAGS = pl.QueryOptFlags.none(projection_pushdown=True)


class Resolver(LazyFrameResolver):
    """Stands for an input, and notes what it is asked for."""

    def __init__(self, name: str, asked: Asked) -> None:
        self.name, self.asked = name, asked

    def schema(self) -> dict[str, pl.DataType]:
        """The input's columns."""
        return SCHEMA

    def resolve_lazyframe(self, *, projection: list[str] | None, filter_columns: list[str], **_: Any) -> pl.LazyFrame:
        """An empty frame of the columns that are asked for."""
        read = [*(SCHEMA if projection is None else projection), *filter_columns]
        self.asked.setdefault(self.name, set()).update(read)
        return pl.LazyFrame(schema=SCHEMA)


def by_visit(build: Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]) -> Asked:
    """What the traverser says."""
    frame = build(placeholders())
    return {name: set(columns) for name, columns in leaf_columns(frame, LeafNames(frame)).items()}


def by_resolver(build: Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]) -> Asked:
    """What resolvers are told."""
    asked: Asked = {}
    build({name: Resolver(name, asked).lazy() for name in TABLES}).explain(optimizations=_FLAGS)
    return asked


def main(plans: int) -> None:
    """Prints how often the two agree, and what each costs."""
    outcomes: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for number in range(plans):
        plan = random_plan(Random(f"routes/{number}"))
        if any(name == "map_groups" for name, _ in plan.steps):
            outcomes["left out: the resolver would hang"] += 1
            continue
        answers = []
        for route in (by_visit, by_resolver):
            begun = time.process_time()
            try:
                answers.append(route(plan.build))
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError) as error:
                answers.append({})
                outcomes[f"{route.__name__} fails: {type(error).__name__}"] += 1
            seconds[route.__name__] += time.process_time() - begun
        visited, resolved = ({(name, c) for name, columns in one.items() for c in columns} for one in answers)
        outcomes[_compared(visited, resolved)] += 1
    for outcome, number in outcomes.most_common():
        print(f"{number:6} {outcome}")
    asked = plans - outcomes["left out: the resolver would hang"]
    for name, spent in seconds.items():
        print(f"{name:12} {spent / asked * 1000:.3f} ms a plan, with building it")


def _compared(visited: set[tuple[str, str]], resolved: set[tuple[str, str]]) -> str:
    if visited == resolved:
        return "the same"
    if visited < resolved:
        return "the resolver is asked for more"
    return "the resolver is asked for less" if resolved < visited else "they differ both ways"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
