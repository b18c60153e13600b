"""Runs the plain tests of some files against the core with one rule of its source changed.

Called as a program with a JSON list of mutants, ``[module, old, new, test file...]``; prints a JSON list of verdicts:
``killed``, ``survived``, or ``not found`` where the old text does not occur exactly once. Every mutant has a process
of its own, forked after the libraries were loaded, so that one costs some hundredths of a second.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PROPERTIES = ("test_mappings_both_ways",)
"""Files whose tests on drawn examples are run too; those of others would take too long."""


class _Changed(SourceFileLoader):
    """Loads a module from its source with one text replaced by another."""

    old = new = ""

    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.path).read_text(encoding="utf-8").replace(self.old, self.new)
        return compile(source, self.path, "exec")


class MutantFinder(MetaPathFinder):
    """Finds one module with a text in it replaced by another."""

    def __init__(self, name: str, old: str, new: str) -> None:
        self.name, self.old, self.new = name, old, new

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        file = str(file_of(fullname))
        loader = _Changed(fullname, file)
        loader.old, loader.new = self.old, self.new
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


def file_of(module: str) -> Path:
    """Where a module of the project stands."""
    return ROOT / f"{module.replace('.', '/')}.py"


def _plain_tests(file: str) -> Iterator[tuple[Callable[..., None], dict[str, Any]]]:
    """The tests of a file that take no fixtures, each with its parameters; those about cost are left out."""
    spec = importlib.util.spec_from_file_location(f"mutated_{file}", HERE / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, function in vars(module).items():
        costly = "thousand" in name or "grows" in name
        drawn = hasattr(function, "hypothesis") and file not in PROPERTIES
        if not name.startswith("test_") or costly or drawn:
            continue
        marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
        for chosen in itertools.product(*(list(mark.args[1]) for mark in marks)):
            given: dict[str, Any] = {}
            for mark, values in zip(marks, chosen, strict=True):
                names = (
                    [one.strip() for one in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
                )
                given |= {names[0]: values} if len(names) == 1 else dict(zip(names, values, strict=True))
            yield function, given


def _killed(module: str, old: str, new: str, files: Sequence[str]) -> bool:
    sys.meta_path.insert(0, MutantFinder(module, old, new))
    try:
        for file in files:
            for function, given in _plain_tests(file):
                function(**given)
    except BaseException:  # noqa: BLE001 -- a test may fail in any way
        return True
    return False


def verdict(module: str, old: str, new: str, *files: str) -> str:
    """How the tests of these files take one mutant."""
    if file_of(module).read_text(encoding="utf-8").count(old) != 1:
        return "not found"
    child = os.fork()
    if child == 0:
        os._exit(0 if _killed(module, old, new, files) else 1)
    _, status = os.waitpid(child, 0)
    return "survived" if os.waitstatus_to_exitcode(status) == 1 else "killed"


if __name__ == "__main__":
    import graphlib
    import logging

    import hypothesis
    import hypothesis.stateful
    import pydantic
    import pytest

    assert all((graphlib, logging, hypothesis, pydantic, pytest))  # loaded once, for all the children
    sys.path.insert(0, str(ROOT))
    print(json.dumps([verdict(*one) for one in json.load(sys.stdin)]))
