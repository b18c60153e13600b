"""The public functions: results by position, scripts, tables, and what happens with bad input."""

from __future__ import annotations

import pytest

from assets_core.column_lineage import ColumnRef, Edge, EdgeKind, Resolution
from assets_core.errors import HeadwaterError, LineageError
from lineage.columns.sql import sql_lineage, sql_script_lineage, sql_tables
from lineage.columns.sql_binding import duckdb_type

SCHEMA = {"t": {"a": "int", "b": "int"}, "u": {"a": "int", "x": "int"}}


def test_outputs_of_one_name_are_told_apart_by_position():
    found = sql_lineage("select a as z, b as z from t", schema=SCHEMA)
    assert found.upstream(0, direct=True) == {ColumnRef("t", "a")}
    assert found.upstream(1, direct=True) == {ColumnRef("t", "b")}


def test_an_edge_that_touches_the_whole_result_is_kept_once():
    found = sql_lineage("select a, b from t where b > 1", schema=SCHEMA)
    assert Edge(ColumnRef("t", "b"), None, EdgeKind.FILTER) in found.edges
    assert len([edge for edge in found.edges if edge.kind is EdgeKind.FILTER]) == 1


def test_a_bare_query_has_no_target_and_an_insert_has_one():
    assert sql_lineage("select a from t").target is None
    assert sql_lineage("insert into db.d select a from t").target == "db.d"


def test_a_star_of_an_unknown_table_is_marked():
    (edge,) = sql_lineage("select * from t").edges
    assert (edge.source, edge.resolution) == (ColumnRef("t", "*"), Resolution.STAR)


def test_an_ambiguous_name_has_an_edge_from_every_candidate():
    found = sql_lineage("select a from t join u on t.k = u.k")
    candidates = {edge.source for edge in found.edges if edge.resolution is Resolution.AMBIGUOUS}
    assert candidates == {ColumnRef("t", "a"), ColumnRef("u", "a")}


def test_several_tables_written_are_told_apart_by_the_script_reader():
    sql = "from s insert into d select a where b = 1 insert into e select c"
    assert [found.target for found in sql_script_lineage(sql, dialect="hive")] == ["d", "e"]
    assert sql_lineage(sql, dialect="hive").columns == ("a", "c")


def test_a_schema_may_be_nested_or_list_names_only():
    nested = {"db": {"t": {"a": "int"}}}
    assert sql_lineage("select * from db.t", schema=nested).columns == ("a",)
    assert sql_lineage("select * from t", schema={"t": ["a", "b"]}).columns == ("a", "b")


def test_a_name_of_a_dialect_may_be_written_in_any_case():
    assert sql_lineage("select a from t", dialect="DuckDB").columns == ("a",)


def test_tables_read_are_named_once_in_order():
    assert sql_tables("select 1 from b join a on b.x = a.x join b as c on true") == ("b", "a")


def test_tables_read_in_subqueries_and_unused_expressions_count():
    sql = "with unused as (select * from p) select (select max(x) from q) from r where exists (select 1 from s)"
    assert set(sql_tables(sql)) == {"p", "q", "r", "s"}


def test_a_semicolon_behind_the_statement_does_no_harm():
    assert sql_lineage("select a from t ; -- done\n").columns == ("a",)


BAD = [
    ("select a from where", "duckdb", "HW210"),
    ("selec a from t", "duckdb", "HW210"),
    ("this is not sql", "postgres", "HW210"),
    ("select 'open from t", "duckdb", "HW210"),
    ("select a from {{ ref('t') }}", "duckdb", "HW211"),
    ("{% if x %} select a from t {% endif %}", "snowflake", "HW211"),
    ("", "duckdb", "HW212"),
    ("  -- nothing\n/* here */ ;", "duckdb", "HW212"),
    ("select 1", "duckdbb", "HW213"),
    ("select 1; select 2", "duckdb", "HW214"),
]


@pytest.mark.parametrize(("sql", "dialect", "code"), BAD)
def test_bad_input_is_refused_with_a_code(sql, dialect, code):
    with pytest.raises(LineageError) as caught:
        sql_lineage(sql, dialect=dialect)
    assert caught.value.code == code


def test_text_that_does_not_parse_is_refused_with_line_and_column():
    with pytest.raises(LineageError) as caught:
        sql_lineage("select a,\n  b b b from t")
    assert caught.value.where.startswith("line 2, column ")


def test_the_nearest_dialect_is_named():
    with pytest.raises(LineageError) as caught:
        sql_lineage("select 1", dialect="postgers")
    assert caught.value.hint == "did you mean 'postgres'?"


def test_braces_in_a_string_are_no_template():
    assert sql_lineage("select '{{ a }}' as s, a from t").columns == ("s", "a")


def test_an_unknown_column_is_kept_and_told_with_its_place_and_the_nearest_name():
    found = sql_lineage("select a,\n  bb from t", schema={"t": {"a": "int", "bbb": "int"}})
    assert found.warnings == ("unknown column 'bb' at line 2, column 3 (did you mean 'bbb'?)",)
    assert Edge(ColumnRef("t", "bb"), "bb", EdgeKind.IDENTITY, 1, Resolution.UNSUPPORTED) in found.edges


def test_a_statement_that_only_a_related_dialect_parses_is_read_as_that_with_a_warning():
    found = sql_lineage("select a from t minus select a from u", dialect="postgres")
    assert found.upstream(0, direct=True) == {ColumnRef("t", "a")}
    assert found.warnings


def test_statements_without_lineage_say_so():
    assert sql_lineage("drop table t").warnings == ("DROP carries no lineage",)


@pytest.mark.parametrize("sql", ["select 1 as a from t", "delete from t", "select count(*) as n from t"])
def test_no_result_that_reads_a_table_is_empty(sql):
    assert {edge.source.table for edge in sql_lineage(sql).edges} == {"t"}


def test_errors_are_of_the_one_family():
    with pytest.raises(HeadwaterError):
        sql_script_lineage("select (", dialect="bigquery")


def test_types_that_duckdb_does_not_take_are_derived_as_they_are_handed_over() -> None:
    found = [duckdb_type(dtype) for dtype in ("Int128", "UInt128", "Float16", "List(Int128)")]
    assert found == ["HUGEINT", "UHUGEINT", "FLOAT", "DECIMAL(38,0)[]"]
