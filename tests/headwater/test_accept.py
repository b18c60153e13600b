"""Accepting: a change of code does not touch what is published; anything else that differs makes it stale as ever."""

from __future__ import annotations

import pytest

from assets_core.errors import HeadwaterError
from headwater import Project
from headwater.accept import Accepted
from headwater.backfill import Backfill
from headwater.moment import state_then
from tests.desk import Desk
from tests.headwater.conftest import Headwater

DAYS = """
raw = source("raw", files="raw.csv", partitions=Daily("2024-01-01", "2024-01-05"), partition_by="day",
             schema={"day": pl.Date, "n": pl.Int64})

@asset(key="a", inputs={"raw": raw}, partitions=Daily("2024-01-01", "2024-01-05"), partition_by="day")
def a(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(x=pl.col("n") + 1)

@asset(key="b")
def b(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.select(pl.col("x").sum())
"""
STALE = {f"a@2024-01-0{day}": "stale" for day in range(1, 5)}
ALL_ACCEPTED = dict.fromkeys(STALE, "accepted") | {"b": "fresh"}


@pytest.fixture
def made(desk: Desk) -> Desk:
    """Four days and their sum, materialized in dev; then the code of the days was changed."""
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[env.prod]\nprotected = true\n')
    desk.write("raw.csv", "day,n\n" + "".join(f"2024-01-0{day},{day}\n" for day in range(1, 5)))
    desk.define(DAYS)
    assert desk.materialize().counts == {"succeeded": 5}
    desk.edit("definitions.py", "+ 1", "+ 2")
    return desk


def at(desk: Desk, env: str = "dev") -> Project:
    return Project.load(desk.root, env=env)


def states(desk: Desk, env: str = "dev") -> dict[str, str]:
    with at(desk, env) as project:
        return {str(slot): str(verdict.state) for slot, verdict in project.status().items()}


def accept(desk: Desk, select: str = "a", env: str = "dev", partition: str | None = None) -> Accepted:
    with at(desk, env) as project:
        return project.accept(select, reason="new rates hold from May", partition=partition)


def refused(desk: Desk, select: str = "a", reason: str = "why not", env: str = "dev") -> str:
    with at(desk, env) as project, pytest.raises(HeadwaterError) as caught:
        project.accept(select, reason=reason)
    return caught.value.code


def test_without_it_a_change_of_code_makes_every_partition_stale(made: Desk) -> None:
    assert states(made) == STALE | {"b": "stale"}


def test_what_was_accepted_stays_as_it_is_and_nothing_below_is_stale(made: Desk) -> None:
    found = accept(made)
    assert (len(found.slots), found.left) == (4, ())
    assert states(made) == ALL_ACCEPTED
    assert list(made.plan().steps) == []
    assert made.materialize().counts == {}
    assert made.rows("b") == [{"x": 1 + 2 + 3 + 4 + 4}]


def test_the_reason_says_who_when_why_and_what_changed(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    run_id = accept(made).run_id
    with at(made) as project:
        (reason,) = project.status("a", exclude="")[next(iter(project.status("a")))].reasons
    assert (reason.code, reason.details["actor"], reason.details["run"]) == ("accepted", "ada", run_id)
    assert reason.details["reason"] == "new rates hold from May"
    assert reason.details["changes"] == ["code of a in definitions.py changed"]
    assert "by ada: new rates hold from May" in reason.message


def test_only_the_partitions_that_were_named_are_accepted(made: Desk) -> None:
    accept(made, partition="..2024-01-02")
    assert [state for slot, state in states(made).items() if slot != "b"] == ["accepted"] * 2 + ["stale"] * 2
    assert sorted(made.ran(made.materialize())) == ["a@2024-01-03", "a@2024-01-04", "b"]
    assert made.rows("b") == [{"x": (1 + 1) + (2 + 1) + (3 + 2) + (4 + 2)}]


def test_new_slots_are_made_by_the_new_code(made: Desk) -> None:
    accept(made)
    made.write("raw.csv", "day,n\n" + "".join(f"2024-01-0{day},{day}\n" for day in range(1, 6)))
    made.edit("definitions.py", "2024-01-05", "2024-01-06")
    assert made.ran(made.materialize()) == ["a@2024-01-05", "b"]
    assert made.rows("a", "2024-01-05")[0]["x"] == 5 + 2
    assert made.rows("a", "2024-01-04")[0]["x"] == 4 + 1


def test_a_second_change_of_code_makes_them_stale_again(made: Desk) -> None:
    accept(made)
    made.edit("definitions.py", "+ 2", "+ 3")
    assert states(made) == STALE | {"b": "stale"}


def test_a_second_change_can_be_accepted_too_and_the_first_stays_so(made: Desk) -> None:
    accept(made)
    made.edit("definitions.py", "+ 2", "+ 3")
    accept(made)
    assert states(made) == ALL_ACCEPTED
    made.edit("definitions.py", "+ 3", "+ 2")
    assert states(made) == ALL_ACCEPTED
    made.edit("definitions.py", "+ 2", "+ 4")
    assert states(made) == STALE | {"b": "stale"}


def test_with_the_code_that_made_them_they_are_fresh_again(made: Desk) -> None:
    accept(made)
    made.edit("definitions.py", "+ 2", "+ 1")
    assert set(states(made).values()) == {"fresh"}


def test_a_changed_input_makes_its_slot_stale_and_the_new_code_makes_it(made: Desk) -> None:
    accept(made)
    made.write("raw.csv", "day,n\n2024-01-01,1\n2024-01-02,20\n2024-01-03,3\n2024-01-04,4\n")
    assert states(made) == ALL_ACCEPTED | {"a@2024-01-02": "stale", "b": "stale"}
    assert made.reasons(made.plan("a")) == {"a@2024-01-02": ["input_changed"]}
    with at(made) as project:
        (verdict,) = [one for one in project.status().values() if one.state == "stale" and len(one.reasons) > 1]
    assert [str(one.code) for one in verdict.reasons] == ["input_changed", "accepted"]  # the difference comes first
    assert made.ran(made.materialize()) == ["a@2024-01-02", "b"]
    assert made.rows("a", "2024-01-02")[0]["x"] == 20 + 2
    assert states(made) == ALL_ACCEPTED | {"a@2024-01-02": "fresh"}


def test_another_setting_makes_them_stale(made: Desk) -> None:
    accept(made)
    made.edit("definitions.py", 'partition_by="day")\ndef', 'partition_by="day", unique_key="day")\ndef')
    assert states(made) == STALE | {"b": "stale"}


def test_what_differs_in_something_else_too_is_not_accepted(made: Desk) -> None:
    made.write("raw.csv", "day,n\n2024-01-01,1\n2024-01-02,20\n2024-01-03,3\n2024-01-04,4\n")
    found = accept(made)
    assert [(str(one.slot), "n changed" in one.reason) for one in found.left] == [("a@2024-01-02", True)]
    assert states(made) == ALL_ACCEPTED | {"a@2024-01-02": "stale", "b": "stale"}


def test_force_makes_them_anew_by_the_new_code(made: Desk) -> None:
    accept(made)
    assert made.materialize("a", force=True).counts == {"succeeded": 4}
    assert {states(made)[slot] for slot in STALE} == {"fresh"}
    assert made.rows("a", "2024-01-01")[0]["x"] == 1 + 2


def test_the_result_of_a_recomputation_is_never_covered_by_an_old_acceptance(made: Desk) -> None:
    accept(made)
    made.materialize("a", force=True)
    made.edit("definitions.py", "+ 2", "+ 1")
    made.edit("definitions.py", "+ 1", "+ 5")
    assert states(made) == STALE | {"b": "stale"}


def test_it_holds_in_its_own_environment_only(made: Desk) -> None:
    made.edit("definitions.py", "+ 2", "+ 1")
    with at(made, "prod") as project:
        assert project.materialize().counts == {"reused": 5}
    made.edit("definitions.py", "+ 1", "+ 2")
    accept(made)
    assert states(made, "prod") == STALE | {"b": "stale"}
    assert states(made) == ALL_ACCEPTED


def test_an_environment_made_from_another_takes_its_acceptances_over_on_record(made: Desk) -> None:
    run_id = accept(made).run_id
    with at(made) as project:
        made_by = project.create_environment("feature").run_id
    assert states(made, "feature") == ALL_ACCEPTED
    with at(made) as project:
        told = {one["env"]: one for one in project.manifest("a@2024-01-01")["accepted"]}
    assert {env: (one["run"], one["recorded"]) for env, one in told.items()} == {
        "dev": (run_id, run_id), "feature": (run_id, made_by),
    }  # fmt: skip


def test_an_environment_made_of_a_moment_before_it_does_not_know_it(made: Desk) -> None:
    with at(made) as project:
        first = project.runs(1)[0].id
    accept(made)
    with at(made) as project:
        project.create_environment("past", as_of=first)
    assert states(made, "past") == STALE | {"b": "stale"}


def test_what_was_accepted_in_an_environment_goes_when_that_is_dropped(made: Desk) -> None:
    made.edit("definitions.py", "+ 2", "+ 1")
    with at(made) as project:
        project.create_environment("x")
    made.edit("definitions.py", "+ 1", "+ 2")
    accepted = accept(made, env="x")
    with at(made, "x") as project:
        project.drop_environment()
    with at(made) as project:
        made_again = project.create_environment("x").run_id
    assert states(made, "x") == STALE | {"b": "stale"}
    with at(made, "x") as project:
        assert project.create_environment("y").run_id
        then = {run: state_then(project, f"run:{run}", "a").accepted for run in (accepted.run_id, made_again)}
    assert states(made, "y") == STALE | {"b": "stale"}
    assert {run: len(found) for run, found in then.items()} == {accepted.run_id: 4, made_again: 0}


def test_what_was_accepted_elsewhere_is_not_promoted_here(made: Desk) -> None:
    accept(made)
    with at(made, "prod") as project:
        found = project.promotion("dev")
    assert {str(one.slot): "code of a changed" in one.reason for one in found.left if one.slot.asset == "a"} == (
        dict.fromkeys(STALE, True)
    )


def test_the_manifest_tells_and_everything_is_proven(made: Desk) -> None:
    accept(made)
    with at(made) as project:
        shown = project.manifest("a@2024-01-01")
        assert project.verify().findings == ()
        entries = [one for one in project.audit_log(50, "a") if one["kind"] == "acceptance"]
    (told,) = shown["accepted"]
    assert told["code"]["id"] != shown["code"]["id"]
    assert (told["env"], told["reason"]) == ("dev", "new rates hold from May")
    assert [one["detail"] for one in entries] == ["other code accepted: new rates hold from May"] * 4


def test_a_record_of_it_that_was_altered_is_found(made: Desk) -> None:
    accept(made)
    with at(made) as project, project.catalog.reading() as connection:
        path = project.catalog.path
        triggers = connection.execute("select name, sql from sqlite_master where tbl_name = 'acceptance'").fetchall()
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("drop trigger acceptance_no_delete")
        connection.execute("delete from acceptance where sequence = (select max(sequence) from acceptance)")
        connection.execute(next(sql for name, sql in triggers if name == "acceptance_no_delete"))
    with at(made) as project:
        assert [one.code for one in project.verify().findings][:1] == ["HW451"]


def test_a_dry_run_records_nothing(made: Desk) -> None:
    with at(made) as project:
        head = project.catalog.head()
        found = project.accept("a", reason="new rates", dry_run=True)
        assert (len(found.slots), found.run_id, project.catalog.head()) == (4, None, head)
    assert states(made) == STALE | {"b": "stale"}


def test_a_frozen_environment_accepts_nothing(made: Desk) -> None:
    with at(made) as project:
        project.create_environment("report", frozen=True)
    assert refused(made, env="report") == "HW704"


def test_it_needs_a_reason(made: Desk) -> None:
    assert refused(made, reason=" ") == "HW676"


def test_where_nothing_was_published_there_is_nothing_to_accept(desk: Desk) -> None:
    desk.write("raw.csv", "day,n\n2024-01-01,1\n")
    desk.define(DAYS)
    assert refused(desk) == "HW677"


def test_what_was_accepted_is_not_accepted_again(made: Desk) -> None:
    accept(made)
    assert refused(made) == "HW677"


def test_a_rename_keeps_it(made: Desk) -> None:
    accept(made)
    made.edit("definitions.py", '@asset(key="a",', '@asset(key="c", renamed_from="a",')
    made.edit("definitions.py", "def b(a: pl.LazyFrame) -> pl.LazyFrame:\n    return a.", "def b(c: pl.LazyFrame) -> "
              "pl.LazyFrame:\n    return c.")  # fmt: skip
    assert {state for slot, state in states(made).items() if slot.startswith("c@")} == {"accepted"}


def test_many_alike_are_judged_together_and_stay_apart_by_what_was_accepted(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a", partitions=Daily("2024-01-01", "2025-01-01"))
        def a() -> pl.DataFrame:
            return pl.DataFrame({"n": [1]})
        """
    )
    desk.materialize()
    desk.edit("definitions.py", "[1]", "[2]")
    accept(desk, partition="..2024-06-30")
    found = list(states(desk).values())
    assert (found[:182], found[182:]) == (["accepted"] * 182, ["stale"] * 184)


def test_the_commands_say_so(made: Desk, hw: Headwater, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    root = made.root
    assert hw("accept", "a", at=root).status == 2
    assert len(hw("accept", "a", "--dry-run", "--json", at=root).document["accepted"]) == 4
    assert hw("accept", "a", "--dry-run", at=root).out.splitlines()[1] == ""
    done = hw("accept", "a", "--reason", "from May", "--json", at=root)
    assert (done.status, len(done.document["accepted"]), done.document["left"]) == (0, 4, [])
    assert done.document["changes"] == {"a": ["code of a in definitions.py changed"]}
    for words in (["status", "--why"], ["plan", "--why"], ["show", "a"]):
        assert "by ada: from May" in hw(*words, at=root).out
    assert "beside code" in hw("audit", "manifest", "a@2024-01-01", at=root).out
    (told,) = hw("plan", "--json", at=root).document["accepted"]
    assert (told["asset"], told["ranges"], told["slots"]) == ("a", ["2024-01-01..2024-01-04"], 4)
    assert hw("status", "--json", at=root).document["counts"] == {"fresh": 1, "accepted": 4}
    assert "4 slots made by older code stay" in hw("plan", at=root).out


def test_status_as_of_tells_it_from_the_moment_of_the_acceptance_on(made: Desk, hw: Headwater) -> None:
    with at(made) as project:
        first = project.runs(1)[0].id
    done = accept(made)
    told = {
        run: [one["accepted"] for one in hw("status", "a", "--as-of", f"run:{run}", "--json", at=made.root)
              .document["slots"]]
        for run in (first, done.run_id)
    }  # fmt: skip
    assert told[first] == [None] * 4
    assert {one["reason"] for one in told[done.run_id or ""]} == {"new rates hold from May"}


def test_backfill_accepts_its_range(made: Desk, hw: Headwater) -> None:
    words = ("backfill", "a", "--to", "2024-01-02", "--accept", "--reason", "from the third on")
    assert len(hw(*words, "--dry-run", "--json", at=made.root).document["accepted"]) == 2
    assert states(made) == STALE | {"b": "stale"}
    assert hw(*words, at=made.root).status == 0
    assert list(states(made).values())[:4] == ["accepted", "accepted", "stale", "stale"]
    assert hw(*words, "--force", at=made.root).status == 2
    with at(made) as project, pytest.raises(HeadwaterError):
        project.accept("a", reason="again", backfill=Backfill(last="2024-01-02"))


WIDER = """
from headwater import Context, Multi, Static

def declare(key, partitions):
    @asset(key=key, partitions=partitions)
    def rows(context: Context) -> pl.DataFrame:
        return pl.DataFrame({"n": [1]})

declare("days", Daily("2024-01-30", "2024-03-03"))
declare("wide", Multi(region=Static(["x", "y"]), month=Monthly("2024-01-01", "2024-04-01")))
declare("regions", Static(["x", "y"]))
declare("one", None)
"""


def test_a_range_reaches_no_further_where_several_dimensions_or_none_are_of_time(desk: Desk) -> None:
    desk.define(WIDER)
    assert desk.materialize().counts == {"succeeded": 33 + 6 + 2 + 1}
    desk.edit("definitions.py", '"n": [1]', '"n": [2]')
    asked = Backfill("2024-02-01", "2024-02-02")

    with at(desk) as project:
        accepted = project.accept("", reason="only these", backfill=asked)
        again = project.backfill("days,wide", Backfill("2024-03-01", "2024-03-01"), force=True)

    assert {str(one) for one in accepted.slots} == {
        "days@2024-02-01", "days@2024-02-02", "wide@x,2024-02", "wide@y,2024-02"
    }  # fmt: skip
    assert set(desk.ran(again)) == {"days@2024-03-01", "wide@x,2024-03", "wide@y,2024-03"}


def test_a_protected_environment_asks(made: Desk, hw: Headwater) -> None:
    made.edit("definitions.py", "+ 2", "+ 1")
    assert hw("--env", "prod", "materialize", at=made.root).status == 0
    made.edit("definitions.py", "+ 1", "+ 2")
    assert hw("--env", "prod", "accept", "a", "--reason", "x", at=made.root).status == 3
    assert hw("--env", "prod", "accept", "a", "--reason", "x", "--yes", at=made.root).status == 0


@pytest.mark.parametrize(
    "how",
    ["--force", "--only stale", "--reverse", "--batch 2", "--executor dask", "--max-parallel 1", "--fail-fast",
     "--if-busy skip"],
)  # fmt: skip
def test_an_acceptance_makes_nothing_and_is_not_told_how(made: Desk, hw: Headwater, how: str) -> None:
    option, *value = how.split()
    called = hw("backfill", "a", "--accept", "--reason", "x", option, *value, at=made.root)
    assert called.status == 2
    assert f"HW678 --accept makes nothing, so it does not go with {option}" in called.err
    with at(made) as project:
        assert project.catalog.acceptances() == []
