"""``all`` means the slots published now and those planned: a key that only the definition has makes nothing stale."""

from __future__ import annotations

import pytest

from assets_core.asset import Input
from assets_core.mappings import all_partitions
from assets_core.partitions import Daily, Monthly, Static
from assets_core.staleness import ReasonCode
from tests.assets_core.plain_project import Project, carry_out, computed, source

TWO, THREE = Static(["EU", "US"]), Static(["EU", "US", "ASIA"])
READERS = ("total", "shares")


def regions(partitions: Static) -> Project:
    """A partitioned asset, and two that read all of it: one without partitions, one with its own."""
    return Project(
        source("raw", partitions=partitions, partition_by="id"),
        computed("a", "raw", partitions=partitions),
        computed("total", "a"),
        computed("shares", Input("a", partitions=all_partitions()), partitions=Monthly("2024-01", "2024-02")),
    )


@pytest.fixture
def grown() -> Project:
    """Everything was published for two regions; now the definition has a third."""
    before = regions(TWO).publish_all()
    after = regions(THREE)
    after.facts.published.update(before.facts.published)
    after._recorded.update(before._recorded)
    return after


def test_a_new_key_in_the_definition_makes_nothing_stale(grown: Project) -> None:
    states = grown.states(*READERS)
    assert set(states.values()) == {"fresh"}
    assert grown.planned(*READERS) == []


def test_once_its_slot_is_published_what_reads_all_is_stale_by_that_slot(grown: Project) -> None:
    grown.publish("raw@ASIA")
    grown.publish("a@ASIA")
    for slot in ("total", "shares@2024-01"):
        (reason,) = grown.judge(slot).reasons
        assert reason.code is ReasonCode.INPUT_SLOTS_CHANGED
        assert reason.message == "a: ASIA new"
        assert reason.details["partitions"] == ["ASIA"]


def test_a_slot_that_is_planned_is_waited_for_and_counts(grown: Project) -> None:
    grown.publish("raw@ASIA")
    plan = grown.plan()
    steps = {str(step.slot): step for step in plan.steps}
    assert list(steps) == ["a@ASIA", "total", "shares@2024-01"]
    assert [plan.steps[place].slot.partition for place in steps["total"].after] == ["ASIA"]
    assert steps["total"].may_change
    assert carry_out(grown) == {"a@ASIA": "succeeded", "total": "succeeded", "shares@2024-01": "succeeded"}
    recipe = grown.facts.published[plan.steps[1].slot].recipe
    assert recipe is not None
    assert {part.partition for one in recipe.inputs for part in one.parts} == {"EU", "US", "ASIA"}


def test_a_day_to_come_is_no_different() -> None:
    days = Daily("2024-01-01")
    found = Project(computed("a", partitions=days), computed("total", "a")).publish_all()
    found.facts.now = found.facts.now.replace(year=found.facts.now.year + 1)
    assert found.states("total") == {"total": "fresh"}
    assert found.planned("total") == []


def test_where_nothing_is_published_all_that_is_defined_is_missing() -> None:
    found = regions(TWO)
    for name in TWO.names:
        found.publish(f"raw@{name}")
    assert found.planned() == ["a@EU", "a@US", "total", "shares@2024-01"]
