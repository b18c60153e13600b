"""What a step reads is what its recipe says, also where the upstream is stale or nothing but rows are counted."""

from __future__ import annotations

import pytest

from tests.desk import Desk

TABLE = "id,g,v\n1,a,10\n2,b,20\n3,a,30\n"
RAW = 'raw = source("raw/t", files="t.csv")\n'


@pytest.fixture
def tables(desk: Desk) -> Desk:
    desk.write("t.csv", TABLE)
    return desk


def test_eager_code_that_read_a_column_its_stale_upstream_lost_runs_again_when_the_upstream_has(tables: Desk) -> None:
    tables.define(
        RAW
        + """
@asset(inputs={"raw": raw})
def a(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("id", "g", "v")
@asset
def b(a: pl.DataFrame) -> pl.DataFrame:
    return a
"""
    )
    assert tables.materialize().ok
    tables.edit("definitions.py", 'raw.select("id", "g", "v")', 'raw.select("id", "g")')
    tables.edit("definitions.py", "return a\n", "return a.with_columns(k=pl.lit(1))\n")
    assert tables.ran(tables.materialize("b")) == ["b"]
    assert tables.ran(tables.materialize()) == ["a", "b"]
    assert set(tables.rows("b")[0]) == {"id", "g", "k"}


@pytest.mark.parametrize("form", ["DataFrame", "LazyFrame"])
@pytest.mark.parametrize(("before", "after"), [('"id", "g"', '"id", "g", "v"'), ('"id", "g", "v"', '"id", "g"')])
def test_a_stale_upstream_is_read_with_the_columns_that_it_shows(
    tables: Desk, form: str, before: str, after: str
) -> None:
    tables.define(
        RAW
        + f"""
@asset(inputs={{"raw": raw}})
def a(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select({before})
@asset
def b(a: pl.{form}) -> pl.{form}:
    return a.with_columns(k=pl.lit(0))
"""
    )
    assert tables.materialize().ok
    tables.edit("definitions.py", f"raw.select({before})", f"raw.select({after})")
    tables.edit("definitions.py", "pl.lit(0)", "pl.lit(1)")
    shown = {name.strip(' "') for name in before.split(",")}
    assert tables.project.preview("b").columns == [*[name.strip(' "') for name in before.split(",")], "k"]
    assert tables.materialize("b").ok
    assert set(tables.rows("b")[0]) == {*shown, "k"}
    assert tables.materialize().ok
    assert set(tables.rows("b")[0]) == {*(name.strip(' "') for name in after.split(",")), "k"}
    assert not tables.plan().steps


def test_a_query_that_only_counts_rows_counts_them(tables: Desk) -> None:
    tables.define(RAW + 'sql_asset("n", "select count(*) as n from raw.t")')
    assert tables.materialize().ok
    assert tables.rows("n") == [{"n": 3}]


def test_a_declared_schema_that_the_published_data_breaks_makes_it_stale(tables: Desk) -> None:
    tables.define(
        RAW
        + """
@asset(inputs={"raw": raw}, schema={"id": pl.Int64, "g": pl.String, "v": pl.Int64})
def a(raw: pl.DataFrame) -> pl.DataFrame:
    return raw
"""
    )
    assert tables.materialize().ok
    tables.edit("definitions.py", '"v": pl.Int64', '"v": pl.Float64')
    assert tables.reasons(tables.plan()) == {"a": ["settings_changed"]}
    assert [one.error.code for one in tables.materialize().steps if one.error] == ["HW334"]


def test_a_unique_key_that_the_published_data_breaks_makes_it_stale(tables: Desk) -> None:
    tables.define(
        RAW
        + """
@asset(inputs={"raw": raw})
def a(raw: pl.DataFrame) -> pl.DataFrame:
    return raw
"""
    )
    assert tables.materialize().ok
    tables.edit("definitions.py", '@asset(inputs={"raw": raw})', '@asset(inputs={"raw": raw}, unique_key=["g"])')
    assert [one.error.code for one in tables.materialize().steps if one.error] == ["HW335"]


def test_another_secret_in_a_config_makes_stale_and_is_kept_nowhere(tables: Desk) -> None:
    tables.define(
        RAW
        + """
from pydantic import SecretStr
class Salt(Config):
    salt: SecretStr = SecretStr("first-secret")
@asset(inputs={"raw": raw})
def a(raw: pl.DataFrame, salt: Salt) -> pl.DataFrame:
    return raw.with_columns(length=pl.lit(len(salt.salt.get_secret_value())))
"""
    )
    tables.materialize()
    tables.write(
        "headwater.toml",
        '[project]\nname = "desk"\nmodules = ["definitions"]\n[config.a]\nsalt = "other-secret-value"\n',
    )
    assert tables.reasons(tables.plan()) == {"a": ["config_changed"]}
    tables.materialize()
    assert tables.rows("a")[0]["length"] == len("other-secret-value")
    tables.close()
    kept = b"".join(path.read_bytes() for path in (tables.root / ".headwater").glob("catalog.db*"))
    assert b"other-secret-value" not in kept
