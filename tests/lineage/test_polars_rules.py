"""The rules by which polars plans are read, one plan and its edges each.

Edges are written `source > target kind`; `*` as the target means all columns, `?` after the kind that the
influence is only assumed because something was not readable.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assets_core.column_lineage import ColumnRef, Edge, EdgeKind, Evidence, Resolution
from assets_core.errors import LineageError, UsageError
from lineage.columns import polars_oracle
from lineage.columns.placeholder import placeholder
from lineage.columns.plan import MAX_NODES, UNSUPPORTED, read_plan
from lineage.columns.polars import polars_lineage
from lineage.columns.polars_edges import bounded

SCHEMA = {
    "i": pl.Int64(),
    "k": pl.Int64(),
    "f": pl.Float64(),
    "s": pl.String(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int64()),
    "t": pl.Struct({"p": pl.Int64(), "q": pl.String()}),
}
a, b = placeholder("a", SCHEMA), placeholder("b", SCHEMA)
col = pl.col

RULES: dict[str, tuple[Callable[[], pl.LazyFrame], str]] = {
    "a column as it is": (lambda: a.select("i"), "a:i > i IDENTITY"),
    "a renamed column": (lambda: a.select(col("i").alias("z")), "a:i > z IDENTITY"),
    "a swap of names": (
        lambda: a.select("i", "k").rename({"i": "k", "k": "i"}),
        "a:i > k IDENTITY; a:k > i IDENTITY",
    ),
    "arithmetic": (lambda: a.select(z=col("i") + col("k")), "a:i > z TRANSFORMATION; a:k > z TRANSFORMATION"),
    "a cast": (lambda: a.select(col("i").cast(pl.Int8)), "a:i > i TRANSFORMATION"),
    "a filter": (lambda: a.filter(col("f") > 1).select("i"), "a:i > i IDENTITY; a:f > * FILTER"),
    "a constant counts rows": (lambda: a.select("i", one=pl.lit(1)), "a:i > i IDENTITY; a:* > one FILTER"),
    "a count of rows": (lambda: a.select(pl.len()), "a:* > len AGGREGATION"),
    "an aggregate": (lambda: a.select(col("i").sum()), "a:i > i AGGREGATION"),
    "an aggregate in arithmetic": (
        lambda: a.select(z=col("i") - col("i").mean()),
        "a:i > z TRANSFORMATION",
    ),
    "first follows order": (lambda: a.select(col("i").first()), "a:i > i AGGREGATION; a:# > i SORT"),
    "group_by": (
        lambda: a.group_by("s").agg(col("f").mean()),
        "a:s > s IDENTITY; a:f > f AGGREGATION; a:s > * GROUP_BY",
    ),
    "the rows of groups": (
        lambda: a.group_by("s").len(),
        "a:s > s IDENTITY; a:* > len AGGREGATION; a:s > * GROUP_BY",
    ),
    "group_by then sort by its keys and head need no order": (
        lambda: a.group_by("s").agg(col("f").sum()).sort("s").head(2),
        "a:s > s IDENTITY; a:f > f AGGREGATION; a:s > * GROUP_BY; a:s > * SORT",
    ),
    "group_by_dynamic on its sorted index": (
        lambda: a.sort("d").group_by_dynamic("d", every="1mo").agg(col("i").sum()),
        "a:d > d TRANSFORMATION; a:i > i AGGREGATION; a:d > * GROUP_BY; a:d > * SORT",
    ),
    "rolling on an index of unknown order": (
        lambda: a.rolling("d", period="2d").agg(col("i").sum()),
        "a:d > d TRANSFORMATION; a:# > d SORT; a:i > i AGGREGATION; a:d > * GROUP_BY; a:# > * SORT",
    ),
    "inner join": (
        lambda: a.join(b, on="i").select("k", "f_right"),
        "a:k > k IDENTITY; b:f > f_right IDENTITY; a:i > * JOIN; b:i > * JOIN",
    ),
    "left join with a coalesced key": (
        lambda: a.join(b, on="i", how="left").select("i"),
        "a:i > i IDENTITY; a:i > * JOIN; b:i > * JOIN",
    ),
    "right join": (
        lambda: a.select("i", "k").join(b.select("i", "f"), on="i", how="right"),
        "a:k > k IDENTITY; b:i > i IDENTITY; b:f > f IDENTITY; a:i > * JOIN; b:i > * JOIN",
    ),
    "full join with coalesced keys": (
        lambda: a.select("i").join(b.select("i"), on="i", how="full", coalesce=True),
        "a:i > i IDENTITY; b:i > i IDENTITY; a:i > * JOIN; b:i > * JOIN",
    ),
    "semi join": (lambda: a.join(b, on="i", how="semi").select("k"), "a:k > k IDENTITY; a:i > * JOIN; b:i > * JOIN"),
    "anti join": (lambda: a.join(b, on="i", how="anti").select("k"), "a:k > k IDENTITY; a:i > * JOIN; b:i > * JOIN"),
    "cross join counts rows": (
        lambda: a.join(b, how="cross").select("k"),
        "a:k > k IDENTITY; a:* > * JOIN; b:* > * JOIN",
    ),
    "join_where": (
        lambda: a.join_where(b.select(z="k", y="s"), col("i") > col("z")).select("s", "y"),
        "a:s > s IDENTITY; b:s > y IDENTITY; a:i > * FILTER; b:k > * FILTER",
    ),
    "join_asof": (
        lambda: a.select("d", "s").join_asof(b.select("d", "s", "f"), on="d", by="s"),
        "a:d > d IDENTITY; a:s > s IDENTITY; b:f > f IDENTITY; a:# > f SORT; b:# > f SORT;"
        "a:d > * JOIN; b:d > * JOIN; a:s > * JOIN; b:s > * JOIN",
    ),
    "join_asof without further keys looks whether the left side is sorted": (
        lambda: a.select("d").join_asof(b.select("d", "f"), on="d"),
        "a:d > d IDENTITY; b:f > f IDENTITY; b:# > f SORT; a:d > * JOIN; b:d > * JOIN",
    ),
    "any row of a key may be kept, whatever sort came before": (
        lambda: a.select("i", "k").unique("i", keep="none").sort("i").unique("k"),
        "a:i > i IDENTITY; a:k > k IDENTITY; a:i > * GROUP_BY; a:k > * GROUP_BY; a:i > * SORT; a:# > * SORT",
    ),
    "vertical concat": (
        lambda: pl.concat([a.select("i"), b.select("i")]),
        "a:i > i IDENTITY; b:i > i IDENTITY",
    ),
    "diagonal concat": (
        lambda: pl.concat([a.select("i", "s"), b.select("i")], how="diagonal"),
        "a:i > i IDENTITY; b:i > i IDENTITY; a:s > s IDENTITY; b:* > s FILTER",
    ),
    "horizontal concat lays rows side by side": (
        lambda: pl.concat([a.select("i"), b.select("k")], how="horizontal"),
        "a:i > i IDENTITY; b:k > k IDENTITY; a:# > * SORT; b:# > * SORT",
    ),
    "merge_sorted": (
        lambda: a.select("i").merge_sorted(b.select("i"), "i"),
        "a:i > i IDENTITY; b:i > i IDENTITY; a:i > * SORT; b:i > * SORT",
    ),
    "sort": (lambda: a.sort("f").select("i"), "a:i > i IDENTITY; a:f > * SORT"),
    "head after sort takes ties in their order": (
        lambda: a.sort("f").head(3).select("i"),
        "a:i > i IDENTITY; a:f > * SORT; a:# > * SORT",
    ),
    "tail": (lambda: a.tail(3).select("i"), "a:i > i IDENTITY; a:# > * SORT"),
    "unique over some columns": (
        lambda: a.unique("s").select("i"),
        "a:i > i IDENTITY; a:s > * GROUP_BY; a:# > * SORT",
    ),
    "unique over all columns": (
        lambda: a.select("i", "s").unique(),
        "a:i > i IDENTITY; a:s > s IDENTITY; a:i > * GROUP_BY; a:s > * GROUP_BY",
    ),
    "a row index": (
        lambda: a.with_row_index("n").select("n"),
        "a:* > n TRANSFORMATION; a:# > n SORT",
    ),
    "explode": (
        lambda: a.explode("l").select("i", "l"),
        "a:i > i IDENTITY; a:l > l TRANSFORMATION; a:l > * FILTER",
    ),
    "implode": (lambda: a.select(col("i").implode()), "a:i > i AGGREGATION; a:# > i SORT"),
    "unnest": (
        lambda: a.select("i", "t").unnest("t"),
        "a:i > i IDENTITY; a:t > p TRANSFORMATION; a:t > q TRANSFORMATION",
    ),
    "fields of a struct that was made": (
        lambda: a.select(u=pl.struct(x="i", y="k")).unnest("u").select("y"),
        "a:k > y IDENTITY",
    ),
    "a field of a struct with other names": (
        lambda: a.select(u=pl.struct(i="k", k="i")).select(col("u").struct.field("i")),
        "a:k > i IDENTITY",
    ),
    "with_fields": (
        lambda: a.select(u=pl.struct(x="i", y="k").struct.with_fields(y=pl.field("x") + 1)).unnest("u"),
        "a:i > x IDENTITY; a:i > y TRANSFORMATION; a:k > y TRANSFORMATION",
    ),
    "unpivot": (
        lambda: a.unpivot(["i", "k"], index="s"),
        "a:s > s IDENTITY; a:i > value IDENTITY; a:k > value IDENTITY; a:* > variable FILTER",
    ),
    "pivot": (
        lambda: a.pivot("s", on_columns=["x"], index="i", values="f", aggregate_function="sum"),
        "a:i > i IDENTITY; a:f > x AGGREGATION; a:s > x FILTER; a:i > * GROUP_BY",
    ),
    "when": (
        lambda: a.select(z=pl.when("b").then("i").otherwise("k")),
        "a:i > z TRANSFORMATION; a:k > z TRANSFORMATION; a:b > z CONDITIONAL",
    ),
    "over": (
        lambda: a.select(z=col("i").sum().over("s")),
        "a:i > z AGGREGATION; a:s > z WINDOW",
    ),
    "over keys in an order of their own": (
        lambda: a.select(z=col("i").sum().over(col("k").sort_by("f"))),
        "a:i > z AGGREGATION; a:k > z WINDOW; a:f > z SORT; a:# > z SORT",
    ),
    "groups of keys in an order of their own": (
        lambda: a.group_by(col("k").sort_by("f")).agg(col("i").sum()),
        "a:k > k IDENTITY; a:i > i AGGREGATION; a:k > * GROUP_BY; a:f > * SORT; a:# > * SORT",
    ),
    "over with an order": (
        lambda: a.select(z=col("i").cum_sum().over("s", order_by="d")),
        "a:i > z TRANSFORMATION; a:s > z WINDOW; a:d > z WINDOW; a:# > z SORT",
    ),
    "shift follows order": (lambda: a.select(col("i").shift(1)), "a:i > i TRANSFORMATION; a:# > i SORT"),
    "a format that is guessed from the first value": (
        lambda: a.select(z=col("s").str.to_date()),
        "a:s > z TRANSFORMATION; a:# > z SORT",
    ),
    "a format that is given": (lambda: a.select(z=col("s").str.to_date("%Y")), "a:s > z TRANSFORMATION"),
    "filter in an expression": (
        lambda: a.select(z=col("i").filter("b").sum()),
        "a:i > z AGGREGATION; a:b > z FILTER",
    ),
    "gather": (
        lambda: a.gather([0]).select("i"),
        "a:i > i IDENTITY; a:# > * SORT",
    ),
    "SQL": (
        lambda: pl.SQLContext(a=a, b=b).execute("select a.k, b.f from a join b on a.i = b.i where a.b"),
        "a:k > k IDENTITY; b:f > f IDENTITY; a:i > * JOIN; b:i > * JOIN; a:b > * FILTER",
    ),
    "cache": (lambda: a.cache().select("i"), "a:i > i IDENTITY"),
    "a sink": (lambda: a.select("i").sink_parquet("never.parquet", lazy=True), "a:i > i IDENTITY"),
    "a frame written inline": (
        lambda: a.join(pl.LazyFrame({"i": [1], "z": [2]}), on="i").select("z"),
        "a:i > * JOIN",
    ),
    "a list expression that polars hides": (
        lambda: a.select(col("l").list.eval(pl.element() + 1), "i"),
        "a:l > l TRANSFORMATION?; a:i > i IDENTITY",
    ),
    "a Python function over a column": (
        lambda: a.select(z=col("i").map_elements(abs, return_dtype=pl.Int64)),
        "a:i > z TRANSFORMATION?; a:# > z SORT?; a:i > * FILTER?; a:# > * FILTER?",
    ),
    "a Python test in a filter": (
        lambda: a.filter(col("i").map_elements(bool, return_dtype=pl.Boolean)).select("k"),
        "a:k > k IDENTITY; a:i > * FILTER?; a:# > * FILTER?",
    ),
}


def edges(frame: pl.LazyFrame) -> set[str]:
    """The edges of a plan, as they are written here."""
    return {
        f"{edge.source} > {edge.target or '*'} {edge.kind}{'' if edge.resolution is Resolution.EXACT else '?'}"
        for edge in polars_lineage(frame).edges
    }


@pytest.mark.parametrize("rule", RULES)
def test_a_plan_has_these_edges_and_no_others(rule: str) -> None:
    build, expected = RULES[rule]
    assert edges(build()) == {edge.strip() for edge in expected.split(";")}


def test_a_python_function_over_a_frame_makes_everything_it_is_given_an_influence() -> None:
    lineage = polars_lineage(a.select("i", "k").map_batches(lambda frame: frame))
    assert {ref.column for ref in lineage.upstream("i", direct=True)} == {"i", "k", "*"}
    assert {ref.column for ref in lineage.upstream("i")} == {"i", "k", "*", "#"}
    assert lineage.warnings == ("a Python function over a whole frame: every column it is given may have influence",)


def test_what_only_chose_the_rows_for_a_python_function_stays_indirect() -> None:
    lineage = polars_lineage(a.filter("b").sort("d").select("i", "k").map_batches(lambda frame: frame))
    assert {ref.column for ref in lineage.upstream("i", direct=True)} == {"i", "k", "*"}
    assert {ref.column for ref in lineage.upstream("i")} == {"i", "k", "b", "d", "*", "#"}


def test_values_assumed_in_every_column_are_one_edge_of_the_whole_frame() -> None:
    wide = placeholder("wide", {f"c{number}": pl.Int64 for number in range(300)})
    lineage = polars_lineage(wide.map_batches(lambda frame: frame))
    direct = [edge for edge in lineage.edges if edge.kind.direct]
    assert len(direct) == 301
    assert {edge.target for edge in direct} == {None}
    assert all(edge.resolution is Resolution.UNSUPPORTED for edge in direct)


def test_values_assumed_in_some_columns_are_edges_of_those() -> None:
    lineage = polars_lineage(a.select("i", "k").map_batches(lambda frame: frame).with_columns(z=pl.lit(1)))
    assert {edge.target for edge in lineage.edges if edge.kind.direct} == {"i", "k"}
    assert lineage.upstream("z", direct=True) == frozenset()


def test_what_polars_does_not_read_for_a_column_is_not_assumed_in_it() -> None:
    assumed = frozenset(
        Edge(ColumnRef("t", column), None, EdgeKind.TRANSFORMATION, None, Resolution.UNSUPPORTED) for column in "pq"
    )
    made = bounded(assumed, {"x": {"t": ["p", "q"]}, "y": {"t": ["p"]}})
    assert {(edge.source.column, edge.target, edge.position) for edge in made} == {("p", None, None), ("q", "x", 0)}


def test_positions_tell_the_place_of_each_output() -> None:
    lineage = polars_lineage(a.select("k", "i"))
    assert {(edge.target, edge.position) for edge in lineage.edges} == {("k", 0), ("i", 1)}


SCANS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    "parquet": lambda path: pl.scan_parquet(path / "x.parquet"),
    "csv": lambda path: pl.scan_csv(path / "x.csv"),
    "ipc": lambda path: pl.scan_ipc(path / "x.ipc"),
    "ndjson": lambda path: pl.scan_ndjson(path / "x.ndjson"),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    frame = pl.DataFrame({"x": [1, 2], "y": [3, 4]})
    frame.write_parquet(tmp_path / "x.parquet")
    frame.write_csv(tmp_path / "x.csv")
    frame.write_ipc(tmp_path / "x.ipc")
    frame.write_ndjson(tmp_path / "x.ndjson")
    return tmp_path


@pytest.mark.parametrize("kind", SCANS)
def test_a_scan_is_an_input_named_by_its_path(files: Path, kind: str) -> None:
    assert edges(SCANS[kind](files).select("x")) == {f"{files / f'x.{kind}'}:x > x IDENTITY"}


@pytest.mark.parametrize("kind", SCANS)
def test_a_scan_can_be_given_a_name(files: Path, kind: str) -> None:
    lineage = polars_lineage(SCANS[kind](files).select("x"), inputs={"t": str(files / f"x.{kind}")})
    assert lineage.upstream("x") == {("t", "x")}


@pytest.mark.parametrize("pattern", ["", "*.parquet", "x.*"])
def test_a_folder_or_a_pattern_names_the_files_in_it(files: Path, pattern: str) -> None:
    lineage = polars_lineage(pl.scan_parquet(files / "x.parquet"), inputs={"t": str(files / pattern)})
    assert lineage.tables() == {"t"}


def test_the_row_limit_of_a_scan_takes_its_order(files: Path) -> None:
    frame = pl.scan_parquet(files / "x.parquet", n_rows=1).select("x")
    assert polars_lineage(frame, inputs={"t": str(files)}).upstream("x") == {("t", "x"), ("t", "#")}


def test_a_chain_of_a_thousand_nodes_is_read() -> None:
    frame = a
    for number in range(1000):
        frame = frame.with_columns(pl.col("i") + number)
    assert polars_lineage(frame.select("i")).upstream("i") == {("a", "i")}


def test_a_deeply_nested_expression_is_kept_whole_at_worst() -> None:
    expression = col("i")
    for _ in range(900):
        expression = expression + col("k")
    assert {("a", "i"), ("a", "k")} <= polars_lineage(a.select(z=expression)).upstream("z")


def self_joined(times: int) -> pl.LazyFrame:
    frame = a.select("i")
    for _ in range(times):
        frame = frame.join(frame, on="i", how="left")
    return frame


def test_a_diamond_within_the_bound_is_read() -> None:
    assert polars_lineage(self_joined(6)).upstream("i") == {("a", "i")}


def test_a_plan_that_polars_expands_beyond_the_bound_is_opaque_for_the_engine() -> None:
    reading = read_plan(self_joined(14), {"a": SCHEMA})
    assert reading.lineage.evidence is Evidence.OPAQUE
    assert reading.read_sets == {"a": (*SCHEMA, "#")}
    assert reading.warnings == (f"polars expands this plan to more than {MAX_NODES} nodes",)


def test_a_plan_that_polars_expands_beyond_the_bound_is_refused_without_waiting_for_it() -> None:
    with pytest.raises(LineageError, match="HW207"):
        polars_lineage(self_joined(60))


def test_what_is_no_lazy_frame_is_refused_with_a_hint() -> None:
    with pytest.raises(UsageError, match=r"HW204 .*not DataFrame") as caught:
        polars_lineage(pl.DataFrame({"x": [1]}))  # type: ignore[arg-type]
    assert ".lazy()" in caught.value.hint


def test_a_plan_that_does_not_type_check_is_refused_with_a_code() -> None:
    with pytest.raises(LineageError, match="HW220 there is no column 'nope'"):
        polars_lineage(a.select("nope"))


def test_a_polars_that_shows_no_plans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polars_oracle.traverser, "__defaults__", ("no flags that polars knows",))
    with pytest.raises(LineageError, match=r"HW206 .* version none"):
        polars_lineage(a.select("i"))


def test_plans_of_another_version_are_refused_alone_and_opaque_for_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polars_oracle, "IR_MAJORS", (17,))
    frame = a.select("i", "f").with_columns(z=col("f") * 17)
    with pytest.raises(LineageError, match="HW206 plans of polars"):
        polars_lineage(frame)
    reading = read_plan(frame, {"a": SCHEMA})
    assert reading.warnings == (UNSUPPORTED,)
    assert reading.digest is None
    assert reading.lineage.evidence is Evidence.OPAQUE
    assert reading.read_sets == {"a": (*SCHEMA, "#")}


def test_the_numbers_of_categories_follow_the_order_they_came_in() -> None:
    categories = col("s").cast(pl.Categorical)
    numbers = getattr(categories.cat, "physical", categories.to_physical)()
    assert any(edge.startswith("a:# > c") for edge in edges(a.select("i", c=numbers)))
