"""What a function may know of the step that calls it."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from assets_core.partitions import Partition


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
