"""Importing a project's own modules from the bytes that are there now, and saying clearly when that fails."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from assets_core.errors import DefinitionError, HeadwaterError, ProjectError
from lineage.code_sources import DEFAULT_CACHE, OWN_PACKAGES, is_installed

_loaded: list[Path] = []


def load(root: Path, modules: Iterable[str]) -> list[HeadwaterError]:
    """Imports modules of the project in ``root``, each afresh, with the folder on ``sys.path``.

    Returns:
        One error for each module that could not be imported.
    """
    errors: list[HeadwaterError] = list(_shadowed(root))
    _forget(root)
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    with DEFAULT_CACHE.recording(root):
        for name in modules:
            try:
                importlib.import_module(name)
            except HeadwaterError as error:
                error.where = error.where or _place(error, root)  # what is no definition itself knows no place
                errors.extend(error.errors if isinstance(error, ProjectError) else [error])
            except (Exception, SystemExit) as error:  # noqa: BLE001 -- what a user's module raises is reported
                errors.append(_import_error(name, error, root))
    return errors


def _forget(root: Path) -> None:
    """Drops modules of this and of earlier projects, so that each load is fresh and two projects may share a name."""
    roots = {*_loaded, root}
    for name, module in list(sys.modules.items()):
        if name == "__main__" or name.partition(".")[0] in OWN_PACKAGES:  # a script beside the project goes on
            continue
        places = [getattr(module, "__file__", None) or "", *_package_places(module)]
        if any(_below(place, one) and not is_installed(place) for place in places if place for one in roots):
            del sys.modules[name]
    for folder in roots:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
    _loaded[:] = [root]


def _package_places(module: ModuleType) -> list[str]:
    try:
        # Not by getattr: a module's own __getattr__ may answer to any name with anything.
        return list(getattr(module, "__dict__", {}).get("__path__", ()))
    except KeyError:  # a namespace package whose parent was dropped before it: nothing can be imported from it any more
        return []


def _below(path: str, root: Path) -> bool:
    return path.startswith(os.path.join(root, ""))  # a text, not a Path: it is asked of every module that is loaded


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
    lines = traceback.format_exception_only(type(error), error)
    return DefinitionError(
        "HW145", f"the module {name!r} cannot be imported", where=_place(error, root) or name,
        why="".join(lines).strip(),
    )  # fmt: skip


def _place(error: BaseException, root: Path) -> str:
    """The line of the project that raised it; empty if none did."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _below(frame.filename, root)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""
