"""Proves lineages by experiment: what is not claimed is changed, and the result must stay as it was."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Literal

import polars as pl

from assets_core.column_lineage import ORDER, ColumnLineage, Edge, Resolution
from assets_core.column_lineage import ROWS as ROW_COUNT
from assets_core.errors import LineageError
from lineage.columns.guard import guarded
from lineage.columns.plan import PlanReading, forget, read_plan
from tests.soundness.polars_plans import Plan, placeholders
from tests.soundness.polars_values import ROWS, SCHEMA, WAYS, changed, table, tables

Engine = Literal["auto", "in-memory", "streaming"]
MAX_ROWS = 150
"""Results longer than this are not compared: they would only cost time."""
RUNS = 20
"""Unperturbed runs after which a plan whose result moved is held to be deterministic."""


class UnusableError(Exception):
    """The plan fails on these data, is too large, or is not deterministic by itself."""


@dataclass
class Change:
    """One perturbation of one source and what came of it."""

    table: str
    column: str
    how: str
    after: dict[str, list[object]]
    data: Mapping[str, pl.DataFrame]


@dataclass
class Observation:
    """A plan, its result, and its results after every perturbation."""

    plan: Plan
    data: dict[str, pl.DataFrame]
    before: dict[str, list[object]]
    changes: list[Change]
    runs: int = 0


@dataclass
class Miss:
    """An influence that was seen and not claimed."""

    plan: Plan
    change: Change
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.change.table}:{self.change.column} ({self.change.how}) moved {self.columns} of {self.plan}"


class Claim(StrEnum):
    """How a claim of value was made."""

    DERIVED = "derived"
    """Read off the plan."""
    ASSUMED = "assumed for one column"
    """Behind an expression that is not understood."""
    ASSUMED_OF_ALL = "assumed for all columns"
    """Behind a function over a whole frame: one claim for each source, that its values get into the result."""


@dataclass
class Tally:
    """What a proof counted.

    ``miscompiled`` counts plans in which an influence was seen that polars' own optimization brings in wrongly.
    ``direct`` and ``direct_unseen`` count claims of value by how they were made, and of each how many no
    perturbation confirmed; results without rows, which nothing can confirm, are left out. ``pairs`` and
    ``pairs_unseen`` count the same with a claim for each output column that it touches.
    """

    plans: int = 0
    opaque: int = 0
    dropped: int = 0
    miscompiled: int = 0
    runs: int = 0
    claims: int = 0
    direct: Counter[Claim] = field(default_factory=Counter)
    direct_unseen: Counter[Claim] = field(default_factory=Counter)
    pairs: int = 0
    pairs_unseen: int = 0
    unconfirmed: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    misses: list[Miss] = field(default_factory=list)
    unheld: list[str] = field(default_factory=list)

    def share(self, *claims: Claim) -> float:
        """The share of direct claims that no perturbation confirmed; of all of them where none are named."""
        counted = claims or tuple(Claim)
        return sum(self.direct_unseen[one] for one in counted) / max(1, sum(self.direct[one] for one in counted))


def collected(
    plan: Plan, data: Mapping[str, pl.DataFrame], engine: Engine = "auto", *, clustered: bool = True
) -> dict[str, list[object]]:
    """The result of a plan on data, columns as lists of comparable values.

    Arguments:
        clustered: whether polars may put with_columns steps together.

    Raises:
        UnusableError: it fails, or is too large.
    """
    frames = {name: frame.lazy() for name, frame in data.items()}
    flags = pl.QueryOptFlags(cluster_with_columns=clustered)
    return columns_of(lambda inputs: plan.build(inputs).collect(engine=engine, optimizations=flags), frames)


def columns_of(run: object, frames: Mapping[str, pl.LazyFrame]) -> dict[str, list[object]]:
    """The columns that a run gives."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = run(frames)  # type: ignore[operator]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise UnusableError(str(error)) from error
    if frame.height > MAX_ROWS:
        raise UnusableError("too large")
    return {column.name: [_comparable(value) for value in column.to_list()] for column in frame}


def _comparable(value: object) -> object:
    if isinstance(value, float):
        # Sums come in another order on every run; their last bits do not count.
        return "nan" if math.isnan(value) else round(float(f"{value:.9g}"), 8) + 0.0
    if isinstance(value, list):
        return tuple(map(_comparable, value))
    if isinstance(value, dict):
        return tuple((key, _comparable(item)) for key, item in value.items())
    return value


def observe(plan: Plan, random: Random, *, used: Mapping[str, set[str]] | None = None) -> Observation:
    """Runs a plan on random data and on perturbations of them.

    Arguments:
        used: the columns that polars reads; the others are changed all at once.

    Raises:
        UnusableError: see there.
    """
    data = tables(random)
    before = collected(plan, data)
    if any(_rows(collected(plan, data), before) != _rows(before, before) for _ in range(2)):
        raise UnusableError("not deterministic")
    observation = Observation(plan, data, before, [], 3)
    for name in data:
        read = used.get(name) if used is not None else set(SCHEMA)
        if read is None:
            continue
        for column in (*(c for c in SCHEMA if c in read), "#"):
            for how in WAYS if column != "#" else ("rows", "rows"):
                _perturb(observation, random, name, column, how)
        unread = [column for column in SCHEMA if column not in read]
        _perturb_all(observation, random, name, unread)
        _perturb_rows(observation, random, name)
    return observation


def _perturb(observation: Observation, random: Random, name: str, column: str, how: str) -> None:
    data = dict(observation.data)
    data[name] = changed(random, data[name], column, how)
    _record(observation, data, name, column, how)


def _perturb_all(observation: Observation, random: Random, name: str, columns: list[str]) -> None:
    data = dict(observation.data)
    for column in columns:
        data[name] = changed(random, data[name], column, "fresh")
    _record(observation, data, name, "unread", "fresh")


def _perturb_rows(observation: Observation, random: Random, name: str) -> None:
    data = dict(observation.data)
    data[name] = table(random, ROWS + 2)
    _record(observation, data, name, "*", "all new, two more")


def _record(observation: Observation, data: Mapping[str, pl.DataFrame], name: str, column: str, how: str) -> None:
    observation.runs += 1
    try:
        after = collected(observation.plan, data)
    except UnusableError:
        return
    if after.keys() == observation.before.keys():
        observation.changes.append(Change(name, column, how, after, data))


def _rows(frame: Mapping[str, list[object]], names: Mapping[str, object] | tuple[str, ...]) -> Counter[object]:
    """The multiset of rows over some columns."""
    columns = [frame[name] for name in names]
    return Counter(zip(*columns, strict=True)) if columns else Counter()


def misses(observation: Observation, lineage: ColumnLineage) -> list[Miss]:
    """The influences that were seen and that a lineage does not claim; empty for a sound one."""
    found: list[Miss] = []
    upstream = {name: lineage.upstream(name) for name in lineage.columns}
    for change in observation.changes:
        untouched = tuple(name for name in observation.before if not _claims(upstream[name], change))
        if untouched and _rows(change.after, untouched) != _rows(observation.before, untouched):
            found.append(Miss(observation.plan, change, untouched))
    return found


def _claims(refs: frozenset[object], change: Change) -> bool:
    if change.column == "*":
        return any(ref.table == change.table for ref in refs)  # type: ignore[attr-defined]
    return (change.table, change.column) in refs


def deterministic(observation: Observation) -> bool:
    """Whether the plan gave the same rows in as many unperturbed runs as it takes to believe it."""
    return len(_outcomes(observation.plan, observation.data, tuple(observation.before))) == 1


def persistent(observation: Observation, miss: Miss) -> bool:
    """Whether unperturbed and perturbed runs, many of each, never once agree."""
    before = _outcomes(observation.plan, observation.data, miss.columns)
    return len(before) == 1 and not before & _outcomes(observation.plan, miss.change.data, miss.columns)


def miscompiled(observation: Observation, miss: Miss) -> bool:
    """Whether polars gives another result than the plan says, and so the influence is none of the plan's.

    ``f.with_columns(w=a).with_columns(w=a * 100, v=w.max(), a=b)`` gives ``w`` of the new ``a`` in polars 2.0 and 2.1,
    because it moves ``a=b`` down into the first step; without that optimization ``w`` is of the old one.
    """
    try:
        before, after = (
            collected(observation.plan, data, clustered=False) for data in (observation.data, miss.change.data)
        )
    except UnusableError:
        return False
    return _rows(before, miss.columns) == _rows(after, miss.columns)


def _outcomes(plan: Plan, data: Mapping[str, pl.DataFrame], names: tuple[str, ...]) -> set[frozenset[object]]:
    outcomes = set()
    for number in range(RUNS):
        # Where a plan leaves open which of several rows it takes, the two engines of polars take different ones.
        # Polars panics now and then on plans that it runs otherwise; such a run says nothing.
        with suppress(UnusableError):
            after = collected(plan, data, "in-memory" if number % 2 else "streaming")
            outcomes.add(frozenset(_rows(after, names).items()))
    return outcomes


def reading_of(plan: Plan) -> PlanReading:
    """The reading of a plan on placeholders, never one that is remembered: mutants read otherwise."""
    forget()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_plan(plan.build(placeholders()), dict.fromkeys(placeholders(), SCHEMA))


def held_to_read_set(observation: Observation, reading: PlanReading) -> None:
    """Runs the plan with everything outside its read sets guarded.

    Raises:
        LineageError: it touched a guarded column.
        AssertionError: it gave something else.
    """
    frames = {name: guarded(frame.lazy(), reading.read_sets[name], SCHEMA) for name, frame in observation.data.items()}
    # Where order reaches a value, ties may be broken otherwise, because the guard makes it another plan.
    upstream = reading.lineage.upstream
    names = tuple(name for name in observation.before if all(ref.column != "#" for ref in upstream(name)))
    expected = _rows(observation.before, names)
    said = ""
    for _ in range(RUNS):
        try:
            after = columns_of(lambda inputs: observation.plan.build(inputs).collect(), frames)
        except UnusableError as error:
            said = said if isinstance(error.__cause__, pl.exceptions.PanicException) else str(error)
            continue
        if _rows(after, names) == expected:
            return
        said = "it gives something else"
    # A panic is polars' own fault; the guard only makes it another plan, as any other change would.
    assert not said, f"held to its read set: {said}"


def used_columns(reading: PlanReading) -> dict[str, set[str]]:
    """The columns that each input is read for; inputs without any influence are left out."""
    return {
        name: {column for column in read if column != "#"}
        for name, read in reading.read_sets.items()
        if any(edge.source.table == name for edge in reading.lineage.edges)
    }


def prove(plan: Plan, random: Random, tally: Tally) -> None:
    """Proves one plan, and counts what was seen."""
    reading = reading_of(plan)
    try:
        observation = observe(plan, random, used=used_columns(reading))
        found = misses(observation, reading.lineage)
        if found and not deterministic(observation):
            raise UnusableError("not deterministic")
        found = [miss for miss in found if persistent(observation, miss)]
        wrong = [miss for miss in found if miscompiled(observation, miss)]
    except UnusableError:
        tally.dropped += 1
        return
    try:
        held_to_read_set(observation, reading)
    except (LineageError, AssertionError) as error:
        tally.unheld.append(f"{plan}: {str(error).splitlines()[0]}")
    tally.plans += 1
    tally.opaque += any(edge.resolution is not Resolution.EXACT for edge in reading.lineage.edges)
    tally.runs += observation.runs
    tally.misses += [miss for miss in found if miss not in wrong]
    tally.miscompiled += bool(wrong)
    _count_claims(observation, reading.lineage, tally)


def _count_claims(observation: Observation, lineage: ColumnLineage, tally: Tally) -> None:
    moved: set[tuple[str, str, str | None]] = set()
    for change in observation.changes:
        for name, values in observation.before.items():
            if Counter(change.after[name]) != Counter(values):
                moved |= {(change.table, change.column, name), (change.table, change.column, None)}
    tally.claims += sum(len(lineage.upstream(name)) for name in lineage.columns)
    for edge in lineage.edges:
        if edge.target is None and not edge.kind.direct:
            continue
        tally.kinds[edge.kind] += 1
        if edge.source.column in (ROW_COUNT, ORDER) or not any(observation.before.values()):
            continue
        seen = (edge.source.table, edge.source.column, edge.target) in moved
        tally.unconfirmed[edge.kind] += not seen
        if edge.kind.direct:
            claim = _claim(edge)
            tally.direct[claim] += 1
            tally.direct_unseen[claim] += not seen
            for target in lineage.columns if edge.target is None else (edge.target,):
                tally.pairs += 1
                tally.pairs_unseen += (edge.source.table, edge.source.column, target) not in moved


def _claim(edge: Edge) -> Claim:
    if edge.resolution is Resolution.EXACT:
        return Claim.DERIVED
    return Claim.ASSUMED if edge.target is not None else Claim.ASSUMED_OF_ALL
