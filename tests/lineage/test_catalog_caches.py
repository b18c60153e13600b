"""What the catalog remembers to save work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.catalog.store import Catalog
from lineage.catalog.values import FileStamp


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as opened:
        yield opened


def test_an_untouched_file_is_known_by_its_stamp(catalog: Catalog) -> None:
    stamp = FileStamp("data/a.csv", 10, 1, 2, 3)
    catalog.remember_files({stamp: "d1"})
    assert catalog.file_digests([stamp]) == {stamp: "d1"}


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_a_file_that_differs_in_anything_is_not_known(catalog: Catalog, field: str) -> None:
    stamp = FileStamp("data/a.csv", 10, 1, 2, 3)
    catalog.remember_files({stamp: "d1"})
    assert catalog.file_digests([stamp._replace(**{field: 99})]) == {}


def test_a_changed_file_replaces_what_was_remembered(catalog: Catalog) -> None:
    old, new = FileStamp("data/a.csv", 10, 1, 2, 3), FileStamp("data/a.csv", 11, 5, 5, 3)
    catalog.remember_files({old: "d1"})
    catalog.remember_files({new: "d2"})
    assert catalog.file_digests([old, new]) == {new: "d2"}


def test_nothing_is_asked_for_and_nothing_found(catalog: Catalog) -> None:
    assert catalog.file_digests([]) == {}
    assert catalog.derivation("") is None
