"""Runs and steps: how they are recorded, and what is known of those that never ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import AttemptLog, RunState, StepError, StepRecord
from lineage.catalog.migrate import guards
from lineage.catalog.store import Catalog
from lineage.catalog.values import Outcome
from tests.lineage.catalog_samples import NOW, begun, later, made_of, record


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as opened:
        yield opened


def test_a_run_is_live_until_it_ends(catalog: Catalog) -> None:
    begun(catalog, "a")
    begun(catalog, "b", "prod")
    assert [run.id for run in catalog.live_runs()] == ["a", "b"]
    catalog.end_run("a", RunState.SUCCEEDED, ended=later(9), counts={"succeeded": 2})
    assert [run.id for run in catalog.live_runs()] == ["b"]
    assert catalog.live_runs("dev") == []


@pytest.mark.parametrize("altered", ["run set started = 'x'", "content set body = x'00'"])
def test_a_run_that_somebody_altered_is_told_as_damage(catalog: Catalog, altered: str) -> None:
    begun(catalog, "a")
    raw = sqlite3.connect(catalog.path)
    for guard in (*guards("run"), *guards("content")):
        raw.execute(f"drop trigger {guard}")
    raw.execute(f"update {altered}")
    raw.commit()
    raw.close()
    with pytest.raises(StorageError, match="HW412"):
        catalog.live_runs()


def test_the_end_of_a_run_is_part_of_its_record(catalog: Catalog) -> None:
    begun(catalog, "a")
    catalog.end_run("a", RunState.FAILED, ended=later(9), counts={"failed": 1, "succeeded": 2}, reason="one failed")
    run = catalog.run("a")
    assert run is not None
    assert (run.state, run.ended, run.counts, run.reason) == (
        RunState.FAILED,
        later(9),
        {"failed": 1, "succeeded": 2},
        "one failed",
    )


def test_of_several_ends_the_last_counts(catalog: Catalog) -> None:
    begun(catalog, "a")
    catalog.end_run("a", RunState.ABANDONED, ended=later(5), counts={})
    catalog.end_run("a", RunState.SUCCEEDED, ended=later(9), counts={})
    assert [run.state for run in catalog.runs()] == [RunState.SUCCEEDED]


def test_an_unknown_run_is_none(catalog: Catalog) -> None:
    assert catalog.run("nobody") is None


def test_the_last_runs_come_newest_first(catalog: Catalog) -> None:
    for name, env in (("a", "dev"), ("b", "prod"), ("c", "dev")):
        begun(catalog, name, env)
    assert [run.id for run in catalog.runs(2)] == ["c", "b"]
    assert [run.id for run in catalog.runs(env="dev")] == ["c", "a"]


def test_a_heartbeat_is_remembered_until_the_end(catalog: Catalog) -> None:
    begun(catalog, "a")
    assert catalog.last_beat("a") == NOW
    catalog.beat("a", later(30))
    assert catalog.last_beat("a") == later(30)
    catalog.end_run("a", RunState.SUCCEEDED, ended=later(40), counts={})
    assert catalog.last_beat("a") is None


def test_the_last_step_of_a_slot_hides_earlier_ones(catalog: Catalog) -> None:
    slot = Slot("a")
    begun(catalog)
    failed = StepRecord("run", slot, "failed", (), None, StepError("HW501", "ValueError", "no"), 1, 0.1)
    catalog.commit("dev", "run", [Outcome(steps=(failed,))], NOW)
    assert catalog.last_steps("dev") == {slot: failed}
    record(catalog, made_of("1", slot))
    assert {slot: step.state for slot, step in catalog.last_steps("dev", assets=["a"]).items()} == {slot: "succeeded"}
    assert catalog.last_steps("dev", assets=["b"]) == {}
    assert catalog.last_steps("prod") == {}


def test_the_logs_of_every_attempt_are_kept(catalog: Catalog) -> None:
    begun(catalog)
    logs = (AttemptLog("loading\n" * 1000, "Traceback"), AttemptLog("loading\n"))
    catalog.commit("dev", "run", [Outcome(steps=(StepRecord("run", Slot("a"), "succeeded", logs=logs),))], NOW)
    assert [step.logs for step in catalog.steps("run")] == [logs]


def test_steps_come_in_the_order_in_which_they_settled(catalog: Catalog) -> None:
    begun(catalog)
    steps = [StepRecord("run", Slot(name), "skipped") for name in ("c", "a", "b")]
    for step in steps:
        catalog.commit("dev", "run", [Outcome(steps=(step,))], NOW)
    assert catalog.steps("run") == steps
