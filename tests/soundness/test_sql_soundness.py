"""No column that matters is ever missed: shown by experiment on DuckDB and SQLite."""

from __future__ import annotations

import pytest

from lineage.columns import sql_expressions, sql_query, sql_sources
from tests.soundness.sql_experiment import DuckDB, SQLite, Trial, misses, trials
from tests.soundness.sql_mutants import MUTANTS

SEED = 20130101


@pytest.fixture(scope="module")
def tried() -> list[Trial]:
    """What really matters to some hundred random queries; the extractor takes no part in finding out."""
    return [*trials(SEED, 80, [DuckDB()]), *trials(SEED, 400, [SQLite()])]


def test_no_column_that_changes_an_output_is_missed(tried):
    assert [sentence for one in tried for sentence in misses(one)] == []


def test_no_column_is_missed_where_no_schema_is_known(tried):
    without_stars = [one for one in tried if "*," not in one.sql and "* from" not in one.sql]
    assert [sentence for one in without_stars for sentence in misses(one, schema={})] == []


def test_the_experiment_sees_columns_matter(tried):
    seen = sum(len(places) for one in tried for places in one.effects.values())
    assert seen > 3 * len(tried)


@pytest.mark.parametrize("name", MUTANTS)
def test_an_extractor_without_one_rule_is_caught(tried, name):
    with MUTANTS[name]():
        assert any(_caught(one) for one in tried)
    assert sql_expressions.flow_of is sql_query.flow_of is sql_sources.flow_of


def _caught(one: Trial) -> bool:
    return bool(misses(one))
