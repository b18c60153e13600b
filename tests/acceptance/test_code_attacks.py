"""Ways in which code can change what it computes without looking changed, and the other way round."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.desk import Desk

BASE = """
@asset(key="a")
def a() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2, 3], "v": [10, 20, 30]})

@asset(key="b")
def b() -> pl.DataFrame:
    return pl.DataFrame({"id": [4, 5, 6], "v": [40, 50, 60]})
"""
FORMS = pytest.mark.parametrize("form", ["LazyFrame", "DataFrame"])


def stale(desk: Desk) -> list[str]:
    """The slots that a plan holds now."""
    return [str(step.slot) for step in desk.plan().steps]


@FORMS
def test_an_environment_variable_used_as_a_constant(desk: Desk, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TEST_FACTOR", "2")
    desk.define(
        BASE
        + f"""
import os

@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    return a.with_columns(v=pl.col("v") * int(os.environ["HEADWATER_TEST_FACTOR"]))
"""
    )
    desk.materialize()
    assert stale(desk) == []
    monkeypatch.setenv("HEADWATER_TEST_FACTOR", "3")
    assert stale(desk) == ["c"]


@FORMS
def test_a_global_read_from_a_json_file(desk: Desk, form: str) -> None:
    desk.write("factors.json", '{"factor": 2}')
    desk.define(
        BASE
        + f"""
import json
from pathlib import Path

FACTORS = json.loads(Path(__file__).with_name("factors.json").read_text())

@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    return a.with_columns(v=pl.col("v") * FACTORS["factor"])
"""
    )
    desk.materialize()
    desk.write("factors.json", '{"factor": 3}')
    assert stale(desk) == ["c"]


@FORMS
def test_a_registry_filled_by_decorators(desk: Desk, form: str) -> None:
    text = (
        BASE
        + f"""
STEPS = []

def step(function):
    STEPS.append(function)
    return function

@step
def double(frame):
    return frame.with_columns(v=pl.col("v") * 2)

@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    for one in STEPS:
        a = one(a)
    return a
"""
    )
    desk.define(text)
    desk.materialize()
    desk.define(text.replace('pl.col("v") * 2', 'pl.col("v") * 5'))
    assert stale(desk) == ["c"]


@FORMS
def test_an_instance_changed_after_it_was_made(desk: Desk, form: str) -> None:
    text = (
        BASE
        + f"""
class Settings:
    def __init__(self):
        self.factor = 1

SETTINGS = Settings()
SETTINGS.factor = 2

@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    return a.with_columns(v=pl.col("v") * SETTINGS.factor)
"""
    )
    desk.define(text)
    desk.materialize()
    desk.define(text.replace("SETTINGS.factor = 2", "SETTINGS.factor = 3"))
    assert stale(desk) == ["c"]


@FORMS
def test_two_inputs_of_one_schema_swapped(desk: Desk, form: str) -> None:
    text = (
        BASE
        + f"""
@asset(key="c", inputs={{"x": "a", "y": "b"}})
def c(x: pl.{form}, y: pl.{form}) -> pl.{form}:
    return x
"""
    )
    desk.define(text)
    desk.materialize()
    desk.define(text.replace('"x": "a", "y": "b"', '"x": "b", "y": "a"'))
    assert stale(desk) == ["c"]
    desk.define(text.replace("return x", "return y"))
    assert stale(desk) == ["c"]


def test_collecting_an_input_and_branching_on_the_data(desk: Desk) -> None:
    desk.define(
        BASE.replace('@asset(key="a")', '@asset(key="a", schema={"id": pl.Int64, "v": pl.Int64})')
        + """
@asset(key="c")
def c(a: pl.LazyFrame) -> pl.LazyFrame:
    highest = a.select(pl.col("v").max()).collect().item()
    return a.select("id") if highest > 25 else a.select("id").head(0)
"""
    )
    assert any("collects its input" in warning for warning in desk.project.validate().warnings)
    desk.materialize()
    assert len(desk.rows("c")) == 3
    desk.edit("definitions.py", "[10, 20, 30]", "[10, 20, 21]")
    desk.materialize()
    assert desk.rows("c") == []


def test_branching_on_the_schema(desk: Desk) -> None:
    desk.define(
        BASE
        + """
@asset(key="c")
def c(a: pl.LazyFrame) -> pl.LazyFrame:
    factor = 2 if "extra" in a.collect_schema().names() else 1
    return a.select("id", v=pl.col("v") * factor)
"""
    )
    desk.materialize()
    desk.edit("definitions.py", '"v": [10, 20, 30]', '"v": [10, 20, 30], "extra": [0, 0, 0]')
    desk.materialize()
    assert [row["v"] for row in desk.rows("c")] == [20, 40, 60]


def test_branching_on_the_partition(desk: Desk) -> None:
    text = (
        BASE
        + """
from headwater import Context

@asset(key="c", partitions=Daily("2024-01-01", "2024-01-03"))
def c(a: pl.LazyFrame, context: Context) -> pl.LazyFrame:
    return a.with_columns(v=pl.lit(1 if context.partition.key == "2024-01-01" else 2))
"""
    )
    desk.define(text)
    desk.materialize()
    assert {row["v"] for row in desk.rows("c", "2024-01-02")} == {2}
    desk.define(text.replace("else 2", "else 3"))
    assert stale(desk) == ["c@2024-01-01", "c@2024-01-02"]
    desk.materialize()
    assert {row["v"] for row in desk.rows("c", "2024-01-02")} == {3}


@FORMS
def test_a_file_read_that_nobody_declared(desk: Desk, form: str) -> None:
    desk.write("factors.csv", "id,f\n1,2\n")
    extra = f'pl.read_csv("{desk.root}/factors.csv")' + (".lazy()" if form == "LazyFrame" else "")
    desk.define(
        BASE
        + f"""
@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    return a.join({extra}, on="id")
"""
    )
    desk.materialize()
    desk.write("factors.csv", "id,f\n1,3\n")
    assert stale(desk) == ["c"]


@FORMS
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("factor=2", "factor=3"),
        ("OFFSET = 1", "OFFSET = 4"),
        ("lambda v: round(v + 0.5, 1)", "lambda v: round(v + 0.7, 1)"),
        ("make(5)", "make(6)"),
        ("limit: 7", "limit: 8"),
    ],
    ids=["default", "global", "function inside the plan", "closure", "class-body annotation"],
)
def test_what_a_function_holds_on_to(desk: Desk, form: str, before: str, after: str) -> None:
    text = (
        BASE
        + f"""
OFFSET = 1

class Shape:
    limit: 7

def make(n):
    def scale(frame):
        return frame.with_columns(w=pl.col("v") * n)
    return scale

scaled = make(5)

def body(frame, factor=2):
    limit = Shape.__annotations__["limit"]
    return scaled(frame).with_columns(
        v=pl.col("v") * factor + OFFSET + limit,
        u=pl.col("v").map_elements(lambda v: round(v + 0.5, 1), return_dtype=pl.Float64),
    )

@asset(key="c")
def c(a: pl.{form}) -> pl.{form}:
    return body(a)
"""
    )
    desk.define(text)
    assert desk.materialize().ok
    assert stale(desk) == []
    assert before in text
    desk.define(text.replace(before, after))
    assert stale(desk) == ["c"]


def test_a_file_edited_after_it_was_imported(desk: Desk) -> None:
    desk.define(
        BASE
        + """
@asset(key="c")
def c(a: pl.DataFrame) -> pl.DataFrame:
    return a.with_columns(v=pl.col("v") * 2)
"""
    )
    project = desk.project
    desk.edit("definitions.py", "* 2", "* 3")
    project.materialize()
    assert [row["v"] for row in project.scan("c").collect().to_dicts()] == [20, 40, 60]
    assert stale(desk) == ["c"]


@FORMS
def test_a_moved_checkout_makes_nothing_stale(desk: Desk, form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk.write("rows.csv", "id\n1\n2\n")
    desk.write("helpers.py", "def same(frame):\n    return frame\n")
    desk.define(
        BASE
        + f"""
import helpers
rows = source("raw/rows", files="rows.csv")

@asset(key="c")
def c(a: pl.{form}, rows: pl.{form}) -> pl.{form}:
    return helpers.same(a.join(rows, on="id").with_columns(w=pl.col("v").map_elements(hash, return_dtype=pl.Int64)))
"""
    )
    desk.materialize()
    desk.close()
    moved = Path(tmp_path_factory.mktemp("elsewhere")) / "deeper"
    shutil.copytree(desk.root, moved)
    other = Desk(moved)
    try:
        assert stale(other) == []
    finally:
        other.close()


def test_a_pinned_version_counts_alone(desk: Desk) -> None:
    desk.define(
        BASE
        + """
@asset(key="c", version="1")
def c(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.with_columns(v=pl.col("v") * 2)
"""
    )
    desk.materialize()
    desk.edit("definitions.py", "* 2", "* 3")
    assert stale(desk) == []
    desk.edit("definitions.py", 'version="1"', 'version="2"')
    assert stale(desk) == ["c"]
    assert desk.messages(desk.plan("c")) == {"c": "code of c changed: version is '2', it was '1'"}
    desk.edit("definitions.py", ', version="2"', "")
    assert desk.messages(desk.plan("c")) == {"c": "code of c changed: version is none, it was '1'"}


def test_a_helper_that_cannot_be_read_gives_a_version_and_no_exception(desk: Desk) -> None:
    desk.define(
        BASE
        + """
made = eval("lambda frame: frame")

@asset(key="c")
def c(a: pl.DataFrame) -> pl.DataFrame:
    return made(a).with_columns(v=pl.lit(len([1, 2])))
"""
    )
    assert desk.materialize().ok
    assert stale(desk) == []
