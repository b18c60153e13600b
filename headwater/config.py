"""headwater.toml as values: read, checked, overlaid for one environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from assets_core.errors import DefinitionError, HeadwaterError, UsageError, did_you_mean, raise_all
from assets_core.sizes import size
from headwater import secrets

FILE_NAME = "headwater.toml"
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ProjectSection(_Section):
    """``[project]``: what is loaded, and whether it survives a power cut (``full``) or may lose what was published
    last (``relaxed``).
    """

    name: str = ""
    modules: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    default_env: str = "dev"
    timezone: str = "UTC"
    durability: Literal["full", "relaxed"] = "full"

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}, see the names of the IANA database") from None
        return value


class StorageSection(BaseModel):
    """``[storage.NAME]``: a kind, and whatever that kind of storage takes."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    kind: str = "parquet"


class CatalogSection(_Section):
    """``[catalog]``: where records are kept, and whether they survive a power cut; as the project if not said."""

    path: str = ".headwater/catalog.db"
    durability: Literal["full", "relaxed"] | None = None


class AssetsSection(_Section):
    """``[assets."SELECTION"]``: values for whatever the declarations leave open."""

    storage: str | None = None
    owners: tuple[str, ...] | None = None
    tags: dict[str, str] | None = None


class RunSection(_Section):
    """``[run]``: how runs are carried out."""

    memory: str | None = None

    @property
    def memory_bytes(self) -> int | None:
        """What steps that say how much they need may take together; None where it is not said."""
        return None if self.memory is None else size(self.memory, what="[run] memory", where=FILE_NAME)


def _recycle_bytes(given: Any) -> Any:
    return None if given is None else size(given, what="[executor] recycle_after_bytes", where=FILE_NAME)


class ExecutorSection(_Section):
    """``[executor]``: where attempts run; see ``materializers.executors.options``."""

    kind: str = "threads"
    workers: int | None = Field(default=None, ge=1)
    recycle_after_steps: int | None = Field(default=None, ge=1)
    recycle_after_bytes: Annotated[int | None, BeforeValidator(_recycle_bytes)] = None
    address: str = ""
    project: str = ""
    resources: dict[str, float] = Field(default_factory=dict)


class EnvSection(_Section):
    """``[env.NAME]``: one environment, and what it says differently."""

    protected: bool = False
    executor: ExecutorSection | None = None
    storage: dict[str, StorageSection] = Field(default_factory=dict)
    config: dict[str, dict[str, Any]] = Field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Settings(_Section):
    """All of headwater.toml."""

    project: ProjectSection = ProjectSection()
    storage: dict[str, StorageSection] = Field(default_factory=dict)
    catalog: CatalogSection = CatalogSection()
    run: RunSection = RunSection()
    pools: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    executor: ExecutorSection = ExecutorSection()
    assets: dict[str, AssetsSection] = Field(default_factory=dict)
    config: dict[str, dict[str, Any]] = Field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = Field(default_factory=dict)
    env: dict[str, EnvSection] = Field(default_factory=dict)


def read(root: Path) -> Settings:
    """The settings of the project in a folder; variables of its ``.env`` are taken over where they are not set yet.

    Raises:
        UsageError: HW606, there is no headwater.toml.
        DefinitionError: HW141, it is no TOML; HW142, something in it is unknown or of the wrong kind, each its own.
    """
    path = root / FILE_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            "HW606",
            f"no {FILE_NAME} in {root}",
            hint=f"{_near_project(root)}`headwater init` makes a new project",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError("HW141", f"{FILE_NAME} is not valid TOML", where=str(path), why=str(error)) from None
    except OSError as error:
        raise DefinitionError(
            "HW141", f"{FILE_NAME} cannot be read", where=str(path), why=error.strerror or str(error)
        ) from None
    _read_dotenv(root / ".env")
    _remember_secrets(raw)
    return parse(raw, str(path))


def _remember_secrets(raw: Any) -> None:
    """The values that settings are going to be filled with: a command may name one before any of them is used."""
    if isinstance(raw, str):
        for match in _VARIABLE.finditer(raw):
            secrets.remember(os.environ.get(match["name"], ""))
    elif isinstance(raw, Mapping | list):
        for one in raw.values() if isinstance(raw, Mapping) else raw:
            _remember_secrets(one)


def parse(raw: Mapping[str, Any], where: str) -> Settings:
    """Checks settings given as nested mappings.

    Raises:
        DefinitionError: HW142, one error for everything that is wrong.
    """
    try:
        settings = Settings.model_validate(raw)
        settings.run.memory_bytes  # noqa: B018 -- refuses what is no amount
        return settings
    except ValidationError as failed:
        raise_all([_as_error(one, where) for one in failed.errors()])
        raise


def overlaid(settings: Settings, env: str) -> Settings:
    """The settings as one environment sees them; an environment that is not named there has no overlay."""
    own = settings.env.get(env)
    if own is None:
        return settings
    return settings.model_copy(
        update={
            "storage": {**settings.storage, **own.storage},
            "config": _merged(settings.config, own.config),
            "resources": _merged(settings.resources, own.resources),
            "executor": own.executor or settings.executor,
        }
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


def _as_error(problem: Any, where: str) -> HeadwaterError:
    path = [str(part) for part in problem["loc"]]
    if problem["type"] == "extra_forbidden":
        return DefinitionError(
            "HW142",
            f"{FILE_NAME} has no setting {'.'.join(path)}",
            where=where,
            hint=did_you_mean(path[-1], _known_names(path[:-1])),
        )
    return DefinitionError("HW142", f"{FILE_NAME}: {'.'.join(path)}: {problem['msg']}", where=where)


def _known_names(path: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "project": ProjectSection,
        "catalog": CatalogSection,
        "run": RunSection,
        "executor": ExecutorSection,
        "assets": AssetsSection,
        "env": EnvSection,
    }
    model = sections.get(path[0], Settings) if path else Settings
    return list(model.model_fields)


def _read_dotenv(path: Path) -> None:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def _near_project(root: Path) -> str:
    folders = [*root.parents, *(one for one in sorted(root.glob("*")) if one.is_dir())] if root.is_dir() else []
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return f"there is one in {folder}: use -C {os.path.relpath(folder)}; "
    return ""
