"""Which distribution a module comes from, and what an import inside a function would give."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

from assets_core.digest import digest
from lineage.code_sources import OWN_PACKAGES, is_installed
from lineage.fingerprint import file_digest

UNCOUNTED = OWN_PACKAGES | {"polars", "_polars_runtime_32", "builtins"}
"""Top-level modules whose version does not count: an upgrade of polars or of Headwater alone makes nothing stale."""


@cache
def distribution_of(top: str) -> tuple[str, str]:
    """Name and version of the installed distribution of a top-level module.

    Of a module that no distribution is known to have brought the content stands for the version; an empty version if it
    has neither.
    """
    try:
        return top, version(top)
    except PackageNotFoundError:
        pass
    names = sorted(set(_by_module().get(top, [])))
    if names:
        return "+".join(names), "+".join(version(name) for name in names)
    return top, str(getattr(sys.modules.get(top), "__version__", "")) or _content_of(top)


def _content_of(top: str) -> str:
    """A digest of the files of a top-level module; empty where there are none."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return ""
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    files = [(str(one.relative_to(folder)), one) for folder in folders for one in Path(folder).rglob("*")]
    if not folders and spec is not None and spec.has_location and spec.origin:
        files = [("", Path(spec.origin))]
    known = sorted((name, one) for name, one in files if one.is_file() and one.suffix != ".pyc")
    return f"content {digest([(name, file_digest(one)) for name, one in known])[:12]}" if known else ""


@cache
def _by_module() -> Any:
    return packages_distributions()


def imported(module: str, attribute: str, package: str) -> Any:
    """What ``import module`` or ``from module import attribute`` gives inside a function of the package.

    The project's own modules are imported, as calling the function would do; installed ones are not, because their
    version is all that counts: for those, and for what cannot be imported, None is returned.
    """
    try:
        name = resolve_name(module, package) if module.startswith(".") else module
        if not _is_light(name):
            return None
        loaded = import_module(name)
        if not attribute:
            return loaded
        found = getattr(loaded, attribute, None)
        return import_module(f"{name}.{attribute}") if found is None else found
    except Exception:  # noqa: BLE001 - importing runs the project's code, which may raise anything
        return None


def _is_light(name: str) -> bool:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top in sys.modules
    if top in OWN_PACKAGES:
        return False
    spec = sys.modules[top].__spec__ if top in sys.modules else find_spec(top)
    return spec is not None and spec.origin is not None and not is_installed(spec.origin)
