"""Judging all slots at once, from what is remembered, comes to what judging each by its record comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core.asset import Asset, Input
from assets_core.check import Severity, unique
from assets_core.keys import Slot
from assets_core.mappings import all_partitions, window
from assets_core.partitions import Daily, Monthly
from assets_core.planning import states
from assets_core.published import Glances, Published, basis, pack_id, unpack_id, whole_basis
from assets_core.staleness import Reason, SlotState
from assets_core.standing import Standing
from tests.assets_core.plain_project import Project, code, computed, source

NOW = datetime(2014, 6, 1, tzinfo=UTC)
DAYS, MONTHS = Daily("2013-01-01", "2013-11-01"), Monthly("2013-01-01", "2013-11-01")


def months_of_days() -> Project:
    """A source and an asset by the day, read by the same days, by a trailing week, by months, and whole."""
    project = Project(
        source("raw", partitions=DAYS),
        computed("day", "raw", partitions=DAYS),
        computed("same", "day", partitions=DAYS),
        computed("week", Input("day", window(-6, 0)), partitions=DAYS),
        computed("month", "day", partitions=MONTHS),
        computed("all", Input("day", all_partitions()), partitions=MONTHS),
        computed("last", "month", "all"),
        now=NOW,
    )
    project.facts.alike = lambda key: _alike(project, key)
    return project.publish_all()


def _alike(project: Project, key: str) -> Mapping[str | None, int]:
    numbers: dict[object, int] = {}
    found = {}
    for partition in project.facts.published.ids(key):
        made = project.facts.published[Slot(key, partition)]
        assert made.recipe is not None
        recipe = replace(
            made.recipe, partition=None, window=(), inputs=tuple(replace(one, parts=()) for one in made.recipe.inputs)
        )
        found[partition] = numbers.setdefault(repr((recipe, made.checks)), len(numbers))
    return found


def remember(project: Project) -> int:
    """Keeps what was found fresh, as the catalog does; gives how many slots had to be looked at for it."""
    facts = project.facts
    states(facts.graph.definitions, facts)
    count = len(facts.found_fresh)
    for one in facts.found_fresh:
        known = {standing.digest: number for number, standing in facts.standings.items()}
        number = known.get(one.standing, len(known) + 1)
        standing = facts.standing(one.slot.asset)
        assert standing is not None
        facts.standings = {**facts.standings, number: standing}
        assert unpack_id(facts.published.ids(one.slot.asset)[one.slot.partition]) == one.id
        facts.published.note_judged(one.slot, number, one.basis)
    facts.found_fresh.clear()
    facts.published = as_read(facts.published)
    return count


def as_read(published: Published) -> Published:
    """The same as the next command reads it from the catalog: in columns, the records fetched when asked for."""
    records = {made.id: made for made in published.values()}
    columns: dict[str, Glances] = {}
    for slot in sorted(published, key=lambda one: (one.asset, one.partition or "")):
        (judgement,) = published.judged(slot.asset, [slot.partition])
        found = published.id_of(slot)
        assert found is not None
        row = (slot.partition, found, *(judgement or (None, None)))
        for column, value in zip(columns.setdefault(slot.asset, Glances.of_none()), row, strict=True):
            column.append(value)  # type: ignore[arg-type]  # of the column's type
    return Published(glances=columns, fetch=lambda ids: {one: records[one] for one in ids})


def told(project: Project) -> dict[Slot, tuple[SlotState, tuple[tuple[str, str], ...]]]:
    return {
        slot: (one.state, _words(one.reasons)) for slot, one in states(project.graph.definitions, project.facts).items()
    }


def _words(reasons: tuple[Reason, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((str(one.code), one.message) for one in reasons)


def without_memory(project: Project) -> dict[Slot, tuple[SlotState, tuple[tuple[str, str], ...]]]:
    facts = project.facts
    kept = facts.published, facts.standings, facts.alike
    facts.published, facts.standings, facts.alike = Published(dict(facts.published)), {}, lambda key: {}
    try:
        return told(project)
    finally:
        facts.published, facts.standings, facts.alike = kept
        facts.found_fresh.clear()


def test_what_was_found_fresh_is_not_looked_at_again() -> None:
    project = months_of_days()
    assert remember(project) == 4 * 304 - 304 + 10 + 10 + 1
    assert remember(project) == 0
    assert set(told(project).values()) == {(SlotState.FRESH, ())}


def test_what_was_found_fresh_under_other_code_is_stale_under_code_that_was_known_before() -> None:
    project = months_of_days()
    for text in ("1", "2"):
        project.derive("last", version=code(text))
        project.publish("last", {"x": text})
        assert remember(project)
    project.derive("last", version=code("1"))
    found = told(project)
    assert found[Slot("last")][0] is SlotState.STALE
    assert found == without_memory(project)


def test_after_one_slot_changed_only_what_reads_it_is_looked_at() -> None:
    project = months_of_days()
    remember(project)
    project.publish("day@2013-03-05", {"x": "2"})
    found = told(project)
    unfresh = {str(slot) for slot, (state, _) in found.items() if state is not SlotState.FRESH}
    week = {f"week@2013-03-{day:02d}" for day in range(5, 12)}
    months = {f"all@2013-{month:02d}" for month in range(1, 11)}
    assert unfresh == {"same@2013-03-05", *week, "month@2013-03", *months, "last"}
    assert found == without_memory(project)


def test_a_change_of_code_is_the_same_reason_for_all_slots_and_no_record_but_one_is_looked_at() -> None:
    project = months_of_days()
    remember(project)
    looked: list[str] = []
    project.facts.code_changes = lambda made: looked.append(str(made.slot)) or ("code of f changed",)  # type: ignore[func-returns-value]
    project.derive("day", version=code("other"))
    found = told(project)
    assert looked == ["day@2013-01-01"]
    assert {one for slot, one in found.items() if slot.asset == "day"} == {
        (SlotState.STALE, (("code_changed", "code of day changed: code of f changed"),))
    }
    assert found == without_memory(project)


def test_slots_that_are_alike_and_read_something_new_say_both() -> None:
    project = months_of_days()
    remember(project)
    project.publish("day@2013-03-05", {"x": "2"})
    project.derive("same", version=code("other"))
    found = told(project)
    assert [code for code, _ in found[Slot("same", "2013-03-05")][1]] == ["code_changed", "input_changed"]
    assert [code for code, _ in found[Slot("same", "2013-03-06")][1]] == ["code_changed"]
    assert found == without_memory(project)


def test_an_asset_that_becomes_volatile_is_stale_whatever_was_remembered() -> None:
    project = Project(computed("clock")).publish_all()
    remember(project)
    asset = project.graph.definitions["clock"]
    assert isinstance(asset, Asset)
    project.graph.definitions["clock"] = replace(asset, volatile=True)  # type: ignore[index]  # a dict in fact
    assert {state for state, _ in told(project).values()} == {SlotState.STALE}


def test_a_new_time_zone_is_seen_although_every_key_is_what_it_was() -> None:
    project = Project(
        computed("hours", partitions=Daily("2013-01-01", "2013-12-01", timezone="Europe/Berlin")), now=NOW
    )
    project.publish_all()
    project.facts.alike = lambda key: _alike(project, key)
    remember(project)
    moved = Daily("2013-01-01", "2013-12-01", timezone="Europe/London")
    asset = project.graph.definitions["hours"]
    assert isinstance(asset, Asset)
    project.graph.definitions["hours"] = replace(asset, partitions=moved)  # type: ignore[index]  # a dict in fact
    assert {state for state, _ in told(project).values()} == {SlotState.STALE}


def test_records_that_nobody_can_fetch_are_kept_however_many_there_are() -> None:
    days = Daily("2010-01-01", "2013-01-01")
    project = Project(source("raw", partitions=days), computed("a", "raw", partitions=days), now=NOW).publish_all()
    assert project.plan().steps == ()
    assert len(told(project)) == 1096


def test_a_volatile_asset_is_looked_at_every_time() -> None:
    project = Project(computed("clock", volatile=True)).publish_all()
    assert remember(project) == 0
    assert {state for state, _ in told(project).values()} == {SlotState.STALE}


def test_a_basis_tells_texts_and_their_joints_apart() -> None:
    assert basis(["ab", "c"]) != basis(["a", "bc"])
    assert basis([b"x" * 16, b"y" * 16]) != basis([b"y" * 16, b"x" * 16])
    assert basis([b"x" * 16]) != basis([b"x" * 16, b"x" * 16])
    assert whole_basis([b"a", b"bc"]) != whole_basis([b"ab", b"c"])


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "withdraw", "code", "config", "schema", "check", "hold", "absent", "remember"]),
        st.sampled_from(["day", "same", "week", "month", "all", "last"]),
        st.integers(0, 303),
        st.sampled_from(["1", "2"]),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_whatever_is_edited_memory_changes_no_verdict(edits: list[tuple[str, str, int, str]]) -> None:
    project = _small()
    for kind, key, place, text in edits:
        partitions = project.facts.partitions(key)
        slot = Slot(key, partitions[place % len(partitions)])
        _edit(project, kind, slot, text)
        assert told(project) == without_memory(project)
        project.facts.found_fresh.clear()


def _small() -> Project:
    days, months = Daily("2013-01-25", "2013-02-05"), Monthly("2013-01-01", "2013-03-01")
    return Project(
        source("raw", partitions=days),
        computed("day", "raw", partitions=days),
        computed("same", "day", partitions=days),
        computed("week", Input("day", window(-6, 0)), "raw", partitions=days),
        computed("month", "day", partitions=months),
        computed("all", Input("day", all_partitions()), partitions=months),
        computed("last", "month", "all"),
        now=NOW,
    ).publish_all()


def _edit(project: Project, kind: str, slot: Slot, text: str) -> None:
    facts, key = project.facts, slot.asset
    asset = project.graph.definitions[key]
    assert isinstance(asset, Asset)
    if kind == "publish" and all(
        one in facts.published for bound in project.graph.inputs[key] for one in facts.reads(slot, bound)
    ):
        project.publish(str(slot), {"x": text})
    elif kind == "withdraw":
        facts.published.pop(slot, None)
    elif kind == "code":
        project.derive(key, version=code(text))
    elif kind == "config":
        project.derive(key, config={"limit": text})
    elif kind == "schema":
        project.derive(key, types={"x": "Int64" if text == "1" else "String"})
    elif kind == "check":
        severity = Severity.WARN if text == "1" else Severity.BLOCKING
        checks = (replace(unique("id"), severity=severity),)
        project.graph.definitions[key] = replace(asset, checks=checks)  # type: ignore[index]  # a dict in fact
    elif kind == "hold":
        facts.held = {**facts.held, slot: "rolled back"}
    elif kind == "absent":
        facts.absent ^= {slot}
    else:
        remember(project)


@pytest.mark.parametrize("identifier", ["0190a0b0-0000-7000-8000-000000000001", "m1", "x" * 36])
def test_ids_come_out_as_they_went_in(identifier: str) -> None:
    assert unpack_id(pack_id(identifier)) == identifier


def test_a_standing_says_what_must_be_told_apart_later() -> None:
    project = months_of_days()
    found = project.facts.standing("day")
    assert found is not None
    assert (found.calendar, found.scheme) == ("day UTC", "plan-1")
    assert Standing(found.digest, found.calendar, found.scheme) == found
