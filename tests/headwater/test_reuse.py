"""What was made before is published again instead of being computed, if it is good and still there."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets_core.errors import UsageError
from tests.desk import Desk

COUNTED = """
import pathlib

def note():
    with open(pathlib.Path(__file__).parent / "calls.txt", "a") as file:
        file.write("x")

@asset(key="a"{options})
def a() -> pl.DataFrame:
    note()
    return pl.DataFrame({{"id": {rows}}})
"""


def define(desk: Desk, rows: str = "[1, 2]", options: str = "") -> None:
    desk.define(COUNTED.format(rows=rows, options=options and f", {options}"))


def calls(desk: Desk) -> int:
    path = desk.root / "calls.txt"
    return len(path.read_text()) if path.exists() else 0


def stored(desk: Desk) -> list[Path]:
    """What is stored, oldest first."""
    return sorted((desk.root / ".headwater" / "data" / "a").glob("**/*.parquet"), key=lambda path: path.name)


@pytest.fixture
def twice(desk: Desk) -> Desk:
    """Made of one code, then of another, and back at the first."""
    define(desk)
    assert desk.materialize().ok
    define(desk, "[3]")
    assert desk.materialize().ok
    define(desk)
    assert calls(desk) == 2
    return desk


def test_nothing_is_computed_when_the_recipe_is_found(twice: Desk) -> None:
    assert twice.materialize().counts == {"reused": 1}
    assert calls(twice) == 2
    assert twice.rows("a") == [{"id": 1}, {"id": 2}]


def test_data_that_was_deleted_is_computed_again(twice: Desk) -> None:
    stored(twice)[0].unlink()

    assert twice.materialize().counts == {"succeeded": 1}
    assert calls(twice) == 3


def test_data_that_was_tampered_with_is_computed_again_and_not_published(twice: Desk) -> None:
    path = stored(twice)[0]
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(before[:-20] + bytes(20))  # of the same size, so that only its bytes tell

    assert twice.materialize().counts == {"succeeded": 1}
    assert twice.rows("a") == [{"id": 1}, {"id": 2}]


def test_data_whose_storage_is_there_no_more_is_computed_again(desk: Desk) -> None:
    toml = (desk.root / "headwater.toml").read_text()
    desk.write("headwater.toml", f'{toml}[storage.wh]\nkind = "duckdb"\n')
    define(desk, options='storage="wh"')
    desk.materialize()
    define(desk, rows="[3]")
    desk.materialize()
    desk.write("headwater.toml", toml)
    define(desk)
    assert desk.materialize().counts == {"succeeded": 1}
    assert desk.rows("a") == [{"id": 1}, {"id": 2}]


def test_what_is_shown_from_a_storage_that_is_there_no_more_is_refused_with_what_to_do(desk: Desk) -> None:
    toml = (desk.root / "headwater.toml").read_text()
    desk.write("headwater.toml", f'{toml}[storage.wh]\nkind = "duckdb"\n')
    define(desk, options='storage="wh"')
    desk.materialize()
    define(desk)
    desk.write("headwater.toml", toml)
    with pytest.raises(UsageError, match="HW608") as refused:
        desk.plan()
    assert "put [storage.wh] back" in refused.value.hint
    desk.write("headwater.toml", f'{toml}[storage.wh]\nkind = "duckdb"\n')
    desk.materialize(force=True)
    desk.write("headwater.toml", toml)
    assert desk.plan().steps == ()


def test_a_check_that_never_ran_on_it_runs_on_the_stored_data_first(twice: Desk) -> None:
    define(twice, options="checks=[check.row_count(2)]")
    result = twice.materialize()

    assert result.counts == {"reused": 1}
    assert [one.passed for one in result.steps[0].checks] == [True]
    assert calls(twice) == 2
    assert twice.project.verify().ok


def test_data_that_fails_such_a_check_is_set_aside_and_not_computed(twice: Desk) -> None:
    define(twice, options="checks=[check.row_count(3)]")

    assert twice.materialize().counts == {"blocked": 1}
    assert twice.materialize().counts == {"blocked": 1}
    assert calls(twice) == 2
    assert twice.rows("a") == [{"id": 3}]


def test_when_the_check_is_relaxed_it_runs_again_on_what_was_set_aside(twice: Desk) -> None:
    define(twice, options="checks=[check.row_count(3)]")
    twice.materialize()
    define(twice, options="checks=[check.row_count(3, severity='warn')]")

    assert twice.materialize().counts == {"reused": 1}
    assert calls(twice) == 2


def test_force_computes_anew_and_later_reuse_takes_the_newest(twice: Desk) -> None:
    forced = twice.materialize(force=True)
    assert forced.counts == {"succeeded": 1}
    define(twice, "[3]")
    twice.materialize()
    define(twice)
    again = twice.materialize()

    assert again.counts == {"reused": 1}
    assert again.steps[0].materialization == forced.steps[0].materialization
    assert calls(twice) == 3
