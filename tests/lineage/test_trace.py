"""Walking columns: up to where values come from, down to what they feed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets_core.column_lineage import (
    ORDER,
    ROWS,
    ColumnLineage,
    ColumnRef,
    Edge,
    EdgeKind,
    Evidence,
    Resolution,
    opaque_lineage,
)
from assets_core.keys import Slot
from lineage.catalog.store import Catalog
from lineage.trace import Trace, TraceEdge, combine, lineages_as_of, trace
from tests.lineage.catalog_samples import begun, later, made_of, record

I, T, A, F, J = EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION, EdgeKind.FILTER, EdgeKind.JOIN  # noqa: E741


def ref(text: str) -> ColumnRef:
    table, _, column = text.partition(":")
    return ColumnRef(table, column)


def refs(*texts: str) -> set[ColumnRef]:
    return {ref(text) for text in texts}


def edge(source: str, target: str | None, kind: EdgeKind = I, resolution: Resolution = Resolution.EXACT) -> Edge:
    return Edge(ref(source), target, kind, None, resolution)


def lineage(*edges: Edge, columns: str = "", evidence: Evidence = Evidence.DERIVED) -> ColumnLineage:
    names = columns.split() or sorted({one.target for one in edges if one.target is not None})
    return ColumnLineage(tuple(names), frozenset(edges), evidence)


# raw feeds staging (filtered on origin), staging feeds the mart; `other` only counts the rows of staging.
FLIGHTS = {
    "staging": [lineage(edge("raw:delay", "delay", T), edge("raw:tail", "tail"), edge("raw:origin", None, F))],
    "mart": [lineage(edge("staging:delay", "mean", A), edge("planes:year", "year"), edge("planes:tail", None, J))],
    "other": [lineage(edge("staging:*", "n", A))],
}


def up(start: str, **options: Any) -> Trace:
    return trace([ref(start)], FLIGHTS, direction="up", **options)


def down(start: str, **options: Any) -> Trace:
    return trace([ref(start)], FLIGHTS, direction="down", **options)


def test_a_column_is_followed_up_to_its_sources() -> None:
    assert up("mart:mean").leaves == refs("raw:delay", "raw:origin", "planes:tail")


def test_everything_on_the_way_is_among_the_columns() -> None:
    assert up("mart:mean").columns == refs("raw:delay", "raw:origin", "planes:tail", "staging:delay")


def test_only_the_edges_of_the_columns_asked_for_are_met() -> None:
    assert refs("planes:year", "raw:tail").isdisjoint(up("mart:mean").columns)


def test_direct_edges_carry_values_only() -> None:
    assert up("mart:mean", direct=True).leaves == refs("raw:delay")


def test_depth_counts_assets() -> None:
    assert up("mart:mean", depth=1).columns == refs("staging:delay", "planes:tail")
    assert up("mart:mean", depth=1).leaves == refs("staging:delay", "planes:tail")
    assert up("mart:mean", depth=0).edges == ()


def test_edges_come_nearest_first_with_their_evidence() -> None:
    assert up("mart:mean").edges == (
        TraceEdge(ref("planes:tail"), "mart", None, J, Evidence.DERIVED),
        TraceEdge(ref("staging:delay"), "mart", "mean", A, Evidence.DERIVED),
        TraceEdge(ref("raw:origin"), "staging", None, F, Evidence.DERIVED),
        TraceEdge(ref("raw:delay"), "staging", "delay", T, Evidence.DERIVED),
    )


def test_an_edge_names_a_column_or_a_whole_asset_as_its_target() -> None:
    assert [one.target for one in up("mart:mean", depth=1).edges] == ["mart", ref("mart:mean")]


def test_a_column_is_followed_down_to_what_it_feeds() -> None:
    assert down("raw:delay").columns == refs("staging:delay", "mart:mean")
    assert down("raw:delay").leaves == refs("mart:mean")


def test_a_filter_reaches_every_column_below_and_counts_of_rows() -> None:
    reached = down("raw:origin").columns
    assert refs("staging:delay", "staging:tail", "mart:mean", "other:n") <= reached
    assert ref("mart:year") not in reached


def test_a_count_depends_on_what_decides_the_rows_and_on_no_value() -> None:
    assert up("other:n").leaves == refs("raw:origin", "raw:*")


def test_rows_are_followed_down_to_counts() -> None:
    assert ref("other:n") in down("raw:*").columns
    assert ref("mart:mean") not in down("raw:*").columns


def test_the_order_of_rows_depends_on_the_order_of_what_is_read() -> None:
    known = {
        "b": [lineage(edge("a:#", "first", A))],
        "a": [lineage(edge("raw:x", "x"), edge("raw:t", None, EdgeKind.SORT))],
    }
    assert trace([ref("b:first")], known).leaves == refs("raw:#", "raw:t")


def test_direct_rows_lead_nowhere_but_to_counts() -> None:
    assert trace([ref("raw:*")], FLIGHTS, direction="down", direct=True).columns == set()
    assert trace([ref("staging:*")], FLIGHTS, direction="down", direct=True).columns == refs("other:n")


def test_an_opaque_asset_depends_on_everything_it_reads_and_says_so() -> None:
    known = {"b": [opaque_lineage(["x", "y"], {"a": ["p", "q"]})]}
    walk = trace([ref("b:x")], known, direct=True)
    assert walk.columns == refs("a:p", "a:q", "a:*", "a:#")
    assert {one.evidence for one in walk.edges} == {Evidence.OPAQUE}


def test_an_unnamed_star_stands_for_every_column() -> None:
    known = {
        "b": [lineage(edge("a:*", "x", I, Resolution.STAR))],
        "a": [lineage(edge("raw:p", "p"), edge("raw:q", "q"))],
    }
    assert refs("raw:p", "raw:q", "a:p", "a:q") <= trace([ref("b:x")], known).columns
    assert ref("b:x") in trace([ref("raw:q")], known, direction="down").columns


def test_an_unnamed_star_stands_for_the_number_of_rows_as_well() -> None:
    known = {
        "b": [lineage(edge("a:*", "x", I, Resolution.STAR))],
        "a": [lineage(edge("raw:p", "p"))],
    }
    assert ref("raw:*") in trace([ref("b:x")], known).columns


def test_the_lineages_of_all_partitions_are_followed() -> None:
    known = {"b": [lineage(edge("a:old", "x")), lineage(edge("a:new", "x"))]}
    assert trace([ref("b:x")], known).columns == refs("a:old", "a:new")


def test_equal_lineages_of_many_partitions_give_each_edge_once() -> None:
    known = {"b": [lineage(edge("a:x", "x"))] * 365}
    assert len(trace([ref("b:x")], known).edges) == 1


def test_a_column_without_influences_is_where_it_began() -> None:
    assert trace([ref("raw:x")], FLIGHTS).leaves == refs("raw:x")
    assert trace([ref("raw:x")], FLIGHTS).columns == set()


def test_several_columns_are_walked_together() -> None:
    assert trace(refs("mart:mean", "mart:year"), FLIGHTS, depth=1).columns == refs(
        "staging:delay", "planes:year", "planes:tail"
    )


def test_an_asset_that_reads_its_own_past_ends() -> None:
    known = {"a": [lineage(edge("a:x", "x", T), edge("raw:x", "x"))]}
    assert trace([ref("a:x")], known).leaves == refs("raw:x")


@pytest.mark.parametrize("direction", ["up", "down"])
def test_diamonds_do_not_multiply(direction: str) -> None:
    layers = 200
    known = {
        f"{side}{n}": [lineage(edge(f"l{n - 1}:x", "x"), edge(f"r{n - 1}:x", "x"))]
        for n in range(1, layers)
        for side in "lr"
    }
    start = f"l{layers - 1}:x" if direction == "up" else "l0:x"
    began = time.perf_counter()
    walk = trace([ref(start)], known, direction=direction)  # type: ignore[arg-type]
    assert len(walk.edges) in (4 * (layers - 1) - 2, 4 * (layers - 1))
    assert time.perf_counter() - began < 2


def test_wide_opaque_assets_cost_their_edges_once() -> None:
    names = [f"c{n}" for n in range(300)]
    known = {f"a{n}": [opaque_lineage(names, {f"a{n - 1}": names})] for n in range(1, 6)}
    began = time.perf_counter()
    walk = trace([ref(f"a5:{name}") for name in names], known)
    assert len(walk.edges) <= 5 * 304
    assert time.perf_counter() - began < 2


def test_combining_renames_inputs_to_asset_keys() -> None:
    local = lineage(edge("flights:a", "a"), edge("w:b", None, J))
    bound = combine(local, {"flights": "staging/flights"})
    assert bound == lineage(edge("staging/flights:a", "a"), edge("w:b", None, J))


def test_the_lineages_of_the_past_are_those_published_then(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as catalog:
        begun(catalog)
        source, other = made_of("1", Slot("raw/a")), made_of("2", Slot("raw/b"))
        old, new = made_of("3", Slot("mart"), [source]), made_of("4", Slot("mart"), [other], code="2")
        record(catalog, source, other, old, at=later(1))
        record(catalog, new, at=later(2))
        assert lineages_as_of(catalog, "dev", later(1)) == {"mart": (old.lineage,)}
        assert lineages_as_of(catalog, "dev") == {"mart": (new.lineage,)}


# -- against the plain definition ---------------------------------------------------------------------------------

COLUMNS = ["p", "q"]


@st.composite
def graphs(draw: Any) -> dict[str, list[ColumnLineage]]:
    """Lineages of assets a1..a4, each reading earlier ones; a0 is a source."""
    known = {}
    for n in range(1, draw(st.integers(2, 5))):
        sources = st.builds(ColumnRef, st.sampled_from([f"a{m}" for m in range(n)]), st.sampled_from([*COLUMNS, ROWS]))
        resolutions = st.sampled_from([Resolution.EXACT, Resolution.EXACT, Resolution.STAR])
        edges = st.builds(
            Edge, sources, st.sampled_from([*COLUMNS, None]), st.sampled_from([I, A, F]), st.none(), resolutions
        )
        known[f"a{n}"] = [
            ColumnLineage(tuple(COLUMNS), frozenset(draw(st.lists(edges, max_size=4))))
            for _ in range(draw(st.integers(1, 2)))
        ]
    return known


def influences(known: dict[str, list[ColumnLineage]], direct: bool) -> Iterator[tuple[ColumnRef, ColumnRef]]:
    """Every pair (source column, target column) of one step, spelled out."""
    for asset, several in known.items():
        for one in several:
            for source, target, kind, _, resolution in one.edges:
                if direct and not kind.direct:
                    continue
                star = resolution is Resolution.STAR and source.column == ROWS
                for column in [*COLUMNS, ROWS] if star else [source.column]:
                    for name in [*COLUMNS, ROWS] if target is None else [target]:
                        yield ColumnRef(source.table, column), ColumnRef(asset, name)
                if not direct:
                    yield ColumnRef(source.table, ROWS), ColumnRef(asset, ROWS)


def closure(start: ColumnRef, pairs: set[tuple[ColumnRef, ColumnRef]]) -> set[ColumnRef]:
    reached = {start}
    while more := {target for source, target in pairs if source in reached} - reached:
        reached |= more
    return reached - {start}


@given(known=graphs(), asset=st.integers(0, 4), column=st.sampled_from([*COLUMNS, ROWS]), direct=st.booleans())
@settings(max_examples=300, deadline=None)
def test_both_walks_reach_what_the_definition_says(
    known: dict[str, list[ColumnLineage]], asset: int, column: str, direct: bool
) -> None:
    start = ColumnRef(f"a{asset}", column)
    pairs = set(influences(known, direct))
    # The source a0 has no lineage, so that a star on it cannot name its columns.
    named = {"up": {one for one in closure(start, {(b, a) for a, b in pairs}) if one.table != "a0"}}
    named["down"] = closure(start, pairs)
    for direction in ("up", "down"):
        walk = trace([start], known, direction=direction, direct=direct)  # type: ignore[arg-type]
        found = {one for one in walk.columns if one.column != ORDER and (direction == "down" or one.table != "a0")}
        assert found == named[direction]
