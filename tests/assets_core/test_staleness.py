"""Staleness: every reason appears exactly when it should, and equal content makes nothing stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets_core import check
from assets_core.asset import Input
from assets_core.check import CheckResult, Severity
from assets_core.facts import make_recipe
from assets_core.keys import Slot
from assets_core.mappings import window
from assets_core.partitions import Daily
from assets_core.staleness import Reason, ReasonCode, SlotState, Verdict
from assets_core.versions import CodeVersion, DataVersion
from tests.assets_core.plain_project import Project, code, computed, failing, passing, source

R = ReasonCode
DAYS = Daily("2013-01-01", "2013-01-06")


def pair(**options: object) -> Project:
    """``raw`` is read by ``a``, which reads the column x only; all is fresh."""
    project = Project(source("raw"), computed("a", "raw", **options))
    project.derive("a", reads={"raw": ("x",)})
    return project.publish_all()


def whole(**options: object) -> Project:
    """``raw`` is read whole by ``a``; all is fresh."""
    return Project(source("raw"), computed("a", "raw", **options)).publish_all()


def daily(*reads: str | Input) -> Project:
    """``raw`` and ``a`` by the day; all is fresh."""
    up = source("raw", partitions=DAYS, partition_by="day")
    return Project(up, computed("a", *(reads or ("raw",)), partitions=DAYS)).publish_all()


def only(verdict: Verdict) -> Reason:
    [reason] = verdict.reasons
    return reason


# --- fresh and missing


def test_a_slot_whose_recipe_would_be_the_same_is_fresh() -> None:
    assert pair().judge("a") == Verdict(SlotState.FRESH)


def test_a_slot_that_was_never_published_is_missing() -> None:
    project = Project(source("raw"), computed("a", "raw"))
    project.publish("raw")
    assert (project.judge("a").state, project.reasons("a")) == (SlotState.MISSING, [R.MISSING])


def test_a_fresh_slot_is_fresh_on_another_day() -> None:
    project = pair()
    project.facts.now = project.facts.now.replace(year=2033)
    assert project.reasons("a") == []


# --- code


def test_another_plan_is_a_change_of_code() -> None:
    project = pair()
    project.derive("a", version=code("other"), reads={"raw": ("x",)})
    reason = only(project.judge("a"))
    assert (reason.code, reason.details["asset"]) == (R.CODE_CHANGED, "a")
    assert "comes out otherwise although its source is the same" in reason.message


def test_a_change_of_code_says_what_changed_where_that_is_known() -> None:
    project = pair()
    project.derive("a", version=code("other"), reads={"raw": ("x",)})
    project.facts.code_changes = lambda made: ["function clean in helpers.py changed"]
    assert only(project.judge("a")).message == "code of a changed: function clean in helpers.py changed"


def test_code_that_cannot_be_compared_counts_as_changed() -> None:
    project = pair()
    project.derive("a", version=CodeVersion(plan="a", plan_scheme="other"), reads={"raw": ("x",)})
    assert project.reasons("a") == [R.CODE_CHANGED]


def test_an_upgrade_with_equal_source_is_no_change_of_code() -> None:
    project = Project(source("raw"), computed("a", "raw"))
    project.derive("a", version=CodeVersion(plan="p1", plan_scheme="1", source="s"))
    project.publish_all()
    project.derive("a", version=CodeVersion(plan="p2", plan_scheme="2", source="s"))
    assert project.reasons("a") == []


# --- input data


def test_a_column_that_is_read_and_changed_is_named() -> None:
    project = pair()
    after = project.publish("raw", {"x": "2"})
    reason = only(project.judge("a"))
    assert (reason.code, reason.message) == (R.INPUT_CHANGED, "raw: x changed")
    assert reason.details == {
        "input": "raw", "asset": "raw", "partition": None, "columns": ["x"], "before": "m1", "after": after.id,
    }  # fmt: skip


def test_a_column_that_nobody_reads_makes_nothing_stale() -> None:
    project = pair()
    project.publish("raw", {"y": "2"})
    assert project.reasons("a") == []


def test_a_new_column_that_nobody_reads_makes_nothing_stale() -> None:
    project = pair()
    project.publish("raw", {"z": "1"})
    assert project.reasons("a") == []


def test_equal_content_under_another_id_makes_nothing_stale() -> None:
    project = pair()
    project.publish("raw")
    assert project.reasons("a") == []


def test_another_number_of_rows_is_a_change_even_if_every_column_read_is_equal() -> None:
    project = pair()
    project.publish("raw", rows=11)
    assert only(project.judge("a")).details["columns"] == ["*"]


def test_a_reader_of_the_row_count_alone_sees_only_that() -> None:
    project = Project(source("raw"), computed("a", "raw"))
    project.derive("a", reads={"raw": ()})
    project.publish_all()
    project.publish("raw", {"x": "2", "y": "2"})
    assert project.reasons("a") == []
    project.publish("raw", rows=11)
    assert project.reasons("a") == [R.INPUT_CHANGED]


def test_an_input_without_read_set_is_read_whole() -> None:
    project = whole()
    project.publish("raw", {"y": "2"})
    assert only(project.judge("a")).details["columns"] == ["y"]


def test_back_to_the_old_content_is_fresh_again() -> None:
    project = pair()
    project.publish("raw", {"x": "2"})
    project.publish("raw")
    assert project.reasons("a") == []


def test_a_change_is_seen_although_the_old_record_is_gone() -> None:
    project = pair()
    project.publish("raw", {"x": "2"})
    project.facts.recorded = {}
    assert only(project.judge("a")).details["columns"] == ["x"]


def test_equal_content_needs_no_old_record() -> None:
    project = pair()
    project.publish("raw")
    project.facts.recorded = {}
    assert project.reasons("a") == []


def test_a_version_that_cannot_be_computed_counts_as_changed() -> None:
    project = pair()
    project.publish("raw", key=(), projections={})
    assert project.reasons("a") == [R.INPUT_CHANGED]


def test_a_column_that_neither_version_knows_counts_as_changed() -> None:
    project = pair()
    nothing = DataVersion("test-1", 10, ("id",))
    before = project.facts.published[Slot("raw")]
    project.publish("raw", version=nothing)
    project.facts.recorded = {before.id: replace(before, version=nothing)}
    assert only(project.judge("a")).details["columns"] == ["x"]


# --- the read set


def test_a_read_set_that_grew_without_a_change_of_code_makes_nothing_stale_if_the_columns_are_equal() -> None:
    project = pair()
    project.derive("a", reads={"raw": ("x", "y")})
    assert project.reasons("a") == []
    project.publish("raw")
    assert project.reasons("a") == []


def test_a_read_set_that_grew_sees_the_new_column_change() -> None:
    project = pair()
    project.derive("a", reads={"raw": ("x", "y")})
    project.publish("raw", {"y": "2"})
    assert only(project.judge("a")).details["columns"] == ["y"]


def test_a_read_set_that_shrank_without_a_change_of_code_makes_nothing_stale() -> None:
    project = whole()
    project.derive("a", reads={"raw": ("x",)})
    project.publish("raw", {"y": "2"})
    assert project.reasons("a") == []


def test_a_read_set_that_grew_counts_as_changed_if_nobody_knows_what_was_there() -> None:
    project = pair()
    project.derive("a", reads={"raw": ("x", "y")})
    project.publish("raw")
    project.facts.recorded = {}
    assert project.reasons("a") == [R.INPUT_CHANGED]


# --- the schema of an input


def test_another_type_of_a_column_read_is_a_change_of_schema() -> None:
    project = pair()
    project.publish("raw", types={"x": "String"})
    reason = only(project.judge("a"))
    assert (reason.code, reason.message) == (R.INPUT_SCHEMA_CHANGED, "type of raw: x changed")


def test_another_type_of_a_column_that_nobody_reads_makes_nothing_stale() -> None:
    project = pair()
    project.publish("raw", types={"y": "String"})
    assert project.reasons("a") == []


def test_a_column_read_that_is_gone_is_a_change_of_schema() -> None:
    project = pair()
    project.publish("raw", {"x": ""})
    assert only(project.judge("a")).message == "raw has no x any more"


def test_a_column_gone_from_an_input_that_is_read_whole_is_a_change_of_schema() -> None:
    project = whole()
    project.publish("raw", {"y": ""})
    assert only(project.judge("a")).message == "raw has no y any more"


def test_a_column_added_to_an_input_that_is_read_whole_makes_its_reader_stale() -> None:
    project = whole()
    project.publish("raw", {"z": "1"})
    assert only(project.judge("a")).details["columns"] == ["z"]


def test_another_order_of_the_columns_read_is_a_change_of_schema() -> None:
    project = whole()
    before = project.facts.published[Slot("raw")]
    project.publish("raw", schema=before.schema[::-1])
    assert only(project.judge("a")).message == "order of the columns of raw changed"


def test_a_column_that_nobody_reads_may_be_gone() -> None:
    project = pair()
    project.publish("raw", {"y": ""})
    assert project.reasons("a") == []


# --- which slots are read


def test_an_input_that_is_no_longer_published_is_missing() -> None:
    project = pair()
    project.derive("a", reads={"raw": ("x",)})
    del project.facts.published[Slot("raw")]
    reason = only(project.judge("a"))
    assert (reason.code, reason.message) == (R.INPUT_MISSING, "raw is not published")


def test_an_input_that_vanished_without_a_declared_schema_is_missing_too() -> None:
    project = whole()
    project.facts.published.pop(Slot("raw"))
    assert project.reasons("a") == [R.INPUT_MISSING]


def test_another_asset_under_the_same_name_is_a_change_of_slots() -> None:
    project = Project(source("raw"), source("old"), computed("a", "raw")).publish_all()
    made = project.facts.published[Slot("a")]
    assert made.recipe is not None
    inputs = (replace(made.recipe.inputs[0], asset="old"),)
    project.facts.published[Slot("a")] = replace(made, recipe=replace(made.recipe, inputs=inputs))
    assert only(project.judge("a")).message == "input raw is now raw, was old"


def test_an_input_that_was_not_read_before_is_a_change_of_slots() -> None:
    project = pair()
    made = project.facts.published[Slot("a")]
    assert made.recipe is not None
    project.facts.published[Slot("a")] = replace(made, recipe=replace(made.recipe, inputs=()))
    assert only(project.judge("a")).message == "input raw is now raw, was nothing"


def test_an_input_that_is_no_longer_read_is_a_change_of_slots_even_if_the_code_is_pinned() -> None:
    project = pair()
    made = project.facts.published[Slot("a")]
    assert made.recipe is not None
    more = replace(made.recipe.inputs[0], name="other")
    project.facts.published[Slot("a")] = replace(made, recipe=replace(made.recipe, inputs=(*made.recipe.inputs, more)))
    assert only(project.judge("a")).message == "input other is no longer read, was raw"


def test_a_change_of_one_day_makes_only_that_day_stale() -> None:
    project = daily()
    project.publish("raw@2013-01-03", {"x": "2"})
    stale = [str(slot) for slot in project.facts.slots_of("a") if project.reasons(str(slot))]
    assert stale == ["a@2013-01-03"]


def test_a_change_of_one_day_is_seen_by_every_window_over_it() -> None:
    project = daily(Input("raw", partitions=window(-1, 0)))
    project.publish("raw@2013-01-03", {"x": "2"})
    stale = [str(slot) for slot in project.facts.slots_of("a") if project.reasons(str(slot))]
    assert stale == ["a@2013-01-03", "a@2013-01-04"]


def test_a_new_slot_of_an_input_that_is_read_whole_is_new_once_it_is_published() -> None:
    project = Project(computed("up", partitions=Daily("2013-02-27")), computed("a", "up")).publish_all()
    project.facts.now = project.facts.now.replace(day=2)
    assert project.reasons("a") == []
    project.publish("up@2013-03-01")
    assert only(project.judge("a")).message == "up: 2013-03-01 new"


def test_a_slot_that_an_input_no_longer_has_is_no_longer_read() -> None:
    project = Project(computed("up", partitions=DAYS), computed("a", "up")).publish_all()
    del project.facts.published[Slot("up", "2013-01-03")]
    assert only(project.judge("a")).message == "up: 2013-01-03 no longer read"


# --- everything else in a recipe


@pytest.mark.parametrize(("before", "after", "words"), [("1", "2", "from 1 to 2"), ("1", None, "from 1 to unset")])
def test_another_config_value_is_named(before: str, after: str | None, words: str) -> None:
    project = Project(source("raw"), computed("a", "raw"))
    project.derive("a", config={"low": before})
    project.publish_all()
    project.derive("a", config={} if after is None else {"low": after})
    reason = only(project.judge("a"))
    assert (reason.code, reason.message) == (R.CONFIG_CHANGED, f"config low changed {words}")


def test_another_setting_is_named() -> None:
    project = pair()
    project.derive("a", reads={"raw": ("x",)}, settings={"engine": '"new"'})
    reason = only(project.judge("a"))
    assert (reason.code, reason.details) == (
        R.SETTINGS_CHANGED,
        {"name": "engine", "before": None, "after": '"new"'},
    )


def test_another_window_of_the_same_key_is_a_reason() -> None:
    project = daily()
    berlin = replace(DAYS, timezone="Europe/Berlin")
    moved = Project(source("raw", partitions=berlin, partition_by="day"), computed("a", "raw", partitions=berlin))
    moved.facts.published.update(project.facts.published)
    assert moved.reasons("a@2013-01-03") == [R.WINDOW_CHANGED]


def test_stored_data_that_is_gone_is_a_reason() -> None:
    project = pair()
    project.facts.absent.add(Slot("a"))
    assert project.reasons("a") == [R.OUTPUT_MISSING]


def test_a_volatile_asset_is_never_fresh() -> None:
    assert pair(volatile=True).reasons("a") == [R.VOLATILE]


def test_several_differences_are_several_reasons() -> None:
    project = pair()
    project.derive("a", version=code("other"), reads={"raw": ("x",)}, config={"low": "1"})
    project.facts.code_changes = lambda made: ["function clean in helpers.py changed"]
    project.publish("raw", {"x": "2"})
    assert project.reasons("a") == [R.CODE_CHANGED, R.CONFIG_CHANGED, R.INPUT_CHANGED]


def test_a_plan_that_differs_by_the_values_of_its_config_alone_is_no_other_code() -> None:
    project = pair()
    project.derive("a", version=code("other"), reads={"raw": ("x",)}, config={"low": "1"})
    assert project.reasons("a") == [R.CONFIG_CHANGED]


# --- deps


def after_dep() -> Project:
    return Project(source("raw"), computed("first"), computed("a", "raw", deps=("first",))).publish_all()


def test_a_dep_with_equal_content_makes_nothing_stale() -> None:
    project = after_dep()
    project.publish("first")
    assert project.reasons("a") == []


def test_any_change_of_a_dep_makes_stale_because_nobody_knows_what_is_read() -> None:
    project = after_dep()
    project.publish("first", {"y": "2"})
    assert only(project.judge("a")).message == "first changed"


def test_a_dep_that_was_added_is_a_reason() -> None:
    before = Project(source("raw"), computed("first"), computed("a", "raw")).publish_all()
    now = after_dep()
    now.facts.published = before.facts.published
    assert only(now.judge("a")).message == "now ordered after first"


def test_a_dep_that_was_dropped_is_a_reason() -> None:
    now = Project(source("raw"), computed("first"), computed("a", "raw"))
    now.facts.published = after_dep().facts.published
    assert only(now.judge("a")).message == "no longer ordered after first"


def test_a_dep_that_is_not_published_is_missing() -> None:
    project = after_dep()
    del project.facts.published[Slot("first")]
    assert project.reasons("a") == [R.INPUT_MISSING]


# --- checks

NOT_NULL = check.not_null("x")
WARNING = check.not_null("x", severity="warn")


@pytest.mark.parametrize(
    ("declared", "results", "reasons"),
    [
        (NOT_NULL, (passing(NOT_NULL),), []),
        (NOT_NULL, (), [R.CHECK_OUTSTANDING]),
        (NOT_NULL, (failing(NOT_NULL),), [R.CHECK_OUTSTANDING]),
        (NOT_NULL, (passing(check.not_null("other")),), [R.CHECK_OUTSTANDING]),
        (WARNING, (), []),
        (WARNING, (failing(WARNING),), []),
        (None, (failing(NOT_NULL),), []),
    ],
)
def test_a_blocking_check_that_has_not_passed_on_this_data_is_outstanding(
    declared: check.Check | None, results: tuple[CheckResult, ...], reasons: list[ReasonCode]
) -> None:
    project = pair(checks=() if declared is None else (declared,))
    project.publish("a", checks=results)
    assert project.reasons("a") == reasons


def test_a_check_whose_arguments_changed_under_its_name_has_not_run_yet() -> None:
    before, now = check.between("x", 0, 9, name="x is plausible"), check.between("x", 0, 5, name="x is plausible")
    project = pair(checks=(now,))
    project.publish("a", checks=(passing(before),))
    assert project.reasons("a") == [R.CHECK_OUTSTANDING]


def blocked(*declared: check.Check, published: bool = True) -> Project:
    """A change of code gave a result that ``NOT_NULL`` stopped; ``declared`` are the checks now."""
    project = Project(source("raw"), computed("a", "raw", checks=declared))
    project.publish("raw")
    if published:
        project.publish("a", checks=(passing(NOT_NULL),))
    project.derive("a", version=code("other"))
    project.set_aside("a", NOT_NULL)
    return project


def test_a_result_that_was_set_aside_blocks_its_slot() -> None:
    project = blocked(NOT_NULL)
    assert (project.judge("a").state, project.reasons("a")) == (SlotState.BLOCKED, [R.CODE_CHANGED, R.CHECK_FAILED])


def test_a_slot_that_never_showed_anything_can_be_blocked() -> None:
    project = blocked(NOT_NULL, published=False)
    assert (project.judge("a").state, project.reasons("a")) == (SlotState.BLOCKED, [R.MISSING, R.CHECK_FAILED])


def test_a_blocked_slot_names_the_checks_and_the_result_that_was_set_aside() -> None:
    project = blocked(NOT_NULL)
    aside = project.facts.aside[Slot("a")]
    assert project.judge("a").reasons[-1].details == {"names": [NOT_NULL.name], "materialization": aside.id}


def test_a_new_change_unblocks_because_the_result_may_be_another() -> None:
    project = blocked(NOT_NULL)
    project.derive("a", version=code("third"))
    assert (project.judge("a").state, project.reasons("a")) == (SlotState.STALE, [R.CODE_CHANGED])


def test_new_input_data_unblocks_because_the_result_may_be_another() -> None:
    project = blocked(NOT_NULL)
    project.publish("raw", {"x": "2"})
    assert project.judge("a").state is SlotState.STALE


def test_going_back_to_the_old_code_leaves_the_old_data_fresh() -> None:
    project = blocked(NOT_NULL)
    project.derive("a")
    assert project.judge("a").state is SlotState.FRESH


@pytest.mark.parametrize("declared", [(), (WARNING,)], ids=["removed", "only warns"])
@pytest.mark.parametrize(("published", "state"), [(True, SlotState.STALE), (False, SlotState.MISSING)])
def test_a_relaxed_check_blocks_no_longer(declared: tuple[check.Check, ...], published: bool, state: SlotState) -> None:
    project = blocked(*declared, published=published)
    assert (project.judge("a").state, R.CHECK_FAILED in project.reasons("a")) == (state, False)


def test_a_slot_stays_blocked_while_one_of_its_failed_checks_still_blocks() -> None:
    unique = check.unique("id")
    project = blocked(unique)
    project.set_aside("a", NOT_NULL, unique)
    assert project.judge("a").reasons[-1].details["names"] == [unique.name]


# --- recipes and reasons are one matter


def test_a_slot_is_fresh_exactly_if_its_recipe_would_be_the_same() -> None:
    changes = {
        "nothing": lambda p: None,
        "equal content": lambda p: p.publish("raw"),
        "column read": lambda p: p.publish("raw", {"x": "2"}),
        "column not read": lambda p: p.publish("raw", {"y": "2"}),
        "rows": lambda p: p.publish("raw", rows=11),
        "code": lambda p: p.derive("a", version=code("other"), reads={"raw": ("x",)}),
        "config": lambda p: p.derive("a", reads={"raw": ("x",)}, config={"low": "1"}),
        "setting": lambda p: p.derive("a", reads={"raw": ("x",)}, settings={"engine": "1"}),
        "type": lambda p: p.publish("raw", types={"x": "String"}),
    }
    for name, change in changes.items():
        project = pair()
        change(project)
        recipe, shown = make_recipe(Slot("a"), project.facts), project.facts.published[Slot("a")].recipe
        assert recipe is not None
        assert shown is not None
        assert (name, recipe.id == shown.id) == (name, not project.reasons("a"))


def test_a_recipe_is_unknown_while_an_input_is_missing() -> None:
    project = Project(source("raw"), computed("a", "raw"))
    assert make_recipe(Slot("a"), project.facts) is None


def test_a_reason_as_json_carries_code_message_and_details() -> None:
    reason = Reason(R.CODE_CHANGED, "code of a changed", {"asset": "a"})
    assert reason.as_dict() == {"code": "code_changed", "message": "code of a changed", "asset": "a"}


def test_severity_of_the_recorded_result_does_not_matter_for_what_blocks_now() -> None:
    project = pair(checks=(NOT_NULL,))
    project.publish("a", checks=(replace(passing(NOT_NULL), severity=Severity.WARN),))
    assert project.reasons("a") == []
