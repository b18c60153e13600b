"""Versions of large frames: hash every value once, and add up what depends on both key and value.

For each row, ``h`` is the 64-bit hash of the value and ``k1``, ``k2`` two hashes of the key (or of the position, where
order is content). A column's version is the pair of sums of ``h * k1`` and ``h * k2`` modulo 2^64. Given the keys this
is multilinear hashing: two changes cancel only if their differences ``d`` satisfy ``d1*k1 = -d2*k2`` in both lanes at
once, which two independent lanes allow with a probability of about 2^-64. Without a key, ``r`` is a hash of the whole
projected row, and the lanes are the sums of two further hashes of ``r``, which no choice of values makes linear.

Slices of rows are handled one after another, so that memory stays bounded; sums do not care how rows are cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import polars as pl

from lineage.fingerprint_values import NAN, is_float, may_be_found_as_key, may_be_key, plain

_SLICE_ROWS = 1 << 18
_PREFIX_ROWS = 1 << 16
_MASK = (1 << 64) - 1
# Digits of pi, e and the golden ratio: seeds without a choice.
_VALUE, _LANE_1, _LANE_2 = 0x243F6A8885A308D3, 0xB7E151628AED2A6A, 0x9E3779B97F4A7C15
_BITS: Mapping[Any, Any] = {pl.Float16: pl.UInt16, pl.Float32: pl.UInt32, pl.Float64: pl.UInt64}


@cache
def scheme() -> str:
    """The name of the rules by which large frames are digested, with what polars' hash gives for probe values.

    Releases of polars may hash differently; then the scheme has another name, and stored data is fingerprinted again.
    """
    texts = ["", "a", "abcdefg", "\u00e9\U0001f600", "x" * 17, "y" * 100, "z" * 241, "w" * 3000, None]
    probes = [
        pl.Series(texts, dtype=pl.String),
        pl.Series([None if text is None else text.encode() for text in texts], dtype=pl.Binary),
        pl.Series([0, 1, -1, 2**62, None], dtype=pl.Int64),
        pl.Series([0, 1, 127, None], dtype=pl.UInt8),
        pl.Series([0, 1, -(2**100), None], dtype=pl.Int128),
        pl.Series([0.0, -0.0, 0.1, 1e300, NAN, None], dtype=pl.Float64),
        pl.Series([0.1, None], dtype=pl.Float32),
        pl.Series([True, False, None], dtype=pl.Boolean),
        pl.Series([[1, None], [], None], dtype=pl.List(pl.Int64)),
        pl.Series([[0.1, -0.0, NAN], []], dtype=pl.List(pl.Float64)),
        pl.Series([{"a": 1, "b": "x"}, {"a": None, "b": None}, None], dtype=pl.Struct({"a": pl.Int8, "b": pl.String})),
    ]
    seen = sha256()
    for probe in probes:
        for seed in (_VALUE, _LANE_1, _LANE_2):
            seen.update(repr(_hash(probe, seed).to_list()).encode())
    return f"sums-1:{seen.hexdigest()[:8]}"


class LargeFrame:
    """One frame of many rows.

    Arguments:
        frame: the rows, in any number of chunks.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._series = {series.name: series for series in frame.get_columns()}

    def is_key(self, names: Sequence[str]) -> bool:
        """Whether the columns exist, are of types that identify, hold no null, and no two rows agree in them."""
        if not all(name in self._series and may_be_key(self._series[name]) for name in names):
            return False
        if any(self._series[name].null_count() for name in names):
            return False
        return _all_differ(self._frame.head(_PREFIX_ROWS), names) and _all_differ(self._frame, names)

    def find_key(self) -> tuple[str, ...]:
        """The first column that was found unique; empty when none was. Most are ruled out by their first rows."""
        for name, series in self._series.items():
            if may_be_found_as_key(series) and self.is_key((name,)):
                return (name,)
        return ()

    def columns(self, key: Sequence[str]) -> dict[str, str]:
        """A version for every column, of its (key, value) pairs; without a key, of its values in their order."""
        sums = {name: [0, 0] for name in self._series}
        for offset, part in self._slices():
            identity = _row_hash(part, key) if key else _positions(offset, part.height)
            first, second = _hash(identity, _LANE_1), _hash(identity, _LANE_2)
            for name, lanes in sums.items():
                hashed = _hash(part.get_column(name), _VALUE)
                lanes[0] += int((hashed * first).sum())
                lanes[1] += int((hashed * second).sum())
        return {name: _digest([str(self._series[name].dtype)], lanes) for name, lanes in sums.items()}

    def projections(self, read_sets: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """For each set of columns the digest of the rows projected on it, as a multiset."""
        sums = {names: [0, 0] for names in read_sets}
        for _, part in self._slices():
            hashes: dict[str, pl.Series] = {}
            for names, lanes in sums.items():
                row = _row_hash(part, names, hashes)
                lanes[0] += int(_hash(row, _LANE_1).sum())
                lanes[1] += int(_hash(row, _LANE_2).sum())
        return {names: _digest([str(self._series[name].dtype) for name in names], sums[names]) for names in sums}

    def order(self, key: Sequence[str]) -> str:
        """The digest of the sequence of keys, or of whole rows where there is no key."""
        names = list(key) or sorted(self._series)
        lanes = [0, 0]
        for offset, part in self._slices():
            row, place = _row_hash(part, names), _positions(offset, part.height)
            lanes[0] += int((row * _hash(place, _LANE_1)).sum())
            lanes[1] += int((row * _hash(place, _LANE_2)).sum())
        return _digest([str(self._series[name].dtype) for name in names], lanes)

    def _slices(self) -> Iterator[tuple[int, pl.DataFrame]]:
        for offset in range(0, self._frame.height, _SLICE_ROWS):
            yield offset, self._frame.slice(offset, _SLICE_ROWS)


def _all_differ(frame: pl.DataFrame, names: Sequence[str]) -> bool:
    if len(names) == 1:
        return frame.get_column(names[0]).n_unique() == frame.height
    return frame.select(names).n_unique() == frame.height


def _positions(offset: int, rows: int) -> pl.Series:
    # Hashed once here and again per lane: the factors of a lane must show no trace of a regular sequence.
    return pl.int_range(offset, offset + rows, dtype=pl.Int64, eager=True).hash(_VALUE)


def _row_hash(part: pl.DataFrame, names: Sequence[str], hashes: dict[str, pl.Series] | None = None) -> pl.Series:
    """One 64-bit hash of several columns; each step is hashed again, so that equal columns do not cancel."""
    row: pl.Series | None = None
    for name in names:
        hashed = None if hashes is None else hashes.get(name)
        if hashed is None:
            hashed = _hash(part.get_column(name), _VALUE)
            if hashes is not None:
                hashes[name] = hashed
        row = hashed if row is None else (row.hash(_LANE_1) ^ hashed).hash(_VALUE)
    return _positions(0, part.height) if row is None else row


def _hash(series: pl.Series, seed: int) -> pl.Series:
    if is_float(series):
        bits = series.fill_nan(NAN).reinterpret(dtype=_BITS[type(series.dtype)])
        return bits.hash(seed)
    return plain(series).hash(seed)


def _digest(dtypes: Sequence[str], lanes: Sequence[int]) -> str:
    head = b"".join(b"%d:%b" % (len(text), text) for text in (dtype.encode() for dtype in dtypes))
    body = b"".join((lane & _MASK).to_bytes(8, "little") for lane in lanes)
    return sha256(b"%d:%b%b" % (len(head), head, body)).hexdigest()[:32]
