"""Batches beside other runs, in pools, cut off and too slow: a call is one place, and every slot its own step."""

from __future__ import annotations

import signal
import time
from collections import Counter
from textwrap import dedent

import pytest

from tests.child import run
from tests.desk import Desk

COMMON = """
import os, pathlib, time
from headwater import Context, Retry
HERE = pathlib.Path(__file__).parent
days = Daily("2024-01-01", "2024-01-07")

def note(context):
    with open(HERE / "calls.txt", "a") as file:
        file.write(" ".join(one.key[-2:] for one in context.partitions) + "\\n")

def rows(context):
    return pl.DataFrame([{"day": one.start.date(), "v": VALUE} for one in context.partitions],
                        schema={"day": pl.Date, "v": pl.Int64})

def gate():
    while not (HERE / "go").exists():
        time.sleep(0.01)
"""


def define(desk: Desk, code: str, value: int = 1) -> None:
    """Six days in batches of any number; ``code`` defines the asset ``staged``."""
    desk.define(f"VALUE = {value}\n{COMMON}\n{dedent(code)}")


def calls(desk: Desk) -> list[str]:
    """The days of each call of the function, in the order in which they began."""
    path = desk.root / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


GATED = """
@asset(partitions=days, partition_by="day", run=Run(batch="month"))
def staged(context: Context) -> pl.DataFrame:
    note(context)
    gate()
    return rows(context)
"""
ALL = "01 02 03 04 05 06"


def test_what_is_left_of_a_batch_is_one_call_while_another_run_is_at_one_of_its_slots(desk: Desk) -> None:
    define(
        desk,
        GATED.replace("    gate()\n", "    if '03' in {one.key[-2:] for one in context.partitions}:\n        gate()\n"),
    )
    first = run(desk.root, "materialize", "staged", "--partition", "2024-01-03")
    first.wait_for("started")
    second = run(desk.root, "materialize", "staged")
    assert second.wait_for("waiting")[0]["slots"] == ["staged@2024-01-03"]
    deadline = time.monotonic() + 30
    while "01 02 04 05 06" not in calls(desk) and time.monotonic() < deadline:
        time.sleep(0.05)
    desk.write("go", "")
    assert first.document()["counts"] == {"succeeded": 1}
    assert second.document()["counts"] == {"succeeded": 5, "skipped": 1}
    assert calls(desk)[:2] == ["03", "01 02 04 05 06"]
    assert desk.project.verify().findings == ()


def test_a_batch_waits_whole_for_another_run_that_computes_the_same_batch(desk: Desk) -> None:
    define(desk, GATED)
    first = run(desk.root, "materialize", "staged")
    first.wait_for("started")
    second = run(desk.root, "materialize", "staged")
    second.wait_for("waiting")
    desk.write("go", "")
    assert first.document()["counts"] == {"succeeded": 6}
    assert second.document()["counts"] == {"skipped": 6}
    assert Counter(calls(desk))[ALL] == 1


def test_a_batch_that_another_run_left_half_done_is_gone_on_with_alone(desk: Desk) -> None:
    define(desk, GATED)
    first = run(desk.root, "materialize", "staged")
    first.wait_for("started")
    second = run(desk.root, "materialize", "staged")
    second.wait_for("waiting")
    first.process.kill()
    second.wait_for("started")
    desk.write("go", "")
    assert second.document()["counts"] == {"succeeded": 6}
    assert desk.project.verify().findings == ()


POOLED = """
@asset(partitions=days, partition_by="day", run=Run(batch=3, pool="one"), checks=[check.not_null("v")])
def staged(context: Context) -> pl.DataFrame:
    with open(HERE / "within.txt", "a") as file:
        file.write("in\\n")
    note(context)
    time.sleep(0.05)
    if len(context.partitions) > BEARS:
        raise ValueError("too many")
    with open(HERE / "within.txt", "a") as file:
        file.write("out\\n")
    return rows(context)
"""
TOML = '[project]\nname = "desk"\nmodules = ["definitions"]\n[pools]\none = 1\n'


@pytest.mark.parametrize("bears", [9, 1])
def test_a_call_is_one_place_in_a_pool_and_slots_that_are_computed_one_by_one_are_one_each(
    desk: Desk, bears: int
) -> None:
    desk.write("headwater.toml", TOML)
    define(desk, f"BEARS = {bears}\n{POOLED}")
    result = desk.materialize(workers=4)
    assert result.counts == {"succeeded": 6}
    within = (desk.root / "within.txt").read_text().split()
    if bears == 9:  # each batch is tried on one of its slots, within the same call
        assert within == ["in", "out"] * 4
    else:
        assert within == ["in", *["in", "out"] * 3] * 2
        assert [one.attempts for one in result.steps] == [1] * 6


def test_slots_of_a_batch_that_are_only_checked_again_each_take_a_place_in_the_pool(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    define(desk, f"BEARS = 9\n{POOLED}")
    desk.materialize(workers=4)
    define(desk, f"BEARS = 9\n{POOLED}".replace('check.not_null("v")', 'check.not_null("v"), check.between("v", 0, 9)'))
    before = calls(desk)
    assert desk.materialize(workers=4).counts == {"reused": 6}
    assert calls(desk) == before


def test_a_call_that_takes_too_long_is_computed_slot_by_slot_and_what_it_gives_late_is_thrown_away(
    desk: Desk,
) -> None:
    define(
        desk,
        """
@asset(partitions=days, partition_by="day", run=Run(batch="month", timeout_seconds=1.0))
def staged(context: Context) -> pl.DataFrame:
    note(context)
    if len(context.partitions) > 1:
        gate()
    return rows(context).with_columns(v=pl.lit(len(context.partitions)).cast(pl.Int64))
""",
    )
    result = desk.materialize(workers=2)
    assert result.counts == {"succeeded": 6}
    assert any("slot by slot" in one and "longer than 1 seconds" in one for one in result.warnings)
    assert calls(desk)[0] == ALL
    assert sorted(calls(desk)[1:]) == ALL.split()
    desk.write("go", "")
    time.sleep(0.5)
    assert {row["v"] for row in desk.rows("staged")} == {1}
    assert desk.project.verify().findings == ()


def test_every_slot_of_a_call_that_is_stopped_at_once_is_abandoned_and_made_by_the_next_run(desk: Desk) -> None:
    define(desk, GATED)
    child = run(desk.root, "materialize", "staged")
    child.wait_for("started")
    child.process.send_signal(signal.SIGINT)
    child.wait_for("warned")
    child.process.send_signal(signal.SIGINT)
    assert child.document(status=None)["counts"] == {"abandoned": 6}
    desk.write("go", "")
    assert desk.materialize().counts == {"succeeded": 6}
    assert desk.project.verify().findings == ()


def test_the_slots_of_a_call_that_fails_while_the_run_stops_are_cancelled(desk: Desk) -> None:
    define(desk, GATED.replace("    return rows(context)\n", "    raise ValueError('no')\n"))
    child = run(desk.root, "materialize", "staged")
    child.wait_for("started")
    child.process.send_signal(signal.SIGINT)
    child.wait_for("warned")
    desk.write("go", "")
    assert child.document(status=None)["counts"] == {"cancelled": 6}


def test_slots_that_are_computed_one_by_one_have_all_their_tries(desk: Desk) -> None:
    define(
        desk,
        """
@asset(partitions=days, partition_by="day", run=Run(batch="month", retry=Retry(attempts=2, wait_seconds=0.01)))
def staged(context: Context) -> pl.DataFrame:
    note(context)
    if len(context.partitions) > 1 or context.attempt < 2:
        raise ValueError("no")
    return rows(context)
""",
    )
    result = desk.materialize(workers=2)
    assert result.counts == {"succeeded": 6}
    assert [one.attempts for one in result.steps] == [2] * 6


def test_slots_of_a_batch_that_history_has_are_published_from_there_and_the_others_in_one_call(desk: Desk) -> None:
    lines = {day: f"2024-01-0{day},1" for day in range(1, 7)}

    def raw(**changed: str) -> None:
        rows = {**{str(day): line for day, line in lines.items()}, **{key[1:]: row for key, row in changed.items()}}
        desk.write("raw.csv", "\n".join(["day,v", *rows.values()]) + "\n")

    define(
        desk,
        """
raw = source("raw", files="raw.csv", schema={"day": pl.Date, "v": pl.Int64}, partitions=days, partition_by="day")

@asset(partitions=days, partition_by="day", run=Run(batch="month"))
def staged(raw: pl.DataFrame, context: Context) -> pl.DataFrame:
    note(context)
    return raw
""",
    )
    raw()
    desk.materialize()
    raw(_1="2024-01-01,7", _2="2024-01-02,7")
    desk.materialize()
    (desk.root / "calls.txt").unlink()
    raw(_3="2024-01-03,5", _4="2024-01-04,5")
    assert desk.materialize().counts == {"reused": 2, "succeeded": 2}
    assert calls(desk)[0] == "03 04"
