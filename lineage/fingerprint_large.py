"""Versions of large frames: hash every value once, and add up what depends on both key and value.

For each row, ``h`` is the 64-bit hash of the value and ``k1``, ``k2`` two hashes of the key (or of the position, where
order is content). A column's version is the pair of sums of ``h * k1`` and ``h * k2`` modulo 2^64. Given the keys this
is multilinear hashing: two changes cancel only if their differences ``d`` satisfy ``d1*k1 = -d2*k2`` in both lanes at
once, which two independent lanes allow with a probability of about 2^-64. Without a key, ``r`` combines the hashes
of the projected row, and the lanes are the sums of two further hashes of ``r``, which no choice of values makes linear.

Sums do not care how rows are cut or in which order they come, so polars' streaming engine does the work, with memory
for a few morsels only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from types import MappingProxyType

import polars as pl

from lineage.fingerprint_values import NAN, hashable, is_ordered, may_be_found_as_key, may_be_key

# Digits of pi, e and the golden ratio: seeds without a choice.
_VALUE = 0x243F6A8885A308D3
_LANES: Mapping[str, int] = MappingProxyType({"k1": 0xB7E151628AED2A6A, "k2": 0x9E3779B97F4A7C15})
_PREFIXES = (1 << 12, 1 << 17)
_BITS_A_ROW = 64
_POSITION = "\0position"


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
        for seed in (_VALUE, *_LANES.values()):
            seen.update(repr(hashable(probe, probe.dtype, "probe").hash(seed).to_list()).encode())
    return f"sums-1:{seen.hexdigest()[:8]}"


class LargeFrame:
    """One frame of many rows.

    Arguments:
        frame: the rows, in any number of chunks.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._schema = frame.schema

    def is_key(self, names: Sequence[str]) -> bool:
        """Whether the columns exist, are of types that identify, hold no null, and no two rows agree in them."""
        if not all(name in self._schema and may_be_key(self._schema[name]) for name in names):
            return False
        if any(self._frame.get_column(name).null_count() for name in names):
            return False
        # Most columns are ruled out by their first rows.
        height = self._frame.height
        prefixes = [rows for rows in _PREFIXES if rows < height]
        return all(self._all_differ(self._frame.head(rows), names) for rows in (*prefixes, height))

    def find_key(self) -> tuple[str, ...]:
        """The first column that was found unique; empty when none was."""
        for name, dtype in self._schema.items():
            if may_be_found_as_key(dtype) and self.is_key((name,)):
                return (name,)
        return ()

    def columns(self, key: Sequence[str]) -> dict[str, str]:
        """A version for every column, of its (key, value) pairs; without a key, of its values in their order."""
        rows = self._frame.lazy() if key else self._frame.lazy().with_row_index(_POSITION)
        terms, sums = self._sums_of_columns(key)
        return self._column_digests(_sums(rows.select(**terms), sums))

    def columns_by_place(self, places: pl.Series, key: Sequence[str]) -> dict[int, dict[str, str]]:
        """What ``columns`` gives for each of several tables that lie below each other in the frame.

        Arguments:
            places: for each row the number of its table.
            key: one that is unique in every table.
        """
        terms, sums = self._sums_of_columns(key)
        rows = self._frame.lazy().select(**terms, place=places)
        found = rows.group_by("place").agg(**sums).collect()
        return {row["place"]: self._column_digests(row) for row in found.iter_rows(named=True)}

    def _sums_of_columns(self, key: Sequence[str]) -> tuple[dict[str, pl.Expr], dict[str, pl.Expr]]:
        """The hashes of a row that are needed, and the sums over them that make the columns' versions."""
        identity = self._row(key) if key else _place()
        factors = {lane: identity.hash(seed) for lane, seed in _LANES.items()}
        hashes = {f"h{place}": self._hash(name) for place, name in enumerate(self._schema)}
        sums = {f"{name}.{lane}": (pl.col(name) * pl.col(lane)).sum() for name in hashes for lane in _LANES}
        return {**factors, **hashes}, sums

    def _column_digests(self, sums: Mapping[str, int]) -> dict[str, str]:
        return {
            name: _digest([str(dtype)], [sums[f"h{place}.{lane}"] for lane in _LANES])
            for place, (name, dtype) in enumerate(self._schema.items())
        }

    def projections(self, read_sets: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """For each set of columns the digest of the rows projected on it, as a multiset."""
        wanted = sorted({name for names in read_sets for name in names})
        column = {name: f"h{place}" for place, name in enumerate(wanted)}
        hashed = self._frame.lazy().select(**{column[name]: self._hash(name) for name in wanted})
        rows = {
            f"r{place}": _combined([pl.col(column[name]) for name in names]) for place, names in enumerate(read_sets)
        }
        sums = {f"{row}.{lane}": pl.col(row).hash(seed).sum() for row in rows for lane, seed in _LANES.items()}
        found = _sums(hashed.select(**rows), sums)
        return {
            names: self._projection_digest(names, [found[f"r{place}.{lane}"] for lane in _LANES])
            for place, names in enumerate(read_sets)
        }

    def projections_by_place(self, places: pl.Series, names: tuple[str, ...]) -> dict[int, str]:
        """What ``projections`` gives of one set of columns for each of several tables that lie below each other.

        Arguments:
            places: for each row the number of its table.
            names: sorted.
        """
        row = _combined([self._hash(name) for name in names])
        lanes = {lane: pl.col("row").hash(seed).sum() for lane, seed in _LANES.items()}
        found = self._frame.lazy().select(row.alias("row"), place=places).group_by("place").agg(**lanes).collect()
        return {
            one["place"]: self._projection_digest(names, [one[lane] for lane in _LANES])
            for one in found.iter_rows(named=True)
        }

    def _projection_digest(self, names: Sequence[str], lanes: Sequence[int]) -> str:
        return _digest([str(self._schema[name]) for name in names], lanes)

    def order(self, key: Sequence[str]) -> str:
        """The digest of the sequence of keys, or of whole rows where there is no key."""
        names = list(key) or sorted(self._schema)
        factors = {lane: _place().hash(seed) for lane, seed in _LANES.items()}
        placed = self._frame.lazy().with_row_index(_POSITION).select(**factors, row=self._row(names))
        found = _sums(placed, {lane: (pl.col("row") * pl.col(lane)).sum() for lane in _LANES})
        return _digest([str(self._schema[name]) for name in names], [found[lane] for lane in _LANES])

    def _hash(self, name: str) -> pl.Expr:
        return hashable(pl.col(name), self._schema[name], name).hash(_VALUE)

    def _row(self, names: Sequence[str]) -> pl.Expr:
        return _combined([self._hash(name) for name in names])

    def _all_differ(self, frame: pl.DataFrame, names: Sequence[str]) -> bool:
        """Whether no two rows agree: by the order of rows, by a bitmap, or at the worst by counting different hashes.

        Different hashes prove different keys. Of equal hashes of different keys (one in four million for 3 M rows)
        nothing wrong can come: the key is just not used.
        """
        if len(names) == 1 and frame.height <= _PREFIXES[0]:
            return frame.get_column(names[0]).n_unique() == frame.height  # on few rows the detours cost more
        if all(is_ordered(self._schema[name]) for name in names) and _ascends(frame, names):
            return True
        numbers = [frame.get_column(name).to_physical() for name in names]
        if all(column.dtype.is_integer() for column in numbers):
            differ = _differ_in_bitmap(numbers)
            if differ is not None:
                return differ
        return frame.lazy().select(self._row(names).alias("row")).collect().get_column("row").n_unique() == frame.height


def _ascends(frame: pl.DataFrame, names: Sequence[str]) -> bool:
    """Whether every row's key is greater than the one before it, which is looked at in a prefix first."""
    greater: pl.Series | None = None
    if frame.height > _PREFIXES[0] and not _ascends(frame.head(_PREFIXES[0]), names):
        return False
    for name in reversed(names):
        column = frame.get_column(name).to_physical()
        before, after = column.slice(0, frame.height - 1), column.slice(1)
        greater = after > before if greater is None else (after > before) | ((after == before) & greater)
    return greater is not None and bool(greater.all())


def _differ_in_bitmap(columns: Sequence[pl.Series]) -> bool | None:
    """Whether no two rows of integer columns agree, by a bit for every possible key; None where they are too many.

    For three million rows this costs a quarter of counting different hashes.
    """
    size, places = 1, []
    for column in columns:
        low, high = column.min(), column.max()
        if not (isinstance(low, int) and isinstance(high, int) and low >= -(2**63) and high < 2**63):
            return None
        stride, size = size, size * (high - low + 1)
        if size > len(column) * _BITS_A_ROW:
            return None
        places.append((column.cast(pl.Int64) - low) * stride)
    place = places[0] if len(places) == 1 else pl.select(pl.sum_horizontal(places)).to_series()
    seen = pl.zeros(size, dtype=pl.Boolean, eager=True).scatter(place, True)
    return int(seen.sum()) == len(place)


def _place() -> pl.Expr:
    # Hashed here and again per lane: the factors of a lane must show no trace of a regular sequence.
    return pl.col(_POSITION).cast(pl.Int64).hash(_VALUE)


def _combined(hashes: Sequence[pl.Expr]) -> pl.Expr:
    """One 64-bit number for several hashes: multilinear, with an odd factor for each place but the first."""
    row = hashes[0]
    for place, one in enumerate(hashes[1:], start=1):
        row = row + one * pl.lit(_factor(place), dtype=pl.UInt64)
    return row


@cache
def _factor(place: int) -> int:
    return int.from_bytes(sha256(b"column %d" % place).digest()[:8], "little") | 1


def _sums(rows: pl.LazyFrame, sums: Mapping[str, pl.Expr]) -> dict[str, int]:
    found = rows.select(**sums).collect(engine="streaming")
    return {name: int(found.get_column(name).item()) for name in sums}


def _digest(dtypes: Sequence[str], lanes: Sequence[int]) -> str:
    head = b"".join(b"%d:%b" % (len(text), text) for text in (dtype.encode() for dtype in dtypes))
    body = b"".join(lane.to_bytes(8, "little") for lane in lanes)
    return sha256(b"%d:%b%b" % (len(head), head, body)).hexdigest()[:32]
