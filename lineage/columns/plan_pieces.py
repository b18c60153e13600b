"""A polars plan taken apart: its nodes one by one, each able to be built anew over other frames.

Polars writes a plan as nested JSON: a node is an object with one key, its kind, and holds the nodes below it under a
few known keys. So one node can be put over frames of a few rows and tried alone.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import polars as pl

from lineage.columns.placeholder import PlaceholderReader

Node = dict[str, Any]
"""A node as JSON: its kind, and what it consists of."""

_INPUTS = ("input", "input_left", "input_right", "inputs", "dsl", "idxs")
EXPRESSIONS = {"Select": "expr", "HStack": "exprs", "GroupBy": "aggs"}
"""The kinds of node that make several columns by expressions, each with the key under which they stand."""
_PICKLE = re.compile(r"128,[2-8],149,")
_FOREIGN = ("FfiPlugin", '"Sink"', '"SinkMultiple"', "PipeWithSchema")
_MAKES_ROWS = re.compile(r'Range"|"Repeat"|Spaces?"')
_LARGE = re.compile(r"\d{6,}")


def taken_apart(frame: pl.LazyFrame) -> Node | None:
    """The topmost node of a plan; None where polars cannot write it, as with a Python function without a name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # polars says that the text is for the same release only; it is
            text = frame.serialize(format="json")
        node: Node = json.loads(text)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, RecursionError, ValueError):
        return None
    return node


def put_together(node: Node) -> pl.LazyFrame:
    """The plan that a node is the top of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pl.LazyFrame.deserialize(io.StringIO(json.dumps(node)), format="json")


def kind_of(node: Node) -> str:
    """The kind of a node."""
    return next(iter(node))


def body_of(node: Node) -> dict[str, Any]:
    """What a node consists of, by name."""
    body = node[kind_of(node)]
    return body if isinstance(body, dict) else {}


def below(node: Node) -> list[Node]:
    """The nodes that a node gets its rows from, in the order in which ``over`` takes them."""
    body = body_of(node)
    found: list[Node] = []
    for key in _INPUTS:
        held = body.get(key)
        found += held if isinstance(held, list) else [held] if isinstance(held, dict) else []
    return found


def over(node: Node, inputs: Sequence[Node]) -> Node:
    """The node over other nodes, as many as ``below`` gives."""
    rest, body = list(inputs), dict(body_of(node))
    for key in _INPUTS:
        held = body.get(key)
        if isinstance(held, list):
            body[key], rest = rest[: len(held)], rest[len(held) :]
        elif isinstance(held, dict):
            body[key] = rest.pop(0)
    return {kind_of(node): body}


def is_harmless(node: Node) -> bool:
    """Whether nothing happens when a node is run over a few rows but polars' own work on about as many."""
    text = json.dumps(over(node, [{}] * len(below(node))), separators=(",", ":"))
    if _PICKLE.search(text) or any(word in text for word in _FOREIGN):
        return False
    return not (_MAKES_ROWS.search(text) and _LARGE.search(text))


def placeholder_name(node: Node) -> str | None:
    """The name of the placeholder that a leaf is; None for any other leaf."""
    if kind_of(node) != "PythonScan":
        return None
    data = bytes(body_of(node)["options"]["scan_fn"] or ())
    start = data.find(b"\x80")
    if start < 0 or PlaceholderReader.__name__.encode() not in data:
        return None
    reader = pickle.loads(data[start:])  # noqa: S301 -- polars pickled it a moment ago in this process
    return reader.name if isinstance(reader, PlaceholderReader) else None


def replaced(node: Node, leaf: Callable[[Node], Node]) -> Node:
    """The plan with every leaf replaced."""
    inputs = below(node)
    return over(node, [replaced(one, leaf) for one in inputs]) if inputs else leaf(node)


ROWS = ("none", "values", "nulls")
"""What kinds of rows a node is tried on."""


@cache
def _samples(schema: tuple[tuple[str, pl.DataType], ...]) -> dict[str, Node] | None:
    try:
        filled = [pl.Series(name, [value_of(dtype)] * 2, dtype=dtype) for name, dtype in schema]
        frames = {
            "none": pl.DataFrame(schema=dict(schema)),
            "values": pl.DataFrame(filled),
            "nulls": pl.DataFrame([pl.Series(name, [None, None], dtype=dtype) for name, dtype in schema]),
        }
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError, ValueError, OverflowError):
        return None
    taken = {rows: taken_apart(frame.lazy()) for rows, frame in frames.items()}
    return {rows: node for rows, node in taken.items() if node is not None} if all(taken.values()) else None


def samples(schema: Mapping[str, pl.DataType]) -> dict[str, Node] | None:
    """Leaves of a schema with no rows, with two rows of values, and with two rows of nulls, by ``ROWS``.

    Returns:
        None where a dtype has no value that could be made up.
    """
    return _samples(tuple(schema.items()))


_VALUES: dict[type[pl.DataType], object] = {
    pl.String: "a",
    pl.Categorical: "a",
    pl.Boolean: True,
    pl.Date: dt.date(2024, 1, 1),
    pl.Datetime: dt.datetime(2024, 1, 1),  # noqa: DTZ001 -- polars takes it for the time zone of the dtype
    pl.Duration: dt.timedelta(days=1),
    pl.Time: dt.time(1),
    pl.Binary: b"a",
    pl.Decimal: decimal.Decimal(1),
    pl.Null: None,
}


def value_of(dtype: pl.DataType) -> object:
    """A value of a dtype.

    Raises:
        TypeError: none is known.
    """
    if dtype.is_integer():
        return 1
    if dtype.is_float():
        return 1.5
    if isinstance(dtype, pl.List):
        return [value_of(_inner(dtype))]
    if isinstance(dtype, pl.Array):
        return [value_of(_inner(dtype))] * dtype.size
    if isinstance(dtype, pl.Struct):
        return {field.name: value_of(_instance(field.dtype)) for field in dtype.fields}
    if isinstance(dtype, pl.Enum):
        return dtype.categories[0] if len(dtype.categories) else None
    if type(dtype) not in _VALUES:
        raise TypeError(dtype)
    return _VALUES[type(dtype)]


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return _instance(dtype.inner)


def _instance(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def names_in(expression: Any) -> list[str]:
    """The names of the columns that an expression, as JSON, is made of; empty where polars does not tell."""
    with suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return list(dict.fromkeys(_expression(expression).meta.root_names()))
    return []


def name_of(expression: Any) -> str | None:
    """The name of the column that an expression, as JSON, makes; None for several or where polars does not tell."""
    with suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException):
        made = _expression(expression)
        return None if made.meta.has_multiple_outputs() else made.meta.output_name()
    return None


def text_of(expression: Any, most: int = 160) -> str:
    """An expression, as JSON, in polars' notation."""
    with suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException):
        text = str(_expression(expression))
        return text if len(text) <= most else text[:most] + "..."
    return ""


def _expression(expression: Any) -> pl.Expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pl.Expr.deserialize(io.StringIO(json.dumps(expression)), format="json")
