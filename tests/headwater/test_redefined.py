"""Another partition definition over data that is there: what becomes of it is said before anything is done."""

from __future__ import annotations

import pytest

from tests.desk import Desk
from tests.headwater.conftest import Headwater

TEN = 'Daily("2024-01-01", "2024-01-11")'


def define(desk: Desk, partitions: str) -> None:
    desk.define(
        f"""
        from headwater import Cron, Static

        @asset(key="a", partitions={partitions})
        def a() -> pl.DataFrame:
            return pl.DataFrame({{"n": [1]}})
        """
    )


@pytest.mark.parametrize(
    ("before", "after", "kept", "orphaned", "gone", "to_make"),
    [
        (TEN, 'Daily("2024-01-04", "2024-01-11")', 7, ["2024-01-01..2024-01-03"], 3, 0),
        (TEN, 'Daily("2024-01-04", "2024-01-13")', 7, ["2024-01-01..2024-01-03"], 3, 2),
        (TEN, 'Daily("2024-01-02", "2024-01-10")', 8, ["2024-01-01", "2024-01-10"], 2, 0),
        (TEN, 'Monthly("2024-01", "2024-03")', 0, ["2024-01-01..2024-01-10"], 10, 2),
        ('Static(["DE", "EU", "US"])', 'Static(["DE", "US"])', 2, ["EU"], 1, 0),
        ('Static(["DE", "EU"])', 'Static(["DE", "FR"])', 1, ["EU"], 1, 1),
        (
            'Cron("0 6 * * *", "2024-01-01", "2024-01-03")', 'Cron("0 7 * * *", "2024-01-01", "2024-01-03")', 0,
            None, 2, 2,
        ),
    ],
)  # fmt: skip
def test_it_is_said_before_anything_is_done(
    desk: Desk, hw: Headwater, before: str, after: str, kept: int, orphaned: list[str] | None, gone: int, to_make: int
) -> None:
    define(desk, before)
    desk.materialize()
    define(desk, after)
    (told,) = hw("plan", "--json", at=desk.root).document["redefined"]
    assert (told["asset"], told["kept"], told["gone"], told["to_make"]) == ("a", kept, gone, to_make)
    assert orphaned is None or told["orphaned"] == orphaned
    sentence = f"{kept} kept as they are, {to_make} to be"
    for words in (["plan"], ["materialize", "--dry-run"], ["backfill", "--dry-run"]):
        assert sentence in hw(*words, at=desk.root).out
    ran = hw("materialize", "--json", at=desk.root).document
    assert any(sentence in one for one in ran["warnings"]) is (to_make > 0)
    counts = hw("status", "--json", at=desk.root).document["counts"]
    assert counts == {"fresh": kept + to_make, "orphaned": gone}


def test_a_run_says_it_until_one_has_made_something_of_the_present_definition(desk: Desk, hw: Headwater) -> None:
    define(desk, 'Static(["DE", "EU"])')
    desk.materialize()
    define(desk, 'Static(["DE", "FR"])')
    assert any("has other partitions than it had" in one for one in desk.materialize().warnings)
    for definition in ('Static(["DE", "FR", "US"])', 'Static(["DE", "FR", "UK", "US"])'):
        define(desk, definition)
        result = desk.materialize()
        assert [step.state for step in result.steps] == ["succeeded"]
        assert result.warnings == ()
    assert hw("status", "--json", at=desk.root).document["counts"] == {"fresh": 4, "orphaned": 1}


def test_another_time_zone_keeps_the_keys_and_makes_their_windows_anew(desk: Desk, hw: Headwater) -> None:
    define(desk, TEN)
    desk.materialize()
    define(desk, 'Daily("2024-01-01", "2024-01-11", timezone="America/New_York")')
    assert set(map(tuple, desk.reasons(desk.plan()).values())) == {("window_changed",)}
    assert hw("plan", "--json", at=desk.root).document["redefined"] == []


def test_a_definition_that_goes_on_orphans_nothing_that_it_has(desk: Desk, hw: Headwater) -> None:
    define(desk, TEN)
    desk.materialize()
    define(desk, 'Daily("2024-01-01")')
    assert hw("plan", "--json", at=desk.root).document["redefined"] == []


def test_without_such_a_change_nothing_is_said(desk: Desk, hw: Headwater) -> None:
    define(desk, TEN)
    desk.materialize()
    assert hw("plan", "--json", at=desk.root).document["redefined"] == []
    assert hw("plan", at=desk.root).out.strip() == "desk in dev: nothing to do, everything selected is fresh"
