"""The text of project modules as it was imported, not as the file reads now.

A file may be edited between its import and the moment a digest is made; then the digest must describe the code that
runs. So modules imported inside ``SourceCache.recording`` are compiled from bytes that are kept. Python's own cache of
compiled files is passed by: it believes a file unchanged that was edited within one second to the same length.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from lineage.code_syntax import FunctionNode, index_functions, index_lambdas, statements

_INSTALLED = ("site-packages", "dist-packages")
OWN_PACKAGES = frozenset({"assets_core", "lineage", "materializers", "headwater"})


class ParsedModule:
    """One module's text and tree, with its functions found by place.

    Arguments:
        text: the source.
        compiled: what was imported, if it is known; otherwise the text is compiled to compare with.
    """

    def __init__(self, text: str, filename: str, compiled: CodeType | None = None) -> None:
        self.text = text
        self.lines = text.splitlines()
        self.tree = ast.parse(text)
        self._functions = index_functions(self.tree)
        self._lambdas: dict[tuple[str, int], list[FunctionNode]] | None = None
        self._codes = _codes(compiled or compile(text, filename, "exec", dont_inherit=True))

    def find(self, code: CodeType) -> list[FunctionNode]:
        """The nodes that the code may come from: one, or several lambdas of one line; none if it is not in the text.

        Code objects are compared by value, places included: a function of an earlier import of an edited file is not
        taken for the one that stands in its place now.
        """
        if code not in self._codes:
            return []
        if code.co_name == "<lambda>" and self._lambdas is None:
            self._lambdas = index_lambdas(self.tree)
        index = self._functions if code.co_name != "<lambda>" else self._lambdas or {}
        return index.get((code.co_name, code.co_firstlineno), [])

    def find_class(self, qualified_name: str) -> ast.ClassDef | None:
        """The class of this ``__qualname__`` if it stands at the top level or inside other classes."""
        body: Sequence[ast.stmt] = self.tree.body
        found: ast.ClassDef | None = None
        for part in qualified_name.split("."):
            found = next(
                (
                    node
                    for node in statements(body, inside=False)
                    if isinstance(node, ast.ClassDef) and node.name == part
                ),
                None,
            )
            if found is None:
                return None
            body = found.body
        return found

    def segment(self, node: Any) -> str:
        """The lines that a node stands on, decorators included."""
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        return "\n".join(self.lines[first - 1 : node.end_lineno])


class SourceCache:
    """Source text by file, kept from the moment of import."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}
        self._compiled: dict[str, CodeType] = {}
        self._parsed: dict[str, ParsedModule | None] = {}
        self.memo: dict[int, Any] = {}

    @contextmanager
    def recording(self, root: Path) -> Iterator[None]:
        """Keeps the source of every module under ``root`` that is imported inside the block.

        Installed packages below the root (a virtual environment) are left to Python.
        """
        finder = _RecordingFinder(self, root.resolve())
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)

    def remember(self, path: str, data: bytes, compiled: CodeType) -> None:
        """Keeps the bytes that a module was imported from, and what they were compiled to."""
        self._bytes[path] = data
        self._compiled[path] = compiled
        self._parsed.pop(path, None)

    def digests(self) -> dict[str, str]:
        """SHA-256 of the imported bytes by file: what a worker compares its own with."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in sorted(self._bytes.items())}

    def differing(self, expected: Mapping[str, str]) -> list[str]:
        """Files that this process imported from other bytes than the one that planned, or has not imported.

        Arguments:
            expected: ``digests()`` of the process that planned.
        """
        own = self.digests()
        return [path for path, one in sorted(expected.items()) if own.get(path) != one]

    def edited(self) -> list[str]:
        """Files that no longer hold the bytes that were imported."""
        return [path for path, data in sorted(self._bytes.items()) if _read(path) != data]

    def parsed(self, filename: str) -> ParsedModule | None:
        """The module of that file, as ``co_filename`` names it; None where its text cannot be had."""
        if filename not in self._parsed:
            self._parsed[filename] = self._parse(filename)
        return self._parsed[filename]

    def _parse(self, filename: str) -> ParsedModule | None:
        data = self._bytes.get(filename)
        try:
            if data is not None:
                return ParsedModule(_decoded(data), filename, self._compiled[filename])
            read = _read(filename)
            text = "".join(linecache.getlines(filename)) if read is None else _decoded(read)
            return ParsedModule(text, filename) if text else None
        except (SyntaxError, ValueError, UnicodeDecodeError):
            return None


DEFAULT_CACHE = SourceCache()
"""Where the project being loaded keeps its sources unless it brings a cache of its own."""


@lru_cache(maxsize=4096)
def is_installed(filename: str) -> bool:
    """Whether a file belongs to an installed package."""
    return any(part in _INSTALLED for part in Path(filename).parts)


@lru_cache(maxsize=4096)
def is_own_module(module_name: str, filename: str | None) -> bool:
    """Whether a module's code is followed: it is neither the standard library's, nor installed, nor Headwater's."""
    top = module_name.partition(".")[0]
    if top in OWN_PACKAGES or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    return not (filename and is_installed(filename))


class _RecordingLoader(SourceFileLoader):
    def __init__(self, cache: SourceCache, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._cache = cache

    def get_code(self, fullname: str) -> CodeType:
        data = self.get_data(self.path)
        code: CodeType = self.source_to_code(data, self.path)
        self._cache.remember(self.path, data, code)
        return code


class _RecordingFinder(MetaPathFinder):
    def __init__(self, cache: SourceCache, root: Path) -> None:
        self._cache = cache
        self._root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in sys.stdlib_module_names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or type(spec.loader) is not SourceFileLoader:
            return None
        origin = Path(spec.origin).resolve()
        if not origin.is_relative_to(self._root) or is_installed(str(origin)):
            return None
        spec.loader = _RecordingLoader(self._cache, fullname, spec.origin)
        spec.cached = None
        return spec


def _codes(code: CodeType) -> set[CodeType]:
    found = {code}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _codes(constant)
    return found


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError):
        return None


def _decoded(data: bytes) -> str:
    from importlib.util import decode_source

    return decode_source(data)
