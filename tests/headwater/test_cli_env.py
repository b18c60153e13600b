"""The commands ``env`` and ``withdraw``: what they say, what they refuse, and their documents."""

from __future__ import annotations

from pathlib import Path

import pytest

CHANGE = {"change", "from", "run", "frozen", "moved", "left", "conflicts", "held", "released"}
HEAD = {"headwater", "project", "env", "ok", "errors", "warnings"}
SHIFT = {"env", "asset", "partition", "before", "after", "note"}
MADE = {"materialization", "run", "created", "rows"}


@pytest.fixture
def prod(hw, days) -> Path:
    """Ten days and a mart, materialized in the protected environment prod."""
    folder = days()
    assert hw("--env", "prod", "-q", "materialize", at=folder).status == 0
    return folder


@pytest.fixture
def feature(hw, days, prod) -> Path:
    """The same with an environment made of prod, where other code was run."""
    assert hw("env", "create", "feature", "--from", "prod", at=prod).status == 0
    (prod / "flights.py").write_text((prod / "flights.py").read_text().replace(".mean()", ".max()"))
    assert hw("--env", "feature", "-q", "materialize", at=prod).status == 0
    return prod


def test_ls(hw, feature) -> None:
    document = hw("env", "ls", "--json", at=feature).document
    assert set(document) - HEAD == {"environments"}
    found = {one["name"]: one for one in document["environments"]}
    assert list(found) == ["dev", "feature", "prod"]
    assert set(found["feature"]) == {
        "name", "declared", "protected", "frozen", "from", "created", "actor", "slots", "held",
    }  # fmt: skip
    assert (found["feature"]["from"], found["feature"]["slots"], found["prod"]["protected"]) == ("prod", 11, True)
    text = hw("env", "ls", at=feature).out
    assert "3 environments, this is dev" in text


def test_create(hw, prod) -> None:
    document = hw("env", "create", "feature", "--from", "prod", "--frozen", "--json", at=prod).document
    assert set(document) - HEAD == CHANGE
    assert (document["env"], document["change"], document["from"], document["frozen"]) == (
        "feature", "create", "prod", True,
    )  # fmt: skip
    assert len(document["moved"]) == 21
    assert set(document["moved"][0]) == SHIFT
    assert (document["moved"][0]["before"], set(document["moved"][0]["after"])) == (None, MADE)


def test_create_in_words(hw, prod) -> None:
    answer = hw("env", "create", "feature", "--from", "prod", at=prod)
    assert answer.out.splitlines()[0] == "days in feature: made from prod, 21 slots"
    assert "staging/flights  10  2013-01-01..2013-01-10" in answer.out


def test_a_promotion_shows_what_would_move_before_it_asks(hw, feature) -> None:
    answer = hw("env", "promote", "feature", "prod", at=feature)
    assert answer.status == 3
    assert "marts/delays" in answer.out
    assert "HW722 prod is protected, and this would show 1 slot of feature" in answer.err
    assert "add --yes and --reason TEXT" in answer.err
    assert hw("env", "promote", "feature", "prod", "--yes", at=feature).status == 3


def test_promote(hw, feature) -> None:
    words = ("env", "promote", "feature", "prod", "--yes", "--reason", "release 12")
    document = hw(*words, "--json", at=feature).document
    assert set(document) - HEAD == CHANGE
    assert (document["env"], document["change"], document["from"], len(document["moved"])) == (
        "prod", "promote", "feature", 1,
    )  # fmt: skip
    run = hw("--env", "prod", "runs", "show", document["run"], "--json", at=feature).document["run"]
    assert (run["reason"], run["selection"]) == ("release 12", "env promote feature prod")
    assert "env promote feature prod --yes --reason 'release 12'" in run["command"]
    assert hw(*words, at=feature).out == "days in prod: nothing to promote\n"


def test_a_promotion_of_the_past_is_refused_with_status_3(hw, feature) -> None:
    flights = feature / "flights.py"
    ours = flights.read_text()
    flights.write_text(ours.replace(".max()", ".min()"))
    assert hw("--env", "prod", "-q", "materialize", at=feature).status == 0
    flights.write_text(ours)
    words = ("env", "promote", "feature", "prod", "--yes", "--reason", "x")
    answer = hw(*words, at=feature)
    assert (answer.status, "HW705" in answer.err) == (3, True)
    assert "moved meanwhile, not overwritten without --force" in answer.out
    assert hw(*words, "--json", at=feature).document["errors"][0]["code"] == "HW705"
    assert hw("env", "promote", "feature", "prod", "--dry-run", "--json", at=feature).document["conflicts"] == [
        {"asset": "marts/delays", "partition": None}
    ]
    assert hw(*words, "--force", at=feature).status == 0


def test_a_slot_that_stays_is_named_with_the_reason(hw, feature) -> None:
    (feature / "flights.py").write_text((feature / "flights.py").read_text().replace(".max()", ".mean()"))
    answer = hw("env", "promote", "feature", "prod", "--dry-run", at=feature)
    assert "stays" in answer.out
    assert "marts/delays  code of marts/delays changed" in answer.out


def test_rollback_status_and_release(hw, feature) -> None:
    first = hw("--env", "feature", "runs", "--json", at=feature).document["runs"][-1]["run"]
    document = hw("env", "rollback", "feature", "--to", first, "--reason", "bad", "--json", at=feature).document
    assert set(document) - HEAD == CHANGE
    assert document["held"] == [{"asset": "marts/delays", "partition": None}]
    assert hw("--env", "feature", "status", "--json", at=feature).document["counts"] == {"fresh": 10, "held": 1}
    text = hw("--env", "feature", "status", "state:held", at=feature).out
    assert "held  rolled back" in text
    assert text.count("bad") == 1
    answer = hw("--env", "feature", "materialize", at=feature)
    assert "marts/delays held as it is: headwater env release lets it go" in answer.err
    released = hw("env", "release", "feature", "marts/*", "--json", at=feature).document
    assert (released["change"], released["released"]) == ("release", document["held"])
    assert hw("--env", "feature", "materialize", "--json", at=feature).document["counts"] == {"reused": 1}


def test_a_protected_environment_is_not_rolled_back_released_or_dropped_unasked(hw, feature) -> None:
    first = hw("--env", "prod", "runs", "--json", at=feature).document["runs"][-1]["run"]
    hw("env", "promote", "feature", "prod", "--yes", "--reason", "x", at=feature)
    before = hw("--env", "prod", "audit", "verify", "--json", at=feature).document["head"]
    for words in (("rollback", "prod", "--to", first), ("release", "prod"), ("drop", "prod")):
        assert hw("env", *words, at=feature).status == 3
    assert hw("--env", "prod", "audit", "verify", "--json", at=feature).document["head"] == before


def test_drop(hw, feature) -> None:
    document = hw("env", "drop", "feature", "--json", at=feature).document
    assert (document["change"], len(document["moved"])) == ("drop", 21)
    assert {one["after"] for one in document["moved"]} == {None}
    assert hw("env", "drop", "feature", at=feature).status == 2


def test_withdraw(hw, feature) -> None:
    words = ("withdraw", "staging/flights@2013-01-02", "--reason", "sensor broken")
    refused = hw("--env", "feature", *words, at=feature)
    assert (refused.status, "prod is protected" in refused.err) == (3, True)
    document = hw("--env", "feature", *words, "--yes", "--json", at=feature).document
    assert set(document) - HEAD == {"run", "reason", "withdrawn", "moved", "below"}
    assert set(document["withdrawn"][0]) == {"asset", "partition", *MADE}
    assert [one["env"] for one in document["moved"]] == ["feature", "prod"]
    assert document["below"] == [{"asset": "marts/delays", "partition": None}]
    manifest = hw("--env", "feature", "audit", "manifest", "marts/delays", at=feature).out
    assert "withdrawn: staging/flights@2013-01-02" in manifest
    assert "sensor broken" in manifest


def test_withdraw_in_words(hw, feature) -> None:
    text = hw("withdraw", "marts/delays", "--env", "feature", "--reason", "wrong", "--dry-run", at=feature).out
    assert "1 materialization would be withdrawn" in text
    assert "feature shows instead" in text


def test_an_env_option_that_contradicts_the_argument_is_refused(hw, feature) -> None:
    answer = hw("--env", "dev", "env", "rollback", "feature", "--to", "2013-01-01", at=feature)
    assert (answer.status, "HW667" in answer.err) == (2, True)


def test_an_unknown_environment_is_refused_with_the_nearest(hw, feature) -> None:
    for words in (("promote", "featur", "dev"), ("drop", "featur"), ("create", "x", "--from", "featur")):
        answer = hw("env", *words, at=feature)
        assert (answer.status, "did you mean 'feature'?" in answer.err) == (2, True)


def test_changes_of_environments_are_listed_between_the_runs(hw, feature) -> None:
    listed = hw("--env", "feature", "runs", at=feature).out
    assert "env create feature --from prod" in listed
