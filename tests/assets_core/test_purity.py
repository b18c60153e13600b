"""The core does no I/O: importing it loads no library that could."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    "assets_core",
    *(
        ".".join(one.relative_to(ROOT).with_suffix("").parts)
        for one in sorted((ROOT / "assets_core").rglob("[a-z]*.py"))
    ),
]
HEAVY = {
    "polars",
    "sqlite3",
    "_sqlite3",
    "pyarrow",
    "sqlglot",
    "duckdb",
    "click",
    "rich",
    "pandas",
    "numpy",
    "networkx",
}


def loaded_by(code: str) -> set[str]:
    shown = f"import sys; {code}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing_heavy() -> None:
    assert not loaded_by("import assets_core") & HEAVY


def test_all_of_its_modules_together_load_nothing_heavy() -> None:
    assert not loaded_by(f"import {', '.join(MODULES)}") & HEAVY


def test_all_of_its_modules_are_looked_at() -> None:
    assert {"assets_core.plan", "assets_core.partitions.cron", "assets_core.run"} < set(MODULES)


@pytest.mark.parametrize("module", MODULES[1:])
def test_no_module_reads_the_clock_the_environment_or_files(module: str) -> None:
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    for word in (
        "import os",
        "import time\n",
        "pathlib",
        "open(",
        "datetime.now",
        "date.today",
        "import random",
        "import uuid",
    ):
        assert word not in source.replace("self.open(", "").replace("def open(", "").replace("._open", "")
