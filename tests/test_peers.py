"""The comparison with other tools compares the same work, and says what it is of."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from benchmarks.peers import shape, tools, with_floor, with_headwater
from benchmarks.peers.processes import run


def test_a_change_of_a_root_reaches_34_of_100_assets() -> None:
    assert shape.cone(100, shape.ROOT) == 34
    assert shape.cone(100, shape.LEAF) == 1


@pytest.mark.parametrize("tool", tools.TOOLS)
def test_every_tool_has_a_file_and_requirements_with_versions(tool: str) -> None:
    assert importlib.util.find_spec(f"benchmarks.peers.with_{tool}") is not None
    assert [one for one in tools.TOOLS[tool].requirements if "==" not in one] == []


def test_headwater_and_the_loop_give_the_same_rows_and_make_what_a_change_reaches(tmp_path: Path) -> None:
    built = {}
    for name, changed in (("first", frozenset[str]()), ("root", frozenset({shape.ROOT}))):
        results = set()
        for side in (with_floor, with_headwater):
            folder = tmp_path / side.__name__
            folder.mkdir(exist_ok=True)
            side.write(folder, 20, changed)
            built[name] = side.build(folder, 20, name)
            results.add(side.result(folder, 20))
        assert len(results) == 1

    assert built == {"first": 20, "root": shape.cone(20, shape.ROOT)}


def test_a_process_that_takes_too_long_is_ended_and_said_to_be(tmp_path: Path) -> None:
    took = run(["sleep", "30"], tmp_path, {"PATH": "/usr/bin:/bin"}, 0.1)

    assert took.failed == "ended after 0 s"
    assert took.wall < 10
