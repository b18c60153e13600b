"""Versions of large frames, in memory or stored, with memory for a few batches beside the rows.

``fingerprint_sums`` says what is added up and ``fingerprint_keys`` how a key is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import polars as pl

from lineage.fingerprint_keys import PREFIX_ROWS, Ascent, all_differ
from lineage.fingerprint_sums import Sums, column_sums, order_sums, projection_sums
from lineage.fingerprint_values import may_be_found_as_key, may_be_key


class LargeFrame:
    """One frame of many rows.

    Arguments:
        rows: in any number of chunks; they may be read several times.
        tally: what was found out while just these rows streamed past; saves reading them again.
    """

    def __init__(self, rows: pl.LazyFrame, schema: pl.Schema, height: int, tally: Tally | None = None) -> None:
        self._rows = rows
        self._schema = schema
        self._height = height
        self._tally = tally

    def is_key(self, names: Sequence[str]) -> bool:
        """Whether the columns exist, are of types that identify, hold no null, and no two rows agree in them."""
        if not all(name in self._schema and may_be_key(self._schema[name]) for name in names):
            return False
        known = None if self._tally is None else self._tally.is_key(tuple(names))
        if known is not None:
            return known
        nulls = self._rows.select(pl.col(name).has_nulls() for name in dict.fromkeys(names))
        if any(nulls.collect(engine="streaming").row(0)):
            return False
        return all_differ(self._rows, self._schema, names, self._height)

    def find_key(self) -> tuple[str, ...]:
        """The first column that was found unique; empty when none was."""
        candidates = [name for name, dtype in self._schema.items() if may_be_found_as_key(dtype)]
        if self._tally is not None:
            candidates = [name for name in candidates if self._tally.is_key((name,)) is not False]
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
    """Finds out what it can while rows stream past, in any order, in parts of any size, and on any threads.

    From the first part it guesses the key that a version will be taken by, and adds up for that; what the guess misses
    is read again by ``LargeFrame``, so a guess decides what a version costs and never what it is.

    Arguments:
        unique_key, previous_key, read_sets, ordered: as for ``fingerprint.data_version``.
    """

    def __init__(
        self,
        schema: pl.Schema,
        *,
        unique_key: Sequence[str] = (),
        previous_key: Sequence[str] = (),
        read_sets: Sequence[tuple[str, ...]] = (),
        ordered: bool = False,
    ) -> None:
        self.rows = 0
        self._schema = schema
        self._tried = [tuple(names) for names in (unique_key, previous_key) if names]
        self._read_sets = list(read_sets)
        self._ordered = ordered
        self._lock = Lock()
        self._begun = False
        self._not_keys: set[tuple[str, ...]] = set()
        self._key: tuple[str, ...] = ()
        self._ascent: Ascent | None = None
        self._sums: Sums | None = None
        self._totals: dict[str, int] = {}

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Takes in some rows and hands them on."""
        if not rows.height:
            return rows
        with self._lock:
            self.rows += rows.height
            if not self._begun:
                self._begun = True
                self._begin(rows)
            if self._ascent is not None:
                self._ascent.add(rows)
        if self._key and any(rows.get_column(name).null_count() for name in self._key):
            self._not_keys.add(self._key)
        if self._sums is not None:
            found = self._sums.over(rows).row(0, named=True)
            with self._lock:
                for name, total in found.items():
                    self._totals[name] = self._totals.get(name, 0) + total
        return rows

    def _begin(self, rows: pl.DataFrame) -> None:
        if self._ordered:
            return
        part = LargeFrame(rows.lazy(), self._schema, rows.height)
        found = [(name,) for name, dtype in self._schema.items() if may_be_found_as_key(dtype)]
        for names in dict.fromkeys([*self._tried, *found]):
            if part.is_key(names):
                self._key = names
                self._ascent = Ascent(self._schema, names)
                self._sums = column_sums(self._schema, names)
                return
            self._not_keys.add(names)
        self._sums = projection_sums(self._schema, self._read_sets)

    def is_key(self, names: tuple[str, ...]) -> bool | None:
        """Whether the columns identify the rows that were seen; None where that is not known."""
        if names in self._not_keys:
            return False
        return True if self._key == names and self._ascent is not None and self._ascent.proven() else None

    def columns(self, key: tuple[str, ...]) -> dict[tuple[str, ...], str] | None:
        """The versions of the columns if they were taken by this key."""
        return self._sums.digested(self._totals) if self._sums is not None and key and key == self._key else None

    def projections(self) -> dict[tuple[str, ...], str]:
        """The digests of projections that were taken."""
        return {} if self._sums is None or self._key else self._sums.digested(self._totals)


def _not_ruled_out(rows: pl.DataFrame) -> list[str]:
    """The columns in which no two of these few rows agree."""
    return [column.name for column in rows.get_columns() if column.n_unique() == rows.height]
