"""Which environment is meant, and the settings as it sees them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from assets_core.errors import RefusedError, UsageError
from headwater import config
from headwater.config import Settings

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


def choose_environment(settings: Settings, env: str | None, root: Path) -> tuple[str, Settings]:
    """The environment that is meant, and the settings with its overlay.

    Arguments:
        env: as it was named; else ``HEADWATER_ENV``, else the default of the settings.
        root: the project's folder, below which the catalog may know environments that the settings do not.

    Raises:
        UsageError: HW609, there is none of that name.
        RefusedError: HW702, it is protected and was not named on purpose.
    """
    name = env if env is not None else os.environ.get("HEADWATER_ENV") or settings.project.default_env
    check_name(name)
    if name not in {*settings.env, settings.project.default_env, "dev"}:
        _require_recorded(settings, name, root)
    if env is None and name in settings.env and settings.env[name].protected:
        raise RefusedError("HW702", f"the environment {name!r} is protected", hint=f"name it on purpose: --env {name}")
    return name, config.overlaid(settings, name)


def is_name(name: str) -> bool:
    """Whether an environment can have this name."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Refuses what cannot be the name of an environment.

    Raises:
        UsageError: HW609.
    """
    if not is_name(name):
        raise UsageError("HW609", f"{name!r} is no name of an environment", hint="use letters, digits, '_', '-', '.'")


def _require_recorded(settings: Settings, name: str, root: Path) -> None:
    from headwater.environments import known_environment
    from lineage.catalog.connect import is_there
    from lineage.catalog.store import Catalog

    path = root / settings.catalog.path
    if not is_there(path):
        known_environment(settings, None, name)
        return
    with Catalog.open(path, create=False) as catalog:
        known_environment(settings, catalog, name)
