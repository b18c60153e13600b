"""Held slots: kept as they are, never planned, and no reason for anything below them."""

from __future__ import annotations

import pytest

from assets_core.keys import Slot
from assets_core.staleness import Reason, ReasonCode, SlotState, Verdict
from tests.assets_core.plain_project import Project, code, computed, source

WHY = "rolled back by ada: wrong rates"


def chain() -> Project:
    """raw, then a, b, c, each reading the one before."""
    return Project(source("raw"), computed("a", "raw"), computed("b", "a"), computed("c", "b"))


def held(project: Project, *slots: str) -> Project:
    project.facts.held = {Slot(one): WHY for one in slots}
    return project


def test_a_held_slot_says_why_and_nothing_else_counts() -> None:
    project = held(chain().publish_all(), "b")
    project.derive("b", version=code("other"))
    assert project.judge("b") == Verdict(SlotState.HELD, (Reason(ReasonCode.HELD, WHY),))


@pytest.mark.parametrize("force", [False, True])
def test_a_held_slot_is_never_planned(force: bool) -> None:
    project = held(chain().publish_all(), "b")
    project.derive("b", version=code("other"))
    plan = project.plan("b", force=force)
    assert (plan.steps, plan.warnings) == ((), ("b held as it is: headwater env release lets it go",))


def test_a_held_slot_that_shows_nothing_is_not_missing() -> None:
    project = held(chain().publish_all(), "c")
    del project.facts.published[Slot("c")]
    assert (project.states()["c"], project.plan().steps) == ("held", ())


def test_what_lies_upstream_of_a_held_slot_does_not_reach_beyond_it() -> None:
    project = held(chain().publish_all(), "b")
    project.derive("a", version=code("other"))
    assert project.states() == {"a": "stale", "b": "held", "c": "fresh"}
    assert [str(step.slot) for step in project.plan().steps] == ["a"]


def test_what_reads_a_held_slot_is_made_of_it_as_it_is() -> None:
    project = held(chain().publish_all(), "b")
    project.derive("c", version=code("other"))
    plan = project.plan("c")
    assert [str(step.slot) for step in plan.steps] == ["c"]
    assert plan.warnings == ()


def test_what_reads_a_held_slot_that_shows_nothing_is_left_out_and_named() -> None:
    project = held(chain().publish_all(), "b")
    del project.facts.published[Slot("b")]
    del project.facts.published[Slot("c")]
    plan = project.plan()
    assert plan.steps == ()
    assert "c left out: what it reads is held and shows nothing" in plan.warnings
