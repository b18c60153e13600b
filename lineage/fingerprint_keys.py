"""Whether columns identify rows, found in bounded memory however many rows there are.

Three proofs are tried, the cheap ones first: rows that ascend, batch for batch, in ranges that do not overlap; a bit
for every possible key of integer columns; at the worst different hashes, of as many rows at a time as memory is given
for. All three give the same answer, so that it depends on the rows alone and not on their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from lineage.fingerprint_sums import row_hash
from lineage.fingerprint_values import is_ordered

PREFIX_ROWS = 1 << 12
"""Most columns are ruled out by so many rows."""
_SECOND_PREFIX_ROWS = 1 << 17
_BITS_A_ROW = 64
_BITS = 1 << 31
_HASHED_ROWS = 1 << 23
"""Rows whose hashes are compared at a time: some 300 MB."""
_HASHES = 1 << 64
_SUSPECTS = 1000


@dataclass(frozen=True)
class Extent:
    """What columns hold at most.

    Attributes:
        nulls: how many values are missing in all of them together.
        ranges: for each column its lowest and highest value as an integer; None if one of them holds no integers.
        ascend: every row was seen to be greater than the one before it.
    """

    nulls: int
    ranges: tuple[tuple[int, int], ...] | None
    ascend: bool = False

    @staticmethod
    def expressions(schema: pl.Schema, names: Mapping[str, str]) -> dict[str, pl.Expr]:
        """What to select from rows for ``of``; over rows in parts to be added, but for what begins with low and high.

        Arguments:
            schema: the types of the columns.
            names: for each column what it is called in the rows.
        """
        numbers = all(_is_integer(schema[name]) for name in names)
        found = {}
        for place, alias in enumerate(names.values()):
            found[f"nulls {place}"] = pl.col(alias).null_count()
            if numbers:
                found[f"low {place}"] = pl.col(alias).to_physical().min()
                found[f"high {place}"] = pl.col(alias).to_physical().max()
        return found

    @classmethod
    def of(cls, values: Mapping[str, Any], names: Sequence[str], *, ascend: bool = False) -> Extent:
        """Reads what ``expressions`` gave over all rows, of which there is one at least."""
        nulls = sum(values[f"nulls {place}"] for place, _ in enumerate(names))
        ends = [(values.get(f"low {place}"), values.get(f"high {place}")) for place, _ in enumerate(names)]
        ranges = tuple((low, high) for low, high in ends if low is not None and high is not None)
        return cls(nulls, ranges if len(ranges) == len(names) else None, ascend)


class Ascent:
    """Evidence from batches, in whatever order they come, that no two rows of all of them agree in some columns.

    It holds if the rows of each batch ascend strictly and the ranges of the batches do not overlap.
    """

    def __init__(self, schema: pl.Schema, names: Sequence[str]) -> None:
        self._ranges: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []
        self._rows = 0
        self.possible = bool(names) and all(is_ordered(schema[name]) for name in names)

    def add(self, batch: Sequence[pl.Series]) -> None:
        """Takes in the columns of one batch; once a batch does not ascend, nothing more is looked at."""
        if not self.possible or not len(batch[0]):
            return
        if any(column.has_nulls() for column in batch):  # which ascend from nothing, and to nothing
            self.possible = False
            return
        columns = [column if column.dtype.is_integer() else column.to_physical() for column in batch]
        begun = bool(self._ranges)  # rows in no order show it at the beginning
        if not ((begun or _ascend([column.head(PREFIX_ROWS) for column in columns])) and _ascend(columns)):
            self.possible = False
            return
        first, last = tuple(column[0] for column in columns), tuple(column[-1] for column in columns)
        self._ranges.append((first, last))
        self._rows += len(columns[0])

    def in_passing(self, columns: Sequence[pl.Expr]) -> pl.Expr:
        """An expression that takes in whatever batches a plan computes it of; its value means nothing."""

        def look(batch: Sequence[pl.Series]) -> pl.Series:
            self.add(batch)
            return batch[0].is_null()

        return pl.map_batches(columns, look, return_dtype=pl.Boolean, is_elementwise=True).any()

    def proven(self, height: int) -> bool:
        """Whether the batches taken in were so many rows, and are known to hold none twice."""
        if not self.possible or self._rows != height:
            return False
        ranges = sorted(self._ranges)
        return all(before[1] < after[0] for before, after in pairwise(ranges))


def identify(
    rows: pl.LazyFrame,
    schema: pl.Schema,
    names: Sequence[str],
    height: int,
    *,
    extent: Extent | None = None,
    hashed_rows: int = _HASHED_ROWS,
) -> bool:
    """Whether these columns hold no null, and no two rows agree in them.

    Arguments:
        rows: may be read several times.
        height: the number of rows.
        extent: of the columns, where it is known.
        hashed_rows: so many hashes are in memory at a time; the rows are read once for each time.
    """
    key = rows.select(names)
    if extent is not None and extent.nulls:
        return False
    first = key.head(PREFIX_ROWS).collect()
    if not _few_differ(first):
        return False
    if height <= PREFIX_ROWS:
        return not any(column.has_nulls() for column in first.iter_columns())
    if len(names) == 1 and not _few_differ(key.head(_SECOND_PREFIX_ROWS).collect()):
        return False
    if extent is None:
        found = rows.select(**Extent.expressions(schema, dict(zip(names, names, strict=True)))).collect(
            engine="streaming"
        )
        extent = Extent.of(found.row(0, named=True), names)
    if extent.nulls or extent.ascend:
        return not extent.nulls
    ascent = Ascent(schema, names)
    ascent.add(first.get_columns())
    if ascent.possible and _ascends_throughout(key, schema, names, height):
        return True
    differ = _differ_in_bitmap(key, names, height, extent)
    return _differ_in_hashes(key, schema, names, height, hashed_rows) if differ is None else differ


def batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in parts that come in any order, read as they are asked for."""
    yield from rows.collect_batches(maintain_order=False, engine="streaming")


def _few_differ(rows: pl.DataFrame) -> bool:
    return rows.n_unique() == rows.height if rows.width > 1 else rows.to_series().n_unique() == rows.height


def _ascends_throughout(key: pl.LazyFrame, schema: pl.Schema, names: Sequence[str], height: int) -> bool:
    ascent = Ascent(schema, names)
    for batch in batches(key):
        ascent.add(batch.get_columns())
        if not ascent.possible:
            return False
    return ascent.proven(height)


def _ascend(columns: Sequence[pl.Series]) -> bool:
    """Whether every row's key is greater than the one before it."""
    greater: pl.Series | None = None
    for column in reversed(columns):
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        greater = after > before if greater is None else (after > before) | ((after == before) & greater)
    return greater is not None and bool(greater.all())


def _differ_in_bitmap(key: pl.LazyFrame, names: Sequence[str], height: int, extent: Extent) -> bool | None:
    """Whether no two rows of integer columns agree, by a bit for every possible key; None where they are too many.

    This costs a quarter of comparing hashes.
    """
    if extent.ranges is None:
        return None
    size, place = 1, pl.lit(0, dtype=pl.Int64)
    for name, (low, high) in zip(names, extent.ranges, strict=True):
        if low < -(2**63) or high >= 2**63 or high - low >= _BITS:
            return None
        place = place + (pl.col(name).to_physical().cast(pl.Int64) - low) * size
        size *= high - low + 1
        if size > min(height * _BITS_A_ROW, _BITS):
            return None
    seen = pl.zeros(size, dtype=pl.Boolean, eager=True)
    for batch in batches(key.select(place.alias("place"))):
        seen.scatter(batch.to_series(), True)  # in place
    return int(seen.sum()) == height


def _is_integer(dtype: pl.DataType) -> bool:
    return pl.Series([], dtype=dtype).to_physical().dtype.is_integer()


def _differ_in_hashes(
    key: pl.LazyFrame, schema: pl.Schema, names: Sequence[str], height: int, hashed_rows: int
) -> bool:
    """Whether no two rows agree, by hashes: different ones prove different keys, equal ones are looked into."""
    hashed = key.select(pl.all(), row_hash(schema, names).alias("\0row"))
    parts = -(-height // hashed_rows)
    for part in range(parts):
        low, high = part * _HASHES // parts, (part + 1) * _HASHES // parts - 1
        inside = pl.col("\0row").is_between(pl.lit(low, dtype=pl.UInt64), pl.lit(high, dtype=pl.UInt64))
        mine = hashed if parts == 1 else hashed.filter(inside)
        rows = mine.select("\0row").collect(engine="streaming").to_series()
        if rows.n_unique() == len(rows):
            continue
        twice = rows.filter(rows.is_duplicated()).unique()
        if len(twice) > _SUSPECTS:  # so many hashes do not meet by chance
            return False
        suspects = hashed.filter(pl.col("\0row").is_in(twice.implode())).select(names).collect(engine="streaming")
        if not _few_differ(suspects):
            return False
    return True
