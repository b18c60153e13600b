"""Runs that are interrupted, cancelled from elsewhere or killed: what they leave, and how it is gone on with."""

from __future__ import annotations

import os
import signal
import time

import polars as pl
import pytest

from assets_core.errors import RefusedError, UsageError
from tests.child import Child, run
from tests.desk import Desk

GATED = """
import os, pathlib, time
HERE = pathlib.Path(__file__).parent

@asset
def first() -> pl.DataFrame:
    return pl.DataFrame({"id": [1]})

@asset
def slow(first: pl.DataFrame) -> pl.DataFrame:
    with open(HERE / "calls.txt", "a") as file:
        file.write("slow\\n")
    while not (HERE / "go").exists():
        time.sleep(0.01)
    return first

@asset
def after(slow: pl.LazyFrame) -> pl.LazyFrame:
    return slow
"""


@pytest.fixture
def gated(desk: Desk) -> Desk:
    """A step that waits until the file ``go`` is there, one before it and one behind it."""
    desk.define(GATED)
    return desk


def states(document: dict[str, object]) -> dict[str, str]:
    return {step["asset"]: step["state"] for step in document["steps"]}  # type: ignore[attr-defined]


def test_one_interrupt_lets_what_is_running_finish_and_publishes_it(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    child.process.send_signal(signal.SIGINT)
    child.wait_for("warned")
    gated.write("go", "")
    document = child.document(status=130)
    assert states(document) == {"first": "succeeded", "slow": "succeeded", "after": "cancelled"}
    assert gated.rows("slow") == [{"id": 1}]
    assert str(gated.project.runs()[0].state) == "cancelled"


def test_two_interrupts_stop_at_once_and_what_still_runs_is_abandoned(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    child.process.send_signal(signal.SIGINT)
    child.wait_for("warned")
    began = time.monotonic()
    child.process.send_signal(signal.SIGINT)
    document = child.document(status=130)
    assert time.monotonic() - began < 30  # it would have waited for ever
    assert states(document) == {"first": "succeeded", "slow": "abandoned", "after": "cancelled"}
    assert gated.project.catalog.neighbours("dev", "none", 0).claimed == {}
    gated.write("go", "")
    result = gated.project.resume(document["run"])
    assert {str(one.slot): str(one.state) for one in result.steps} == {"slow": "succeeded", "after": "succeeded"}


@pytest.mark.parametrize("words", [(), ("--now",)])
def test_what_waits_for_a_worker_is_not_begun_any_more(desk: Desk, words: tuple[str, ...]) -> None:
    desk.define(
        """
import pathlib, time
HERE = pathlib.Path(__file__).parent

def make(n):
    @asset(key=f"slow{n}")
    def slow() -> pl.DataFrame:
        with open(HERE / "calls.txt", "a") as file:
            file.write("slow\\n")
        while not (HERE / "go").exists():
            time.sleep(0.01)
        return pl.DataFrame({"n": [n]})

for n in range(4):
    make(n)
"""
    )
    child = run(desk.root, "materialize", "--workers", "1")
    child.wait_for("started", 2)
    desk.project.cancel(desk.project.runs()[0].id, at_once="--now" in words)
    child.wait_for("warned")
    time.sleep(0.5)
    desk.write("go", "")
    found = child.document(status=130)["counts"]
    assert found == {"abandoned" if words else "succeeded": 1, "cancelled": 3}
    assert (desk.root / "calls.txt").read_text() == "slow\n"


def test_resuming_does_the_rest_and_is_recorded_as_a_child(gated: Desk) -> None:
    child = run(gated.root, "materialize", "--exclude", "after")
    child.wait_for("started", 2)
    child.process.kill()
    child.ended(status=None)
    crashed = gated.project.runs()[0]
    assert str(crashed.state) == "running"
    gated.write("go", "")
    document = run(gated.root, "runs", "resume", crashed.id[:13]).document()
    assert states(document) == {"slow": "succeeded"}
    assert "was cut off" in str(document["warnings"])
    record, _ = gated.project.run(document["run"])
    assert (record.parent, record.asked["exclude"], record.asked["moment"]) == (
        crashed.id, "after", crashed.asked["moment"],
    )  # fmt: skip
    assert str(gated.project.run(crashed.id)[0].state) == "abandoned"


def test_the_next_command_says_that_a_run_crashed_whatever_it_is(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    child.process.kill()
    child.ended(status=None)
    document = run(gated.root, "runs").document()
    assert "was cut off" in document["warnings"][0]
    assert "runs resume" in document["warnings"][0]
    assert document["runs"][0]["state"] == "abandoned"


def test_a_forced_run_is_resumed_without_forcing_again_what_it_had_made(desk: Desk) -> None:
    desk.define(GATED)
    desk.write("go", "")
    desk.materialize()
    (desk.root / "go").unlink()
    child = run(desk.root, "materialize", "--force")
    child.wait_for("started", 2)
    child.process.kill()
    child.ended(status=None)
    desk.write("go", "")
    result = desk.project.resume(desk.project.runs()[0].id)
    assert {str(one.slot): str(one.state) for one in result.steps} == {
        "first": "skipped", "slow": "succeeded", "after": "succeeded",
    }  # fmt: skip
    again = desk.project.resume(desk.project.runs()[1].id)  # the run that was killed, not the one that went on with it
    assert again.counts == {"skipped": 3}


def test_a_backfill_of_what_failed_is_gone_on_with_after_an_interrupt(desk: Desk) -> None:
    desk.define(
        """
        import pathlib, time
        from headwater import Context
        HERE = pathlib.Path(__file__).parent
        days = Daily("2024-01-01", "2024-01-07")

        @asset(partitions=days)
        def day(context: Context) -> pl.DataFrame:
            if (HERE / "bad").exists():
                raise ValueError("bad")
            while not (HERE / "go").exists():
                time.sleep(0.01)
            return pl.DataFrame({"day": [context.partition.key]})
        """
    )
    desk.write("bad", "")
    assert desk.materialize().counts == {"failed": 6}
    (desk.root / "bad").unlink()
    child = run(desk.root, "backfill", "day", "--only", "failed", "--max-parallel", "1")
    child.wait_for("started")
    child.process.send_signal(signal.SIGINT)
    child.wait_for("warned")
    desk.write("go", "")
    counts = child.document(status=130)["counts"]
    assert counts["cancelled"] > 0
    result = desk.project.resume(desk.project.runs()[0].id)
    assert result.counts == {"succeeded": counts["cancelled"]}


def test_a_run_that_is_at_work_cannot_be_resumed_but_cancelled_from_another_process(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    at_work = gated.project.runs()[0]
    with pytest.raises(RefusedError, match="HW706"):
        gated.project.resume(at_work.id)
    assert run(gated.root, "runs", "cancel", at_work.id[:13]).document()["run"]["state"] == "running"
    child.wait_for("warned")
    gated.write("go", "")
    assert states(child.document(status=130))["slow"] == "succeeded"
    ended, _ = gated.project.run(at_work.id)
    assert str(ended.state) == "cancelled"
    assert "cancelled by" in ended.reason
    with pytest.raises(UsageError, match="HW669"):
        gated.project.cancel(at_work.id)


def test_a_run_can_be_cancelled_at_once(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    gated.project.cancel(gated.project.runs()[0].id, at_once=True)
    assert states(child.document(status=130))["slow"] == "abandoned"


def seen_by_others(desk: Desk) -> dict[str, list[int]]:
    face = desk.root / ".headwater" / "data" / "_env" / "dev"
    return {f"{one.parent.name}/{one.stem}": pl.read_parquet(one)["v"].to_list() for one in face.rglob("*.parquet")}


def published(desk: Desk) -> dict[str, list[int]]:
    slots = (("whole", None), ("parted", "a"), ("parted", "b"), ("other", None))
    return {
        f"{key}/{partition or 'data'}": [row["v"] for row in desk.rows(key, partition)]  # type: ignore[misc]
        for key, partition in slots
    }


@pytest.mark.parametrize("select", ["", "other"])
def test_what_other_tools_see_is_mended_after_a_run_that_died_between_publishing_and_showing_it(
    desk: Desk, select: str
) -> None:
    definitions = """
        from headwater import Static
        @asset
        def whole() -> pl.DataFrame:
            return pl.DataFrame({"v": [VERSION]})
        @asset(partitions=Static(["a", "b"]))
        def parted() -> pl.DataFrame:
            return pl.DataFrame({"v": [VERSION]})
        @asset
        def other() -> pl.DataFrame:
            return pl.DataFrame({"v": [VERSION]})
        """
    desk.define(definitions.replace("VERSION", "1"))
    desk.materialize()
    desk.define(definitions.replace("VERSION", "2"))
    dying = {**os.environ, "HEADWATER_CRASH_AT": "face.prepared:1"}
    Child(desk.root, "materialize", "whole", "parted", environment=dying).ended(status=None)
    assert len(desk.plan().steps) < 4
    assert seen_by_others(desk) != published(desk)
    desk.materialize(select)
    assert seen_by_others(desk) == published(desk)
    assert desk.project.catalog.cut_off("dev") == []


def test_cancelling_a_dead_run_marks_it_as_abandoned(gated: Desk) -> None:
    child = run(gated.root, "materialize")
    child.wait_for("started", 2)
    child.process.kill()
    child.ended(status=None)
    assert str(gated.project.cancel(gated.project.runs()[0].id).state) == "abandoned"


def test_what_was_no_computing_run_cannot_be_resumed(gated: Desk) -> None:
    gated.write("go", "")
    gated.materialize()
    gated.project.create_environment("copy")
    change = next(one for one in gated.project.catalog.runs(5) if one.env == "copy")
    with pytest.raises(UsageError, match="HW668"):
        gated.project.resume(change.id)


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("env rollback dev --to FIRST", [1]),
        ("env promote branch dev --force", [1]),
        ("withdraw whole", [1]),
        ("env drop dev", None),
    ],
)
def test_what_other_tools_see_is_mended_after_a_change_of_an_environment_that_was_killed(
    desk: Desk, words: str, after: list[int] | None
) -> None:
    def define(version: int) -> None:
        desk.define(f"""
            @asset
            def whole() -> pl.DataFrame:
                return pl.DataFrame({{"v": [{version}]}})
            @asset
            def other() -> pl.DataFrame:
                return pl.DataFrame({{"v": [0]}})
            """)

    define(1)
    first = str(desk.materialize().run_id)
    desk.project.create_environment("branch")
    define(2)
    desk.materialize()
    define(1)
    desk.close()
    assert seen_by_others(desk)["whole/data"] == [2]
    dying = {**os.environ, "HEADWATER_CRASH_AT": "transaction.committed:1"}
    child = Child(desk.root, *words.replace("FIRST", first).split(), "--yes", "--reason", "x", environment=dying)
    child.ended(status=None)
    assert child.process.returncode == -9
    assert seen_by_others(desk)["whole/data"] == [2]
    desk.materialize("other")
    assert seen_by_others(desk).get("whole/data") == after
    assert desk.project.catalog.faces_behind() == {}
