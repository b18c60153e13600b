"""Withdrawing: never used or shown again, in no environment, and everything made of it says so."""

from __future__ import annotations

import pytest

from assets_core.errors import HeadwaterError
from headwater import Project
from headwater.withdraw import Withdrawn
from tests.desk import Desk

TWO = """
@asset(key="a")
def a() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1, 2]})

@asset(key="b")
def b(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.with_columns(x=pl.col("id") + 1)

@asset(key="c")
def c(b: pl.LazyFrame) -> pl.LazyFrame:
    return b.select("x")
"""


@pytest.fixture
def made(desk: Desk) -> Desk:
    """Three assets, each of the one before, materialized in dev."""
    desk.write("headwater.toml", '[project]\nmodules = ["definitions"]\n[env.prod]\nprotected = true\n')
    desk.define(TWO)
    assert run(desk) == {"succeeded": 3}
    return desk


def at(desk: Desk, env: str = "dev") -> Project:
    return Project.load(desk.root, env=env)


def run(desk: Desk, env: str = "dev", select: str = "") -> dict[str, int]:
    with at(desk, env) as project:
        return dict(project.materialize(select).counts)


def shown(desk: Desk, env: str = "dev") -> dict[str, str]:
    with at(desk, env) as project:
        return {str(slot): one.materialization for slot, one in project.catalog.pointers(env).items()}


def withdraw(desk: Desk, what: str = "b", env: str = "dev") -> Withdrawn:
    with at(desk, env) as project:
        return project.withdraw(what, reason="wrong rates")


def refused(desk: Desk, what: str, reason: str = "wrong") -> str:
    with at(desk) as project, pytest.raises(HeadwaterError) as caught:
        project.withdraw(what, reason=reason)
    return caught.value.code


def again(desk: Desk) -> str:
    """Makes b anew with other code; gives the id of what it showed before."""
    before = shown(desk)["b"]
    desk.edit("definitions.py", "+ 1", "+ 2")
    run(desk)
    return before


def test_the_pointer_goes_back_to_what_was_shown_before(made: Desk) -> None:
    before = again(made)
    wrong = shown(made)["b"]
    found = withdraw(made)
    assert [one.id for one in found.materializations] == [wrong]
    assert [(one.env, str(one.slot), one.after and one.after.id) for one in found.moved] == [("dev", "b", before)]
    assert shown(made)["b"] == before


def test_where_nothing_was_shown_before_nothing_is_shown(made: Desk) -> None:
    found = withdraw(made)
    assert [one.after for one in found.moved] == [None]
    assert "b" not in shown(made)


def test_every_environment_that_shows_it_is_moved(made: Desk) -> None:
    assert run(made, "prod") == {"reused": 3}
    with at(made, "prod") as project:
        project.create_environment("feature")
    found = withdraw(made)
    assert sorted(one.env for one in found.moved) == ["dev", "feature", "prod"]
    assert [env for env in ("dev", "feature", "prod") if "b" in shown(made, env)] == []


def test_a_frozen_environment_shows_nothing_rather_than_what_it_never_showed(made: Desk) -> None:
    again(made)
    with at(made) as project:
        project.create_environment("report", frozen=True)
    (moved,) = [one for one in withdraw(made).moved if one.env == "report"]
    assert (moved.after, "frozen" in moved.note) == (None, True)
    assert set(shown(made, "report")) == {"a", "c"}


def test_it_is_not_reused_but_made_anew(made: Desk) -> None:
    wrong = shown(made)["b"]
    withdraw(made)
    assert run(made) == {"succeeded": 1, "skipped": 1}
    assert shown(made)["b"] != wrong
    assert run(made, "prod") == {"reused": 3}
    assert shown(made, "prod")["b"] != wrong


def test_it_is_not_gone_back_to_by_a_rollback(made: Desk) -> None:
    with at(made) as project:
        first = project.runs(1)[0].id
    wrong = again(made)
    with at(made) as project:
        project.withdraw(wrong, reason="wrong")
        done = project.rollback(first)
    (moved,) = [one for one in done.moved if str(one.slot) == "b"]
    assert (moved.after, moved.note) == (
        None, "what it showed then was taken out of use; this is what it showed before",
    )  # fmt: skip


def test_it_is_not_gone_back_to_what_was_rolled_back(made: Desk) -> None:
    with at(made) as project:
        first = project.runs(1)[0].id
    again(made)
    with at(made) as project:
        project.rollback(first)
    assert [one.after for one in withdraw(made).moved] == [None]


def test_it_is_not_copied_into_an_environment_made_of_the_past(made: Desk) -> None:
    with at(made) as project:
        first = project.runs(1)[0].id
    withdraw(made)
    with at(made) as project:
        done = project.create_environment("past", as_of=first)
    assert [str(one.slot) for one in done.left] == ["b"]
    assert set(shown(made, "past")) == {"a", "c"}


def test_the_manifests_of_all_that_was_made_of_it_say_so(made: Desk) -> None:
    wrong, ids = shown(made)["a"], shown(made)
    found = withdraw(made, "a")
    assert [str(one) for one in found.below] == ["b", "c"]
    with at(made) as project:
        for key in ("b", "c"):
            (told,) = project.manifest(ids[key])["withdrawn_upstream"]
            assert (told["materialization"], told["asset"], told["reason"]) == (wrong, "a", "wrong rates")
        assert project.manifest(wrong)["retired"][0]["how"] == "withdrawn"
        assert project.manifest(wrong)["withdrawn_upstream"] == []


def test_what_was_made_of_it_is_planned_again_if_what_comes_instead_differs(made: Desk) -> None:
    again(made)
    withdraw(made)
    with at(made) as project:
        reasons = {str(step.slot): [str(one.code) for one in step.reasons] for step in project.plan().steps}
    assert reasons == {"b": ["code_changed"], "c": ["input_changed", "upstream_stale"]}


def test_an_older_record_is_withdrawn_by_its_id_and_no_pointer_moves(made: Desk) -> None:
    old = again(made)
    before = shown(made)
    assert withdraw(made, old).moved == ()
    assert shown(made) == before
    made.edit("definitions.py", "+ 2", "+ 1")
    assert run(made)["succeeded"] >= 1
    assert shown(made)["b"] not in (old, before["b"])


def test_a_range_of_partitions_is_withdrawn_at_once(desk: Desk) -> None:
    desk.define(
        """
        @asset(key="a", partitions=Daily("2024-01-01", "2024-01-05"))
        def a() -> pl.DataFrame:
            return pl.DataFrame({"id": [1]})
        """
    )
    run(desk)
    found = withdraw(desk, "a@2024-01-02..2024-01-03")
    assert [str(one.slot) for one in found.materializations] == ["a@2024-01-02", "a@2024-01-03"]
    assert set(shown(desk)) == {"a@2024-01-01", "a@2024-01-04"}
    assert run(desk) == {"succeeded": 2}
    assert refused(desk, "a") == "HW614"


def test_the_record_and_its_data_stay_and_everything_is_proven(made: Desk) -> None:
    wrong = shown(made)["b"]
    withdraw(made)
    with at(made) as project:
        assert wrong in project.catalog.materializations([wrong])
        report = project.verify()
    assert (report.findings, report.files) == ((), 3)


def test_who_withdrew_it_and_why_is_recorded(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_ACTOR", "ada")
    done = withdraw(made)
    with at(made) as project:
        entries = {one["kind"]: one for one in project.audit_log(20) if one["run_id"] == done.run_id}
    assert (entries["retirement"]["actor"], entries["retirement"]["detail"]) == ("ada", "withdrawn: wrong rates")
    assert str(entries["publication"]["slot"]) == "b"


def test_a_dry_run_does_nothing(made: Desk) -> None:
    before = shown(made)
    with at(made) as project:
        head = project.catalog.head()
        found = project.withdraw("b", reason="wrong", dry_run=True)
        assert (found.run_id, len(found.moved), project.catalog.head()) == (None, 1, head)
    assert shown(made) == before


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("nothing", "HW602"),
        ("b@2024-01-01", "HW615"),
        ("00000000-0000-0000-0000-000000000000", "HW602"),
        ("@", "HW601"),
    ],
)
def test_what_is_not_there_cannot_be_withdrawn(made: Desk, what: str, code: str) -> None:
    assert refused(made, what) == code


def test_withdrawing_needs_a_reason(made: Desk) -> None:
    assert refused(made, "b", " ") == "HW664"


def test_what_was_withdrawn_is_not_withdrawn_again(made: Desk) -> None:
    wrong = shown(made)["b"]
    withdraw(made)
    assert refused(made, wrong) == "HW665"


def test_an_observation_is_not_withdrawn(desk: Desk) -> None:
    desk.write("raw.csv", "id\n1\n")
    desk.define(
        """
        raw = source("raw", files="raw.csv")

        @asset(key="a", inputs={"raw": raw})
        def a(raw: pl.LazyFrame) -> pl.LazyFrame:
            return raw
        """
    )
    run(desk)
    assert refused(desk, "raw") == "HW666"


def test_what_a_retired_key_shows_is_withdrawn_by_its_slot_and_does_not_come_back_with_the_key(desk: Desk) -> None:
    desk.define("""
        from headwater import Context, Dynamic

        @asset(key="bills", partitions=Dynamic("customers"))
        def bills(context: Context) -> pl.DataFrame:
            return pl.DataFrame({"k": [context.partition.key]})
        """)
    desk.project.add_partitions("customers", ["acme", "beta"])
    desk.materialize()
    desk.project.retire_partitions("customers", ["beta"])
    with pytest.raises(HeadwaterError, match=r"HW610 no partition 'gamma'"):
        desk.project.withdraw("bills@gamma", reason="wrong")
    (withdrawn,) = desk.project.withdraw("bills@beta", reason="wrong").materializations
    assert withdrawn.slot.partition == "beta"
    desk.project.add_partitions("customers", ["beta"])
    assert desk.rows("bills") == [{"k": "acme"}]
