"""Hamilton: a function each, its cache of pickled frames; frames are handed on in memory while a build lasts.

Its cache can be asked for Parquet, but what it calls for that is gone from polars 2."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("hamilton.driver", "hamilton.plugins.polars_extensions", "polars")
DATA = ("cache/*==",)
HEADER = """import polars as pl
from benchmarks.peers.workload import node, root

"""


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """One module; each function has a text of its own, which Hamilton's versions are made from."""
    texts = [HEADER]
    for one in shape.nodes(size):
        how = "changed=True" if one.name in changed else "changed=False"
        parameters = ", ".join(f"{name}: pl.DataFrame" for name in dict.fromkeys(one.inputs))
        call = f"node({one.inputs[0]}.lazy(), {one.inputs[1]}.lazy(), {how})" if one.inputs else f"root(0, {how})"
        texts.append(f"def {one.name}({parameters}) -> pl.DataFrame:\n    return {call}\n\n")
    (folder / "w_functions.py").write_text("\n".join(texts))


def build(folder: Path, size: int, phase: str) -> int:
    """Executes the last layer."""
    _driver(folder).execute(shape.last_layer(size))
    from benchmarks.peers import workload

    return workload.BUILT[0]


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer, from the cache."""
    made = _driver(folder).execute(shape.last_layer(size))
    return sum(one.height for one in made.values()), float(sum(one["value"].sum() for one in made.values()))


def _driver(folder: Path):  # type: ignore[no-untyped-def] # a class of a library that is not here
    from hamilton import base, driver
    from hamilton.plugins import polars_extensions  # noqa: F401 -- how its cache takes the version of a frame

    sys.path.insert(0, str(folder))
    module = importlib.import_module("w_functions")
    return (
        driver.Builder().with_modules(module).with_cache(path=folder / "cache").with_adapters(base.DictResult()).build()
    )
