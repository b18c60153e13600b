"""What a query may be, and what its result may hold."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets_core.errors import DataError
from materializers.sql_engine import run_query

DATA = {"data": pl.DataFrame({"a": [1, 2]})}


def refused(sql: str) -> DataError:
    with pytest.raises(DataError) as caught:
        run_query(sql, DATA, {}, "q")
    return caught.value


@pytest.mark.parametrize(
    "sql",
    [
        *("", ";", "-- nothing", "select 1; select 2", "create table x as select 1", "insert into data values (3)"),
        *("set threads = 4", "pragma version", "attach ':memory:' as x", "copy data to 'x.csv'"),
    ],
)
def test_what_is_not_one_query_is_refused(sql: str) -> None:
    assert refused(sql).code == "HW321"


def test_a_query_writes_no_file_where_temporary_ones_are_allowed(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    assert refused(f"copy data to '{target}'").code == "HW321"
    assert not target.exists()


def test_a_query_reads_no_file(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("a\n1\n")
    assert refused(f"select * from read_csv('{source}')").code == "HW320"


@pytest.mark.parametrize("sql", ["pivot data on a using count(*)", "summarize data", "from data", "values (1)"])
def test_queries_of_every_form_run(sql: str) -> None:
    assert run_query(sql, DATA, {}, "q").height


@pytest.mark.parametrize(
    "sql", ["select 1 as a, 2 as a", "select interval 1 month as m", "select * from nothing", "select 'x'::int"]
)
def test_what_cannot_be_handed_over_is_told(sql: str) -> None:
    assert refused(sql).code == "HW320"


@pytest.mark.parametrize(
    "number", ["340282366920938463463374607431768211455::uhugeint", "170141183460469231731687303715884105727::hugeint"]
)
def test_a_number_that_does_not_fit_is_refused_and_not_changed(number: str) -> None:
    assert refused(f"select {number} as n").code == "HW322"


def test_sums_are_handed_over_exactly() -> None:
    found = run_query(
        "select sum(x) as s from (values (9223372036854775807), (9223372036854775807)) as t(x)", {}, {}, ""
    )
    assert str(found["s"][0]) == "18446744073709551614"


def test_a_query_after_one_that_broke_the_connection_runs() -> None:
    beyond = duckdb.sql("select 170141183460469231731687303715884105728::uhugeint as u").to_arrow_table()
    broken = pl.from_arrow(beyond)
    assert isinstance(broken, pl.DataFrame)
    with pytest.raises(DataError):  # the number has no text, which DuckDB takes for an error of its own
        run_query("select u::varchar as t from data", {"data": broken}, {}, "q")
    assert run_query("select 42 as ok", {}, {}, "q")["ok"].to_list() == [42]
