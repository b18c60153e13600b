"""The bytes of a polars plan: its digest, and how large polars will make it.

Polars serializes a plan as an arena of nodes in MessagePack, each node named by its index; what several nodes
share stands there once. Python objects in it are pickles, byte by byte, behind two bytes for the version of
Python.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from pathlib import Path

import polars as pl


def serialized(frame: pl.LazyFrame) -> bytes | None:
    """The plan as polars serializes it; None where it cannot be, as with a Python function without a name."""
    buffer = io.BytesIO()
    try:
        frame._ldf.serialize_binary(buffer)
    except pl.exceptions.PolarsError:
        return None
    return buffer.getvalue()


def portable(data: bytes | None, root: Path) -> bytes | None:
    """A serialized plan in which the files that it scans below a folder are named from there on: another checkout has
    the same plan.
    """
    folder = re.escape(os.fsencode(root))
    if data is None or _SCANNED not in data:
        return data
    scanned = re.compile(_SCANNED + rb"(?:([\xa0-\xbf])|\xd9(.)|\xda(..))(file://)?" + folder + b"(?=/)", re.DOTALL)

    def named(match: re.Match[bytes]) -> bytes:
        short, longer, longest, scheme = match.groups()
        length = short[0] & 31 if short else int.from_bytes(longer or longest, "big")
        rest = length - len(scheme or b"") - len(os.fsencode(root))
        return _SCANNED + b"\0project" + rest.to_bytes(2, "big")

    return scanned.sub(named, data)


_SCANNED = b"\xa5inner"
"""What stands before the path of every file that a plan scans."""


def _in_array(text: bytes) -> bytes:
    """Bytes as they stand in a MessagePack array of small numbers."""
    return b"".join(b"\xcc%c" % byte if byte > 127 else b"%c" % byte for byte in text)


_CACHE_ID = re.compile(rb"\xa2id\xc4\x10(.{16})", re.DOTALL)
_PICKLE = re.compile(rb"\x80[\x02-\x08]\xcc?\x95")  # as it is, or as it stands in an array of small numbers
_READER = _in_array(b"\x8c\x11PlaceholderReader\x94")
_SCHEMA = _in_array(b"\x8c\x0a_schema_of\x94")
_PYTHON = bytes((sys.version_info.minor, sys.version_info.micro)) + b"\xcc\x80"
_ANY_PYTHON = b"\x00\x00\xcc\x80"


def plan_digest(frame: pl.LazyFrame) -> str | None:
    """SHA-256 of the serialized plan, without the random identities of ``cache()`` and the release of Python.

    Returns:
        64 hexadecimal digits, or None where the bytes do not determine what is computed: a Python function or a
        plugin is inside, or the plan cannot be serialized.
    """
    return digest_of(serialized(frame))


def digest_of(data: bytes | None) -> str | None:
    """The digest of a serialized plan; see ``plan_digest``."""
    if data is None or b"FfiPlugin" in data:
        return None
    if len(_PICKLE.findall(data)) != data.count(_READER) + data.count(_SCHEMA):
        return None
    if b"\xa2id\xc4\x10" in data:
        data = _without_cache_ids(data)
    if data.count(_CAST_OF_COLUMN) > 1:
        data = _with_casts_in_order(data)
    return hashlib.sha256(data.replace(_PYTHON, _ANY_PYTHON)).hexdigest()


_CAST_OF_COLUMN = b"\x81\xa4Cast\x83\xa4expr\x81\xa6Column"
_CAST = re.compile(re.escape(_CAST_OF_COLUMN) + rb".+?\xa5dtype.+?\xa7options(?:\xa6Strict|.NonStrict)", re.DOTALL)
_EXPRESSIONS = re.compile(
    rb"\xa6HStack\x83\xa5input\x82\xa3idx.{1,5}\xa7version\x01\xa5exprs([\x92-\x9f]|\xdc..|\xdd....)", re.DOTALL
)


def _with_casts_in_order(data: bytes) -> bytes:
    """The plan with the casts of each ``frame.cast({...})`` sorted. Polars writes them in another order each time, and
    as each replaces the column that it reads, their order means nothing.
    """
    done, pieces = 0, []
    for found in _EXPRESSIONS.finditer(data):
        head = found[1]
        count = head[0] & 15 if len(head) == 1 else int.from_bytes(head[1:], "big")
        casts: list[bytes] = []
        end = found.end()
        while len(casts) < count and (cast := _CAST.match(data, end)) is not None:
            casts.append(cast[0])
            end = cast.end()
        if len(casts) == count and data.startswith(b"\xa7options", end):
            pieces += [data[done : found.end()], *sorted(casts)]
            done = end
    return b"".join([*pieces, data[done:]])


def _without_cache_ids(data: bytes) -> bytes:
    numbers: dict[bytes, int] = {}

    def numbered(match: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(match[1], len(numbers))
        return b"\xa2id\xc4\x10" + number.to_bytes(16, "big")

    return _CACHE_ID.sub(numbered, data)


_NODE = re.compile(rb"\x82\xa5value")
_INDEX = re.compile(rb"\x82\xa3idx(?:\xcc(.)|\xcd(..)|\xce(....)|([\x00-\x7f]))\xa7version", re.DOTALL)


_LEAVES = (b"PythonScan", b"DataFrameScan", b"\xa4Scan")


def expanded_nodes(data: bytes | None) -> int:
    """How many nodes polars makes of a plan when it writes out everything that is shared, to be run.

    A chain of joins of a frame with itself doubles at each join. 0 where it cannot be told.
    """
    if data is None:
        return 0
    # The inputs of a union are written out each time already; a leaf has about as many nodes above it.
    leaves = sum(data.count(kind) for kind in _LEAVES)
    if leaves > 1000:
        return 2 * leaves
    header, found, body = data.partition(b"\xa9dsl_plans")
    references = len(_INDEX.findall(body)) if found else 0
    nodes = _NODE.split(body)[1:]
    if references < len(nodes):
        return references
    root = _INDEX.search(header)
    children = [[_number(match) for match in _INDEX.finditer(node)] for node in nodes]
    return _size(children, _number(root)) if root is not None else 0


def _number(match: re.Match[bytes]) -> int:
    return int.from_bytes(next(group for group in match.groups() if group is not None), "big")


def _size(children: list[list[int]], root: int) -> int:
    """The size of the tree that a shared graph unfolds to, counted from its leaves without recursion."""
    sizes: dict[int, int] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        below = [child for child in children[node] if child < len(children)] if node < len(children) else []
        missing = [child for child in below if child not in sizes]
        if missing and len(stack) <= len(children):
            stack.extend(missing)
            continue
        sizes[node] = 1 + sum(sizes.get(child, 1) for child in below)
        stack.pop()
    return sizes[root]
