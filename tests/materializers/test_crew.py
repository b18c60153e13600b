"""The crew of threads: whatever becomes of an attempt, whoever waits for it gets an answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from assets_core.keys import Slot
from materializers.executors.crew import Crew


@pytest.mark.parametrize("raised", [ValueError("token-1 is wrong"), SystemExit(3), MemoryError()])
def test_work_that_raises_is_a_failed_attempt_and_the_next_one_is_carried_out(raised: BaseException) -> None:
    task: Any = SimpleNamespace(outputs=(SimpleNamespace(slot=Slot("a", None)),), attempt=2)

    def work(attempt: Any) -> Any:
        if attempt.place == 0:
            raise raised
        return "done"

    crew = Crew(1, work, lambda task, result: None, lambda text: text.replace("token-1", "***"))
    crew.submit(0, task, None)
    crew.submit(1, task, None)
    ended = dict(crew.wait(10))
    if len(ended) < 2:
        ended |= dict(crew.wait(10))
    crew.close(wait=True)

    failed, done = ended[0], ended[1]
    assert (done, failed.slots, failed.attempt) == ("done", (Slot("a", None),), 2)
    assert failed.error is not None
    assert (failed.error.code, failed.error.type) == ("HW599", type(raised).__name__)
    assert "token-1" not in f"{failed.error.message}{failed.log.traceback}"
