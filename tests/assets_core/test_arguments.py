"""What an argument of a declaration has to be: everything else is refused, and never read as something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from assets_core import check
from assets_core.asset import Asset, Column, Input, Out, Retry, Run
from assets_core.declare import asset, multi_asset, source, sql_asset
from assets_core.errors import DefinitionError
from assets_core.mappings import all_partitions, dimension, mapped, static_map, window
from assets_core.option_kinds import OPTION_KINDS
from assets_core.partitions import Daily, Static

DAYS = Daily("2013-01-01", "2013-02-01")
NAN = float("nan")
WRONG: dict[str, list[Any]] = {
    "description": [3, b"x", ["x"]],
    "storage": [3, "", True],
    "version": [2, 2.0, "", ["1"]],
    "previous": [3, "", True],
    "owners": [3, [3], b"me", {"me": 1}, [None]],
    "unique_key": [3, [3], True, b"id", {"id": 1}],
    "renamed_from": [3, [3], {"old": "new"}],
    "volatile": ["no", 0, []],
    "ordered": ["yes", 1],
    "tolerance": ["1e-9", True, -1, NAN, float("inf")],
    "tags": [3, ["marts"], "marts", {"layer": 1}, {1: "marts"}, {"layer": None}],
    "schema": [3, ["id"], "id", {3: pl.Int64}, {"id": None}, [("id", pl.Int64)]],
    "columns": [3, ["id"], {"id": "text"}, {"id": Column}, {3: Column()}],
    "checks": [3, check.not_null, check.not_null("id")],
    "deps": [3, [3], [None], [["raw"]], {"raw": "raw"}],
    "inputs": [3, "raw", ["raw"], {"raw": 3}, {"raw": ["raw"]}, {"raw": Input}, {3: "raw"}],
    "partitions": [3, "day", ["EU"], Daily],
    "partition_by": [3, "", {}, ["day"], {"date": 3}],
    "run": [3, {"batch": 3}, Run, Retry(attempts=3)],
    "code_depends": [3, "helper", [3], len],
}


def flights(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw


def options(name: str, value: Any) -> dict[str, Any]:
    return {**({"partitions": DAYS} if name == "partition_by" else {}), name: value}


def test_every_option_has_values_of_other_kinds_here() -> None:
    assert set(WRONG) == set(OPTION_KINDS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_an_option_of_another_kind_is_refused_by_name_and_place(name: str, value: Any) -> None:
    with pytest.raises(DefinitionError, match=rf"HW129 {name} is .*, which is not ") as caught:
        asset(**options(name, value))(flights)
    assert caught.value.where == f"{__file__}:{flights.__code__.co_firstlineno}"


@pytest.mark.parametrize("name", sorted(set(WRONG) - {"inputs", "previous", "code_depends"}))
def test_so_it_is_in_a_query(name: str) -> None:
    with pytest.raises(DefinitionError, match=f"HW129 {name} is "):
        sql_asset("marts/x", "select 1 as a", **options(name, WRONG[name][0]))


@pytest.mark.parametrize("name", ["tags", "owners", "unique_key", "schema", "columns", "checks", "description"])
def test_and_in_a_source(name: str) -> None:
    with pytest.raises(DefinitionError, match=f"HW129 {name} is "):
        source("raw", files="x.csv", **{name: WRONG[name][0]})


@pytest.mark.parametrize("name", ["tags", "owners", "unique_key", "schema", "columns", "checks", "storage", "ordered"])
def test_and_in_an_output(name: str) -> None:
    with pytest.raises(DefinitionError, match=f"HW129 {name} is "):
        multi_asset(outputs={"a": Out("a", **{name: WRONG[name][0]})})(flights)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Column(3),  # type: ignore[arg-type]
        lambda: Column(tags=3),  # type: ignore[arg-type]
        lambda: Column(derived_from="flights"),  # type: ignore[arg-type]
        lambda: Column(derived_from=("flights:",)),
        lambda: Input(3),  # type: ignore[arg-type]
        lambda: Input(Input("raw", window(-6, 0))),  # type: ignore[arg-type]
        lambda: Input("raw", all_partitions),  # type: ignore[arg-type]
        lambda: Input("raw", [-6, 0]),  # type: ignore[arg-type]
        lambda: Retry(on="OSError"),  # type: ignore[arg-type]
        lambda: Retry(on=(3,)),  # type: ignore[arg-type]
        lambda: Retry(attempts=2.5),  # type: ignore[arg-type]
        lambda: Run(retry=3),  # type: ignore[arg-type]
        lambda: Run(priority="high"),  # type: ignore[arg-type]
        lambda: Run(pool=3),  # type: ignore[arg-type]
        lambda: window(0.5, 1),  # type: ignore[arg-type]
        lambda: window(None, 0),  # type: ignore[arg-type]
        lambda: dimension(""),
        lambda: dimension("date", 3),  # type: ignore[arg-type]
        lambda: static_map({"EU": 3}),  # type: ignore[dict-item]
        lambda: static_map([("EU", "DE")]),  # type: ignore[arg-type]
        lambda: mapped("lower"),  # type: ignore[arg-type]
        lambda: check.between(3, 0, 1),  # type: ignore[arg-type]
        lambda: check.accepted_values("id", "abc"),
        lambda: check.accepted_values("id", 3),
        lambda: check.matches("id", 3),  # type: ignore[arg-type]
        lambda: check.row_count("3"),  # type: ignore[arg-type]
        lambda: check.row_count(-1),
        lambda: check.row_count(NAN),  # type: ignore[arg-type]
        lambda: check.expression(""),
        lambda: check.expression(None),  # type: ignore[arg-type]
        lambda: check.foreign_key("id", 3),  # type: ignore[arg-type]
        lambda: check.not_null("id", name=3),  # type: ignore[arg-type]
        lambda: sql_asset("x", None),  # type: ignore[arg-type]
        lambda: sql_asset("x", "select 1 as a", config=dict),  # type: ignore[arg-type]
        lambda: source("raw", files=3),  # type: ignore[arg-type]
        lambda: source("raw", files=["x.csv", 3]),  # type: ignore[list-item]
        lambda: multi_asset(outputs=["a"])(flights),  # type: ignore[arg-type]
        lambda: multi_asset(outputs={"a": 3})(flights),  # type: ignore[dict-item]
    ],
)
def test_whatever_else_an_argument_may_be_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(DefinitionError, match=r"HW129 .* is .*, which is not "):
        make()


@pytest.mark.parametrize("make", [lambda: Retry(wait_seconds=float("inf")), lambda: Run(timeout_seconds=float("inf"))])
def test_a_length_of_time_ends(make: Callable[[], Any]) -> None:
    with pytest.raises(DefinitionError, match="HW194"):
        make()


def test_an_empty_key_is_not_the_name_of_the_function() -> None:
    with pytest.raises(DefinitionError, match="HW101 '' is no asset key"):
        asset(key="")(flights)


@pytest.mark.parametrize("former", ["", "a b", ["staging/x", "a//b"]])
def test_a_former_key_is_a_key(former: Any) -> None:
    with pytest.raises(DefinitionError, match="HW101"):
        asset(renamed_from=former)(flights)


def test_no_partition_keys_at_all_are_refused_as_none() -> None:
    with pytest.raises(DefinitionError, match="HW120"):
        Static(3)  # type: ignore[arg-type]


def test_one_of_a_kind_stands_for_a_list_of_it() -> None:
    column = Column("Registration", tags="aircraft", derived_from="raw:tailnum")  # type: ignore[arg-type]
    assert (column.tags, column.derived_from) == (("aircraft",), ("raw:tailnum",))
    assert Retry(on=OSError).on == (OSError,)  # type: ignore[arg-type]


def test_the_names_of_a_set_have_one_order_in_all_processes() -> None:
    names = {*"hgfedcba"}
    made: Asset[..., Any] = asset(unique_key=names)(flights)
    accepted = check.accepted_values("id", names).argument("values")
    assert (made.unique_key, accepted, Static(names).names) == (tuple("abcdefgh"),) * 3


def test_a_column_counts_once_in_a_key() -> None:
    made: Asset[..., Any] = asset(unique_key=["id", "day", "id"])(flights)
    assert made.unique_key == ("id", "day")


def test_what_is_given_once_holds_for_every_output() -> None:
    made = multi_asset(outputs={"a": "a", "b": "b"}, deps=(key for key in ["raw"]))(flights)
    assert [one.deps for one in made.assets] == [("raw",), ("raw",)]


def test_a_long_value_is_shown_by_its_beginning() -> None:
    with pytest.raises(DefinitionError) as caught:
        asset(tags=["x" * 1000])(flights)  # type: ignore[call-overload]
    assert len(caught.value.what) < 140
