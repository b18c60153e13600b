"""Assets of very many slots: that the folder lists what is shown is remembered, and never for longer than it holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from lineage.catalog.connect import BUSY_SECONDS
from materializers import shown
from materializers.storage.parquet import ParquetStorage
from tests.desk import Desk

DAYS = 6


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "LOOKED_AT_ONE_BY_ONE", 2)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The assets whose folders were read."""
    found: list[str] = []
    listed = ParquetStorage.listed

    def counted(self: ParquetStorage, asset: str) -> frozenset[bytes | str]:
        found.append(asset)
        return listed(self, asset)

    monkeypatch.setattr(ParquetStorage, "listed", counted)
    return found


@pytest.fixture
def days(desk: Desk) -> Desk:
    desk.define(
        f"""
        @asset(partitions=Daily("2024-01-01", "2024-01-0{DAYS + 1}"))
        def days() -> pl.DataFrame:
            return pl.DataFrame({{"n": [1]}})
        """
    )
    assert len(desk.materialize().steps) == DAYS
    settle()
    return desk


def settle() -> None:
    """Lets so much time pass that a change from now on shows in the times of a folder."""
    time.sleep(0.15)


def files(desk: Desk) -> list[Path]:
    return sorted((desk.root / ".headwater" / "data" / "days").iterdir())


def test_a_folder_is_read_once_as_long_as_nothing_happens_in_it(days: Desk, listings: list[str]) -> None:
    for _ in range(3):
        assert not days.plan().steps
    assert listings == ["days"]


def test_a_folder_that_just_changed_is_read_again(
    days: Desk, listings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "settled", lambda state, began: False)
    assert not days.plan().steps
    assert not days.plan().steps
    assert listings == ["days", "days"]


@pytest.mark.parametrize(
    "harm",
    [Path.unlink, lambda file: file.rename(file.with_name("moved")), lambda file: file.rename(file.parents[1] / "x")],
    ids=["deleted", "renamed", "moved away"],
)
def test_a_file_that_goes_is_missed_though_the_folder_was_known(days: Desk, harm: Callable[[Path], object]) -> None:
    assert not days.plan().steps
    harm(files(days)[2])
    plan = days.plan()
    assert days.reasons(plan) == {"days@2024-01-03": ["output_missing"]}


def test_a_file_that_goes_while_its_folder_is_given_its_old_time_is_missed(days: Desk) -> None:
    folder = files(days)[0].parent
    then = folder.stat()
    assert not days.plan().steps
    files(days)[0].unlink()
    os.utime(folder, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert days.reasons(days.plan()) == {"days@2024-01-01": ["output_missing"]}


def test_another_folder_in_its_place_is_read(days: Desk) -> None:
    assert not days.plan().steps
    folder = files(days)[0].parent
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    assert len(days.plan().steps) == DAYS


def test_what_is_shown_anew_is_looked_for(days: Desk, listings: list[str]) -> None:
    assert not days.plan().steps
    days.edit("definitions.py", "[1]", "[2]")
    assert len(days.materialize().steps) == DAYS
    settle()
    listings.clear()
    for _ in range(2):
        assert not days.plan().steps
    assert listings == ["days"]


def test_nothing_is_kept_and_nobody_waits_while_another_process_writes(days: Desk, listings: list[str]) -> None:
    with closing(connect(days.root / ".headwater" / "catalog.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        began = time.monotonic()
        assert not days.plan().steps
        assert time.monotonic() - began < BUSY_SECONDS / 2
    assert not days.plan().steps
    assert listings == ["days", "days"]


def test_a_catalog_that_nobody_may_write_is_read(days: Desk) -> None:
    project = days.project
    project.catalog._connection().execute("pragma query_only = on")
    assert not project.plan().steps
