"""``show ASSET --code``: what entered the digests."""

from __future__ import annotations

from typing import Any

import pytest

from assets_core.errors import UsageError
from headwater.code import code_card
from tests.desk import Desk

RATES = """
import json
import os
import networkx
import polars as pl

RATE = 3
LIMIT = json.loads('{"limit": 5}')["limit"]

def scaled(column):
    return pl.col(column) * RATE + networkx.empty_graph().size() + int(os.environ.get("OFFSET", "0"))
"""
ASSETS = """
from rates import LIMIT, scaled

@asset(key="numbers")
def numbers() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2], "m": [3, 4]})

@asset(key="lazy")
def lazy(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers.select(scaled("n"))

@asset(key="eager")
def eager(numbers: pl.DataFrame) -> pl.DataFrame:
    return numbers.select(scaled("n")).head(LIMIT)

@asset(key="pinned", version="7")
def pinned(numbers: pl.LazyFrame) -> pl.LazyFrame:
    return numbers

sql_asset("query", "select * /* all */ from numbers where n>1")
"""


@pytest.fixture
def rates(desk: Desk) -> Desk:
    """Assets that reach a helper, a constant, a variable of the environment and a distribution."""
    desk.write("rates.py", RATES)
    desk.define(ASSETS)
    assert desk.materialize().ok
    return desk


def parts(desk: Desk, asset: str) -> dict[tuple[str, str], Any]:
    return {(one.kind, one.name): one for one in code_card(desk.project, asset).parts}


def test_functions_with_file_and_line(rates: Desk) -> None:
    found = {name: (one.file, one.line) for (kind, name), one in parts(rates, "eager").items() if kind == "function"}
    lines = RATES.lstrip("\n").splitlines()

    assert found["rates.scaled"] == ("rates.py", lines.index("def scaled(column):") + 1)
    assert found["definitions.eager"][0] == "definitions.py"


def test_values_environment_variables_distributions_and_parameters(rates: Desk) -> None:
    found = parts(rates, "eager")

    assert found["value", "rates.RATE"].shown == "3"
    assert ("environment", "OFFSET") in found
    assert ("distribution", "networkx") in found
    assert "numbers" in found["binding", "numbers"].shown


@pytest.mark.parametrize(
    ("asset", "evidence"), [("lazy", "plan"), ("eager", "source"), ("pinned", "pinned"), ("query", "sql")]
)
def test_what_decides_is_named(rates: Desk, asset: str, evidence: str) -> None:
    assert code_card(rates.project, asset).evidence == evidence


def test_a_plan_comes_with_its_digest_and_scheme(rates: Desk) -> None:
    version = code_card(rates.project, "lazy").version
    assert version is not None

    assert version.plan is not None
    assert version.plan_scheme.startswith("polars ")
    assert version.source is not None


def test_the_digests_are_those_that_were_recorded(rates: Desk) -> None:
    (recorded,) = rates.project.catalog.published("dev", assets={"eager"}).values()
    assert recorded.recipe is not None

    assert code_card(rates.project, "eager").version == recorded.recipe.code


def test_a_query_without_comments_and_with_its_star_expanded(rates: Desk) -> None:
    query = " ".join(code_card(rates.project, "query").query.split())

    assert query == "SELECT n, m FROM numbers WHERE n > 1"


def test_a_change_names_the_function_and_file(rates: Desk) -> None:
    rates.edit("rates.py", "* RATE +", "* RATE * 2 +")

    assert "code of scaled in rates.py changed" in code_card(rates.project, "eager").changes


def test_a_source_has_no_code(desk: Desk) -> None:
    desk.define('source("raw", files="raw.csv", schema={"id": pl.Int64})')

    with pytest.raises(UsageError) as caught:
        code_card(desk.project, "raw")
    assert caught.value.code == "HW675"


def test_the_document(hw, rates: Desk) -> None:
    rates.close()
    document = hw("show", "eager", "--code", "--json", at=rates.root).document

    assert set(document) >= {
        "asset", "evidence", "pinned", "plan", "plan_scheme", "source", "source_scheme", "functions", "reached",
        "query", "notes", "changes",
    }  # fmt: skip
    assert {"kind", "name", "file", "line", "digest"} == set(document["functions"][0])
    assert {"kind", "name", "value", "digest"} == set(document["reached"][0])


def test_the_text_has_the_source_when_asked_for_more(hw, rates: Desk) -> None:
    rates.close()
    short = hw("show", "eager", "--code", at=rates.root).out
    whole = hw("show", "eager", "--code", "-v", at=rates.root).out

    assert "the source decides" in short
    assert "rates.scaled" in short
    assert "def scaled(column):" in whole
    assert "def scaled(column):" not in short
