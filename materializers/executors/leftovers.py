"""Data of attempts that nobody waits for any more."""

from __future__ import annotations

from contextlib import suppress

from assets_core.errors import HeadwaterError
from assets_core.records import StepResult
from materializers.step_task import StepTask
from materializers.workplace import Workplace


def remove_leftovers(task: StepTask, result: StepResult, place: Workplace) -> None:
    """Removes what an attempt stored whose result will not be used; what it only checked again stays.

    What cannot be removed now is named by no record, so that ``prune`` will find it.
    """
    adopted = {output.adopt.stored for output in task.outputs if output.adopt is not None}
    for made in result.made:
        if made.stored is not None and made.stored not in adopted:
            with suppress(HeadwaterError):
                place.tables.storage(made.stored.storage).delete(made.stored)
