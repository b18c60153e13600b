"""Records for tests of the catalog: small, plausible, and different where they are asked to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from assets_core.check import CheckResult, Severity
from assets_core.column_lineage import ColumnLineage, ColumnRef, Edge, EdgeKind
from assets_core.digest import digest
from assets_core.keys import Slot
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Materialization, RecordKind, RunRecord, RunState, StepRecord, Stored
from assets_core.versions import CodeVersion, DataVersion
from lineage.catalog.store import Catalog
from lineage.catalog.values import CommitReport, Outcome, Publish

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSED = CheckResult("unique(id)", "unique", Severity.BLOCKING, True, 0)


def later(seconds: float) -> datetime:
    """A moment after ``NOW``."""
    return NOW + timedelta(seconds=seconds)


def begun(catalog: Catalog, run_id: str = "run", env: str = "dev", at: datetime = NOW) -> str:
    """Begins a run and gives its id."""
    record = RunRecord(run_id, env, RunState.RUNNING, at, "ada", "headwater materialize", "all", {"pid": 1})
    catalog.begin_run(record)
    return run_id


def made_of(
    identifier: str,
    slot: Slot,
    inputs: Sequence[Materialization] = (),
    *,
    run_id: str = "run",
    code: str = "1",
    blocked: bool = False,
    content: str = "",
) -> Materialization:
    """A materialization of columns ``id`` and ``total`` that reads those of its inputs; an observation of none."""
    schema = (("id", "Int64"), ("total", "Float64"))
    content = content or identifier
    recipe = None
    lineage = None
    if inputs:
        recipe = Recipe(
            slot.asset,
            slot.partition,
            CodeVersion(plan=digest(slot.asset, code), plan_scheme="test"),
            tuple(
                RecipeInput(f"i{n}", one.slot.asset, schema, (InputPart(one.slot.partition, one.id, digest(one.id)),))
                for n, one in enumerate(inputs)
            ),
            {"limit": "10"},
            {"format": '"parquet"'},
        )
        edges = {Edge(ColumnRef(one.slot.asset, "total"), "total", EdgeKind.AGGREGATION, 1) for one in inputs}
        edges |= {Edge(ColumnRef(one.slot.asset, "id"), "id", EdgeKind.IDENTITY, 0) for one in inputs}
        edges.add(Edge(ColumnRef(inputs[0].slot.asset, "id"), None, EdgeKind.FILTER))
        lineage = ColumnLineage(("id", "total"), frozenset(edges))
    return Materialization(
        id=identifier,
        slot=slot,
        kind=RecordKind.MATERIALIZATION if inputs else RecordKind.OBSERVATION,
        run_id=run_id,
        created=NOW,
        schema=schema,
        version=DataVersion("test", 10, ("id",), {"id": digest("id", content), "total": digest("total", content)}),
        recipe=recipe,
        stored=Stored("parquet", f"{slot.asset}/{identifier}.parquet", 100, digest("file", content))
        if inputs
        else None,
        lineage=lineage,
        checks=(PASSED,),
        blocked=blocked,
    )


def outcome_of(made: Materialization, expected: str | None = None, *, source: str = "") -> Outcome:
    """The outcome of a step that made this and publishes it, unless it is blocked."""
    state = "blocked" if made.blocked else "succeeded"
    step = StepRecord(made.run_id, made.slot, state, ({"code": "missing"},), made.id, attempts=1, seconds=0.5)
    publish = () if made.blocked else (Publish(made.slot, made.id, expected),)
    return Outcome((made,), publish, (step,), source)


def record(
    catalog: Catalog, *made: Materialization, env: str = "dev", at: datetime = NOW, run_id: str = "run"
) -> CommitReport:
    """Commits and publishes records over whatever their slots show now."""
    shown = {slot: one.id for slot, one in catalog.published(env).items()}
    return catalog.commit(env, run_id, [outcome_of(one, shown.get(one.slot)) for one in made], at)
