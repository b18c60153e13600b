"""Runs what depends on polars with the oldest and the newest release that pyproject.toml admits: ``make matrix``.

Which releases those are is asked of the package index, so the newest is tried on the day it appears. Each gets a
virtual environment of its own below ``.matrix``, with everything else as the lock files say.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
SHARE = (
    *("tests/lineage/test_polars_*.py", "tests/lineage/test_plan_*.py", "tests/lineage/test_fingerprint*.py"),
    *("tests/soundness/test_polars_*.py", "tests/headwater/test_unsupported_polars.py"),
    *("tests/headwater/test_validate_*.py", "tests/acceptance/test_peers.py"),
    *("tests/materializers/test_handed_over.py", "tests/materializers/test_morsels.py"),
    "tests/materializers/test_streamed.py",
)
"""The tests that depend on the release of polars, as patterns."""


def admitted(pyproject: str) -> SpecifierSet:
    """The releases of polars that a pyproject.toml admits."""
    stated = (Requirement(line) for line in tomllib.loads(pyproject)["project"]["dependencies"])
    return next(one.specifier for one in stated if one.name == "polars")


def ends(versions: Iterable[str], wanted: SpecifierSet) -> list[str]:
    """The oldest and the newest of some versions that are wanted: one if they are the same, none if there is none."""
    found = sorted((one for one in versions if one in wanted), key=Version)
    return list(dict.fromkeys([*found[:1], *found[-1:]]))


def published() -> list[str]:
    """The releases of polars that the package index has for this Python."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", "polars"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    listed = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    return listed[1].split(", ") if listed else []


def without_polars(lock: str) -> str:
    """The pins of a lock file without hashes and without those of polars."""
    pins = [line.rstrip(" \\") for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    return "\n".join(pin for pin in pins if not pin.startswith("polars")) + "\n"


def environment(version: str) -> Path:
    """The interpreter of an environment with a release of polars; made if it is not there."""
    folder = ROOT / ".matrix" / f"polars-{version}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        pins = folder / "pins.txt"
        pins.write_text(
            "".join(without_polars((ROOT / f"requirements{kind}.lock").read_text()) for kind in ("", "-dev"))
        )
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"polars=={version}", "--requirement", str(pins)], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)
        (folder / "ready").touch()
    return python


def main() -> int:
    """Runs the tests in each environment; 1 if any failed or no release is admitted."""
    versions = ends(published(), admitted((ROOT / "pyproject.toml").read_text()))
    print(f"matrix: polars {' and '.join(versions) or 'in no release that is admitted'}", flush=True)
    files = [str(path.relative_to(ROOT)) for pattern in SHARE for path in sorted(ROOT.glob(pattern))]
    failed = []
    for version in versions:
        print(f"matrix: {len(files)} files of tests on polars {version}", flush=True)
        words = [str(environment(version)), "-m", "pytest", "--numprocesses", "2", "--dist", "loadfile", *files]
        if subprocess.run(words, cwd=ROOT, check=False).returncode:
            failed.append(version)
    print(f"matrix: failed on {', '.join(failed)}" if failed else "matrix: all passed", flush=True)
    return 1 if failed or not versions else 0


if __name__ == "__main__":
    raise SystemExit(main())
