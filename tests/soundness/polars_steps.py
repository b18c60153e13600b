"""Random steps over one frame, for the soundness proof; each is a function from a frame and all inputs to a frame."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from random import Random

import polars as pl

from tests.soundness.polars_expressions import Expressions

Frames = Mapping[str, pl.LazyFrame]
Step = Callable[[pl.LazyFrame, Frames], pl.LazyFrame]


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
    name, other = e.name(pl.Int64), e.name(pl.Int64)
    function = r.choice(
        [
            lambda d: d.with_columns(pl.col(name) + 1).head(7),
            lambda d: d.sort(name, other),
            lambda d: d.filter(pl.col(name) > 1),
            lambda d: d.with_columns(pl.col(name) + pl.col(other)),
            lambda d: d.with_columns(pl.col(name).sum().over(other)),
            lambda d: d.reverse().unique(other, keep="first", maintain_order=True),
        ]
    )
    return lambda f, _: f.map_batches(function, schema=None)


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
    key = r.choice([e.number(1), e.test(), e.text(), e.key().sort_by(e.key()), e.key().sort()]).alias("key")
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
    "head": lambda e: e.col(pl.Int64).head(3),
    "gather": lambda e: e.col(pl.Int64).gather([0, 1]),
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
