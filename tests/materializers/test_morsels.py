"""The size of what streams, which is the process's own setting."""

from __future__ import annotations

import os
from threading import Thread

import polars as pl
import pytest

from materializers.storage.morsels import SMALL_MORSEL_ROWS, small_morsels

ROWS = 300_000


def seen() -> int:
    """The most rows that a function in a streaming plan is given at a time."""
    heights = []

    def keep(part: pl.DataFrame) -> pl.DataFrame:
        heights.append(part.height)
        return part

    plan = pl.LazyFrame({"n": range(ROWS)}).map_batches(keep, streamable=True, validate_output_schema=False)
    assert plan.select(pl.len()).collect(engine="streaming").item() == ROWS
    return max(heights)


def test_plans_stream_in_small_morsels_inside_and_as_before_after() -> None:
    before = seen()
    with small_morsels():
        assert seen() <= 2 * SMALL_MORSEL_ROWS < before
    assert seen() == before


def test_the_setting_ends_with_the_last_thread_that_asked_for_it() -> None:
    before, inside = seen(), []

    def nested() -> None:
        with small_morsels():
            inside.append(seen())

    with small_morsels():
        thread = Thread(target=nested)
        thread.start()
        thread.join()
        inside.append(seen())
    assert max(inside) <= 2 * SMALL_MORSEL_ROWS
    assert seen() == before


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_IDEAL_MORSEL_SIZE", "50000")
    with small_morsels():
        assert os.environ["POLARS_IDEAL_MORSEL_SIZE"] == "50000"
    assert os.environ["POLARS_IDEAL_MORSEL_SIZE"] == "50000"
