"""``kill -9``: at random moments, and between every pair of operations that must be durable."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from lineage.crash_points import POINTS
from tests.faults.harness import Bench, expected

EVERYTHING = os.environ.get("HEADWATER_FAULTS") == "all"
KILLS = 200 if EVERYTHING else 4
SEED = int(os.environ.get("HEADWATER_SEED", "20261128"))


def test_a_run_killed_at_any_moment_loses_nothing_and_can_be_resumed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for kill in range(KILLS):
        if kill % 20 == 0:
            bench = Bench(tmp_path / f"project{kill}")
            assert bench.start().ended()
        bench.change(10 + 100 * kill)
        child = bench.start()
        bench.kill(child, chance.uniform(0.0, 1.0))
        bench.assert_sound(bench.after(child))
        bench.assert_resumes()


def test_a_first_run_killed_at_any_moment_leaves_what_can_be_resumed(tmp_path: Path) -> None:
    chance = random.Random(SEED + 1)
    for kill in range(KILLS // 2):
        bench = Bench(tmp_path / f"project{kill}")
        child = bench.start()
        bench.kill(child, chance.uniform(0.0, 0.6))
        bench.assert_sound(bench.after(child))
        bench.assert_resumes()


def test_a_run_killed_at_every_crash_point_loses_nothing_and_can_be_resumed(bench: Bench) -> None:
    bench.start().ended()
    bench.change(2)
    places = bench.places()
    assert {place.split(":")[0] for place in places} >= {
        name for name in POINTS if not name.startswith(("duckdb", "prune"))
    }
    value = 2
    for place in chosen(places):
        value += 100
        bench.change(value)
        child = bench.start(HEADWATER_CRASH_AT=place)
        told = bench.after(child)
        bench.assert_sound(told)
        bench.assert_resumes()


def chosen(places: list[str]) -> list[str]:
    """All of them, or of each kind the first, a middle one and the last."""
    if EVERYTHING:
        return places
    kinds: dict[str, list[str]] = {}
    for place in places:
        kinds.setdefault(place.split(":")[0], []).append(place)
    return [some[len(some) // 2] for some in kinds.values()]


def test_a_crash_point_that_is_armed_ends_the_process_there(bench: Bench) -> None:
    child = bench.start(HEADWATER_CRASH_AT="parquet.created:1")
    bench.after(child)
    assert child.process.returncode == -9
    assert bench.published() == {}


def test_pruning_killed_at_every_crash_point_deletes_nothing_that_is_shown(bench: Bench) -> None:
    bench.start().ended()
    bench.change(2)
    bench.start().ended()
    for place in (
        "transaction.commit:1",
        "transaction.committed:2",
        "prune.marked:1",
        "prune.deleted:1",
        "prune.deleted:9",
    ):
        child = bench.start("prune", "--yes", "--grace", "0", HEADWATER_CRASH_AT=place)
        bench.after(child)
        with bench.project() as project:
            assert project.verify().findings == (), place
        assert bench.published() == expected(2)
    assert bench.start("prune", "--yes", "--grace", "0").ended()
    with bench.project() as project:
        assert project.verify().findings == ()
    assert bench.published() == expected(2)


@pytest.mark.parametrize("name", POINTS)
def test_every_crash_point_is_somewhere_in_the_code(name: str) -> None:
    root = Path(__file__).resolve().parents[2]
    files = [path for package in ("lineage", "materializers", "headwater") for path in (root / package).rglob("*.py")]
    assert sum(f'crash_point("{name}")' in path.read_text(encoding="utf-8") for path in files) == 1
