"""Random plans over two inputs, as functions that build the same plan on placeholders and on data."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Mapping
from random import Random

import polars as pl

from lineage.columns.placeholder import placeholder
from tests.soundness.polars_expressions import Expressions, plus_length
from tests.soundness.polars_values import SCHEMA, TABLES

Frames = Mapping[str, pl.LazyFrame]
Build = Callable[[Frames], pl.LazyFrame]
Step = Callable[[pl.LazyFrame, Frames], pl.LazyFrame]


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


def _named(expressions: list[pl.Expr], prefix: str = "c") -> list[pl.Expr]:
    return [expression.alias(f"{prefix}{number}") for number, expression in enumerate(expressions)]


def _some(random: Random, items: list[str], most: int = 4) -> list[str]:
    return random.sample(items, min(len(items), random.randint(1, most)))


def _select(e: Expressions, r: Random) -> Step:
    kept = _some(r, e.names())
    made = _named([r.choice([e.rowwise, e.rowwise, e.window, e.aggregate])() for _ in range(r.randint(0, 2))])
    return lambda f, _: f.select(*kept, *made)


def _select_only_computed(e: Expressions, r: Random) -> Step:
    made = _named([r.choice([e.rowwise, e.window])() for _ in range(r.randint(1, 3))], "m")
    return lambda f, _: f.select(*made)


def _select_aggregates(e: Expressions, r: Random) -> Step:
    made = _named([e.aggregate() for _ in range(r.randint(1, 3))], "a")
    return lambda f, _: f.select(*made)


def _select_free(e: Expressions, r: Random) -> Step:
    made = e.free().alias("free")
    more = [r.choice([e.aggregate(), pl.lit(1)]).alias("one")] if r.random() < 0.6 else []
    return lambda f, _: f.select(made, *more)


def _with_columns(e: Expressions, r: Random) -> Step:
    made = _named([r.choice([e.rowwise, e.window, e.aggregate])() for _ in range(r.randint(1, 3))], "w")
    if r.random() < 0.3:
        made.append(e.number().alias(e.name()))
    return lambda f, _: f.with_columns(*made)


def _with_free(e: Expressions, r: Random) -> Step:
    made = e.free().alias("free")
    return lambda f, _: f.with_columns(made)


def _python(e: Expressions, r: Random) -> Step:
    made = e.python().alias("py")
    kept = _some(r, e.names())
    return r.choice([lambda f, _: f.with_columns(made), lambda f, _: f.select(made, *kept)])


def _python_filter(e: Expressions, r: Random) -> Step:
    test = e.col(pl.Int64).map_elements(lambda v: v > 2, return_dtype=pl.Boolean)
    return lambda f, _: f.filter(test)


def _python_frame(e: Expressions, r: Random) -> Step:
    name = e.name(pl.Int64)
    return lambda f, _: f.map_batches(lambda d: d.with_columns(pl.col(name) + 1).head(7), schema=None)


def _filter(e: Expressions, r: Random) -> Step:
    test = r.choice([e.test(), e.test(), e.number(1) > e.number(1).mean(), e.aggregate_test()])
    return lambda f, _: f.filter(test)


def _sort(e: Expressions, r: Random) -> Step:
    keys = [e.key() for _ in range(r.randint(1, 2))]
    descending, keep = r.random() < 0.4, r.random() < 0.4
    return lambda f, _: f.sort(*keys, descending=descending, maintain_order=keep)


def _sort_all(e: Expressions, r: Random) -> Step:
    keys = e.names(pl.Int64, pl.String, pl.Boolean, pl.Date, pl.Float64)
    r.shuffle(keys)
    return lambda f, _: f.sort(*keys)


def _slice(e: Expressions, r: Random) -> Step:
    return r.choice(
        [
            lambda f, _: f.head(4),
            lambda f, _: f.tail(3),
            lambda f, _: f.slice(1, 4),
            lambda f, _: f.gather_every(2),
            lambda f, _: f.first(),
            lambda f, _: f.last(),
        ]
    )


def _top(e: Expressions, r: Random) -> Step:
    by = e.name(pl.Int64, pl.String, pl.Date)
    return r.choice([lambda f, _: f.top_k(3, by=by), lambda f, _: f.bottom_k(3, by=by)])


def _unique(e: Expressions, r: Random) -> Step:
    names = e.names(pl.Int64, pl.String, pl.Boolean, pl.Date, pl.Float64, pl.UInt32)
    subset = None if r.random() < 0.2 and len(names) == len(e.schema) else _some(r, names, 2)
    keep, order = r.choice(["any", "first", "last", "none"]), r.random() < 0.5
    return lambda f, _: f.unique(subset, keep=keep, maintain_order=order)


def _group_by(e: Expressions, r: Random) -> Step:
    keys = list(dict.fromkeys(e.name(pl.Int64, pl.String, pl.Boolean, pl.Date) for _ in range(r.randint(1, 2))))
    made = _named([e.aggregate() for _ in range(r.randint(0, 3))], "g")
    if r.random() < 0.15:
        made.append(e.col(pl.Int64).alias("rows"))
    order = r.random() < 0.3
    return lambda f, _: f.group_by(*keys, maintain_order=order).agg(*made)


def _group_by_computed(e: Expressions, r: Random) -> Step:
    key = r.choice([e.number(1).alias("key"), e.test().alias("key"), e.text().alias("key")])
    made = _named([e.aggregate() for _ in range(r.randint(1, 2))], "g")
    return lambda f, _: f.group_by(key).agg(*made)


def _group_head(e: Expressions, r: Random) -> Step:
    key = e.name(pl.Int64, pl.String)
    return lambda f, _: f.group_by(key).head(1)


def _dynamic(e: Expressions, r: Random) -> Step:
    index = e.name(pl.Date)
    group = [e.name(pl.Int64, pl.String)] if r.random() < 0.4 else []
    made = _named([e.aggregate() for _ in range(r.randint(1, 2))], "y")
    bounds = r.random() < 0.3

    def step(f: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        dated = f.filter(pl.col(index).is_not_null()).sort(index)
        return dated.group_by_dynamic(index, every="1w", group_by=group, include_boundaries=bounds).agg(*made)

    return step


def _rolling(e: Expressions, r: Random) -> Step:
    index = e.name(pl.Date)
    made = _named([e.aggregate() for _ in range(r.randint(1, 2))], "y")
    group = [e.name(pl.Int64, pl.String)] if r.random() < 0.4 else []

    def step(f: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        dated = f.filter(pl.col(index).is_not_null()).sort(index)
        return dated.rolling(index, period="5d", group_by=group).agg(*made)

    return step


def _rolling_expression(e: Expressions, r: Random) -> Step:
    index, value = e.name(pl.Date), e.name(pl.Int64, pl.Float64)

    def step(f: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        dated = f.filter(pl.col(index).is_not_null()).sort(index)
        return dated.with_columns(rolled=pl.col(value).sum().rolling(index, period="5d"))

    return step


def _rolling_forgotten(e: Expressions, r: Random) -> Step:
    index, value = e.name(pl.Date), e.name(pl.Int64, pl.Float64)

    def step(f: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        dated = f.with_columns(at=pl.col(index).fill_null(dt.date(2024, 1, 9))).sort("at")
        return dated.select(rolled=pl.col(value).sum().rolling("at", period="5d")).unique()

    return step


def _other(r: Random) -> tuple[str, list[str], int]:
    return r.choice(TABLES), r.sample(["f", "s", "b", "l", "t", "d"], r.randint(1, 3)), r.randint(0, 4)


def _other_frame(frames: Frames, other: tuple[str, list[str], int]) -> pl.LazyFrame:
    name, columns, limit = other
    frame = frames[name].select("i", "k", *columns)
    return frame.filter(pl.col("k") <= limit + 1) if limit % 2 else frame


def _join(e: Expressions, r: Random) -> Step:
    on, other = e.name(pl.Int64), _other(r)
    how = r.choice(["inner", "left", "right", "full", "semi", "anti"])
    coalesce = r.choice([None, True, False]) if how in ("inner", "left", "full", "right") else None
    nulls = r.random() < 0.3
    right = r.choice(["i", "k"])

    def step(f: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
        against = _other_frame(frames, other)
        return f.join(against, left_on=on, right_on=right, how=how, coalesce=coalesce, nulls_equal=nulls)

    return step


def _join_two(e: Expressions, r: Random) -> Step:
    other = _other(r)
    one, two = e.name(pl.Int64), e.name(pl.Int64)
    how = r.choice(["inner", "left", "semi", "anti", "full"])
    return lambda f, frames: f.join(
        _other_frame(frames, other), left_on=[one, pl.col(two) + 1], right_on=["i", "k"], how=how
    )


def _cross(e: Expressions, r: Random) -> Step:
    other = _other(r)
    return lambda f, frames: f.head(5).join(_other_frame(frames, other).select("k").head(2), how="cross", suffix="_x")


def _join_where(e: Expressions, r: Random) -> Step:
    on, other = e.name(pl.Int64), _other(r)
    two = r.random() < 0.5

    def step(f: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
        against = _other_frame(frames, other).select("i", "k").rename({"i": "ri", "k": "rk"})
        tests = [pl.col(on) > pl.col("ri"), pl.col("rk") < 3] if two else [pl.col(on) > pl.col("ri")]
        return f.join_where(against, *tests)

    return step


def _asof(e: Expressions, r: Random) -> Step:
    on, other = e.name(pl.Date), _other(r)
    strategy = r.choice(["backward", "forward", "nearest"])
    by = e.name(pl.Int64) if r.random() < 0.4 else None

    def step(f: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
        name, columns, _ = other
        against = frames[name].select(*dict.fromkeys(["d", "i", *columns])).drop_nulls("d").sort("d")
        left = f.drop_nulls(on).sort(on)
        keys = {"by_left": by, "by_right": "i"} if by else {}
        return left.join_asof(against, left_on=on, right_on="d", strategy=strategy, suffix="_z", **keys)

    return step


def _concat(e: Expressions, r: Random) -> Step:
    other = r.choice(TABLES)
    test, name = r.randint(0, 4), e.name(pl.Int64)
    return lambda f, frames: pl.concat(
        [f, frames[other].filter(pl.col("i") > test).select(pl.col("i").alias(name), pl.col("s").alias("cs"))],
        how="diagonal_relaxed",
    )


def _concat_self(e: Expressions, r: Random) -> Step:
    test = e.test()
    return lambda f, _: pl.concat([f.filter(test), f], how="vertical")


def _hconcat(e: Expressions, r: Random) -> Step:
    other = r.choice(TABLES)
    return lambda f, frames: pl.concat(
        [f, frames[other].select(pl.col("k").alias("hk"), pl.col("f").alias("hf"))], how="horizontal"
    )


def _row_index(e: Expressions, r: Random) -> Step:
    return lambda f, _: f.with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))


def _explode(e: Expressions, r: Random) -> Step:
    name = e.name(pl.List)
    return lambda f, _: f.explode(name)


def _explode_keep(e: Expressions, r: Random) -> Step:
    name = e.name(pl.List)
    kept = r.choice([other for other in e.names() if other != name] or [name])
    return lambda f, _: f.explode(name).select(kept)


def _implode(e: Expressions, r: Random) -> Step:
    key, name = e.name(pl.Int64, pl.String), e.name(pl.Int64)
    return lambda f, _: f.group_by(key, maintain_order=True).agg(pl.col(name).alias("many")).explode("many")


def _unnest(e: Expressions, r: Random) -> Step:
    name = e.name(pl.Struct)
    separator = "." if r.random() < 0.3 else None
    return lambda f, _: f.unnest(name, separator=separator)


def _struct_round(e: Expressions, r: Random) -> Step:
    names = _some(r, e.names(), 3)
    return lambda f, _: f.select(st=pl.struct(*names)).unnest("st")


def _unpivot(e: Expressions, r: Random) -> Step:
    on = e.names(pl.Int64)
    index = _some(r, e.names(pl.String, pl.Boolean, pl.Date), 2)
    return lambda f, _: f.unpivot(on, index=index)


def _pivot(e: Expressions, r: Random) -> Step:
    index, on, values = e.name(pl.Int64, pl.Boolean), e.name(pl.String), e.name(pl.Int64, pl.Float64)
    how = r.choice(["sum", "max", "len", "first"])
    return lambda f, _: f.pivot(on, on_columns=["a", "b", "ab"], index=index, values=values, aggregate_function=how)


def _frame_method(e: Expressions, r: Random) -> Step:
    return r.choice(
        [
            lambda f, _: f.reverse(),
            lambda f, _: f.shift(1),
            lambda f, _: f.drop_nulls(),
            lambda f, _: f.fill_null(0),
            lambda f, _: f.fill_null(strategy="forward"),
            lambda f, _: f.null_count(),
            lambda f, _: f.max(),
            lambda f, _: f.count(),
            lambda f, _: f.cache(),
            lambda f, _: f.collect_schema() and f.select(pl.all()),
        ]
    )


def _drop_nulls(e: Expressions, r: Random) -> Step:
    names = _some(r, e.names(), 2)
    return lambda f, _: f.drop_nulls(names)


def _rename(e: Expressions, r: Random) -> Step:
    first, second = e.name(), e.name()
    names = {first: second, second: first} if first != second else {first: "renamed"}
    return lambda f, _: f.rename(names)


def _drop(e: Expressions, r: Random) -> Step:
    name = e.name()
    return lambda f, _: f.drop(name)


def _merge_sorted(e: Expressions, r: Random) -> Step:
    key = e.name(pl.Int64, pl.Date)
    test = e.test()
    return lambda f, _: f.drop_nulls(key).sort(key).merge_sorted(f.filter(test).drop_nulls(key).sort(key), key)


def _set_sorted(e: Expressions, r: Random) -> Step:
    key = e.name(pl.Int64)
    return lambda f, _: f.sort(key, nulls_last=False).set_sorted(key)


def _gather(e: Expressions, r: Random) -> Step:
    return lambda f, frames: f.gather(frames["two"].select(pl.col("k").drop_nulls().head(2)))


def _cached_twice(e: Expressions, r: Random) -> Step:
    name = e.name()
    test = e.test()

    def step(f: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        cached = f.cache()
        return pl.concat([cached.filter(test).select(name), cached.select(name)])

    return step


def _sql(e: Expressions, r: Random) -> Step:
    key, number = e.name(pl.Int64, pl.String), e.name(pl.Int64)
    queries = [
        f'select "{key}" as x, sum("{number}") as y from self group by 1 order by 2',
        f'select "{key}" as x, "{number}" as y from self where "{number}" > 1',
        f'select "{key}" as x, row_number() over (partition by "{key}" order by "{number}") as y from self',
        f'select distinct "{number}" as y from self',
        f'select "{number}" as y from self where "{number}" in (select i from other where b)',
        f'select a."{number}" as y, o.s from self a left join other o on a."{number}" = o.k',
        f'select count(*) as n, max("{number}") as y from self having count(*) > 1',
    ]
    query = r.choice(queries)
    return lambda f, frames: pl.SQLContext({"self": f, "other": frames["two"]}).execute(query)


def _map_groups(e: Expressions, r: Random) -> Step:
    key = e.name(pl.Int64, pl.String)
    return lambda f, _: f.select(key).group_by(key).map_groups(lambda d: d.head(1), schema=None)


SPECIMENS: dict[str, Callable[[Expressions], pl.Expr]] = {
    "when": lambda e: pl.when(e.test(0)).then(e.col(pl.Int64)).otherwise(e.col(pl.Int64)),
    "cum_sum": lambda e: e.col(pl.Int64).cum_sum(),
    "shift": lambda e: e.col(pl.Int64).shift(1),
    "filtered": lambda e: e.col(pl.Int64).filter(e.col(pl.Boolean)).sum(),
    "sort_by": lambda e: e.col(pl.Int64).sort_by(e.name(pl.Date, pl.String)).first(),
    "index_of": lambda e: e.col(pl.Int64).index_of(3),
    "rolling_by": lambda e: e.col(pl.Int64).rolling_sum_by(e.name(pl.Date), "3d"),
    "is_in": lambda e: e.col(pl.Int64).is_in(e.col(pl.Int64).filter(e.col(pl.Boolean)).implode()),
}
"""Single expressions that a random plan can be made to have, beside one column that is kept."""
FREE_SPECIMENS: dict[str, Callable[[Expressions], pl.Expr]] = {
    "filter": lambda e: e.col(pl.Int64).filter(e.col(pl.Boolean)),
    "explode": lambda e: e.col(pl.List).explode(),
    "drop_nulls": lambda e: e.col(pl.Int64).drop_nulls(),
}
"""Single expressions that decide how many rows there are, beside a literal that is repeated as often."""


def _specimen(make: Callable[[Expressions], pl.Expr]) -> Callable[[Expressions, Random], Step]:
    def made(e: Expressions, r: Random) -> Step:
        kept, expression = e.name(), make(e)
        return lambda f, _: f.select(kept, expression.alias("made"))

    return made


def _free_specimen(make: Callable[[Expressions], pl.Expr]) -> Callable[[Expressions, Random], Step]:
    def made(e: Expressions, r: Random) -> Step:
        expression = make(e)
        return lambda f, _: f.select(expression.alias("made"), pl.lit(1).alias("one"))

    return made


STEPS: dict[str, Callable[[Expressions, Random], Step]] = {
    name.removeprefix("_"): made
    for name, made in list(globals().items())
    if name.startswith("_") and callable(made) and getattr(made, "__annotations__", {}).get("return") == "Step"
}
STEPS |= {f"select_{name}": _specimen(make) for name, make in SPECIMENS.items()}
STEPS |= {f"free_{name}": _free_specimen(make) for name, make in FREE_SPECIMENS.items()}
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

__all__ = ["STEPS", "Plan", "plus_length", "random_plan"]
