"""Versions of large frames, in memory or stored, with memory for a few batches beside the rows.

``fingerprint_sums`` says what is added up and ``fingerprint_keys`` how a key is verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

from lineage.fingerprint_keys import PREFIX_ROWS, Ascent, Extent, identify
from lineage.fingerprint_sums import column_sums, order_sums, projection_sums
from lineage.fingerprint_values import may_be_found_as_key, may_be_key

_HEIGHT = "height"
_SEEN = "seen"
_FULFIL = "fulfil"
_TOGETHER = {"low": min, "high": max}


class LargeFrame:
    """One frame of many rows.

    Arguments:
        rows: in any number of chunks; they may be read several times.
        tally: what was added up over just these rows when they were stored; saves reading them again.
    """

    def __init__(self, rows: pl.LazyFrame, schema: pl.Schema, height: int, tally: Tally | None = None) -> None:
        self._rows = rows
        self._schema = schema
        self._height = height
        self._tally = tally

    def is_key(self, names: Sequence[str]) -> bool:
        """Whether the columns exist, are of types that identify, hold no null, and no two rows agree in them."""
        if not _may_hold(self._schema, names):
            return False
        extent = None if self._tally is None else self._tally.extent(tuple(names))
        return identify(self._rows, self._schema, names, self._height, extent=extent)

    def find_key(self) -> tuple[str, ...]:
        """The first column that was found unique; empty when none was."""
        candidates = [name for name, dtype in self._schema.items() if may_be_found_as_key(dtype)]
        if not candidates:
            return ()
        for name in _not_ruled_out(self._rows.select(candidates).head(PREFIX_ROWS).collect()):
            if self.is_key((name,)):
                return (name,)
        return ()

    def columns(self, key: Sequence[str]) -> dict[str, str]:
        """A version for every column, of its (key, value) pairs; without a key, of its values in their order."""
        sums = column_sums(self._schema, key)
        known = None if self._tally is None else self._tally.columns(tuple(key))
        return {name: digest for (name,), digest in (known or sums.of(self._rows)).items()}

    def projections(self, read_sets: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """For each set of columns the digest of the rows projected on it, as a multiset."""
        known = {} if self._tally is None else self._tally.projections()
        missing = [names for names in read_sets if names not in known]
        known |= projection_sums(self._schema, missing).of(self._rows)
        return {names: known[names] for names in read_sets}

    def columns_by_place(self, places: pl.Series, key: Sequence[str]) -> dict[int, dict[str, str]]:
        """What ``columns`` gives for each of several tables that lie below each other in the frame.

        Arguments:
            places: for each row the number of its table.
            key: one that is unique in every table.
        """
        found = column_sums(self._schema, key).by_place(self._rows, places)
        return {place: {name: digest for (name,), digest in digests.items()} for place, digests in found.items()}

    def projections_by_place(self, places: pl.Series, names: tuple[str, ...]) -> dict[int, str]:
        """What ``projections`` gives of one set of columns for each of several tables that lie below each other.

        Arguments:
            places: for each row the number of its table.
            names: sorted.
        """
        found = projection_sums(self._schema, [names]).by_place(self._rows, places)
        return {place: digests[names] for place, digests in found.items()}

    def order(self, key: Sequence[str]) -> str:
        """The digest of the sequence of keys, or of whole rows where there is no key."""
        return order_sums(self._schema, key).of(self._rows)[()]


class Tally:
    """What is added up over rows in the same plan that stores them, so that they need not be read again for it.

    The key that a version will be taken by is known only afterwards. The first that may hold is added up for, and what
    that misses is read by ``LargeFrame``: it decides what a version costs and never what it is.

    Arguments:
        unique_key, previous_key, read_sets, ordered: as for ``fingerprint.data_version``.
        conditions: of single rows, by a number each; how many rows fulfil them is counted too.
    """

    def __init__(
        self,
        schema: pl.Schema,
        *,
        unique_key: Sequence[str] = (),
        previous_key: Sequence[str] = (),
        read_sets: Sequence[tuple[str, ...]] = (),
        ordered: bool = False,
        conditions: Mapping[int, pl.Expr] = MappingProxyType({}),
    ) -> None:
        self._schema = schema
        self._conditions = {f"{_FULFIL} {number}": condition for number, condition in conditions.items()}
        self._key = next((tuple(key) for key in (unique_key, previous_key) if key and _may_hold(schema, key)), ())
        if ordered:
            self._key, read_sets = (), ()
        self._sums = column_sums(schema, self._key) if self._key else projection_sums(schema, read_sets)
        self._totals: dict[str, int] = {}
        self._ascent = Ascent(schema, self._key)

    def over(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """One row with what is added up over these rows: all there are, or in any order some of them at a time."""
        if not self._sums.digests:
            counted = {name: condition.sum() for name, condition in self._conditions.items()}
            return rows.select(pl.len().alias(_HEIGHT), **counted)
        names = {name: f"key {place}" for place, name in enumerate(self._key)}
        carried = {alias: pl.col(name) for name, alias in names.items()} | self._conditions
        more = {_HEIGHT: pl.len()} | Extent.expressions(self._schema, names)
        more |= {name: pl.col(name).sum() for name in self._conditions}
        if self._ascent.possible:
            more[_SEEN] = self._ascent.in_passing([pl.col(alias) for alias in names.values()])
        return self._sums.over(rows, carried=carried, more=more)

    def take(self, totals: pl.DataFrame) -> None:
        """Takes in what ``over`` gave; several times where the rows came in parts."""
        for name, total in totals.row(0, named=True).items():
            if total is not None:
                before = self._totals.get(name)
                together = _TOGETHER.get(name.partition(" ")[0], sum)
                self._totals[name] = total if before is None else together((before, total))

    @property
    def rows(self) -> int | None:
        """How many rows there were; None if nothing was taken in."""
        return self._totals.get(_HEIGHT)

    @property
    def fulfilled(self) -> dict[int, int]:
        """How many rows fulfil each of the conditions, by their numbers."""
        found = {name: self._totals.get(name) for name in self._conditions}
        return {int(name.rpartition(" ")[2]): total for name, total in found.items() if total is not None}

    def extent(self, key: tuple[str, ...]) -> Extent | None:
        """The extent of the columns if they are what was added up for."""
        if not key or key != self._key:
            return None
        return Extent.of(self._totals, key, ascend=self._ascent.proven(self._totals[_HEIGHT]))

    def columns(self, key: tuple[str, ...]) -> dict[tuple[str, ...], str] | None:
        """The versions of the columns if they were taken by this key."""
        return self._sums.digested(self._totals) if key and key == self._key else None

    def projections(self) -> dict[tuple[str, ...], str]:
        """The digests of projections that were taken."""
        return {} if self._key else self._sums.digested(self._totals)


def _may_hold(schema: pl.Schema, names: Sequence[str]) -> bool:
    """Whether the columns exist and are of types that identify."""
    return all(name in schema and may_be_key(schema[name]) for name in names)


def _not_ruled_out(rows: pl.DataFrame) -> list[str]:
    """The columns in which no two of these few rows agree."""
    return [column.name for column in rows.get_columns() if column.n_unique() == rows.height]
