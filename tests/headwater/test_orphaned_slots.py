"""Orphaned slots, those that the definition of their asset has no more, are read by nothing."""

from __future__ import annotations

import shutil

import duckdb
import polars as pl
import pytest

from assets_core.keys import Slot
from headwater import Project
from tests.desk import Desk
from tests.headwater.conftest import Headwater

DAILY = 'Daily("2024-01-01", "2024-01-04")'
MONTHLY = 'Monthly("2024-01", "2024-02")'
YEARLY = 'Yearly("2024-01-01", "2025-01-01")'


def define(desk: Desk, partitions: str, more: str = "") -> None:
    """An asset ``a`` of one row a slot, and ``total``, which counts them."""
    desk.define(
        f"""
        from headwater import Context, Dynamic, Static, Yearly, all_partitions

        @asset(key="a", partitions={partitions})
        def a(context: Context) -> pl.DataFrame:
            return pl.DataFrame({{"k": [context.partition.key if context.partition else "whole"]}})

        @asset(key="total")
        def total(a: pl.LazyFrame) -> pl.LazyFrame:
            return a.select(pl.len().alias("n"))
        """
    )
    desk.write("definitions.py", (desk.root / "definitions.py").read_text(encoding="utf-8") + more)


def keys(desk: Desk, as_of: str | None = None) -> list[str]:
    """The slots whose rows ``scan`` gives."""
    return sorted(desk.project.scan("a", as_of=as_of).collect()["k"])


@pytest.mark.parametrize(
    ("before", "after", "left", "orphaned"),
    [
        (DAILY, "None", ["whole"], ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("None", DAILY, ["2024-01-01", "2024-01-02", "2024-01-03"], [None]),
        (DAILY, MONTHLY, ["2024-01"], ["2024-01-01", "2024-01-02", "2024-01-03"]),
    ],
)
def test_data_has_the_rows_that_what_reads_the_asset_has(
    desk: Desk, hw: Headwater, before: str, after: str, left: list[str], orphaned: list[str | None]
) -> None:
    define(desk, before)
    desk.materialize()
    define(desk, after)
    desk.materialize()
    assert keys(desk) == left
    assert desk.rows("total") == [{"n": len(left)}]
    desk.close()
    slots = hw("status", "a", "--json", at=desk.root).document["slots"]
    assert [one["partition"] for one in slots if one["state"] == "orphaned"] == orphaned
    (listed,) = hw("ls", "a", "--json", at=desk.root).document["assets"]
    assert listed["states"] == {"fresh": len(left), "orphaned": len(orphaned)}
    assert f"{len(orphaned)} orphaned" in hw("status", "a", at=desk.root).out
    assert "orphaned" in hw("show", "a", at=desk.root).out


@pytest.mark.parametrize(
    ("before", "after", "orphaned", "said"),
    [
        (DAILY, "None", ["2024-01-01..2024-01-03"], "3 orphaned (2024-01-01..2024-01-03)"),
        ("None", DAILY, [None], "1 orphaned (the one without partitions)"),
    ],
)
def test_a_plan_says_what_an_asset_showed_with_partitions_and_without(
    desk: Desk, hw: Headwater, before: str, after: str, orphaned: list[str | None], said: str
) -> None:
    define(desk, before)
    desk.materialize()
    define(desk, after)
    (told,) = hw("plan", "--json", at=desk.root).document["redefined"]
    assert (told["orphaned"], told["gone"]) == (orphaned, len(orphaned) if orphaned == [None] else 3)
    assert said in hw("plan", at=desk.root).out


def test_once_every_key_is_retired_there_are_no_rows_and_still_the_columns(desk: Desk) -> None:
    define(desk, 'Dynamic("customers")')
    desk.project.add_partitions("customers", ["acme", "beta"])
    desk.materialize("a")
    desk.project.retire_partitions("customers", ["acme", "beta"])
    assert desk.project.query("a").to_dict(as_series=False) == {"k": []}
    assert desk.project.query("a", "select count(k) as n from data").to_dicts() == [{"n": 0}]
    assert desk.project.scan("a", "acme").collect()["k"].to_list() == ["acme"]


def test_a_check_looks_no_value_up_in_what_was_made_of_a_retired_key(desk: Desk) -> None:
    facts = """
@asset(key="facts", checks=[check.foreign_key("k", to="a", to_column="k")])
def facts() -> pl.DataFrame:
    return pl.DataFrame({"k": ["acme", "beta"]})
"""
    define(desk, 'Dynamic("customers")', facts)
    desk.project.add_partitions("customers", ["acme", "beta"])
    assert desk.materialize().ok
    assert desk.project.check("facts")[Slot("facts")][0].passed
    desk.project.retire_partitions("customers", ["beta"])
    assert not desk.project.check("facts")[Slot("facts")][0].passed
    (step,) = desk.materialize("facts", force=True).steps
    assert (step.state, step.checks[0].failed_rows) == ("blocked", 1)


def test_a_check_of_a_source_looks_no_value_up_in_what_was_made_of_a_retired_key(desk: Desk) -> None:
    sold = """
source("sold", files="sold.csv", schema={"k": pl.String}, checks=[check.foreign_key("k", to="a", to_column="k")])

@asset(key="copy")
def copy(sold: pl.LazyFrame) -> pl.LazyFrame:
    return sold
"""
    define(desk, 'Dynamic("customers")', sold)
    desk.write("sold.csv", "k\nacme\n")
    desk.project.add_partitions("customers", ["acme", "beta"])
    desk.materialize("a")
    assert desk.materialize("copy").ok
    desk.project.retire_partitions("customers", ["beta"])
    desk.write("sold.csv", "k\nacme\nbeta\n")
    desk.materialize("copy")
    assert desk.rows("copy") == [{"k": "acme"}]


def test_check_judges_no_slot_that_is_orphaned(desk: Desk) -> None:
    define(desk, DAILY)
    desk.edit("definitions.py", '@asset(key="a",', '@asset(key="a", checks=[check.not_null("k")],')
    desk.materialize()
    desk.edit("definitions.py", DAILY, MONTHLY)
    desk.materialize()
    assert list(desk.project.check("a")) == [Slot("a", "2024-01")]


# -- the published face ---------------------------------------------------------------------------------------------


def faced(desk: Desk, env: str = "dev") -> list[str]:
    """What another tool reads of ``a`` in an environment."""
    files = (desk.root / ".headwater" / "data" / "_env" / env / "a").glob("*.parquet")
    return sorted(key for file in files for key in pl.read_parquet(file)["k"])


def test_the_face_has_what_the_definition_has_whichever_it_comes_to_be(desk: Desk) -> None:
    for partitions in (DAILY, MONTHLY, "None", DAILY, 'Daily("2024-01-02", "2024-01-04")', YEARLY, DAILY):
        define(desk, partitions)
        desk.materialize("a")
        assert faced(desk) == keys(desk)


def test_a_face_of_other_slots_in_equal_number_is_brought_up_to_date(desk: Desk) -> None:
    define(desk, 'Static(["DE", "EU"])')
    desk.materialize("a")
    for name in ("DE", "EU"):
        define(desk, f'Static(["{name}"])')
        desk.materialize("a")
        assert faced(desk) == [name]


def test_the_face_of_a_warehouse_has_what_the_definition_has(desk: Desk) -> None:
    def rows() -> list[str]:
        desk.close()
        with duckdb.connect(str(desk.root / "warehouse.duckdb"), read_only=True) as connection:
            return [row[0] for row in connection.execute('select k from env_dev."a" order by k').fetchall()]

    desk.write(
        "headwater.toml",
        """
        [project]
        name = "desk"
        modules = ["definitions"]
        [storage.default]
        kind = "duckdb"
        path = "warehouse.duckdb"
        """,
    )
    for partitions in (DAILY, MONTHLY, 'Daily("2024-01-02", "2024-01-04")', DAILY):
        define(desk, partitions)
        desk.materialize("a")
        assert rows() == keys(desk)


def test_a_key_leaves_the_face_of_every_environment_when_it_is_retired_and_comes_back_when_it_is_added(
    desk: Desk,
) -> None:
    define(desk, 'Dynamic("customers")')
    desk.project.add_partitions("customers", ["acme", "beta"])
    desk.materialize("a")
    desk.project.create_environment("branch")
    desk.project.create_environment("report", frozen=True)
    desk.project.retire_partitions("customers", ["beta"])
    assert [faced(desk, env) for env in ("dev", "branch", "report")] == [["acme"], ["acme"], ["acme", "beta"]]
    desk.project.add_partitions("customers", ["beta"])
    assert [faced(desk, env) for env in ("dev", "branch")] == [["acme", "beta"], ["acme", "beta"]]


def test_what_is_promoted_takes_the_place_of_what_is_orphaned_in_the_face(desk: Desk) -> None:
    desk.write("headwater.toml", '[project]\nname = "desk"\nmodules = ["definitions"]\n[env.prod]\n')
    define(desk, DAILY)
    with Project.load(desk.root, env="prod") as project:
        project.materialize("a")
    define(desk, MONTHLY)
    desk.materialize("a")
    with Project.load(desk.root, env="prod") as project:
        project.promote("dev")
    assert faced(desk, "prod") == ["2024-01"]


def test_a_face_that_somebody_removed_is_there_again_after_the_next_run(desk: Desk) -> None:
    define(desk, DAILY)
    desk.materialize("a")
    shutil.rmtree(desk.root / ".headwater" / "data" / "_env")
    assert desk.materialize("a").run_id is None
    assert faced(desk) == keys(desk)


# -- what is said of an asset ---------------------------------------------------------------------------------------


def test_lineage_and_the_code_card_are_of_the_slots_that_the_definition_has(desk: Desk, hw: Headwater) -> None:
    code = """
@asset(key="wide")
def wide() -> pl.DataFrame:
    return pl.DataFrame({"x": [1], "y": [2]})

@asset(key="b", partitions=DAILY)
def b(wide: pl.LazyFrame) -> pl.LazyFrame:
    return wide.select(pl.col("x").alias("n"))
"""
    define(desk, "None", code.replace("DAILY", DAILY))
    desk.materialize("wide b")
    define(desk, "None", code.replace("DAILY", MONTHLY).replace('"x").alias', '"y").alias'))
    desk.materialize("b")
    assert {one.column for one in desk.project.lineage("b").upstream("n", direct=True)} == {"y"}
    assert hw("show", "b", "--code", "--json", at=desk.root).document["changes"] == []


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_the_face_of_a_storage_that_an_asset_has_left_holds_no_orphan_and_is_left_alone(desk: Desk, kind: str) -> None:
    path = "one" if kind == "parquet" else "one.duckdb"
    desk.write(
        "headwater.toml",
        '[project]\nname = "desk"\nmodules = ["definitions"]\n'
        f'[storage.default]\nkind = "{kind}"\npath = "{path}"\n[storage.two]\npath = "two"\n',
    )
    define(desk, 'Static(["k", "l", "m"])')
    desk.materialize()
    define(desk, 'Static(["k", "l", "n"])')
    desk.edit("definitions.py", '@asset(key="a", ', '@asset(key="a", storage="two", ')
    desk.materialize()

    def faced(name: str) -> int:
        with desk.project as project:
            return project.tables.storage(name).faced("dev", "a")

    assert (faced("default"), faced("two")) == (2, 1)
    if kind == "parquet":
        links = {one: one.lstat().st_ino for one in (desk.root / "one" / "_env" / "dev" / "a").iterdir()}
        desk.materialize()
        assert {one: one.lstat().st_ino for one in links} == links


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_what_is_made_again_in_another_storage_leaves_the_face_of_the_former_one(desk: Desk, kind: str) -> None:
    path = "one" if kind == "parquet" else "one.duckdb"
    storages = f'[storage.default]\nkind = "{kind}"\npath = "{path}"\n[storage.two]\npath = "two"\n'
    desk.write("headwater.toml", f'[project]\nname = "desk"\nmodules = ["definitions"]\n{storages}')
    desk.define("@asset\ndef whole() -> pl.DataFrame:\n    return pl.DataFrame({'x': [1]})\n")
    desk.materialize()
    desk.edit("definitions.py", "@asset\n", '@asset(storage="two")\n')
    desk.edit("definitions.py", "[1]", "[2]")
    desk.materialize()
    with desk.project as project:
        faced = {name: project.tables.storage(name).faced("dev", "whole") for name in ("default", "two")}
    assert faced == {"default": 0, "two": 1}
