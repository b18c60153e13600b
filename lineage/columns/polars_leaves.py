"""Names the leaves of a plan: placeholders by their own name, scans by a given name or by their path."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import polars as pl

from lineage.columns.placeholder import PlaceholderReader

UNREADABLE = "<unreadable scan>"
"""The name of a scan that polars neither shows nor names in its explanation of the plan."""
PYTHON = "<python scan"
"""How the name of a scan begins that is a Python function."""
_HIDDEN_SCAN = re.compile(r"^\s*(?:Ipc|Parquet|Csv|NDJson|Lines)\w* SCAN \[(.*?)\]", re.MULTILINE | re.IGNORECASE)

_COUNTED = re.compile(r"\.\.\. \d+ other sources?")


class LeafNames:
    """Gives every leaf of a plan a name, and remembers what is read besides placeholders.

    Arguments:
        frame: the plan; asked for its explanation where polars does not show a scan.
        named: by name, the path, folder or pattern that a scan was given.

    Attributes:
        undeclared: the files, and other scans, that have no given name.
        python: whether one of them is a Python function.
    """

    def __init__(self, frame: pl.LazyFrame, named: Mapping[str, str] | None = None) -> None:
        self.undeclared: dict[str, None] = {}
        self.python = False
        self._frame = frame
        self._named = {name: os.path.abspath(path) for name, path in (named or {}).items()}
        self._shown: list[str] = []
        self._hidden: str | None = None

    def __call__(self, node: Any) -> str:
        """The name of a leaf node, None for one that polars does not show; empty for data inside the plan."""
        kind = type(node).__name__
        if kind == "DataFrameScan":
            return ""
        if kind == "PythonScan":
            reader = node.options[0]
            if isinstance(reader, PlaceholderReader):
                return reader.name
            self.python = True
            return self._foreign(f"{PYTHON} {getattr(reader, '__qualname__', type(reader).__qualname__)}>")
        if kind == "Scan":
            paths = [str(path) for path in node.paths]
            self._shown.append(_joined(paths))
            return self._given(paths) or self._foreign(_joined(paths), *paths)
        if self._hidden is None:
            self._hidden = self._hidden_scans()
        return self._given(self._hidden.split(", ")) or self._foreign(self._hidden, *_listed(self._hidden))

    def _foreign(self, name: str, *files: str) -> str:
        self.undeclared.update(dict.fromkeys(files or (name,)))
        return name

    def _given(self, paths: Sequence[str]) -> str:
        """The given name of a scan of these paths, empty if it has none."""
        absolute = [os.path.abspath(path) for path in paths]
        for name, pattern in self._named.items():
            if absolute and all(_within(path, pattern) for path in absolute):
                return name
        return ""

    def _hidden_scans(self) -> str:
        """The paths of all scans that polars explains but does not show, as one name for all of them."""
        explained = [match[1] for match in _HIDDEN_SCAN.finditer(self._frame.explain(optimized=False))]
        return ", ".join(dict.fromkeys(text for text in explained if text not in self._shown)) or UNREADABLE


def _within(path: str, pattern: str) -> bool:
    return path == pattern or path.startswith(pattern + os.sep) or fnmatch(path, pattern)


def _listed(text: str) -> list[str]:
    """The paths in polars' explanation of a scan; for those that it only counts, a pattern that matches them too."""
    paths = text.split(", ")
    if not _COUNTED.fullmatch(paths[-1]):
        return paths
    folder, ending = os.path.dirname(paths[0]), os.path.splitext(paths[0])[1]
    return [*paths[:-1], os.path.join(folder, f"*{ending}")]


def _joined(paths: Sequence[str], most: int = 3) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
