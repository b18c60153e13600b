"""``diff``: two materializations, two moments, two environments."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets_core.errors import UsageError
from assets_core.keys import Slot
from headwater import Project
from headwater.diff import Diff, SlotDiff
from tests.desk import Desk

ORDERS = """
source("raw", files="raw.csv", schema={"id": pl.Int64, "amount": pl.Int64, "country": pl.String})

@asset(key="orders", unique_key=["id"], checks=[check.between("amount", 0, 50, severity="warn")])
def orders(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("id", "amount")

sql_asset("total", "select sum(amount) as total from orders")
"""
TOML = '[project]\nname = "desk"\nmodules = ["definitions"]\n[env.prod]\n'


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Orders that were materialized once."""
    desk.write("headwater.toml", TOML)
    desk.write("raw.csv", "id,amount,country\n1,10,FR\n2,20,DE\n3,30,DE\n")
    desk.define(ORDERS)
    assert desk.materialize().ok
    return desk


def more(shop: Desk) -> None:
    """Rows change, and orders are materialized again."""
    shop.write("raw.csv", "id,amount,country\n1,10,FR\n3,99,DE\n4,40,DE\n")
    assert shop.materialize().ok


def one(found: Diff, asset: str) -> SlotDiff:
    return next(slot for slot in found.slots if slot.slot.asset == asset)


def shown(desk: Desk, asset: str, env: str = "dev") -> str:
    return desk.project.catalog.published(env)[Slot(asset)].id


def test_the_last_publication_of_an_asset(shop: Desk) -> None:
    more(shop)
    rows = one(shop.project.diff("orders"), "orders").rows
    assert rows is not None

    assert (rows.key, rows.added, rows.removed, rows.changed) == (("id",), 1, 1, 1)
    assert rows.columns == {"amount": 1}
    assert rows.changed_sample[0]["columns"] == {"amount": {"before": 30, "after": 99}}


def test_an_asset_that_was_published_once_was_added(shop: Desk) -> None:
    assert one(shop.project.diff("orders"), "orders").change == "added"


def test_two_materializations_by_how_their_ids_begin(shop: Desk) -> None:
    before = shown(shop, "orders")
    more(shop)
    found = shop.project.diff(before, shown(shop, "orders")[:30])

    assert found.kind == "materializations"
    assert [slot.change for slot in found.slots] == ["changed"]


def test_which_columns_of_which_input_changed(shop: Desk) -> None:
    more(shop)
    records = one(shop.project.diff("total"), "total").records
    assert records is not None

    (read,) = records.inputs
    assert (read.name, [slot.columns for slot in read.slots]) == ("orders", [("amount",)])


def test_checks_whose_results_differ(shop: Desk) -> None:
    more(shop)
    records = one(shop.project.diff("orders"), "orders").records
    assert records is not None

    (check,) = records.checks
    assert check.before == "passed"
    assert check.after is not None
    assert check.after.startswith("failed")


def test_code_as_a_unified_diff_of_the_source(shop: Desk) -> None:
    shop.edit("definitions.py", 'raw.select("id", "amount")', 'raw.select("id", pl.col("amount") * 2)')
    shop.materialize("orders")
    records = one(shop.project.diff("orders"), "orders").records
    assert records is not None

    assert records.code.changed
    assert '-    return raw.select("id", "amount")' in records.code.text.splitlines()
    assert '+    return raw.select("id", pl.col("amount") * 2)' in records.code.text.splitlines()
    assert "code of orders in definitions.py changed" in records.code.changes


def test_the_query_of_a_sql_asset(shop: Desk) -> None:
    shop.edit("definitions.py", "sum(amount) as total", "max(amount) as total")
    shop.materialize("total")
    records = one(shop.project.diff("total"), "total").records
    assert records is not None

    assert "+select max(amount) as total from orders" in records.code.text.splitlines()


def test_columns_that_came_went_and_changed_their_type(shop: Desk) -> None:
    shop.edit("definitions.py", '"id", "amount")', 'pl.col("id").cast(pl.Int32), "country")')
    shop.edit("definitions.py", ', checks=[check.between("amount", 0, 50, severity="warn")]', "")
    shop.materialize("orders")
    records = one(shop.project.diff("orders"), "orders").records
    assert records is not None

    assert records.schema.added == (("country", "String"),)
    assert records.schema.removed == (("amount", "Int64"),)
    assert records.schema.retyped == (("id", "Int64", "Int32"),)


def test_two_moments_of_one_asset(shop: Desk) -> None:
    then = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    more(shop)
    found = shop.project.diff("orders", since=then)

    assert [str(slot.slot) for slot in found.slots] == ["orders"]
    assert one(found, "orders").change == "changed"


def test_two_moments_of_everything(shop: Desk) -> None:
    before = shop.project.runs(1)[0].id
    more(shop)
    found = shop.project.diff(since=f"run:{before}", until=f"run:{shop.project.runs(1)[0].id}")

    assert {slot.slot.asset for slot in found.slots} == {"raw", "orders", "total"}


def test_two_environments(shop: Desk) -> None:
    with Project.load(shop.root, env="prod") as prod:
        prod.materialize("+orders")
    more(shop)
    found = shop.project.diff("prod", "dev", select="orders total")

    assert {str(slot.slot): slot.change for slot in found.slots} == {"orders": "changed", "total": "added"}


def test_an_environment_compared_with_itself_differs_in_nothing(shop: Desk) -> None:
    found = shop.project.diff("dev", "dev")

    assert (found.slots, found.unchanged) == ((), 3)


def test_another_record_that_holds_the_same_is_the_same(shop: Desk) -> None:
    shop.materialize("orders", force=True)

    assert one(shop.project.diff("orders"), "orders").change == "same"


def test_pruned_data_is_named_and_the_rest_is_compared(shop: Desk) -> None:
    from datetime import timedelta

    from headwater.prune import Rule, prune

    more(shop)
    prune(shop.project, Rule(grace=timedelta()), carry_out=True)
    slot = one(shop.project.diff("orders"), "orders")

    assert slot.rows is None
    assert "was pruned" in slot.note
    assert slot.records is not None
    assert slot.records.inputs


@pytest.mark.parametrize(
    ("sides", "code", "says"),
    [
        (("orders", "total"), "HW673", "two assets"),
        (("dev", "stagin"), "HW674", "is an environment"),
        (("ordrs", "orders"), "HW672", "'ordrs' is no environment, asset or id"),
        (("01999999-9999-7999", "orders"), "HW672", "no materializations begin with"),
        ((), "HW674", "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_said(shop: Desk, sides: tuple[str, ...], code: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        shop.project.diff(*sides)
    assert caught.value.code == code
    assert says in caught.value.what


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_document(hw, shop: Desk) -> None:
    more(shop)
    shop.close()
    document = hw("diff", "orders", "--json", at=shop.root).document

    assert set(document) >= {"kind", "before", "after", "counts", "slots"}
    assert document["counts"] == {"added": 0, "removed": 0, "changed": 1, "same": 0}
    (slot,) = document["slots"]
    assert set(slot) == {
        "asset", "partition", "change", "before", "after", "schema", "code", "inputs", "config", "settings", "checks",
        "rows", "note",
    }  # fmt: skip
    assert set(slot["rows"]) == {"key", "before", "after", "added", "removed", "changed", "columns", "samples"}
    assert slot["rows"]["samples"]["added"] == [{"id": 4, "amount": 40}]


def test_the_text_shows_rows_and_code(hw, shop: Desk) -> None:
    more(shop)
    shop.edit("definitions.py", '"id", "amount")', '"id", "amount").filter(pl.col("id") > 0)')
    shop.materialize("orders")
    before, after = (one.materialization for one in reversed(_publications(shop, "orders")[-3:-1]))
    shop.close()
    said = hw("diff", "orders", "--from", "2000-01-01", at=shop.root).out
    assert "1 added" in said
    said = hw("diff", after, before, at=shop.root).out

    assert "1 added, 1 removed, 1 changed; by id" in said
    assert "~ id=3: amount 30 -> 99" in said
    said = hw("diff", "orders", at=shop.root).out
    assert '+    return raw.select("id", "amount").filter(pl.col("id") > 0)' in said


def _publications(desk: Desk, asset: str):
    return desk.project.catalog.publications("dev", asset=asset)


def test_a_diff_of_three_is_wrong_use(hw, tmp_path: Path) -> None:
    assert hw("diff", "a", "b", "c", at=tmp_path).status == 2
