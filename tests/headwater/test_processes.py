"""Whether a run is still carried out by somebody."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from assets_core.errors import HeadwaterError
from headwater import processes
from tests.desk import Desk

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def test_this_process_is_alive() -> None:
    assert processes.alive(processes.identity(), beat=NOW - timedelta(days=1), now=NOW)


def test_a_process_that_has_ended_is_gone_although_it_was_heard_of_just_now() -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    ended = {**processes.identity(), "pid": int(child.stdout)}
    assert not processes.alive(ended, beat=NOW, now=NOW)


def test_a_process_that_has_ended_and_that_nobody_waited_for_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    known = {**processes.identity(), "pid": child.pid, "start": processes._start_of(child.pid)}
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.alive(known, beat=NOW, now=NOW)
    child.wait()


def test_another_process_under_a_used_id_is_not_taken_for_it() -> None:
    assert not processes.alive({**processes.identity(), "pid": os.getpid(), "start": "1"}, beat=NOW, now=NOW)


@pytest.mark.parametrize(("seconds", "alive"), [(5, True), (119, True), (120, False), (3600, False)])
def test_a_process_on_another_host_is_known_by_its_heartbeat(seconds: int, alive: bool) -> None:
    elsewhere = {**processes.identity(), "host": "another"}
    assert processes.alive(elsewhere, beat=NOW - timedelta(seconds=seconds), now=NOW) is alive


@pytest.mark.parametrize(("seconds", "alive"), [(5, True), (120, False)])
def test_a_process_in_a_container_of_the_same_name_is_known_by_its_heartbeat(seconds: int, alive: bool) -> None:
    elsewhere = {**processes.identity(), "start": "1", "space": "pid:[1]"}
    assert processes.alive(elsewhere, beat=NOW - timedelta(seconds=seconds), now=NOW) is alive


def test_what_reads_a_source_that_vanished_is_not_fresh(desk: Desk) -> None:
    desk.write("rows.csv", "id\n1\n")
    desk.define(
        """
        rows = source("raw/rows", files="rows.csv")

        @asset(key="a")
        def a(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows
        """
    )
    desk.materialize()
    (desk.root / "rows.csv").unlink()
    (verdict,) = desk.project.status("a").values()
    assert (str(verdict.state), [str(one.code) for one in verdict.reasons]) == ("stale", ["input_missing"])
    with pytest.raises(HeadwaterError):
        desk.materialize()
    assert desk.rows("a") == [{"id": 1}]


def test_a_sql_asset_in_another_dialect_is_refused(desk: Desk) -> None:
    desk.define('sql_asset("a", "select nvl(1, 2) as x", dialect="oracle")')
    with pytest.raises(HeadwaterError) as caught:
        desk.project  # noqa: B018 -- loading is what fails
    assert caught.value.code == "HW108"
