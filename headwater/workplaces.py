"""What attempts need besides their task, made of a project: in this process, and in another one from the same files."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from assets_core.asset import Asset
from assets_core.errors import RunError
from headwater.secrets import mask
from lineage.code import SourceReading
from lineage.derive import Derived, read_source
from materializers.workplace import ProjectLocation, Workplace

if TYPE_CHECKING:
    from headwater.project import Project

LOADER = "headwater.workplaces:load"
_LIBRARIES = ("headwater", "polars", "pyarrow", "duckdb", "sqlglot")


@contextmanager
def workplace(project: Project) -> Iterator[Workplace]:
    """The workplace of this process for the length of a run: resources are opened when the first step asks for one."""
    from headwater.resources import Resources

    opened = Resources(project.settings.resources)
    place = Workplace(project.graph, project.tables, opened.of, mask, lambda: location_of(project))
    try:
        yield place
    finally:
        opened.close()
        place.handed_over.forget()


def location_of(project: Project) -> ProjectLocation | None:
    """Where another process finds a project; None if it was made of definitions at hand."""
    if project.loaded_with is None:
        return None
    return ProjectLocation(
        LOADER, str(project.root), project.env, project.loaded_with, project.loaded_from, _versions()
    )


def load(location: ProjectLocation) -> Workplace:
    """The workplace of another process, once it is sure that it has loaded what was planned with.

    Raises:
        HeadwaterError: the project cannot be loaded here.
        RunError: HW523, a file is another one than the run was planned with; HW524, a library is.
    """
    from headwater.project import Project
    from headwater.resources import Resources

    _hold_to_versions(location.versions)
    project = Project.load(location.root, env=location.env, set=location.overrides)
    _hold_to_files(location.files, project.loaded_from, location.root)
    opened = Resources(project.settings.resources)

    def close() -> None:
        opened.close()
        project.close()

    return Workplace(project.graph, project.tables, opened.of, mask, close=close, reading=_readings(project))


def _readings(project: Project) -> Callable[[Asset[..., Any]], SourceReading]:
    """What the code of every asset is, read at once: the steps that run here may change globals and variables."""
    derived = Derived(project.root)
    bound = project.graph.inputs
    read = {
        one.key: read_source(one, [(each, None) for each in bound[one.key]], derived) for one in project.graph.assets
    }
    return lambda asset: derived.reader.now(read[asset.key], files=True)


def _versions() -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a folder that was never installed
            continue
    return found


def _hold_to_versions(expected: Mapping[str, str]) -> None:
    here = _versions()
    for name, wanted in expected.items():
        if here.get(name) != wanted:
            raise RunError(
                "HW524",
                f"the worker has {name} {here.get(name, 'not at all')}, and the run was planned with {wanted}",
                where=platform.node(),
                hint="install the same versions where steps run, as from one lock file",
            )


def _hold_to_files(expected: Mapping[str, str], found: Mapping[str, str], root: str) -> None:
    differing = [name for name, digest in expected.items() if found.get(name) != digest]
    if differing:
        raise RunError(
            "HW523",
            f"{', '.join(differing[:3])} was edited after the run began",
            where=f"{platform.node()}: {root}",
            why="what was planned and versioned is not the code that a worker would run now",
            hint="nothing was computed with it; run the command again",
        )
