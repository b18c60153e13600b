"""What a storage must offer: the one protocol behind which Parquet files, DuckDB and others lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import polars as pl

from assets_core.keys import Slot
from assets_core.published import PackedId
from assets_core.records import Stored


class Totals(Protocol):
    """What is to be added up over the rows of a plan while they are stored."""

    def over(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """One row with the totals of these rows: of all, or of some of them at a time."""

    def take(self, totals: pl.DataFrame) -> None:
        """Takes in what ``over`` gave, once for each time that it was asked."""


class Storage(Protocol):
    """A place for data that is written once and never changed.

    A storage knows nothing of environments, recipes or freshness: the catalog holds what is published. Every method
    may be called from several threads at once. Whatever goes wrong in the storage itself is a ``StorageError``;
    what a user's plan raises while it is written comes through unchanged.
    """

    name: str
    """Its name in headwater.toml; it stands in every ``Stored`` that it makes."""

    shared: bool
    """Whether several processes may use it at once; steps on one that is not shared run in the run's own process."""

    @classmethod
    def open(cls, name: str, options: Mapping[str, object], root: Path) -> Self:
        """Makes the storage from its table of headwater.toml; called once a process, may touch the disk, must not
        scan it.

        Arguments:
            options: the table without ``kind``, every ``${VAR}`` resolved.
            root: the project's folder, against which relative paths are read.

        Raises:
            StorageError: HW421, an option is unknown or has a wrong value.
        """

    def check(self, schema: pl.Schema) -> None:
        """Refuses a schema that could not be given back exactly as it is; called before a step runs where the schema
        is known, and by ``write``. Pure, microseconds.

        Raises:
            StorageError: HW424, naming the column.
        """

    def write(
        self,
        slot: Slot,
        id: str,  # noqa: A002 -- the record's word
        data: pl.DataFrame | pl.LazyFrame,
        totals: Totals | None = None,
    ) -> Stored:
        """Stores the data of one materialization beside whatever there is; called once an attempt and slot.

        Costs one encoding of the data and one sync of its bytes. A lazy frame is streamed, and its errors come
        through as they are. Nothing is ever overwritten; a failure leaves nothing behind.

        Arguments:
            totals: of a lazy frame; added up over just the rows that are stored, while the plan is run once.

        Raises:
            StorageError: HW422, the id is taken already; HW423, the storage cannot be written; HW424, a column's
                type cannot be held.
        """

    def settle(self, stored: Sequence[Stored]) -> None:
        """Makes what ``write`` returned, in whichever process, durable by name; called once before each commit of the
        catalog, with everything that the commit will point at. Costs one sync a folder.

        Raises:
            StorageError: HW423.
        """

    def scan(self, stored: Stored) -> pl.LazyFrame:
        """The data as it was written: same columns, types, rows and order. Called once an input slot of a step, must
        read no more than metadata; the columns and rows that a plan does not ask for should not be read later either.

        Raises:
            StorageError: HW425, it is not there.
        """

    def scan_many(self, stored: Sequence[Stored], schema: pl.Schema | None = None) -> pl.LazyFrame:
        """The data of several materializations below each other, in the order given, as one scan. Called once an input
        of several slots: 365 of them must not cost 365 times what one does.

        Arguments:
            stored: at least one unless ``schema`` is given.
            schema: what each of them holds, where the caller knows it; it saves looking.

        Raises:
            StorageError: HW425, one is not there; HW426, two of them differ in columns or types, with both named.
                The latter may come only when the result is collected, then as the engine's own schema error.
        """

    def present(self, stored: Sequence[Stored]) -> list[bool]:
        """Whether each still lies there as far as a look at its name and size can tell. Called once a command with
        everything that is published: tens of thousands must take well under a second.
        """

    def listed(self, asset: str) -> frozenset[PackedId]:
        """The ids of materializations that lie there of an asset, by name alone; it may leave some out. Called once a
        command for assets of very many slots: a million must take about a second. What is not listed is looked at
        with ``present``; a storage that cannot list gives nothing.
        """

    def folder(self, asset: str) -> str | None:
        """The folder whose times change whenever something comes to what ``listed`` lists or goes from it; None where
        there is none. While they stay, an asset is not listed anew.
        """

    def digest(self, stored: Stored) -> str:
        """The digest of what lies there now, to be compared with ``stored.digest``; reads it all. Called by
        ``audit verify``.

        Raises:
            StorageError: HW425, it is not there or cannot be read any more.
        """

    def delete(self, stored: Stored) -> None:
        """Removes the data; fine if it is gone already. Called by ``prune`` only, after its grace period.

        Raises:
            StorageError: HW423.
        """

    def unreferenced(self, known: Iterable[str]) -> list[Stored]:
        """Data that none of the known locations names: what crashes left. Called by ``prune``, may walk everything.

        Arguments:
            known: ``Stored.location`` of every record in the catalog.

        Returns:
            What ``delete`` takes, with an empty digest, sorted by location.
        """

    def publish(self, env: str, published: Mapping[Slot, Stored | None]) -> None:
        """Brings the face of an environment, which other tools read, up to date for these slots; None takes a slot
        out. Called after each commit and never needed for correctness: the catalog alone decides what is published,
        and the face can be rebuilt from it. Costs microseconds a slot.

        Raises:
            StorageError: HW427; the caller warns and goes on.
        """

    def faced(self, env: str, asset: str) -> int:
        """How many slots of an asset the face of an environment holds. Called once a run for each asset of it; of a
        million slots it should take well under a second.

        Raises:
            StorageError: HW427.
        """

    def unpublish(self, env: str) -> None:
        """Removes the whole face of an environment; called when it is dropped or its face rebuilt."""

    def close(self) -> None:
        """Gives back connections and locks; called once, when the command ends. A closed storage may be used again."""
