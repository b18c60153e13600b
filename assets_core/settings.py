"""What an asset's function can be given from headwater.toml: ``Config`` and ``Resource``, as pydantic models.

Whatever only names the two in annotations does not import this module: pydantic takes longer than a small plan.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
