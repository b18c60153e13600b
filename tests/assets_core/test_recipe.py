"""Recipes: the id changes with every ingredient and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.versions import CodeVersion

PARTS = (InputPart("2013-01-01", "m1", "v1"), InputPart("2013-01-02", "m2", "v2"))
INPUT = RecipeInput("raw", "raw/flights", (("id", "Int64"), ("x", "String")), PARTS)
RECIPE = Recipe(
    "staging/flights",
    "2013-01",
    CodeVersion(plan="p", plan_scheme="s"),
    (INPUT,),
    {"low": "1"},
    {"compression": '"zstd"'},
    ("2013-01-01T00:00:00+00:00", "2013-02-01T00:00:00+00:00"),
)


def with_input(**changes: object) -> Recipe:
    return replace(RECIPE, inputs=(replace(INPUT, **changes),))  # type: ignore[arg-type]


OTHERS = {
    "the asset": replace(RECIPE, asset="staging/other"),
    "the partition": replace(RECIPE, partition="2013-02"),
    "no partition": replace(RECIPE, partition=None),
    "the code": replace(RECIPE, code=CodeVersion(plan="q", plan_scheme="s")),
    "no input": replace(RECIPE, inputs=()),
    "an input twice": replace(RECIPE, inputs=(INPUT, INPUT)),
    "the name of an input": with_input(name="raw2"),
    "the key of an input": with_input(asset="raw/other"),
    "a column more": with_input(columns=(*INPUT.columns, ("y", "Int64"))),
    "a column less": with_input(columns=INPUT.columns[:1]),
    "the type of a column": with_input(columns=(("id", "Int32"), ("x", "String"))),
    "the order of columns": with_input(columns=INPUT.columns[::-1]),
    "the version of a slot": with_input(parts=(PARTS[0], PARTS[1]._replace(version="v3"))),
    "two slots swapped": with_input(parts=PARTS[::-1]),
    "versions swapped": with_input(parts=(PARTS[0]._replace(version="v2"), PARTS[1]._replace(version="v1"))),
    "a slot less": with_input(parts=PARTS[:1]),
    "the key of a slot": with_input(parts=(PARTS[0], PARTS[1]._replace(partition="2013-01-03"))),
    "a config value": replace(RECIPE, config={"low": "2"}),
    "a config field more": replace(RECIPE, config={"low": "1", "high": "1"}),
    "config as setting": replace(RECIPE, config=RECIPE.settings, settings=RECIPE.config),
    "a setting": replace(RECIPE, settings={"compression": '"lz4"'}),
    "the window": replace(RECIPE, window=("2013-01-01T00:00:00+01:00", "2013-02-01T00:00:00+01:00")),
    "no window": replace(RECIPE, window=()),
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_id_changes_with(other: str) -> None:
    assert OTHERS[other].id != RECIPE.id


def test_no_two_of_these_recipes_have_one_id() -> None:
    assert len({one.id for one in OTHERS.values()}) == len(OTHERS)


def test_the_id_does_not_change_with_the_materializations_that_were_read() -> None:
    parts = tuple(part._replace(materialization=f"other-{part.materialization}") for part in PARTS)
    assert with_input(parts=parts).id == RECIPE.id


def test_the_id_does_not_change_with_weaker_evidence_of_the_code() -> None:
    assert replace(RECIPE, code=replace(RECIPE.code, source="anything")).id == RECIPE.id


def test_more_evidence_of_the_same_code_keeps_the_id_and_other_code_does_not() -> None:
    more = RECIPE.with_evidence(replace(RECIPE.code, source="anything", source_scheme="1"))
    assert (more.id, more.code.source) == (RECIPE.id, "anything")
    other = RECIPE.with_evidence(replace(RECIPE.code, plan="q"))
    assert other.id == replace(RECIPE, code=other.code).id != RECIPE.id


def test_the_id_does_not_depend_on_the_order_of_config_fields() -> None:
    one, other = (replace(RECIPE, config=fields) for fields in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}))
    assert one.id == other.id


def test_the_read_set_is_the_names_of_the_columns_in_order() -> None:
    assert INPUT.read_set == ("id", "x")
