"""Selectors, positions and wildcards: what they match depends on the inputs' columns, and so does the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desk import Desk

BEFORE = 'raw.select("id", w=pl.col("a") * 2, v=pl.col("a") * 1.5)'
AFTER = {
    "another type": 'raw.select("id", w=pl.col("a") * 2, v=(pl.col("a") * 1.5).cast(pl.String))',
    "another order": 'raw.select("id", v=pl.col("a") * 1.5, w=pl.col("a") * 2)',
    "one more in front": 'raw.select(new=pl.col("a") * 100, id="id", w=pl.col("a") * 2, v=pl.col("a") * 1.5)',
    "one more behind": 'raw.select("id", w=pl.col("a") * 2, v=pl.col("a") * 1.5, new=pl.col("a") * 100)',
}
READERS = {
    "python": "x.select('id', o=pl.fold(pl.lit(0.0), lambda a, b: a * 2 + b, cs.numeric()))",
    "numeric": 'x.select("id", total=pl.sum_horizontal(cs.numeric().exclude("id")))',
    "no text": 'x.select("id", most=pl.max_horizontal(~cs.string()))',
    "listed": "x.select(listed=pl.concat_list(cs.numeric().cast(pl.Float64)))",
    "of a type": "x.select(pl.col(pl.Int64, pl.Float64).sum())",
    "last": 'x.select(pl.last().cast(pl.String).alias("o"))',
    "nth": 'x.select(pl.nth(1).cast(pl.String).alias("o"))',
    "by index": 'x.select(cs.by_index(1).cast(pl.String).name.prefix("p_"))',
    "sums": "x.sum()",
    "pattern": 'x.select(pl.concat_str(pl.col("^.$").cast(pl.String)).alias("o"))',
    "unique": "x.unique(subset=cs.numeric(), keep='first', maintain_order=True).select(pl.len())",
    "pinned": "x.select('id', most=pl.max_horizontal(~cs.string()))",
    "unpivot": 'x.unpivot(cs.numeric(), index="id").group_by("variable").len()',
}
DEFINITIONS = """
import polars.selectors as cs
raw = source("raw", files="raw.csv")

@asset(key="x", inputs={"raw": raw})
def x(raw: pl.LazyFrame) -> pl.LazyFrame:
    return BEFORE
"""
READER = """
@asset(key="NAME")
def NAME(x: pl.LazyFrame) -> pl.LazyFrame:
    return BODY
"""


def project(root: Path, before: str) -> Desk:
    desk = Desk(root)
    desk.write("raw.csv", "id,a\n1,10\n2,20\n3,10\n")
    pinned = '@asset(key="pinned")', '@asset(key="pinned", version="1")'
    readers = (READER.replace("NAME", name.replace(" ", "_")).replace("BODY", body) for name, body in READERS.items())
    desk.define(DEFINITIONS.replace("BEFORE", before) + "".join(readers).replace(*pinned))
    return desk


def content(desk: Desk) -> dict[str, object]:
    with desk.project as loaded:
        frames = {name: loaded.scan(name.replace(" ", "_")).collect() for name in READERS}
    return {
        name: (frame.schema, frame.sort(frame.columns).to_dicts() if frame.width else [])
        for name, frame in frames.items()
    }


@pytest.mark.parametrize("change", AFTER)
def test_a_change_of_columns_gives_what_a_project_from_scratch_gives(tmp_path: Path, change: str) -> None:
    desk = project(tmp_path / "goes on", BEFORE)
    assert desk.materialize().ok
    desk.edit("definitions.py", BEFORE, AFTER[change])
    assert desk.materialize().ok
    assert desk.plan().steps == ()
    scratch = project(tmp_path / "scratch", AFTER[change])
    assert scratch.materialize().ok

    assert content(desk) == content(scratch)


def test_a_column_that_no_selector_matches_makes_nothing_stale(tmp_path: Path) -> None:
    desk = project(tmp_path, BEFORE)
    desk.materialize()
    desk.edit("definitions.py", BEFORE, BEFORE[:-1] + ', note=pl.lit("n"))')
    computed = set(desk.ran(desk.materialize()))

    assert computed & {"numeric", "listed", "of_a_type", "nth", "by_index", "pattern", "unique", "unpivot"} == set()
    assert {"x", "sums", "last"} <= computed


PASSING_ON = {
    "rename": 'x.rename({"w": "q"}).select("id", "q")',
    "drop": 'x.drop("v").select("id", "w")',
    "shift": 'x.shift(1).select("id", "w")',
    "reverse": 'x.reverse().select("id", "w")',
    "fill": 'x.fill_null(strategy="forward").select("id", "w")',
    "zero": 'x.fill_null(0).select("id", "w")',
    "diagonal": 'pl.concat([x.select("id"), x], how="diagonal").select("id", "w")',
    "joined": 'x.rename({"w": "q"}).join(x, on="id").select("id", "q", "w")',
    "grouped": 'x.drop("v").group_by("id").agg(pl.all().max()).select("id", "w")',
    "first": 'x.rename({"w": "q"}).unique(subset="id", keep="first", maintain_order=True).select("id", "q")',
    "counted": 'x.with_row_index("n").select("n", "w")',
}


@pytest.mark.parametrize("column", ['note=pl.lit("n")', "more=pl.lit(1)"])
def test_a_column_that_is_only_passed_on_makes_nothing_stale(tmp_path: Path, column: str) -> None:
    desk = Desk(tmp_path)
    desk.write("raw.csv", "id,a\n1,10\n2,20\n")
    readers = "".join(READER.replace("NAME", name).replace("BODY", body) for name, body in PASSING_ON.items())
    desk.define(DEFINITIONS.replace("BEFORE", BEFORE) + readers)
    assert desk.materialize().ok
    desk.edit("definitions.py", BEFORE, f"{BEFORE[:-1]}, {column})")

    assert desk.ran(desk.materialize()) == ["x"]


def test_what_selectors_match_is_digested_alike_in_every_process() -> None:
    program = (
        "import polars as pl, polars.selectors as cs\n"
        "from lineage.columns.plan import read_plan\n"
        "from lineage.columns.placeholder import placeholder\n"
        "x = placeholder('x', {f'c{n}': pl.Int64 for n in range(20)} | {f's{n}': pl.String for n in range(9)})\n"
        "print(read_plan(x.cast({cs.integer(): pl.Float64, cs.string(): pl.Categorical}).fill_null(0), "
        "{'x': dict(x.collect_schema())}).digest)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(4)
    }  # fmt: skip
    assert len(said) == 1
    assert "None" not in said


QUERIES = {
    "star": "select * from x",
    "union": "select * from x union all select * from x",
    "whole": "select id, to_json(x) as j from x",
    "hashed": "select id, hash(x) as h from x",
    "columns": "select id, columns('^.$') from x",
    "listed": "select [*columns(* exclude (id))] as l from x",
    "unpivoted": "select id, name, value from (unpivot (from x) on columns(* exclude (id)) into name name value value)",
    "positional": "select id from (from x as t(p, q, r)) as u(id, q, r) where q > 0",
}


@pytest.mark.parametrize("change", ["another order", "one more in front", "one more behind"])
def test_a_query_of_all_columns_gives_what_a_project_from_scratch_gives(tmp_path: Path, change: str) -> None:
    found = []
    for name, first in (("goes on", BEFORE), ("scratch", AFTER[change])):
        desk = Desk(tmp_path / name)
        desk.write("raw.csv", "id,a\n1,10\n2,20\n")
        queries = "".join(f"\nsql_asset({key!r}, {sql!r})" for key, sql in QUERIES.items())
        desk.define(DEFINITIONS.replace("BEFORE", first) + queries)
        desk.materialize()
        if first == BEFORE:
            desk.edit("definitions.py", BEFORE, AFTER[change])
            desk.materialize()
        failed = {one.slot.asset for one in desk.materialize().steps if one.state == "failed"}
        with desk.project as loaded:
            frames = {key: loaded.scan(key).collect() for key in QUERIES.keys() - failed}
        found.append((failed, {key: (one.schema, one.sort(one.columns).to_dicts()) for key, one in frames.items()}))
        desk.close()
    assert found[0] == found[1]


def test_a_query_whose_star_stands_for_other_columns_says_so(desk: Desk) -> None:
    desk.write("raw.csv", "id,a\n1,10\n")
    desk.define('source("raw", files="raw.csv")\nsql_asset("all", "select * from raw")\n')
    desk.materialize()
    desk.write("raw.csv", "id,a,b\n1,10,3\n")
    said = desk.messages(desk.plan())["all"]
    assert "its query is the same, but what it says of columns, as by *, stands for others now" in said
