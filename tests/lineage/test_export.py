"""Column lineage as OpenLineage writes it."""

from __future__ import annotations

from lineage import sql_lineage, sql_script_lineage
from lineage.export import openlineage_datasets, openlineage_facet

FOUND = sql_lineage("create table m as select a, sum(b) as s from t where c > 0 group by a", dialect="postgres")


def transformation(kind: str, subtype: str) -> dict[str, object]:
    return {"type": kind, "subtype": subtype, "masking": False}


def test_a_value_is_a_direct_input_field_of_its_column() -> None:
    assert openlineage_facet(FOUND, "shop")["fields"]["s"]["inputFields"] == [
        {"namespace": "shop", "name": "t", "field": "b", "transformations": [transformation("DIRECT", "AGGREGATION")]}
    ]


def test_what_touches_every_column_stands_once_under_dataset() -> None:
    found = {one["field"]: one["transformations"] for one in openlineage_facet(FOUND, "shop")["dataset"]}
    assert found["c"] == [transformation("INDIRECT", "FILTER")]
    assert found["a"] == [transformation("INDIRECT", "GROUP_BY")]


def test_only_values_are_kept_where_that_was_asked_for() -> None:
    assert openlineage_facet(FOUND, "shop", direct=True)["dataset"] == []


def test_a_result_is_named_after_the_table_written() -> None:
    assert [one["name"] for one in openlineage_datasets([FOUND], "shop")["outputs"]] == ["m"]


def test_a_table_that_several_statements_write_stands_once_and_bare_queries_apart() -> None:
    script = "insert into t select a from x; insert into t select b as a from y; select c from z; select d from z"
    outputs = openlineage_datasets(sql_script_lineage(script), "shop")["outputs"]
    assert [one["name"] for one in outputs] == ["t", "query", "query 2"]
    inputs = outputs[0]["facets"]["columnLineage"]["fields"]["a"]["inputFields"]
    assert [(one["name"], one["field"]) for one in inputs] == [("x", "a"), ("y", "b")]
