"""An expression check means what DuckDB takes it for, whoever evaluates it."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core import check
from assets_core.check import CheckResult
from lineage.checks import evaluate, validate_checks
from lineage.checks.expressions import sql_condition


def judged(sql: str, frame: pl.DataFrame | pl.LazyFrame, **more: object) -> CheckResult:
    (result,) = evaluate([check.expression(sql, **more)], frame, lookup=lambda key, column: pl.Series([1]))  # type: ignore[arg-type]
    return result


NUMBERS = pl.DataFrame(
    {
        "ok": [0, 5],
        "bad": [1, 2],
        "u8": [100, 200],
        "i8": [100, 1],
        "i32": [2_000_000_000, 1],
        "i64": [2**62, 1],
        "b": [None, True],
        "f": [None, False],
        "few": [1, 1],
    },
    schema_overrides={
        "ok": pl.UInt32, "bad": pl.UInt32, "u8": pl.UInt8, "i8": pl.Int8, "i32": pl.Int32, "few": pl.UInt64,
    },
)  # fmt: skip


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("sql", "failed"),
    [
        ("ok - bad >= 0", 1),
        ("ok - bad > -5", 0),
        ("ok - 5 >= 0", 1),
        ("u8 - 150 >= 0", 1),
        ("u8 + u8 > 199", 0),
        ("-ok < 0 or ok = 0", 0),
        ("i8 + 100 > 0", 0),
        ("i32 * 2 > 0", 0),
        ("b is true", 1),
        ("b is not true", 1),
        ("f is false", 1),
        ("not (b is true)", 1),
        ("b is true or ok > 0", 1),
        ("b is not null and b is true", 1),
        ("strpos('abc', 'b') = few + 1", 0),
        ("max(ok) > 5", 1),
        ("count(*) = 2", 0),
        ("count(*) > 10 and count(*) - 3 < 0", 1),
        ("sum(i32) + sum(i32) > 0 and avg(ok) > avg(bad)", 0),
        ("ok <= max(ok) over ()", 0),
    ],
)
def test_numbers_do_not_wrap_around_and_null_is_not_true(sql: str, failed: int, lazy: bool) -> None:
    assert judged(sql, NUMBERS.lazy() if lazy else NUMBERS).failed_rows == failed


def test_an_aggregate_of_no_rows_is_asked_too() -> None:
    assert not judged("count(*) > 10", NUMBERS.clear()).passed
    assert judged("max(ok) > 10", NUMBERS.clear()).passed


def test_times_are_compared_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    frame = pl.DataFrame({"moment": ["2024-01-01T00:00:00Z"]}).with_columns(
        pl.col("moment").str.to_datetime(time_zone="UTC")
    )
    assert judged("moment = '2024-01-01 00:00:00'", frame).passed


def test_what_is_no_sql_is_refused_although_polars_reads_it() -> None:
    (error,) = validate_checks([check.expression("1 < ok < 10")], NUMBERS.schema)
    assert error.code == "HW171"


@pytest.mark.parametrize("sql", ["big - 1 > 0", "regexp_matches(s, 'x') or epoch(cast(s as timestamp)) > 0"])
def test_a_table_with_numbers_of_128_bits_is_checked(sql: str) -> None:
    big = pl.DataFrame({"big": pl.Series([2**126], dtype=pl.Int128), "s": ["2024-01-01"]})
    assert validate_checks([check.expression(sql)], big.schema) == []
    assert judged(sql, big).passed


def test_a_column_that_duckdb_cannot_take_fails_only_the_check_that_reads_it() -> None:
    deep = pl.DataFrame({"deep": pl.Series([[2**127 - 1]], dtype=pl.List(pl.Int128)), "n": [1]})
    assert judged("n * 2 = 2", deep).passed
    assert "column 'deep' cannot be handed to DuckDB" in judged("deep[1] > 0", deep).message


@pytest.mark.parametrize("sql", ["*", "ok, bad", "interval 1 day", "ok", "null"])
def test_what_is_no_condition_fails_the_check(sql: str) -> None:
    assert "cannot be evaluated" in judged(sql, NUMBERS).message
    assert [error.code for error in validate_checks([check.expression(sql)], NUMBERS.schema)] == ["HW171"]


INTEGERS = (0, 1, 5, -1, 127, 255, 2**24 + 1, 2**31 - 1, 2**32 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), None)
FLOATS = (0.0, -0.0, 0.1, 1.5, 5.0, 2.0**24, 2.0**53, 2.0**63, float("nan"), float("inf"), None)
TEXTS = ("", "a", "A", "\u00e4", "a%", "5", "\U0001f600", "b ", "it's", "back\\slash", None)
VALUES = {
    **dict.fromkeys((pl.Int8, pl.UInt8, pl.Int32, pl.UInt32, pl.Int64, pl.UInt64), INTEGERS),
    **dict.fromkeys((pl.Float32, pl.Float64), FLOATS),
    pl.String: TEXTS,
    pl.Boolean: (True, False, None),
    pl.Decimal(10, 2): ("1.10", "0.10", "5.00", None),
}
TABLE = pl.DataFrame(
    {
        f"{str(dtype).partition('(')[0]}{side}": pl.Series(
            [values[row * step // 3 % len(values)] for row in range(150)], strict=False
        ).cast(dtype, strict=False)
        for dtype, values in VALUES.items()
        for side, step in (("a", 3), ("b", 7))
    }
)
OPERANDS = {
    "number": [name for name, dtype in TABLE.schema.items() if dtype.is_numeric()]
    + ["0", "5", "-1", "0.1", "1.5", "16777217"],
    "text": ["Stringa", "Stringb", "''", "'a'", "'ä'", "'it''s'", "'5'"],
    "truth": ["Booleana", "Booleanb"],
    "small": ["Float32a", "Float32b"],
    "price": ["Decimala", "Decimalb"],
}


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operand = st.sampled_from(OPERANDS[draw(st.sampled_from(sorted(OPERANDS)))])
    one, two, three = draw(operand), draw(operand), draw(operand)
    no = draw(st.sampled_from(["", "not "]))
    compared = f"{one} {draw(st.sampled_from(['=', '<>', '!=', '<', '<=', '>', '>=']))} {two}"
    return draw(
        st.sampled_from(
            [compared, f"{one} {no}in ({two}, {three})", f"{one} {no}between {two} and {three}", f"{one} is {no}null"]
        )
    )


@st.composite
def conditions(draw: st.DrawFn) -> str:
    made = draw(clauses())
    for other in draw(st.lists(clauses(), max_size=2)):
        no = draw(st.sampled_from(["", "not "]))
        made = f"{no}{made} {draw(st.sampled_from(['and', 'or']))} ({other})"
        made = draw(st.sampled_from([made, f"not ({made})"]))
    return made


def assert_same(sql: str) -> None:
    """Fails unless the condition is answered for each row of the table as DuckDB answers it."""
    expected = pl.DataFrame(duckdb.from_arrow(TABLE.to_arrow()).project(f"({sql}) as ok").to_arrow_table())
    found = TABLE.with_columns(ok=sql_condition(sql, TABLE.schema))
    assert found["ok"].to_list() == expected["ok"].to_list(), sql


@given(conditions())
@settings(max_examples=100, deadline=None)
def test_polars_answers_as_duckdb_does(sql: str) -> None:
    assert_same(sql)


@pytest.mark.parametrize("one", [name for name in OPERANDS["number"] if name.endswith("a")])
def test_numbers_of_two_types_compare_as_in_duckdb(one: str) -> None:
    for two in OPERANDS["number"]:
        for compared in "=<":
            assert_same(f"{one} {compared} {two}")
