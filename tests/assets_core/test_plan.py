"""The plan: exactly the steps that make a selection fresh, and how far a change reaches when it is carried out."""

from __future__ import annotations

import time

import pytest

from assets_core import check
from assets_core.asset import Input, Out
from assets_core.declare import multi_asset
from assets_core.errors import ProjectError, UsageError
from assets_core.graph import build
from assets_core.keys import Slot
from assets_core.mappings import window
from assets_core.partitions import Daily, Monthly
from assets_core.planning import states
from assets_core.staleness import ReasonCode
from tests.assets_core.plain_project import Project, carry_out, code, computed, source

R = ReasonCode
DAYS = Daily("2013-01-01", "2013-01-04")


def chain() -> Project:
    """raw -> a -> b -> c; every reader reads x only."""
    project = Project(source("raw"), computed("a", "raw"), computed("b", "a"), computed("c", "b"))
    for key, upstream in (("a", "raw"), ("b", "a"), ("c", "b")):
        project.derive(key, reads={upstream: ("x",)})
    return project


def recoded(project: Project, key: str, upstream: str) -> Project:
    project.derive(key, version=code("other"), reads={upstream: ("x",)})
    return project


# --- which steps


def test_what_was_never_made_is_planned_in_working_order() -> None:
    project = chain()
    project.publish("raw")
    assert project.planned() == ["a", "b", "c"]


def test_when_nothing_changed_nothing_is_planned() -> None:
    assert chain().publish_all().planned() == []


def test_every_step_comes_after_those_whose_results_it_reads() -> None:
    project = Project(source("raw"), computed("a", "raw"), computed("b", "raw"), computed("c", "a", "b"))
    project.publish("raw")
    assert [step.after for step in project.plan().steps] == [(), (), (0, 1)]


def test_a_change_of_code_plans_the_asset_and_what_may_change_below() -> None:
    plan = recoded(chain().publish_all(), "a", "raw").plan()
    assert [(str(step.slot), step.may_change) for step in plan.steps] == [("a", False), ("b", True), ("c", True)]


def test_a_step_that_may_change_says_through_which_columns() -> None:
    step = recoded(chain().publish_all(), "a", "raw").plan().steps[1]
    assert [(reason.code, reason.message) for reason in step.reasons] == [
        (R.UPSTREAM_STALE, "may change through a (x)")
    ]


def test_a_step_with_a_difference_of_its_own_does_not_only_may_change() -> None:
    project = recoded(recoded(chain().publish_all(), "a", "raw"), "b", "a")
    assert not project.plan().steps[1].may_change


def test_a_change_that_only_others_read_plans_nothing() -> None:
    project = chain().publish_all()
    project.publish("raw", {"y": "2"})
    assert project.planned() == []


def test_only_the_selection_is_planned() -> None:
    assert recoded(chain().publish_all(), "a", "raw").planned("a") == ["a"]


def test_sources_in_a_selection_are_no_steps() -> None:
    project = chain()
    project.publish("raw")
    assert project.planned("raw", "a") == ["a"]


def test_a_change_of_one_day_plans_that_day_and_its_month() -> None:
    up = source("raw", partitions=Daily("2013-01-01", "2013-03-01"), partition_by="day")
    project = Project(up, computed("m", "raw", partitions=Monthly("2013-01", "2013-03"))).publish_all()
    project.publish("raw@2013-02-10", {"x": "2"})
    assert project.planned() == ["m@2013-02"]


def test_the_month_runs_after_those_of_its_days_that_are_planned() -> None:
    days, months = Daily("2013-01-30", "2013-02-03"), Monthly("2013-01", "2013-03")
    project = Project(computed("d", partitions=days), computed("m", "d", partitions=months))
    assert [step.after for step in project.plan().steps[4:]] == [(0, 1), (2, 3)]


def test_partitions_keep_the_plan_within_them() -> None:
    project = Project(computed("a", partitions=DAYS), computed("b"))
    assert project.planned(partitions={"a": ["2013-01-02"]}) == ["a@2013-01-02", "b"]


# --- upstream that is not selected


def test_a_stale_upstream_is_used_as_published_and_named_in_a_warning() -> None:
    plan = recoded(chain().publish_all(), "a", "raw").plan("b")
    assert (plan.steps, plan.warnings) == ((), ("b reads a as it is published, which is stale: +b",))


def test_a_stale_upstream_further_up_is_noticed_too() -> None:
    plan = recoded(chain().publish_all(), "a", "raw").plan("c")
    assert plan.warnings == ("c reads b as it is published, which is stale: +c",)


def test_a_fresh_upstream_gives_no_warning() -> None:
    assert recoded(chain().publish_all(), "b", "a").plan("b").warnings == ()


def test_a_missing_upstream_is_an_error_with_the_selection_that_helps() -> None:
    project = chain()
    project.publish("raw")
    with pytest.raises(UsageError) as caught:
        project.plan("b")
    assert (caught.value.code, caught.value.what, caught.value.hint) == (
        "HW603",
        "b reads a, which was never materialized",
        "materialize what lies upstream too: +b",
    )


def test_a_missing_upstream_is_no_error_if_it_is_planned() -> None:
    project = chain()
    project.publish("raw")
    assert project.planned("a", "b") == ["a", "b"]


def test_many_missing_slots_of_one_input_are_one_error() -> None:
    project = Project(computed("a", partitions=DAYS), computed("b", "a", partitions=DAYS))
    with pytest.raises(UsageError, match="b reads a@2013-01-01 and 2 more, which was never"):
        project.plan("b")


def test_missing_inputs_of_several_assets_are_told_at_once() -> None:
    project = Project(computed("a"), computed("b", "a"), computed("c", "a"))
    with pytest.raises(ProjectError) as caught:
        project.plan("b", "c")
    assert [error.code for error in caught.value.errors] == ["HW603", "HW603"]


def test_a_source_that_cannot_be_found_is_told_with_its_files() -> None:
    with pytest.raises(UsageError) as caught:
        Project(source("raw"), computed("a", "raw")).plan("a")
    assert (caught.value.what, caught.value.hint) == (
        "a reads raw, which cannot be found",
        "nothing is there to be read at raw.csv",
    )


def test_a_source_without_a_row_in_any_partition_is_not_said_to_have_no_files() -> None:
    with pytest.raises(UsageError) as caught:
        Project(source("raw", partitions=DAYS), computed("a", "raw", partitions=DAYS)).plan("a")
    assert caught.value.hint == "no row of raw.csv belongs to a partition that is there"


def test_partitions_that_a_source_does_not_have_yet_leave_out_only_what_reads_them() -> None:
    project = Project(
        source("raw", partitions=DAYS), computed("a", "raw", partitions=DAYS), computed("b", "a", partitions=DAYS)
    )
    project.publish("raw@2013-01-01")
    plan = project.plan()
    assert [str(step.slot) for step in plan.steps] == ["a@2013-01-01", "b@2013-01-01"]
    assert plan.warnings == (
        "a@2013-01-02 and 1 more left out: a source has nothing for it yet",
        "b@2013-01-02 and 1 more left out: a source has nothing for it yet",
    )
    project.publish("a@2013-01-01")
    alone = project.plan("b")
    assert [str(step.slot) for step in alone.steps] == ["b@2013-01-01"]
    assert alone.warnings == ("b@2013-01-02 and 1 more left out: a source has nothing for it yet",)


def test_a_published_slot_whose_input_is_gone_is_an_error_too() -> None:
    project = chain().publish_all()
    del project.facts.published[Slot("a")]
    with pytest.raises(UsageError, match="HW603"):
        project.plan("b")


# --- inputs that are read whole


def test_an_asset_that_reads_all_days_runs_after_those_that_are_planned() -> None:
    project = Project(computed("d", partitions=DAYS), computed("all", "d"))
    assert project.plan().steps[-1].after == (0, 1, 2)


def test_an_asset_that_reads_all_days_needs_only_one_to_be_there() -> None:
    project = Project(computed("d", partitions=DAYS), computed("all", "d"))
    project.publish("d@2013-01-02")
    assert project.planned("all") == ["all"]


def test_an_asset_that_reads_all_days_cannot_run_without_any() -> None:
    with pytest.raises(UsageError, match="HW603"):
        Project(computed("d", partitions=DAYS), computed("all", "d")).plan("all")


def test_a_new_day_makes_what_reads_all_days_stale_only_when_it_is_published() -> None:
    project = Project(computed("d", partitions=Daily("2013-02-27")), computed("all", "d")).publish_all()
    project.facts.now = project.facts.now.replace(day=2)
    assert (project.planned("all"), project.states("all")) == ([], {"all": "fresh"})
    project.publish("d@2013-03-01")
    assert (project.planned("all"), project.states("all")) == (["all"], {"all": "stale"})


def test_a_stale_day_makes_what_reads_all_days_stale() -> None:
    project = Project(source("raw"), computed("d", "raw", partitions=DAYS), computed("all", "d")).publish_all()
    project.publish("raw", {"x": "2"})
    assert project.states("all") == {"all": "stale"}


# --- slots that can never run


def windowed() -> Project:
    up = source("raw", partitions=DAYS, partition_by="day")
    a = computed("a", Input("raw", partitions=window(-1, 0), outside="missing"), partitions=DAYS)
    project = Project(up, a, computed("b", "a", partitions=DAYS))
    for day in DAYS.keys(project.facts.now):
        project.publish(f"raw@{day}")
    return project


def test_a_slot_that_reads_beyond_its_input_is_left_out_and_so_is_what_reads_it() -> None:
    assert windowed().planned() == ["a@2013-01-02", "a@2013-01-03", "b@2013-01-02", "b@2013-01-03"]


def test_a_slot_that_is_left_out_is_named_in_a_warning() -> None:
    assert windowed().plan("a").warnings == ("a@2013-01-01 left out: it reads partitions that its input does not have",)


def test_a_day_that_its_input_has_not_reached_is_left_out() -> None:
    up = source("raw", partitions=Daily("2013-02-27"), partition_by="day")
    project = Project(up, computed("a", "raw", partitions=Daily("2013-02-27", "2013-03-03")))
    for day in ("2013-02-27", "2013-02-28"):
        project.publish(f"raw@{day}")
    assert project.planned() == ["a@2013-02-27", "a@2013-02-28"]


# --- several slots a step


def split() -> Project:
    @multi_asset(outputs={"v": Out("v"), "i": Out("i")}, inputs={"raw": "raw"})
    def halves(raw: object) -> None: ...

    project = Project(source("raw"), *halves.assets, computed("after", "i"))
    for key in ("v", "i"):
        project.derive(key, reads={"raw": ("x",)})
    return project


def test_a_multi_asset_is_one_step_with_a_slot_an_output() -> None:
    project = split()
    project.publish("raw")
    assert [step.slots for step in project.plan().steps] == [(Slot("v"), Slot("i")), (Slot("after"),)]


def test_one_output_selected_makes_the_whole_step() -> None:
    project = split()
    project.publish("raw")
    assert project.planned("i") == ["v", "i"]


def test_what_reads_any_output_runs_after_the_step() -> None:
    project = split()
    project.publish("raw")
    assert project.plan().steps[1].after == (0,)


def test_one_stale_output_makes_the_step_run_with_its_reason_once() -> None:
    project = split().publish_all()
    project.publish("raw", {"x": "2"})
    assert [reason.code for reason in project.plan("v").steps[0].reasons] == [R.INPUT_CHANGED]


def test_an_output_that_is_gone_makes_the_step_run() -> None:
    project = split().publish_all()
    project.facts.absent.add(Slot("i"))
    assert project.planned("v") == ["v", "i"]


def test_a_partitioned_multi_asset_has_a_step_a_partition() -> None:
    @multi_asset(outputs={"v": Out("v"), "i": Out("i")}, partitions=DAYS)
    def halves() -> None: ...

    steps = Project(*halves.assets).plan().steps
    assert [len(step.slots) for step in steps] == [2, 2, 2]


# --- force, deps, volatile, blocked


def test_force_plans_what_is_fresh() -> None:
    plan = chain().publish_all().plan("a", force=True)
    assert [(step.forced, [reason.code for reason in step.reasons]) for step in plan.steps] == [(True, [R.FORCED])]


def test_force_keeps_the_reasons_that_there_are() -> None:
    plan = recoded(chain().publish_all(), "a", "raw").plan("a", force=True)
    assert [reason.code for reason in plan.steps[0].reasons] == [R.FORCED, R.CODE_CHANGED]


def test_force_does_not_help_against_a_missing_upstream() -> None:
    with pytest.raises(UsageError, match="HW603"):
        chain().plan("b", force=True)


def test_a_dep_runs_first() -> None:
    project = Project(computed("late", deps=("early",)), computed("early"))
    assert [(str(step.slot), step.after) for step in project.plan().steps] == [("early", ()), ("late", (0,))]


def test_a_missing_dep_is_an_error() -> None:
    with pytest.raises(UsageError, match="late reads early"):
        Project(computed("late", deps=("early",)), computed("early")).plan("late")


def test_a_volatile_asset_is_in_every_plan() -> None:
    project = Project(computed("a", volatile=True), computed("b", "a")).publish_all()
    assert project.planned() == ["a", "b"]


def test_below_a_volatile_asset_content_still_cuts_off() -> None:
    project = Project(computed("a", volatile=True), computed("b", "a")).publish_all()
    assert carry_out(project) == {"a": "succeeded", "b": "skipped"}


def test_a_blocked_slot_is_planned_so_that_the_run_can_say_so() -> None:
    rule = check.not_null("x")
    project = Project(source("raw"), computed("a", "raw", checks=(rule,)))
    project.publish("raw")
    project.set_aside("a", rule)
    assert [reason.code for reason in project.plan().steps[0].reasons] == [R.MISSING, R.CHECK_FAILED]


# --- states


def test_a_slot_below_a_stale_one_is_never_called_fresh() -> None:
    assert recoded(chain().publish_all(), "a", "raw").states() == {"a": "stale", "b": "stale", "c": "stale"}


def test_states_are_given_for_the_assets_asked_for_and_take_what_is_upstream_into_account() -> None:
    assert recoded(chain().publish_all(), "a", "raw").states("c") == {"c": "stale"}


def test_states_may_be_asked_for_by_an_iterator() -> None:
    project = chain().publish_all()
    assert [slot.asset for slot in states(iter(["a", "b", "c"]), project.facts)] == ["a", "b", "c"]


def test_a_cone_is_kept_to_the_partitions_that_read_the_stale_one() -> None:
    up = source("raw", partitions=DAYS, partition_by="day")
    project = Project(up, computed("a", "raw", partitions=DAYS), computed("b", "a", partitions=DAYS)).publish_all()
    project.publish("raw@2013-01-02", {"x": "2"})
    stale = [slot for slot, state in project.states().items() if state != "fresh"]
    assert stale == ["a@2013-01-02", "b@2013-01-02"]


def test_every_slot_that_is_not_fresh_has_a_reason() -> None:
    project = recoded(chain().publish_all(), "a", "raw")
    assert all(verdict.reasons for verdict in states(["a", "b", "c"], project.facts).values())


# --- carried out


def test_equal_content_stops_a_change_where_it_turns_out() -> None:
    project = recoded(chain().publish_all(), "a", "raw")
    assert carry_out(project) == {"a": "succeeded", "b": "skipped", "c": "skipped"}


def test_other_content_goes_on_until_it_turns_out_equal() -> None:
    project = recoded(chain().publish_all(), "a", "raw")
    assert carry_out(project, results={"a": {"x": "2"}}) == {"a": "succeeded", "b": "succeeded", "c": "skipped"}


def test_a_column_that_nobody_reads_stops_at_once() -> None:
    project = recoded(chain().publish_all(), "a", "raw")
    assert carry_out(project, results={"a": {"y": "2"}}) == {"a": "succeeded", "b": "skipped", "c": "skipped"}


def test_what_was_carried_out_is_fresh_afterwards() -> None:
    project = recoded(chain().publish_all(), "a", "raw")
    carry_out(project, results={"a": {"x": "2"}})
    assert (set(project.states().values()), project.planned()) == ({"fresh"}, [])


def test_a_forced_step_runs_although_nothing_differs() -> None:
    project = chain().publish_all()
    plan = project.plan("a", "b", force=True)
    assert all(step.forced for step in plan.steps)


# --- cost


def cost(assets: int) -> float:
    wide = assets // 10
    keys = [[f"l{layer}/a{place}" for place in range(wide)] for layer in range(10)]
    definitions = [
        computed(keys[layer][place], keys[layer - 1][place], keys[layer - 1][(7 * place + 1) % wide])
        if layer
        else computed(keys[layer][place])
        for layer in range(10)
        for place in range(wide)
    ]
    project = Project(*definitions).publish_all()
    begun = time.process_time()
    project.plan()
    project.states()
    return time.process_time() - begun


def test_planning_grows_with_the_number_of_assets_and_not_with_its_square() -> None:
    assert cost(2000) < 12 * max(cost(400), 0.01)


def test_a_graph_of_nothing_has_an_empty_plan() -> None:
    assert Project().plan().steps == ()
    assert list(build([], lambda asset: ()).assets) == []
