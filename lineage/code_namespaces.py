"""Namespaces that code registers with polars and pandas: ``frame.mine.method()`` names no class and calls one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Set
from typing import Any

import polars as pl


def namespaces(attributes: Set[str]) -> Iterator[tuple[str, type]]:
    """The classes that polars and pandas hand out under any of some names of attributes, each with its name."""
    for kind in _kinds():
        for name in sorted(attributes & set(getattr(kind, "_accessors", ()))):
            # Both keep the class in the descriptor that makes one object of it for each frame.
            held = getattr(vars(kind).get(name), "__dict__", {})
            yield from ((name, one) for one in held.values() if isinstance(one, type))


def _kinds() -> tuple[Any, ...]:
    pandas = sys.modules.get("pandas")
    others = () if pandas is None else (pandas.DataFrame, pandas.Series, pandas.Index)
    return (pl.DataFrame, pl.LazyFrame, pl.Series, pl.Expr, *others)
