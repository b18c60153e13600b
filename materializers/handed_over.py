"""Small results that are kept in memory for the steps that read them next: for those no file is opened again."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import polars as pl

from assets_core.records import RecordKind, Stored
from materializers.step_task import RowsAt

MOST_OF_ONE = 1 << 20
"""Bytes of a result that is kept."""
MOST_OF_ALL = 1 << 26
"""Bytes that are kept together; the oldest results go first."""
_TYPES = frozenset(
    {
        pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Datetime, pl.Duration, pl.Time, pl.Float32, pl.Float64,
        pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64,
    }
)  # fmt: skip
"""What Arrow carries without a word of polars' own; results with other columns are read from where they are stored."""


class HandedOver:
    """The results that the attempts of one process stored last.

    Each is kept as Arrow's bytes and read anew for every reader: so it takes as much memory as it says, whatever large
    frame it was cut from, nobody can change it for others, and it has no marks, as of being sorted, that a file would
    not have kept. What is stored is never changed, so what is kept is never out of date.
    """

    def __init__(self, *, most_of_one: int = MOST_OF_ONE, most_of_all: int = MOST_OF_ALL) -> None:
        self._most_of_one = most_of_one
        self._most_of_all = most_of_all
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def keep(self, stored: Stored, frame: pl.DataFrame) -> None:
        """Keeps what was stored there, if it is small and of types that come back as they were."""
        if frame.estimated_size() > self._most_of_one or not _TYPES.issuperset(map(type, frame.dtypes)):
            return
        buffer = io.BytesIO()
        frame.write_ipc_stream(buffer, compression="uncompressed")
        data = buffer.getvalue()
        if len(data) > self._most_of_one:
            return
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(_place(stored), b""))
            self._kept[_place(stored)] = data
            while self._bytes > self._most_of_all:
                self._bytes -= len(self._kept.popitem(last=False)[1])

    def rows(self, read: Sequence[RowsAt]) -> pl.LazyFrame | None:
        """The rows of one or several slots of one asset, below each other; None where not all of them are kept."""
        if any(one.schema != read[0].schema or one.kind is RecordKind.OBSERVATION for one in read):
            return None
        found = []
        for one in read:
            data = None if one.stored is None else self._kept.get(_place(one.stored))
            if data is None:
                return None
            found.append(data)
        frames = [pl.read_ipc_stream(io.BytesIO(data)) for data in found]
        return (frames[0] if len(frames) == 1 else pl.concat(frames)).lazy()

    def forget(self) -> None:
        """Keeps nothing any more."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _place(stored: Stored) -> tuple[str, str]:
    return stored.storage, stored.location
