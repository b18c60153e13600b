"""Environments: made from each other, promoted, rolled back, frozen and dropped, without anything being computed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from assets_core.records import RunRecord, RunState
from assets_core.staleness import SlotState
from headwater import Project, processes
from headwater.environments import Changed
from tests.child import holding
from tests.desk import Desk

TOML = """
[project]
name = "shop"
modules = ["definitions"]
[env.prod]
[env.staging]
"""
CHAIN = """
raw = source("raw/orders", files="orders.csv")

@asset(key="orders", inputs={"raw": raw})
def orders(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.with_columns(net=pl.col("amount") * 2)

@asset(key="by_country")
def by_country(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.group_by("country").agg(pl.col("net").sum())

@asset(key="total")
def total(by_country: pl.LazyFrame) -> pl.LazyFrame:
    return by_country.select(pl.col("net").sum())

@asset(key="names", inputs={"raw": raw})
def names(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("id", "country")
"""
ORDERS = "id,country,amount\n1,DE,10\n2,FR,20\n"
ALL = ["by_country", "names", "orders", "total"]


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A source and four assets, materialized in prod."""
    desk.write("headwater.toml", TOML)
    desk.write("orders.csv", ORDERS)
    desk.define(CHAIN)
    assert run(desk, "prod") == {"succeeded": 4}
    return desk


def at(desk: Desk, env: str) -> Project:
    return Project.load(desk.root, env=env)


def run(desk: Desk, env: str, select: str = "", *, force: bool = False) -> dict[str, int]:
    with at(desk, env) as project:
        result = project.materialize(select, force=force)
        assert result.ok, [one.error for one in result.steps]
        return dict(result.counts)


def make(desk: Desk, name: str, origin: str = "prod", *, frozen: bool = False, as_of: str | None = None) -> Changed:
    with at(desk, origin) as project:
        return project.create_environment(name, frozen=frozen, as_of=as_of)


def promote(desk: Desk, origin: str, target: str, *, force: bool = False) -> Changed:
    with at(desk, target) as project:
        return project.promote(origin, force=force)


def rollback(desk: Desk, env: str, to: str) -> Changed:
    with at(desk, env) as project:
        return project.rollback(to)


def shown(desk: Desk, env: str) -> dict[str, str]:
    """By slot of an asset, the id of what it shows."""
    with at(desk, env) as project:
        pointers = project.catalog.pointers(env)
        return {str(slot): one.materialization for slot, one in pointers.items() if not one.observed}


def states(desk: Desk, env: str) -> dict[str, str]:
    with at(desk, env) as project:
        return {str(slot): str(verdict.state) for slot, verdict in project.status().items()}


def last_run(desk: Desk, env: str) -> str:
    with at(desk, env) as project:
        return project.runs(1)[0].id


def moved(done: Changed) -> list[str]:
    return sorted(str(one.slot) for one in done.moved)


def left(done: Changed) -> dict[str, str]:
    return {str(one.slot): one.reason for one in done.left}


def known_fresh(desk: Desk, env: str) -> set[str]:
    """The assets of which an environment knows, without looking at records, under what they were fresh."""
    with at(desk, env) as project:
        return {key for key, seen in project.catalog.glances(env, ALL).items() if None not in seen.judgements()}


def intact(desk: Desk) -> bool:
    with at(desk, "dev") as project:
        return project.verify().ok


def edit(desk: Desk, before: str = "* 2", after: str = "* 3") -> None:
    desk.edit("definitions.py", before, after)


def refusal(action: Callable[[], object]) -> HeadwaterError:
    with pytest.raises(HeadwaterError) as caught:
        action()
    return caught.value


# -- creating -------------------------------------------------------------------------------------------------------


def test_an_environment_made_from_another_shows_the_same(shop: Desk) -> None:
    done = make(shop, "feature")
    assert shown(shop, "feature") == shown(shop, "prod")
    assert [one.before for one in done.moved] == [None] * 5  # with the observation of the source
    assert set(states(shop, "feature").values()) == {"fresh"}


def test_making_one_is_one_transaction_and_no_data(shop: Desk) -> None:
    stored = sorted((shop.root / ".headwater" / "data").glob("[!_]*/**/*.parquet"))
    make(shop, "feature")
    with at(shop, "feature") as project:
        moments = {one.at for one in project.catalog.publications("feature")}
    assert len(moments) == 1
    assert sorted((shop.root / ".headwater" / "data").glob("[!_]*/**/*.parquet")) == stored


def test_what_was_found_fresh_is_known_to_be_so_where_it_is_shown_too(shop: Desk) -> None:
    make(shop, "feature")
    assert known_fresh(shop, "feature") == known_fresh(shop, "prod") == set(ALL)
    edit(shop)
    assert {key for key, state in states(shop, "feature").items() if state == "stale"} == {
        "orders", "by_country", "total",
    }  # fmt: skip
    run(shop, "feature")
    promote(shop, "feature", "prod")
    assert known_fresh(shop, "prod") == set(ALL)


def test_what_was_found_fresh_elsewhere_is_looked_at_where_something_else_holds(desk: Desk) -> None:
    desk.write("headwater.toml", TOML + "[env.feature.config.sample]\nrows = 1\n")
    desk.define("""
class Settings(Config):
    rows: int = 2

@asset(key="sample")
def sample(config: Settings) -> pl.DataFrame:
    return pl.DataFrame({"a": range(config.rows)})
""")
    run(desk, "prod")
    make(desk, "feature")
    assert (states(desk, "prod"), states(desk, "feature")) == ({"sample": "fresh"}, {"sample": "stale"})


def test_an_environment_that_was_made_is_known_without_a_section_in_the_settings(shop: Desk) -> None:
    make(shop, "feature")
    with at(shop, "feature") as project:
        found = {one.name: one for one in project.environments()}
    assert list(found) == ["dev", "feature", "prod", "staging"]
    assert (found["feature"].declared, found["feature"].record.origin, found["feature"].record.shown) == (
        False, "prod", 4,
    )  # fmt: skip


def test_other_tools_see_what_a_new_environment_shows(shop: Desk) -> None:
    make(shop, "feature")
    face = shop.root / ".headwater" / "data" / "_env" / "feature" / "names" / "data.parquet"
    assert pl.read_parquet(face).height == 2


def test_an_environment_may_be_made_of_what_another_showed_earlier(shop: Desk) -> None:
    first, then = last_run(shop, "prod"), shown(shop, "prod")
    edit(shop)
    run(shop, "prod")
    make(shop, "past", as_of=first)
    assert shown(shop, "past") == then != shown(shop, "prod")


# -- runs in environments -------------------------------------------------------------------------------------------


def test_dev_reuses_everything_that_prod_has(shop: Desk) -> None:
    assert run(shop, "dev") == {"reused": 4}
    assert shown(shop, "dev") == shown(shop, "prod")


def test_a_run_publishes_only_in_its_own_environment(shop: Desk) -> None:
    before = shown(shop, "prod")
    make(shop, "feature")
    edit(shop)
    assert run(shop, "feature") == {"succeeded": 3}
    assert shown(shop, "prod") == before
    assert shown(shop, "feature")["names"] == before["names"]
    assert shown(shop, "feature")["orders"] != before["orders"]


# -- promoting ------------------------------------------------------------------------------------------------------


def test_a_promotion_moves_what_differs_in_one_transaction_and_computes_nothing(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    done = promote(shop, "feature", "prod")
    assert moved(done) == ["by_country", "orders", "total"]
    assert shown(shop, "prod") == shown(shop, "feature")
    assert set(states(shop, "prod").values()) == {"fresh"}
    with at(shop, "prod") as project:
        assert len({one.at for one in project.catalog.publications("prod") if one.run_id == done.run_id}) == 1
        assert project.run(done.run_id or "")[1] == []
    assert intact(shop)


def test_promoting_what_is_the_same_does_nothing(shop: Desk) -> None:
    make(shop, "feature")
    with at(shop, "prod") as project:
        head = project.catalog.head()
        done = project.promote("feature")
        assert (done.moved, done.run_id, project.catalog.head()) == ((), None, head)


def test_code_that_is_not_here_is_not_promoted(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    edit(shop, "* 3", "* 2")
    done = promote(shop, "feature", "prod")
    assert (moved(done), sorted(left(done))) == ([], ["by_country", "orders", "total"])
    assert "code of orders changed" in left(done)["orders"]


def test_what_was_made_of_something_that_stays_stays_too(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    shop.edit("definitions.py", "by_country.select(", "by_country.filter(pl.col('net') > 0).select(")
    run(shop, "feature")
    edit(shop, "* 3", "* 2")  # only the change of `total` is in this checkout, and it was made of the other orders
    done = promote(shop, "feature", "prod")
    assert moved(done) == []
    assert "orders: net changed" in left(done)["by_country"]
    assert "by_country: net changed" in left(done)["total"]


def test_a_sample_made_with_a_dev_setting_is_not_promoted(desk: Desk) -> None:
    desk.write("headwater.toml", f"{TOML}[env.dev.config.a]\nrows = 2\n")
    desk.define(
        """
        class Sample(Config):
            rows: int = 100

        @asset(key="a")
        def a(sample: Sample) -> pl.DataFrame:
            return pl.DataFrame({"id": range(sample.rows)})

        @asset(key="b")
        def b() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """
    )
    run(desk, "dev")
    done = promote(desk, "dev", "prod")
    assert moved(done) == ["b"]
    assert left(done) == {"a": "config rows changed from 2 to 100"}


def test_a_source_that_changed_since_keeps_what_was_made_of_it_from_promotion(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    shop.write("orders.csv", ORDERS.replace("10", "11"))
    done = promote(shop, "feature", "prod")
    assert moved(done) == []
    assert left(done)["orders"] == "files of raw/orders changed"


def test_a_check_that_is_blocking_now_and_never_ran_keeps_a_slot_from_promotion(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature", "orders")
    shop.edit("definitions.py", '@asset(key="orders", ', '@asset(key="orders", checks=[check.unique("id")], ')
    done = promote(shop, "feature", "prod")
    assert "unique(id) has not run on this data" in left(done)["orders"]


def test_slots_of_assets_that_are_gone_from_the_code_stay(shop: Desk) -> None:
    shop.define(CHAIN + '\n@asset(key="extra")\ndef extra() -> pl.DataFrame:\n    return pl.DataFrame({"x": [1]})\n')
    run(shop, "dev")
    shop.define(CHAIN)
    assert left(promote(shop, "dev", "prod")) == {"extra": "its asset is not in this code"}


def test_a_volatile_result_is_promoted_as_it_is(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    desk.define(
        """
        @asset(key="a", volatile=True)
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """
    )
    run(desk, "dev")
    assert moved(promote(desk, "dev", "prod")) == ["a"]


def test_slots_that_only_the_target_shows_stay_as_they_are(shop: Desk) -> None:
    run(shop, "dev", "names")
    before = shown(shop, "prod")
    promote(shop, "dev", "prod")
    assert shown(shop, "prod") == before


def test_what_one_call_makes_is_promoted_together_or_not_at_all(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    desk.define(
        """
        @multi_asset(outputs={"good": Out("good"), "bad": Out("bad")})
        def both() -> dict[str, pl.DataFrame]:
            return {"good": pl.DataFrame({"id": [1]}), "bad": pl.DataFrame({"id": [2, 2]})}
        """
    )
    run(desk, "dev")
    desk.edit("definitions.py", 'Out("bad")', 'Out("bad", checks=[check.row_count(1)])')
    done = promote(desk, "dev", "prod")
    assert moved(done) == []
    assert left(done)["good"] == "what is made by the same call stays"


def test_partitions_are_promoted_one_by_one(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    desk.define(
        """
        @asset(key="a", partitions=Daily("2024-01-01", "2024-01-04"))
        def a(context) -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """.replace("(context)", "()")
    )
    run(desk, "dev")
    desk.edit("definitions.py", "2024-01-04", "2024-01-03")
    done = promote(desk, "dev", "prod")
    assert moved(done) == ["a@2024-01-01", "a@2024-01-02"]
    assert left(done) == {"a@2024-01-03": "its partition is not in this code"}


def test_a_target_that_moved_meanwhile_is_not_overwritten_without_force(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    edit(shop, "* 3", "* 4")
    run(shop, "prod")
    edit(shop, "* 4", "* 3")
    before = shown(shop, "prod")
    error = refusal(lambda: promote(shop, "feature", "prod"))
    assert (error.code, error.exit_status) == ("HW705", 3)
    assert "orders" in error.why
    assert shown(shop, "prod") == before
    promote(shop, "feature", "prod", force=True)
    assert shown(shop, "prod") == shown(shop, "feature")


def test_a_target_whose_change_was_followed_is_in_step(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "prod")
    assert run(shop, "feature") == {"reused": 3}
    edit(shop, "* 3", "* 4")
    run(shop, "feature")
    assert moved(promote(shop, "feature", "prod")) == ["by_country", "orders", "total"]


def test_after_a_promotion_the_two_are_in_step(shop: Desk) -> None:
    for before, after in (("* 2", "* 3"), ("* 3", "* 4")):
        edit(shop, before, after)
        run(shop, "dev")
        assert len(promote(shop, "dev", "prod").moved) == 3


def test_a_pointer_that_moves_between_the_look_and_the_transaction_stops_all(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    with at(shop, "prod") as project:
        proposal = project.promotion("feature")
        run(shop, "prod", "orders")
        before = shown(shop, "prod")
        assert refusal(lambda: project.promote(proposal)).code == "HW703"
    assert shown(shop, "prod") == before
    assert intact(shop)


def test_no_pointer_moves_while_a_run_is_at_work_in_the_target(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    with at(shop, "prod") as project:
        proposal = project.promotion("feature")
        project.catalog.begin_run(
            RunRecord("live", "prod", RunState.RUNNING, datetime.now(UTC), "ada", "", "", processes.identity())
        )
        assert refusal(lambda: project.promote("feature")).code == "HW701"
        assert refusal(lambda: project.promote(proposal)).code == "HW701"
        assert refusal(project.drop_environment).code == "HW701"
        assert len(project.catalog.pointers("prod")) == 5


# -- rolling back ---------------------------------------------------------------------------------------------------


@pytest.fixture
def changed(shop: Desk) -> tuple[Desk, str, dict[str, str]]:
    """The shop after a second run with other code; the first run, and what it showed."""
    first, then = last_run(shop, "prod"), shown(shop, "prod")
    edit(shop)
    run(shop, "prod")
    return shop, first, then


def test_a_rollback_shows_again_what_a_run_left(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, then = changed
    done = rollback(shop, "prod", first)
    assert shown(shop, "prod") == then
    assert sorted(map(str, done.held)) == moved(done) == ["by_country", "orders", "total"]
    assert intact(shop)


def test_a_rollback_to_a_moment_finds_what_was_shown_then(shop: Desk) -> None:
    then, moment = shown(shop, "prod"), datetime.now(UTC).isoformat()
    edit(shop)
    run(shop, "prod")
    rollback(shop, "prod", moment)
    assert shown(shop, "prod") == then


def test_what_was_not_shown_then_is_not_shown_any_more(shop: Desk) -> None:
    run(shop, "dev", "names")
    first = last_run(shop, "dev")
    run(shop, "dev")
    rollback(shop, "dev", f"run:{first}")
    assert list(shown(shop, "dev")) == ["names"]
    face = shop.root / ".headwater" / "data" / "_env" / "dev"
    assert [(face / one / "data.parquet").exists() for one in ("names", "orders")] == [True, False]


@pytest.mark.parametrize("force", [False, True])
def test_a_run_leaves_held_slots_alone(changed: tuple[Desk, str, dict[str, str]], force: bool) -> None:
    shop, first, then = changed
    rollback(shop, "prod", first)
    assert run(shop, "prod", force=force).get("succeeded", 0) == (1 if force else 0)  # names is not held
    assert {key: one for key, one in shown(shop, "prod").items() if key != "names"} == {
        key: one for key, one in then.items() if key != "names"
    }


def test_status_says_who_holds_a_slot_and_why(
    changed: tuple[Desk, str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, first, _ = changed
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    with at(shop, "prod") as project:
        project.rollback(first, reason="wrong rates")
        verdict = project.status()[Slot("orders")]
    assert verdict.state is SlotState.HELD
    assert verdict.reasons[0].message.endswith("UTC by ada: wrong rates")


def test_after_a_release_the_newer_results_are_published_again_without_computing(
    changed: tuple[Desk, str, dict[str, str]],
) -> None:
    shop, first, _ = changed
    newer = shown(shop, "prod")
    rollback(shop, "prod", first)
    with at(shop, "prod") as project:
        assert sorted(map(str, project.release("orders").released)) == ["orders"]
        assert sorted(map(str, project.release().released)) == ["by_country", "total"]
        assert project.release().run_id is None
    assert run(shop, "prod") == {"reused": 3}
    assert shown(shop, "prod") == newer


def test_nothing_is_promoted_onto_a_held_slot(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, _ = changed
    make(shop, "feature")
    rollback(shop, "prod", first)
    done = promote(shop, "feature", "prod")
    assert (moved(done), set(left(done).values())) == ([], {"held in prod: headwater env release prod"})


def test_a_rollback_can_be_rolled_back(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, _ = changed
    newer, second = shown(shop, "prod"), last_run(shop, "prod")
    rollback(shop, "prod", first)
    rollback(shop, "prod", second)
    assert shown(shop, "prod") == newer


def test_a_promotion_can_be_rolled_back_to(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    done = promote(shop, "feature", "prod")
    after = shown(shop, "prod")
    edit(shop, "* 3", "* 4")
    run(shop, "prod")
    rollback(shop, "prod", done.run_id or "")
    assert shown(shop, "prod") == after


def test_a_rollback_is_refused_while_a_run_is_at_work(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, then = changed
    with at(shop, "prod") as project:
        project.catalog.begin_run(
            RunRecord("live", "prod", RunState.RUNNING, datetime.now(UTC), "ada", "", "", processes.identity())
        )
        assert refusal(lambda: project.rollback(first)).code == "HW701"
    assert shown(shop, "prod") != then


def test_what_a_dry_run_of_a_rollback_shows_is_not_done(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, then = changed
    before = shown(shop, "prod")
    with at(shop, "prod") as project:
        done = project.rollback(first, dry_run=True)
    assert (done.run_id, len(done.moved)) == (None, 3)
    assert shown(shop, "prod") == before != then


# -- freezing and dropping ------------------------------------------------------------------------------------------


def test_a_frozen_environment_refuses_every_run_and_change(shop: Desk) -> None:
    make(shop, "report", frozen=True)
    before = shown(shop, "report")
    edit(shop)
    run(shop, "dev")
    with at(shop, "report") as project:
        first = project.runs(1)[0].id
        actions: list[Callable[[], object]] = [
            project.materialize,
            lambda: project.promote("dev"),
            lambda: project.rollback(first),
            project.release,
            lambda: project.catalog.begin_run(
                RunRecord("late", "report", RunState.RUNNING, datetime.now(UTC), "ada", "", "")
            ),
        ]
        assert [refusal(action).code for action in actions] == ["HW704"] * 5
    assert shown(shop, "report") == before
    assert intact(shop)


def test_a_frozen_environment_can_be_dropped_and_made_again(shop: Desk) -> None:
    make(shop, "report", frozen=True)
    with at(shop, "report") as project:
        assert len(project.drop_environment().moved) == 5
    assert refusal(lambda: at(shop, "report")).code == "HW609"
    make(shop, "report")
    assert run(shop, "report") == {}
    assert intact(shop)


def test_a_dropped_environment_shows_nothing_and_its_history_stays(shop: Desk) -> None:
    make(shop, "feature")
    face = shop.root / ".headwater" / "data" / "_env" / "feature"
    assert face.exists()
    with at(shop, "feature") as project:
        project.drop_environment(reason="merged")
        assert project.catalog.pointers("feature") == {}
        assert len(project.catalog.publications("feature")) == 10
        assert project.drop_environment().run_id is None
    assert not face.exists()
    assert intact(shop)


def test_dropping_lets_held_slots_go(changed: tuple[Desk, str, dict[str, str]]) -> None:
    shop, first, _ = changed
    rollback(shop, "prod", first)
    with at(shop, "prod") as project:
        assert len(project.drop_environment().released) == 3
    assert states(shop, "prod") == dict.fromkeys(["orders", "by_country", "total", "names"], "missing")


# -- evidence -------------------------------------------------------------------------------------------------------


def test_who_did_what_and_why_stands_in_the_log(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    with at(shop, "prod") as project:
        done = project.create_environment("feature", command="headwater env create", reason="ticket 12")
        entries = [one for one in project.audit_log(50) if one["run_id"] == done.run_id]
        record, _ = project.run(done.run_id or "")
    assert {one["kind"] for one in entries} == {"run", "run_end", "change", "publication"}
    assert {(one["actor"], one["env"]) for one in entries} == {("ada", "feature")}
    assert (record.actor, record.command, record.reason, record.state) == (
        "ada", "headwater env create", "ticket 12", RunState.SUCCEEDED,
    )  # fmt: skip


def test_secrets_are_masked_in_reasons(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from headwater import secrets

    secrets.remember("hunter22-and-more")
    with at(shop, "prod") as project:
        done = project.create_environment("feature", reason="with hunter22-and-more")
        assert "hunter22" not in project.run(done.run_id or "")[0].reason


# -- bad input ------------------------------------------------------------------------------------------------------


def test_an_unknown_environment_is_refused_with_the_nearest_name(shop: Desk) -> None:
    make(shop, "feature")
    assert refusal(lambda: at(shop, "featur")).hint == "did you mean 'feature'?"
    assert refusal(lambda: promote(shop, "stagin", "prod")).hint == "did you mean 'staging'?"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda project: project.promote("prod"), "HW663"),
        (lambda project: project.promote("nowhere at all"), "HW609"),
        (lambda project: project.create_environment("prod"), "HW663"),
        (lambda project: project.create_environment("dev"), "HW660"),
        (lambda project: project.create_environment("../up"), "HW609"),
        (lambda project: project.create_environment("x", as_of="soon"), "HW616"),
        (lambda project: project.create_environment("x", as_of="2001-01-01"), "HW661"),
        (lambda project: project.rollback("2001-01-01"), "HW661"),
        (lambda project: project.rollback("run:nothing"), "HW612"),
        (lambda project: project.rollback("yesterday"), "HW616"),
        (lambda project: project.rollback(project.catalog.runs(1, env="dev")[0].id), "HW662"),
        (lambda project: project.release("nothing"), "HW602"),
    ],
)
def test_wrong_use_is_refused_and_changes_nothing(shop: Desk, action: Callable[[Project], object], code: str) -> None:
    run(shop, "dev")
    with at(shop, "prod") as project:
        head = project.catalog.head()
        assert refusal(lambda: action(project)).code == code
        assert project.catalog.head() == head


def test_rolling_back_an_environment_that_never_showed_anything_is_refused(shop: Desk) -> None:
    assert refusal(lambda: rollback(shop, "staging", "2001-01-01")).hint == "nothing was ever published there"


def test_a_rollback_to_before_the_first_run_names_the_first(shop: Desk) -> None:
    first = last_run(shop, "prod")
    assert first in refusal(lambda: rollback(shop, "prod", "2001-01-01")).hint


def test_a_run_that_died_is_no_reason_to_refuse(shop: Desk) -> None:
    make(shop, "feature")
    edit(shop)
    run(shop, "feature")
    gone = {**processes.identity(), "pid": 2**22 + os.getpid()}
    with closing(at(shop, "prod")) as project:
        project.catalog.begin_run(RunRecord("dead", "prod", RunState.RUNNING, datetime.now(UTC), "ada", "", "", gone))
        assert len(project.promote("feature").moved) == 3


def test_a_project_without_a_catalog_has_its_environments(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write("headwater.toml", TOML)
    desk.define("")
    assert refusal(lambda: at(desk, "feature")).code == "HW609"
    assert not (tmp_path / ".headwater").exists()
    with at(desk, "dev") as project:
        assert [one.name for one in project.environments()] == ["dev", "prod", "staging"]


TOGETHER = """
from headwater import Context

@multi_asset(outputs={"v": Out("v"), "w": Out("w")})
def both():
    call = 1
    return {"v": pl.DataFrame({"call": [call]}), "w": pl.DataFrame({"call": [call]})}
"""


def test_promotion_leaves_what_is_made_together_with_something_held(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    desk.define(TOGETHER)
    assert run(desk, "prod") == {"succeeded": 1}
    with at(desk, "prod") as prod:
        first = prod.runs()[0].id
    desk.edit("definitions.py", "call = 1", "call = 2")
    assert run(desk, "prod") == {"succeeded": 1}
    with at(desk, "prod") as prod:
        prod.rollback(first)
        prod.release("w")
    run(desk, "dev")

    with at(desk, "prod") as prod:
        proposal = prod.promotion("dev")
        prod.promote(proposal, force=True)
        found = [prod.scan(key).collect().to_dicts() for key in ("v", "w")]

    assert {str(one.slot): one.reason for one in proposal.left} == {
        "v": "held in prod: headwater env release prod", "w": "what is made by the same call stays"
    }  # fmt: skip
    assert found == [[{"call": 1}], [{"call": 1}]]


REFERRING = """
dims = source("raw/dims", files="dims.csv")

@asset(key="dim", inputs={"raw": dims})
def dim(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw

@asset(key="fact", checks=[check.foreign_key("k", "dim", "k")])
def fact() -> pl.DataFrame:
    return pl.DataFrame({"k": [1, 2]})
"""


def test_promotion_leaves_what_failed_a_check_since_it_was_made(desk: Desk) -> None:
    desk.write("headwater.toml", TOML)
    desk.write("dims.csv", "k\n1\n2\n")
    desk.define(REFERRING)
    run(desk, "dev")
    desk.write("dims.csv", "k\n1\n")
    run(desk, "dev", "dim")
    with at(desk, "dev") as dev:
        assert not dev.check("fact")[Slot("fact", None)][0].passed

    with at(desk, "prod") as prod:
        left = {str(one.slot): one.reason for one in prod.promotion("dev").left}

    assert list(left) == ["fact"]
    assert "failed since it was made" in left["fact"]


# -- what a frozen environment shows, whatever the code has -----------------------------------------------------------

CUSTOMERS = """
from headwater import Context, Dynamic

@asset(key="a", partitions=Dynamic("customers"))
def a(context: Context) -> pl.DataFrame:
    return pl.DataFrame({"k": [context.partition.key]})

@asset(key="total")
def total(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.select(pl.len().alias("n"))
"""


@pytest.fixture
def report(desk: Desk) -> Desk:
    """Three customers, of whom one was retired before a report was frozen."""
    desk.define(CUSTOMERS)
    with at(desk, "dev") as project:
        project.add_partitions("customers", ["acme", "beta", "gone"])
        project.materialize()
        project.retire_partitions("customers", ["gone"])
        project.materialize()
    assert left(make(desk, "report", "dev", frozen=True)) == {"a@gone": "orphaned: nothing read it when this was made"}
    return desk


def rows(desk: Desk, env: str) -> list[str]:
    with at(desk, env) as project:
        return sorted(project.scan("a").collect()["k"])


def test_a_frozen_environment_shows_what_it_did_when_a_key_is_retired(report: Desk) -> None:
    with at(report, "dev") as project:
        project.retire_partitions("customers", ["beta"])
    assert (rows(report, "report"), rows(report, "dev")) == (["acme", "beta"], ["acme"])
    assert states(report, "report") == dict.fromkeys(["a@acme", "a@beta", "total"], "held")
    assert states(report, "dev") == {
        "a@acme": "fresh", "a@beta": "orphaned", "a@gone": "orphaned", "total": "stale",
    }  # fmt: skip
    with at(report, "report") as project:
        assert project.query("total").to_dicts() == [{"n": 2}]
        assert refusal(project.plan).code == "HW704"


def test_a_frozen_environment_shows_what_it_did_when_a_definition_changes(report: Desk) -> None:
    report.edit("definitions.py", 'partitions=Dynamic("customers")', 'partitions=Monthly("2024-01", "2024-03")')
    assert run(report, "dev") == {"succeeded": 3}
    assert rows(report, "report") == ["acme", "beta"]
    assert rows(report, "dev") == ["2024-01", "2024-02"]
    assert states(report, "report") == dict.fromkeys(["a@acme", "a@beta", "total"], "held")
    with at(report, "report") as project:
        assert sorted(project.scan("a", as_of=datetime.now(UTC).isoformat()).collect()["k"]) == ["acme", "beta"]


def test_a_report_frozen_as_of_a_moment_shows_what_was_read_then(report: Desk) -> None:
    time.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    report.edit("definitions.py", 'partitions=Dynamic("customers")', 'partitions=Monthly("2024-01", "2024-03")')
    run(report, "dev")
    make(report, "now", "dev", frozen=True)
    make(report, "then", "dev", frozen=True, as_of=moment)
    assert (rows(report, "now"), rows(report, "then")) == (["2024-01", "2024-02"], ["acme", "beta"])


def views(desk: Desk) -> dict[str, list[int]]:
    """What the views of the warehouse give, by their schema."""
    desk.close()
    with closing(duckdb.connect(desk.root / "wh.duckdb", read_only=True)) as reader:
        found = reader.sql("select schema_name from duckdb_views() where not internal").fetchall()
        return {name: [row[0] for row in reader.sql(f"select v from {name}.a").fetchall()] for (name,) in found}


def test_what_other_tools_could_not_be_shown_at_its_time_is_shown_by_the_next_run(desk: Desk) -> None:
    desk.edit("headwater.toml", "[project]", '[storage.default]\nkind = "duckdb"\npath = "wh.duckdb"\n[project]')
    for value in (1, 2):
        desk.define(f"@asset\ndef a() -> pl.DataFrame:\n    return pl.DataFrame({{'v': [{value}]}})\n")
        desk.materialize()
    desk.project.create_environment("branch")
    first = desk.project.runs()[-1].id
    assert views(desk) == {"env_dev": [2], "env_branch": [2]}

    with holding(desk.root / "wh.duckdb"):
        (said,) = desk.project.rollback(first).behind
        assert "storage default is behind until the next run" in said
        desk.close()
        with Project.load(desk.root, env="branch") as branch:
            assert branch.drop_environment().behind
    assert views(desk) == {"env_dev": [2], "env_branch": [2]}

    assert desk.materialize().steps == ()
    assert views(desk) == {"env_dev": [1]}
    assert desk.project.catalog.faces_behind() == {}
