"""doit: a task each with its files; a change is told by ``config_changed``, since doit does not read code."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from benchmarks.peers import shape

IMPORTS = ("doit.doit_cmd", "polars")
DATA = ("data/*",)
DODO = """
from doit.tools import config_changed
from benchmarks.peers.shape import nodes
from benchmarks.peers.workload import stored

CHANGED = {changed!r}
DOIT_CONFIG = {{"verbosity": 0, "reporter": "zero"}}

def make(target, inputs, changed):
    stored(target, inputs, changed=changed)

def task_asset():
    for one in nodes({size}):
        target, inputs = f"data/{{one.name}}.parquet", tuple(f"data/{{name}}.parquet" for name in one.inputs)
        changed = one.name in CHANGED
        yield {{
            "name": one.name, "actions": [(make, [target, inputs, changed])], "file_dep": list(inputs),
            "targets": [target], "uptodate": [config_changed(str(changed))],
        }}
"""


def write(folder: Path, size: int, changed: frozenset[str]) -> None:
    """A dodo.py."""
    (folder / "dodo.py").write_text(DODO.format(changed=sorted(changed), size=size))


def build(folder: Path, size: int, phase: str) -> int:
    """``doit`` in this process, one task at a time."""
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    from benchmarks.peers import workload

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    if DoitMain(ModuleTaskLoader(importlib.import_module("dodo"))).run(["run"]):
        raise SystemExit("doit failed")
    return workload.BUILT[0]


def result(folder: Path, size: int) -> tuple[int, float]:
    """Rows and sum of the last layer."""
    from benchmarks.peers import workload

    return workload.read([folder / "data" / f"{name}.parquet" for name in shape.last_layer(size)])
