"""Promoting, rolling back, releasing and withdrawing look through a rename: two keys of one asset are one slot."""

from __future__ import annotations

import pytest

from headwater import Project
from headwater.environments import Changed
from tests.desk import Desk

SHOP = """
source("raw", files="raw.csv", schema={"id": pl.Int64, "v": pl.Int64})

@asset(key="orders", inputs={"rows": "raw"})
def orders(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(pl.col("v") > 1)

@asset(key="total", inputs={"rows": "orders"})
def total(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col("v").sum())
"""


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A source and two assets, materialized in prod."""
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[env.prod]\n')
    desk.write("raw.csv", "id,v\n1,1\n2,2\n3,3\n")
    desk.define(SHOP)
    run(desk, "prod")
    return desk


def at(desk: Desk, env: str) -> Project:
    return Project.load(desk.root, env=env)


def run(desk: Desk, env: str, select: str = "", *, force: bool = False) -> dict[str, int]:
    with at(desk, env) as project:
        result = project.materialize(select, force=force)
        assert result.ok, [one.error for one in result.steps]
        return dict(result.counts)


def make(desk: Desk, name: str) -> None:
    with at(desk, "prod") as project:
        project.create_environment(name)


def promote(desk: Desk, origin: str, target: str, *, force: bool = False) -> Changed:
    with at(desk, target) as project:
        return project.promote(origin, force=force)


def rename(desk: Desk) -> None:
    """``orders`` becomes ``sales/orders``."""
    desk.edit("definitions.py", '@asset(key="orders", ', '@asset(key="sales/orders", renamed_from="orders", ')
    desk.edit("definitions.py", '"rows": "orders"', '"rows": "sales/orders"')


def edit(desk: Desk, before: str = "> 1", after: str = "> 2") -> None:
    desk.edit("definitions.py", before, after)


def pointers(desk: Desk, env: str) -> dict[str, str]:
    """By slot of an asset as the catalog has it, the id of what it shows."""
    with at(desk, env) as project:
        found = project.catalog.pointers(env)
        return {str(slot): one.materialization for slot, one in found.items() if not one.observed}


def states(desk: Desk, env: str) -> dict[str, str]:
    with at(desk, env) as project:
        return {str(slot): str(verdict.state) for slot, verdict in project.status().items()}


def rows(desk: Desk, env: str, key: str = "sales/orders") -> list[int]:
    with at(desk, env) as project:
        return sorted(project.scan(key).collect()["id"].to_list())


def last_run(desk: Desk, env: str) -> str:
    with at(desk, env) as project:
        return project.runs(1)[0].id


def intact(desk: Desk) -> bool:
    with at(desk, "prod") as project:
        return project.verify().ok


def faces(desk: Desk, env: str) -> list[str]:
    """What other tools see of an environment."""
    root = desk.root / ".headwater" / "data" / "_env" / env
    return sorted(str(one.parent.relative_to(root)) for one in root.rglob("*.parquet"))


# -- promoting ------------------------------------------------------------------------------------------------------


def test_a_slot_that_was_made_anew_under_the_new_key_replaces_what_the_former_key_shows(shop: Desk) -> None:
    make(shop, "feature")
    rename(shop)
    edit(shop)
    run(shop, "feature")
    done = promote(shop, "feature", "prod")

    assert {str(one.slot): one.before is not None for one in done.moved} == {"sales/orders": True, "total": True}
    assert not done.left
    assert pointers(shop, "prod") == pointers(shop, "feature")
    assert set(pointers(shop, "prod")) == {"sales/orders", "total"}
    assert set(states(shop, "prod").values()) == {"fresh"}
    assert rows(shop, "prod") == [3]
    assert intact(shop)


def test_a_record_of_the_former_key_that_is_shown_elsewhere_replaces_a_newer_one(shop: Desk) -> None:
    make(shop, "feature")
    run(shop, "feature", "orders", force=True)
    made = pointers(shop, "feature")["orders"]
    rename(shop)
    run(shop, "prod", "sales/orders", force=True)
    done = promote(shop, "feature", "prod", force=True)

    assert [str(one.slot) for one in done.moved] == ["sales/orders"]
    assert pointers(shop, "prod")["orders"] == made
    assert "sales/orders" not in pointers(shop, "prod")
    assert set(states(shop, "prod").values()) == {"fresh"}
    assert faces(shop, "prod") == ["orders", "total"]


def test_what_both_show_under_two_keys_is_no_difference(shop: Desk) -> None:
    make(shop, "feature")
    rename(shop)
    assert promote(shop, "feature", "prod").moved == ()


def test_a_target_that_moved_under_the_other_key_is_not_overwritten_without_force(shop: Desk) -> None:
    make(shop, "feature")
    rename(shop)
    run(shop, "prod", "sales/orders", force=True)
    run(shop, "feature", "sales/orders", force=True)
    with at(shop, "prod") as project:
        proposal = project.promotion("feature")

    assert [str(one) for one in proposal.conflicts] == ["sales/orders"]


def test_a_promotion_after_a_promotion_over_the_rename_is_in_step(shop: Desk) -> None:
    make(shop, "feature")
    rename(shop)
    edit(shop)
    run(shop, "feature")
    promote(shop, "feature", "prod")
    edit(shop, "> 2", "> 0")
    run(shop, "feature")
    done = promote(shop, "feature", "prod")

    assert done.conflicts == ()
    assert rows(shop, "prod") == [1, 2, 3]


# -- rolling back ---------------------------------------------------------------------------------------------------


@pytest.fixture
def renamed(shop: Desk) -> tuple[Desk, str, dict[str, str]]:
    """The shop after a rename and an edit that prod has run; the run before it, and what prod showed then."""
    before, then = last_run(shop, "prod"), pointers(shop, "prod")
    rename(shop)
    edit(shop)
    run(shop, "prod")
    return shop, before, then


def test_a_rollback_past_the_rename_shows_the_former_record_under_its_present_key(
    renamed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, before, then = renamed
    with at(shop, "prod") as project:
        done = project.rollback(before)

    assert [str(one) for one in done.held] == ["sales/orders", "total"]
    assert {str(one.slot): one.after and one.after.id for one in done.moved} == {
        "sales/orders": then["orders"],
        "total": then["total"],
    }
    assert pointers(shop, "prod") == then
    assert rows(shop, "prod") == [2, 3]
    assert states(shop, "prod") == {"sales/orders": "held", "total": "held"}
    assert faces(shop, "prod") == ["orders", "total"]
    assert intact(shop)


def test_a_slot_rolled_back_past_the_rename_is_held_until_it_is_released_by_its_present_key(
    renamed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, before, then = renamed
    with at(shop, "prod") as project:
        project.rollback(before)
    assert run(shop, "prod") == {}
    assert pointers(shop, "prod") == then

    with at(shop, "prod") as project:
        released = project.release("sales/orders total").released
    assert [str(one) for one in released] == ["sales/orders", "total"]
    assert run(shop, "prod") == {"reused": 2}
    assert rows(shop, "prod") == [3]


def test_a_slot_that_was_held_before_the_rename_is_held_after_it(shop: Desk) -> None:
    before = last_run(shop, "prod")
    edit(shop)
    run(shop, "prod")
    with at(shop, "prod") as project:
        project.rollback(before)
    rename(shop)

    assert states(shop, "prod") == {"sales/orders": "held", "total": "held"}
    assert run(shop, "prod") == {}
    with at(shop, "prod") as project:
        assert [str(one) for one in project.release().released] == ["sales/orders", "total"]
    assert "held" not in states(shop, "prod").values()


def test_nothing_is_promoted_onto_a_slot_that_is_held_under_its_former_key(shop: Desk) -> None:
    before = last_run(shop, "prod")
    edit(shop)
    run(shop, "prod")
    make(shop, "feature")
    with at(shop, "prod") as project:
        project.rollback(before)
    rename(shop)
    done = promote(shop, "feature", "prod")

    assert {str(one.slot) for one in done.left} == {"sales/orders", "total"}
    assert done.moved == ()


def test_a_rollback_over_the_rename_can_be_rolled_back(renamed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, before, _ = renamed
    newest, after = last_run(shop, "prod"), pointers(shop, "prod")
    with at(shop, "prod") as project:
        project.rollback(before)
    with at(shop, "prod") as project:
        project.rollback(newest)

    assert pointers(shop, "prod") == after
    assert faces(shop, "prod") == ["sales/orders", "total"]


# -- withdrawing ----------------------------------------------------------------------------------------------------


def test_what_was_made_under_the_former_key_is_withdrawn_by_the_present_one(shop: Desk) -> None:
    wrong = pointers(shop, "prod")["orders"]
    rename(shop)
    with at(shop, "prod") as project:
        done = project.withdraw("sales/orders", reason="wrong")

    assert [one.id for one in done.materializations] == [wrong]
    assert [str(one.slot) for one in done.moved] == ["sales/orders"]
    assert [str(one) for one in done.below] == ["total"]
    assert wrong not in pointers(shop, "prod").values()
    assert states(shop, "prod")["sales/orders"] == "missing"


def test_what_was_shown_before_the_rename_is_shown_again_when_the_newer_is_withdrawn(
    renamed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, _, then = renamed
    with at(shop, "prod") as project:
        done = project.withdraw("sales/orders", reason="wrong")

    (shift,) = done.moved
    assert (str(shift.slot), shift.after and shift.after.id) == ("sales/orders", then["orders"])
    assert rows(shop, "prod") == [2, 3]
    assert "sales/orders" not in pointers(shop, "prod")
    assert intact(shop)


def test_it_is_not_gone_back_to_a_withdrawn_record_of_the_former_key(
    renamed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, before, then = renamed
    with at(shop, "prod") as project:
        project.withdraw(then["orders"], reason="wrong")
    with at(shop, "prod") as project:
        done = project.rollback(before)

    assert {str(one.slot): one.after and one.after.id for one in done.moved} == {
        "sales/orders": None,
        "total": then["total"],
    }
    assert then["orders"] not in pointers(shop, "prod").values()


def test_a_partition_is_withdrawn_by_the_present_key_and_the_hint_names_that(desk: Desk) -> None:
    text = """
    from headwater import Static

    @asset(key={key}, partitions=Static(["a", "b"]))
    def orders() -> pl.DataFrame:
        return pl.DataFrame({{"n": [1]}})
    """
    desk.define(text.format(key='"orders"'))
    desk.materialize()
    desk.define(text.format(key='"sales", renamed_from="orders"'))
    with pytest.raises(Exception, match="partitioned") as caught:
        desk.project.withdraw("sales", reason="wrong")
    assert "sales@b" in caught.value.hint  # type: ignore[attr-defined]
    done = desk.project.withdraw("sales@a", reason="wrong")

    assert [str(one.slot) for one in done.moved] == ["sales@a"]
    assert {str(slot): str(one.state) for slot, one in desk.project.status().items()} == {
        "sales@a": "missing",
        "sales@b": "fresh",
    }


# -- reading --------------------------------------------------------------------------------------------------------


def test_the_last_change_of_a_renamed_asset_is_a_change_and_no_addition(
    renamed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, _, then = renamed
    with at(shop, "prod") as project:
        (change,) = project.diff("sales/orders").slots

    assert (change.change, change.before and change.before.id) == ("changed", then["orders"])
    assert change.rows is not None
    assert (change.rows.added, change.rows.removed) == (0, 1)


def test_two_environments_that_show_a_slot_under_two_keys_are_compared(shop: Desk) -> None:
    make(shop, "feature")
    rename(shop)
    edit(shop)
    run(shop, "feature")
    with at(shop, "prod") as project:
        found = project.diff("prod", "feature").slots

    assert {str(one.slot): one.change for one in found if one.slot.asset != "raw"} == {
        "sales/orders": "changed",
        "total": "changed",
    }


def test_the_log_of_a_renamed_asset_goes_back_before_the_rename(renamed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, _, then = renamed
    with at(shop, "prod") as project:
        log = project.audit_log(100, "sales/orders")

    assert then["orders"] in {one["materialization"] for one in log}
    assert [one["sequence"] for one in log] == sorted((one["sequence"] for one in log), reverse=True)


def test_checks_run_on_what_is_shown_under_the_former_key(shop: Desk) -> None:
    rename(shop)
    shop.edit("definitions.py", 'renamed_from="orders", ', 'renamed_from="orders", checks=[check.not_null("id")], ')
    with at(shop, "prod") as project:
        results = project.check("sales/orders")

    assert {str(slot): [one.passed for one in found] for slot, found in results.items()} == {"sales/orders": [True]}
