"""Storages by their kind: the built-in ones and those of other distributions, through one door."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from assets_core.errors import StorageError, did_you_mean
from materializers.storage.protocol import Storage

GROUP = "headwater.storage"
"""The entry point group under which a distribution registers ``kind = module:class``."""
_OWN = {  # read when the code runs from a folder that was never installed and so has no metadata
    "parquet": "materializers.storage.parquet:ParquetStorage",
    "duckdb": "materializers.storage.duckdb:DuckDBStorage",
}


def open_storage(name: str, options: Mapping[str, object], root: Path) -> Storage:
    """Opens a storage by its table of headwater.toml.

    Arguments:
        name: the table's name.
        options: the table, every ``${VAR}`` resolved; ``kind`` is ``parquet`` if it is not given.
        root: the project's folder.

    Raises:
        StorageError: HW420, the kind is unknown or cannot be loaded; HW421, an option is wrong.
    """
    kind = options.get("kind", "parquet")
    known = _OWN if kind in _OWN else kinds()  # to ask all that is installed takes as long as to open a catalog
    if not isinstance(kind, str) or kind not in known:
        raise StorageError(
            "HW420",
            f"{kind!r} is no kind of storage",
            where=f"[storage.{name}]",
            hint=did_you_mean(str(kind), known) or f"there are {', '.join(sorted(known))}",
        )
    module, _, attribute = known[kind].partition(":")
    try:
        made = cast(type[Storage], getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise StorageError(
            "HW420",
            f"the storage kind {kind!r} cannot be loaded",
            where=f"[storage.{name}]",
            why=str(error),
            hint="install the extra that it needs",
        ) from error
    return made.open(name, {key: value for key, value in options.items() if key != "kind"}, root)


@cache
def kinds() -> Mapping[str, str]:
    """Every known kind with ``module:class``; looked up once a process."""
    found: tuple[EntryPoint, ...] = tuple(entry_points(group=GROUP))
    return {one.name: one.value for one in found} | _OWN
