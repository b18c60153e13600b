"""Values to compact columns and back: identifiers, digests, moments, numbers, and JSON text."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from assets_core.published import pack_id, unpack_id

__all__ = [
    "from_json", "pack_digests", "pack_hex", "pack_id", "pack_location", "pack_moment", "pack_numbers", "pack_text",
    "storable", "to_json", "unpack_digests", "unpack_hex", "unpack_id", "unpack_json", "unpack_location",
    "unpack_moment", "unpack_numbers", "unpack_text",
]  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COMPRESS_FROM = 400  # below this length zlib saves less than its 10 microseconds are worth

to_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
"""JSON text in ASCII with sorted keys: equal values give equal text."""
from_json = json.JSONDecoder().decode


def pack_location(location: str, identifier: str) -> str:
    """A location with ``{id}`` for the materialization's own id, which most locations contain.

    Text that could be taken for that already is kept as it is behind ``=``.
    """
    if "{id}" in location or location.startswith("=") or identifier not in location:
        return "=" + location if "{id}" in location or location.startswith("=") else location
    return location.replace(identifier, "{id}")


def unpack_location(value: str, identifier: str) -> str:
    """The location that ``pack_location`` packed."""
    return value[1:] if value.startswith("=") else value.replace("{id}", identifier)


def pack_hex(text: str) -> bytes | str:
    """A digest in lower-case hexadecimal as its bytes, any other text unchanged."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return text
    return raw if raw.hex() == text else text


def unpack_hex(value: bytes | str) -> str:
    """The text that ``pack_hex`` packed."""
    return value if isinstance(value, str) else value.hex()


def pack_digests(values: Sequence[str]) -> bytes | str | None:
    """Several digests in one value: bytes when all are hexadecimal of one length, else JSON; None for none."""
    if not values:
        return None
    size = len(values[0])
    joined = "".join(values)
    if 0 < size < 512 and size % 2 == 0 and all(len(value) == size for value in values):
        raw = pack_hex(joined)
        if isinstance(raw, bytes):
            return bytes([size // 2]) + raw
    return to_json(list(values))


def unpack_digests(value: bytes | str | None) -> list[str]:
    """The digests that ``pack_digests`` packed, in order."""
    if value is None:
        return []
    if isinstance(value, str):
        texts: list[str] = from_json(value)
        return texts
    size = value[0] * 2
    text = value[1:].hex()
    return [text[start : start + size] for start in range(0, len(text), size)]


def pack_moment(moment: datetime) -> int:
    """Microseconds since 1970 in UTC.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a recorded moment needs a time zone: {moment!r}")
    return (moment - _EPOCH) // _MICROSECOND


def unpack_moment(value: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def pack_numbers(values: Iterable[int]) -> bytes:
    """Integers as the differences of neighbours, seven bits a byte; long lists are compressed on top."""
    out = bytearray()
    before = 0
    for value in values:
        step = value - before
        before = value
        step = step << 1 if step >= 0 else ((-step) << 1) - 1
        while step > 0x7F:
            out.append(step & 0x7F | 0x80)
            step >>= 7
        out.append(step)
    if len(out) < 32:
        return b"\0" + bytes(out)
    return b"\1" + zlib.compress(bytes(out))


def unpack_numbers(packed: bytes) -> list[int]:
    """The integers that ``pack_numbers`` packed."""
    body = packed[1:] if packed[0] == 0 else zlib.decompress(packed[1:])
    values: list[int] = []
    value = step = shift = 0
    for byte in body:
        step |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        value += -((step + 1) >> 1) if step & 1 else step >> 1
        values.append(value)
        step = shift = 0
    return values


def pack_text(text: str) -> bytes | str:
    """ASCII text for a body column: compressed bytes when it is long, the text itself when it is short."""
    return text if len(text) < _COMPRESS_FROM else zlib.compress(text.encode())


def unpack_text(body: bytes | str) -> str:
    """The text that ``pack_text`` packed."""
    return body if isinstance(body, str) else zlib.decompress(body).decode()


def unpack_json(body: bytes | str) -> Any:
    """The value whose JSON text ``pack_text`` packed."""
    return from_json(unpack_text(body))


def storable(text: str) -> str:
    """Text that SQLite can keep: what came from the command line may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode()
