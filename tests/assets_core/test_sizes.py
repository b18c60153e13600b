"""Amounts of memory as people write them, and numbers that bound how a step is run."""

from __future__ import annotations

import pytest

from assets_core.asset import Retry, Run
from assets_core.errors import DefinitionError
from assets_core.sizes import size


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("512MB", 512_000_000), ("4GB", 4_000_000_000), ("1.5GiB", 1_610_612_736), ("1k", 1000), ("7", 7), (9, 9)],
)
def test_an_amount_of_memory_is_a_number_and_a_unit(text: str | int, bytes_: int) -> None:
    assert size(text, what="memory") == bytes_


@pytest.mark.parametrize("text", ["", "4 gigs", "-1GB", "0", 0, True, None, "GB"])
def test_what_is_no_amount_of_memory_is_refused(text: object) -> None:
    with pytest.raises(DefinitionError, match="HW193"):
        size(text, what="memory")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"wait_seconds": -1}, {"max_wait_seconds": "9"}, {"jitter": 1.5}, {"attempts": True}],
)
def test_a_retry_out_of_bounds_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DefinitionError, match="HW194"):
        Retry(**wrong)  # type: ignore[arg-type]


def test_a_timeout_must_leave_some_time() -> None:
    with pytest.raises(DefinitionError, match="HW194"):
        Run(timeout_seconds=0)


def test_pauses_double_up_to_a_bound_and_are_spread_by_the_jitter() -> None:
    retry = Retry(attempts=9, wait_seconds=2, max_wait_seconds=10, jitter=0.5)
    assert [retry.pause(attempt, 0.0) for attempt in (1, 2, 3, 4, 2000)] == [2, 4, 8, 10, 10]
    assert (retry.pause(1, -1.0), retry.pause(1, 1.0)) == (1.0, 3.0)
