"""``audit verify`` of data in several places, and of data that cannot be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater import Project
from tests.child import holding
from tests.desk import Desk


@pytest.fixture
def apart(desk: Desk) -> Desk:
    """Materialized in two environments, each with a place of its own for the same storage."""
    desk.write(
        "headwater.toml",
        """
        [project]
        name = "desk"
        modules = ["definitions"]
        [storage.default]
        path = ".headwater/data"
        [env.prod.storage.default]
        path = "${PROD:-.headwater/proddata}"
        """,
    )
    desk.define("@asset(key='numbers')\ndef numbers() -> pl.DataFrame:\n    return pl.DataFrame({'n': [1]})\n")
    for env in ("dev", "prod"):
        with Project.load(desk.root, env=env) as project:
            assert project.materialize().ok
    return desk


def stored(desk: Desk, place: str) -> Path:
    (found,) = (desk.root / ".headwater" / place).glob("numbers/*.parquet")
    return found


def found_in(desk: Desk, env: str) -> list[str]:
    with Project.load(desk.root, env=env) as project:
        return [one.code for one in project.verify().findings]


@pytest.mark.parametrize("env", ["dev", "prod", "feature"])
def test_data_is_there_where_any_environment_keeps_it(apart: Desk, env: str) -> None:
    if env == "feature":
        with Project.load(apart.root) as project:
            project.create_environment("feature")
    assert found_in(apart, env) == []


@pytest.mark.parametrize("env", ["dev", "prod"])
@pytest.mark.parametrize("place", ["data", "proddata"])
def test_data_that_no_environment_has_is_gone(apart: Desk, env: str, place: str) -> None:
    stored(apart, place).unlink()
    assert found_in(apart, env) == ["HW457"]


@pytest.mark.parametrize("env", ["dev", "prod"])
@pytest.mark.parametrize("place", ["data", "proddata"])
def test_data_that_no_environment_has_as_it_was_is_altered(apart: Desk, env: str, place: str) -> None:
    file = stored(apart, place)
    file.chmod(0o644)
    file.write_bytes(b"altered")
    assert found_in(apart, env) == ["HW458"]


def test_a_place_that_cannot_be_looked_at_is_told(apart: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    apart.edit("headwater.toml", "${PROD:-.headwater/proddata}", "${PROD_PLACE}")
    monkeypatch.delenv("PROD_PLACE", raising=False)
    with apart.project as project:
        (finding,) = project.verify().findings
    assert finding.code == "HW457"
    assert "PROD_PLACE is not set" in finding.what


def test_what_another_process_is_at_is_not_said_to_be_gone(desk: Desk) -> None:
    desk.edit("headwater.toml", "[project]", '[storage.default]\nkind = "duckdb"\npath = "wh.duckdb"\n[project]')
    desk.define("@asset\ndef numbers() -> pl.DataFrame:\n    return pl.DataFrame({'n': [1]})\n")
    desk.materialize()
    desk.close()
    with holding(desk.root / "wh.duckdb"):
        (finding,) = desk.project.verify().findings
    assert finding.what == "the data cannot be read: the file of the storage 'default' is in use by another process"
    assert desk.project.verify().ok
