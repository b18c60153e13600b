"""Recipes as an operator meets them: what a new release, another process, volatile results and order do to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage import derive
from lineage.columns import plan
from tests.desk import Desk

WIDE = """
@asset(key="wide")
def wide() -> pl.DataFrame:
    return pl.DataFrame({{"id": [1, 2], "read": [1, {read}], "unread": [1, {unread}]}})

@asset(key="narrow")
def narrow(wide: pl.LazyFrame) -> pl.LazyFrame:
    return wide.select("id", "read")
"""


def claims_everything(monkeypatch: pytest.MonkeyPatch, name: str = "of an earlier release") -> None:
    """Lets the extractor claim every column of every input."""
    original = plan.read_serialized

    def read(frame: Any, inputs: Any, **options: Any) -> Any:
        reading = original(frame, inputs, **options)
        return replace(reading, read_sets={name: tuple(schema) for name, schema in inputs.items()})

    monkeypatch.setattr(plan, "read_serialized", read)
    monkeypatch.setattr(derive, "extractor", lambda: name)


def test_a_better_extractor_makes_nothing_stale_and_is_believed_from_then_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        claims_everything(earlier)
        desk.define(WIDE.format(read=2, unread=2))
        assert desk.materialize().ok
        assert not desk.plan().steps
    assert not desk.plan().steps

    desk.define(WIDE.format(read=2, unread=3))
    assert desk.ran(desk.materialize()) == ["wide"]
    assert not desk.plan().steps

    desk.define(WIDE.format(read=3, unread=3))
    assert desk.ran(desk.materialize()) == ["wide", "narrow"]


def test_an_extractor_that_reads_more_makes_nothing_stale_but_sees_the_further_columns_change(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.define(WIDE.format(read=2, unread=2))
    assert desk.materialize().ok
    claims_everything(monkeypatch, "of a later release")
    assert not desk.plan().steps

    desk.define(WIDE.format(read=2, unread=3))
    assert desk.reasons(desk.plan()) == {"wide": ["code_changed"], "narrow": ["upstream_stale"]}
    assert desk.ran(desk.materialize()) == ["wide", "narrow"]


def test_the_text_of_each_code_version_is_kept_once(desk: Desk) -> None:
    text = """
    @asset(key="a", partitions=Daily("2013-01-01", "2013-02-01"))
    def a() -> pl.DataFrame:
        return pl.DataFrame({{"n": [{n}]}})
    """
    for n in (1, 2, 1):
        desk.define(text.format(n=n))
        assert desk.materialize(force=True).ok
    with desk.project.catalog.reading() as connection:
        made, kept = connection.execute("select count(*), count(distinct source) from materialization").fetchone()
        bodies = connection.execute(
            "select count(*), count(distinct body) from content where number in (select source from materialization)"
        ).fetchone()

    assert (made, kept) == (93, 2)
    assert tuple(bodies) == (2, 2)


def test_what_lies_below_a_volatile_asset_is_cut_off_by_content(desk: Desk) -> None:
    desk.write("now.txt", "1")
    desk.define("""
    import pathlib

    @asset(key="clock", volatile=True)
    def clock() -> pl.DataFrame:
        return pl.DataFrame({"n": [int((pathlib.Path(__file__).parent / "now.txt").read_text())]})

    @asset(key="below")
    def below(clock: pl.LazyFrame) -> pl.LazyFrame:
        return clock.select(pl.col("n") + 1)
    """)
    assert desk.materialize().ok
    assert desk.reasons(desk.plan()) == {"clock": ["volatile"], "below": ["upstream_stale"]}
    assert desk.materialize().counts == {"succeeded": 1, "skipped": 1}

    desk.write("now.txt", "2")
    assert desk.materialize().counts == {"succeeded": 2}
    assert desk.rows("below") == [{"n": 3}]


def test_rows_taken_by_their_order_from_an_input_without_one_are_reported_and_read_the_order(hw, desk: Desk) -> None:
    desk.define("""
    @asset(key="a", schema={"k": pl.Int64, "v": pl.Int64})
    def a() -> pl.DataFrame:
        return pl.DataFrame({"k": [1, 1, 2], "v": [1, 2, 3]})

    @asset(key="first")
    def first(a: pl.LazyFrame) -> pl.LazyFrame:
        return a.group_by("k").head(3)
    """)
    assert desk.materialize().ok
    warnings = [str(one) for one in desk.project.validate(rebuild=False).warnings]

    assert any("first" in one and "order" in one for one in warnings), warnings
    made = desk.project.catalog.published("dev")
    (recipe,) = [one.recipe for slot, one in made.items() if slot.asset == "first"]
    assert recipe is not None
    assert "#" in recipe.inputs[0].read_set


SET = """
WANTED = {{"a", "b", "c", "d", "e", "f", "g"}}

@asset(key="a", schema={{"k": pl.String}})
def a() -> pl.DataFrame:
    return pl.DataFrame({{"k": ["a", "z"]}})

@asset(key="kept")
def kept(a: pl.{form}) -> pl.{form}:
    return a.filter(pl.col("k").is_in({wanted}))
"""


def counts_under_seeds(desk: Desk) -> list[int]:
    """How many steps each of three processes carries out, one after the other, each with a hash seed of its own."""
    counts = []
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [Path(sys.executable).with_name("headwater"), "-C", desk.root, "--json", "materialize"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        counts.append(sum(json.loads(done.stdout)["counts"].values()))
    return counts


@pytest.mark.parametrize(("form", "wanted"), [("DataFrame", "WANTED"), ("LazyFrame", "sorted(WANTED)")])
def test_a_set_in_the_code_is_the_same_under_another_hash_seed(desk: Desk, form: str, wanted: str) -> None:
    desk.define(SET.format(form=form, wanted=wanted))
    assert counts_under_seeds(desk) == [2, 0, 0]


def test_a_plan_that_holds_a_set_in_the_order_of_its_hashes_is_told_from_changed_code(desk: Desk) -> None:
    desk.define(SET.format(form="LazyFrame", wanted="WANTED"))
    assert sum(counts_under_seeds(desk)) > 2
    message = desk.messages(desk.plan()).get("kept", "")

    assert not message or "comes out otherwise although its source is the same" in message
    assert any("another plan" in str(one) for one in desk.project.validate().warnings)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('eval("lambda number: number + 1")', 'eval("lambda number: number + 2")'),
        ("functools.partial(pow, 2)", "functools.partial(pow, 3)"),
        ("math.sqrt", "math.cos"),
        ("abs", "float"),
    ],
    ids=["lambda without a file", "partial of a built-in", "C extension", "built-in"],
)
def test_a_helper_without_readable_source_is_versioned_and_its_change_is_seen(
    hw, desk: Desk, before: str, after: str
) -> None:
    text = """
    import functools, math
    helper = {made}

    @asset(key="a")
    def a() -> pl.DataFrame:
        return pl.DataFrame({{"n": [helper(1)]}})
    """
    desk.define(text.format(made=before))
    assert desk.materialize().ok
    assert not desk.plan().steps
    desk.close()
    if before.startswith("eval"):
        assert "cannot be read" in hw("show", "a", "--code", at=desk.root).out

    desk.define(text.format(made=after))
    assert desk.reasons(desk.plan()) == {"a": ["code_changed"]}


ORDERED_READERS = """
source("raw", files="raw.csv", schema={"id": pl.Int64, "x": pl.Int64})

@asset(key="base")
def base(raw: pl.DataFrame) -> pl.DataFrame:
    return raw

@asset(key="eager", ordered=True)
def eager(base: pl.DataFrame) -> pl.DataFrame:
    return base.select("id")

@asset(key="eager_of_a_relation")
def eager_of_a_relation(base: pl.DataFrame) -> pl.DataFrame:
    return base.select("id")

@asset(key="lazy", ordered=True)
def lazy(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.select("id")

sql_asset("query", "select id from base", ordered=True)
sql_asset("query_of_a_relation", "select id from base")
"""


def test_whose_order_is_content_is_made_again_when_the_order_of_its_input_changes(desk: Desk) -> None:
    desk.define(ORDERED_READERS)
    desk.write("raw.csv", "id,x\n1,10\n2,20\n3,30\n")
    assert desk.materialize().ok
    desk.write("raw.csv", "id,x\n3,30\n1,10\n2,20\n")
    again = desk.materialize()
    made = {one.slot.asset for one in again.steps if one.state == "succeeded"}
    assert made == {"base", "eager", "lazy", "query"}
    for key in ("eager", "lazy", "query"):
        assert desk.project.scan(key).collect()["id"].to_list() == [3, 1, 2], key
    assert not desk.plan().steps
