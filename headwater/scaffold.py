"""A new project that runs: the files of ``headwater init``."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from assets_core.errors import RefusedError, UsageError

_ENDING = ".txt"
_HIDDEN = {"gitignore": ".gitignore"}


def create_project(folder: Path, name: str = "") -> list[str]:
    """Writes the files of a small project with one source, three assets and a test.

    Arguments:
        folder: made if it does not exist; other files may be in it.
        name: of the project; the folder's name if empty.

    Returns:
        The paths written, relative to the folder.

    Raises:
        RefusedError: HW721, one of the files exists already; then none is written.
        UsageError: HW622, the name cannot stand in the files, or the folder cannot be written.
    """
    if not name.isprintable() or set(name) & {'"', "\\"}:
        raise UsageError("HW622", f"{name!r} cannot be the name of a project", hint="leave quotes and backslashes out")
    name = name or re.sub(r"[^A-Za-z0-9_-]+", "_", folder.resolve().name).strip("_") or "project"
    templates = {_target(path): text for path, text in _read(files("headwater") / "templates" / "project", "")}
    existing = [path for path in templates if (folder / path).exists()]
    if existing:
        raise RefusedError(
            "HW721",
            f"{existing[0]} exists already in {folder}",
            why=f"so do {', '.join(existing[1:])}" if len(existing) > 1 else "",
            hint="name a new folder: headwater init DIR",
        )
    try:
        for path, text in templates.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace("$name", name), encoding="utf-8")
    except OSError as error:
        raise UsageError("HW622", f"cannot write to {folder}", why=str(error.strerror)) from None
    return sorted(templates)


def _read(folder: Traversable, before: str) -> list[tuple[str, str]]:
    found = []
    for one in folder.iterdir():
        if one.is_dir():
            found.extend(_read(one, f"{before}{one.name}/"))
        elif one.name.endswith(_ENDING):
            found.append((f"{before}{one.name}", one.read_text(encoding="utf-8")))
    return found


def _target(path: str) -> str:
    # The ending keeps linters and type checkers of Headwater itself away from the templates.
    name = path.removesuffix(_ENDING)
    return _HIDDEN.get(name, name)
