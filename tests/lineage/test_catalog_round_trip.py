"""Every record comes out of the catalog equal to what went in."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets_core.check import CheckResult, Severity
from assets_core.column_lineage import ColumnLineage, ColumnRef, Edge, EdgeKind, Evidence, Resolution
from assets_core.errors import DefinitionError, LineageError
from assets_core.keys import Slot
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import (
    AttemptLog,
    Derivation,
    Materialization,
    RecordKind,
    RunRecord,
    RunState,
    StepError,
    StepRecord,
    Stored,
)
from assets_core.versions import CodeVersion, DataVersion
from lineage.catalog.packing import pack_location, unpack_location
from lineage.catalog.store import Catalog
from lineage.catalog.values import Outcome, Publish

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcdefgh_ é\"'", min_size=1, max_size=6)
hexes = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
digests = hexes | st.just("") | text
identifiers = st.uuids().map(str) | st.text("abc-0123", min_size=1, max_size=40)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
slots = st.builds(Slot, st.sampled_from(["raw/a", "staging/b", "c"]), st.none() | names)
optional_text = st.none() | text
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(text, json_values, max_size=3)
seconds = st.floats(0, 1e6)
schemas = st.lists(st.tuples(names, st.sampled_from(["Int64", "String", "Datetime('us')"])), max_size=4).map(tuple)
codes = st.builds(CodeVersion, optional_text | hexes, text, optional_text | hexes, text, optional_text)
edges = st.builds(
    Edge,
    st.builds(ColumnRef, names, names),
    st.none() | names,
    st.sampled_from(EdgeKind),
    st.none() | st.integers(0, 9),
    st.sampled_from(Resolution),
)
lineages = st.builds(
    ColumnLineage,
    st.lists(names, max_size=4).map(tuple),
    st.frozensets(edges, max_size=8),
    st.sampled_from(Evidence),
    st.none() | names,
    st.lists(text, max_size=2).map(tuple),
)
results = st.builds(
    CheckResult,
    text,
    text,
    st.sampled_from(Severity),
    st.booleans(),
    st.none() | st.integers(0, 2**60),
    text,
    st.lists(json_objects, max_size=2).map(tuple),
)
versions = st.builds(
    DataVersion,
    text,
    st.none() | st.integers(0, 2**60),
    st.lists(names, max_size=2).map(tuple),
    st.dictionaries(names, digests, max_size=4) | st.dictionaries(names, hexes, max_size=4),
    st.dictionaries(st.lists(names, max_size=3).map(tuple), digests, max_size=3),
    st.none() | digests,
    st.none() | digests,
)
errors = st.builds(StepError, text, text, text, text, text)
logs = st.lists(st.builds(AttemptLog, text.filter(bool), text), max_size=3).map(tuple)


@st.composite
def materializations(draw: Any, slot: Slot, run: str, known: list[Materialization]) -> Materialization:
    """A record of a slot that reads some of the records already known."""
    parts = (
        st.builds(
            lambda made, version, partition: InputPart(partition, made.id, version),
            st.sampled_from(known),
            digests,
            optional_text,
        )
        if known
        else st.nothing()
    )
    inputs = st.builds(RecipeInput, names, names, schemas, st.lists(parts, max_size=5 if known else 0).map(tuple))
    asset, partition = draw(st.just(slot) | slots)
    recipe = st.builds(
        Recipe,
        st.just(asset),
        st.just(partition),
        codes,
        st.lists(inputs, max_size=3).map(tuple),
        st.dictionaries(text, text, max_size=2),
        st.dictionaries(text, text, max_size=2),
        st.lists(text, max_size=2).map(tuple),
    )
    return Materialization(
        id=draw(identifiers.filter(lambda one: one not in {made.id for made in known})),
        slot=slot,
        kind=draw(st.sampled_from(RecordKind)),
        run_id=run,
        created=draw(moments),
        schema=draw(schemas),
        version=draw(versions),
        recipe=draw(st.none() | recipe),
        stored=draw(st.none() | st.builds(Stored, text, text, st.integers(0, 2**60), digests)),
        lineage=draw(st.none() | lineages),
        checks=draw(st.lists(results, max_size=2).map(tuple)),
        blocked=draw(st.booleans()),
        metadata=draw(json_objects),
        seconds=draw(seconds),
        cpu_seconds=draw(seconds),
    )


@st.composite
def histories(draw: Any) -> tuple[RunRecord, list[Materialization], list[StepRecord]]:
    """A run, the records it made, each reading earlier ones, and its steps."""
    run = RunRecord(
        draw(identifiers),
        draw(names),
        RunState.RUNNING,
        draw(moments),
        draw(text),
        draw(text),
        draw(text),
        draw(json_objects),
    )
    made: list[Materialization] = []
    for slot in draw(st.lists(slots, max_size=5)):
        made.append(draw(materializations(slot, run.id, made)))
    steps = [
        StepRecord(
            run.id,
            draw(slots),
            draw(names),
            tuple(draw(st.lists(json_objects, max_size=2))),
            draw(st.none() | st.sampled_from([one.id for one in made])) if made else None,
            draw(st.none() | errors),
            draw(st.integers(0, 9)),
            draw(seconds),
            draw(logs),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return run, made, steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogs")


@given(history=histories())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_was_written_is_what_is_read(
    folder: Path, history: tuple[RunRecord, list[Materialization], list[StepRecord]]
) -> None:
    run, made, steps = history
    path = folder / f"{uuid.uuid4()}.sqlite"
    with Catalog.open(path, durability="none") as catalog:
        catalog.begin_run(run)
        catalog.commit(run.env, run.id, [Outcome(tuple(made)), *(Outcome(steps=(one,)) for one in steps)], NOW)
        again = catalog.materializations([one.id for one in made])
    with Catalog.open(path) as catalog:
        assert catalog.materializations([one.id for one in made]) == {one.id: one for one in made} == again
        assert catalog.run(run.id) == run
        assert catalog.steps(run.id) == steps


@given(
    location=text | st.sampled_from(["{id}", "a/1.parquet", "=1", "{1}"]),
    identifier=st.sampled_from(["1", "id", "{id}"]),
)
def test_a_location_is_packed_without_loss(location: str, identifier: str) -> None:
    assert unpack_location(pack_location(location, identifier), identifier) == location


@given(
    derivation=st.builds(
        Derivation,
        codes,
        st.none() | schemas,
        st.dictionaries(names, st.lists(names, max_size=3).map(tuple), max_size=3),
        lineages,
        st.lists(text, max_size=2).map(tuple),
        st.lists(text, max_size=2).map(tuple),
        st.lists(text, max_size=2).map(tuple),
        matched=text,
    )
)
@settings(max_examples=50, deadline=None)
def test_a_derivation_is_remembered_as_it_was(folder: Path, derivation: Derivation) -> None:
    with Catalog.open(folder / "derivations.sqlite", durability="none") as catalog:
        catalog.remember_derivations({"key": derivation})
        assert catalog.derivation("key") == derivation
        assert catalog.derivation("unknown") is None


def test_the_errors_of_a_derivation_keep_their_family(tmp_path: Path) -> None:
    found = (DefinitionError("HW120", "wrong", where="here", why="so", hint="do"), LineageError("HW201", "unreadable"))
    derivation = Derivation(CodeVersion(), None, {}, ColumnLineage((), frozenset()), errors=found)
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        catalog.remember_derivations({"key": derivation})
        read = catalog.derivation("key")
    assert read is not None
    assert [(type(one), one.args) for one in read.errors] == [(type(one), one.args) for one in found]


def test_a_moment_of_another_zone_is_the_same_moment(tmp_path: Path) -> None:
    from datetime import timezone

    started = NOW.astimezone(timezone(timedelta(hours=-5)))
    run = RunRecord("r", "dev", RunState.RUNNING, started, "me", "", "")
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        catalog.begin_run(run)
        assert catalog.run("r") == run


def test_a_command_line_that_is_no_text_can_be_recorded(tmp_path: Path) -> None:
    run = RunRecord("r", "dev", RunState.RUNNING, NOW, "me", "materialize \udcff", "")
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        catalog.begin_run(run)
        assert catalog.runs() == [replace(run, command="materialize \\udcff")]


def test_publishing_is_read_back(tmp_path: Path) -> None:
    slot = Slot("a")
    made = Materialization("m", slot, RecordKind.OBSERVATION, "r", NOW, (), DataVersion("s", 0))
    with Catalog.open(tmp_path / "catalog.sqlite") as catalog:
        catalog.begin_run(RunRecord("r", "dev", RunState.RUNNING, NOW, "me", "", ""))
        catalog.commit("dev", "r", [Outcome((made,), (Publish(slot, "m", None),))], NOW)
        assert catalog.published("dev") == {slot: made}
