"""What the engine is told of SQL assets."""

from __future__ import annotations

import pytest

from assets_core.column_lineage import ColumnRef, EdgeKind, Evidence
from assets_core.errors import HeadwaterError, LineageError, ProjectError
from lineage.columns.sql import sql_tables
from lineage.columns.sql_asset import read_sql
from lineage.columns.sql_bound import bound_names, to_duckdb

FLIGHTS = {"staging.flights": {"id": "Int64", "origin": "String", "dep_delay": "Float64", "tailnum": "String"}}
QUERY = "select origin, avg(dep_delay) as avg_delay from staging.flights group by origin"


def test_the_read_set_is_the_columns_that_the_query_names():
    assert read_sql(QUERY, FLIGHTS).read_sets == {"staging.flights": ("origin", "dep_delay")}


def test_output_columns_and_types_are_those_of_duckdb():
    assert read_sql(QUERY, FLIGHTS).schema == (("origin", "String"), ("avg_delay", "Float64"))


def test_lineage_says_which_columns_a_value_comes_from():
    lineage = read_sql(QUERY, FLIGHTS).lineage
    assert lineage.upstream("avg_delay", direct=True) == {ColumnRef("staging.flights", "dep_delay")}


def test_grouping_touches_the_whole_result_once():
    edges = read_sql(QUERY, FLIGHTS).lineage.edges
    assert [edge.source.column for edge in edges if edge.kind is EdgeKind.GROUP_BY] == ["origin"]


@pytest.mark.parametrize(
    "other",
    [
        "SELECT origin, AVG(dep_delay) AS avg_delay\nFROM staging.flights -- by airport\nGROUP BY origin",
        "select origin, avg(dep_delay) avg_delay from staging.flights group by origin;",
        'select "origin", avg(dep_delay) as avg_delay from staging.flights group by origin',
    ],
)
def test_comments_layout_and_case_of_keywords_do_not_count(other):
    assert read_sql(other, FLIGHTS).digest == read_sql(QUERY, FLIGHTS).digest


@pytest.mark.parametrize(
    "other",
    [
        "select origin, avg(dep_delay) as mean_delay from staging.flights group by origin",
        "select origin, avg(id) as avg_delay from staging.flights group by origin",
        "select origin, avg(dep_delay) as avg_delay from staging.flights group by all",
        "select origin, avg(dep_delay + 1) as avg_delay from staging.flights group by origin",
    ],
)
def test_what_the_query_computes_counts(other):
    assert read_sql(other, FLIGHTS).digest != read_sql(QUERY, FLIGHTS).digest


def test_a_star_is_digested_as_the_columns_it_stands_for():
    written_out = "select id, origin, dep_delay, tailnum from staging.flights"
    assert read_sql("select * from staging.flights", FLIGHTS).digest == read_sql(written_out, FLIGHTS).digest


def test_a_column_added_upstream_changes_the_digest_of_a_star_only():
    wider = {"staging.flights": {**FLIGHTS["staging.flights"], "dest": "String"}}
    star = "select * from staging.flights"
    assert read_sql(star, wider).digest != read_sql(star, FLIGHTS).digest
    assert read_sql(QUERY, wider).digest == read_sql(QUERY, FLIGHTS).digest


def test_counting_rows_reads_no_column():
    reading = read_sql("select count(*) as n from staging.flights", FLIGHTS)
    assert reading.read_sets == {"staging.flights": ()}
    assert reading.lineage.upstream("n") == {ColumnRef("staging.flights", "*")}


def test_an_unknown_column_is_named_with_its_place_and_the_nearest_name():
    with pytest.raises(HeadwaterError) as caught:
        read_sql("select origin,\n  dep_dely from staging.flights", FLIGHTS)
    assert (caught.value.code, caught.value.where) == ("HW216", "line 2, column 3")
    assert "dep_delay" in caught.value.hint


def test_an_ambiguous_name_is_refused_with_its_place():
    tables = {"a": {"id": "Int64"}, "b": {"id": "Int64"}}
    with pytest.raises(LineageError) as caught:
        read_sql("select id from a join b on a.id = b.id", tables)
    assert (caught.value.code, caught.value.where) == ("HW217", "line 1, column 8")


def test_an_unknown_table_is_named_with_the_nearest_one():
    with pytest.raises(LineageError) as caught:
        read_sql("select id from staging.flight", FLIGHTS)
    assert caught.value.code == "HW218"
    assert "staging.flights" in caught.value.hint


@pytest.mark.parametrize("schema", ["temp", "system", "memory", "information_schema", "pg_catalog"])
def test_a_key_that_looks_like_a_table_of_duckdbs_own_is_to_be_written_another_way(schema: str):
    columns = {"id": "Int64"}
    with pytest.raises(LineageError) as caught:
        read_sql(f"select id from {schema}.x", {f"{schema}.x": columns})
    assert caught.value.code == "HW230"
    assert f'"{schema}/x"' in caught.value.hint
    assert read_sql(f'select id from "{schema}/x"', {f"{schema}/x": columns}).read_sets == {f"{schema}/x": ("id",)}


def test_all_wrong_names_are_told_at_once():
    with pytest.raises(ProjectError) as caught:
        read_sql("select orgin, idd from staging.flights", FLIGHTS)
    assert len(caught.value.errors) == 2


def test_several_statements_are_no_asset():
    with pytest.raises(LineageError, match="HW214"):
        read_sql("select 1; select 2", {})


def test_a_statement_that_writes_is_no_asset():
    with pytest.raises(LineageError, match="HW219"):
        read_sql("create table x as select 1 as a", {})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("random()", "random"),
        ("now()", "now"),
        ("current_date", "current_date"),
        ("uuid()", "uuid"),
        ("ago(interval 1 day)", "ago"),
        ("current_localtimestamp()", "current_localtimestamp"),
        ("current_localtime()", "current_localtime"),
        ("age(date '2013-01-01')", "age"),
        ("(date '2013-01-01').age()", "age"),
    ],
)
def test_functions_that_are_not_stable_are_found(call, name):
    assert read_sql(f"select id, {call} as x from staging.flights", FLIGHTS).volatile_functions == (name,)


@pytest.mark.parametrize(
    "call",
    ["age(date '2013-01-02', date '2013-01-01')", "(date '2013-01-02').age(date '2013-01-01')", "histogram(id)"],
)
def test_what_is_like_them_and_stable_is_not(call):
    assert read_sql(f"select {call} as x from staging.flights group by id", FLIGHTS).volatile_functions == ()


@pytest.mark.parametrize("value", ["union_value(n := 1)", "[union_value(n := id)]", "{'a': union_value(n := id)}"])
def test_a_type_that_polars_panics_over_is_not_known(value):
    assert read_sql(f"select {value} as x from staging.flights", FLIGHTS).schema is None


def test_a_text_that_is_run_as_a_query_may_hold_anything():
    assert read_sql("select * from query('select now() as n')", {}).volatile_functions == ("query",)


def test_a_quoted_column_is_no_function():
    tables = {"t": {"current_date": "Date"}}
    assert read_sql('select "current_date" as d from t', tables).volatile_functions == ()


def test_stable_functions_are_not_volatile():
    assert read_sql(QUERY, FLIGHTS).volatile_functions == ()


def test_order_that_reaches_values_is_read_as_a_pseudo_column():
    assert read_sql("select id from staging.flights limit 3", FLIGHTS).read_sets == {"staging.flights": ("id", "#")}


ORDERED = (
    "select sum(id) over (order by carrier rows between 1 preceding and current row) as n from t",
    "select count(*) over (rows 2 preceding) as n from t",
    "select sum(id) over w as n from t window w as (order by carrier rows unbounded preceding)",
    "select t.id from t asof join t as u on t.id >= u.id",
    "select array(select id from t) as n",
    "select json_group_array(id) as n from t",
    "select json_group_object(carrier, id) as n from t",
    "select approx_top_k(id, 2) as n from t",
    "select arg_max_null(id, carrier) as n from t",
    "select mode(carrier) as n from t",
    "select id from t using sample reservoir(3 rows) repeatable (42)",
    "select id from t tablesample 40% (bernoulli, 7)",
    "select distinct carrier collate nocase as n from t",
    "with recursive c(n) using key (n) as (select id from t union select n + 1 from c where n < 3) select n from c",
)
NOT_ORDERED = (
    "select sum(id) over (order by carrier) as n from t",
    "select sum(id) over (order by carrier range between 1 preceding and current row) as n from t",
    "select sum(id) over (order by carrier groups between 1 preceding and current row) as n from t",
    "select sum(id) over (rows between unbounded preceding and unbounded following) as n from t",
    "select rank() over (order by carrier) as n, dense_rank() over (order by id) as m from t",
    "select count(*), sum(id), avg(id), min(carrier), max(id), median(id), stddev(id), count(distinct carrier) from t",
    "select quantile_cont(id, 0.5), histogram(id), entropy(id), bool_and(id > 1), approx_count_distinct(id) from t",
    "select list_avg([id]), list_append([id], 1), upper(carrier) from t",
)


@pytest.mark.parametrize("sql", ORDERED)
def test_a_query_through_which_order_reaches_values_reads_it(sql):
    assert "#" in read_sql(sql, {"t": {"id": "Int64", "carrier": "String"}}).read_sets["t"]


@pytest.mark.parametrize("sql", NOT_ORDERED)
def test_a_query_that_takes_rows_in_any_order_does_not_read_it(sql):
    sql = sql.replace("carrier range", "id range")
    assert "#" not in read_sql(sql, {"t": {"id": "Int64", "carrier": "String"}}).read_sets["t"]


def test_what_a_query_reads_through_a_text_is_not_claimed_to_be_derived():
    lineage = read_sql("select sum(x.b) as z from query_table('t') as x", {"t": {"a": "Int64", "b": "Int64"}}).lineage
    assert lineage.evidence is Evidence.OPAQUE
    assert {str(edge.source) for edge in lineage.edges} >= {"t:a", "t:b"}


def test_quoted_keys_are_single_tables():
    reading = read_sql('select id from "raw/a/b"', {"raw/a/b": {"id": "Int64", "x": "Int64"}})
    assert reading.read_sets == {"raw/a/b": ("id",)}


def test_tables_are_named_as_written_and_common_table_expressions_are_not_tables():
    sql = 'with c as (select * from staging.flights) select * from c join "a/b/c" using (id) join plain using (id)'
    assert sql_tables(sql) == ("staging.flights", "a/b/c", "plain")


def test_a_query_that_does_not_parse_is_refused_with_line_and_column():
    with pytest.raises(LineageError) as caught:
        sql_tables("select a\nfrom t where (")
    assert caught.value.code == "HW210"
    assert caught.value.where.startswith("line 2")


def test_bound_values_are_named_once_in_order():
    sql = "select a::int, ':no', x[1:n] -- :no\nfrom t where d > :partition_start and d < :partition_end or e = :c"
    assert bound_names(sql) == ("partition_start", "partition_end", "c")


def test_bound_values_are_written_with_a_dollar_sign_for_duckdb():
    sql = "select ':no' as s, a::int /* :no */ from t where k=:partition_key"
    assert to_duckdb(sql) == "select ':no' as s, a::int /* :no */ from t where k=$partition_key"


def test_bound_values_carry_no_lineage():
    reading = read_sql("select id, :config_rate as rate from staging.flights where origin = :partition_key", FLIGHTS)
    assert reading.lineage.upstream("rate", direct=True) == frozenset()


WIDE = {"t": {"a": "Int64", "b": "Int64", "s": "String", "st": "Struct({'p': Int64, 'q': String})"}}


@pytest.mark.parametrize(
    ("sql", "columns", "asked", "found"),
    [
        ("select st.*, a from t", ("p", "q", "a"), "q", {"st"}),
        ("select st.*, a from t", ("p", "q", "a"), "a", {"a"}),
        ("pivot t on s in ('x', 'y') using max(b) group by a", ("a", "x", "y"), "y", {"b"}),
        ("select unnest(st), a from t", ("p", "q", "a"), "q", {"st"}),
        ("select unnest(st), a from t", ("p", "q", "a"), "p", {"st"}),
        ("select unnest(st), a from t", ("p", "q", "a"), "a", {"a"}),
        ("select unnest([a, b]), s from t", ("unnest(list_value(a, b))", "s"), "s", {"s"}),
        ("pivot t on s in ('x', 'y') using max(b) group by a", ("a", "x", "y"), "a", {"a"}),
        ("select r.* from t, range(t.b) as r", ("r",), "r", {"b"}),
    ],
)
def test_the_columns_that_a_star_hides_are_told_where_duckdb_knows_them(sql, columns, asked, found):
    reading = read_sql(sql, WIDE)
    assert tuple(name for name, _ in reading.schema) == columns
    assert reading.lineage.columns == columns
    assert {ref.column for ref in reading.lineage.upstream(asked, direct=True)} == found


def test_columns_that_only_the_data_tell_have_the_edges_of_the_star_that_they_are():
    lineage = read_sql("pivot t on s using max(b) group by a", WIDE).lineage
    assert lineage.columns == ("a", "*")
    told = lineage.over(["a", "x", "y"])
    assert told.columns == ("a", "x", "y")
    assert {ref.column for ref in told.upstream("y")} == {"a", "b", "s"}
    assert {ref.column for ref in told.upstream("a")} == {"a"}


def test_fewer_columns_than_are_told_may_each_be_any():
    told = read_sql("pivot t on s using max(b) group by a, b", WIDE).lineage.over(["a"])
    assert {ref.column for ref in told.upstream("a")} == {"a", "b", "s"}


@pytest.mark.parametrize(
    "sql",
    [
        "select q from (select st.*, a from t)",
        "with c as (select st.* from t) select q from c",
        "select x.q from (select st.* exclude (p) from t) as x",
        "select q, count(*) as n from (select st.* from t) group by q",
        "select a as q from (select st.*, a from t) where p = 1",
        "select q, a from (select unnest(st), a from t)",
        "select x.q from (select unnest([st], recursive := true) from t) as x",
    ],
)
def test_fields_that_a_star_in_a_subquery_hides_are_found_by_name(sql):
    reading = read_sql(sql, WIDE)
    assert ColumnRef("t", "st") in reading.lineage.upstream("q")
    assert not reading.warnings


@pytest.mark.parametrize(
    "sql",
    [
        "select a as q from (select st.*, a from t) where q = 'u'",
        "select a as p, p + 1 as q from (select st.*, a from t)",
        "select a as p, p + 1 as q from (select x.* from (select st.*, a from t) as x)",
    ],
)
def test_a_name_that_a_star_may_hide_is_the_field_as_well_as_the_alias(sql):
    assert ColumnRef("t", "st") in read_sql(sql, WIDE).lineage.upstream("q")
