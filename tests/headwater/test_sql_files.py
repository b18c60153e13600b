"""Files of SQL: where the header is found, and what of a folder cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets_core.errors import HeadwaterError
from tests.desk import Desk

HEADER = '/* headwater\nunique_key = "a"\n*/\n'
QUERY = "select 1 as a\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.write("headwater.toml", '[project]\nname = "desk"\nsql = ["sql"]\n')
    return desk


@pytest.mark.parametrize(
    "before",
    ["\n\n", "-- SPDX-License-Identifier: MIT\n", "/* Copyright */ /* of **us** */\n-- and others\n", "\ufeff"],
)
@pytest.mark.parametrize("header", [HEADER, HEADER.replace("headwater", "Headwater")])
def test_a_header_counts_whatever_comments_stand_before_it(desk: Desk, before: str, header: str) -> None:
    desk.write("sql/q.sql", before + header + QUERY)

    assert tuple(desk.project.graph.definitions["q"].unique_key) == ("a",)


def test_many_comments_without_a_header_are_read_at_once(desk: Desk) -> None:
    desk.write("sql/q.sql", "/* one of many */\n" * 1000 + QUERY)

    assert desk.materialize().ok


def test_a_folder_that_is_named_like_a_file_is_no_file(desk: Desk) -> None:
    desk.write("sql/old.sql/q.sql", QUERY)

    assert [*desk.project.graph.definitions] == ["old.sql/q"]


def test_a_link_that_leads_nowhere_is_told(desk: Desk) -> None:
    desk.write("sql/q.sql", QUERY)
    (desk.root / "sql" / "gone.sql").symlink_to("nowhere.sql")

    with pytest.raises(HeadwaterError, match=r"HW146 gone\.sql cannot be read"):
        desk.project  # noqa: B018 -- loading is the test
