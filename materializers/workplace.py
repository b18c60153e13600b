"""What a process that carries attempts out has at hand: the definitions, the data, the resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assets_core.asset import Asset
from assets_core.graph import Graph
from lineage.code import SourceReading
from materializers.handed_over import HandedOver
from materializers.tables import Tables


def _no_resources(asset: Asset[..., Any]) -> Mapping[str, Any]:
    return {}


def _nowhere() -> None:
    return None


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class ProjectLocation:
    """Where another process finds the same project; values only.

    Arguments:
        loader: ``module:function`` that makes a ``Workplace`` of this value in the other process.
        root: the project's folder; env: the environment; overrides: what ``--set`` said.
        files: SHA-256 of headwater.toml and of every module of the project, by path below the root.
        versions: of Python and the libraries that results may depend on, by name.
    """

    loader: str
    root: str
    env: str
    overrides: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Workplace:
    """What attempts need besides their task; one a process.

    Arguments:
        resources: opens the resources of an asset, by parameter; each is opened once.
        mask: takes secrets out of a text.
        location: tells how another process makes one that is equal; None of a project that only this process knows.
        close: gives back what was opened.
        reading: gives what the code of an asset was, and what it reached, when it was loaded here; None where tasks are
            made, which say that themselves.
        handed_over: small results that were stored from here, for their readers.
    """

    graph: Graph
    tables: Tables
    resources: Callable[[Asset[..., Any]], Mapping[str, Any]] = _no_resources
    mask: Callable[[str], str] = str
    location: Callable[[], ProjectLocation | None] = _nowhere
    close: Callable[[], None] = _nothing
    reading: Callable[[Asset[..., Any]], SourceReading] | None = None
    handed_over: HandedOver = field(default_factory=HandedOver)

    def asset(self, key: str) -> Asset[..., Any]:
        """The asset of a key."""
        return self.graph.asset(key)
