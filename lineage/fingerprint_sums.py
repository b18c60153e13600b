"""The arithmetic of large frames' versions: hash every value once, and add up what depends on both key and value.

For each row, ``h`` is the 64-bit hash of the value and ``k1``, ``k2`` two hashes of the key (or of the position, where
order is content). A column's version is the pair of sums of ``h * k1`` and ``h * k2`` modulo 2^64. Given the keys this
is multilinear hashing: two changes cancel only if their differences ``d`` satisfy ``d1*k1 = -d2*k2`` in both lanes at
once, which two independent lanes allow with a probability of about 2^-64. Without a key, ``r`` combines the hashes
of the projected row, and the lanes are the sums of two further hashes of ``r``, which no choice of values makes linear.

Sums do not care how rows are cut or in which order they come: polars' streaming engine may take them, or somebody who
sees one batch after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import polars as pl

from lineage.fingerprint_values import NAN, hashable

# Digits of pi, e and the golden ratio: seeds without a choice.
_VALUE = 0x243F6A8885A308D3
_LANES: Mapping[str, int] = MappingProxyType({"k1": 0xB7E151628AED2A6A, "k2": 0x9E3779B97F4A7C15})
_POSITION = "\0position"
_TABLE = "\0table"
_MODULUS = 2**64
_REMEMBERED = 256
"""For so many schemas the expressions are kept: to build them takes as long as adding up 2,000 rows."""
_NOTHING: Mapping[str, pl.Expr] = MappingProxyType({})

Digests: TypeAlias = Mapping[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]]
"""For each name that is asked for, the data types and the totals that its digest is made of."""

Typed: TypeAlias = tuple[tuple[str, str, pl.DataType], ...]
"""A schema that can be remembered by: names, types as text, and types."""

Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)


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


@dataclass(frozen=True)
class Sums:
    """What to add up over the rows of a frame, and how the totals become digests.

    Arguments:
        stages: selections one after the other; the last one adds up, and names its totals.
        placed: the position of rows takes part, so all rows are needed at once and in their order.
    """

    stages: tuple[Mapping[str, pl.Expr], ...]
    digests: Digests
    placed: bool = False

    def over(
        self, rows: Rows, *, carried: Mapping[str, pl.Expr] = _NOTHING, more: Mapping[str, pl.Expr] = _NOTHING
    ) -> Rows:
        """One row with the totals.

        Arguments:
            carried: what ``more`` reads, computed of the rows, under names that are no ``h0``, ``k1`` or ``r0``.
            more: what else to find out over all rows.
        """
        rows = rows.with_row_index(_POSITION) if self.placed else rows
        *stages, totals = self.stages
        for stage in stages:
            rows = rows.select(**carried, **stage)
            carried = {name: pl.col(name) for name in carried}
        return rows.select(**totals, **more)

    def digested(self, totals: Mapping[str, int]) -> dict[tuple[str, ...], str]:
        """The digests of totals over all rows, each 32 hexadecimal digits."""
        return {
            name: _digest(dtypes, [totals[lane] % _MODULUS for lane in lanes])
            for name, (dtypes, lanes) in self.digests.items()
        }

    def of(self, rows: pl.LazyFrame) -> dict[tuple[str, ...], str]:
        """The digests of these rows, taken in one streaming pass with memory for a few morsels."""
        if not self.digests:
            return {}
        return self.digested(self.over(rows).collect(engine="streaming").row(0, named=True))

    def by_place(self, rows: pl.LazyFrame, places: pl.Series) -> dict[int, dict[tuple[str, ...], str]]:
        """The digests of each of several tables that lie below each other, by the number of the table.

        Arguments:
            places: for each row the number of its table.
        """
        *terms, totals = self.stages
        rows = rows.with_columns(places.alias(_TABLE))
        for stage in terms:
            rows = rows.select(_TABLE, **stage)
        found = rows.group_by(_TABLE).agg(**totals).collect()
        return {row[_TABLE]: self.digested(row) for row in found.iter_rows(named=True)}


def column_sums(schema: pl.Schema, key: Sequence[str]) -> Sums:
    """A version for every column, of its (key, value) pairs; without a key, of its values in their order."""
    return _column_sums(_typed(schema), tuple(key))


@lru_cache(maxsize=_REMEMBERED)
def _column_sums(columns: Typed, key: tuple[str, ...]) -> Sums:
    schema = _schema(columns)
    identity = row_hash(schema, key) if key else _place()
    factors = {lane: identity.hash(seed) for lane, seed in _LANES.items()}
    hashes = {f"h{place}": _hash(schema, name) for place, name in enumerate(schema)}
    totals = {f"{name}.{lane}": (pl.col(name) * pl.col(lane)).sum() for name in hashes for lane in _LANES}
    digests: Digests = {
        (name,): ((text,), tuple(f"h{place}.{lane}" for lane in _LANES))
        for place, (name, text, _) in enumerate(columns)
    }
    return Sums(({**factors, **hashes}, totals), digests, placed=not key)


def projection_sums(schema: pl.Schema, read_sets: Sequence[tuple[str, ...]]) -> Sums:
    """For each set of columns the digest of the rows projected on it, as a multiset."""
    return _projection_sums(_typed(schema), tuple(read_sets))


@lru_cache(maxsize=_REMEMBERED)
def _projection_sums(columns: Typed, read_sets: tuple[tuple[str, ...], ...]) -> Sums:
    schema, texts = _schema(columns), {name: text for name, text, _ in columns}
    column = {name: f"h{place}" for place, name in enumerate(sorted({name for names in read_sets for name in names}))}
    hashes = {column[name]: _hash(schema, name) for name in column}
    rows = {f"r{place}": _combined([pl.col(column[name]) for name in names]) for place, names in enumerate(read_sets)}
    totals = {f"{row}.{lane}": pl.col(row).hash(seed).sum() for row in rows for lane, seed in _LANES.items()}
    digests: Digests = {
        names: (tuple(texts[name] for name in names), tuple(f"r{place}.{lane}" for lane in _LANES))
        for place, names in enumerate(read_sets)
    }
    return Sums((hashes, rows, totals), digests)


def order_sums(schema: pl.Schema, key: Sequence[str]) -> Sums:
    """The digest of the sequence of keys, or of whole rows where there is no key; its name is empty."""
    return _order_sums(_typed(schema), tuple(key) or tuple(sorted(schema)))


@lru_cache(maxsize=_REMEMBERED)
def _order_sums(columns: Typed, names: tuple[str, ...]) -> Sums:
    schema, texts = _schema(columns), {name: text for name, text, _ in columns}
    factors = {lane: _place().hash(seed) for lane, seed in _LANES.items()}
    totals = {lane: (pl.col("row") * pl.col(lane)).sum() for lane in _LANES}
    digests: Digests = {(): (tuple(texts[name] for name in names), tuple(_LANES))}
    return Sums(({**factors, "row": row_hash(schema, names)}, totals), digests, placed=True)


def _typed(schema: pl.Schema) -> Typed:
    # Text too, as it is digested: types may equal each other that are written differently.
    return tuple((name, str(dtype), dtype) for name, dtype in schema.items())


def _schema(columns: Typed) -> pl.Schema:
    return pl.Schema({name: dtype for name, _, dtype in columns})


def row_hash(schema: pl.Schema, names: Sequence[str]) -> pl.Expr:
    """One 64-bit number for the values of a row in these columns."""
    return _combined([_hash(schema, name) for name in names])


def _hash(schema: pl.Schema, name: str) -> pl.Expr:
    return hashable(pl.col(name), schema[name], name).hash(_VALUE)


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


def _digest(dtypes: tuple[str, ...], lanes: Sequence[int]) -> str:
    head = _head(dtypes)
    body = b"".join([lane.to_bytes(8, "little") for lane in lanes])
    return sha256(b"%d:%b%b" % (len(head), head, body)).hexdigest()[:32]


@lru_cache(maxsize=_REMEMBERED)
def _head(dtypes: tuple[str, ...]) -> bytes:
    return b"".join(b"%d:%b" % (len(text), text) for text in (dtype.encode() for dtype in dtypes))
