"""Projects of plain values: definitions without functions, a catalog without storage, versions written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from assets_core.asset import Asset, Definition, Input, Parameter, Source
from assets_core.check import Check, CheckResult, Severity
from assets_core.column_lineage import ColumnLineage
from assets_core.facts import AssetFacts, Facts, make_recipe
from assets_core.graph import Graph, build
from assets_core.keys import Slot, parameter_form, parse_slot
from assets_core.plan import Plan
from assets_core.planning import make, states
from assets_core.published import Published
from assets_core.records import Derivation, Materialization, RecordKind
from assets_core.run import RunTable, StepEvent, StepState
from assets_core.staleness import ReasonCode, Verdict, judge
from assets_core.versions import CodeVersion, DataVersion

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
COLUMNS = ("id", "x", "y")


def source(key: str, **options: Any) -> Source:
    """A source that stands for one CSV file."""
    return Source(key, (f"{key}.csv",), "csv", where=f"{key}.py:1", **options)


def computed(key: str, *reads: str | Input, **options: Any) -> Asset[..., Any]:
    """An asset that reads these keys; each is bound to the parameter that its key makes."""
    inputs = {parameter_form(one.key): one for one in (one if isinstance(one, Input) else Input(one) for one in reads)}
    parameters = tuple(Parameter(name) for name in inputs)
    return Asset(key, parameters=parameters, inputs=inputs, where=f"{key}.py:1", **options)


def graph_of(*definitions: Definition) -> Graph:
    """The graph of definitions; queries read the tables that their inputs name."""
    return build(definitions, lambda asset: asset.inputs)


def code(text: str, scheme: str = "plan-1") -> CodeVersion:
    """A code version with a plan digest."""
    return CodeVersion(plan=text, plan_scheme=scheme)


class Project:
    """A project and what its environment shows; slots are written ``key`` or ``key@partition``.

    Every table has the columns id, x and y unless told otherwise, and their content is a text each.
    """

    def __init__(self, *definitions: Definition, now: datetime = NOW) -> None:
        self.graph = graph_of(*definitions)
        self.facts = Facts(self.graph, now, {}, Published())
        self._ids = count(1)
        self._recorded: dict[str, Materialization] = {}
        self.facts.recorded = self._recorded
        for asset in self.graph.assets:
            self.derive(asset.key)

    def derive(
        self,
        key: str,
        *,
        version: CodeVersion | None = None,
        reads: Mapping[str, Iterable[str]] | None = None,
        schema: Iterable[str] | None = COLUMNS,
        types: Mapping[str, str] | None = None,
        config: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Says what is known of an asset's code now; without ``reads`` every input is read whole."""
        read_sets = {name: tuple(columns) for name, columns in (reads or {}).items()}
        known = None if schema is None else tuple((name, (types or {}).get(name, "Int64")) for name in schema)
        found = Derivation(version or code(key), known, read_sets, ColumnLineage((), frozenset()))
        self.facts.assets[key] = AssetFacts(found, config or {}, settings or {})

    def made(self, slot: str, content: Mapping[str, str] | None = None, **options: Any) -> Materialization:
        """A materialization with the recipe that would be used now, or an observation; not published."""
        where = parse_slot(slot)
        values = dict.fromkeys(COLUMNS, "1") | dict(content or {})
        values = {name: text for name, text in values.items() if text}
        rows = options.pop("rows", 10)
        key: tuple[str, ...] = options.pop("key", ("id",))
        types: Mapping[str, str] = options.pop("types", {})
        version = DataVersion("test-1", rows, key, values if key else {}, options.pop("projections", {}))
        computes = isinstance(self.graph.definitions[where.asset], Asset)
        found = Materialization(
            f"m{next(self._ids)}",
            where,
            RecordKind.MATERIALIZATION if computes else RecordKind.OBSERVATION,
            "run-1",
            self.facts.now,
            tuple((name, types.get(name, "Int64")) for name in values),
            version,
            recipe=make_recipe(where, self.facts) if computes else None,
        )
        found = replace(found, **options)
        self._recorded[found.id] = found
        return found

    def publish(self, slot: str, content: Mapping[str, str] | None = None, **options: Any) -> Materialization:
        """Makes the slot show a new materialization or observation; an empty text leaves a column out."""
        found = self.made(slot, content, **options)
        self.facts.published[found.slot] = found
        return found

    def publish_all(self) -> Project:
        """Publishes every slot in working order, so that all is fresh."""
        for key in self.graph.definitions:
            for slot in self.facts.slots_of(key):
                self.publish(str(slot))
        return self

    def set_aside(self, slot: str, *failed: Check, content: Mapping[str, str] | None = None) -> Materialization:
        """Keeps a result from being published because blocking checks failed."""
        results = tuple(failing(check) for check in failed)
        found = self.made(slot, content, checks=results, blocked=True)
        self.facts.aside[found.slot] = found
        return found

    def judge(self, slot: str) -> Verdict:
        """The verdict on one slot, its inputs taken as they are published."""
        return judge(parse_slot(slot), self.facts)

    def reasons(self, slot: str) -> list[ReasonCode]:
        """The codes of the reasons why one slot is not fresh."""
        return [reason.code for reason in self.judge(slot).reasons]

    def states(self, *keys: str) -> dict[str, str]:
        """The state of every slot of these assets, upstream staleness included; all assets if none is named."""
        wanted = keys or tuple(asset.key for asset in self.graph.assets)
        return {str(slot): str(verdict.state) for slot, verdict in states(wanted, self.facts).items()}

    def plan(self, *keys: str, **options: Any) -> Plan:
        """The plan for these assets; for all if none is named."""
        return make(keys or tuple(self.graph.definitions), self.facts, **options)

    def planned(self, *keys: str, **options: Any) -> list[str]:
        """The slots of the plan's steps in order."""
        return [str(slot) for step in self.plan(*keys, **options).steps for slot in step.slots]


def failing(check: Check) -> CheckResult:
    """A blocking check's failure."""
    return CheckResult(check.name, check.kind, Severity.BLOCKING, passed=False, failed_rows=1, rule=check.rule)


def passing(check: Check) -> CheckResult:
    """A blocking check's success."""
    return replace(failing(check), passed=True, failed_rows=0)


def carry_out(
    project: Project,
    *keys: str,
    results: Mapping[str, Mapping[str, str]] | None = None,
    compute: Callable[[str], Mapping[str, str]] | None = None,
) -> dict[str, str]:
    """Carries a plan out in the plainest way: a step that is still stale when its inputs settled publishes.

    Arguments:
        results: by slot, the content it gives; the old one, or ones, if not given.
        compute: gives the content of a slot when it runs; instead of ``results``.

    Returns:
        The final state of every step by its first slot.
    """
    plan = project.plan(*keys)
    table = RunTable(plan)
    waiting = [instruction.step for instruction in table.begin()]
    while waiting:
        place = waiting.pop(0)
        if table.states[place] is not StepState.READY:
            continue
        step = plan.steps[place]
        verdicts = [judge(slot, project.facts) for slot in step.slots]
        if all(not verdict.reasons for verdict in verdicts) and not step.forced:
            waiting.extend(one.step for one in table.apply(place, StepEvent.EQUAL))
            continue
        table.apply(place, StepEvent.STARTED)
        table.apply(place, StepEvent.COMPUTED)
        for slot in step.slots:
            before = project.facts.published.get(slot)
            old = {} if before is None else before.version.columns
            project.publish(str(slot), compute(str(slot)) if compute else (results or {}).get(str(slot), old))
        waiting.extend(one.step for one in table.apply(place, StepEvent.PUBLISHED))
    return {str(step.slot): str(state) for step, state in zip(plan.steps, table.states, strict=True)}


def slots(*texts: str) -> list[Slot]:
    """Slots as values."""
    return [parse_slot(text) for text in texts]
