"""Readings name what entered them and what differs between two of them, and are cheap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.code import SourceReader, changed_parts
from lineage.code_sources import SourceCache
from tests.lineage.code_project import HELPERS, PIPELINE, Project, changes, code_project, reading


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with code_project(tmp_path) as made:
        yield made


def test_a_changed_helper_is_named_with_its_file(project: Project) -> None:
    after = {"helpers": HELPERS.replace("x * 2", "x + x")}
    assert changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, after) == (
        "code of double in helpers.py changed",
    )


def test_a_changed_constant_of_another_module_is_named_with_both_values(project: Project) -> None:
    after = {"helpers": HELPERS.replace("10", "11")}
    found = changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, after)
    assert found == ("value of helpers.LIMIT changed from 10 to 11",)


def test_a_changed_default_is_named(project: Project) -> None:
    text = "N = 1\ndef f(a, *, limit=N):\n    return limit\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("N = 1", "N = 2")})
    assert found == ("default pipeline.f.limit changed from 1 to 2",)


def test_a_changed_closure_cell_is_named(project: Project) -> None:
    text = "def make(limit):\n    def f(a):\n        return limit\n    return f\nf = make(1)\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("make(1)", "make(2)")})
    assert found == ("captured value pipeline.make.<locals>.f.limit changed from 1 to 2",)


def test_two_inputs_that_are_swapped_count(project: Project) -> None:
    project.write(pipeline="def f(a, b):\n    return a\n")
    before, after = project.read(a="x", b="y"), project.read(a="y", b="x")
    assert changed_parts(before, after) == (
        "binding of parameter a changed from x to y",
        "binding of parameter b changed from y to x",
    )


def test_one_reader_serves_many_functions_of_a_factory_apart(project: Project) -> None:
    project.write(
        helpers=HELPERS,
        pipeline="""
        import helpers
        def make(n):
            def f(a):
                return helpers.double(a) + n
            return f
        ALL = [make(n) for n in range(50)]
    """,
    )
    reader = SourceReader(project.root, SourceCache())
    module = project.load()
    assert len({reader.read(function, {}).digest for function in module.ALL}) == 50


def test_the_text_of_everything_read_is_kept(project: Project) -> None:
    found = reading(project, helpers=HELPERS, pipeline=PIPELINE)
    assert "def double(x):" in found.text
    assert "def unused" not in found.text


def test_what_entered_is_listed_with_place(project: Project) -> None:
    found = reading(project, helpers=HELPERS, pipeline=PIPELINE)
    assert found.functions == (("helpers.double", "helpers.py", 4), ("pipeline.f", "pipeline.py", 3))
    assert [(part.kind, part.name, part.shown) for part in found.reached] == [("value", "helpers.LIMIT", "10")]


def test_reading_a_thousand_factory_functions_is_cheap(project: Project) -> None:
    project.write(
        helpers=HELPERS,
        pipeline="""
            import helpers
            def make(n):
                def f(a):
                    return helpers.double(a) + n + helpers.LIMIT
                return f
            ALL = [make(n) for n in range(1000)]
        """,
    )
    functions = project.load().ALL
    reader = SourceReader(project.root, project.cache)
    started = time.process_time()
    digests = {reader.read(function, {"a": "x"}).digest for function in functions}
    assert len(digests) == 1000
    assert time.process_time() - started < 0.6  # 0.07 s here; the bound of the design is 0.15 ms each
