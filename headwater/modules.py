"""Importing a project's own modules from the bytes that are there now, and saying clearly when that fails."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from assets_core.errors import DefinitionError, HeadwaterError, ProjectError

OWN_PACKAGES = ("assets_core", "lineage", "materializers", "headwater")
_roots: list[Path] = []


class _Loader(SourceFileLoader):
    """Compiles what the file holds now: the interpreter's compiled files are told apart only by size and second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Finder(MetaPathFinder):
    """Finds modules below the root of the project being loaded."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        folders = [str(self.root)] if path is None else [one for one in path if _below(Path(one), self.root)]
        for folder in folders:
            spec = FileFinder(folder, (_Loader, [".py"])).find_spec(fullname, target)
            if spec is not None and spec.origin is not None:
                return spec
        return None


def load(root: Path, modules: Iterable[str]) -> list[HeadwaterError]:
    """Imports modules of the project in ``root``, each afresh, with the folder on ``sys.path``.

    Returns:
        One error for each module that could not be imported.
    """
    errors: list[HeadwaterError] = list(_shadowed(root))
    _forget(root)
    finder = _Finder(root)
    sys.path.insert(0, str(root))
    sys.meta_path.insert(0, finder)
    try:
        for name in modules:
            try:
                importlib.import_module(name)
            except (HeadwaterError, ProjectError) as error:
                errors.extend(error.errors if isinstance(error, ProjectError) else [error])
            except Exception as error:  # noqa: BLE001 -- whatever a user's module raises is reported, not passed on
                errors.append(_import_error(name, error, root))
            except SystemExit as error:
                errors.append(_import_error(name, error, root))
    finally:
        sys.meta_path.remove(finder)
    return errors


def _forget(root: Path) -> None:
    """Drops modules of this and of earlier projects, so that two projects may use one module name."""
    _roots.append(root)
    for name, module in list(sys.modules.items()):
        namespace = getattr(module, "__file__", None) is None and name not in OWN_PACKAGES
        places = list(getattr(module, "__path__", ())) if namespace else []
        if isinstance(getattr(module, "__loader__", None), _Loader):
            places.append(module.__file__ or "")
        if any(_below(Path(place), one) for place in places for one in _roots):
            del sys.modules[name]
    for folder in _roots[:-1]:
        if folder != root and str(folder) in sys.path:
            sys.path.remove(str(folder))
    _roots[:] = [root]
    if str(root) in sys.path:
        sys.path.remove(str(root))


def _below(path: Path, root: Path) -> bool:
    return path == root or root in path.parents


def _shadowed(root: Path) -> Iterable[HeadwaterError]:
    ours = Path(__file__).resolve().parent.parent
    for name in OWN_PACKAGES:
        for candidate in (root / f"{name}.py", root / name / "__init__.py"):
            if candidate.is_file() and candidate.resolve().parent not in (ours, ours / name):
                yield DefinitionError(
                    "HW140",
                    f"the module {name!r} of this project hides Headwater's package of that name",
                    where=str(candidate),
                    hint=f"rename it, for example to my_{name}",
                )
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).resolve().parent != ours / name:
            yield DefinitionError(
                "HW140",
                f"the package {name!r} is somebody else's, not Headwater's",
                where=str(file),
                hint=f"uninstall the other {name!r}, or keep it off the path",
            )


def _import_error(name: str, error: BaseException, root: Path) -> HeadwaterError:
    if isinstance(error, SyntaxError) and error.filename:
        pointer = f"{(error.text or '').rstrip()}\n{' ' * ((error.offset or 1) - 1)}^ {error.msg}"
        return DefinitionError(
            "HW143", f"{Path(error.filename).name} is not valid Python", where=f"{error.filename}:{error.lineno}",
            why=pointer,
        )  # fmt: skip
    missing = isinstance(error, ModuleNotFoundError) and error.name == name
    if missing:
        return DefinitionError(
            "HW144", f"no module {name!r}", where=f"{root / 'headwater.toml'}",
            hint="[project] modules names Python modules below this folder",
        )  # fmt: skip
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _below(Path(frame.filename), root)]
    where = f"{own[-1].filename}:{own[-1].lineno}" if own else name
    lines = traceback.format_exception_only(type(error), error)
    return DefinitionError("HW145", f"the module {name!r} cannot be imported", where=where, why="".join(lines).strip())


def sources_of(root: Path) -> dict[str, Any]:
    """The modules of the project as they are loaded, by name."""
    return {
        name: module
        for name, module in sys.modules.items()
        if isinstance(getattr(module, "__loader__", None), _Loader) and _below(Path(module.__file__ or ""), root)
    }
