"""Time travel: data, lineage and status as they were."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from headwater.moment import state_then
from tests.desk import Desk

FIRST = """
@asset(key="numbers")
def numbers() -> pl.DataFrame:
    return pl.DataFrame({"n": [1], "m": [5]})

@asset(key="doubled")
def doubled(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers.select(pl.col("n") * 2)
"""


@pytest.fixture
def then(desk: Desk) -> str:
    """A moment at which the first version was published; ``doubled`` came to read another column afterwards."""
    desk.define(FIRST)
    desk.materialize()
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    desk.define(FIRST.replace('pl.col("n") * 2', 'pl.col("m").alias("n")'))
    desk.materialize()
    return moment


def test_data_as_of_a_moment(desk: Desk, then: str) -> None:
    assert desk.rows("doubled") == [{"n": 5}]
    assert desk.project.scan("doubled", as_of=then).collect().to_dicts() == [{"n": 2}]


def test_data_as_of_a_run(desk: Desk, then: str) -> None:
    first = desk.project.runs()[-1].id

    assert desk.project.scan("doubled", as_of=f"run:{first}").collect().to_dicts() == [{"n": 2}]


def test_lineage_as_of_a_moment(desk: Desk, then: str) -> None:
    columns = {one.column for one in desk.project.lineage("doubled").upstream("n", direct=True)}
    before = {one.column for one in desk.project.lineage("doubled", then).upstream("n", direct=True)}

    assert (columns, before) == ({"m"}, {"n"})


def test_status_as_of_a_moment_names_what_was_published(desk: Desk, then: str) -> None:
    found = state_then(desk.project, then)
    now = desk.project.catalog.published("dev")

    shown = {str(slot): made and made.id == now[slot].id for slot, made in found.shown.items()}
    assert shown == {"numbers": True, "doubled": False}


def test_before_anything_was_published_every_slot_is_missing(desk: Desk, then: str) -> None:
    assert set(state_then(desk.project, "2000-01-01").shown.values()) == {None}


def test_status_as_of_has_assets_that_are_gone_from_the_code(desk: Desk, then: str) -> None:
    desk.define(FIRST.partition('@asset(key="doubled")')[0])

    assert [str(slot) for slot in state_then(desk.project, then).shown] == ["numbers", "doubled"]
    assert [str(slot) for slot in state_then(desk.project, then, "numbers").shown] == ["numbers"]


def test_the_status_document_as_of_a_moment(hw, desk: Desk, then: str) -> None:
    desk.close()
    document = hw("status", "--as-of", then, "--json", at=desk.root).document

    assert document["counts"] == {"published": 2}
    assert set(document["slots"][0]) == {
        "asset", "partition", "state", "materialization", "created", "run", "rows", "accepted"
    }  # fmt: skip


def test_the_status_text_as_of_a_moment(hw, desk: Desk, then: str) -> None:
    desk.close()

    assert "2 slots, 2 published" in hw("status", "--as-of", then, at=desk.root).out
    assert hw("status", "--as-of", then, "--why", at=desk.root).status == 2
    assert hw("status", "--as-of", "yesterdayish", at=desk.root).status == 2


@pytest.mark.parametrize("words", [("data", "doubled"), ("lineage", "doubled:n")])
def test_commands_take_a_moment(hw, desk: Desk, then: str, words: tuple[str, ...]) -> None:
    desk.close()

    assert hw(*words, "--as-of", then, at=desk.root).out != hw(*words, at=desk.root).out
