"""Assets whose result may differ although nothing known changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assets_core.asset import Asset
from assets_core.declare import asset
from assets_core.durations import duration
from assets_core.errors import DefinitionError
from assets_core.keys import Slot
from assets_core.partitions import Daily
from assets_core.staleness import ReasonCode
from tests.assets_core.plain_project import Project, computed, source


def volatile(age: timedelta, **options: object) -> list[ReasonCode]:
    """The reasons of a volatile asset whose result was made so long ago."""
    project = Project(source("raw"), computed("a", "raw", volatile=True, **options))
    project.publish("raw")
    made = project.publish("a")
    project.facts.now = made.created + age
    return project.reasons("a")


def test_a_volatile_asset_is_stale_in_every_plan() -> None:
    assert volatile(timedelta()) == [ReasonCode.VOLATILE]


@pytest.mark.parametrize(("hours", "reasons"), [(5, []), (6, [ReasonCode.VOLATILE]), (7, [ReasonCode.VOLATILE])])
def test_a_volatile_asset_with_a_maximum_age_is_fresh_until_then(hours: int, reasons: list[ReasonCode]) -> None:
    assert volatile(timedelta(hours=hours), max_age=timedelta(hours=6)) == reasons


def test_a_slot_made_long_enough_after_the_end_of_its_partition_is_final() -> None:
    days = Daily("2012-01-01", "2012-01-03")
    project = Project(computed("a", volatile=True, final_after=timedelta(days=2), partitions=days))
    project.publish("a@2012-01-01")
    assert project.reasons("a@2012-01-01") == []


def test_a_slot_made_before_its_partition_is_final_stays_stale() -> None:
    days = Daily("2020-01-01", "2100-01-03")
    project = Project(computed("a", volatile=True, final_after=timedelta(days=2), partitions=days))
    project.publish("a@2099-01-01")
    assert project.judge("a@2099-01-01").reasons[0].code is ReasonCode.VOLATILE
    assert Slot("a", "2099-01-01") in project.facts.published


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
        ("0h", timedelta()),
        ("0", timedelta()),
        ("90d", timedelta(days=90)),
    ],
)
def test_lengths_of_time_are_a_number_and_a_unit(text: str, found: timedelta) -> None:
    assert duration(text, what="max_age") == found


@pytest.mark.parametrize("text", ["", "6", "h", "-1h", "1.5h", "6 hours", "1e9d", "999999d"])
def test_anything_else_is_no_length_of_time(text: str) -> None:
    with pytest.raises(DefinitionError, match="max_age") as caught:
        duration(text, what="max_age")
    assert caught.value.code == "HW127"


def test_an_age_without_volatile_is_refused() -> None:
    with pytest.raises(DefinitionError) as caught:

        @asset(key="a", max_age="6h")
        def a() -> None: ...

    assert caught.value.code == "HW128"


def test_a_declared_age_is_a_length_of_time() -> None:
    @asset(key="a", volatile=True, max_age="6h", final_after="2d")
    def a() -> None: ...

    assert isinstance(a, Asset)
    assert (a.max_age, a.final_after) == (timedelta(hours=6), timedelta(days=2))
