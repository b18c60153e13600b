"""Writes docs/polars-coverage.md from data: `python -m docs.polars_coverage`; a test holds the page to it.

Every public method of LazyFrame stands here with a plan that uses it, and every family of expressions; how each
is read is found out by reading it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import polars as pl

from assets_core.column_lineage import Evidence, Resolution
from lineage.columns.eager import FOLLOWED, GROUPING
from lineage.columns.placeholder import placeholder
from lineage.columns.polars import polars_lineage
from lineage.columns.polars_exprs import EXPRESSION_KINDS
from lineage.columns.polars_functions import MANNERS, Manner
from lineage.columns.polars_map_functions import FUNCTIONS as FRAME_FUNCTIONS
from lineage.columns.polars_nodes import RULES
from lineage.columns.polars_oracle import IR_MAJORS

PAGE = Path(__file__).parent / "polars-coverage.md"
SCHEMA = {
    "i": pl.Int64(),
    "k": pl.Int64(),
    "f": pl.Float64(),
    "s": pl.String(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int64()),
    "r": pl.Array(pl.Int64(), 2),
    "t": pl.Struct({"p": pl.Int64(), "q": pl.String()}),
    "c": pl.Categorical(),
    "y": pl.Binary(),
}
a, b = placeholder("a", SCHEMA), placeholder("b", SCHEMA)
n = a.select("i", "k", "f")
col = pl.col

METHODS: dict[str, Callable[[], pl.LazyFrame]] = {
    "bottom_k": lambda: a.bottom_k(2, by="i"),
    "cache": a.cache,
    "cast": lambda: a.cast({"i": pl.Int8}),
    "clear": a.clear,
    "clone": a.clone,
    "count": n.count,
    "drop": lambda: a.drop("i"),
    "drop_nans": lambda: n.drop_nans("f"),
    "drop_nulls": lambda: a.drop_nulls("i"),
    "explode": lambda: a.explode("l"),
    "fill_nan": lambda: n.fill_nan(0.0),
    "fill_null": lambda: n.fill_null(0),
    "filter": lambda: a.filter("b"),
    "first": n.first,
    "gather": lambda: a.gather([0]),
    "gather_every": lambda: n.gather_every(2),
    "group_by": lambda: a.group_by("s").agg(col("i").sum()),
    "group_by_dynamic": lambda: a.group_by_dynamic("d", every="1d").agg(col("i").sum()),
    "head": lambda: a.head(2),
    "inspect": n.inspect,
    "interpolate": lambda: n.select("f").interpolate(),
    "join": lambda: a.join(b, on="i"),
    "join_asof": lambda: a.join_asof(b, on="d"),
    "join_where": lambda: a.join_where(b.select(z="i"), col("i") > col("z")),
    "last": n.last,
    "lazy": a.lazy,
    "limit": lambda: a.limit(2),
    "map_batches": lambda: n.map_batches(lambda frame: frame),
    "match_to_schema": lambda: n.match_to_schema({"i": pl.Int64, "k": pl.Int64, "f": pl.Float64}),
    "max": n.max,
    "mean": n.mean,
    "median": n.median,
    "merge_sorted": lambda: n.merge_sorted(n, "i"),
    "min": n.min,
    "null_count": n.null_count,
    "pipe": lambda: a.pipe(lambda frame: frame.select("i")),
    "pipe_with_schema": lambda: a.pipe_with_schema(lambda frame, schema: frame.select(list(schema)[:2])),
    "pivot": lambda: a.pivot("s", on_columns=["x"], index="i", values="f", aggregate_function="sum"),
    "quantile": lambda: n.quantile(0.5),
    "remove": lambda: a.remove("b"),
    "rename": lambda: a.rename({"i": "z"}),
    "reverse": n.reverse,
    "rolling": lambda: a.rolling("d", period="2d").agg(col("i").sum()),
    "select": lambda: a.select("i"),
    "select_seq": lambda: a.select_seq("i"),
    "set_sorted": lambda: a.set_sorted("i"),
    "shift": lambda: n.shift(1),
    "sink_csv": lambda: n.sink_csv("never", lazy=True),
    "sink_ipc": lambda: n.sink_ipc("never", lazy=True),
    "sink_ndjson": lambda: n.sink_ndjson("never", lazy=True),
    "sink_parquet": lambda: n.sink_parquet("never", lazy=True),
    "slice": lambda: a.slice(1, 2),
    "sort": lambda: a.sort("i"),
    "sql": lambda: a.sql("select s, sum(i) as z from self where b group by s"),
    "std": n.std,
    "sum": n.sum,
    "tail": lambda: a.tail(2),
    "top_k": lambda: a.top_k(2, by="i"),
    "unique": lambda: a.unique("s"),
    "unnest": lambda: a.unnest("t"),
    "unpivot": lambda: a.unpivot(["i", "k"], index="s"),
    "update": lambda: n.update(b.select("i", "k"), on="i"),
    "var": n.var,
    "with_columns": lambda: a.with_columns(z=col("i") + 1),
    "with_columns_seq": lambda: a.with_columns_seq(z=col("i") + 1),
    "with_row_index": a.with_row_index,
}
"""A plan for every method of LazyFrame that makes one."""
NO_PLAN = """collect collect_async collect_batches collect_schema columns describe deserialize dtypes execute explain
from_lazyframe_resolver remote schema serialize show show_graph sink_batches sink_delta sink_iceberg width"""
"""Methods of LazyFrame that run, show or describe a plan and make none, or need a service to write to."""

FUNCTIONS: dict[str, Callable[[], pl.LazyFrame]] = {
    'concat, how="vertical"': lambda: pl.concat([n, n]),
    'concat, how="vertical_relaxed"': lambda: pl.concat([n, n.cast(pl.Float64)], how="vertical_relaxed"),
    'concat, how="diagonal"': lambda: pl.concat([n, a.select("i", "s")], how="diagonal"),
    'concat, how="diagonal_relaxed"': lambda: pl.concat([n, a.select("i", "s")], how="diagonal_relaxed"),
    'concat, how="horizontal"': lambda: pl.concat([n, a.select("s")], how="horizontal"),
    'concat, how="align"': lambda: pl.concat([a.select("i", "s"), b.select("i", "f")], how="align"),
    "SQLContext": lambda: pl.SQLContext(a=a, b=b).execute("select a.s from a join b on a.i = b.i"),
}
JOINS: dict[str, Callable[[], pl.LazyFrame]] = {
    f'join, how="{how}"': lambda how=how: a.join(b, on=None if how == "cross" else "i", how=how)  # type: ignore[misc]
    for how in ("inner", "left", "right", "full", "semi", "anti", "cross")
}
EXPRESSIONS: dict[str, Callable[[], pl.Expr]] = {
    "arithmetic, comparison, logic": lambda: (col("i") + 1 > col("k")) & col("b"),
    "when / then / otherwise": lambda: pl.when("b").then("i").otherwise("k"),
    "cast": lambda: col("i").cast(pl.String),
    "aggregates": lambda: col("i").sum() + col("k").max(),
    "first, last": lambda: col("i").first(),
    "filter, head, slice, gather": lambda: col("i").filter("b").head(2),
    "sort, sort_by, top_k": lambda: col("i").sort_by("k"),
    "over, with order_by": lambda: col("i").cum_sum().over("s", order_by="d"),
    "rolling": lambda: col("i").sum().rolling("d", period="2d"),
    "rolling_*, ewm_*": lambda: col("f").rolling_mean(2) + col("f").ewm_mean(span=2),
    "rolling_*_by": lambda: col("f").rolling_sum_by("d", "2d"),
    "cum_*, shift, diff, rank": lambda: col("i").cum_sum() + col("i").diff(),
    "horizontal functions": lambda: pl.sum_horizontal("i", "k"),
    "coalesce, fill_null": lambda: pl.coalesce("i", "k"),
    "is_in, replace": lambda: col("i").replace({1: 2}),
    "str": lambda: col("s").str.to_uppercase().str.split(","),
    "dt": lambda: col("d").dt.truncate("1mo"),
    "list": col("l").list.sum,
    "list.eval": lambda: col("l").list.eval(pl.element() + 1),
    "arr": col("r").arr.sum,
    "struct": lambda: pl.struct(x="i", y="k").struct.field("y"),
    "struct.with_fields": lambda: pl.struct(x="i").struct.with_fields(z=pl.field("x") + 1),
    "cat": col("c").cat.len_chars,
    "bin": col("y").bin.size,
    "explode, implode": lambda: col("l").explode().implode(),
    "value_counts, unique, mode": lambda: col("s").unique(),
    "int_range, date_ranges": lambda: pl.int_range(pl.len()),
    "concat_list, concat_str, format": lambda: pl.concat_str("s", "i"),
    "map_elements, map_batches": lambda: col("i").map_elements(abs, return_dtype=pl.Int64),
    "fold, reduce": lambda: pl.fold(pl.lit(0), lambda x, y: x + y, ["i", "k"], return_dtype=pl.Int64),
    "hash, entropy, corr": lambda: pl.corr("i", "f"),
}


PROOF = """\
## How it is proven

`make soundness` makes random plans of all these operations, changes, permutes and nulls every input column that is not
claimed for an output column, and compares: a column that moves without being claimed is a miss, and one fails the run.
Precision is counted beside it: of the edges that claim a direct influence, how many no perturbation confirmed. An edge
that stands for a whole frame, as behind a Python function that is given one, is one claim, as it is one line in
`headwater lineage`; the last line of that table counts it once for each output column that it touches.

With the seeds 601, 602 and 603, a thousand plans each (68,000 runs, 44,000 claims), none was missed; 4.2 to 5.9 % of
the direct claims were not confirmed (2.5 to 3.0 % of those that were derived, the rest being assumptions about Python
functions), and 11.0 to 13.6 % counted by output column. On TPC-H's 22 queries `tests/soundness/test_polars_tpch.py`
holds it to 5 %."""


def how_read(frame: pl.LazyFrame) -> str:
    """How a plan is read, in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lineage = polars_lineage(frame)
    if lineage.evidence is Evidence.OPAQUE:
        return "kept whole"
    assumed = any(edge.resolution is not Resolution.EXACT for edge in lineage.edges)
    if not assumed:
        return "read"
    whole = any("whole frame" in warning or "node" in warning for warning in lineage.warnings)
    return "whatever it is given may have influence" if whole else "its own inputs may have influence in any way"


def page() -> str:
    """The text of the coverage page."""
    lines = [
        "# What of polars is read",
        "",
        "Made by `python -m docs.polars_coverage` from the tables that the reading itself uses; a test holds it.",
        f"Plans of IR versions {' and '.join(map(str, IR_MAJORS))} are understood, which polars 2.0 and 2.1 have.",
        "Under any other, every column may influence every column, with a warning.",
        "What is not listed is kept whole: it costs precision, never an edge.",
        "",
    ]
    frames = METHODS | FUNCTIONS | JOINS
    lines += _table("Operations on frames", {name: how_read(make()) for name, make in sorted(frames.items())})
    expressions = {name: how_read(a.select(z=make())) for name, make in EXPRESSIONS.items()}
    lines += _table("Expressions", expressions)
    lines += ["## Kinds of node", "", ", ".join(f"`{kind}`" for kind in RULES), ""]
    lines += ["and these functions over frames: " + ", ".join(f"`{kind}`" for kind in FRAME_FUNCTIONS), ""]
    lines += ["## Kinds of expression", "", ", ".join(f"`{kind}`" for kind in EXPRESSION_KINDS), ""]
    lines += ["## Functions in expressions, by how they treat rows", ""]
    for manner in Manner:
        names = sorted(name for name, known in MANNERS.items() if known is manner)
        lines += [f"- {manner.value}: " + ", ".join(f"`{name}`" for name in names)]
    lines += ["", "The rest of `str`, `dt`, `struct`, `list`, `arr` and the boolean functions is row by row.", ""]
    lines += ["## Eager code", "", "A DataFrame is followed through these methods, through groups and through"]
    lines += ["`lazy()` and `collect()`. Anything else that is done to one (a look at a value, at the height, numpy,"]
    lines += ["Arrow, pandas, a Python function, a caught exception) ends it, and the whole asset is opaque:", ""]
    lines += [", ".join(f"`{name}`" for name in sorted({*FOLLOWED, *GROUPING})), ""]
    lines += [*PROOF.split("\n"), ""]
    return "\n".join(lines)


def _table(title: str, rows: dict[str, str]) -> list[str]:
    return [f"## {title}", "", "| what | how |", "|---|---|", *(f"| `{k}` | {v} |" for k, v in rows.items()), ""]


if __name__ == "__main__":
    PAGE.write_text(page())
