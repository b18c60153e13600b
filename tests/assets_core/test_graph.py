"""The graph: what parameters and tables are bound to, and every error of a project at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from assets_core.asset import Asset, Definition, Input
from assets_core.context import Context
from assets_core.declare import asset, multi_asset, source, sql_asset
from assets_core.errors import DefinitionError, HeadwaterError, LineageError, ProjectError, UsageError
from assets_core.graph import Graph, build
from assets_core.mappings import window
from assets_core.partitions import Daily, Static
from assets_core.settings import Config

DAYS = Daily("2013-01-01", "2013-02-01")


def raw(key: str) -> Definition:
    return source(key, files="a.csv")


def reads(key: str, *parameters: str, **options: Any) -> Asset[..., Any]:
    """An asset whose function has these parameters."""
    scope: dict[str, Any] = {}
    exec(f"def function({', '.join(parameters)}): ...", scope)
    return asset(key=key, **options)(scope["function"])


def words_after_from(one: Asset[..., Any]) -> Iterable[str]:
    """Stands in for reading SQL: the words after FROM."""
    words = (one.sql or "").split()
    return [words[place + 1].strip('"') for place, word in enumerate(words) if word == "from"]


def graph(*definitions: Definition) -> Graph:
    return build(definitions, words_after_from)


def bound(one: Graph, key: str) -> dict[str, str]:
    return {found.name: found.key for found in one.inputs[key]}


def errors_of(*definitions: Definition) -> list[HeadwaterError]:
    with pytest.raises(HeadwaterError) as caught:
        graph(*definitions)
    return list(caught.value.errors) if isinstance(caught.value, ProjectError) else [caught.value]


def error_of(*definitions: Definition) -> HeadwaterError:
    [error] = errors_of(*definitions)
    return error


# --- binding, in its order


def test_inputs_that_are_given_come_before_any_name() -> None:
    made = graph(raw("flights"), raw("other"), reads("x", "flights", inputs={"flights": "other"}))
    assert bound(made, "x") == {"flights": "other"}


def test_the_full_key_comes_before_a_bare_name() -> None:
    made = graph(raw("staging/flights"), raw("x/staging_flights"), reads("m", "staging_flights"))
    assert bound(made, "m") == {"staging_flights": "staging/flights"}


def test_a_bare_name_binds_if_exactly_one_has_it() -> None:
    assert bound(graph(raw("staging/flights"), reads("m", "flights")), "m") == {"flights": "staging/flights"}


def test_context_and_config_bind_to_no_asset() -> None:
    class Limits(Config):
        low: int = 0

    @asset
    def m(flights: Any, limits: Limits, context: Context) -> None: ...

    assert bound(graph(raw("flights"), raw("limits"), raw("context"), m), "m") == {"flights": "flights"}


def test_a_parameter_with_a_default_never_binds_by_name() -> None:
    assert bound(graph(raw("flights"), raw("factor"), reads("m", "flights", "factor=2")), "m") == {"flights": "flights"}


def test_a_parameter_with_a_default_binds_if_one_says_so() -> None:
    made = graph(raw("factor"), reads("m", "factor=2", inputs={"factor": "factor"}))
    assert bound(made, "m") == {"factor": "factor"}


def test_one_key_may_be_bound_twice() -> None:
    flights = source("flights", files="a.csv", partitions=DAYS, partition_by="day")
    week = Input("flights", partitions=window(-6, 0))
    made = graph(flights, reads("m", "today", "week", inputs={"today": flights, "week": week}, partitions=DAYS))
    assert [(one.name, one.key, one.partitions) for one in made.inputs["m"]] == [
        ("today", "flights", None),
        ("week", "flights", window(-6, 0)),
    ]


def test_an_asset_of_the_same_name_as_its_input_reads_the_input_not_itself() -> None:
    assert bound(graph(raw("raw/flights"), reads("flights", "flights")), "flights") == {"flights": "raw/flights"}


def test_a_query_of_the_same_name_as_its_table_reads_the_table_not_itself() -> None:
    made = graph(raw("raw/flights"), sql_asset("flights", "select * from flights"))
    assert bound(made, "flights") == {"flights": "raw/flights"}


@pytest.mark.parametrize("table", ["staging.flights", "staging/flights", "flights", "STAGING.Flights", "Flights"])
def test_a_table_of_a_query_is_found_by_key_or_bare_name_in_any_case(table: str) -> None:
    made = graph(raw("staging/flights"), sql_asset("m", f"select * from {table}"))
    assert bound(made, "m") == {table: "staging/flights"}


def test_a_table_of_a_query_takes_the_mapping_that_is_given_for_it() -> None:
    flights = source("staging/flights", files="a.csv", partitions=DAYS, partition_by="day")
    week = Input("staging/flights", partitions=window(-6, 0))
    made = graph(flights, sql_asset("m", "select * from flights", inputs={"flights": week}, partitions=DAYS))
    assert made.inputs["m"][0].partitions == window(-6, 0)


# --- order


def test_every_definition_stands_after_those_it_reads() -> None:
    made = graph(reads("c", "b"), reads("b", "a"), reads("d", deps=["c"]), raw("a"))
    assert list(made.definitions) == ["a", "b", "c", "d"]


def test_the_outputs_of_a_multi_asset_stand_together() -> None:
    @multi_asset(outputs={"v": "v", "i": "i"})
    def split(a: Any) -> None: ...

    made = graph(reads("after", "v"), *split.assets, raw("a"))
    assert list(made.definitions) == ["a", "v", "i", "after"]


def test_what_lies_up_and_downstream_includes_deps() -> None:
    made = graph(raw("a"), raw("b"), reads("c", "a", deps=["b"]))
    assert (made.upstream("c"), made.downstream) == (("a", "b"), {"a": ("c",), "b": ("c",)})


def test_a_definition_is_found_by_its_bare_name_where_only_one_has_it() -> None:
    assert graph(raw("raw/flights")).find("flights").key == "raw/flights"


def test_a_bare_name_that_several_have_is_answered_with_all_of_them() -> None:
    with pytest.raises(UsageError, match="several have that name: a/x, b/x"):
        graph(raw("a/x"), raw("b/x")).find("x")


def test_a_source_is_no_asset_to_compute() -> None:
    with pytest.raises(UsageError, match="'a' is a source"):
        graph(raw("a")).asset("a")


# --- errors


def test_an_ambiguous_parameter_is_answered_with_the_lines_to_paste() -> None:
    error = error_of(raw("a/x"), raw("b/x"), reads("m", "x"))
    assert (error.code, error.hint) == ("HW132", "say which: inputs={'x': 'a/x'} or inputs={'x': 'b/x'}")


def test_the_line_to_paste_settles_the_matter() -> None:
    assert bound(graph(raw("a/x"), raw("b/x"), reads("m", "x", inputs={"x": "b/x"})), "m") == {"x": "b/x"}


def test_an_ambiguous_table_is_answered_with_the_keys_to_write() -> None:
    error = error_of(raw("a/x"), raw("b/x"), sql_asset("m", "select * from x"))
    assert (error.code, error.hint) == (
        "HW132",
        "say which: write the full key in the query: 'a/x' or write the full key in the query: 'b/x'",
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: reads("m", "staging_flihgts"),
        lambda: reads("m", "f", inputs={"f": "staging/flihgts"}),
        lambda: reads("m", deps=["staging/flihgts"]),
        lambda: sql_asset("m", "select * from staging.flihgts"),
    ],
    ids=["parameter", "inputs", "deps", "table"],
)
def test_an_unknown_input_is_answered_with_the_nearest_name(make: Callable[[], Definition]) -> None:
    error = error_of(raw("staging/flights"), make())
    assert error.code == "HW131"
    assert error.hint in ("did you mean 'staging/flights'?", "did you mean 'staging_flights'?")


def test_an_unknown_input_without_a_near_name_says_what_can_be_done() -> None:
    assert error_of(reads("m", "zzz")).hint == "declare it, or bind the parameter with inputs="


@pytest.mark.parametrize(
    "make",
    [
        lambda: reads("m", "flights", inputs={"flihgts": "flights"}),
        lambda: sql_asset("m", "select * from flights", inputs={"flihgts": "flights"}),
    ],
    ids=["function", "query"],
)
def test_an_input_for_a_name_that_is_not_there_is_refused(make: Callable[[], Definition]) -> None:
    error = error_of(raw("flights"), make())
    assert (error.code, error.hint) == ("HW135", "did you mean 'flights'?")


def test_a_circle_is_shown_with_arrows_that_mean_is_read_by() -> None:
    error = error_of(reads("a", "c"), reads("b", "a"), reads("c", "b"))
    path = error.what.removeprefix("these assets read each other in a circle: ").split(" -> ")
    pairs = set(pairwise(path))
    assert (error.code, pairs) == ("HW133", {("a", "b"), ("b", "c"), ("c", "a")})


def test_a_circle_says_where_each_of_its_assets_stands() -> None:
    error = error_of(reads("a", "b"), reads("b", "a"))
    assert error.why.count(" at ") == 2


def test_an_asset_that_reads_itself_is_a_circle() -> None:
    assert "a -> a" in error_of(reads("a", "a")).what


def test_an_output_that_its_own_multi_asset_reads_is_a_circle() -> None:
    @multi_asset(outputs={"v": "v", "i": "i"})
    def split(i: Any) -> None: ...

    assert error_of(*split.assets).code == "HW133"


def test_deps_make_circles_too() -> None:
    assert error_of(reads("a", deps=["b"]), reads("b", "a")).code == "HW133"


def test_two_definitions_of_one_key_are_refused_with_both_places() -> None:
    first, second = raw("a"), raw("a")
    error = error_of(first, second)
    assert (error.code, error.where, error.why) == ("HW130", second.where, f"the other one is at {first.where}")


def test_two_keys_that_differ_only_by_case_are_refused() -> None:
    error = error_of(raw("a/b"), raw("A/b"))
    assert error.what == "two definitions have the key 'A/b' (they differ from 'a/b' only by case)"


def test_two_keys_with_one_parameter_form_are_refused() -> None:
    error = error_of(raw("a/b"), raw("a_b"))
    assert (error.code, error.what) == ("HW134", "the keys 'a/b' and 'a_b' are both 'a_b' as a parameter")


def test_unequal_partitions_without_a_mapping_are_refused() -> None:
    regions = source("r", files="a.csv", partitions=Static(["EU"]), partition_by="region")
    assert error_of(regions, reads("m", "r", partitions=DAYS)).code == "HW125"


def test_a_query_that_cannot_be_read_is_one_of_the_errors() -> None:
    def broken(one: Asset[..., Any]) -> Iterable[str]:
        raise LineageError("HW210", "no SQL")

    with pytest.raises(LineageError, match="HW210"):
        build([sql_asset("m", "selct")], broken)


def test_all_errors_of_a_project_are_found_at_once() -> None:
    errors = errors_of(
        raw("a"),
        raw("a"),
        raw("x/n"),
        raw("y/n"),
        reads("m1", "zzz"),
        reads("m2", "n"),
        reads("m3", "m4"),
        reads("m4", "m3"),
        reads("m5", deps=["yyy"]),
    )
    assert sorted(error.code for error in errors) == ["HW130", "HW131", "HW131", "HW132", "HW133"]


def test_a_project_of_nothing_is_a_graph() -> None:
    assert list(graph().definitions) == []


def test_definition_errors_end_with_the_status_of_wrong_use() -> None:
    assert isinstance(error_of(reads("m", "zzz")), DefinitionError)
