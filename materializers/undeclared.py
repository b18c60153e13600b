"""Files that an asset's plan scans although they are none of its inputs: observed by content all the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from glob import escape
from pathlib import Path
from urllib.parse import unquote

from assets_core.errors import DataError
from assets_core.staleness import FILE
from lineage.columns.polars_leaves import PYTHON, UNREADABLE
from materializers.files import FileDigests, digest_files, find_files

_LOCAL = "file://"
_MISSING = "missing"


def undeclared_files(names: Iterable[str], root: Path, digests: FileDigests) -> dict[str, str]:
    """The content of the files that scans name, as settings of a recipe: ``file:PATH`` -> digest as JSON text.

    Paths count relative to the project's folder. Scans that are no files of this machine are left out.

    Arguments:
        names: ``Derivation.undeclared``.
        root: the project's folder.
    """
    found: dict[str, str] = {}
    for path in _paths(names):
        full = _where(path, root)
        try:
            files = digest_files(find_files([escape(full) if os.path.isfile(full) else full], root), digests)
        except DataError:
            found[f"{FILE}{_relative(full, root)}"] = json.dumps(_MISSING)
            continue
        found.update({f"{FILE}{file.name}": json.dumps(file.digest) for file in files})
    return found


def _paths(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.startswith(_LOCAL):
            yield unquote(name.removeprefix(_LOCAL).removeprefix("localhost"))
        elif name != UNREADABLE and not name.startswith(PYTHON) and "://" not in name:
            yield name


def _where(path: str, root: Path) -> str:
    """The path as polars reads it, from the working directory; from the project's folder if it is not there."""
    here = os.path.abspath(path)
    if os.path.isdir(here):
        return os.path.join(here, "**", "*")
    there = os.path.join(root, path)
    return there if not os.path.exists(here) and os.path.exists(there) else here


def _relative(path: str, root: Path) -> str:
    name = os.path.relpath(path, root).replace(os.sep, "/")
    return path.replace(os.sep, "/") if name.startswith("../") else name
