"""Every JSON document: the keys that docs/json.md promises."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "json.md"
HEAD = {"headwater", "project", "env", "ok", "errors", "warnings"}
STEP = {
    "asset", "partition", "state", "reasons", "materialization", "error", "checks", "attempts", "seconds", "rows",
    "logs",
}  # fmt: skip
RUN = {"run", "env", "state", "started", "ended", "actor", "command", "selection", "reason", "resumes", "counts"}
CHECK = {"asset", "partition", "name", "kind", "severity", "passed", "failed_rows", "message", "sample"}


def body(document: dict[str, Any]) -> set[str]:
    """The keys beside those that every document has."""
    assert set(document) >= HEAD
    return set(document) - HEAD


def test_a_document_begins_with_the_edition_the_project_and_the_environment(hw, full_shop) -> None:
    document = hw("status", "--json", at=full_shop).document
    assert list(document.items())[:4] == [("headwater", 1), ("project", "shop"), ("env", "dev"), ("ok", True)]


def test_plan(hw, days) -> None:
    document = hw("plan", "--json", at=days()).document
    assert body(document) == {"steps", "accepted", "redefined"}
    assert set(document["steps"][0]) == {"asset", "partition", "slots", "reasons", "may_change", "forced", "batch"}
    assert document["steps"][0]["asset"] == "staging/flights"
    assert document["steps"][0]["partition"] == "2013-01-01"
    assert document["steps"][0]["slots"] == ["staging/flights@2013-01-01"]
    assert document["steps"][0]["reasons"][0]["code"] == "missing"


def test_status(hw, days) -> None:
    document = hw("status", "--json", at=days()).document
    assert body(document) == {"slots", "counts"}
    assert set(document["slots"][0]) == {"asset", "partition", "state", "reasons"}
    assert document["counts"] == {"missing": 11}


def test_materialize(hw, days) -> None:
    answer = hw("materialize", "--json", at=days(bad=("2013-01-03",)))
    assert (answer.status, answer.document["ok"]) == (1, False)
    assert body(answer.document) == {"run", "counts", "seconds", "steps"}
    assert answer.document["counts"] == {"succeeded": 9, "failed": 1, "upstream_failed": 1}
    steps = {(step["asset"], step["partition"]): step for step in answer.document["steps"]}
    assert set(steps["staging/flights", "2013-01-02"]) == STEP
    assert steps["staging/flights", "2013-01-02"]["rows"] == 4
    failed = steps["staging/flights", "2013-01-03"]
    assert set(failed["error"]) == {"code", "type", "message", "traceback", "hint"}
    assert (failed["error"]["code"], failed["error"]["message"]) == ("HW501", "no such day")
    assert failed["logs"][0]["output"] == "working on 2013-01-03\n"
    assert set(failed["logs"][0]) == {"output", "traceback"}


def test_materialize_with_nothing_to_do(hw, full_shop) -> None:
    document = hw("materialize", "--json", at=full_shop).document
    assert (document["run"], document["steps"], document["counts"], document["ok"]) == (None, [], {}, True)


def test_materialize_dry_run_gives_the_plan(hw, shop) -> None:
    assert body(hw("materialize", "--dry-run", "--json", at=shop).document) == {"steps", "accepted", "redefined"}


def test_a_check_of_a_step_has_the_keys_of_a_result(hw, days) -> None:
    document = hw("materialize", "--json", at=days()).document
    assert set(document["steps"][0]["checks"][0]) == CHECK - {"asset", "partition"}


def test_validate(hw, shop) -> None:
    document = hw("validate", "--json", at=shop).document
    assert body(document) == {"assets", "sources", "columns", "opaque"}
    assert (document["assets"], document["sources"], document["columns"], document["opaque"]) == (3, 1, 11, [])


def test_ls(hw, shop) -> None:
    document = hw("ls", "--json", at=shop).document
    assert body(document) == {"assets"}
    keys = {"asset", "kind", "partitions", "slots", "states", "description", "owners", "tags", "where"}
    assert set(document["assets"][0]) == keys
    assert [one["kind"] for one in document["assets"]] == ["source", "python", "python", "sql"]
    assert document["assets"][1]["where"] == "assets.py:20"


def test_show(hw, shop) -> None:
    document = hw("show", "staging/orders", "--json", at=shop).document
    assert body(document) == {
        "asset", "kind", "description", "where", "owners", "tags", "partitions", "partition_by", "unique_key",
        "batch", "storage", "volatile", "made_with", "files", "inputs", "ordered_after", "read_by", "columns",
        "checks", "lineage", "sql", "states", "ranges", "slots",
    }  # fmt: skip
    assert document["inputs"] == [
        {"name": "raw", "asset": "raw/orders", "columns": ["id", "day", "customer", "status", "amount"]}
    ]
    assert document["columns"][0] == {"name": "id", "type": "Int64", "description": "", "tags": []}


def test_data(hw, full_shop) -> None:
    document = hw("data", "staging/orders", "--head", 2, "--json", at=full_shop).document
    assert body(document) == {"columns", "types", "rows", "truncated"}
    assert document["columns"] == ["id", "day", "customer", "amount"]
    assert document["rows"] == [[1, "2026-01-01", "ada", 120.5], [2, "2026-01-01", "grace", 80.0]]
    assert document["truncated"] is True


def test_data_that_is_shown_whole_is_not_truncated(hw, full_shop) -> None:
    document = hw("data", "marts/customers", "--head", 4, "--json", at=full_shop).document
    assert (len(document["rows"]), document["truncated"]) == (4, False)


def test_preview(hw, full_shop) -> None:
    document = hw("preview", "marts/customers", "--head", 1, "--json", at=full_shop).document
    assert body(document) == {"columns", "types", "rows", "truncated"}
    assert document["rows"][0][0] == "ada"


def test_check(hw, full_shop) -> None:
    document = hw("check", "--json", at=full_shop).document
    assert body(document) == {"checks", "counts"}
    assert set(document["checks"][0]) == CHECK
    assert document["counts"] == {"passed": 3, "warned": 1, "failed": 0}


def test_lineage(hw, full_shop) -> None:
    document = hw("lineage", "marts/customers:spent", "--json", at=full_shop).document
    assert body(document) == {"edges"}
    assert {
        "source": {"asset": "staging/orders", "column": "amount"},
        "target": {"asset": "marts/customers", "column": "spent"},
        "kind": "AGGREGATION",
        "evidence": "derived",
    } in document["edges"]


def test_lineage_of_a_whole_asset_has_no_target_column(hw, full_shop) -> None:
    edges = hw("lineage", "raw/orders:status", "--down", "--json", at=full_shop).document["edges"]
    assert edges[0]["target"] == {"asset": "staging/orders", "column": None}


def test_lineage_of_a_query(hw, tmp_path) -> None:
    (tmp_path / "q.sql").write_text("select a + 1 as b from t where c > 0")
    document = hw("lineage", "--sql", tmp_path / "q.sql", "--json", at=tmp_path).document
    assert (document["project"], document["env"]) == (None, None)
    assert [(edge["source"]["column"], edge["target"]["column"], edge["kind"]) for edge in document["edges"]] == [
        ("c", None, "FILTER"),
        ("a", "b", "TRANSFORMATION"),
    ]


def test_runs(hw, full_shop) -> None:
    document = hw("runs", "--json", at=full_shop).document
    assert body(document) == {"runs"}
    assert set(document["runs"][0]) == RUN
    assert document == hw("runs", "list", "--json", at=full_shop).document


def test_runs_show(hw, full_shop) -> None:
    run = hw("runs", "--json", at=full_shop).document["runs"][0]["run"]
    document = hw("runs", "show", run[:13], "--json", at=full_shop).document
    assert body(document) == {"run", "steps"}
    assert set(document["run"]) == RUN
    assert set(document["steps"][0]) == STEP - {"checks", "rows", "logs"}


def test_runs_logs(hw, days) -> None:
    folder = days(bad=("2013-01-03",))
    run = hw("materialize", "--json", at=folder).document["run"]
    document = hw("runs", "logs", run, "--failed", "--json", at=folder).document
    assert body(document) == {"run", "logs", "gone"}
    assert [set(log) for log in document["logs"]] == [{"asset", "partition", "attempt", "output", "traceback"}]
    assert document["logs"][0]["output"] == "working on 2013-01-03\n"
    assert "ValueError: no such day" in document["logs"][0]["traceback"]


def test_runs_logs_name_the_steps_whose_log_was_deleted(hw, days) -> None:
    folder = days(bad=("2013-01-03",))
    run = hw("materialize", "--json", at=folder).document["run"]
    with sqlite3.connect(folder / ".headwater" / "catalog.db") as raw:
        raw.execute("drop trigger output_no_delete")
        raw.execute("delete from output")
    raw.close()
    document = hw("runs", "logs", run, "--failed", "--json", at=folder).document
    assert document["logs"] == []
    assert document["gone"] == [{"asset": "staging/flights", "partition": "2013-01-03"}]
    assert "its log is gone" in hw("runs", "logs", run, "--failed", at=folder).out


def test_audit_verify(hw, full_shop) -> None:
    answer = hw("audit", "verify", "--json", at=full_shop)
    assert body(answer.document) == {"findings", "records", "files", "head"}
    assert (answer.status, answer.document["findings"], answer.document["files"]) == (0, [], 3)
    assert set(answer.document["head"]) == {"sequence", "hash"}


def test_audit_verify_names_what_is_gone(hw, full_shop) -> None:
    stored = next((full_shop / ".headwater" / "data").glob("*~*/*.parquet"))
    stored.unlink()
    answer = hw("audit", "verify", "--json", at=full_shop)
    assert (answer.status, answer.document["ok"]) == (1, False)
    assert [set(one) for one in answer.document["findings"]] == [{"code", "message", "where"}]


def test_audit_log(hw, full_shop) -> None:
    document = hw("audit", "log", "--limit", 3, "--json", at=full_shop).document
    assert body(document) == {"entries"}
    assert len(document["entries"]) == 3
    keys = {"sequence", "at", "kind", "hash", "env", "asset", "partition", "materialization", "run", "actor", "detail"}
    assert set(document["entries"][0]) == keys


def test_audit_manifest(hw, full_shop) -> None:
    document = hw("audit", "manifest", "marts/customers", "--json", at=full_shop).document
    assert body(document) == {"manifest"}
    manifest = document["manifest"]
    assert set(manifest) == {
        "materialization", "kind", "asset", "partition", "created", "blocked", "seconds", "cpu_seconds", "run", "code",
        "recipe", "schema", "rows", "version", "lineage", "checks", "stored", "metadata", "publications", "retired",
        "accepted", "upstream", "withdrawn_upstream", "log",
    }  # fmt: skip
    assert manifest["recipe"]["inputs"][0]["asset"] == "staging/orders"


def test_init(hw, tmp_path) -> None:
    document = hw("init", tmp_path / "new", "--json").document
    assert body(document) == {"folder", "files"}
    assert "headwater.toml" in document["files"]


def test_completion(hw) -> None:
    assert body(hw("completion", "bash", "--json").document) == {"shell", "script"}


def test_progress_is_one_json_object_a_line(hw, days) -> None:
    answer = hw("materialize", "--progress", "json", "--json", at=days(bad=("2013-01-03",)))
    events = [json.loads(line) for line in answer.err.splitlines()]
    assert {event["event"] for event in events} == {"noticed", "planned", "started", "settled", "ended"}
    assert all(event["at"].endswith("+00:00") for event in events)
    assert events[-1]["counts"] == answer.document["counts"]


@pytest.mark.parametrize("heading", [
    "plan", "status", "materialize", "validate", "ls", "show", "data", "preview", "check", "lineage", "runs",
    "runs show", "runs logs", "audit verify", "audit log", "audit manifest", "init", "completion",
])  # fmt: skip
def test_the_page_has_every_document(heading: str) -> None:
    assert re.search(rf"^### .*`{re.escape(heading)}`", DOCS.read_text(), re.MULTILINE)
