"""What a step may know of itself, and what it may say of its result."""

from __future__ import annotations

import json
import logging
from typing import Any

from assets_core.errors import RunError, message_of
from assets_core.partitions import Partition
from materializers.step_task import StepTask


class StepContext:
    """What a function that asks for ``Context`` gets; see ``assets_core.context.Context``."""

    def __init__(self, task: StepTask) -> None:
        self.key = task.outputs[0].slot.asset
        self.partitions = task.partitions or (() if task.partition is None else (task.partition,))
        self.run_id = task.run_id
        self.attempt = task.attempt
        self.log = logging.getLogger(f"headwater.{self.key}")
        self.metadata: dict[str, Any] = {}

    @property
    def partition(self) -> Partition | None:
        """Key and window of the slot; see ``assets_core.context.Context``."""
        if len(self.partitions) > 1:
            raise RunError(
                "HW513",
                f"{self.key} is computed for {len(self.partitions)} partitions at once, so there is no one partition",
                hint="use context.partitions, or leave Run(batch=...) out",
            )
        return self.partitions[0] if self.partitions else None

    def add_metadata(self, **values: Any) -> None:
        """Keeps JSON-ready values with the materialization, as they are now.

        Raises:
            RunError: HW522, a value is none.
        """
        for name, value in values.items():
            try:
                self.metadata[name] = json.loads(json.dumps(value))
            except (TypeError, ValueError, RecursionError) as error:
                raise RunError(
                    "HW522",
                    f"metadata {name!r} is a {type(value).__name__} and cannot be kept",
                    why=message_of(error),
                    hint="give context.add_metadata plain values: numbers, texts, lists",
                ) from None
