"""Random plans over partitioned inputs, run on all slots at once and slot by slot, for the proof of locality.

Both inputs have the partition column ``k``; the second is read by slot, or whole by every slot.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import polars as pl

from lineage.columns.locality import why_not_local
from tests.soundness.polars_expressions import Expressions
from tests.soundness.polars_plans import STEPS as ANY_STEPS
from tests.soundness.polars_plans import Plan, placeholders
from tests.soundness.polars_steps import Frames, Step, _some
from tests.soundness.polars_values import table

SLOTS = (0, 1, 2, 3)
ROWS = 14
KEY = "k"
BY_SLOT: Mapping[str, str] = {"one": KEY, "two": KEY}
SECOND_WHOLE: Mapping[str, str] = {"one": KEY}
Make = Callable[[Expressions, Random], Step]


def _need_key(e: Expressions) -> str:
    if KEY not in e.schema:
        raise LookupError(KEY)
    return KEY


def _over_key(e: Expressions, r: Random) -> Step:
    keys = [_need_key(e), *(_some(r, e.names(pl.Int64, pl.String), 1) if r.random() < 0.3 else [])]
    made = r.choice([e.aggregate, e.window, e.rowwise])().over(keys)
    return lambda f, _: f.with_columns(made.alias("o"))


def _over_any(e: Expressions, r: Random) -> Step:
    made = r.choice([e.aggregate, e.window])().over(e.key())
    return lambda f, _: f.with_columns(made.alias("o"))


def _cumulated(e: Expressions, r: Random) -> Step:
    made = e.col(pl.Int64).cum_sum().over(_need_key(e))
    return lambda f, _: f.with_columns(made.alias("o"))


def _cumulated_all(e: Expressions, r: Random) -> Step:
    made = r.choice([e.col(pl.Int64).cum_sum(), e.col(pl.Int64).shift(1), e.col(pl.Int64).forward_fill()])
    return lambda f, _: f.with_columns(made.alias("o"))


def _aggregated(e: Expressions, r: Random) -> Step:
    made = r.choice([e.col(pl.Int64).sum(), e.col(pl.Int64).max(), e.col(pl.Int64).n_unique()])
    return lambda f, _: f.with_columns(made.alias("o"))


def _counted(e: Expressions, r: Random) -> Step:
    return lambda f, _: f.with_columns(o=pl.len())


def _function_of_all(e: Expressions, r: Random) -> Step:
    column = e.col(pl.Int64)
    made = r.choice([column.null_count(), column.product(), pl.col(e.name(pl.Int64)).skew().round(6)])
    return lambda f, _: f.with_columns(made.alias("o"))


def _compared(e: Expressions, r: Random) -> Step:
    made = r.choice([e.col(pl.Int64).is_unique(), e.col(pl.Int64).rank("dense"), e.col(pl.Int64).is_duplicated()])
    return lambda f, _: f.with_columns(made.alias("o"))


def _looked_up(e: Expressions, r: Random) -> Step:
    made = e.col(pl.Int64).is_in(e.col(pl.Int64).filter(e.col(pl.Boolean)).implode())
    return lambda f, _: f.with_columns(made.alias("o"))


def _group_key(e: Expressions, r: Random) -> Step:
    keys = list(dict.fromkeys([_need_key(e), *(_some(r, e.names(pl.Int64, pl.String), 1) if r.random() < 0.5 else [])]))
    made = [e.aggregate().alias(f"g{number}") for number in range(r.randint(1, 3))]
    order = r.random() < 0.5
    return lambda f, _: f.group_by(keys, maintain_order=order).agg(made)


def _highest(e: Expressions, r: Random) -> Step:
    """Of equal rows polars takes one or the other, depending on where they lie in the whole frame."""
    made, key = e.col(pl.Int64).max_by(KEY), _need_key(e)
    return lambda f, _: f.group_by(key, maintain_order=True).agg(made.alias("o"))


def _group_other(e: Expressions, r: Random) -> Step:
    _need_key(e)
    other = e.name(pl.String, pl.Boolean)
    return lambda f, _: f.group_by(other).agg(pl.col(KEY).max(), pl.len().alias("n"))


def _joined_then_first(e: Expressions, r: Random) -> Step:
    """The order of a join depends on which side has more rows, and that on the slots read."""
    on = [_need_key(e), "i"]
    if "i" not in e.schema:
        raise LookupError("i")

    def step(f: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
        joined = f.join(frames["two"].select(*on, other="f"), on=on, how="full", coalesce=True)
        return joined.with_columns(o=pl.col("i").first().over(KEY))

    return step


def _unique_key(e: Expressions, r: Random) -> Step:
    names = [_need_key(e), *_some(r, e.names(pl.Int64, pl.String, pl.Boolean), 2)]
    keep = r.choice(["first", "last", "none"])
    return lambda f, _: f.unique(list(dict.fromkeys(names)), keep=keep, maintain_order=True)


def _unique_other(e: Expressions, r: Random) -> Step:
    other = e.name(pl.String, pl.Boolean)
    return lambda f, _: f.unique(other, keep="first", maintain_order=True)


def _joined(how: tuple[str, ...], *, turned: bool = False, on_key: bool = True, coalesce: bool | None = None) -> Make:
    def make(e: Expressions, r: Random) -> Step:
        kind, column = r.choice(how), r.choice(["f", "s", "b"])
        _need_key(e)
        on = [KEY] if on_key else [e.name(pl.Int64)]
        if not on_key and on == [KEY]:
            raise LookupError(KEY)
        many = r.random() < 0.5 and on_key and "i" in e.schema

        def step(f: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
            other = frames["two"].select("i", KEY, pl.col(column).alias("other"))
            left, right = (other, f) if turned else (f, other)
            left_on, right_on = (["i"], on) if turned and not on_key else (on, on if on_key else ["i"])
            if many:
                left_on, right_on = [*left_on, "i"], [*right_on, "i"]
            return left.join(right, left_on=left_on, right_on=right_on, how=kind, coalesce=coalesce, suffix="_r")  # type: ignore[arg-type]

        return step

    return make


def _crossed(e: Expressions, r: Random) -> Step:
    return lambda f, frames: f.join(frames["two"].select(other="f").head(2), how="cross")


def _below_each_other(e: Expressions, r: Random) -> Step:
    names = [name for name in ("i", "k", "s", "f") if name in e.schema]
    _need_key(e)
    return lambda f, frames: pl.concat([f.select(names), frames["two"].select(names)], how="vertical_relaxed")


def _other_key(e: Expressions, r: Random) -> Step:
    _need_key(e)
    other = r.choice([(pl.col(KEY) + 1) % 4, e.col(pl.Int64).fill_null(0) % 4])
    return lambda f, _: f.with_columns(other.alias(KEY))


def _top_rows(e: Expressions, r: Random) -> Step:
    return r.choice([lambda f, _: f.head(4), lambda f, _: f.tail(3), lambda f, _: f.slice(1, 6)])


def _sorted(e: Expressions, r: Random) -> Step:
    keys = [e.key() for _ in range(r.randint(1, 2))]
    return lambda f, _: f.sort(*keys, maintain_order=True)


def _numbered(e: Expressions, r: Random) -> Step:
    return lambda f, _: f.with_row_index("o")


OWN_STEPS: dict[str, Make] = {
    "over_key": _over_key,
    "over_any": _over_any,
    "cumulated": _cumulated,
    "cumulated_all": _cumulated_all,
    "aggregated": _aggregated,
    "counted": _counted,
    "function_of_all": _function_of_all,
    "compared": _compared,
    "looked_up": _looked_up,
    "group_key": _group_key,
    "highest": _highest,
    "group_other": _group_other,
    "joined_then_first": _joined_then_first,
    "unique_key": _unique_key,
    "unique_other": _unique_other,
    "join_key": _joined(("inner", "left", "right", "full", "semi", "anti")),
    "join_other": _joined(("inner", "left"), on_key=False),
    "join_full": _joined(("full",), coalesce=True),
    "join_kept_apart": _joined(("left", "inner", "right"), coalesce=False),
    "join_turned": _joined(("inner", "left", "right", "full", "semi", "anti"), turned=True),
    "join_turned_other": _joined(("inner", "left", "right"), turned=True, on_key=False),
    "cross": _crossed,
    "below_each_other": _below_each_other,
    "other_key": _other_key,
    "top_rows": _top_rows,
    "sorted": _sorted,
    "numbered": _numbered,
}
STEPS: dict[str, Make] = {**{f"any_{name}": make for name, make in ANY_STEPS.items()}, **OWN_STEPS}
_WEIGHTS = [0.25 if name.startswith("any_") else 1.0 for name in STEPS]


@dataclass
class Case:
    """A plan, which inputs it reads by slot, and data."""

    plan: Plan
    split: Mapping[str, str]
    data: Mapping[str, pl.DataFrame]

    def why_not(self) -> str:
        """What the proof says of it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return why_not_local(self.plan.build(placeholders()), self.split, KEY)

    def together(self) -> dict[object, list[str]]:
        """The rows of the plan on all slots, by what their partition column says."""
        return self._run(self.data)

    def apart(self) -> dict[object, list[str]]:
        """The rows of the plan on each slot alone; rows that it puts into others are found there."""
        found: dict[object, list[str]] = {}
        for slot in SLOTS:
            data = {
                name: frame.filter(pl.col(KEY) == slot) if name in self.split else frame
                for name, frame in self.data.items()
            }
            for key, rows in self._run(data).items():
                found[key, slot] = rows
        return {key if key == slot else (key, slot): rows for (key, slot), rows in found.items()}

    def _run(self, data: Mapping[str, pl.DataFrame]) -> dict[object, list[str]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = self.plan.build({name: frame.lazy() for name, frame in data.items()}).collect()
        found: dict[object, list[str]] = {}
        for row in made.rows(named=True):
            found.setdefault(row.get(KEY), []).append(repr(tuple(row.values())))
        return {key: sorted(rows) for key, rows in found.items()}

    def __str__(self) -> str:
        return f"{self.plan} ({', '.join(self.split)} by slot)"


def random_case(random: Random, focus: str | None = None, longest: int = 4) -> Case:
    """A plan that type-checks, of up to so many steps.

    Arguments:
        focus: the name of a step that must be in it.
    """
    inputs = placeholders()
    split = random.choice([BY_SLOT, SECOND_WHOLE])
    data = {name: _table(random) for name in ("one", "two")}
    while True:
        plan = Plan("one", [])
        length = random.randint(1, longest)
        place = random.randrange(length)
        for number in range(length):
            _extend(plan, random, inputs, focus if number == place else None)
        if plan.steps and (focus is None or any(name == focus for name, _ in plan.steps)):
            return Case(plan, split, data)


def _table(random: Random) -> pl.DataFrame:
    keys = [random.choice(SLOTS[:3]) for _ in range(ROWS)]
    return table(random, ROWS).with_columns(pl.Series(KEY, keys, dtype=pl.Int64))


def _extend(plan: Plan, random: Random, inputs: Frames, wanted: str | None) -> None:
    frame = plan.build(inputs)
    for _ in range(8):
        name = wanted or random.choices(list(STEPS), _WEIGHTS)[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                step = STEPS[name](Expressions(random, frame.collect_schema()), random)
                made = step(frame, inputs).collect_schema()
        except (LookupError, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError):
            continue
        if 0 < len(made) <= 24:
            plan.steps.append((name, step))
            return
