"""Versions of small frames: sort once by the key, and hash the values as Python writes them.

For a hundred rows this costs a tenth of what calls into polars do. Everything is SHA-256 over ``marshal`` format 2,
which writes equal numbers, texts and bytes alike on every machine and release so far; a probe in the scheme's name
tells if that ever ends.
"""

from __future__ import annotations

import marshal
from collections.abc import Collection, Sequence
from functools import cache
from hashlib import sha256
from operator import itemgetter
from typing import Any

import polars as pl

from lineage.fingerprint_values import may_be_found_as_key, may_be_key, python_values

_FORMAT = 2
_PROBE = (
    None,
    True,
    0,
    -1,
    2**31,
    -(2**70),
    0.1,
    -0.0,
    float("nan"),
    "",
    "a\u00e9\U0001f600",
    b"\x00",
    (1, [2]),
    {"a": 1},
)


@cache
def scheme() -> str:
    """The name of the rules by which small frames are digested."""
    return f"sorted-1:{sha256(marshal.dumps(_PROBE, _FORMAT)).hexdigest()[:8]}"


class SmallFrame:
    """One small frame, whose values are taken out of polars once.

    Arguments:
        frame: the rows; a few hundred of them at most.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._series = {series.name: series for series in frame.get_columns()}
        self._values: dict[str, Sequence[Any]] = {}
        self._rows = frame.height

    def is_key(self, names: Sequence[str]) -> bool:
        """Whether the columns exist, are of types that identify, hold no null, and no two rows agree in them."""
        if not all(name in self._series and may_be_key(self._series[name].dtype) for name in names):
            return False
        columns = [self._of(name) for name in names]
        seen = set(columns[0]) if len(columns) == 1 else set(zip(*columns, strict=True))
        return len(seen) == self._rows and not any(None in column for column in columns)

    def find_key(self) -> tuple[str, ...]:
        """The first column that was found unique; empty when none was."""
        for name, series in self._series.items():
            if may_be_found_as_key(series.dtype) and self.is_key((name,)):
                return (name,)
        return ()

    def columns(self, key: Sequence[str]) -> dict[str, str]:
        """A version for every column, of its (key, value) pairs; without a key, of its values in their order."""
        start = sha256()
        pick = None
        if key:
            keys: Sequence[Any] = self._of(key[0])
            if len(key) > 1:
                keys = list(zip(*(self._of(name) for name in key), strict=True))
            order = sorted(range(self._rows), key=keys.__getitem__)
            if order != list(range(self._rows)) and self._rows > 1:
                pick = itemgetter(*order)
            start.update(_framed(_dumps(pick(keys) if pick else keys)))
        versions = {}
        for name, series in self._series.items():
            values = self._of(name)
            hashed = start.copy()
            hashed.update(_framed(str(series.dtype).encode("utf-8", "surrogatepass")))
            hashed.update(_dumps(pick(values) if pick else values))
            versions[name] = hashed.hexdigest()[:32]
        return versions

    def projection(self, names: Collection[str]) -> str:
        """The digest of the rows projected on these columns, as a multiset."""
        rows = sorted(self._rows_of(sorted(names)))
        hashed = sha256(_framed(_dumps([str(self._series[name].dtype) for name in sorted(names)])))
        hashed.update(_dumps(rows))
        return hashed.hexdigest()[:32]

    def order(self, key: Sequence[str]) -> str:
        """The digest of the sequence of keys, or of whole rows where there is no key."""
        names = list(key) or sorted(self._series)
        hashed = sha256(_framed(_dumps([str(self._series[name].dtype) for name in names])))
        hashed.update(_dumps(self._rows_of(names)))
        return hashed.hexdigest()[:32]

    def _rows_of(self, names: Sequence[str]) -> list[bytes]:
        columns = [self._of(name) for name in names]
        return [_dumps(row) for row in zip(*columns, strict=True)] if columns else [b""] * self._rows

    def _of(self, name: str) -> Sequence[Any]:
        values = self._values.get(name)
        if values is None:
            series = self._series[name]
            values = self._values[name] = python_values(series)
        return values


def _dumps(value: Any) -> bytes:
    # Lists and tuples are written differently; a reordered column is a tuple, so all become tuples.
    return marshal.dumps(tuple(value) if type(value) is list else value, _FORMAT)


def _framed(body: bytes) -> bytes:
    return b"%d:%b" % (len(body), body)
