"""Assets that read their own slot before."""

from __future__ import annotations

from typing import Any

import pytest

from assets_core.asset import Asset, Form, Parameter
from assets_core.errors import DefinitionError, HeadwaterError, UsageError
from assets_core.keys import Slot
from assets_core.partitions import Daily, Static
from assets_core.previous import reverse_errors
from tests.assets_core.plain_project import COLUMNS, Project, carry_out, graph_of, source

DAYS = Daily("2024-01-01", "2024-01-05")
SCHEMA = tuple((name, "Int64") for name in COLUMNS)


def running(**options: Any) -> Asset[..., Any]:
    """An asset that reads a source and its own slot before."""
    given: dict[str, Any] = {"partitions": DAYS, "schema": SCHEMA, "previous": "before", **options}
    return Asset("total", parameters=(Parameter("raw"), Parameter("before", Form.LAZY)), where="t.py:1", **given)


def project() -> Project:
    """Four days, all fresh."""
    return Project(source("raw", partitions=DAYS, partition_by="id"), running()).publish_all()


def test_an_asset_that_reads_itself_so_is_no_circle_and_is_not_upstream_of_itself() -> None:
    graph = graph_of(source("raw", partitions=DAYS, partition_by="id"), running())
    assert list(graph.definitions) == ["raw", "total"]
    assert graph.upstream("total") == ("raw",)
    assert graph.downstream == {"raw": ("total",)}


def test_a_slot_reads_the_slot_before_and_the_first_reads_none() -> None:
    facts = project().facts
    before = facts.graph.inputs["total"][1]
    assert facts.reads(Slot("total", "2024-01-01"), before) == []
    assert facts.reads(Slot("total", "2024-01-03"), before) == [Slot("total", "2024-01-02")]


def test_every_slot_waits_for_the_slot_before_within_a_run() -> None:
    plan = project().plan("total", force=True)
    assert [(str(step.slot), step.after) for step in plan.steps] == [
        ("total@2024-01-01", ()),
        ("total@2024-01-02", (0,)),
        ("total@2024-01-03", (1,)),
        ("total@2024-01-04", (2,)),
    ]


def test_a_change_of_one_day_makes_the_days_after_it_stale_and_none_before() -> None:
    found = project()
    found.publish("raw@2024-01-02", {"x": "2"})
    assert found.states("total") == {
        "total@2024-01-01": "fresh",
        "total@2024-01-02": "stale",
        "total@2024-01-03": "stale",
        "total@2024-01-04": "stale",
    }
    assert [step.may_change for step in found.plan("total").steps] == [False, True, True]


def test_days_after_one_that_comes_out_equal_are_left_alone() -> None:
    found = project()
    found.publish("raw@2024-01-02", {"x": "2"})
    assert carry_out(found, "total") == {
        "total@2024-01-02": "succeeded",
        "total@2024-01-03": "skipped",
        "total@2024-01-04": "skipped",
    }


def test_days_after_one_that_comes_out_otherwise_follow() -> None:
    found = project()
    found.publish("raw@2024-01-02", {"x": "2"})
    ended = carry_out(found, "total", results={f"total@2024-01-0{day}": {"x": f"new {day}"} for day in (2, 3, 4)})
    assert set(ended.values()) == {"succeeded"}
    assert len(ended) == 3


def test_a_day_cannot_be_made_before_the_day_before_it() -> None:
    found = Project(source("raw", partitions=DAYS, partition_by="id"), running())
    for slot in found.facts.slots_of("raw"):
        found.publish(str(slot))
    with pytest.raises(UsageError, match="total reads total@2024-01-02, which was never") as caught:
        found.plan("total", partitions={"total": ["2024-01-03"]})
    assert "begin with the slot before" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"previous": "befor"}, "names 'befor', which is no parameter of the function"),
        ({"partitions": None}, "needs partitions that follow each other in time"),
        ({"partitions": Static(["EU", "US"])}, "needs partitions that follow each other in time"),
        ({"schema": None}, "needs schema=: the first slot reads an empty table of it"),
    ],
)
def test_a_declaration_that_cannot_be_says_why(options: dict[str, Any], said: str) -> None:
    with pytest.raises(HeadwaterError) as caught:
        graph_of(source("raw"), running(**options))
    shown = str(caught.value)
    assert f"HW192 total: previous= {said}" in shown


def test_binding_the_parameter_twice_is_refused() -> None:
    from assets_core.asset import Input

    with pytest.raises(DefinitionError, match="and inputs= both bind 'before'"):
        graph_of(source("raw", partitions=DAYS, partition_by="id"), running(inputs={"before": Input("raw")}))


def test_slots_that_read_the_one_before_cannot_be_made_newest_first() -> None:
    other: Asset[..., Any] = Asset("other")
    errors = list(reverse_errors([running(), other]))
    assert [(one.code, one.what) for one in errors] == [
        ("HW650", "total reads its own slot before, so its slots cannot be made newest first")
    ]
