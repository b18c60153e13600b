"""How much of the fault suite runs: a bounded share, and all of it with ``HEADWATER_FAULTS=all`` (``make faults``)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.harness import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The project of fifty slots, nothing materialized."""
    return Bench(tmp_path / "project")


@pytest.fixture(scope="session")
def _shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a C compiler builds what the calls of a process are seen and spoiled with, and there is none")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture
def shim(_shim: Path) -> dict[str, str]:
    """The variable that puts ``shim.c`` between a process and the C library."""
    return {"LD_PRELOAD": str(_shim)}
