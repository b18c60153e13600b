"""Accepted slots: made by older code that somebody accepted, and so nothing to do while nothing else differs."""

from __future__ import annotations

from datetime import UTC, datetime

from assets_core.keys import Slot
from assets_core.published import pack_id
from assets_core.records import Acceptance
from assets_core.staleness import ReasonCode, SlotState
from tests.assets_core.plain_project import Project, code, computed, source


def chain() -> Project:
    """raw, then a, b, c, each reading the one before; b's code is another than what made it, and that was accepted."""
    project = Project(source("raw"), computed("a", "raw"), computed("b", "a"), computed("c", "b")).publish_all()
    project.derive("b", version=code("other"))
    made = project.facts.published[Slot("b")]
    accepted = Acceptance(code("other"), "run", "ada", datetime(2026, 11, 20, tzinfo=UTC), "from July")
    project.facts.accepted = {pack_id(made.id): (accepted,)}
    return project


def test_an_accepted_slot_says_who_and_why() -> None:
    verdict = chain().judge("b")
    assert (verdict.state, [one.code for one in verdict.reasons]) == (SlotState.ACCEPTED, [ReasonCode.ACCEPTED])
    assert "accepted 2026-11-20 00:00 UTC by ada: from July" in verdict.reasons[0].message


def test_other_code_than_what_was_accepted_makes_it_stale() -> None:
    project = chain()
    project.derive("b", version=code("third"))
    assert [one.code for one in project.judge("b").reasons] == [ReasonCode.CODE_CHANGED]


def test_any_other_difference_makes_it_stale() -> None:
    project = chain()
    project.facts.absent.add(Slot("b"))
    assert project.judge("b").state is SlotState.STALE


def test_another_materialization_is_not_accepted() -> None:
    project = chain()
    project.facts.accepted = {pack_id("another"): next(iter(project.facts.accepted.values()))}
    assert project.judge("b").state is SlotState.STALE


def test_nothing_is_planned_and_the_plan_says_what_stays() -> None:
    plan = chain().plan("a", "b", "c")
    assert plan.steps == ()
    assert [(slots.asset, reason.code) for slots, reason in plan.accepted] == [("b", ReasonCode.ACCEPTED)]


def test_for_what_reads_it_it_is_fresh() -> None:
    assert chain().states("a", "b", "c") == {"a": "fresh", "b": "accepted", "c": "fresh"}


def test_it_is_planned_where_what_it_reads_is_made_anew() -> None:
    project = chain()
    project.derive("a", version=code("other"))
    plan = project.plan("a", "b", "c")
    assert [(step.slot.asset, step.may_change) for step in plan.steps] == [("a", False), ("b", True), ("c", True)]
    assert plan.accepted == ()


def test_it_is_stale_while_what_it_reads_is() -> None:
    project = chain()
    project.derive("a", version=code("other"))
    assert project.states("a", "b", "c") == dict.fromkeys("abc", "stale")


def test_force_plans_it() -> None:
    assert [step.slot.asset for step in chain().plan("b", force=True).steps] == ["b"]
