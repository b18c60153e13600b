"""The public surface as mypy --strict sees it from a user's project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "typed_sample" / "project.py"


@pytest.fixture(scope="module")
def said() -> dict[int, list[str]]:
    """What mypy says, by line of the sample."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--show-error-codes", "--no-error-summary"]
    done = subprocess.run([*command, str(SAMPLE)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    lines: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        found = re.match(r"(?P<file>[^:]+):(?P<line>\d+): (?P<text>.*)", line)
        assert found, line
        assert Path(found["file"]).name == SAMPLE.name, line
        lines.setdefault(int(found["line"]), []).append(found["text"])
    return lines


def expected(word: str) -> dict[int, str]:
    """The comments of one kind in the sample, by line."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    found = {number: re.search(rf"# {word}: (.*)$", line) for number, line in enumerate(lines, 1)}
    return {number: match[1] for number, match in found.items() if match}


@pytest.mark.parametrize(("line", "type_name"), expected("reveals").items())
def test_calls_of_assets_keep_the_types_of_their_functions(
    said: dict[int, list[str]], line: int, type_name: str
) -> None:
    assert said[line] == [f'note: Revealed type is "{type_name}"']


@pytest.mark.parametrize(("line", "code"), expected("error").items())
def test_wrong_use_is_reported_by_mypy(said: dict[int, list[str]], line: int, code: str) -> None:
    assert any(text.startswith("error:") and text.endswith(f"[{code}]") for text in said.get(line, []))


def test_a_correct_project_has_no_other_error(said: dict[int, list[str]]) -> None:
    errors = {line for line, texts in said.items() if any(text.startswith("error:") for text in texts)}

    assert errors == set(expected("error"))


def test_the_example_project_is_typed_strictly() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--package", "flights"]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "example_project")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
