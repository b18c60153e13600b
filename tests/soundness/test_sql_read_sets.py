"""A query gives the same on its read sets alone as on whole tables."""

from __future__ import annotations

from collections import Counter
from random import Random

import duckdb
import pytest

from lineage.columns.sql_asset import read_sql
from tests.soundness.sql_experiment import random_data
from tests.soundness.sql_queries import TABLES, Queries

INPUTS = {
    table: {name: "Int64" if kind == "int" else "String" for name, kind in columns.items()}
    for table, columns in TABLES.items()
}
STARRED = [
    "with c as (select * from t) select a from c",
    "with c as (select * from t), d as (select * from c where b > 1) select id from d order by id",
    "select x.a from (select * from t) as x join (select * from u) as y using (id)",
    "select count(*) as n from (select * from t) as x",
    "select count(*) as n from (select distinct * from t) as x",
    "select a from (select * from t union all select id, c, a, w from u) as x",
    "select id from (select * from t union select * from u) as x",
    "select a from (select * from t order by 2, 3, 1 limit 3) as x",
    "select a from (select * from t order by all limit 3) as x",
    "select c from (select * from t) as x natural join u",
    "select p from (select * from t) as x(o, p, q, r)",
    "select a from (select * exclude (b) from t) as x",
    "select a from (select * replace (b + 1 as a) from t) as x",
    "select a, count(*) as n from (select * from t) as x group by all",
    "select n from (select *, count(*) over (partition by a) as n from t) as x",
    "select id from t where exists (select * from u where u.a = t.a)",
    "select id from t where a in (select k from (select * from v) as x)",
    "select x from (select * from t) as x",
    "select max(columns('[ab]')) from t",
    "with recursive r as (select * from v union all select k + 10, d, e from r where k < 5) select d from r",
    "from (from t) as x select b where a > 1",
    "select * from (select * from t) as x semi join u on x.id = u.id",
    "select e from (pivot v on d using max(k) group by e) as x",
]

READ_SOMEWHERE = [
    "select id from t where columns('^[ab]$') > 1",
    "select id from t where coalesce(*columns('^[ab]$')) > 1",
    "select id, a from t order by columns('^[ab]$') limit 2",
    "select a as b, id from t order by b + 1, id limit 1",
    "select a as b, id from t order by -b, id limit 2",
    "select b from (select a as b, id from t order by abs(b), id limit 2) as x",
    "select x.id, y from t as x, (select max(c) as y from u where u.id = x.a)",
    "select y from t as x, (select x.a + 1 as y)",
    "select y from t as x, (select a + 1 as y)",
    "select id + columns('^[ab]$') as g from t",
    "select (select sum(columns('^c$')) from u) as x, id from t",
    "select id, exists (select 1 from u where columns('^c$') = t.a) as q from t",
    "select greatest(*columns('^[ab]$')) as g from t",
    "select map {id: a} as z from t",
    "select w.upper() as z, w.concat(t.id) as y from t join u using (id)",
    "select rank(order by a desc) over (order by b) as z, id from t",
    "select id, generate_subscripts([a, b, id], 1) as g from t",
    "select n from (select id, a, b from t) unpivot (v for n in (*))",
    "select n, v from (select id, a, b from t) unpivot (v for n in (columns(* exclude (id))))",
]


def _loaded(connection: duckdb.DuckDBPyConnection, random: Random) -> None:
    for table, rows in random_data(random).items():
        listed = ", ".join(f"{name} {'bigint' if kind == 'int' else 'varchar'}" for name, kind in TABLES[table].items())
        connection.execute(f"create or replace table main.{table} ({listed})")
        marks = ", ".join("?" * len(TABLES[table]))
        for row in rows:
            connection.execute(f"insert into main.{table} values ({marks})", row)


def _result(connection: duckdb.DuckDBPyConnection, sql: str, schema: str) -> tuple[list[str], Counter[str]]:
    connection.execute(f"set schema = '{schema}'")
    done = connection.execute(sql)
    return [column[0] for column in done.description], Counter(map(repr, done.fetchall()))


def _held(connection: duckdb.DuckDBPyConnection, read_sets: dict[str, tuple[str, ...]]) -> None:
    connection.execute("create schema if not exists held")
    for table, names in read_sets.items():
        listed = ", ".join(name for name in names if name != "#") or "1 as nothing"
        connection.execute(f"create or replace view held.{table} as select {listed} from main.{table}")


def _same(sql: str, seed: str) -> None:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    _loaded(connection, Random(seed))
    whole = _result(connection, sql, "main")
    _held(connection, read_sql(sql, INPUTS).read_sets)
    assert _result(connection, sql, "held") == whole, sql


@pytest.mark.parametrize("sql", STARRED)
def test_stars_within_a_query_ask_for_what_is_used_of_them(sql):
    _same(sql, sql)


@pytest.mark.parametrize("sql", READ_SOMEWHERE)
@pytest.mark.parametrize("seed", range(4))
def test_columns_are_read_wherever_a_query_names_them(sql, seed):
    _same(sql, f"{sql} {seed}")


def test_random_queries_give_the_same_on_their_read_sets():
    random = Random(5)
    queries = Queries(random, "duckdb")
    for number in range(60):
        _same(queries.query(), str(number))


def test_a_star_in_a_common_table_expression_does_not_read_what_nobody_asks_for():
    sql = "with raw as (select * from t where b > 0) select a from raw"
    assert read_sql(sql, INPUTS).read_sets["t"] == ("a", "b")
