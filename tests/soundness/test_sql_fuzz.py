"""Whatever the text, there is a result or a clear error, soon."""

from __future__ import annotations

import pytest

from lineage.columns.sql import sql_lineage
from tests.soundness.sql_fuzz import fuzz


def test_mutated_statements_give_a_result_or_a_headwater_error():
    outcome = fuzz(1500, seed=7)
    assert (outcome.crashes, outcome.slow) == ([], [])
    assert outcome.results > 500


DEEP = {
    "parentheses": "select " + "(" * 1000 + "a" + ")" * 1000 + " as x from t",
    "chained common table expressions": "with c0 as (select a from t)"
    + "".join(f", c{place} as (select a from c{place - 1})" for place in range(1, 500))
    + " select * from c499",
    "branches of a union": " union all ".join(["select a from t"] * 600),
    "nested subqueries": "select a from " + "(select a from " * 400 + "t" + ")" * 400,
    "additions": "select " + " + ".join(["a"] * 5000) + " as x from t",
    "nested CASE": "select " + "case when a = 1 then a else " * 800 + "a" + " end" * 800 + " as x from t",
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_read_without_recursion_errors(name):
    lineage = sql_lineage(DEEP[name], schema={"t": {"a": "int"}})
    assert {str(source) for source in lineage.upstream(0, direct=True)} == {"t:a"}


def test_a_star_over_two_thousand_columns_is_expanded_in_order():
    names = [f"c{place}" for place in range(2000)]
    lineage = sql_lineage("with w as (select * from t) select * from w", schema={"t": dict.fromkeys(names, "int")})
    assert list(lineage.columns) == names
    assert all(edge.source.column == edge.target for edge in lineage.edges)
