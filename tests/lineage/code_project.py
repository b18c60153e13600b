"""Projects in a temporary folder whose source digests the tests compare."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from lineage.code import SourceReading, changed_parts, source_digest
from lineage.code_sources import SourceCache

HELPERS = """
    import json
    LIMIT = 10
    def double(x):
        return x * 2
    def unused(x):
        return x * 3
"""
PIPELINE = """
    import helpers
    def f(a):
        return helpers.double(a) + helpers.LIMIT
"""


class Project:
    """A project folder whose modules are imported anew at every reading, as a new process would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, str] = {}
        self.cache = SourceCache()
        self.modules: set[str] = set()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            self.files[name] = textwrap.dedent(text)
            (self.root / f"{name}.py").write_text(self.files[name])

    def load(self, name: str = "pipeline") -> ModuleType:
        for module in self.modules:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        self.modules |= set(self.files)
        self.cache = SourceCache()
        with self.cache.recording(self.root):
            return importlib.import_module(name)

    def read(self, name: str = "f", **bindings: str) -> SourceReading:
        return self.of(getattr(self.load(), name), **bindings)

    def of(self, function: Any, **bindings: str) -> SourceReading:
        return source_digest(function, project_root=self.root, bindings=bindings, cache=self.cache)


@contextmanager
def code_project(root: Path) -> Iterator[Project]:
    """A project in this folder, importable inside the block."""
    made = Project(root)
    sys.path.insert(0, str(root))
    try:
        yield made
    finally:
        sys.path.remove(str(root))
        for module in made.modules:
            sys.modules.pop(module, None)


def reading(project: Project, **files: str) -> SourceReading:
    project.write(**files)
    return project.read()


def changes(project: Project, before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    return changed_parts(reading(project, **before), reading(project, **after))
