"""Asset keys, partition keys and environment names as names of files and folders."""

from __future__ import annotations

import hashlib
from functools import lru_cache

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,=")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_LONGEST_BYTES = 180  # of the 255 that file systems allow; some encrypting ones leave only 143 of them
_KEPT_BYTES = 60


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """One safe file name for any text; two different texts never share one, on no file system.

    Letters, digits and ``_-.,=`` stay. A slash becomes ``~``; everything else becomes ``%`` and the hexadecimal
    digits of its UTF-8 bytes, so that Unicode normalisation cannot join two names. Where capital letters occur, ``+``
    and a number tell which they are, because ``EU`` and ``eu`` are one name on file systems that ignore case. A name
    that begins with ``_`` or ``.``, ends with ``.``, or that Windows reserves has that character escaped; one that
    would grow too long keeps its beginning, and a SHA-256 of the text stands for the rest.

    Arguments:
        text: an asset key, a partition key or an environment name; may be empty.

    Returns:
        A name without separators, of at most 180 bytes.
    """
    encoded = "".join(map(_escape_character, text))
    if not encoded:
        return "%"
    if encoded[0] in "._" or encoded.split(".", 1)[0].lower() in _RESERVED:
        encoded = f"%{ord(encoded[0]):02x}{encoded[1:]}"
    if encoded.endswith("."):
        encoded = f"{encoded[:-1]}%2e"
    capitals = sum(1 << place for place, letter in enumerate(filter(str.isalpha, text)) if letter.isupper())
    name = f"{encoded}+{capitals:x}" if capitals else encoded
    if len(name) <= _LONGEST_BYTES:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{encoded[:_KEPT_BYTES]}++{digest}"


def escape_path(key: str) -> str:
    """An asset key as nested folders, for the published face that people look into; injective as well.

    A part that ends in ``.parquet`` is marked, so that no folder is mistaken for, or collides with, a data file.
    """
    parts = [escape(part) for part in key.split("/")]
    return "/".join(f"{part}%" if part.lower().endswith(".parquet") else part for part in parts)


def _escape_character(character: str) -> str:
    if character in _PLAIN:
        return character
    if character == "/":
        return "~"
    return "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
