"""``prune``: what stays, what goes, and when."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assets_core.errors import RefusedError, StorageError
from assets_core.keys import Slot
from assets_core.records import RunRecord, RunState
from headwater import Project, processes
from headwater.prune import Rule, prune
from materializers.ids import new_id
from tests.desk import Desk

NUMBERS = """
@asset(key="numbers")
def numbers() -> pl.DataFrame:
    return pl.DataFrame({"n": [VALUE]})

@asset(key="doubled")
def doubled(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers.with_columns(pl.col("n") * 2)
"""
AT_ONCE = Rule(grace=timedelta())


def made(desk: Desk, *values: int) -> list[str]:
    """Materializes one version after another; gives the ids of ``numbers``."""
    ids = []
    for value in values:
        desk.define(f"VALUE = {value}\n{NUMBERS}")
        assert desk.materialize().ok
        ids.append(desk.project.catalog.published("dev")[Slot("numbers")].id)
    return ids


def files(desk: Desk) -> set[str]:
    """The names of all stored files, without their ending."""
    return {path.stem for path in (desk.root / ".headwater" / "data").glob("*/*.parquet")}


def pruned(desk: Desk, rule: Rule) -> None:
    prune(desk.project, rule, carry_out=True)


def test_nothing_goes_in_a_dry_run(desk: Desk) -> None:
    made(desk, 1, 2)
    before = files(desk), desk.project.catalog.head()
    found = prune(desk.project, AT_ONCE)

    assert len(found.retire) == 2
    assert not found.done
    assert (files(desk), desk.project.catalog.head()) == before


def test_what_is_marked_is_deleted_only_after_the_grace_period(desk: Desk) -> None:
    first, last = made(desk, 1, 2)
    pruned(desk, Rule())
    assert first in files(desk)
    assert prune(desk.project, Rule()).waiting

    pruned(desk, AT_ONCE)
    assert first not in files(desk)
    assert last in files(desk)


def test_what_an_environment_points_at_stays(desk: Desk) -> None:
    made(desk, 1)
    before = files(desk)
    pruned(desk, AT_ONCE)

    assert files(desk) == before
    assert desk.rows("doubled") == [{"n": 2}]


def test_what_another_environment_points_at_stays(desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[env.prod]\n')
    desk.define(f"VALUE = 1\n{NUMBERS}")
    with Project.load(desk.root, env="prod") as prod:
        prod.materialize()
    made(desk, 2)
    pruned(desk, AT_ONCE)

    with Project.load(desk.root, env="prod") as prod:
        assert prod.scan("numbers").collect().to_dicts() == [{"n": 1}]


def test_the_newest_of_every_slot_are_kept(desk: Desk) -> None:
    ids = made(desk, 1, 2, 3, 4)
    pruned(desk, Rule(keep=2, grace=timedelta()))

    assert [one in files(desk) for one in ids] == [False, False, True, True]


def test_what_was_used_lately_is_kept(desk: Desk) -> None:
    ids = made(desk, 1, 2)
    pruned(desk, Rule(older_than=timedelta(days=1), grace=timedelta()))

    assert set(ids) <= files(desk)


def test_an_age_from_before_all_time_keeps_everything(desk: Desk) -> None:
    made(desk, 1, 2)
    found = prune(desk.project, Rule(older_than=timedelta.max, grace=timedelta.max))

    assert found.retire == ()


def test_records_stay_and_are_marked(desk: Desk) -> None:
    first, _ = made(desk, 1, 2)
    pruned(desk, AT_ONCE)

    (retired,) = desk.project.manifest(first)["retired"]
    assert retired["how"] == "pruned"
    assert desk.project.verify().ok


def test_reading_pruned_data_tells_who_pruned_it_when_and_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made(desk, 1)
    first = desk.project.runs(1)[0].id
    made(desk, 2)
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    prune(desk.project, AT_ONCE, carry_out=True, reason="disk full")

    with pytest.raises(StorageError) as caught:
        desk.project.scan("numbers", as_of=f"run:{first}")
    assert caught.value.code == "HW425"
    at = desk.project.catalog.retirements()[0].at
    assert caught.value.what == f"the stored data of numbers was pruned on {at:%Y-%m-%d %H:%M} UTC by ada"
    assert "disk full" in caught.value.why


def test_data_that_was_lost_and_not_pruned_is_not_said_to_be(desk: Desk) -> None:
    made(desk, 1)
    for file in (desk.root / ".headwater" / "data").glob("*/*.parquet"):
        file.unlink()

    with pytest.raises(StorageError) as caught:
        desk.project.scan("numbers")
    assert (caught.value.code, caught.value.what) == ("HW425", "stored data is gone")


def test_pruned_data_is_computed_again_and_not_reused(desk: Desk) -> None:
    made(desk, 1, 2)
    pruned(desk, AT_ONCE)
    desk.define(f"VALUE = 1\n{NUMBERS}")

    assert desk.ran(desk.materialize()) == ["numbers", "doubled"]
    assert desk.rows("doubled") == [{"n": 2}]


def test_data_shared_with_a_record_that_is_kept_stays(desk: Desk) -> None:
    made(desk, 1)
    desk.edit("definitions.py", '@asset(key="numbers")', '@asset(key="numbers", checks=[check.not_null("n")])')
    desk.materialize()
    records = desk.project.catalog.published("dev")[Slot("numbers")]
    assert records.stored is not None
    assert records.id not in records.stored.location, "the check that was added made a record of data that was there"
    pruned(desk, AT_ONCE)

    assert desk.rows("numbers") == [{"n": 1}]
    assert desk.project.verify().ok


def test_what_a_check_set_aside_last_stays(desk: Desk) -> None:
    made(desk, 1)
    desk.define(f"VALUE = 200\n{NUMBERS}".replace('key="numbers"', 'key="numbers", checks=[check.between("n", 0, 9)]'))
    desk.materialize()
    aside = desk.project.catalog.latest_blocked("dev")[Slot("numbers")].id
    pruned(desk, AT_ONCE)

    assert aside in files(desk)


def stray(desk: Desk, age: timedelta, name: str = "") -> Path:
    """A file beside the stored ones that no record names."""
    milliseconds = int((datetime.now(UTC) - age).timestamp() * 1000)
    digits = f"{milliseconds:012x}"
    folder = next((desk.root / ".headwater" / "data").glob("numbers*"))
    path = folder / (name or f"{digits[:8]}-{digits[8:]}-7abc-8abc-0123456789ab.parquet")
    path.write_bytes(b"half")
    return path


def crashed_long_ago(desk: Desk) -> None:
    """The catalog begins with a run that crashed."""
    desk.define("")
    crashed = begin(desk, processes.identity(), datetime.now(UTC) - timedelta(hours=5))
    desk.project.catalog.end_run(crashed.id, RunState.ABANDONED, ended=datetime.now(UTC), counts={})


def test_what_a_crashed_run_left_goes(desk: Desk) -> None:
    crashed_long_ago(desk)
    made(desk, 1)
    left = stray(desk, timedelta(hours=2))
    found = prune(desk.project, Rule())
    assert [one.bytes for one in found.leftovers] == [4]
    pruned(desk, Rule())

    assert not left.exists()


def test_what_may_be_written_at_this_moment_stays(desk: Desk) -> None:
    made(desk, 1)
    left = stray(desk, timedelta(minutes=1))
    pruned(desk, Rule())

    assert left.exists()


def test_files_that_headwater_did_not_write_stay(desk: Desk) -> None:
    made(desk, 1)
    others = stray(desk, timedelta(days=2), "flights.csv")
    pruned(desk, AT_ONCE)

    assert others.exists()


def begin(desk: Desk, process: dict[str, object], started: datetime) -> RunRecord:
    record = RunRecord(new_id(), "prod", RunState.RUNNING, started, "ada", "materialize", "", process)
    desk.project.catalog.begin_run(record)
    return record


def test_nothing_is_marked_while_a_run_is_under_way_in_any_environment(desk: Desk) -> None:
    first, _ = made(desk, 1, 2)
    begin(desk, {**processes.identity(), "host": "elsewhere"}, datetime.now(UTC))

    with pytest.raises(RefusedError) as caught:
        pruned(desk, AT_ONCE)
    assert caught.value.code == "HW750"
    assert first in files(desk)
    assert desk.project.catalog.retirements() == []


def test_a_run_whose_process_is_gone_keeps_nothing(desk: Desk) -> None:
    first, _ = made(desk, 1, 2)
    begin(desk, {**processes.identity(), "pid": 2**22 + os.getpid(), "start": "1"}, datetime.now(UTC))
    pruned(desk, AT_ONCE)

    assert first not in files(desk)


def test_what_a_long_run_is_about_to_record_stays(desk: Desk) -> None:
    crashed_long_ago(desk)
    made(desk, 1)
    staged = stray(desk, timedelta(hours=2))
    began = datetime.now(UTC) - timedelta(hours=3)
    run = begin(desk, {**processes.identity(), "host": "elsewhere"}, began)
    desk.project.catalog.beat(run.id, datetime.now(UTC))
    pruned(desk, Rule())  # nothing to mark, so nothing to refuse

    assert staged.exists()


def test_kept_slots_of_a_source_go_too_when_they_were_replaced(desk: Desk) -> None:
    desk.define(
        """
        source("raw", files="raw.csv", partitions=Daily("2024-01-01", "2024-01-03"), partition_by="day",
               schema={"day": pl.Date, "v": pl.Int64})

        @asset(key="copy", partitions=Daily("2024-01-01", "2024-01-03"), partition_by="day")
        def copy(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw
        """
    )
    for value in (1, 2):
        desk.write("raw.csv", f"day,v\n2024-01-01,{value}\n2024-01-02,7\n")
        desk.materialize()
    kept = list((desk.root / ".headwater" / "cache" / "slots").rglob("*.parquet"))
    pruned(desk, AT_ONCE)

    assert len(list((desk.root / ".headwater" / "cache" / "slots").rglob("*.parquet"))) == len(kept) - 1
    assert desk.rows("raw") == [{"day": one["day"], "v": one["v"]} for one in desk.rows("copy")]
    assert not desk.plan().steps


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_document_says_what_goes_and_how_much_it_is(hw, desk: Desk) -> None:
    made(desk, 1, 2)
    desk.close()
    document = hw("prune", "--json", at=desk.root).document

    assert set(document) >= {"done", "retire", "delete", "waiting", "leftovers", "kept", "bytes"}
    assert document["done"] is False
    assert {one["asset"] for one in document["retire"]} == {"numbers", "doubled"}
    assert document["bytes"]["retire"] == sum(one["bytes"] for one in document["retire"]) > 0


def test_yes_carries_it_out_and_the_history_says_who_asked(hw, desk: Desk) -> None:
    made(desk, 1, 2)
    desk.close()
    assert hw("prune", "--grace", "0", "--yes", "--reason", "disk full", at=desk.root).status == 0

    run = desk.project.runs(1)[0]
    assert (run.state, run.reason, dict(run.counts)) == ("succeeded", "disk full", {"marked": 2, "deleted": 2})
    assert "prune" in run.command


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_what_goes_at_once_is_told_once_and_not_promised_for_later(hw, desk: Desk, yes: tuple[str, ...]) -> None:
    made(desk, 1, 2)
    desk.close()
    said = hw("prune", "--grace", "0", *yes, at=desk.root).out

    assert "their grace period is over" in said
    assert [line.split()[0] for line in said.splitlines() if line.startswith("    ")] == ["doubled", "numbers"]
    assert "later prune" not in said
    assert "what is marked goes" not in said


def test_what_is_only_marked_is_told_to_go_later(hw, desk: Desk) -> None:
    made(desk, 1, 2)
    desk.close()
    said = hw("prune", "--yes", at=desk.root).out

    assert "marked, and deleted by a later prune" in said
    assert "what is marked goes with the first prune --yes after 1h" in said


def test_a_protected_environment_wants_a_reason_whichever_is_named(hw, desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[env.prod]\nprotected = true\n')
    desk.define(f"VALUE = 1\n{NUMBERS}")
    with Project.load(desk.root, env="prod") as prod:
        prod.materialize()
    answer = hw("prune", "--yes", at=desk.root)

    assert answer.status == 3
    assert "HW751" in answer.err
    assert hw("prune", "--yes", "--reason", "disk full", at=desk.root).status == 0
