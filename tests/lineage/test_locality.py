"""What is proven of plans and queries, and what is said of the others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

import polars as pl
import pytest

from assets_core.asset import Asset, Form, Input, Parameter, Source
from assets_core.graph import build
from assets_core.mappings import all_partitions
from assets_core.partitions import Daily, Monthly, Partitions, Static, Weekly
from lineage.columns.locality import why_not_local
from lineage.columns.placeholder import placeholder
from lineage.columns.sql_locality import why_query_not_local
from lineage.locality import locality_of
from materializers.sql_engine import run_query

A = placeholder("a", {"p": pl.Date, "x": pl.Int64, "k": pl.String})
B = placeholder("b", {"p": pl.Date, "y": pl.Int64, "k": pl.String})
NAMES = placeholder("names", {"k": pl.String, "n": pl.String})
X, K = pl.col("x"), pl.col("k")

LOCAL: dict[str, Callable[[], pl.LazyFrame]] = {
    "as it is": lambda: A,
    "row by row": lambda: A.filter(X > 1).with_columns(z=pl.when(K == "a").then(X).otherwise(2)),
    "grouped": lambda: A.group_by("p", "k").agg(X.sum(), X.filter(K == "a").max().alias("m")),
    "windows": lambda: A.with_columns(c=X.cum_sum().over("p"), m=X.mean().over("k", "p")),
    "sorted so that order is kept": lambda: A.sort("x", maintain_order=True).with_columns(f=X.first().over("p")),
    "joined": lambda: A.join(B, on=["p", "k"]),
    "joined in full": lambda: A.join(B, on="p", how="full", coalesce=True),
    "joined with what is whole": lambda: A.join(NAMES.group_by("k").agg(pl.col("n").first()), on="k", how="left"),
    "crossed with what is whole": lambda: NAMES.select(pl.len().alias("count")).join(A, how="cross"),
    "distinct": A.unique,
    "distinct in the partition": lambda: A.unique(["p", "k"], keep="first", maintain_order=True),
    "below each other": lambda: pl.concat([A.select("p", "k"), B.select("p", "k")]),
    "looked up in what is written there": lambda: A.filter(K.is_in(["a", "b"])),
    "renamed and named back": lambda: A.rename({"p": "q"}).rename({"q": "p"}),
}
NOT_LOCAL: dict[str, tuple[Callable[[], pl.LazyFrame], str]] = {
    "cumulated": (lambda: A.with_columns(X.cum_sum()), "its cum_sum goes over rows of other partitions"),
    "the mean of all": (lambda: A.filter(X.mean() < X), "its mean() goes over rows of other partitions"),
    "grouped by another": (
        lambda: A.group_by("k").agg(pl.col("p").max()),
        "it groups by k, without the partition column",
    ),
    "a window over another": (
        lambda: A.with_columns(X.sum().over("k")),
        "its window over k is without the partition column",
    ),
    "order that is not kept": (
        lambda: A.sort("x").with_columns(f=X.first().over("p")),
        "its first() depends on an order of rows that is not kept within a partition",
    ),
    "a window in an order, which may have ties": (
        lambda: A.with_columns(c=X.cum_sum().over("p", order_by="x")),
        "its arg_sort takes some of equal rows, and which ones is not told",
    ),
    "the row of the highest value, of which there may be two": (
        lambda: A.group_by("p").agg(K.max_by("x")),
        "its max_by takes some of equal rows, and which ones is not told",
    ),
    "joined by another": (
        lambda: A.join(B, on="k"),
        "it joins two partitioned inputs without their partition columns",
    ),
    "left join from what is whole": (
        lambda: NAMES.join(A, on="k", how="left"),
        "its Left join keeps rows that are the same for every partition",
    ),
    "distinct by another": (
        lambda: A.unique("k", keep="first"),
        "it drops duplicates of k, without the partition column",
    ),
    "first rows": (lambda: A.head(3), "it takes some rows by their place among all"),
    "row numbers": (A.with_row_index, "its step row_index depends on rows of other partitions"),
    "Python": (
        lambda: A.with_columns(X.map_elements(lambda v: v, return_dtype=pl.Int64)),
        "its expression 'anonymousfunction' cannot be read",
    ),
    "another partition column": (
        lambda: A.with_columns(pl.col("p").dt.offset_by("1d")),
        "its column p is not the partition column of an input as it was read",
    ),
    "whole": (lambda: NAMES.with_columns(p=1), "its column p is not the partition column of an input as it was read"),
    "added rows": (
        lambda: pl.concat([A.select("k"), NAMES.select("k")]),
        "it adds rows that are the same for every partition",
    ),
}


@pytest.mark.parametrize("name", LOCAL)
def test_a_plan_that_keeps_to_the_partition_column_is_proven(name: str) -> None:
    assert why_not_local(LOCAL[name](), {"a": "p", "b": "p"}, "p") == ""


@pytest.mark.parametrize("name", NOT_LOCAL)
def test_a_plan_that_mixes_rows_of_partitions_says_how(name: str) -> None:
    make, why = NOT_LOCAL[name]
    assert why_not_local(make(), {"a": "p", "b": "p"}, "p") == why


def test_where_order_is_content_it_must_be_kept() -> None:
    said = "the order of its rows is content, and is not kept within a partition"
    assert why_not_local(A.sort("x"), {"a": "p"}, "p", ordered=True) == said
    assert why_not_local(A.sort("x", maintain_order=True), {"a": "p"}, "p", ordered=True) == ""


INPUTS = {
    "a": {"p": "Date", "x": "Int64", "k": "String"},
    "b": {"p": "Date", "y": "Int64", "k": "String"},
    "s.names": {"k": "String", "n": "String"},
}
LOCAL_QUERIES = (
    "select * from a",
    "select p, x * 2 as x from a where k <> 'a' order by x",
    "select p, k, sum(x) as x, count(*) filter (x > 1) as n from a group by all",
    "select p, k, sum(x) as x from a group by p, rollup (k)",
    "select p, sum(x) as x from a group by 1 having count(*) > 1",
    "select a.p, n, x from a left join s.names d on d.k = a.k",
    "select a.p, y, x from a join b on a.p = b.p and a.k = b.k",
    "select p, y, x from a join b using (p, k)",
    "select p, y, x from a left join b using (p)",
    "select a.p, y from a, b where a.p = b.p and x > y",
    "select a.p, c.x from a join a c on a.p = c.p",
    "select distinct p, k from a",
    "select p, x, sum(x) over (partition by p order by x) as s, rank() over (partition by p order by x) as r from a",
    "select p, x from a where k in (select k from s.names)",
    "select p, x, (select count(*) from s.names) as n from a",
    "select p, x from a qualify max(x) over (partition by p) = x",
)
OTHER_QUERIES = {
    "select k, max(p) as p from a group by k": "it groups without the partition column",
    "select max(p) as p from a": "its max() goes over rows of other partitions",
    "select p, geomean(x) as g from a": "its geomean() goes over rows of other partitions",
    "select p, sum(x) over () as s from a": "its window is without the partition column",
    "select p, row_number() over (partition by p) as r from a": (
        "the order of input rows can reach values through row_number"
    ),
    "select p, sum(x) over (partition by p rows 1 preceding) as s from a": (
        "the order of input rows can reach values through a window of ROWS"
    ),
    "select a.p, n from s.names d left join a on d.k = a.k": (
        "its LEFT join keeps rows that are the same for every partition"
    ),
    "select a.p, y from a join b using (k)": "it joins two partitioned inputs without their partition columns",
    "select a.p, y from a full join b on a.p = b.p": (
        "its column p is not the partition column of an input as it was read"
    ),
    "select p from a limit 3": "its query has LIMIT",
    "select distinct k from a": "it drops duplicates without the partition column",
    "select p, x from a where k in (select k from b)": "a subquery reads an input that is read by partition",
    "with t as (select * from a) select * from t": "its query has a WITH clause",
    "select p from a union all select p from b": "its query is more than one SELECT",
    "select p, unnest([1, 2]) as u from a": "its query makes rows in a way of which nothing is known",
    "select p + 1 as p, x from a": "its column p is not the partition column of an input as it was read",
    "select p, sum(x) as x from a group by rollup (p)": "it groups without the partition column",
    "select p, k, sum(x) as x from a group by grouping sets ((p), (k))": "it groups without the partition column",
    "select n from s.names": "its query reads no input by partition",
    "select * from a natural join b": "it joins in a way of which nothing is known (NATURAL)",
}


@pytest.mark.parametrize("query", LOCAL_QUERIES)
def test_a_query_that_keeps_to_the_partition_column_is_proven_and_gives_the_same_rows(query: str) -> None:
    assert why_query_not_local(query, INPUTS, {"a": "p", "b": "p"}, "p") == ""
    for seed in range(5):
        random = Random(f"{query}/{seed}")
        data = tables(random)
        together = run_query(query, data, {}, "q")
        for day in range(4):
            own = {name: frame.filter(p=date(day)) if "p" in frame.columns else frame for name, frame in data.items()}
            alone = run_query(query, own, {}, "q")
            assert sorted(map(repr, alone.rows())) == sorted(map(repr, together.filter(p=date(day)).rows()))


@pytest.mark.parametrize("query", OTHER_QUERIES)
def test_a_query_that_mixes_rows_of_partitions_says_how(query: str) -> None:
    assert why_query_not_local(query, INPUTS, {"a": "p", "b": "p"}, "p") == OTHER_QUERIES[query]


def date(day: int) -> dt.date:
    """A day of a few."""
    return dt.date(2024, 1, 1 + day)


def tables(random: Random) -> dict[str, pl.DataFrame]:
    """Some rows for every input of the queries."""

    def rows(number: str) -> pl.DataFrame:
        made = [(date(random.randint(0, 2)), random.randint(0, 4), random.choice("abc")) for _ in range(14)]
        return pl.DataFrame(made, schema={"p": pl.Date, number: pl.Int64, "k": pl.String}, orient="row")

    names = pl.DataFrame({"k": ["a", "b", "b", "d"], "n": ["one", "two", "three", "four"]})
    return {"a": rows("x"), "b": rows("y"), "s.names": names}


DAYS = Daily("2024-01-01", "2024-03-01")


def locality(
    *,
    up: Partitions | None = DAYS,
    by: str | None = "p",
    dtype: str = "Date",
    bound: Input | None = None,
    **options: Any,
) -> str:
    """Why an asset that passes its one input on is not proven."""
    raw = Source("raw", ("raw.csv",), "csv", partitions=up, partition_by=by)
    given: dict[str, Any] = {"partitions": DAYS, "returns": Form.LAZY, "function": lambda raw: raw, **options}
    asset: Asset[..., Any] = Asset(
        "a",
        parameters=(Parameter("raw", Form.LAZY),),
        inputs={"raw": bound or Input("raw")},
        partition_by="p",
        **given,
    )
    graph = build([raw, asset], lambda _: ())
    return locality_of(graph, "a", [(graph.inputs["a"][0], (("p", dtype), ("x", "Int64")))], None).why


def test_an_input_that_is_partitioned_alike_is_read_by_slot() -> None:
    assert locality() == ""
    assert locality(dtype="Int64") == ""
    assert locality(dtype="Datetime(time_unit='us', time_zone='UTC')") == ""


def test_days_lie_within_months_of_one_calendar() -> None:
    assert locality(partitions=Monthly("2024-01", "2024-03")) == ""
    assert locality(partitions=Weekly("2024-01-01", "2024-02-26")) == ""
    elsewhere = Monthly("2024-01", "2024-03", timezone="Asia/Tokyo")
    assert locality(partitions=elsewhere) == "it does not read raw partition by partition"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"by": None}, "it reads raw, which has no partition_by to tell its rows apart"),
        ({"dtype": "String"}, "it reads raw, whose partition column p is String: cast it to a date or datetime before"),
        ({"up": Monthly("2024-01", "2024-03")}, "it does not read raw partition by partition"),
        ({"bound": Input("raw", all_partitions())}, "it reads no input by partition"),
        ({"up": None, "by": None}, "it reads no input by partition"),
        ({"returns": Form.FRAME}, "it is eager code, which cannot be read"),
        ({"function": lambda raw: raw.collect().lazy()}, "it cannot be read without data"),
    ],
)
def test_what_is_not_read_by_slot_or_cannot_be_read_says_so(options: dict[str, Any], why: str) -> None:
    assert locality(**options).startswith(why)


def test_names_are_told_by_text() -> None:
    regions = Static(["EU", "US"])
    assert locality(up=regions, partitions=regions, dtype="String") == ""
