"""Time travel: data, lineage and status as they were."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from headwater import Project
from headwater.moment import state_then
from tests.desk import Desk

FIRST = """
@asset(key="numbers")
def numbers() -> pl.DataFrame:
    return pl.DataFrame({"n": [1], "m": [5]})

@asset(key="doubled")
def doubled(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers.select(pl.col("n") * 2)
"""


@pytest.fixture
def then(desk: Desk) -> str:
    """A moment at which the first version was published; ``doubled`` came to read another column afterwards."""
    desk.define(FIRST)
    desk.materialize()
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    desk.define(FIRST.replace('pl.col("n") * 2', 'pl.col("m").alias("n")'))
    desk.materialize()
    return moment


def test_data_as_of_a_moment(desk: Desk, then: str) -> None:
    assert desk.rows("doubled") == [{"n": 5}]
    assert desk.project.scan("doubled", as_of=then).collect().to_dicts() == [{"n": 2}]


def test_data_as_of_a_run(desk: Desk, then: str) -> None:
    first = desk.project.runs()[-1].id

    assert desk.project.scan("doubled", as_of=f"run:{first}").collect().to_dicts() == [{"n": 2}]


def test_lineage_as_of_a_moment(desk: Desk, then: str) -> None:
    columns = {one.column for one in desk.project.lineage("doubled").upstream("n", direct=True)}
    before = {one.column for one in desk.project.lineage("doubled", then).upstream("n", direct=True)}

    assert (columns, before) == ({"m"}, {"n"})


def test_status_as_of_a_moment_names_what_was_published(desk: Desk, then: str) -> None:
    found = state_then(desk.project, then)
    now = desk.project.catalog.published("dev")

    shown = {str(slot): made and made.id == now[slot].id for slot, made in found.shown.items()}
    assert shown == {"numbers": True, "doubled": False}


def test_before_anything_was_published_every_slot_is_missing(desk: Desk, then: str) -> None:
    assert set(state_then(desk.project, "2000-01-01").shown.values()) == {None}


def test_status_as_of_has_assets_that_are_gone_from_the_code(desk: Desk, then: str) -> None:
    desk.define(FIRST.partition('@asset(key="doubled")')[0])

    assert [str(slot) for slot in state_then(desk.project, then).shown] == ["numbers", "doubled"]
    assert [str(slot) for slot in state_then(desk.project, then, "numbers").shown] == ["numbers"]


def test_the_status_document_as_of_a_moment(hw, desk: Desk, then: str) -> None:
    desk.close()
    document = hw("status", "--as-of", then, "--json", at=desk.root).document

    assert document["counts"] == {"published": 2}
    assert set(document["slots"][0]) == {
        "asset", "partition", "state", "materialization", "created", "run", "rows", "accepted"
    }  # fmt: skip


def test_the_status_text_as_of_a_moment(hw, desk: Desk, then: str) -> None:
    desk.close()

    assert "2 slots, 2 published" in hw("status", "--as-of", then, at=desk.root).out
    assert hw("status", "--as-of", then, "--why", at=desk.root).status == 2
    assert hw("status", "--as-of", "yesterdayish", at=desk.root).status == 2


@pytest.mark.parametrize("words", [("data", "doubled"), ("lineage", "doubled:n")])
def test_commands_take_a_moment(hw, desk: Desk, then: str, words: tuple[str, ...]) -> None:
    desk.close()

    assert hw(*words, "--as-of", then, at=desk.root).out != hw(*words, at=desk.root).out


# -- partitions -----------------------------------------------------------------------------------------------------

TEN = 'Daily("2024-01-01", "2024-01-11")'
DAYS = [f"2024-01-{day:02d}" for day in range(1, 11)]


def define(desk: Desk, partitions: str) -> None:
    desk.define(
        f"""
        from headwater import Context, Cron, Dynamic, Multi, Static, Weekly, Yearly

        @asset(key="a", partitions={partitions})
        def a(context: Context) -> pl.DataFrame:
            return pl.DataFrame({{"k": [context.partition.key if context.partition else "whole"]}})

        @asset(key="other")
        def other() -> pl.DataFrame:
            return pl.DataFrame({{"n": [1]}})
        """
    )


def made(desk: Desk, partitions: str, partition: str | None = None) -> str:
    """Makes the asset with a definition; gives a moment after it, and before whatever comes next."""
    define(desk, partitions)
    desk.materialize("a", partition=partition)
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    return moment


def keys(desk: Desk, as_of: str | None = None) -> list[str]:
    return desk.project.scan("a", as_of=as_of).collect()["k"].to_list()


@pytest.mark.parametrize(
    "definitions",
    [
        [TEN, 'Monthly("2024-01", "2024-03")', 'Yearly("2024-01-01", "2025-01-01")'],
        [TEN, "None", TEN.replace("2024-01-01", "2023-12-25").replace("2024-01-11", "2023-12-30")],
        ["None", 'Static(["DE", "EU"])', 'Multi(day=Daily("2024-01-01", "2024-01-03"), at=Static(["DE", "EU"]))'],
        ['Weekly("2024-01-01", "2024-02-05")', 'Weekly("2024-01-03", "2024-02-07")', TEN],
        [
            'Cron("0 6 * * MON-FRI", "2024-01-01", "2024-01-10")',
            'Cron("0 7 * * MON-FRI", "2024-01-01", "2024-01-10")',
            'Monthly("2024-01", "2024-02")',
        ],
    ],
    ids=["ever longer", "with, without and with again", "ever more dimensions", "weeks", "cron"],
)  # fmt: skip
def test_data_as_of_a_moment_has_the_slots_of_the_definition_of_then(desk: Desk, definitions: list[str]) -> None:
    moments, then = [], []
    for one in definitions:
        moments.append(made(desk, one))
        then.append(keys(desk))
    assert then[-1]
    assert [keys(desk, moment) for moment in moments] == then
    assert keys(desk, datetime.now(UTC).isoformat()) == then[-1]


def test_data_as_of_a_moment_has_the_keys_that_were_there(desk: Desk) -> None:
    define(desk, 'Dynamic("customers")')
    desk.project.add_partitions("customers", ["acme", "beta"])
    two = made(desk, 'Dynamic("customers")')
    desk.project.retire_partitions("customers", ["beta"])
    one = made(desk, 'Dynamic("customers")')
    desk.project.add_partitions("customers", ["gamma"])
    other = made(desk, 'Dynamic("customers")')
    assert [keys(desk, moment) for moment in (two, one, other)] == [["acme", "beta"], ["acme"], ["acme", "gamma"]]
    made(desk, 'Static(["DE"])')
    assert [keys(desk, moment) for moment in (two, one, other)] == [["acme", "beta"], ["acme"], ["acme", "gamma"]]


def test_once_every_key_is_retired_nothing_is_read_as_of_now_either(desk: Desk) -> None:
    define(desk, 'Dynamic("customers")')
    desk.project.add_partitions("customers", ["acme", "gamma"])
    other = made(desk, 'Dynamic("customers")')
    desk.project.retire_partitions("customers", ["acme", "gamma"])
    assert keys(desk, other) == ["acme", "gamma"]
    assert keys(desk, datetime.now(UTC).isoformat()) == keys(desk) == []


def test_of_a_longer_definition_only_what_was_made_by_then_is_read(desk: Desk) -> None:
    made(desk, 'Daily("2024-01-01", "2024-03-01")')
    moment = made(desk, 'Monthly("2024-01", "2024-03")', "2024-02")
    made(desk, 'Monthly("2024-01", "2024-03")')
    assert keys(desk, moment) == ["2024-02"]


def test_another_time_zone_leaves_every_slot_that_the_definition_has(desk: Desk) -> None:
    made(desk, TEN)
    moment = made(desk, TEN.replace(")", ', timezone="America/New_York")'), "2024-01-05")
    desk.materialize("other")
    assert keys(desk, moment) == DAYS


def test_an_environment_that_got_all_at_once_tells_by_what_was_made_last(desk: Desk) -> None:
    made(desk, TEN)
    made(desk, 'Monthly("2024-01", "2024-03")')
    define(desk, TEN)
    desk.materialize("a", force=True)
    desk.project.create_environment("branch")
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    desk.materialize("other")
    with Project.load(desk.root, env="branch") as branch:
        assert branch.scan("a", as_of=moment).collect()["k"].to_list() == DAYS


def test_what_the_records_do_not_tell_of_then_is_said(hw, desk: Desk) -> None:
    long = made(desk, TEN)
    made(desk, 'Daily("2024-01-04", "2024-01-12")')
    assert keys(desk, long) == [*DAYS[3:], *DAYS[:3]]
    desk.close()
    told = hw("data", "a", "--as-of", long, at=desk.root).err
    assert "a showed 3 slots then that its definition does not have now" in told
    assert len(hw("data", "a", "--as-of", long, "--json", at=desk.root).document["warnings"]) == 1
    assert hw("data", "a@2024-01-01", "--as-of", long, "--json", at=desk.root).document["warnings"] == []
    assert hw("data", "a", "--json", at=desk.root).document["warnings"] == []


def test_a_definition_that_came_back_is_not_on_record_and_that_is_said(hw, desk: Desk) -> None:
    made(desk, TEN)
    made(desk, 'Monthly("2024-01", "2024-02")')
    back = made(desk, TEN)
    desk.materialize("other")
    assert (keys(desk), keys(desk, back)) == (DAYS, ["2024-01"])
    desk.close()
    assert "a showed 10 slots then that its definition has now" in hw("data", "a", "--as-of", back, at=desk.root).err
