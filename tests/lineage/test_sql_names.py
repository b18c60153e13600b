"""Output columns without an alias have the names that the engines themselves give them."""

from __future__ import annotations

import sqlite3

import duckdb
import pytest

from lineage.columns.sql import sql_lineage

TABLE = "t(a int, b varchar, c double, d date, l int[], s struct(x int), ts timestamp)"
ON_DUCKDB = """
a + 1; a + b::int; sum(a); count(*); count(a); count(distinct a); a::int; cast(a as varchar); -a; 'x'; 1; 1.5; null
true; a in (1, 2); a not in (1, 2); a between 1 and 2; not a = 1; b || 'x'; case when a > 1 then 2 else a end
case when a > 1 then 2 end; case a when 1 then 2 else 3 end; a is null; a is not null; upper(b); b like 'x'
coalesce(a, 1); a * (a + 1); a and true; a = 1 and a = 2 and a = 3; a = 1 or a = 2; date '2020-01-01'
extract(year from ts); sum(a) over (partition by b order by a); row_number() over (); count(*) over (); a % 2; a // 2
a <> 1; if(a = 1, 2, 3); nullif(a, 1); trim(b); substring(b, 1, 2); abs(a); round(c, 2); max(a) - min(a); l[1]; s.x
[1, a]; {'k': a}; sum(a) filter (where a > 1); concat(a, b); t.a + 1; string_agg(b, ','); first(a); any_value(b)
try_cast(b as int); exists(select 1); (select 1); year(d); replace(b, 'a', 'b'); a ^ 2; a & 1
"""
ON_SQLITE = [
    "a+1",
    "a  +  1",
    "count(*)",
    "max(a)",
    "upper(b)||'x'",
    "a",
    "t.a",
    "case when a then 1 end",
    "a IN (1,2)",
]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(f"create table {TABLE}")
    return made


@pytest.mark.parametrize("item", [item.strip() for line in ON_DUCKDB.strip().split("\n") for item in line.split(";")])
def test_duckdb_prints_the_expression(connection, item):
    try:
        rows = connection.execute(f"describe select {item} from t").fetchall()
    except duckdb.BinderException:
        rows = connection.execute(f"describe select {item} from t group by all").fetchall()
    assert sql_lineage(f"select {item} from t", dialect="duckdb").columns == (rows[0][0],)


@pytest.mark.parametrize("item", ON_SQLITE)
def test_sqlite_keeps_the_text_as_written(item):
    made = sqlite3.connect(":memory:")
    made.execute("create table t(a, b)")
    names = [column[0] for column in made.execute(f"select {item}, b as z from t").description]
    assert list(sql_lineage(f"select {item}, b as z from t", dialect="sqlite").columns) == names
