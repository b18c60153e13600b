"""Random steps that bring another frame in or turn a frame around, for the soundness proof."""

from __future__ import annotations

from random import Random

import polars as pl

from tests.soundness.polars_expressions import Expressions
from tests.soundness.polars_steps import Frames, Step, _some
from tests.soundness.polars_values import TABLES


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
