"""Column lineage as a tree, and as diagrams."""

from __future__ import annotations

from assets_core.column_lineage import ColumnRef, EdgeKind, Evidence
from headwater.report.diagram import dot, mermaid
from headwater.report.flow import Flow, Point, Walk, walk_of_query
from headwater.report.style import Style
from headwater.report.tree import tree_text
from lineage import sql_lineage

STYLE = Style()


def flow(source: str, target: str, kind: str = "IDENTITY", evidence: Evidence = Evidence.DERIVED) -> Flow:
    """``a:x`` is a column, ``a`` an asset as a whole."""
    return Flow(point(source), point(target), EdgeKind(kind), evidence)


def point(text: str) -> Point:
    table, colon, column = text.partition(":")
    return Point(table, column if colon else None)


def up(root: str, *flows: Flow) -> str:
    return tree_text(Walk((point(root),), flows), STYLE, sources=["raw"])


def test_columns_lead_down_to_the_source() -> None:
    assert up("mart:a", flow("stage:b", "mart:a", "AGGREGATION"), flow("raw:c", "stage:b")).splitlines() == [
        "mart:a",
        "└─ stage:b   AGGREGATION",
        "   └─ raw:c  IDENTITY     source",
    ]


def test_indirect_influences_come_after_direct_ones_on_dotted_branches() -> None:
    assert up("m:a", flow("s:z", "m:a", "FILTER"), flow("s:b", "m:a"), flow("s:c", "m:a")).splitlines() == [
        "m:a",
        "├─ s:b  IDENTITY",
        "├─ s:c  IDENTITY",
        "└┄ s:z  FILTER",
    ]


def test_several_kinds_of_one_source_share_a_branch() -> None:
    assert up("m:a", flow("s:b", "m:a", "GROUP_BY"), flow("s:b", "m:a")).splitlines()[1] == "└─ s:b  IDENTITY, GROUP_BY"


def test_a_terminal_shows_the_first_kinds_and_counts_the_rest_and_a_pipe_shows_all() -> None:
    flows = tuple(flow("s:b", "m:a", kind) for kind in ("JOIN", "IDENTITY", "FILTER", "SORT"))
    walk = Walk((point("m:a"),), flows)
    assert tree_text(walk, STYLE).splitlines()[1] == "└─ s:b  IDENTITY, JOIN, +2"
    assert tree_text(walk, Style(width=None)).splitlines()[1] == "└─ s:b  IDENTITY, JOIN, FILTER, SORT"


def test_a_shared_branch_is_drawn_once() -> None:
    text = up(
        "m:a", flow("s:b", "m:a"), flow("s:c", "m:a"), flow("t:d", "s:b"), flow("t:d", "s:c"), flow("raw:e", "t:d")
    )
    assert text.splitlines() == [
        "m:a",
        "├─ s:b          IDENTITY",
        "│  └─ t:d       IDENTITY",
        "│     └─ raw:e  IDENTITY  source",
        "└─ s:c          IDENTITY",
        "   └─ t:d       IDENTITY  see above",
    ]  # fmt: skip


def test_what_touches_every_column_is_drawn_under_the_first_column_of_its_asset_only() -> None:
    text = up("m:a", flow("s:b", "m:a"), flow("s:c", "m:a"), flow("raw:x", "s", "FILTER"))
    assert text.count("raw:x") == 1


def test_a_column_that_nothing_feeds_says_so() -> None:
    assert up("m:a") == "m:a  (no column feeds it)"


def test_row_count_and_row_order_are_words() -> None:
    text = up("m:a", flow("s:*", "m:a", "AGGREGATION"), flow("s:#", "m:a", "SORT"))
    assert ["s (row count)" in text, "s (row order)" in text] == [True, True]


def test_evidence_that_is_not_derived_is_named() -> None:
    assert up("m:a", flow("s:b", "m", "TRANSFORMATION", Evidence.OPAQUE)).endswith("TRANSFORMATION  opaque")


def test_down_leads_to_what_is_influenced() -> None:
    flows = (flow("raw:a", "s", "FILTER"), flow("s:b", "m:c"))
    assert tree_text(Walk((point("raw:a"),), flows, up=False), STYLE).splitlines() == [
        "raw:a",
        "└┄ s (every column)  FILTER",
        "   └─ m:c            IDENTITY",
    ]


def test_a_cycle_ends() -> None:
    assert up("m:a", flow("m:a", "m:a")).splitlines() == ["m:a", "└─ m:a  IDENTITY  see above"]


def test_a_chain_of_thousands_of_assets_is_drawn() -> None:
    flows = [flow(f"a{n + 1}:x", f"a{n}:x") for n in range(3000)]
    drawn = tree_text(Walk((point("a0:x"),), tuple(flows)), Style(width=None, limit=None))
    assert len(drawn.splitlines()) == 3001


def test_ascii_is_used_where_boxes_cannot_be_written() -> None:
    walk = Walk((point("m:a"),), (flow("s:b", "m:a"), flow("s:c", "m:a", "SORT")))
    assert tree_text(walk, Style(unicode=False)).splitlines()[1:] == ["|- s:b  IDENTITY", "`. s:c  SORT"]


def test_a_tree_stays_within_the_width() -> None:
    flows = [
        flow(f"{'group/' * 5}asset{n + 1}:{'column' * 5}", f"{'group/' * 5}asset{n}:{'column' * 5}") for n in range(9)
    ]
    walk = Walk((flows[0].target,), tuple(flows))
    assert max(map(len, tree_text(walk, STYLE).splitlines())) <= 80


def test_outputs_that_share_a_name_are_numbered() -> None:
    walk = walk_of_query(sql_lineage("select a, b as a from t"))
    assert [str(root) for root in walk.roots] == ["a", "a (2)"]


def test_the_lineage_of_a_query_ends_at_its_tables() -> None:
    walk = walk_of_query(sql_lineage("create table m as select sum(x) as s from t where y > 0"))
    assert tree_text(walk, STYLE).splitlines() == ["m:s", "├─ t:x  AGGREGATION", "└┄ t:y  FILTER"]


def test_direct_leaves_out_what_carries_no_value() -> None:
    walk = walk_of_query(sql_lineage("select a from t where b > 0"), direct=True)
    assert [flow.source for flow in walk.flows] == [ColumnRef("t", "a")]


def test_mermaid_has_a_box_an_asset_and_dotted_arrows_for_what_carries_no_value() -> None:
    walk = Walk((point("m:a"),), (flow("s:b", "m:a"), flow('s:"q"', "m:a", "FILTER")))
    assert mermaid(walk).splitlines() == [
        "flowchart LR",
        '  subgraph t0["m"]',
        '    n0["a"]',
        "  end",
        '  subgraph t1["s"]',
        '    n1["b"]',
        '    n2["#quot;q#quot;"]',
        "  end",
        '  n1 -->|"IDENTITY"| n0',
        '  n2 -.->|"FILTER"| n0',
    ]


def test_dot_quotes_names() -> None:
    walk = Walk((point("m:a"),), (flow('s:"q\\', "m:a", "FILTER"),))
    assert '    n1 [label="\\"q\\\\"];' in dot(walk)
    assert '  n1 -> n0 [label="FILTER", style=dashed];' in dot(walk)
