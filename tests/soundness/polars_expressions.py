"""Random expressions over a frame of a known schema, for the soundness proof.

What is not exact in floating point is rounded: the order of a sum shows in its last bits, and a comparison would
make a row of that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import polars as pl

Make = Callable[["Expressions"], pl.Expr]


class Expressions:
    """Draws expressions over the columns of one frame.

    Arguments:
        random: the source of chance.
        schema: the frame's columns.
    """

    def __init__(self, random: Random, schema: pl.Schema) -> None:
        self.random = random
        self.schema = schema

    def has(self, *dtypes: type[pl.DataType]) -> bool:
        """Whether the frame has a column of one of the dtypes."""
        return bool(self.names(*dtypes))

    def names(self, *dtypes: type[pl.DataType]) -> list[str]:
        """The columns of some dtypes, all without any."""
        return [name for name, dtype in self.schema.items() if not dtypes or isinstance(dtype, dtypes)]

    def name(self, *dtypes: type[pl.DataType]) -> str:
        """A random column of some dtypes.

        Raises:
            LookupError: there is none.
        """
        names = self.names(*dtypes)
        if not names:
            raise LookupError(dtypes)
        return self.random.choice(names)

    def col(self, *dtypes: type[pl.DataType]) -> pl.Expr:
        """A random column of some dtypes as an expression."""
        return pl.col(self.name(*dtypes))

    def key(self) -> pl.Expr:
        """A column that can be compared, sorted and grouped by."""
        return self.col(pl.Int64, pl.String, pl.Boolean, pl.Date, pl.UInt32)

    def number(self, depth: int = 2) -> pl.Expr:
        """A numeric expression, one value a row."""
        if depth <= 0:
            return self.col(pl.Int64, pl.Float64)
        return self._drawn(NUMBERS, depth)

    def test(self, depth: int = 2) -> pl.Expr:
        """A boolean expression, one value a row."""
        return self._drawn(TESTS, depth)

    def text(self) -> pl.Expr:
        """A string expression, one value a row."""
        return self._drawn(TEXTS, 1)

    def rowwise(self) -> pl.Expr:
        """An expression of any dtype with one value a row, made from one row."""
        return self.random.choice([self.number, self.number, self.test, self.text, self.nested])()

    def nested(self) -> pl.Expr:
        """An expression that makes or takes apart lists, structs or dates."""
        return self._drawn(NESTED, 1)

    def window(self) -> pl.Expr:
        """An expression with one value a row, made from several rows."""
        return self._drawn(WINDOWS, 1)

    def aggregate(self) -> pl.Expr:
        """An expression that makes one value from many rows."""
        return self._drawn(AGGREGATES, 1)

    def aggregate_test(self) -> pl.Expr:
        """A test against an aggregate of the whole frame."""
        return self.col(pl.Int64) > self.col(pl.Int64).mean()

    def free(self) -> pl.Expr:
        """An expression with as many values as it likes."""
        return self._drawn(FREE, 1)

    def python(self) -> pl.Expr:
        """A Python function over a column."""
        return self._drawn(PYTHON, 1)

    def _drawn(self, makers: Sequence[Callable[[Expressions, int], pl.Expr]], depth: int) -> pl.Expr:
        for _ in range(12):
            try:
                return self.random.choice(makers)(self, depth - 1)
            except LookupError:
                continue
        raise LookupError("no column fits")


def _n(e: Expressions, depth: int) -> pl.Expr:
    return e.number(depth)


NUMBERS: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.Int64, pl.Float64),
    lambda e, d: e.col(pl.Int64) + e.random.randint(1, 3),
    lambda e, d: _n(e, d) * 2 - _n(e, d),
    lambda e, d: (_n(e, d) + 3) % 3,
    lambda e, d: _n(e, d).abs().clip(0, 2),
    lambda e, d: _n(e, d).fill_null(_n(e, d)),
    lambda e, d: pl.when(e.test(0)).then(_n(e, d)).otherwise(_n(e, d)),
    lambda e, d: pl.when(e.test(0)).then(1).when(e.test(0)).then(_n(e, d)),
    lambda e, d: pl.coalesce(_n(e, d), _n(e, d)),
    lambda e, d: pl.sum_horizontal(_n(e, d), _n(e, d)),
    lambda e, d: pl.max_horizontal(_n(e, d), _n(e, d)),
    lambda e, d: e.col(pl.Int64).replace({1: 4, 2: 5}),
    lambda e, d: e.col(pl.Int64).replace_strict({1: 9}, default=e.col(pl.Int64)),
    lambda e, d: e.col(pl.Int64).cast(pl.Float64),
    lambda e, d: e.col(pl.String).str.len_chars().cast(pl.Int64),
    lambda e, d: e.col(pl.Date).dt.day().cast(pl.Int64),
    lambda e, d: e.col(pl.List).list.sum(),
    lambda e, d: e.col(pl.List).list.len().cast(pl.Int64),
    lambda e, d: e.col(pl.List).list.get(0, null_on_oob=True),
    lambda e, d: _n(e, d) - _n(e, d).max(),
    lambda e, d: e.col(pl.Float64).round(0),
    lambda e, d: pl.lit(e.random.randint(0, 3)),
    lambda e, d: e.col(pl.Int64).cut([2, 4]).cast(pl.String).str.len_chars().cast(pl.Int64),
    lambda e, d: e.col(pl.Int64).bitwise_count_ones().cast(pl.Int64) + (e.col(pl.Int64) & e.col(pl.Int64)),
    lambda e, d: pl.business_day_count(e.col(pl.Date), e.col(pl.Date)).cast(pl.Int64),
    lambda e, d: e.col(pl.Int64) // 2 + e.col(pl.Int64).pow(2),
    lambda e, d: pl.min_horizontal(_n(e, d), _n(e, d)) + pl.mean_horizontal(e.col(pl.Int64), e.col(pl.Int64)).round(3),
    lambda e, d: e.col(pl.List).list.gather(pl.concat_list(e.col(pl.Int64)), null_on_oob=True).list.sum(),
    lambda e, d: e.col(pl.List).list.shift(e.col(pl.Int64)).list.first(),
    lambda e, d: e.col(pl.List).list.eval(pl.element().rank()).list.max().cast(pl.Int64),
    lambda e, d: e.col(pl.String).cast(pl.Binary).bin.size().cast(pl.Int64),
    lambda e, d: e.col(pl.Int64).hash() % 7,
]
TESTS: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: _n(e, d) > e.random.randint(-1, 3),
    lambda e, d: e.col(pl.Boolean),
    lambda e, d: e.col(pl.String) == "a",
    lambda e, d: e.col(pl.Int64).is_in([1, 2, 3]),
    lambda e, d: e.col().is_not_null(),
    lambda e, d: e.col(pl.List).list.contains(e.col(pl.Int64)),
    lambda e, d: e.col(pl.Int64).is_between(1, 4),
    lambda e, d: e.col(pl.Int64).is_in(e.col(pl.Int64).implode()),
    lambda e, d: ~e.col(pl.Boolean) | (_n(e, d) == _n(e, d)),
    lambda e, d: pl.any_horizontal(e.col(pl.Boolean), e.col(pl.Int64) > 2),
    lambda e, d: _n(e, d) >= _n(e, d).mean(),
    lambda e, d: e.col(pl.Int64) == e.col(pl.Int64).max(),
    lambda e, d: e.col(pl.String).str.contains(e.col(pl.String), literal=True),
    lambda e, d: e.col(pl.Struct).is_null() ^ e.col(pl.Boolean),
    lambda e, d: e.col(pl.Float64).is_close(e.col(pl.Int64).cast(pl.Float64), abs_tol=1.0),
    lambda e, d: e.col(pl.Int64).first() > 1,
]
TEXTS: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.String).str.to_uppercase(),
    lambda e, d: pl.concat_str(e.col(pl.String), e.col(pl.Int64), separator="-"),
    lambda e, d: e.col(pl.String).str.replace("a", "z"),
    lambda e, d: pl.format("{}:{}", e.col(pl.String), e.col(pl.Date)),
    lambda e, d: e.col(pl.Int64).cast(pl.String),
    lambda e, d: e.col(pl.String).cast(pl.Categorical).cast(pl.String),
    lambda e, d: e.col(pl.String).cast(pl.Categorical).cat.starts_with("a").cast(pl.String),
    lambda e, d: e.col(pl.String).str.split(",").list.first(),
]


def _swapped(e: Expressions) -> pl.Expr:
    """A struct whose fields have names of other columns where there are such."""
    return pl.struct(e.col(pl.Int64).alias("m"), e.col(pl.Int64).alias("n"), e.col(pl.Int64).alias("i"))


NESTED: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.Struct).struct.field("p"),
    lambda e, d: e.col(pl.Struct),
    lambda e, d: pl.struct(e.col(pl.Int64).alias("m"), e.col(pl.String).alias("n")),
    lambda e, d: pl.struct(e.col(pl.Int64).alias("m"), e.col(pl.String).alias("n")).struct.field("n"),
    lambda e, d: e.col(pl.Struct).struct.with_fields(r=pl.field("p") + 1),
    lambda e, d: _swapped(e),
    lambda e, d: _swapped(e).struct.field("m"),
    lambda e, d: _swapped(e).struct.with_fields(r=pl.field("m") + e.col(pl.Int64)).struct.field("n"),
    lambda e, d: _swapped(e).struct.with_fields(n=pl.field("m") + 1).struct.field("n"),
    lambda e, d: _swapped(e).struct.rename_fields(["n", "m", "o"]).struct.field("n"),
    lambda e, d: e.col(pl.Struct).struct.rename_fields(["v", "w"]),
    lambda e, d: pl.concat_list(e.col(pl.Int64), e.col(pl.Int64)),
    lambda e, d: e.col(pl.List).list.sort(),
    lambda e, d: e.col(pl.List).list.eval(pl.element() + 1),
    lambda e, d: e.col(pl.List).list.set_union(e.col(pl.List)),
    lambda e, d: e.col(pl.Date).dt.truncate("1w"),
    lambda e, d: e.col(pl.Date).dt.offset_by("1d"),
    lambda e, d: e.col(pl.Int64).repeat_by(2),
    lambda e, d: pl.concat_list(e.col(pl.Int64)).list.to_array(1).arr.sum(),
]


def _ordered(e: Expressions) -> pl.Expr:
    column = e.col(pl.Int64)
    return e.random.choice(
        [
            column.cum_sum(),
            column.shift(1),
            column.diff(),
            column.rank("dense"),
            column.rank("ordinal"),
            column.reverse(),
            column.forward_fill(),
            column.rolling_sum(2),
            column.is_first_distinct(),
            column.cum_count(),
            column.rle_id(),
            pl.int_range(pl.len()),
            column.sort(),
            column.arg_sort(),
            column.sort_by(e.key()),
            column.peak_max(),
        ]
    )


WINDOWS: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: _ordered(e),
    lambda e, d: _ordered(e).over(e.key()),
    lambda e, d: e.aggregate().over(e.key()),
    lambda e, d: e.aggregate().over(e.key(), e.key()),
    lambda e, d: e.aggregate().over(e.key().sort_by(e.key())),
    lambda e, d: e.col(pl.Int64).cum_sum().over(e.key(), order_by=e.key().sort()),
    lambda e, d: e.col(pl.Int64).cum_sum().over(e.key(), order_by=e.key()),
    lambda e, d: e.col(pl.Int64).first().over(e.key(), order_by=e.key()),
    lambda e, d: e.col(pl.Int64).shift(1).over(order_by=e.key()),
    lambda e, d: e.col(pl.Int64).over(e.key(), mapping_strategy="join"),
    lambda e, d: e.col(pl.Int64).is_unique(),
    lambda e, d: e.col(pl.Int64).is_duplicated(),
    lambda e, d: e.col(pl.Int64).rank("min").over(e.key()),
    lambda e, d: pl.len().over(e.key()),
    lambda e, d: e.col(pl.Int64).rolling_sum_by(e.name(pl.Date), "3d"),
    lambda e, d: e.col(pl.Float64).ewm_mean(span=3).round(6),
    lambda e, d: e.col(pl.Int64).fill_null(strategy="backward"),
    lambda e, d: e.col(pl.Float64).interpolate(),
    lambda e, d: e.col(pl.Int64).qcut(2).cast(pl.String),
    lambda e, d: e.col(pl.Float64).rolling_mean(3, min_samples=1).round(6),
    lambda e, d: e.col(pl.Int64).rank("max").over(e.key()),
    lambda e, d: pl.struct(e.col(pl.Int64).alias("m"), e.col(pl.Int64).alias("n")).rank("dense"),
    lambda e, d: e.col(pl.Int64).sort_by(e.key()).over(e.key()),
    lambda e, d: e.col(pl.Int64).filter(e.col(pl.Boolean)).max().over(e.key()),
    lambda e, d: e.col(pl.Int64).max_by(e.name(pl.Float64)).over(e.key()),
    lambda e, d: e.col(pl.Int64).is_last_distinct(),
    lambda e, d: e.col(pl.Int64).cum_max(reverse=True),
    lambda e, d: pl.when(e.col(pl.Int64).shift(1) > 1).then(e.col(pl.Int64)),
    lambda e, d: pl.cum_sum_horizontal(e.col(pl.Int64), e.col(pl.Int64)).struct.field("*").last(),
    lambda e, d: e.col(pl.Int64).head(2).sum().over(e.key(), order_by=e.key(), descending=True),
    lambda e, d: pl.col(e.name(pl.Float64)).interpolate_by(e.name(pl.Int64)),
]
AGGREGATES: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.Int64, pl.Float64).sum(),
    lambda e, d: e.col(pl.Int64, pl.Float64).mean().round(6),
    lambda e, d: e.col(pl.Int64, pl.String, pl.Date).max(),
    lambda e, d: e.col(pl.Int64).min(),
    lambda e, d: e.col(pl.Int64, pl.String).count(),
    lambda e, d: e.col(pl.Int64, pl.String).n_unique(),
    lambda e, d: pl.len(),
    lambda e, d: e.col().first(),
    lambda e, d: e.col().last(),
    lambda e, d: e.number(1).sum(),
    lambda e, d: e.col(pl.Int64, pl.Float64).filter(e.test(0)).sum(),
    lambda e, d: e.col(pl.Int64).filter(e.test(0)).first(),
    lambda e, d: e.col(pl.Int64).sort_by(e.key()).last(),
    lambda e, d: e.col(pl.Int64).head(2).sum(),
    lambda e, d: e.col(pl.Int64).std().round(6),
    lambda e, d: e.col(pl.Int64).quantile(0.5),
    lambda e, d: e.col(pl.Int64).arg_max(),
    lambda e, d: e.col(pl.Int64).max_by(e.name(pl.Int64)),
    lambda e, d: e.col(pl.Boolean).any(),
    lambda e, d: e.col(pl.Int64).null_count(),
    lambda e, d: e.col(pl.Int64).implode(),
    lambda e, d: e.col(pl.Int64).unique().len(),
    lambda e, d: e.col(pl.Int64).get(0),
    lambda e, d: e.col(pl.Int64).product(),
    lambda e, d: e.col(pl.String).str.join("+"),
    lambda e, d: pl.corr(e.name(pl.Int64), e.name(pl.Float64)).round(6),
    lambda e, d: e.col(pl.List).list.sum().max(),
    lambda e, d: e.col(pl.Int64).drop_nulls().len(),
    lambda e, d: e.col(pl.List).explode().sum(),
    lambda e, d: e.col(pl.Int64).search_sorted(3),
    lambda e, d: e.col(pl.Int64).index_of(2),
    lambda e, d: e.col(pl.Int64).skew().round(6),
    lambda e, d: e.col(pl.Int64).approx_n_unique(),
    lambda e, d: e.col(pl.Int64).bitwise_xor(),
    lambda e, d: e.col(pl.Int64).drop_nulls().is_sorted(),
    lambda e, d: e.col(pl.Int64).rle().len(),
    lambda e, d: pl.struct(e.col(pl.Int64).alias("m"), e.col(pl.String).alias("n")).first(),
    lambda e, d: pl.when(e.test(0)).then(e.col(pl.Int64)).max(),
    lambda e, d: e.col(pl.Int64).sort().first() + e.col(pl.Int64).reverse().last(),
    lambda e, d: e.col(pl.Int64).cum_sum().max(),
    lambda e, d: e.col(pl.Int64).value_counts(sort=True).struct.field("count").first(),
    lambda e, d: e.col(pl.Int64).last().filter(e.col(pl.Boolean).any()).sum(),
]
FREE: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.Int64, pl.String).filter(e.test(0)),
    lambda e, d: e.col(pl.Int64, pl.String, pl.Date).unique(),
    lambda e, d: e.col(pl.Int64).drop_nulls(),
    lambda e, d: e.col().head(3),
    lambda e, d: e.col().tail(2),
    lambda e, d: e.col(pl.List).explode(),
    lambda e, d: e.col(pl.Int64).top_k(2),
    lambda e, d: e.col(pl.Int64).top_k_by(e.name(pl.Int64), 2),
    lambda e, d: e.col().gather([0, 1]),
    lambda e, d: e.col(pl.Int64).gather(e.col(pl.Int64).drop_nulls().head(2)),
    lambda e, d: e.col(pl.String).value_counts(sort=True),
    lambda e, d: e.col().sort_by(e.key()).head(2),
    lambda e, d: e.col(pl.Int64).mode(),
    lambda e, d: e.col().gather_every(2),
    lambda e, d: e.col(pl.Int64).append(e.col(pl.Int64)),
    lambda e, d: e.col(pl.Int64).arg_unique(),
    lambda e, d: e.col(pl.Int64).rle(),
    lambda e, d: e.col(pl.Int64).extend_constant(1, 2),
    lambda e, d: e.col(pl.Int64).hist(bin_count=3),
    lambda e, d: e.col(pl.Int64).slice(1, 2),
    lambda e, d: e.col(pl.Int64).sort().head(3),
    lambda e, d: e.col(pl.Int64).reverse().head(3),
    lambda e, d: pl.arg_sort_by(e.key(), e.key()),
    lambda e, d: pl.arg_where(e.test(0)),
    lambda e, d: e.col(pl.Int64).unique_counts(),
    lambda e, d: e.col(pl.Int64).filter(e.test(0)) + e.col(pl.Int64).sum(),
    lambda e, d: pl.concat_list(e.col(pl.Int64), e.col(pl.Int64)).explode(),
    lambda e, d: e.col(pl.Int64).over(e.key(), mapping_strategy="explode"),
    lambda e, d: e.col(pl.Int64).bottom_k_by(e.name(pl.Int64, pl.Date), 2),
    lambda e, d: e.col(pl.Int64).gather(e.col(pl.Int64).arg_sort()),
    lambda e, d: e.col(pl.Int64).sample(fraction=1.0, seed=1),
    lambda e, d: e.col(pl.Int64).reshape((-1, 1)),
]


def plus_length(series: pl.Series) -> pl.Series:
    """A whole-column function that depends on every value."""
    return series.fill_null(0) + series.null_count()


PYTHON: list[Callable[[Expressions, int], pl.Expr]] = [
    lambda e, d: e.col(pl.Int64).map_elements(lambda v: v + 1, return_dtype=pl.Int64),
    lambda e, d: e.col(pl.Int64).map_batches(plus_length, return_dtype=pl.Int64),
    lambda e, d: pl.fold(pl.lit(0), lambda a, b: a + b, [e.col(pl.Int64), e.col(pl.Int64)], return_dtype=pl.Int64),
    lambda e, d: pl.map_batches([e.name(pl.Int64), e.name(pl.Int64)], lambda s: s[0] + s[1], return_dtype=pl.Int64),
]
