"""Each kind of check passes on good rows, counts and samples bad ones, and says what is wrong in one sentence."""

from __future__ import annotations

import json
import time
from datetime import date, datetime, timedelta
from datetime import time as day_time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets_core import check
from assets_core.check import Check, CheckResult
from assets_core.errors import DataError
from lineage.checks import evaluate, validate_checks
from lineage.checks.evaluate import in_passing
from lineage.fingerprint import tally_for

FRAME = pl.DataFrame(
    {
        "id": [1, 2, 2, None],
        "value": [0.5, 20.0, None, float("nan")],
        "label": ["a", "b", None, "cc"],
        "day": [date(2013, 1, 1), date(2013, 1, 2), None, date(2014, 1, 1)],
        "kind": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["x", "y"])),
        "price": pl.Series([Decimal("1.50"), None, Decimal("2.00"), Decimal("9.99")], dtype=pl.Decimal(10, 2)),
    }
)


def nothing(key: str, column: str) -> pl.Series:
    raise KeyError(key)


def one(rule: Check, frame: pl.DataFrame | pl.LazyFrame = FRAME, lookup: Any = nothing) -> CheckResult:
    (result,) = evaluate([rule], frame, lookup=lookup)
    return result


@pytest.mark.parametrize(
    ("rule", "failed"),
    [
        (check.not_null("id"), 1),
        (check.not_null("id", "label"), 2),
        (check.unique("id"), 2),
        (check.unique("id", "label"), 0),
        (check.between("id", 1, 2), 0),
        (check.between("id", 2), 1),
        (check.between("value", 0, 10), 2),
        (check.between("day", "2013-01-01", "2013-12-31"), 1),
        (check.between("day", date(2013, 1, 2)), 1),
        (check.between("price", 1, 5), 1),
        (check.accepted_values("label", ["a", "b"]), 1),
        (check.accepted_values("kind", ["x", "z"]), 1),
        (check.accepted_values("id", [1, 300, 1.5]), 2),
        (check.matches("label", "[a-c]"), 1),
        (check.matches("label", "[a-c]+"), 0),
        (check.matches("label", "(?!b)."), 2),
        (check.matches("label", "(?i)A|B|CC"), 0),
        (check.expression("id > 1"), 1),
        (check.expression("id is null or value is null or id > value or label = 'a'"), 1),
        (check.expression("regexp_full_match(label, '[a-c]')"), 1),
        (check.foreign_key("id", "other", "id"), 2),
    ],
    ids=lambda given: given.name if isinstance(given, Check) else None,
)
@pytest.mark.parametrize("lazy", [False, True])
def test_rows_that_break_a_rule_are_counted(rule: Check, failed: int, lazy: bool) -> None:
    result = one(rule, FRAME.lazy() if lazy else FRAME, lambda key, column: pl.Series([1, 3, None], dtype=pl.Int32))
    assert (result.failed_rows, result.passed) == (failed, failed == 0)
    assert bool(result.message) == bool(failed)
    assert len(result.sample) == min(failed, 5)


@pytest.mark.parametrize("unique_key", [("day",), ()], ids=["by key", "without key"])
def test_counted_while_rows_are_stored_they_say_the_same(unique_key: tuple[str, ...]) -> None:
    frame = pl.concat([FRAME] * 3)
    checks = [
        check.not_null("id", "label"),
        check.unique("id"),
        check.between("value", 0, 10),
        check.between("value", 0.75),
        check.between("day", "2013-01-01", "2013-12-31"),
        check.between("price", 1, 5.001),
        check.row_count(minimum=100),
        check.accepted_values("label", ["a", "b"]),
        check.accepted_values("kind", ["x", "z"]),
        check.accepted_values("day", [date(2013, 1, 1)]),
        check.matches("label", "[a-c]"),
        check.between("nothing", 1),
        check.not_null("day"),
    ]
    conditions = in_passing(checks, frame.schema)
    assert sorted(conditions) == [0, 2, 3, 4, 5, 7, 8, 9, 12]
    tally = tally_for(frame.schema, unique_key=unique_key, read_sets=[("id",)], conditions=conditions)
    for part in (frame.head(5), frame.slice(5)):
        tally.take(tally.over(part.lazy()).collect(engine="streaming"))
    assert sorted(tally.fulfilled) == sorted(conditions)
    assert evaluate(checks, frame.lazy(), lookup=nothing, counts=tally.fulfilled) == evaluate(
        checks, frame.lazy(), lookup=nothing
    )


def test_what_is_counted_already_is_not_counted_again() -> None:
    (result,) = evaluate([check.not_null("id")], FRAME, lookup=nothing, counts={0: 2})
    assert result.failed_rows == 2


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (check.not_null("id"), "1 of 4 rows have no value in 'id'"),
        (check.unique("id"), "2 of 4 rows share their id with another row"),
        (check.between("value", 0, 10), "2 of 4 rows have value outside 0 to 10"),
        (check.row_count(5), "there are 4 rows, fewer than 5"),
        (check.row_count(0, 3), "there are 4 rows, more than 3"),
        (check.not_null("idd"), "the check cannot be evaluated: there is no column 'idd' (did you mean 'id'?)"),
        (
            check.matches("id", "1"),
            "the check cannot be evaluated: column 'id' holds Int64, and only text can match a pattern",
        ),
        (
            check.foreign_key("id", "other"),
            "the check cannot be evaluated: other:id has no published data to compare with",
        ),
        (Check("uniqe", ("id",)), "the check cannot be evaluated: there is no check 'uniqe' (did you mean 'unique'?)"),
    ],
)
def test_a_failure_is_said_in_one_sentence(rule: Check, message: str) -> None:
    result = one(rule)
    assert not result.passed
    assert result.message == message


@pytest.mark.parametrize("rule", [check.row_count(4), check.row_count(maximum=4), check.row_count(1, 10)])
def test_a_row_count_within_bounds_passes(rule: Check) -> None:
    assert one(rule).passed


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("frame", "columns", "failed"),
    [
        ({"a": [None, None, 1]}, ["a"], 0),
        ({"a": [None, None, 1, 1]}, ["a"], 2),
        ({"a": [None, None], "b": [1, 1]}, ["a", "b"], 0),
        ({"a": [1, 1, None], "b": [2, 2, None]}, ["a", "b"], 2),
    ],
)
def test_nulls_may_repeat_in_what_is_unique(
    frame: dict[str, list[int]], columns: list[str], failed: int, lazy: bool
) -> None:
    given = pl.DataFrame(frame)
    assert one(check.unique(*columns), given.lazy() if lazy else given).failed_rows == failed


def test_samples_are_bounded_and_json_with_the_checked_column_first() -> None:
    frame = pl.DataFrame({f"c{number}": range(30) for number in range(30)}).with_columns(
        bad=pl.lit(None),
        when=pl.lit(datetime(2020, 1, 1)),
        blob=pl.lit(b"\xff"),
        text=pl.lit("x" * 1000),
        nan=pl.lit(float("nan")),
    )
    result = one(check.not_null("bad", "when", "blob", "text", "nan"), frame)
    assert len(result.sample) == 5
    assert list(result.sample[0])[:5] == ["bad", "when", "blob", "text", "nan"]
    assert len(json.dumps(result.sample, allow_nan=False)) < 5000


def test_a_check_that_cannot_be_evaluated_does_not_stop_the_others() -> None:
    rules = [check.not_null("gone"), check.expression("label::int > 1"), check.not_null("label")]
    results = evaluate(rules, FRAME, lookup=nothing)
    assert [result.failed_rows for result in results] == [None, None, 1]
    assert not any(result.passed for result in results)


@pytest.mark.parametrize("lazy", [False, True])
def test_an_expression_that_duckdb_cannot_compute_on_these_rows_fails_alone(lazy: bool) -> None:
    frame = pl.DataFrame({"s": ["2024-01-01", "oops"]})
    rules = [check.expression("epoch(cast(s as timestamp)) > 0", severity="warn"), check.matches("s", "2.*")]
    failed, other = evaluate(rules, frame.lazy() if lazy else frame, lookup=nothing)
    assert failed.message.startswith("the check cannot be evaluated: it cannot be computed: Conversion Error: ")
    assert (failed.passed, failed.blocks, other.failed_rows) == (False, False, 1)


def test_a_warning_does_not_block() -> None:
    assert not one(check.not_null("id", severity="warn")).blocks
    assert one(check.not_null("id")).blocks


def test_all_rows_of_an_empty_table_pass() -> None:
    rules = [check.not_null("id"), check.unique("id"), check.between("value", 0, 1), check.expression("id > 1")]
    assert all(result.passed for result in evaluate(rules, FRAME.clear(), lookup=nothing))


def test_no_checks_need_no_look_at_the_data() -> None:
    assert evaluate([], pl.LazyFrame({"a": [1]}).select(pl.col("gone")), lookup=nothing) == []


def test_a_foreign_key_accepts_the_other_assets_lazy_frame() -> None:
    found = pl.LazyFrame({"code": ["a", "b", "cc"], "name": ["x", "y", "z"]})
    assert one(check.foreign_key("label", "other", "code"), lookup=lambda key, column: found).passed


def test_a_foreign_key_of_another_type_is_refused() -> None:
    result = one(check.foreign_key("id", "other", "x"), lookup=lambda key, column: pl.Series(["1"]))
    assert result.message.endswith("Int64 cannot refer to other:x, which holds String")


def test_why_the_other_asset_cannot_be_read_is_passed_on() -> None:
    def damaged(key: str, column: str) -> pl.Series:
        raise DataError("HW300", "the file is damaged")

    assert "the file is damaged" in one(check.foreign_key("id", "other"), lookup=damaged).message


def test_stored_data_that_is_gone_fails_the_foreign_key_and_nothing_else(tmp_path: Path) -> None:
    gone = pl.scan_parquet(tmp_path / "gone.parquet", schema={"id": pl.Int64})
    rules = [check.foreign_key("id", "other"), check.not_null("label")]
    results = evaluate(rules, FRAME, lookup=lambda key, column: gone)
    assert "other:id cannot be read" in results[0].message
    assert results[1].failed_rows == 1


def test_a_condition_over_the_whole_table_is_evaluated_once() -> None:
    assert one(check.expression("max(id) < 3")).passed
    assert not one(check.expression("count(*) > 10")).passed


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt8, pl.Float64, pl.Decimal(10, 2)])
def test_a_limit_without_end_is_no_limit(dtype: Any) -> None:
    frame = pl.DataFrame({"x": pl.Series([1, 2], dtype=dtype)})
    assert one(check.between("x", float("-inf"), float("inf")), frame).passed


@pytest.mark.parametrize(
    ("values", "limit"),
    [
        ([timedelta(days=1)], day_time(1)),
        ([day_time(1)], timedelta(days=1)),
        ([timedelta(days=1)], b"a"),
        ([b"a"], day_time(1)),
    ],
)
def test_a_limit_of_another_kind_fails_the_check_and_raises_nothing(values: list[object], limit: Any) -> None:
    frame = pl.DataFrame({"x": values})
    for rule in (check.between("x", limit, None), check.accepted_values("x", [limit])):
        result = one(rule, frame)
        assert (result.passed, "cannot be compared with column 'x'" in result.message) == (False, True)


@pytest.mark.parametrize(
    ("name", "sql", "failed"),
    [("current_date", "current_date is not null", 1), ("current_date", "current_date >= 0", 1), ("l", "l >= l", 0)],
)
def test_a_column_is_itself_whatever_its_name_or_type(name: str, sql: str, failed: int) -> None:
    values = {"current_date": [None, 5] if "null" in sql else [-1, 5], "l": [[1, 2], [3]]}[name]
    result = one(check.expression(sql), pl.DataFrame({"other": [1, 2], name: values}))
    assert (result.passed, result.failed_rows or 0) == (not failed, failed)


def test_good_definitions_have_no_errors() -> None:
    rules = [
        check.not_null("id"),
        check.unique("id", "label"),
        check.between("day", "2013-01-01"),
        check.accepted_values("kind", ["x"]),
        check.matches("label", "a"),
        check.row_count(1),
        check.expression("id > 1 and label is not null"),
        check.foreign_key("id", "other"),
    ]
    assert validate_checks(rules, FRAME.schema) == []


@pytest.mark.parametrize(
    ("rule", "code", "shown"),
    [
        (check.not_null("idd"), "HW171", "did you mean 'id'?"),
        (check.unique("id", "labell"), "HW171", "did you mean 'label'?"),
        (check.between("id", "a"), "HW171", "'a' cannot be compared with column 'id'"),
        (check.between("day", "yesterday"), "HW171", "'yesterday' cannot be compared"),
        (check.accepted_values("label", [1]), "HW171", "holds String"),
        (check.matches("id", "1"), "HW171", "only text"),
        (check.expression("id >"), "HW171", "cannot be evaluated"),
        (check.expression("idd > 1"), "HW171", "did you mean 'id'?"),
        (check.expression("id + 1"), "HW171", "not a boolean"),
        (check.expression("label > 1"), "HW171", "cannot"),
        (Check("uniqe", ("id",)), "HW170", "did you mean 'unique'?"),
    ],
    ids=lambda given: given.name or given.kind if isinstance(given, Check) else None,
)
def test_a_definition_that_does_not_fit_the_columns_is_an_error(rule: Check, code: str, shown: str) -> None:
    (error,) = validate_checks([rule], FRAME.schema, where="assets.py:3")
    assert (error.code, error.where) == (code, "assets.py:3")
    assert shown in str(error)


def test_every_definition_error_is_collected() -> None:
    rules = [check.not_null("a"), check.not_null("id"), check.not_null("b")]
    assert len(validate_checks(rules, FRAME.schema)) == 2


def test_an_expression_cannot_read_files(tmp_path: Any) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    rule = check.expression(f"id in (select a from read_csv('{tmp_path}/x.csv')) and regexp_full_match(label, 'a')")
    assert "cannot be evaluated" in one(rule).message


def test_arguments_that_compare_equal_are_told_apart() -> None:
    flags = pl.DataFrame({"flag": [True]})
    assert one(check.accepted_values("flag", [True]), flags).passed
    assert "cannot be compared" in one(check.accepted_values("flag", [1]), flags).message


def test_three_checks_on_a_hundred_rows_cost_little() -> None:
    frame = pl.DataFrame({"id": range(100), "value": [0.5] * 100, "label": ["a", "b", "c", "d"] * 25})
    rules = [check.not_null("id"), check.between("value", 0, 1), check.accepted_values("label", [*"abcd"])]
    started = time.process_time()
    for _ in range(100):
        evaluate(rules, frame, lookup=nothing)
    assert time.process_time() - started < 0.3  # 0.012 s here; the bound is half a millisecond each
