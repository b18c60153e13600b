"""What a lazy asset must not do: files that are none of its inputs, and another plan each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.desk import Desk

RATES = """
@asset(key="base", schema={"id": pl.Int64})
def base() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2]}, schema={"id": pl.Int64})

@asset(key="rated", inputs={"base": "base"})
def rated(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.join(pl.scan_csv(FILE), on="id")
"""
BASE = """
import random, time
from datetime import datetime

@asset(key="base", schema={"id": pl.Int64, "s": pl.String})
def base() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2], "s": ["a", "b"]})
"""


@pytest.fixture
def rates(desk: Desk) -> Path:
    """An asset that scans a file which is none of its inputs; materialized."""
    path = desk.write("rates.csv", "id,rate\n1,10\n2,20\n")
    desk.define(f"FILE = {str(path)!r}\n{RATES}")
    assert desk.materialize().ok
    return path


def test_a_file_that_is_none_of_its_inputs_makes_it_stale_with_a_reason_of_its_own(desk: Desk, rates: Path) -> None:
    assert not desk.plan().steps
    rates.write_text("id,rate\n1,10\n2,99\n")

    assert desk.reasons(desk.plan()) == {"rated": ["file_changed"]}
    assert desk.messages(desk.plan()) == {"rated": "file rates.csv, which is none of its inputs, changed"}
    assert desk.ran(desk.materialize()) == ["rated"]
    assert desk.rows("rated") == [{"id": 1, "rate": 10}, {"id": 2, "rate": 99}]


def test_a_file_that_was_only_touched_makes_nothing_stale(desk: Desk, rates: Path) -> None:
    rates.write_text(rates.read_text())

    assert not desk.plan().steps


def test_content_that_was_there_before_is_found_in_history(desk: Desk, rates: Path) -> None:
    before = rates.read_text()
    rates.write_text("id,rate\n1,7\n")
    desk.materialize()
    rates.write_text(before)

    assert desk.materialize().counts == {"reused": 1}


def test_such_a_file_is_recorded(desk: Desk, rates: Path) -> None:
    settings = desk.project.manifest("rated")["recipe"]["settings"]

    assert list(settings) == ["file:rates.csv"]
    assert len(settings["file:rates.csv"]) == 64


def test_a_pattern_that_comes_to_match_another_file(desk: Desk) -> None:
    for number in range(5):
        desk.write(f"rates/{number}.csv", f"id,rate\n{number},1\n")
    desk.define(f"FILE = {str(desk.root / 'rates' / '*.csv')!r}\n{RATES}")
    desk.materialize()
    assert not desk.plan().steps
    desk.write("rates/4.csv", "id,rate\n2,1\n")

    assert desk.reasons(desk.plan()) == {"rated": ["file_changed"]}


def test_validate_names_the_file(desk: Desk, rates: Path) -> None:
    assert any("rates.csv, which is none of its inputs" in one for one in desk.project.validate().warnings)


@pytest.mark.parametrize(
    "expression",
    [
        "base.with_columns(at=pl.lit(datetime.now()))",
        "base.with_columns(at=pl.lit(time.time()))",
        "base.with_columns(at=pl.lit(random.random()))",
        'base.filter(pl.col("s").is_in(list({"a", "b", "c", "d", "e", "f", "g"})))',
        'base.select([pl.lit(1).alias(name) for name in {"a", "b", "c", "d", "e", "f", "g"}])',
    ],
)
def test_a_plan_that_comes_out_differently_each_time_is_found(desk: Desk, expression: str) -> None:
    desk.define(f'{BASE}\n@asset(key="odd")\ndef odd(base: pl.LazyFrame) -> pl.LazyFrame:\n    return {expression}\n')
    desk.edit("definitions.py", "import polars as pl\n", "import polars as pl\nprint('loading')\n")

    assert [one for one in desk.project.validate().warnings if one.startswith("odd builds another plan each time")]


def test_a_plan_that_comes_out_the_same_is_not_reported(desk: Desk) -> None:
    desk.define(
        BASE
        + '\n@asset(key="even")\ndef even(base: pl.LazyFrame) -> pl.LazyFrame:\n'
        + '    return base.filter(pl.col("s").is_in(sorted({"a", "b", "c", "d"})))\n'
    )

    assert desk.project.validate().warnings == ()


def test_settings_given_on_the_command_line_hold_in_the_other_process_too(hw, desk: Desk) -> None:
    desk.define(
        BASE
        + "\nclass Limit(Config):\n    most: int\n"
        + '\n@asset(key="some")\ndef some(base: pl.LazyFrame, limit: Limit) -> pl.LazyFrame:\n'
        + '    return base.filter(pl.col("id") < limit.most)\n'
    )
    answer = hw("validate", "--set", "some:most=3", "--json", at=desk.root)

    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["warnings"] == []


@pytest.mark.parametrize(
    ("scan", "changed"),
    [
        ('pl.scan_csv("d/*.csv")', "d/9.csv"),  # a new one
        ('pl.scan_csv("d")', "d/9.csv"),
        ('pl.scan_csv([f"d/{n}.csv" for n in range(5)])', "d/3.csv"),
        ('pl.scan_ndjson("j/*.jsonl").select("k")', "j/3.jsonl"),
        ('pl.scan_csv("odd, name/1.csv")', "odd, name/1.csv"),
        ('pl.scan_csv("<odd>.csv")', "<odd>.csv"),
        ('pl.scan_csv("it[1].csv", glob=False)', "it[1].csv"),
        ('pl.scan_csv(f"file://{HERE}/d/1.csv")', "d/1.csv"),
    ],
)
def test_every_file_that_a_plan_scans_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, scan: str, changed: str
) -> None:
    monkeypatch.chdir(desk.root)
    for number in range(5):
        desk.write(f"d/{number}.csv", f"k\n{number}\n")
        desk.write(f"j/{number}.jsonl", f'{{"k": {number}}}\n')
    for name in ("odd, name/1.csv", "<odd>.csv", "it[1].csv"):
        desk.write(name, "k\n1\n")
    desk.define(
        f"""
        from pathlib import Path
        HERE = str(Path(__file__).parent)

        @asset(key="base")
        def base() -> pl.DataFrame:
            return pl.DataFrame({{"k": [0]}})

        @asset(key="a")
        def a(base: pl.LazyFrame) -> pl.LazyFrame:
            return pl.concat([{scan}, base])
        """
    )
    desk.materialize()
    assert desk.plan().steps == ()
    before = desk.rows("a")

    desk.write(changed, '{"k": 77}\n' if changed.endswith("jsonl") else "k\n77\n")

    assert set(desk.reasons(desk.plan())["a"]) == {"file_changed"}
    desk.materialize()
    assert {"k": 77} in desk.rows("a")
    assert {"k": 77} not in before
