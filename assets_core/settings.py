"""What an asset's function can be given besides its inputs: ``Config``, ``Resource`` and ``Context``."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from assets_core.partitions import Partition


class Config(BaseModel):
    """Base of an asset's settings that decide what it computes.

    Fields are filled from ``[config."KEY"]`` of headwater.toml, the environment's overlay and ``--set``; their values
    enter the recipe, so another value makes the asset stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Resource(BaseModel):
    """Base of something a function needs that does not decide what it computes: a client, a connection.

    Fields are filled from ``[resources.NAME]``, where NAME is the class's name in snake case; they never enter a
    recipe, a record or a log.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def open(self) -> None:
        """Called once a worker, before the first step that uses it."""

    def close(self) -> None:
        """Called once a worker, after the last step."""


class Context(Protocol):
    """What a function may know of the step that calls it. The environment is left out on purpose: results are shared
    between environments, so they must not depend on one.
    """

    @property
    def key(self) -> str:
        """The asset key."""

    @property
    def partition(self) -> Partition | None:
        """Key and window of the slot; None if the asset is unpartitioned.

        Raises:
            RunError: HW513, one call computes several slots: see ``partitions``.
        """

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Keys and windows of all slots that this call computes: several in a batch, none if it is unpartitioned."""

    @property
    def run_id(self) -> str:
        """The run."""

    @property
    def attempt(self) -> int:
        """Which try at this step it is, counted from 1."""

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines are kept with the attempt."""

    def add_metadata(self, **values: Any) -> None:
        """Keeps JSON-ready values with the materialization."""
