"""Which planned slots come together in a batch."""

from __future__ import annotations

import pytest

from assets_core.asset import Input, Run
from assets_core.mappings import all_partitions
from assets_core.partitions import Daily, Hourly, Monthly, Static
from tests.assets_core.plain_project import Project, computed, source

DAYS = Daily("2024-01-28", "2024-02-04")


def batches(project: Project, *keys: str) -> list[list[str]]:
    """The slots of each batch of the plan."""
    plan = project.plan(*keys)
    return [[str(plan.steps[place].slot) for place in places] for places in plan.batches]


def daily(batch: int | str | None, *reads: str | Input) -> Project:
    """A daily asset over a source, the source observed."""
    project = Project(
        source("raw", partitions=DAYS, partition_by="id"),
        source("names"),
        computed("a", *(reads or ("raw",)), partitions=DAYS, partition_by="id", run=Run(batch=batch)),
    )
    for day in DAYS.keys(project.facts.now):
        project.publish(f"raw@{day}")
    project.publish("names")
    return project


def test_without_a_batch_every_slot_is_a_call_of_its_own() -> None:
    assert batches(daily(None)) == []
    assert batches(daily(1)) == []


def test_a_number_takes_so_many_neighbours_at_most() -> None:
    assert batches(daily(3)) == [
        ["a@2024-01-28", "a@2024-01-29", "a@2024-01-30"],
        ["a@2024-01-31", "a@2024-02-01", "a@2024-02-02"],
    ]
    assert [len(one) for one in batches(daily(200))] == [7]


@pytest.mark.parametrize(
    ("window", "sizes"), [("day", []), ("week", [6]), ("month", [4, 3]), ("quarter", [7]), ("year", [7])]
)
def test_a_window_takes_the_slots_that_begin_in_it(window: str, sizes: list[int]) -> None:
    assert [len(one) for one in batches(daily(window))] == sizes  # 2024-01-28 is a Sunday and so alone in its week


def test_a_window_is_one_of_the_calendar_of_the_definition() -> None:
    """Local midnight of New York is another day, and here another month, in UTC."""
    days = Daily("2024-01-30", "2024-02-02", timezone="Asia/Tokyo")
    project = Project(computed("a", partitions=days, partition_by="id", run=Run(batch="month")))
    assert batches(project) == [["a@2024-01-30", "a@2024-01-31"]]


def test_fresh_slots_between_others_are_left_out_of_a_batch() -> None:
    project = daily(200)
    for day in ("2024-01-29", "2024-01-30"):
        project.publish(f"a@{day}")
    assert batches(project) == [
        ["a@2024-01-28", "a@2024-01-31", "a@2024-02-01", "a@2024-02-02", "a@2024-02-03"],
    ]


def test_inputs_that_are_read_whole_by_every_slot_do_not_keep_slots_apart() -> None:
    project = daily(200, "raw", "names")
    assert [len(one) for one in batches(project)] == [7]
    whole = daily(200, Input("raw", partitions=all_partitions()))
    assert [len(one) for one in batches(whole)] == [7]


def test_slots_that_share_a_part_of_an_input_are_not_computed_together() -> None:
    """An hour reads its day: the hours of one day come together, and no two days."""
    hours = Hourly("2024-01-28", "2024-01-30")
    project = Project(
        source("raw", partitions=DAYS, partition_by="id"),
        computed("a", "raw", partitions=hours, partition_by="id", run=Run(batch=1000)),
    )
    for day in DAYS.keys(project.facts.now):
        project.publish(f"raw@{day}")
    assert [len(one) for one in batches(project)] == [24, 24]


def test_a_month_that_reads_its_days_can_be_batched() -> None:
    months = Monthly("2024-01", "2024-04")
    project = Project(
        source("raw", partitions=Daily("2024-01-01", "2024-04-01"), partition_by="id"),
        computed("a", "raw", partitions=months, partition_by="id", run=Run(batch="year")),
    )
    for slot in project.facts.slots_of("raw"):
        project.publish(str(slot))
    assert batches(project) == [["a@2024-01", "a@2024-02", "a@2024-03"]]


def test_names_are_batched_by_number() -> None:
    regions = Static(["EU", "US", "ASIA"])
    project = Project(computed("a", partitions=regions, partition_by="id", run=Run(batch=2)))
    assert batches(project) == [["a@EU", "a@US"]]


def test_steps_wait_for_what_their_own_slot_reads_and_not_for_the_batch() -> None:
    project = Project(
        computed("a", partitions=DAYS, partition_by="id", run=Run(batch=3)),
        computed("b", "a", partitions=DAYS),
    )
    plan = project.plan()
    readers = [step.after for step in plan.steps if step.slot.asset == "b"]
    assert readers == [(place,) for place in range(7)]
