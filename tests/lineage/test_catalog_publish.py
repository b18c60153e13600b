"""Recording and publishing: one transaction, pointers that compare and swap, and reading what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import Publication
from lineage.catalog.store import Catalog
from lineage.catalog.values import CheckMoment, Outcome, Publish, Retired
from tests.lineage.catalog_samples import NOW, PASSED, begun, later, made_of, outcome_of, record

RAW = Slot("raw/a")
OUT = Slot("marts/b", "2013-01")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as opened:
        begun(opened)
        yield opened


def test_a_slot_shows_what_was_published_last(catalog: Catalog) -> None:
    first, second = made_of("1", RAW), made_of("2", RAW)
    record(catalog, first)
    record(catalog, second)
    assert catalog.published("dev") == {RAW: second}


def test_another_environment_shows_nothing_of_it(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    assert catalog.published("prod") == {}


def test_only_the_assets_asked_for_are_read(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    record(catalog, source, made_of("2", OUT, [source]))
    assert set(catalog.published("dev", assets=["marts/b", "unknown"])) == {OUT}


def test_records_can_be_read_without_their_lineage(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    result = made_of("2", OUT, [source])
    record(catalog, source, result)
    assert catalog.published("dev", lineage=False)[OUT] == replace(result, lineage=None)


def test_the_past_is_shown_as_of_a_moment(catalog: Catalog) -> None:
    first, second = made_of("1", RAW), made_of("2", RAW)
    record(catalog, first, at=later(10))
    record(catalog, second, at=later(20))
    shown = [catalog.published("dev", as_of=later(seconds)).get(RAW) for seconds in (5, 10, 19, 20, 99)]
    assert shown == [None, first, first, second, second]


def test_the_past_is_shown_as_of_a_log_entry(catalog: Catalog) -> None:
    first = made_of("1", RAW)
    then = record(catalog, first).sequence
    record(catalog, made_of("2", RAW))
    assert catalog.published("dev", as_of=then) == {RAW: first}


def test_a_pointer_that_somebody_moved_is_lost_and_its_record_kept(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    late = made_of("2", RAW)
    report = catalog.commit("dev", "run", [outcome_of(late, expected=None)], NOW)
    assert report.lost == (RAW,)
    assert catalog.published("dev")[RAW].id == "1"
    assert catalog.materializations(["2"]) == {"2": late}


def test_the_step_of_a_lost_pointer_is_left_to_the_caller(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    catalog.commit("dev", "run", [outcome_of(made_of("2", RAW), expected=None)], NOW)
    assert [step.materialization for step in catalog.steps("run")] == ["1"]


def test_a_lost_pointer_does_not_spoil_the_other_outcomes(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    report = catalog.commit("dev", "run", [outcome_of(made_of("2", RAW), None), outcome_of(made_of("3", OUT))], NOW)
    assert report.lost == (RAW,)
    assert catalog.published("dev")[OUT].id == "3"


def test_the_slots_of_one_outcome_are_published_together_or_not_at_all(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    valid, invalid = made_of("2", RAW), made_of("3", OUT)
    both = Outcome((valid, invalid), (Publish(OUT, "3", None), Publish(RAW, "2", None)))
    assert set(catalog.commit("dev", "run", [both], NOW).lost) == {RAW, OUT}
    assert catalog.published("dev").keys() == {RAW}


def test_publishing_what_is_shown_already_is_no_move(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    report = catalog.commit("dev", "run", [Outcome(publish=(Publish(RAW, "1", None),))], NOW)
    assert report.lost == ()
    assert len(catalog.publications("dev")) == 1


def test_an_old_record_is_published_again_without_a_new_one(catalog: Catalog) -> None:
    first = made_of("1", RAW)
    record(catalog, first)
    record(catalog, made_of("2", RAW))
    catalog.commit("dev", "run", [Outcome(publish=(Publish(RAW, "1", "2"),))], NOW)
    assert catalog.published("dev") == {RAW: first}


def test_a_slot_can_be_withdrawn_from_view(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    catalog.commit("dev", "run", [Outcome(publish=(Publish(RAW, None, "1"),))], NOW)
    assert catalog.published("dev") == {} == catalog.published("dev", as_of=NOW)


def test_publications_say_who_moved_what_from_where(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW), at=later(1))
    record(catalog, made_of("2", RAW), at=later(2))
    moves = catalog.publications("dev", slot=RAW)
    assert moves == [
        Publication(moves[0].sequence, "dev", RAW, "1", None, "run", later(1)),
        Publication(moves[1].sequence, "dev", RAW, "2", "1", "run", later(2)),
    ]


def test_publications_are_found_by_asset_moment_and_record(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW), at=later(1))
    record(catalog, made_of("2", OUT), at=later(2))
    assert [one.materialization for one in catalog.publications(asset="marts/b")] == ["2"]
    assert [one.materialization for one in catalog.publications(until=later(1))] == ["1"]
    assert [one.materialization for one in catalog.publications(since=later(2))] == ["2"]
    assert [one.slot for one in catalog.publications(materialization="1")] == [RAW]


def test_the_slot_without_partition_is_not_the_others_of_its_asset(catalog: Catalog) -> None:
    record(catalog, made_of("1", Slot("a")), made_of("2", Slot("a", "p")))
    assert [one.materialization for one in catalog.publications(slot=Slot("a"))] == ["1"]


def test_a_recipe_is_found_in_any_environment_newest_first(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    old, new = made_of("2", OUT, [source]), made_of("3", OUT, [source], content="other rows")
    record(catalog, source, old)
    record(catalog, new)
    assert old.recipe is not None
    assert catalog.find_recipes([old.recipe.id, "f" * 64]) == {old.recipe.id: new}


def test_a_blocked_record_is_found_by_its_recipe(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    blocked = made_of("2", OUT, [source], blocked=True)
    record(catalog, source, blocked)
    assert blocked.recipe is not None
    assert catalog.find_recipes([blocked.recipe.id])[blocked.recipe.id].blocked


def test_a_retired_record_is_neither_found_nor_published(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    old = made_of("2", OUT, [source])
    record(catalog, source, old)
    record(catalog, made_of("3", OUT, [source], code="2"))
    catalog.retire(["2"], Retired.WITHDRAWN, reason="wrong rates", run_id="run", at=NOW)
    assert old.recipe is not None
    assert catalog.find_recipes([old.recipe.id]) == {}
    report = catalog.commit("dev", "run", [Outcome(publish=(Publish(OUT, "2", "3"),))], NOW)
    assert report.lost == (OUT,)
    assert [(one.how, one.reason) for one in catalog.retirements("2")] == [(Retired.WITHDRAWN, "wrong rates")]


def test_a_blocked_record_is_known_until_something_is_published(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    good, bad = made_of("2", OUT, [source]), made_of("3", OUT, [source], code="2", blocked=True)
    record(catalog, source, good)
    record(catalog, bad)
    assert catalog.latest_blocked("dev") == {OUT: bad}
    assert catalog.published("dev")[OUT] == good
    record(catalog, made_of("4", OUT, [source], code="3"))
    assert catalog.latest_blocked("dev") == {}


def test_a_blocked_record_found_in_history_blocks_its_slot_again(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    bad = made_of("2", OUT, [source], blocked=True)
    record(catalog, source, bad)
    record(catalog, made_of("3", OUT, [source], code="2"))
    catalog.commit("dev", "run", [replace(outcome_of(bad), materializations=())], NOW)
    assert catalog.latest_blocked("dev", assets=["marts/b"]) == {OUT: bad}


def test_later_check_results_stand_beside_the_first(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    failed = replace(PASSED, passed=False, failed_rows=3, sample=({"id": 7},), message="3 rows")
    catalog.add_check_results("1", [failed], run_id=None, at=later(60))
    first, second = catalog.check_results("1")
    assert first == CheckMoment(first.sequence, NOW, "run", (PASSED,))
    assert second == CheckMoment(second.sequence, later(60), None, (failed,))


def test_the_code_that_made_a_record_is_kept(catalog: Catalog) -> None:
    catalog.commit("dev", "run", [outcome_of(made_of("1", RAW), source="def a(): ...\n")], NOW)
    record(catalog, made_of("2", OUT))
    assert catalog.code_source("1") == "def a(): ...\n"
    assert catalog.code_source("2") == ""


def test_projections_computed_later_are_read_with_the_record(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    catalog.add_projection("1", ("id", "total"), "d1")
    assert catalog.published("dev")[RAW].version.projections == {("id", "total"): "d1"}


def test_the_different_lineages_of_an_asset_are_given_once_each(catalog: Catalog) -> None:
    source = made_of("1", RAW)
    parts = [made_of(f"p{n}", Slot("marts/b", f"2013-0{n}"), [source]) for n in range(1, 4)]
    record(catalog, source, *parts)
    assert catalog.lineages("dev") == {"marts/b": (parts[0].lineage,)}


def test_a_record_of_an_unknown_run_is_refused_whole(catalog: Catalog) -> None:
    with pytest.raises(StorageError, match="HW417"):
        catalog.commit("dev", "another", [], NOW)
    with pytest.raises(StorageError, match="HW416"):
        catalog.commit("dev", "run", [outcome_of(made_of("1", OUT)), outcome_of(made_of("2", RAW, run_id="x"))], NOW)
    assert catalog.materializations(["1", "2"]) == {}


def test_a_run_cannot_publish_in_another_environment(catalog: Catalog) -> None:
    with pytest.raises(StorageError, match="HW416"):
        catalog.commit("prod", "run", [outcome_of(made_of("1", RAW))], NOW)


def test_a_record_that_reads_an_unknown_one_is_refused(catalog: Catalog) -> None:
    with pytest.raises(StorageError, match="HW417"):
        record(catalog, made_of("2", OUT, [made_of("never recorded", RAW)]))
    assert catalog.published("dev") == {}


def test_after_a_refused_commit_the_next_one_is_sound(catalog: Catalog) -> None:
    unknown = made_of("never recorded", RAW)
    with pytest.raises(StorageError):
        record(catalog, made_of("1", Slot("new/slot")), made_of("2", OUT, [unknown]))
    again = made_of("3", Slot("new/slot"))
    record(catalog, again)
    assert catalog.published("dev") == {Slot("new/slot"): again}


def test_one_id_is_recorded_once(catalog: Catalog) -> None:
    record(catalog, made_of("1", RAW))
    with pytest.raises(StorageError, match="HW416"):
        record(catalog, made_of("1", OUT))


def test_the_log_counts_up_to_a_moment(catalog: Catalog) -> None:
    report = record(catalog, made_of("1", RAW), at=later(5))
    assert catalog.sequence_at(later(-1)) == 0
    assert catalog.sequence_at(later(5)) == report.sequence == catalog.head().sequence


def test_environments_are_those_anything_was_recorded_for(catalog: Catalog) -> None:
    begun(catalog, "run-2", "a-branch")
    assert catalog.environments() == ["a-branch", "dev"]
