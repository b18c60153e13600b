"""Every fixture case gives exactly the lineage that is written beside it."""

from __future__ import annotations

import pytest

from tests.lineage.sql_fixtures import Case, read_cases, shown

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.title}")
def test_a_statement_has_the_lineage_written_beside_it(case: Case):
    assert shown(case) == case.expected


def test_there_is_a_case_for_every_construct():
    assert len(CASES) >= 300


def test_no_two_cases_of_a_file_have_one_title():
    titles = [(case.file, case.title) for case in CASES]
    assert len(titles) == len(set(titles))
