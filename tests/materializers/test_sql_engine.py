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


@pytest.mark.parametrize("sql", ["select 1 as a, 2 as a", "select * from nothing", "select 'x'::int"])
def test_what_cannot_be_handed_over_is_told(sql: str) -> None:
    assert refused(sql).code == "HW320"


@pytest.mark.parametrize(
    "number", ["340282366920938463463374607431768211455::uhugeint", "170141183460469231731687303715884105727::hugeint"]
)
def test_a_number_that_does_not_fit_is_refused_and_not_changed(number: str) -> None:
    assert refused(f"select {number} as n").code == "HW322"


@pytest.mark.parametrize(
    "form", ["{}", "[{}]", "{{'a': {}}}", "map {{'a': {}}}", "map {{{}: 1}}", "[[{}], null]", "array_value({})"]
)
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("interval 1 month", "date_diff"),
        ("(timestamp '2024-01-02' - timestamp '2024-01-01')", "date_diff"),
        ("'05:00+02'::timetz", "VARCHAR"),
        ("5::uhugeint", "DECIMAL"),
        ("5::bignum", "DOUBLE"),
        ("'101'::bit", "VARCHAR"),
        ("(-170141183460469231731687303715884105727)::hugeint", "DOUBLE"),
    ],
)
def test_a_value_that_does_not_survive_the_way_is_refused_wherever_it_is(value: str, form: str, hint: str) -> None:
    error = refused(f"select a, {form.format(value)} as n from data")
    assert (error.code, hint in error.hint, "'n'" in error.what) == ("HW322", True, True)


def test_a_union_is_refused() -> None:
    assert refused("select union_value(n := 1) as n").code == "HW322"


def test_a_field_that_is_only_named_like_a_type_is_no_reason_to_refuse() -> None:
    assert run_query("select {'INTERVAL': 1::hugeint, 'UHUGEINT': null} as n", {}, {}, "q").height == 1


@pytest.mark.parametrize("form", ["{}", "[{}, null]", "{{'a': {}}}", "map {{'a': {}}}", "array_value({}, null)"])
def test_a_number_of_38_digits_is_handed_over_wherever_it_is(form: str) -> None:
    number = "9" * 38
    assert number in str(run_query(f"select {form.format(number + '::hugeint')} as n", {}, {}, "q").row(0))


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


WIDE = pl.DataFrame(
    {
        "signed": pl.Series([2**127 - 1, -(2**127), None], dtype=pl.Int128),
        "unsigned": pl.Series([2**128 - 1, 0, None], dtype=pl.UInt128),
        "half": pl.Series([1.5, -0.1, None], dtype=pl.Float16),
        "listed": pl.Series([[2**100, None], [], None], dtype=pl.List(pl.Int128)),
        "fixed": pl.Series([[1.5, None], [0, 0], None], dtype=pl.Array(pl.Float16, 2)),
        "packed": pl.Series([{"a": 2**100, "b": "x"}] * 3, dtype=pl.Struct({"a": pl.UInt128, "b": pl.String})),
        'odd "name"': pl.Series([1, 2, 3], dtype=pl.Int128),
    }
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select count(*) from data", 3),
        ("select max(signed)::varchar || ' ' || min(signed)::varchar from data", f"{2**127 - 1} {-(2**127)}"),
        ("select max(unsigned)::varchar from data", str(2**128 - 1)),
        ("select typeof(signed) || typeof(unsigned) from data limit 1", "HUGEINTUHUGEINT"),
        ("select half from data limit 1", 1.5),
        ("select half = -0.0999755859375 from data offset 1 limit 1", True),
        ("select listed[1]::varchar from data limit 1", str(2**100)),
        ("select fixed[1] from data limit 1", 1.5),
        ("select packed.a::varchar || packed.b from data limit 1", f"{2**100}x"),
        ('select sum("odd ""name""")::int from data', 6),
    ],
)
def test_types_that_duckdb_does_not_take_arrive_with_all_their_values(sql: str, expected: object) -> None:
    assert run_query(sql, {"data": WIDE}, {}, "q").item() == expected


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([object()], dtype=pl.Object),
        pl.Series([[2**127 - 1]], dtype=pl.List(pl.Int128)),
        pl.Series([[]], dtype=pl.Array(pl.Int64, 0)),
    ],
    ids=["Object", "List(Int128)", "Array(Int64, 0)"],
)
def test_a_column_that_cannot_be_handed_to_duckdb_is_named(column: pl.Series) -> None:
    with pytest.raises(DataError, match="column 'odd' cannot be handed to DuckDB") as caught:
        run_query("select 1", {"data": pl.DataFrame({"odd": column})}, {}, "q")
    assert caught.value.code == "HW323"
