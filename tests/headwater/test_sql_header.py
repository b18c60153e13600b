"""A header that says something in another form is refused by name, and never an unexpected error."""

from __future__ import annotations

import pytest

from assets_core.errors import DefinitionError
from assets_core.partitions import Multi, Static
from headwater.sql_files import declare
from headwater.sql_header import _KINDS

WRONG = {
    "owners": ["3", "[1]", "{ops = 1}"],
    "description": ["3"],
    "version": ["2"],
    "unique_key": ["true", "{}"],
    "deps": ["3", "[1]"],
    "renamed_from": ["1.5"],
    "tags": ['["marts"]', "{layer = 1}"],
    "schema": ['["a"]', "{a = 1}"],
    "volatile": ['"no"', "0"],
    "ordered": ["1"],
    "tolerance": ['"1e-9"', "true"],
    "columns": ['["a"]', "{a = 1}"],
    "checks": ['"x"', "[1]", '["not_null"]'],
    "inputs": ['"t"', "{t = [-6, 0]}", "{t = {key = 3}}"],
    "run": ["3", "{retry = 3}"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_is_of_another_kind_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(DefinitionError, match=rf"HW147.*{name} in the header is not ") as caught:
        declare("marts/x", f"/* headwater\n{name} = {value}\n*/ select a from t", where="x.sql:1")
    assert caught.value.where == "x.sql:1"


@pytest.mark.parametrize("value", ["[]", "[1]", "{date = []}"])
def test_partition_keys_that_are_none_are_refused_with_their_place(value: str) -> None:
    with pytest.raises(DefinitionError, match="HW120") as caught:
        declare("marts/x", f"/* headwater\npartitions = {value}\n*/ select a from t", where="x.sql:1")
    assert caught.value.where == "x.sql:1"


@pytest.mark.parametrize("name", ["sql", "where", "config"])
def test_what_only_python_can_say_is_refused(name: str) -> None:
    with pytest.raises(DefinitionError, match=f"HW147.*a header cannot say {name}"):
        declare("marts/x", f'/* headwater\n{name} = "x"\n*/ select a from t', where="x.sql:1")


def test_a_dimension_may_be_called_every() -> None:
    made = declare("marts/x", '/* headwater\npartitions = {every = ["EU", "US"]}\n*/ select 1 as a', where="x.sql:1")
    assert made.partitions == Multi(every=Static(["EU", "US"]))


def test_the_examples_of_hints_are_accepted() -> None:
    lines = "\n".join(
        f"{name} = {kind.example}" for name, kind in _KINDS.items() if kind.example and name != "previous"
    )
    query = "select a as origin from staging.flights, f"
    partitions = 'partitions = {every = "day", start = "2013-01-01"}'
    assert declare("x", f"/* headwater\n{partitions}\n{lines}\n*/ {query}", where="x").key == "marts/delays"


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000], ids=["a number without end", "lists without end"])
def test_what_toml_cannot_read_is_refused(value: str) -> None:
    with pytest.raises(DefinitionError, match=r"HW147.*the header is not valid TOML"):
        declare("marts/x", f"/* headwater\nowners = {value}\n*/ select a from t", where="x.sql:1")
