"""Functions that misbehave: each costs its own step, and nothing else."""

from __future__ import annotations

import pytest

from tests.desk import Desk

BAD = {
    "leaves the process": ("import sys; sys.exit(3)", "SystemExit"),
    "raises what nobody catches": ("raise BaseException('out of the ordinary')", "BaseException"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "gives the wrong type": ("return 42", "DataError"),
    "gives nothing": ("return None", "DataError"),
    "asks for more than there is": ("raise MemoryError('no more')", "MemoryError"),
    "never ends recursing": ("return bad.function(first)", "RecursionError"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_function_that_misbehaves_costs_its_own_step(desk: Desk, what: str) -> None:
    body, error = BAD[what]
    desk.define(f"""
@asset
def first() -> pl.DataFrame:
    return pl.DataFrame({{"id": [1, 2]}})

@asset
def bad(first: pl.DataFrame) -> pl.DataFrame:
    {body}

@asset
def good(first: pl.DataFrame) -> pl.DataFrame:
    return first
""")
    result = desk.materialize()
    assert {str(one.slot): str(one.state) for one in result.steps} == {
        "first": "succeeded", "bad": "failed", "good": "succeeded",
    }  # fmt: skip
    assert [one.error.type for one in result.steps if one.error] == [error]
    assert desk.project.verify().findings == ()


def test_a_function_that_changes_its_input_in_place_changes_nothing_for_others(desk: Desk) -> None:
    desk.define("""
@asset
def first() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2]})

@asset
def bad(first: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(first)
    frame.insert_column(0, pl.Series("x", [9, 9]))
    frame[0, "id"] = 99
    return frame

@asset
def good(first: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    return first
""")
    assert desk.materialize(workers=1).ok
    assert (desk.rows("good"), desk.rows("first")) == ([{"id": 1}, {"id": 2}],) * 2
    assert desk.project.verify().findings == ()


def test_a_function_that_prints_megabytes_is_kept_in_bounds(desk: Desk) -> None:
    desk.define("""
@asset
def loud() -> pl.DataFrame:
    for _ in range(3000):
        print("x" * 1000)
    return pl.DataFrame({"id": [1]})
""")
    (step,) = desk.materialize().steps
    assert len(step.logs[0].output) < 100_000
    assert "characters left out" in step.logs[0].output


def test_a_function_that_forks_and_comes_back_twice_is_published_once(desk: Desk) -> None:
    desk.define("""
import os

@asset
def twice() -> pl.DataFrame:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return pl.DataFrame({"id": [1]})
""")
    assert desk.materialize().counts == {"succeeded": 1}
    assert desk.rows("twice") == [{"id": 1}]
    assert len(desk.project.catalog.publications()) == 1
    assert desk.project.verify().findings == ()
