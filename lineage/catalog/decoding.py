"""Rows of the catalog to core records: interned parts are decoded once and shared between the records."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from sqlite3 import Connection
from typing import Any

from assets_core.column_lineage import ColumnLineage
from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Materialization, RecordKind, Stored
from lineage.catalog import coding
from lineage.catalog.packing import (
    from_json,
    to_json,
    unpack_digests,
    unpack_hex,
    unpack_id,
    unpack_json,
    unpack_location,
    unpack_moment,
)
from lineage.catalog.schema import TABLES, Kind

BROKEN = (KeyError, IndexError, ValueError, TypeError, AttributeError, zlib.error, OverflowError)
"""What decoding raises where somebody altered a record."""
_LIMIT = 200_000  # decoded things a cache may hold before it begins anew
_NAMES = TABLES[Kind.MATERIALIZATION].names
COLUMNS = ", ".join(f"m.{name}" for name in _NAMES)
"""The columns of a materialization as ``Decoder.materializations`` takes them, from a table called ``m``."""
_KINDS = (RecordKind.MATERIALIZATION, RecordKind.OBSERVATION)
_AT = {name: place for place, name in enumerate(_NAMES)}
_SCHEMA, _SHAPE, _LINEAGE, _CHECKS, _METADATA = (
    _AT[name] for name in ("schema", "shape", "lineage", "checks", "metadata")
)
_CODE, _INPUTS, _PARTS, _SETTINGS = (_AT[name] for name in ("code", "inputs", "parts", "settings"))
_SLOT, _RUN, _RECIPE_SLOT = (_AT[name] for name in ("slot", "run", "recipe_slot"))
_INTERNED = (_SCHEMA, _SHAPE, _LINEAGE, _CHECKS, _METADATA, _CODE, _INPUTS, _SETTINGS)
_INTERNED_BUT_LINEAGE = tuple(place for place in _INTERNED if place != _LINEAGE)


@contextmanager
def hanging_together() -> Generator[None]:
    """Turns what comes of decoding a record that somebody altered into an error that says so: HW412."""
    try:
        yield
    except BROKEN as error:
        raise StorageError(
            "HW412",
            "the catalog is damaged: a record does not hang together",
            why=f"{type(error).__name__}: {error}",
            hint="headwater audit verify",
        ) from error


class Decoder:
    """Decodes materializations; keeps what it decoded, because evidence never changes.

    One may be shared by threads: at worst two of them decode the same thing.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[int, int], Any] = {}
        self._readings: dict[int, InputPart] = {}
        self._inputs: dict[tuple[int, bytes], tuple[RecipeInput, ...]] = {}
        self._slots: dict[int, Slot] = {}
        self._runs: dict[int, str] = {}

    def materializations(
        self, connection: Connection, rows: Sequence[Sequence[Any]], *, lineage: bool = True
    ) -> list[Materialization]:
        """The records of rows of ``COLUMNS``.

        Arguments:
            lineage: whether to decode lineages, which cost more than all the rest; without, they are None.

        Raises:
            StorageError: HW412, a row refers to what is not there.
        """
        self._shed()
        with hanging_together():
            return self._materializations(connection, rows, lineage)

    def _materializations(
        self, connection: Connection, rows: Sequence[Sequence[Any]], lineage: bool
    ) -> list[Materialization]:
        self.slots(connection, {row[_SLOT] for row in rows})
        self.slots(connection, {row[_RECIPE_SLOT] for row in rows if row[_RECIPE_SLOT] is not None})
        self.runs(connection, {row[_RUN] for row in rows})
        self._load(connection, rows, lineage)
        self._load_readings(connection, rows)
        return [self._decode(row, lineage) for row in rows]

    def slots(self, connection: Connection, numbers: Iterable[int]) -> dict[int, Slot]:
        """The slots by number; at least those asked for."""
        missing = [number for number in numbers if number not in self._slots]
        if missing:
            query = "select number, asset, partition from slot where number in (select value from json_each(?))"
            for number, asset, partition in connection.execute(query, (to_json(missing),)):
                self._slots[number] = Slot(asset, partition)
        return self._slots

    def runs(self, connection: Connection, entries: Iterable[int]) -> dict[int, str]:
        """The ids of runs by their entry; at least those asked for."""
        missing = [entry for entry in entries if entry not in self._runs]
        if missing:
            query = "select sequence, id from run where sequence in (select value from json_each(?))"
            for entry, identifier in connection.execute(query, (to_json(missing),)):
                self._runs[entry] = unpack_id(identifier)
        return self._runs

    def _shed(self) -> None:
        for cache in (self._values, self._readings, self._inputs, self._slots):
            if len(cache) > _LIMIT:
                cache.clear()

    def _load(self, connection: Connection, rows: Sequence[Sequence[Any]], lineage: bool) -> None:
        values = self._values
        places = _INTERNED if lineage else _INTERNED_BUT_LINEAGE
        missing: dict[int, set[int]] = {}
        for row in rows:
            for place in places:
                number = row[place]
                if number is not None and (place, number) not in values:
                    missing.setdefault(number, set()).add(place)
        if not missing:
            return
        query = "select number, body from content where number in (select value from json_each(?))"
        for number, body in connection.execute(query, (to_json(list(missing)),)):
            data = unpack_json(body)
            for place in missing[number]:
                values[place, number] = _DECODERS[_NAMES[place]](data)

    def _load_readings(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        missing: set[int] = set()
        for row in rows:
            packed = row[_PARTS]
            if packed is None or (row[_INPUTS], packed) in self._inputs:
                continue
            for numbers in coding.unpack_parts(packed):
                missing.update(number for number in numbers if number not in self._readings)
        if not missing:
            return
        query = (
            "select r.number, r.partition, m.id, r.version from reading r"
            " join materialization m on m.sequence = r.materialization"
            " where r.number in (select value from json_each(?))"
        )
        for number, partition, identifier, version in connection.execute(query, (to_json(sorted(missing)),)):
            self._readings[number] = InputPart(partition, unpack_id(identifier), unpack_hex(version))

    def _decode(self, row: Sequence[Any], lineage: bool) -> Materialization:
        (
            _, identifier, slot, kind, run, created, schema, rows, shape, digests, blocked, seconds, cpu_seconds,
            storage, location, size, digest, edges, checks, metadata, recipe, recipe_slot, window, code, inputs,
            parts, settings, _,
        ) = row  # fmt: skip
        values = self._values
        lineage_value: ColumnLineage | None = values[_LINEAGE, edges] if lineage and edges is not None else None
        own = self._slots[slot]
        made: Recipe | None = None
        if recipe is not None:
            asset, partition = own if recipe_slot is None else self._slots[recipe_slot]
            config, options = ({}, {}) if settings is None else values[_SETTINGS, settings]
            made = Recipe(
                asset,
                partition,
                values[_CODE, code],
                self._recipe_inputs(inputs, parts),
                config,
                options,
                () if window is None else tuple(from_json(window)),
            )
        name = unpack_id(identifier)
        return Materialization(
            name,
            own,
            _KINDS[kind],
            self._runs[run],
            unpack_moment(created),
            values[_SCHEMA, schema],
            values[_SHAPE, shape].fill(rows, unpack_digests(digests)),
            made,
            None if storage is None else Stored(storage, unpack_location(location, name), size, unpack_hex(digest)),
            lineage_value,
            () if checks is None else values[_CHECKS, checks],
            bool(blocked),
            {} if metadata is None else values[_METADATA, metadata],
            seconds,
            cpu_seconds,
        )

    def _recipe_inputs(self, number: int, packed: bytes) -> tuple[RecipeInput, ...]:
        inputs = self._inputs.get((number, packed))
        if inputs is None:
            readings = self._readings
            inputs = self._inputs[number, packed] = tuple(
                RecipeInput(name, asset, columns, tuple([readings[one] for one in numbers]))
                for (name, asset, columns), numbers in zip(
                    self._values[_INPUTS, number], coding.unpack_parts(packed), strict=True
                )
            )
        return inputs


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "schema": coding.schema_value,
    "shape": coding.VersionShape,
    "lineage": coding.lineage_value,
    "checks": coding.results_value,
    "metadata": lambda data: data,
    "code": coding.code_value,
    "inputs": coding.inputs_value,
    "settings": tuple,
}
