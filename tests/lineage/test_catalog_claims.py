"""Claims: all of a step's slots or none, given back with the publication, and worth nothing after their run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets_core.errors import RefusedError, StorageError
from assets_core.keys import Slot
from assets_core.records import RunRecord, RunState
from lineage.audit import verify
from lineage.catalog.store import Catalog
from lineage.catalog.values import Request, Want
from tests.lineage.catalog_samples import NOW, begun, later, made_of, outcome_of

A, B, C = Slot("a"), Slot("b", "2013-01-01"), Slot("c")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db", durability="none") as opened:
        begun(opened, "one")
        begun(opened, "two")
        yield opened


def test_the_slots_of_a_step_are_claimed_together_or_not_at_all(catalog: Catalog) -> None:
    assert catalog.claim("dev", "one", [Want(0, (A, B))], (), 0).granted == (0,)
    answer = catalog.claim("dev", "two", [Want(0, (C, B)), Want(1, (C,))], (), 0)
    assert (answer.granted, answer.busy) == ((1,), {0: "one"})
    assert catalog.neighbours("dev", "two", 0).claimed == {A: "one", B: "one"}


def test_claiming_again_what_is_ones_own_is_granted(catalog: Catalog) -> None:
    for _ in range(2):
        assert catalog.claim("dev", "one", [Want(0, (A,), "pool", 1)], (), 0).granted == (0,)


def test_claims_in_another_environment_are_others(catalog: Catalog) -> None:
    begun(catalog, "there", env="prod")
    catalog.claim("prod", "there", [Want(0, (A,))], (), 0)
    assert catalog.claim("dev", "one", [Want(0, (A,))], (), 0).granted == (0,)


def test_a_pool_is_counted_over_all_runs_and_a_step_of_several_slots_once(catalog: Catalog) -> None:
    assert catalog.claim("dev", "one", [Want(0, (A, B), "pool", 2)], (), 0).granted == (0,)
    answer = catalog.claim("dev", "two", [Want(0, (C,), "pool", 2, 0), Want(1, (Slot("d"),), "pool", 2, 1)], (), 0)
    assert (answer.granted, answer.full) == ((0,), (1,))
    catalog.claim("dev", "one", (), (A, B), 0)
    assert catalog.claim("dev", "two", [Want(1, (Slot("d"),), "pool", 2, 1)], (), 0).granted == (1,)


def test_the_steps_of_one_call_share_a_place_in_its_pool_until_the_last_has_given_its_claim_back(
    catalog: Catalog,
) -> None:
    together = [Want(place, (slot,), "pool", 1, 7) for place, slot in enumerate((A, B))]
    other = [Want(5, (C,), "pool", 1, 5)]
    assert catalog.claim("dev", "one", together, (), 0).granted == (0, 1)
    assert catalog.claim("dev", "one", other, (A,), 0).full == (5,)
    assert catalog.claim("dev", "one", other, (B,), 0).granted == (5,)


def test_what_is_left_of_a_call_takes_its_place_in_the_pool_when_its_first_step_is_busy(catalog: Catalog) -> None:
    catalog.claim("dev", "two", [Want(0, (A,))], (), 0)
    answer = catalog.claim("dev", "one", [Want(0, (A,), "pool", 1, 0), Want(1, (B,), "pool", 1, 0)], (), 0)
    assert (answer.granted, list(answer.busy)) == ((1,), [0])
    assert catalog.claim("dev", "two", [Want(2, (C,), "pool", 1, 2)], (), 0).full == (2,)


def test_publishing_gives_the_claim_back_and_tells_the_others(catalog: Catalog) -> None:
    seen = catalog.claim("dev", "two", [Want(0, (C,))], (), 0).sequence
    catalog.claim("dev", "one", [Want(0, (A,))], (), 0)
    made = made_of("made", A, run_id="one")
    catalog.commit("dev", "one", [outcome_of(made)], NOW)
    answer = catalog.claim("dev", "two", [Want(0, (A,))], (), seen)
    assert (answer.granted, answer.moved) == ((0,), {A: "made"})
    assert catalog.claim("dev", "two", (), (), answer.sequence).moved == {}


def test_an_ended_run_holds_no_claim_and_gets_none(catalog: Catalog) -> None:
    catalog.claim("dev", "one", [Want(0, (A,))], (), 0)
    catalog.end_run("one", RunState.ABANDONED, ended=NOW, counts={})
    assert catalog.claim("dev", "two", [Want(0, (A,))], (), 0).granted == (0,)
    late = catalog.claim("dev", "one", [Want(0, (B,))], (), 0)
    assert (late.granted, late.lost) == ((), True)
    assert catalog.beat("one", later(5)) is None
    assert catalog.last_beat("one") is None


def test_a_run_taken_for_dead_publishes_nothing_that_somebody_else_has_claimed_since(catalog: Catalog) -> None:
    catalog.claim("dev", "one", [Want(0, (A,))], (), 0)
    catalog.end_run("one", RunState.ABANDONED, ended=NOW, counts={})
    catalog.claim("dev", "two", [Want(0, (A,))], (), 0)
    assert catalog.commit("dev", "one", [outcome_of(made_of("late", A, run_id="one"))], NOW).lost == (A,)
    assert catalog.commit("dev", "two", [outcome_of(made_of("good", A, run_id="two"))], NOW).lost == ()
    assert catalog.published("dev")[A].id == "good"
    assert verify(catalog, lambda stored: None, data=False).findings == ()


def test_a_run_hears_with_its_heartbeat_what_is_asked_of_it(catalog: Catalog) -> None:
    assert catalog.beat("one", NOW) is None
    catalog.ask("one", Request("finish", "ada"), NOW)
    catalog.ask("one", Request("stop", "bob"), NOW)
    assert (catalog.beat("one", later(2)), catalog.beat("two", later(2))) == (Request("stop", "bob"), None)


def test_a_run_that_wants_to_be_alone_is_refused_beside_another(catalog: Catalog) -> None:
    record = RunRecord("three", "dev", RunState.RUNNING, NOW, "ada", "", "")
    with pytest.raises(RefusedError, match="HW701"):
        catalog.begin_run(record, alone=True)
    for other in ("one", "two"):
        catalog.end_run(other, RunState.SUCCEEDED, ended=NOW, counts={})
    catalog.begin_run(record, alone=True)


def test_a_run_that_nobody_began_claims_nothing(catalog: Catalog) -> None:
    with pytest.raises(StorageError, match="HW417"):
        catalog.claim("dev", "nobody", [Want(0, (A,))], (), 0)


def test_what_a_run_was_asked_for_and_which_it_resumes_is_kept(catalog: Catalog) -> None:
    asked = {"partition": "2013-01-01", "force": True}
    catalog.begin_run(RunRecord("child", "dev", RunState.RUNNING, NOW, "ada", "", "", asked=asked, parent="one"))
    kept = catalog.run("child")
    assert kept is not None
    assert (kept.asked, kept.parent) == (asked, "one")
    assert verify(catalog, lambda stored: None, data=False).findings == ()


def test_how_long_slots_took_is_learned_by_asset(catalog: Catalog) -> None:
    source = made_of("source", A, run_id="one")
    catalog.commit("dev", "one", [outcome_of(source), outcome_of(made_of("b", B, [source], run_id="one"))], NOW)
    assert catalog.typical_seconds(["a", "b", "c"]) == {"b": 0.0}
