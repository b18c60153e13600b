"""The page on what of polars is read says what the reading does, and leaves no method out."""

from __future__ import annotations

import polars as pl
import pytest

from docs.polars_coverage import EXPRESSIONS, FUNCTIONS, JOINS, METHODS, NO_PLAN, PAGE, a, how_read, page
from lineage.columns.polars_functions import ROWWISE, Manner, manner_of

PYTHON = {"inspect", "map_batches"}
HIDDEN = {"list.eval", "cat", "bin", "map_elements, map_batches", "fold, reduce"}


def test_the_page_says_what_the_reading_does() -> None:
    assert PAGE.read_text() == page()


def test_every_public_method_of_lazyframe_is_on_the_page_or_makes_no_plan() -> None:
    public = {name for name in dir(pl.LazyFrame) if not name.startswith("_")}
    assert public - METHODS.keys() - set(NO_PLAN.split()) == set()


@pytest.mark.parametrize("name", sorted({**METHODS, **FUNCTIONS, **JOINS}.keys() - PYTHON))
def test_an_operation_on_frames_is_read(name: str) -> None:
    assert how_read({**METHODS, **FUNCTIONS, **JOINS}[name]()) == "read"


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_an_expression_is_read_or_opaque_for_its_own_inputs_only(name: str) -> None:
    expected = "its own inputs may have influence in any way" if name in HIDDEN else "read"
    assert how_read(a.select(z=EXPRESSIONS[name]())) == expected


@pytest.mark.parametrize(
    "family",
    ["StringFunction", "TemporalFunction", "StructFunction", "ListFunction", "ArrayFunction", "BooleanFunction"],
)
def test_every_member_of_a_family_was_looked_at(family: str) -> None:
    from polars._plr import _expr_nodes

    members = {f"{family}.{name}" for name in dir(getattr(_expr_nodes, family)) if not name.startswith("_")}
    assert members - ROWWISE == set()


def test_a_function_that_was_never_looked_at_may_do_anything_with_its_arguments() -> None:
    assert manner_of("StringFunction.Invented") is Manner.WHOLE
