"""A digest of a table's values that depends on nothing but its values: not on chunks, releases or file formats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets_core.digest import digest

_WIDTHS = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


class CanonicalDigest:
    """SHA-256 over rows that come in batches of any size.

    Each column is hashed in up to four streams: which values are there (a byte each), their lengths (for text and
    lists), and their bytes, little-endian, with zeros where a value is null; nested values as columns of their own.
    The digest is the SHA-256 of the description, the number of rows and the digests of all streams.

    Arguments:
        described: what the columns are called and which types they have, as it is recorded.
    """

    def __init__(self, described: object) -> None:
        self._described = described
        self._streams: dict[str, Any] = {}
        self.rows = 0
        self.bytes = 0

    def add(self, batches: Iterable[Any]) -> None:
        """Takes in further rows: pyarrow record batches with the same columns."""
        for batch in batches:
            self.rows += batch.num_rows
            for place, column in enumerate(batch.columns):
                self._column(str(place), column)

    def hexdigest(self) -> str:
        """The digest of all rows so far, as 64 hexadecimal digits."""
        streams = {name: stream.hexdigest() for name, stream in self._streams.items()}
        return digest("canonical-1", self._described, self.rows, streams)

    def _column(self, path: str, array: Any) -> None:
        self._feed(f"{path} valid", _fixed(array.is_valid().cast(pa.uint8())))
        kind = array.type
        if pa.types.is_struct(kind):
            for place, child in enumerate(array.flatten()):
                self._column(f"{path}.{place}", child)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            self._feed(f"{path} length", _fixed(pc.list_value_length(array).cast(pa.int64()).fill_null(0)))
            self._column(f"{path}[]", array.flatten())
        elif not pa.types.is_null(kind):
            self._values(path, array)

    def _values(self, path: str, array: Any) -> None:
        kind = array.type
        if pa.types.is_boolean(kind):
            self._feed(path, _fixed(array.cast(pa.uint8()).fill_null(0)))
        elif pa.types.is_decimal(kind):
            filled = array.view(pa.binary(kind.byte_width)).fill_null(bytes(kind.byte_width))
            self._feed(path, _fixed(filled))
        elif pa.types.is_primitive(kind):
            self._feed(path, _fixed(array.view(_WIDTHS[kind.bit_width]).fill_null(0)))
        else:
            filled = array.cast(pa.large_binary()).fill_null(b"")
            self._feed(f"{path} length", _fixed(pc.binary_length(filled)))
            self._feed(path, _text(filled))

    def _feed(self, name: str, data: Any) -> None:
        self.bytes += len(data)
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = hashlib.sha256()
        stream.update(data)


def _fixed(array: Any) -> memoryview:
    """The bytes of an array of fixed width without nulls."""
    width = array.type.bit_width // 8
    return memoryview(array.buffers()[1] or b"")[array.offset * width : (array.offset + len(array)) * width]


def _text(array: Any) -> memoryview:
    """The bytes of all values of a large_binary array without nulls, one after the other."""
    _, offsets, data = array.buffers()
    ends = memoryview(offsets or bytes(8)).cast("q")
    return memoryview(data or b"")[ends[array.offset] : ends[array.offset + len(array)]]
