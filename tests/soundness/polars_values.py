"""Random tables for the soundness proof: few distinct values, nulls, lists of every length, so that rules show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random

import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "i": pl.Int64(),
    "k": pl.Int64(),
    "f": pl.Float64(),
    "s": pl.String(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int64()),
    "t": pl.Struct({"p": pl.Int64(), "q": pl.String()}),
}
TABLES = ("one", "two")
ROWS = 9


def value(random: Random, dtype: pl.DataType) -> object:
    """A value of a dtype out of a small domain, sometimes null."""
    if random.random() < 0.12:
        return None
    return _VALUES[type(dtype)](random)


def _list(random: Random) -> list[int | None]:
    return [random.randint(0, 4) for _ in range(random.choice([0, 1, 1, 2, 3]))]


_VALUES: dict[type, Callable[[Random], object]] = {
    pl.Int64: lambda random: random.randint(0, 5),
    pl.Float64: lambda random: random.randint(-8, 8) / 4,
    pl.String: lambda random: random.choice(["a", "b", "ab", "x,y", "7"]),
    pl.Boolean: lambda random: random.random() < 0.6,
    pl.Date: lambda random: dt.date(2024, 1, 1) + dt.timedelta(days=random.randint(0, 40)),
    pl.List: _list,
    pl.Struct: lambda random: {"p": random.randint(0, 4), "q": random.choice("uvw")},
}


def column(random: Random, name: str, rows: int) -> pl.Series:
    """A random column of a table."""
    return pl.Series(name, [value(random, SCHEMA[name]) for _ in range(rows)], dtype=SCHEMA[name])


def table(random: Random, rows: int = ROWS) -> pl.DataFrame:
    """A random table."""
    return pl.DataFrame([column(random, name, rows) for name in SCHEMA])


def tables(random: Random) -> dict[str, pl.DataFrame]:
    """A random table for every input."""
    return {name: table(random) for name in TABLES}


def changed(random: Random, frame: pl.DataFrame, name: str, how: str) -> pl.DataFrame:
    """The table with one column changed.

    Arguments:
        how: ``fresh`` draws all values anew, ``some`` a third of them, ``permute`` moves them to other rows,
            ``null`` takes them away; ``#`` as the name moves whole rows.
    """
    order = list(range(frame.height))
    if name == "#":
        random.shuffle(order)
        return frame[order]
    old = frame[name]
    if how == "fresh":
        new = column(random, name, frame.height)
    elif how == "null":
        new = pl.Series(name, [None] * frame.height, dtype=SCHEMA[name])
    elif how == "permute":
        random.shuffle(order)
        new = old[order]
    else:
        drawn = column(random, name, frame.height)
        values = [n if random.random() < 0.35 else o for o, n in zip(old.to_list(), drawn.to_list(), strict=True)]
        new = pl.Series(name, values, dtype=SCHEMA[name])
    return frame.with_columns(new)


WAYS = ("fresh", "permute", "some", "null")
