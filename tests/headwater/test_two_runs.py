"""Two runs, two processes, one environment: no slot is computed twice at once, and nobody sees half of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from assets_core.errors import RefusedError
from headwater.prune import Rule, prune
from headwater.running import Asked, Manner, materialize
from tests.child import ROOT, Child, run
from tests.desk import Desk

GATED = """
import os, pathlib, time
HERE = pathlib.Path(__file__).parent

def work(key):
    with open(HERE / "calls.txt", "a") as file:
        file.write(f"{key} begin\\n")
    while not (HERE / "go").exists():
        time.sleep(0.01)
    time.sleep(0.05)
    with open(HERE / "calls.txt", "a") as file:
        file.write(f"{key} end\\n")

def make(n):
    @asset(key=f"root{n}")
    def root() -> pl.DataFrame:
        work(f"root{n}")
        return pl.DataFrame({"id": [n], "v": [VALUE]})
    @asset(key=f"leaf{n}", inputs={"up": f"root{n}"})
    def leaf(up: pl.DataFrame) -> pl.DataFrame:
        work(f"leaf{n}")
        return up.with_columns(w=pl.col("v") * 2)

for n in range(COUNT):
    make(n)

@asset(key="other")
def other() -> pl.DataFrame:
    return pl.DataFrame({"a": [VALUE]})
"""


def define(desk: Desk, count: int = 1, value: int = 1) -> None:
    """Pairs of a root and a leaf whose functions wait until the file ``go`` is there, and one that does not."""
    desk.define(f"COUNT, VALUE = {count}, {value}\n{GATED}")


def go(desk: Desk) -> None:
    desk.write("go", "")


def calls(desk: Desk) -> list[str]:
    return (desk.root / "calls.txt").read_text().splitlines()


def begun(desk: Desk) -> Counter[str]:
    return Counter(line.split()[0] for line in calls(desk) if line.endswith("begin"))


def test_two_runs_at_once_share_the_work_and_compute_nothing_twice(desk: Desk) -> None:
    define(desk, count=6)
    children = [run(desk.root, "materialize", "--workers", "1") for _ in range(2)]
    for child in children:
        child.wait_for("started")
    go(desk)
    documents = [child.document() for child in children]
    assert begun(desk) == {f"{kind}{n}": 1 for n in range(6) for kind in ("root", "leaf")}
    states = [Counter(step["state"] for step in one["steps"]) for one in documents]
    assert sum(states, Counter())["succeeded"] == 13
    assert set(sum(states, Counter())) <= {"succeeded", "skipped"}
    assert all(one["succeeded"] for one in states)
    assert desk.rows("leaf5") == [{"id": 5, "v": 1, "w": 2}]
    assert desk.project.verify().findings == ()


def test_a_second_run_waits_for_what_the_first_computes_and_then_finds_it_fresh(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    second = run(desk.root, "materialize", "root0")
    assert second.wait_for("waiting")[0]["slots"] == ["root0"]
    go(desk)
    assert first.document()["counts"] == {"succeeded": 1}
    assert second.document()["counts"] == {"skipped": 1}
    assert begun(desk) == {"root0": 1}


def test_a_run_goes_on_from_what_another_published_while_it_waited(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    second = run(desk.root, "materialize", "root0", "leaf0")
    second.wait_for("waiting")
    go(desk)
    first.document()
    assert second.document()["counts"] == {"skipped": 1, "succeeded": 1}
    assert desk.project.plan().steps[0].slot.asset == "other"
    assert desk.rows("leaf0") == [{"id": 0, "v": 1, "w": 2}]


def test_a_run_takes_over_what_a_killed_one_was_at(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    second = run(desk.root, "materialize", "root0")
    second.wait_for("waiting")
    first.process.kill()
    second.wait_for("started")
    go(desk)
    document = second.document()
    assert document["counts"] == {"succeeded": 1}
    assert "was cut off" in str(document["warnings"])
    assert sorted(str(one.state) for one in desk.project.runs()) == ["abandoned", "succeeded"]
    assert desk.project.catalog.neighbours("dev", "none", 0).claimed == {}


def test_a_run_told_to_skip_leaves_to_the_other_what_it_is_at_and_what_reads_that(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    document = run(desk.root, "materialize", "--if-busy", "skip").document()
    states = {step["asset"]: step["state"] for step in document["steps"]}
    assert (states, document["ok"]) == ({"other": "succeeded", "root0": "left", "leaf0": "left"}, True)
    go(desk)
    assert first.document()["counts"] == {"succeeded": 1}


def test_a_run_told_to_fail_refuses_to_begin_beside_another(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    document = run(desk.root, "materialize", "other", "--if-busy", "fail").document(status=3)
    assert [error["code"] for error in document["errors"]] == ["HW701"]
    go(desk)
    first.document()


def test_a_forced_run_beside_another_computes_after_it_and_not_with_it(desk: Desk) -> None:
    define(desk)
    first = run(desk.root, "materialize", "root0")
    first.wait_for("started")
    second = run(desk.root, "materialize", "root0", "--force")
    second.wait_for("waiting")
    go(desk)
    assert [child.document()["counts"] for child in (first, second)] == [{"succeeded": 1}] * 2
    assert calls(desk) == ["root0 begin", "root0 end"] * 2


def test_what_another_run_could_not_make_is_tried_by_the_one_that_waited(desk: Desk) -> None:
    define(desk)
    fails = """
    while os.environ.get("FAIL"):
        time.sleep(0.01)
        if (HERE / "go").exists():
            raise ValueError("no")
    while not (HERE / "go")"""
    desk.edit("definitions.py", '\n    while not (HERE / "go")', fails)
    words = ("materialize", "root0", "--json", "--progress", "json")
    first = Child(desk.root, *words, environment={**os.environ, "FAIL": "1"})
    first.wait_for("started")
    second = run(desk.root, "materialize", "root0")
    second.wait_for("waiting")
    go(desk)
    assert first.document(status=1)["counts"] == {"failed": 1}
    assert second.document()["counts"] == {"succeeded": 1}


def test_moving_an_environment_and_pruning_beside_a_run_are_refused_and_harm_nothing(desk: Desk) -> None:
    define(desk)
    go(desk)
    first = desk.materialize().run_id
    assert first is not None
    desk.project.create_environment("branch")
    define(desk, value=2)
    (desk.root / "go").unlink()
    child = run(desk.root, "materialize")
    child.wait_for("settled")  # it has published something that going back would move
    for change in (
        lambda: desk.project.rollback(first),
        lambda: desk.project.promote("branch"),
        desk.project.drop_environment,
        lambda: desk.materialize(if_busy="fail"),
    ):
        with pytest.raises(RefusedError, match="HW701"):
            change()
    for value in (3, 4):
        define(desk, value=value)
        assert desk.materialize("other").ok
    with pytest.raises(RefusedError, match="HW750"):
        prune(desk.project, Rule(), carry_out=True)
    go(desk)
    assert child.document()["ok"] is True
    assert desk.rows("leaf0") == [{"id": 0, "v": 2, "w": 4}]
    assert desk.rows("other") == [{"a": 4}]
    assert desk.project.verify().findings == ()


def test_an_earlier_run_does_not_go_behind_windows_that_a_later_one_has_made_meanwhile(desk: Desk) -> None:
    desk.define("""
        from pathlib import Path
        import time
        from headwater import Context
        HERE = Path(__file__).parent

        @asset(partitions=Daily("2024-01-01"))
        def days(context: Context) -> pl.DataFrame:
            return pl.DataFrame({"x": [context.partition.start.day]})

        @asset(volatile=True)
        def slow() -> pl.DataFrame:
            (HERE / "begun").touch()
            while not (HERE / "go").exists():
                time.sleep(0.01)
            return pl.DataFrame({"k": [1]})

        @asset
        def total(days: pl.LazyFrame, slow: pl.LazyFrame) -> pl.LazyFrame:
            return days.select(pl.col("x").sum()).join(slow, how="cross")
        """)
    go(desk)
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in (2, 3, 5)]
    materialize(desk.project, Asked(moment=moments[0]), Manner())
    (desk.root / "go").unlink()
    (desk.root / "begun").unlink()
    program = f"""
from datetime import datetime
from headwater import Project
from headwater.running import Asked, Manner, materialize
with Project.load({str(desk.root)!r}) as project:
    result = materialize(project, Asked(moment=datetime.fromisoformat({moments[1].isoformat()!r})), Manner())
    print(*sorted(result.counts.items()))
"""
    earlier = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    while not (desk.root / "begun").exists():
        assert earlier.poll() is None
    materialize(desk.project, Asked("days total", moment=moments[2]), Manner())
    assert desk.rows("total") == [{"x": 1 + 2 + 3 + 4, "k": 1}]
    go(desk)
    assert earlier.communicate(timeout=60)[0] == "('skipped', 1) ('succeeded', 2)\n"
    assert desk.rows("total") == [{"x": 1 + 2 + 3 + 4, "k": 1}]
