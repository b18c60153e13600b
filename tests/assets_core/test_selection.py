"""The selection language, as a table."""

from __future__ import annotations

import pytest

from assets_core.errors import UsageError
from assets_core.selection import select
from tests.assets_core.plain_project import computed, graph_of, source

#   raw/flights -> staging/flights -> marts/daily -> marts/kpi
#   raw/weather -> staging/weather -> marts/daily
GRAPH = graph_of(
    source("raw/flights", owners=("ops",), tags={"layer": "raw"}),
    source("raw/weather", tags={"layer": "raw"}),
    computed("staging/flights", "raw/flights", owners=("ops", "data"), tags={"layer": "staging", "pii": ""}),
    computed("staging/weather", "raw/weather", tags={"layer": "staging"}),
    computed("marts/daily", "staging/flights", "staging/weather", sql="select 1"),
    computed("marts/kpi", "marts/daily"),
    computed("marts/eu/kpi", "marts/daily"),
)
STATES = {"staging/flights": {"fresh"}, "marts/daily": {"fresh", "stale"}, "marts/kpi": {"missing"}}
FEEDS = {("staging/flights", "delay"): ["marts/daily", "marts/kpi"]}


def chosen(text: str, exclude: str = "") -> set[str]:
    found = select(
        text,
        GRAPH,
        exclude=exclude,
        states_of=lambda: dict(STATES),
        feeds_of=lambda key, column: FEEDS.get((key, column), []),
    )
    assert found == [key for key in GRAPH.definitions if key in found]
    return set(found)


RAW = {"raw/flights", "raw/weather"}
STAGING = {"staging/flights", "staging/weather"}
MARTS = {"marts/daily", "marts/kpi", "marts/eu/kpi"}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", RAW | STAGING | MARTS),
        ("marts/daily", {"marts/daily"}),
        ("daily", {"marts/daily"}),
        ("marts/*", MARTS),
        ("*/flights", {"raw/flights", "staging/flights"}),
        ("staging/[fw]*", STAGING),
        ("marts/dail?", {"marts/daily"}),
        ("+staging/flights", {"raw/flights", "staging/flights"}),
        ("+marts/daily", RAW | STAGING | {"marts/daily"}),
        ("1+marts/daily", STAGING | {"marts/daily"}),
        ("2+marts/kpi", STAGING | {"marts/daily", "marts/kpi"}),
        ("0+marts/daily", {"marts/daily"}),
        ("staging/weather+", {"staging/weather"} | MARTS),
        ("raw/weather+1", {"raw/weather", "staging/weather"}),
        ("+marts/daily+", RAW | STAGING | MARTS),
        ("1+marts/daily+1", STAGING | MARTS),
        ("+staging/*", RAW | STAGING),
        ("tag:layer=staging", STAGING),
        ("tag:pii", {"staging/flights"}),
        ("tag:layer", RAW | STAGING),
        ("+tag:pii", {"raw/flights", "staging/flights"}),
        ("group:marts", MARTS),
        ("group:marts/eu", {"marts/eu/kpi"}),
        ("owner:ops", {"raw/flights", "staging/flights"}),
        ("kind:sql", {"marts/daily"}),
        ("kind:source", RAW),
        ("kind:python", STAGING | {"marts/kpi", "marts/eu/kpi"}),
        ("state:stale", {"marts/daily"}),
        ("state:fresh", {"staging/flights", "marts/daily"}),
        ("state:blocked", set()),
        ("state:missing+", {"marts/kpi"}),
        ("column:staging/flights:delay+", {"staging/flights", "marts/daily", "marts/kpi"}),
        ("column:staging/flights:delay", {"staging/flights", "marts/daily", "marts/kpi"}),
        ("staging/flights marts/kpi", {"staging/flights", "marts/kpi"}),
        ("staging/flights,marts/kpi", {"staging/flights", "marts/kpi"}),
        (" staging/flights ,  marts/kpi ", {"staging/flights", "marts/kpi"}),
        ("not:group:marts", RAW | STAGING),
        ("marts/* not:marts/eu/*", {"marts/daily", "marts/kpi"}),
        ("not:marts/eu/* marts/*", {"marts/daily", "marts/kpi"}),
        ("+marts/daily not:kind:source", STAGING | {"marts/daily"}),
        ("marts/daily not:marts/daily", set()),
    ],
)
def test_a_selection_names_these_assets_in_working_order(text: str, keys: set[str]) -> None:
    assert chosen(text) == keys


def test_what_is_excluded_is_a_selection_too() -> None:
    assert chosen("+marts/daily", exclude="kind:source, staging/weather") == {"staging/flights", "marts/daily"}


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("staging/flihgts", "HW602", "did you mean 'staging/flights'?"),
        ("kpi", "HW602", "several have that name: marts/kpi, marts/eu/kpi"),
        ("flights", "HW602", "several have that name: raw/flights, staging/flights"),
        ("martz/*", "HW605", "did you mean 'marts/*'?"),
        ("owner:nobody", "HW605", "headwater ls lists them all"),
        ("tag:layer=gold", "HW605", "headwater ls lists them all"),
        ("group:mart", "HW605", None),
        ("tags:layer=staging", "HW604", "did you mean 'tag'?"),
        ("state:stael", "HW604", "did you mean 'stale'?"),
        ("staging/flights@2013-01-01", "HW604", "staging/flights --partition 2013-01-01"),
        ("column:delay", "HW604", "write column:staging/flights:dep_delay+"),
        ("column:staging/flihgts:delay", "HW602", "did you mean 'staging/flights'?"),
        ("+", "HW602", None),
        ("not:", "HW602", None),
        ("not:nobody", "HW602", None),
    ],
)
def test_a_selection_that_names_nothing_is_answered_with_what_is_near(text: str, code: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match=code) as caught:
        chosen(text)
    assert hint is None or caught.value.hint == hint


@pytest.mark.parametrize("text", ["state:stale", "column:staging/flights:delay+", "+column:staging/flights:delay"])
def test_a_method_that_needs_the_catalog_is_refused_where_there_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="HW604"):
        select(text, GRAPH)


def test_states_are_gathered_only_where_they_are_asked_for() -> None:
    def never() -> dict[str, set[str]]:
        raise AssertionError("not cheap")

    assert select("marts/daily", GRAPH, states_of=never) == ["marts/daily"]
