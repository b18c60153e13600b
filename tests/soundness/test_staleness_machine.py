"""Random projects edited at random, against a model that computes everything from scratch.

After every full run the published content must equal the model's; a step may be computed only where the model knows
of no earlier making with the same code on the same values of the columns it reads; and every reason must name a
change that happened. ``make soundness`` runs many more sequences than ``make test``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from assets_core.asset import Asset
from headwater import Project, asset, sql_asset

SEQUENCES = int(os.environ.get("HEADWATER_SEQUENCES", "25"))
COLUMNS = ("id", "a", "b", "c")


@dataclass(frozen=True)
class Op:
    """What a node computes: ``name`` tells how, ``number`` is its constant."""

    name: str
    number: int = 0


Frame = pl.DataFrame | pl.LazyFrame
READS: dict[str, tuple[str, ...]] = {
    "keep": COLUMNS,
    "scale": COLUMNS,
    "add to itself": COLUMNS,
    "above": COLUMNS,
    "only a": ("id", "a"),
    "only b": ("id", "b"),
    "count of letters": ("id", "b", "c"),
}
"""The columns that each operation reads of its first input when it is written as a plan or as SQL."""


def apply(op: Op, frame: Any, other: Any | None) -> Any:
    """An operation on frames of either kind; the result has the four columns, ``id`` unique."""
    a, b = pl.col("a"), pl.col("b")
    if other is not None:
        joined = frame.join(other.select("id", other_a=pl.col("a")), on="id", how="left")
        frame = joined.with_columns(a=a + pl.col("other_a").fill_null(0)).drop("other_a")
    changed = {
        "keep": lambda: frame,
        "scale": lambda: frame.with_columns(a=a * op.number),
        "add to itself": lambda: frame.with_columns(a=a + a),
        "above": lambda: frame.filter(a > op.number),
        "only a": lambda: frame.select("id", a=a + op.number, b=pl.lit("z"), c=pl.lit(0.0)),
        "only b": lambda: frame.select("id", a=pl.lit(op.number, dtype=pl.Int64), b=b + "!", c=pl.lit(0.0)),
        "count of letters": lambda: frame.select(
            "id", a=b.str.len_chars().cast(pl.Int64) + op.number, b=b, c=pl.col("c")
        ),
    }
    return changed[op.name]().select(COLUMNS)


def as_sql(op: Op, table: str) -> str:
    """The same operation on one input as a query."""
    n = op.number
    return {
        "keep": f"select id, a, b, c from {table}",
        "scale": f"select id, a * {n} as a, b, c from {table}",
        "add to itself": f"select id, a + a as a, b, c from {table}",
        "above": f"select id, a, b, c from {table} where a > {n}",
        "only a": f"select id, a + {n} as a, 'z' as b, 0.0::double as c from {table}",
        "only b": f"select id, {n}::bigint as a, b || '!' as b, 0.0::double as c from {table}",
        "count of letters": f"select id, length(b) + {n} as a, b, c from {table}",
    }[op.name]


@dataclass(frozen=True)
class Node:
    """One asset: ``form`` is lazy, eager, sql or root."""

    key: str
    form: str
    op: Op
    inputs: tuple[str, ...]


def lazy_asset(node: Node) -> Asset[..., Any]:
    """The node as a plan."""
    op = node.op
    if len(node.inputs) == 1:

        @asset(key=node.key, inputs={"x": node.inputs[0]})
        def one(x: pl.LazyFrame) -> pl.LazyFrame:
            return apply(op, x, None)

        return one

    @asset(key=node.key, inputs={"x": node.inputs[0], "y": node.inputs[1]})
    def two(x: pl.LazyFrame, y: pl.LazyFrame) -> pl.LazyFrame:
        return apply(op, x, y)

    return two


def eager_asset(node: Node) -> Asset[..., Any]:
    """The node as eager code."""
    op = node.op
    if len(node.inputs) == 1:

        @asset(key=node.key, inputs={"x": node.inputs[0]})
        def one(x: pl.DataFrame) -> pl.DataFrame:
            return apply(op, x, None)

        return one

    @asset(key=node.key, inputs={"x": node.inputs[0], "y": node.inputs[1]})
    def two(x: pl.DataFrame, y: pl.DataFrame) -> pl.DataFrame:
        return apply(op, x, y)

    return two


def root_asset(node: Node, rows: list[tuple[int, int, str, float]]) -> Asset[..., Any]:
    """A root: its rows are part of its code."""

    @asset(key=node.key)
    def root() -> pl.DataFrame:
        return pl.DataFrame(rows, schema={"id": pl.Int64, "a": pl.Int64, "b": pl.String, "c": pl.Float64}, orient="row")

    return root


def rows_of(frame: pl.DataFrame, columns: tuple[str, ...] = COLUMNS) -> tuple[Any, ...]:
    """The multiset of rows over some columns."""
    return tuple(sorted(frame.select(sorted(columns)).rows(), key=repr))


OPS = st.builds(Op, st.sampled_from(sorted(READS)), st.integers(0, 3))
ROW = st.tuples(st.integers(0, 5), st.sampled_from(["x", "yy"]), st.sampled_from([0.0, 1.0]))


class Staleness(RuleBasedStateMachine):
    """The machine; its rules are what people do to a project."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A random graph of two roots and up to five further assets."""
        self.folder = Path(tempfile.mkdtemp())
        self.nodes: dict[str, Node] = {}
        self.rows: dict[str, list[tuple[int, int, str, float]]] = {}
        self.made: set[tuple[Any, ...]] = set()
        self.changed_code: set[str] = set()
        for name in ("r0", "r1"):
            self.nodes[name] = Node(name, "root", Op("keep"), ())
            self.rows[name] = [(n, *data.draw(ROW)) for n in range(data.draw(st.integers(1, 4)))]
        for place in range(data.draw(st.integers(1, 5))):
            known = sorted(self.nodes)
            form = data.draw(st.sampled_from(["lazy", "eager", "sql"]))
            count = 1 if form == "sql" else data.draw(st.integers(1, 2))
            inputs = tuple(data.draw(st.permutations(known))[:count])
            key = f"n{place}"
            self.nodes[key] = Node(key, form, data.draw(OPS), inputs)
        self.materialize_all()

    @rule(data=st.data())
    def edit_code(self, data: st.DataObject) -> None:
        """Somebody changes what an asset computes, perhaps back to what it was."""
        key = data.draw(st.sampled_from([key for key, node in self.nodes.items() if node.form != "root"]))
        self.nodes[key] = replace(self.nodes[key], op=data.draw(OPS))

    @rule(key=st.sampled_from(["r0", "r1"]), data=st.data())
    def edit_a_cell(self, key: str, data: st.DataObject) -> None:
        """One cell of a root changes."""
        rows = self.rows[key]
        place, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(1, 3))
        row = [*rows[place]]
        row[column] = data.draw(ROW)[column - 1]
        rows[place] = (row[0], row[1], row[2], row[3])

    @rule(key=st.sampled_from(["r0", "r1"]))
    def reorder_rows(self, key: str) -> None:
        """The rows of a root come in another order."""
        self.rows[key].reverse()

    @rule(key=st.sampled_from(["r0", "r1"]), row=ROW)
    def add_a_row(self, key: str, row: tuple[int, str, float]) -> None:
        """A root grows."""
        self.rows[key].append((max(one[0] for one in self.rows[key]) + 1, *row))

    @rule(data=st.data())
    def lose_a_file(self, data: st.DataObject) -> None:
        """Somebody deletes what is stored of one asset."""
        stored = sorted((self.folder / ".headwater" / "data").glob("n*/*.parquet"))
        if stored:
            data.draw(st.sampled_from(stored)).unlink()
            self.made.clear()  # the model does not know whose data it was, so any step may run once more

    @rule(key=st.sampled_from(["r0", "r1"]), data=st.data())
    def edit_a_cell_and_materialize(self, key: str, data: st.DataObject) -> None:
        """The nightly case: one cell changed since the last full run."""
        self.edit_a_cell(key, data)
        self.materialize_all()

    @rule(data=st.data())
    def materialize_some(self, data: st.DataObject) -> None:
        """A run of one asset and what lies above it."""
        key = data.draw(st.sampled_from(sorted(self.nodes)))
        self._run(f"+{key}")

    @rule()
    def materialize_all(self) -> None:
        """A run of everything: now all must be as the model says, and a second run must find nothing."""
        self._run("")
        truth = self._truth()
        with self._project() as project:
            for key, frame in truth.items():
                assert rows_of(project.scan(key).collect()) == rows_of(frame), key
            assert project.plan().steps == ()

    @invariant()
    def every_reason_names_a_change(self) -> None:
        """A stale slot has a reason, and an input is blamed only for columns that its reader reads."""
        if not getattr(self, "nodes", None) or not (self.folder / ".headwater").exists():
            return
        with self._project() as project:
            for slot, verdict in project.status().items():
                assert bool(verdict.reasons) == (verdict.state != "fresh"), slot
                for reason in verdict.reasons:
                    if reason.code == "input_changed":
                        reads = {*COLUMNS, "*"} if self.nodes[slot.asset].form == "eager" else self._reads(slot.asset)
                        assert set(reason.details["columns"]) <= {*reads, "*"}, (slot, reason)

    def teardown(self) -> None:
        """Removes the project's folder."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def _reads(self, key: str) -> set[str]:
        node = self.nodes[key]
        return {*READS[node.op.name], "id", "a"} if len(node.inputs) > 1 else set(READS[node.op.name])

    def _project(self) -> Project:
        return Project.of([self._asset(node) for node in self.nodes.values()], path=self.folder)

    def _asset(self, node: Node) -> Asset[..., Any]:
        if node.form == "root":
            return root_asset(node, list(self.rows[node.key]))
        if node.form == "sql":
            return sql_asset(node.key, as_sql(node.op, node.inputs[0]))
        make: Callable[[Node], Asset[..., Any]] = lazy_asset if node.form == "lazy" else eager_asset
        return make(node)

    def _truth(self) -> dict[str, pl.DataFrame]:
        """Everything from scratch."""
        found: dict[str, pl.DataFrame] = {}
        for key, node in self.nodes.items():
            if node.form == "root":
                found[key] = root_asset(node, self.rows[key])()
            else:
                inputs = [found[one] for one in node.inputs]
                found[key] = apply(node.op, inputs[0], inputs[1] if len(inputs) > 1 else None)
        return found

    def _run(self, select: str) -> None:
        truth = self._truth()
        with self._project() as project:
            result = project.materialize(select)
        assert result.ok, [one.error for one in result.steps if one.error]
        for one in result.steps:
            recipe = self._recipe(one.slot.asset, truth)
            if one.state == "succeeded":
                assert recipe not in self.made, f"{one.slot} ran although it was made before: {one.reasons}"
            self.made.add(recipe)

    def _recipe(self, key: str, truth: dict[str, pl.DataFrame]) -> tuple[Any, ...]:
        node = self.nodes[key]
        if node.form == "root":
            return (key, tuple(self.rows[key]))
        reads = COLUMNS if node.form == "eager" else READS[node.op.name]
        first = tuple(sorted({*reads, "a"} if len(node.inputs) > 1 else reads))
        content = [rows_of(truth[node.inputs[0]], first)]
        if len(node.inputs) > 1:
            content.append(rows_of(truth[node.inputs[1]], COLUMNS if node.form == "eager" else ("a", "id")))
        return (key, node.op, node.inputs, *content)


Staleness.TestCase.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking replays hundreds of whole runs
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestStaleness = Staleness.TestCase
