"""``renamed_from=`` carries history over a rename; what is gone from the code without it is orphaned."""

from __future__ import annotations

import pytest

from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from tests.desk import Desk

CHAIN = """
source("raw", files="raw.csv", schema={"id": pl.Int64, "v": pl.Int64})

@asset(key="orders", inputs={"rows": "raw"})
def orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(pl.col("v") > 1)

@asset(key="lazy", inputs={"rows": "orders"})
def lazy(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("id")

@asset(key="eager")
def eager(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.select("v")

sql_asset("query", "select orders.id, count(*) as n from orders group by orders.id")
"""


def renamed(desk: Desk) -> None:
    """``orders`` becomes ``sales/orders``, and what reads it follows."""
    desk.edit("definitions.py", '@asset(key="orders", ', '@asset(key="sales/orders", renamed_from="orders", ')
    desk.edit("definitions.py", 'inputs={"rows": "orders"}', 'inputs={"rows": "sales/orders"}')
    desk.edit(
        "definitions.py", "orders.id, count(*) as n from orders group by orders.id",
        "orders.id, count(*) as n from sales.orders group by orders.id",
    )  # fmt: skip


@pytest.fixture
def chain(desk: Desk) -> Desk:
    """A source, an asset, and three that read it; everything materialized."""
    desk.write("raw.csv", "id,v\n1,1\n2,2\n3,3\n")
    desk.define(CHAIN)
    assert desk.materialize().ok
    return desk


def states(desk: Desk) -> dict[str, str]:
    return {str(slot): str(verdict.state) for slot, verdict in desk.project.status().items()}


def test_nothing_is_computed_after_a_rename_neither_downstream(chain: Desk) -> None:
    renamed(chain)

    assert set(states(chain).values()) == {"fresh"}, chain.messages(chain.plan())
    assert chain.ran(chain.materialize()) == []


def test_data_published_under_the_former_key_is_read_under_the_new_one(chain: Desk) -> None:
    before = chain.rows("orders")
    renamed(chain)

    assert chain.rows("sales/orders") == before


def test_history_goes_on_over_a_rename(chain: Desk) -> None:
    first = chain.project.runs(1)[0].id
    renamed(chain)
    chain.write("raw.csv", "id,v\n1,1\n2,2\n4,4\n")
    chain.materialize()

    assert chain.project.scan("sales/orders", as_of=f"run:{first}").collect()["id"].to_list() == [2, 3]
    (change,) = chain.project.diff("sales/orders", since=f"run:{first}").slots
    assert change.rows is not None
    assert (change.rows.added, change.rows.removed) == (1, 1)
    assert change.records is not None
    assert not change.records.code.changed


def test_lineage_goes_by_the_new_key(chain: Desk) -> None:
    renamed(chain)

    upstream = {str(one.table) for one in chain.project.lineage("lazy").upstream("id")}
    assert upstream == {"sales/orders", "raw"}
    assert {one.table for one in chain.project.lineage("raw").downstream("id")} >= {"sales/orders", "lazy", "query"}


def test_a_change_after_a_rename_is_seen(chain: Desk) -> None:
    renamed(chain)
    chain.edit("definitions.py", 'pl.col("v") > 1', 'pl.col("v") > 2')

    assert chain.reasons(chain.plan())["sales/orders"] == ["code_changed"]
    assert sorted(chain.ran(chain.materialize())) == ["eager", "lazy", "query", "sales/orders"]
    assert chain.rows("lazy") == [{"id": 3}]
    assert not chain.plan().steps


def test_a_change_downstream_after_a_rename_is_seen(chain: Desk) -> None:
    renamed(chain)
    chain.edit("definitions.py", 'rows.select("id")', 'rows.select("v")')

    assert chain.ran(chain.materialize()) == ["lazy"]
    assert chain.project.verify().findings == ()


def test_new_data_after_a_rename_is_seen(chain: Desk) -> None:
    renamed(chain)
    chain.write("raw.csv", "id,v\n1,1\n2,2\n4,4\n")
    chain.materialize()

    assert chain.rows("lazy") == [{"id": 2}, {"id": 4}]
    assert set(states(chain).values()) == {"fresh"}


def test_once_published_under_the_new_key_nothing_is_shown_under_the_former_one(chain: Desk) -> None:
    renamed(chain)
    chain.materialize("sales/orders", force=True)

    assert Slot("orders") not in chain.project.catalog.published("dev")
    assert Slot("sales/orders") in chain.project.catalog.published("dev")
    assert chain.project.verify().ok


def test_a_function_that_was_renamed_along_with_its_key(desk: Desk) -> None:
    desk.define("@asset\ndef old() -> pl.DataFrame:\n    return pl.DataFrame({'a': [1]})\n")
    desk.materialize()
    desk.define("@asset(renamed_from='old')\ndef new() -> pl.DataFrame:\n    return pl.DataFrame({'a': [1]})\n")
    assert states(desk) == {"new": "fresh"}

    desk.edit("definitions.py", "[1]", "[2]")
    assert states(desk) == {"new": "stale"}


def test_a_parameter_that_was_renamed_along_with_its_input(desk: Desk) -> None:
    text = """
    @asset{options}
    def {name}() -> pl.DataFrame:
        return pl.DataFrame({{"a": [1, 2]}})

    @asset
    def top({name}: pl.LazyFrame) -> pl.LazyFrame:
        return {name}.select(pl.col("a").max())
    """
    desk.define(text.format(options="", name="old"))
    desk.materialize()
    desk.define(text.format(options='(renamed_from="old")', name="new"))

    assert states(desk) == {"new": "fresh", "top": "fresh"}


def test_two_inputs_that_were_swapped_are_no_rename(desk: Desk) -> None:
    text = """
    @asset(key="a1"{a})
    def a() -> pl.DataFrame:
        return pl.DataFrame({"n": [1]})

    @asset(key="b1"{b})
    def b() -> pl.DataFrame:
        return pl.DataFrame({"n": [2]})

    @asset(key="top", inputs={"x": "a1", "y": "b1"})
    def top(x: pl.LazyFrame, y: pl.LazyFrame) -> pl.LazyFrame:
        return pl.concat([x, y.select(pl.col("n") * 10)])
    """
    desk.define(text.replace("{a}", "").replace("{b}", ""))
    desk.materialize()
    after = text.replace("{a}", ', renamed_from="a1"').replace("{b}", ', renamed_from="b1"')
    after = after.replace('key="a1"', 'key="a2"').replace('key="b1"', 'key="b2"')
    desk.define(after.replace('"x": "a1", "y": "b1"', '"x": "b2", "y": "a2"'))

    assert states(desk) == {"a2": "fresh", "b2": "fresh", "top": "stale"}
    desk.materialize()
    assert desk.rows("top") == [{"n": 2}, {"n": 10}]


def test_the_slots_of_a_partitioned_asset_and_of_a_multi_asset(desk: Desk) -> None:
    text = """
    days = Static(["a", "b"])

    @multi_asset(outputs={{"x": Out({x}), "y": Out("y")}}, partitions=days)
    def both():
        return {{"x": pl.DataFrame({{"n": [1]}}), "y": pl.DataFrame({{"n": [2]}})}}
    """.replace("days", "from headwater import Static\n    days", 1)
    desk.define(text.format(x='"x"'))
    desk.materialize()
    desk.define(text.format(x='"z", renamed_from="x"'))

    assert set(states(desk).values()) == {"fresh"}
    assert len(states(desk)) == 4


def test_a_former_key_that_is_in_use_is_an_error(chain: Desk) -> None:
    chain.edit("definitions.py", '@asset(key="eager"', '@asset(key="eager", renamed_from="lazy"')

    with pytest.raises(HeadwaterError) as caught:
        chain.project  # noqa: B018 -- loading it raises
    assert "HW136" in str(caught.value)


def test_a_former_key_claimed_twice_is_an_error(chain: Desk) -> None:
    chain.edit("definitions.py", '@asset(key="eager"', '@asset(key="eager", renamed_from="gone"')
    chain.edit("definitions.py", '@asset(key="lazy"', '@asset(key="lazy", renamed_from="gone"')

    with pytest.raises(HeadwaterError) as caught:
        chain.project  # noqa: B018 -- loading it raises
    assert "HW137" in str(caught.value)


# -- orphans --------------------------------------------------------------------------------------------------------


def test_an_asset_that_is_gone_from_the_code_is_orphaned(chain: Desk) -> None:
    chain.define(CHAIN.partition('@asset(key="eager")')[0])

    assert states(chain) == {"orders": "fresh", "lazy": "fresh", "eager": "orphaned", "query": "orphaned"}


def test_orphaned_slots_keep_their_data(chain: Desk) -> None:
    chain.define(CHAIN.partition('@asset(key="eager")')[0])
    chain.materialize()
    chain.define(CHAIN)

    assert set(states(chain).values()) == {"fresh"}


def test_status_and_ls_list_what_is_orphaned(hw, chain: Desk) -> None:
    chain.define(CHAIN.partition('@asset(key="eager")')[0])
    chain.close()

    status = hw("status", "--json", at=chain.root).document
    assert status["counts"] == {"fresh": 2, "orphaned": 2}
    listed = {one["asset"]: one["states"] for one in hw("ls", "--json", at=chain.root).document["assets"]}
    assert listed["eager"] == {"orphaned": 1}
    assert "orphaned" in hw("ls", at=chain.root).out
    assert "gone from the code" in hw("status", at=chain.root).out
