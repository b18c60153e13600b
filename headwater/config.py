"""headwater.toml as values: read, checked, overlaid for one environment."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from assets_core.errors import DefinitionError, UsageError
from assets_core.sizes import size
from headwater import secrets

FILE_NAME = "headwater.toml"
_VALID = ".headwater/settings-valid"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(rf"\$\{{(?P<name>{_NAME.pattern})(?::-(?P<default>[^}}]*))?\}}")


@dataclass(frozen=True)
class ProjectSection:
    """``[project]``: what is loaded, and whether it survives a power cut (``full``) or may lose what was published
    last (``relaxed``).
    """

    name: str = ""
    modules: Sequence[str] = ()
    sql: Sequence[str] = ()
    default_env: str = "dev"
    timezone: str = "UTC"
    durability: Literal["full", "relaxed"] = "full"


@dataclass(frozen=True)
class CatalogSection:
    """``[catalog]``: where records are kept, and whether they survive a power cut; as the project if not said."""

    path: str = ".headwater/catalog.db"
    durability: Literal["full", "relaxed"] | None = None


@dataclass(frozen=True)
class AssetsSection:
    """``[assets."SELECTION"]``: values for whatever the declarations leave open."""

    storage: str | None = None
    owners: Sequence[str] | None = None
    tags: dict[str, str] | None = None


@dataclass(frozen=True)
class RunSection:
    """``[run]``: how runs are carried out."""

    memory: str | None = None

    @property
    def memory_bytes(self) -> int | None:
        """What steps that say how much they need may take together; None where it is not said."""
        return None if self.memory is None else size(self.memory, what="[run] memory", where=FILE_NAME)


@dataclass(frozen=True)
class ExecutorSection:
    """``[executor]``: where attempts run; see ``materializers.executors.options``."""

    kind: str = "threads"
    workers: int | None = None
    recycle_after_steps: int | None = None
    recycle_after_bytes: int | str | None = None
    address: str = ""
    project: str = ""
    resources: dict[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """All of it by name, amounts of memory in bytes."""
        given = self.recycle_after_bytes
        most = None if given is None else size(given, what="[executor] recycle_after_bytes", where=FILE_NAME)
        return {**vars(self), "recycle_after_bytes": most}


Table: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class EnvSection:
    """``[env.NAME]``: one environment, and what it says differently."""

    protected: bool = False
    executor: ExecutorSection | None = None
    storage: dict[str, Table] = field(default_factory=dict)
    config: dict[str, Table] = field(default_factory=dict)
    resources: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """All of headwater.toml. A storage has a ``kind``, ``parquet`` if it is not said, and whatever that kind takes."""

    project: ProjectSection = ProjectSection()
    storage: dict[str, Table] = field(default_factory=dict)
    catalog: CatalogSection = CatalogSection()
    run: RunSection = RunSection()
    pools: dict[str, int] = field(default_factory=dict)
    executor: ExecutorSection = ExecutorSection()
    assets: dict[str, AssetsSection] = field(default_factory=dict)
    config: dict[str, Table] = field(default_factory=dict)
    resources: dict[str, Table] = field(default_factory=dict)
    env: dict[str, EnvSection] = field(default_factory=dict)


def read(root: Path) -> Settings:
    """The settings of the project in a folder; variables of its ``.env`` are taken over where they are not set yet.

    Raises:
        UsageError: HW606, there is no headwater.toml.
        DefinitionError: HW141, it is no TOML; HW142, something in it is unknown or of the wrong kind, each its own.
    """
    path = root / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except FileNotFoundError:
        raise UsageError(
            "HW606",
            f"no {FILE_NAME} in {root}",
            hint=f"{_near_project(root)}`headwater init` makes a new project",
        ) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number without end, tables without end
        raise DefinitionError("HW141", f"{FILE_NAME} is not valid TOML", where=str(path), why=str(error)) from None
    except OSError as error:
        raise DefinitionError(
            "HW141", f"{FILE_NAME} cannot be read", where=str(path), why=error.strerror or str(error)
        ) from None
    _read_dotenv(root / ".env")
    _remember_secrets(raw)
    sign = _sign(text)
    if _found_valid(root) == sign:
        return _as_written(raw)
    settings = parse(raw, str(path))
    if repr(settings) == repr(_as_written(raw)):  # 2.0 and true are equal to 2 and 1, and are not taken for them
        _note_valid(root, sign)
    return settings


def parse(raw: Mapping[str, Any], where: str) -> Settings:
    """Checks settings given as nested mappings.

    Raises:
        DefinitionError: HW142, one error for everything that is wrong.
    """
    from headwater.config_check import checked  # pydantic takes a sixth of the time of a small command

    return checked(raw, where)


def _as_written(raw: Mapping[str, Any]) -> Settings:
    """The settings of tables that are valid, with every value as it was written."""

    def env(table: Table) -> EnvSection:
        executor = {"executor": ExecutorSection(**table["executor"])} if "executor" in table else {}
        return EnvSection(**{**table, **executor})

    return Settings(
        **{
            **raw,
            "project": ProjectSection(**raw.get("project", {})),
            "catalog": CatalogSection(**raw.get("catalog", {})),
            "run": RunSection(**raw.get("run", {})),
            "executor": ExecutorSection(**raw.get("executor", {})),
            "assets": {selection: AssetsSection(**table) for selection, table in raw.get("assets", {}).items()},
            "env": {name: env(table) for name, table in raw.get("env", {}).items()},
        }
    )


# -- headwater.toml is checked when it has changed, or the code has that checks it ------------------------------------


def _sign(text: str) -> str:
    """Tells a text of headwater.toml, as this code reads it, from every other."""
    own = Path(__file__)
    code = b"".join(one.read_bytes() for one in (own, own.with_name("config_check.py")) if one.is_file())
    return hashlib.sha256(code + text.encode()).hexdigest()


def _found_valid(root: Path) -> str | None:
    try:
        return (root / _VALID).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None


def _note_valid(root: Path, sign: str) -> None:
    """Notes it where there is a state folder already: a command that only looks makes none."""
    path = root / _VALID
    if path.parent.is_dir():
        with suppress(OSError):  # it is a help, not a record
            made = path.with_name(f"{path.name}-{os.getpid()}")
            made.write_text(sign, encoding="ascii")
            made.replace(path)


def _remember_secrets(raw: Any) -> None:
    """The values that settings are going to be filled with: a command may name one before any of them is used."""
    if isinstance(raw, str):
        for match in _VARIABLE.finditer(raw):
            secrets.remember(os.environ.get(match["name"], ""))
    elif isinstance(raw, Mapping | list):
        for one in raw.values() if isinstance(raw, Mapping) else raw:
            _remember_secrets(one)


def overlaid(settings: Settings, env: str) -> Settings:
    """The settings as one environment sees them; an environment that is not named there has no overlay."""
    own = settings.env.get(env)
    if own is None:
        return settings
    return replace(
        settings,
        storage={**settings.storage, **own.storage},
        config=_merged(settings.config, own.config),
        resources=_merged(settings.resources, own.resources),
        executor=own.executor or settings.executor,
    )


def resolve(value: Any, where: str) -> Any:
    """A setting with ``${VAR}`` and ``${VAR:-default}`` filled from the environment's variables.

    Raises:
        UsageError: HW607, a variable is not set and has no default.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _variable(match, where), value)
    if isinstance(value, Mapping):
        return {name: resolve(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, where) for item in value]
    return value


def _variable(match: re.Match[str], where: str) -> str:
    found = os.environ.get(match["name"])
    if found is None and match["default"] is not None:
        return match["default"]  # written in headwater.toml for everybody to see
    if found is None:
        raise UsageError(
            "HW607",
            f"the variable {match['name']} is not set",
            where=f"{FILE_NAME}: {where}",
            hint=f"export {match['name']}=..., put it into .env, or write ${{{match['name']}:-default}}",
        )
    secrets.remember(found)
    return found


def _merged(base: Mapping[str, Mapping[str, Any]], over: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {**base.get(key, {}), **over.get(key, {})} for key in {**base, **over}}


def _read_dotenv(path: Path) -> None:
    if not path.is_file():
        return
    try:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and _NAME.fullmatch(name.strip()):
                os.environ.setdefault(name.strip(), value.strip().strip("\"'"))
    except (OSError, ValueError) as error:  # not readable, not UTF-8, a null byte
        raise DefinitionError("HW141", f"{path.name} cannot be read", where=str(path), why=str(error)) from None


def _near_project(root: Path) -> str:
    folders = [*root.parents, *(one for one in sorted(root.glob("*")) if one.is_dir())] if root.is_dir() else []
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return f"there is one in {folder}: use -C {os.path.relpath(folder)}; "
    return ""
