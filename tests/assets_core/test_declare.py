"""Declarations: what registers, what is refused, what a declared thing looks like."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets_core import check
from assets_core.asset import Asset, Column, Form, Input, Out
from assets_core.declare import MultiAsset, asset, multi_asset, registering, source, sql_asset, with_defaults
from assets_core.errors import DefinitionError
from assets_core.partitions import Daily

DAYS = Daily("2013-01-01", "2013-02-01")


def flights(raw: pl.LazyFrame) -> pl.LazyFrame:
    """One row per flight.

    Cancelled ones included.
    """
    return raw


def test_a_bare_decorator_takes_key_and_description_from_the_function() -> None:
    made = asset(flights)
    assert (made.key, made.description) == ("flights", "One row per flight.\n\nCancelled ones included.")


def test_a_decorator_with_options_keeps_them() -> None:
    made = asset(key="staging/flights", owners="ops", unique_key=["id"], tags={"layer": "staging"})(flights)
    assert (made.key, made.owners, made.unique_key, made.tags) == (
        "staging/flights", ("ops",), ("id",), {"layer": "staging"},
    )  # fmt: skip


def test_an_empty_option_list_is_the_same_as_a_bare_decorator() -> None:
    made: Asset[..., Any] = asset()(flights)  # type: ignore[call-overload]
    assert made.key == "flights"


def test_an_asset_is_called_exactly_as_its_function() -> None:
    double = asset(key="double")(lambda x, *, y=1: 2 * x + y)
    assert (double(3), double(3, y=2)) == (7, 8)


def test_calling_a_sql_asset_says_that_it_is_one() -> None:
    with pytest.raises(TypeError, match="a/b is a SQL asset"):
        sql_asset("a/b", "select 1")()


def test_a_description_that_is_given_wins_over_the_docstring() -> None:
    assert asset(description="Flights.")(flights).description == "Flights."


def test_an_asset_knows_the_line_of_its_declaration() -> None:
    line = flights.__code__.co_firstlineno
    assert asset(flights).where == f"{__file__}:{line}"


def test_a_wrapped_function_is_found_where_it_was_written() -> None:
    @functools.wraps(flights)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return flights(*args, **kwargs)

    made: Asset[..., Any] = asset(key="x")(wrapper)
    assert (made.where, [one.name for one in made.parameters]) == (asset(flights).where, ["raw"])


# --- registering


def test_what_is_declared_inside_the_block_is_registered_in_order() -> None:
    with registering() as found:
        source("raw/flights", files="flights.csv")
        asset(flights)
        sql_asset("marts/x", "select 1 as a")
    assert [one.key for one in found] == ["raw/flights", "flights", "marts/x"]


def test_what_is_declared_outside_any_block_is_registered_nowhere() -> None:
    with registering() as found:
        pass
    asset(flights)
    assert found == []


def test_a_block_inside_a_block_keeps_to_itself() -> None:
    with registering() as outer:
        with registering() as inner:
            asset(key="a")(flights)
        asset(key="b")(flights)
    assert ([one.key for one in inner], [one.key for one in outer]) == (["a"], ["b"])


def test_a_block_that_raises_stops_registering() -> None:
    with pytest.raises(RuntimeError), registering() as found:
        raise RuntimeError
    asset(flights)
    assert found == []


def test_loops_register_one_asset_a_turn() -> None:
    with registering() as found:
        for region in ("eu", "us"):
            sql_asset(f"marts/{region}", "select 1 as a")
    assert [one.key for one in found] == ["marts/eu", "marts/us"]


def test_factories_register_whatever_they_make() -> None:
    def make(key: str, factor: int) -> Asset[..., Any]:
        @asset(key=key)
        def scaled(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw * factor

        return scaled

    with registering() as found:
        make("double", 2)
        make("triple", 3)
    assert [one.key for one in found] == ["double", "triple"]


# --- options


@pytest.mark.parametrize(
    ("declare", "hint"),
    [
        (lambda: asset(partition=DAYS), "did you mean 'partitions'?"),  # type: ignore[call-overload]
        (lambda: asset(onwers="ops"), "did you mean 'owners'?"),  # type: ignore[call-overload]
        (lambda: asset(zzz=1), ""),  # type: ignore[call-overload]
        (lambda: sql_asset("a", "select 1", uniqe_key="id"), "did you mean 'unique_key'?"),
    ],
)
def test_an_option_that_is_none_is_refused_with_the_nearest(declare: Callable[[], object], hint: str) -> None:
    with pytest.raises(DefinitionError, match="HW104") as caught:
        declare()
    assert (caught.value.hint, caught.value.where.split(":")[0]) == (hint, __file__)


def test_a_key_given_by_place_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(DefinitionError, match="HW103") as caught:
        asset("staging/flights")  # type: ignore[call-overload]
    assert caught.value.hint == "write asset(key='staging/flights')"


@pytest.mark.parametrize("thing", [functools.partial(flights), print, 7, Input])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(DefinitionError, match="HW103"):
        asset(key="a")(thing)


def test_a_lambda_needs_a_key() -> None:
    with pytest.raises(DefinitionError, match="HW101"):
        asset(lambda raw: raw)


def test_a_key_that_is_none_is_refused_where_the_function_stands() -> None:
    with pytest.raises(DefinitionError, match="HW101") as caught:
        asset(key="a b")(flights)
    assert caught.value.where.startswith(__file__)


def test_something_that_is_no_check_is_refused() -> None:
    with pytest.raises(DefinitionError, match="HW107"):
        asset(checks=["not_null"])(flights)  # type: ignore[list-item]


def test_a_partition_column_without_partitions_is_refused() -> None:
    with pytest.raises(DefinitionError, match="HW106"):
        asset(partition_by="flight_date")(flights)


def test_types_are_kept_as_text() -> None:
    made = asset(schema={"a": pl.Int64, "b": pl.List(pl.String), "c": "Date", "d": str})(flights)
    assert made.schema == (("a", "Int64"), ("b", "List(String)"), ("c", "Date"), ("d", "str"))


def test_inputs_may_be_keys_assets_sources_or_input_objects() -> None:
    raw = source("raw/flights", files="flights.csv")
    given = {"a": "x/a", "b": asset(flights), "c": raw, "d": Input("x/d", outside="missing")}
    made = asset(key="k", inputs=given)(lambda a, b, c, d: a)
    assert {name: one.key for name, one in made.inputs.items()} == {
        "a": "x/a",
        "b": "flights",
        "c": "raw/flights",
        "d": "x/d",
    }


def test_deps_may_be_keys_assets_sources_or_multi_assets() -> None:
    made = asset(deps=["x/a", asset(flights), source("raw", files="a.csv"), split()])(flights)
    assert made.deps == ("x/a", "flights", "raw", "staging/valid", "staging/invalid")


def test_a_single_dep_may_be_written_without_a_list() -> None:
    assert asset(deps="x/a")(flights).deps == ("x/a",)


# --- several outputs


def split() -> MultiAsset[..., Any]:
    @multi_asset(
        outputs={"valid": Out("staging/valid", unique_key=("id",)), "invalid": "staging/invalid"}, partitions=DAYS
    )
    def halves(raw: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
        """Both halves."""
        return {"valid": raw, "invalid": raw}

    return halves


def test_a_multi_asset_registers_one_asset_an_output() -> None:
    with registering() as found:
        split()
    assert [one.key for one in found] == ["staging/valid", "staging/invalid"]


def test_the_outputs_of_a_multi_asset_share_one_maker() -> None:
    assert {one.maker for one in split().assets} == {"staging/valid"}


def test_the_outputs_of_a_multi_asset_know_their_name_in_the_result() -> None:
    assert [one.output for one in split().assets] == ["valid", "invalid"]


def test_what_is_said_of_a_multi_asset_holds_for_every_output() -> None:
    assert [(one.partitions, one.description) for one in split().assets] == [(DAYS, "Both halves.")] * 2


def test_what_is_said_of_an_output_holds_for_it_alone() -> None:
    assert [one.unique_key for one in split().assets] == [("id",), ()]


def test_calling_a_multi_asset_calls_its_function() -> None:
    frame = pl.LazyFrame({"id": [1]})
    assert split()(frame)["valid"] is frame


def test_an_output_of_a_multi_asset_is_not_called_on_placeholders() -> None:
    assert not any(one.lazy for one in split().assets)


def test_a_multi_asset_without_outputs_is_refused() -> None:
    with pytest.raises(DefinitionError, match="HW103"):
        multi_asset(outputs={})(flights)


# --- lazy assets


def one_default(raw: pl.LazyFrame, factor: int = 2) -> pl.LazyFrame: ...
def no_input() -> pl.LazyFrame: ...
def eager_input(raw: pl.DataFrame) -> pl.LazyFrame: ...
def eager_result(raw: pl.LazyFrame) -> pl.DataFrame: ...
def bare_input(raw) -> pl.LazyFrame: ...  # type: ignore[no-untyped-def]


@pytest.mark.parametrize(
    ("function", "lazy"),
    [
        (flights, True),
        (one_default, True),
        (bare_input, True),
        (no_input, False),
        (eager_input, False),
        (eager_result, False),
    ],
)
def test_an_asset_is_lazy_if_lazy_frames_go_in_and_one_comes_out(function: Callable[..., Any], lazy: bool) -> None:
    assert asset(function).lazy is lazy


def test_a_volatile_asset_is_never_lazy() -> None:
    assert not asset(volatile=True)(flights).lazy


# --- sources


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ("a.csv", "csv"),
        ("a.TSV", "csv"),
        ("d/*.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        (["a.parquet", "b.parquet"], "parquet"),
    ],
)
def test_the_format_of_a_source_is_told_from_the_ending(files: Any, kind: str) -> None:
    assert source("raw", files=files).format == kind


def test_a_format_that_is_given_wins_over_the_ending() -> None:
    assert source("raw", files="a.txt", format="csv").format == "csv"


def test_files_whose_endings_tell_one_format_may_have_several_endings() -> None:
    assert source("raw", files=["a.csv", "b.tsv", "more/*"]).format == "csv"
    assert source("raw", files=["a.csv", "b.parquet"], format="csv").format == "csv"


@pytest.mark.parametrize(
    "options",
    [
        {"files": "a.xls"},
        {"files": []},
        {"files": "a.csv", "format": "xml"},
        {"files": ["a.csv", "b.parquet"]},
        {"files": ["a.tsv", "more/*", "b.jsonl"]},
    ],
)
def test_a_format_that_cannot_be_told_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="HW105"):
        source("raw", **options)


@pytest.mark.parametrize("options", [{"partitions": DAYS}, {"partition_by": "day"}])
def test_a_source_has_partitions_and_their_column_or_neither(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="HW106"):
        source("raw", files="a.csv", **options)


def test_what_source_does_not_know_says_how_the_files_are_read() -> None:
    assert source("raw", files="a.csv", null_values=["NA"]).options == {"null_values": ["NA"]}


# --- SQL


def test_a_sql_asset_knows_the_line_of_its_declaration() -> None:
    line = test_a_sql_asset_knows_the_line_of_its_declaration.__code__.co_firstlineno
    assert sql_asset("a", "select 1 as a").where == f"{__file__}:{line + 2}"


def test_a_sql_asset_can_be_told_to_stand_in_another_file() -> None:
    assert sql_asset("a", "select 1 as a", where="a.sql:1").where == "a.sql:1"


# --- checks


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (check.not_null, "HW110"),
        (check.unique, "HW110"),
        (lambda: check.between("x"), "HW110"),
        (check.row_count, "HW110"),
        (lambda: check.row_count(5, 1), "HW110"),
        (lambda: check.between("x", 2.5, 2), "HW110"),
        (lambda: check.between("x", date(2024, 1, 2), date(2024, 1, 1)), "HW110"),
        (lambda: check.accepted_values("x", []), "HW110"),
        (lambda: check.matches("x", "("), "HW111"),
        (lambda: check.not_null("x", severity="fatal"), "HW112"),
    ],
)
def test_a_check_that_says_nothing_is_refused(make: Callable[[], object], code: str) -> None:
    with pytest.raises(DefinitionError, match=code):
        make()


def test_a_check_blocks_unless_told_otherwise() -> None:
    assert [check.not_null("x").severity, check.not_null("x", severity="warn").severity] == ["blocking", "warn"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (check.between("x", 0, 1), check.between("x", 0, 2)),
        (check.accepted_values("x", ["a", "b"]), check.accepted_values("x", ["a", "b", "c"])),
        (check.accepted_values("x", range(9)), check.accepted_values("x", [*range(8), 9])),
        (check.row_count(1), check.row_count(2)),
        (check.expression("a > 0"), check.expression("a > 1")),
    ],
)
def test_another_rule_has_another_name_because_results_are_found_by_name(one: check.Check, other: check.Check) -> None:
    assert one.name != other.name


# --- defaults of the project


def test_defaults_fill_what_an_asset_leaves_open() -> None:
    made = with_defaults(asset(flights), storage="lake", owners=("ops",))
    assert (made.storage, made.owners) == ("lake", ("ops",))


def test_what_the_decorator_says_wins_over_defaults() -> None:
    assert with_defaults(asset(storage="duck")(flights), storage="lake").storage == "duck"


def test_columns_may_be_described_and_tagged() -> None:
    made = asset(columns={"tailnum": Column("Aircraft", tags=("aircraft",))})(flights)
    assert made.columns["tailnum"].tags == ("aircraft",)


def test_the_form_of_the_result_is_read_from_the_annotation() -> None:
    assert asset(eager_result).returns is Form.FRAME
