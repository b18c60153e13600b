"""The manifest holds everything an auditor needs on one materialization, ready for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets_core.errors import UsageError
from assets_core.keys import Slot
from assets_core.records import Materialization, RunState
from lineage.catalog.store import Catalog
from lineage.catalog.values import Outcome, Publish, Retired
from lineage.manifest import manifest
from tests.lineage.catalog_samples import NOW, PASSED, begun, later, made_of, outcome_of, record

RAW, OTHER, STAGING, MART = Slot("raw/a"), Slot("raw/b"), Slot("staging/c", "2013-01"), Slot("marts/d")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as opened:
        begun(opened)
        yield opened


@pytest.fixture
def mart(catalog: Catalog) -> Materialization:
    """The end of raw/a, raw/b -> staging/c -> marts/d, published in dev."""
    raw, other = made_of("1", RAW), made_of("2", OTHER)
    staging = made_of("3", STAGING, [raw, other])
    mart = replace(made_of("4", MART, [staging, raw]), metadata={"note": "x"})
    record(catalog, raw, other, staging)
    catalog.commit("dev", "run", [outcome_of(mart, source="def d(c, a): ...")], NOW)
    return mart


def test_it_is_ready_for_json(catalog: Catalog, mart: Materialization) -> None:
    document = manifest(catalog, "4")
    assert json.loads(json.dumps(document)) == document


def test_it_names_slot_run_and_actor(catalog: Catalog, mart: Materialization) -> None:
    catalog.end_run("run", RunState.SUCCEEDED, ended=later(9), counts={})
    document = manifest(catalog, "4")
    assert (document["asset"], document["partition"], document["created"]) == ("marts/d", None, NOW.isoformat())
    assert document["run"] == {
        "id": "run",
        "env": "dev",
        "actor": "ada",
        "command": "headwater materialize",
        "selection": "all",
        "started": NOW.isoformat(),
        "ended": later(9).isoformat(),
        "state": "succeeded",
        "reason": "",
        "process": {"pid": 1},
    }


def test_it_holds_the_code_with_its_evidence_and_its_text(catalog: Catalog, mart: Materialization) -> None:
    assert mart.recipe is not None
    code = manifest(catalog, "4")["code"]
    assert (code["evidence"], code["plan"]) == ("plan", mart.recipe.code.plan)
    assert code["text"] == "def d(c, a): ..."


def test_it_holds_every_input_with_the_columns_that_were_read(catalog: Catalog, mart: Materialization) -> None:
    assert mart.recipe is not None
    recipe = manifest(catalog, "4")["recipe"]
    first = mart.recipe.inputs[0]
    assert recipe["id"] == mart.recipe.id
    assert recipe["config"] == {"limit": 10}
    assert recipe["settings"] == {"format": "parquet"}
    assert recipe["inputs"][0] == {
        "name": "i0",
        "asset": "staging/c",
        "columns": [{"name": "id", "type": "Int64"}, {"name": "total", "type": "Float64"}],
        "slots": [{"partition": "2013-01", "materialization": "3", "version": first.parts[0].version}],
    }


def test_it_holds_schema_rows_and_versions(catalog: Catalog, mart: Materialization) -> None:
    document = manifest(catalog, "4")
    assert document["schema"][0] == {"name": "id", "type": "Int64"}
    assert document["rows"] == 10
    assert document["version"]["columns"] == mart.version.columns


def test_it_holds_the_edges_of_every_column(catalog: Catalog, mart: Materialization) -> None:
    lineage = manifest(catalog, "4")["lineage"]
    edge = {"resolution": "exact", "evidence": "derived"}
    assert lineage["columns"]["total"] == [
        {"source": {"asset": "raw/a", "column": "total"}, "kind": "AGGREGATION", **edge},
        {"source": {"asset": "staging/c", "column": "total"}, "kind": "AGGREGATION", **edge},
    ]
    assert lineage["all_columns"] == [{"source": {"asset": "staging/c", "column": "id"}, "kind": "FILTER", **edge}]


def test_it_lists_everything_upstream_down_to_sources_nearest_first(catalog: Catalog, mart: Materialization) -> None:
    assert manifest(catalog, "4")["upstream"] == ["3", "1", "2"]


def test_an_observation_has_no_recipe_and_nothing_upstream(catalog: Catalog, mart: Materialization) -> None:
    document = manifest(catalog, "1")
    assert document["kind"] == "observation"
    assert (document["recipe"], document["code"], document["lineage"], document["upstream"]) == (None, None, None, [])


def test_later_checks_stand_beside_those_before_publication(catalog: Catalog, mart: Materialization) -> None:
    failed = replace(PASSED, passed=False, failed_rows=2, sample=({"id": 1},), message="twice")
    catalog.add_check_results("4", [failed], run_id=None, at=later(60))
    first, second = manifest(catalog, "4")["checks"]
    assert (first["before_publication"], first["results"][0]["passed"]) == (True, True)
    assert (second["before_publication"], second["at"]) == (False, later(60).isoformat())
    assert second["results"][0] == {
        "name": "unique(id)",
        "kind": "unique",
        "severity": "blocking",
        "passed": False,
        "failed_rows": 2,
        "message": "twice",
        "sample": [{"id": 1}],
    }


def test_it_says_where_the_data_lies_and_what_its_digest_is(catalog: Catalog, mart: Materialization) -> None:
    assert mart.stored is not None
    assert manifest(catalog, "4")["stored"] == {
        "storage": "parquet",
        "location": "marts/d/4.parquet",
        "bytes": 100,
        "digest": mart.stored.digest,
    }


def test_it_says_where_it_was_shown_from_when_until_when(catalog: Catalog, mart: Materialization) -> None:
    record(catalog, made_of("5", MART), at=later(30))
    begun(catalog, "prod run", "prod", later(40))
    catalog.commit("prod", "prod run", [Outcome(publish=(Publish(MART, "4", None),))], later(50))
    shown: list[dict[str, Any]] = manifest(catalog, "4")["publications"]
    assert [(one["env"], one["from"], one["until"]) for one in shown] == [
        ("dev", NOW.isoformat(), later(30).isoformat()),
        ("prod", later(50).isoformat(), None),
    ]
    assert [one["actor"] for one in shown] == ["ada", "ada"]


def test_a_retirement_is_part_of_it(catalog: Catalog, mart: Materialization) -> None:
    catalog.retire(["4"], Retired.WITHDRAWN, reason="wrong rates", run_id="run", at=later(5))
    assert manifest(catalog, "4")["retired"] == [
        {"how": "withdrawn", "reason": "wrong rates", "run": "run", "at": later(5).isoformat()}
    ]


def test_it_names_the_log_entry_that_covers_it(catalog: Catalog, mart: Materialization) -> None:
    entry = manifest(catalog, "4")["log"]
    assert {"sequence": entry["sequence"], "hash": entry["hash"]} in [
        {"sequence": one.sequence, "hash": one.hash} for one in catalog.log(-1) if one.materialization == "4"
    ]


def test_an_unknown_materialization_is_wrong_use(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="HW641"):
        manifest(catalog, "nobody")
