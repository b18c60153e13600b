"""What of the syntax of functions and classes enters a source digest, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lineage.code_project import Project, changes, code_project, reading


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with code_project(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    "after",
    [
        "def f(a):\n    # a comment\n    return a * 2\n",
        'def f(a):\n    """A docstring."""\n    return a * 2\n',
        "def f( a ) :\n    return (a\n            * 2)\n",
        "\n\n\ndef f(a):\n    return a * 2\n",
        "def f(a: int) -> int:\n    return a * 2\n",
        "import os\ndef other(): return os.environ['PATH']\ndef f(a):\n    return a * 2\n",
    ],
    ids=["comment", "docstring", "layout", "place", "annotations", "unrelated code"],
)
def test_what_has_no_effect_does_not_count(project: Project, after: str) -> None:
    before = reading(project, pipeline="def f(a):\n    return a * 2\n")
    assert reading(project, pipeline=after).digest == before.digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a):\n    x: int = 1\n    return x\n", "def f(a):\n    x = 1\n    return x\n"),
        (
            "def f(a):\n    def g(b: int) -> int:\n        return b\n    return g(a)\n",
            "def f(a):\n    def g(b):\n        return b\n    return g(a)\n",
        ),
    ],
)
def test_annotations_inside_a_function_do_not_count(project: Project, before: str, after: str) -> None:
    assert reading(project, pipeline=before).digest == reading(project, pipeline=after).digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a):\n    return a * 2\n", "def f(a):\n    return a * 3\n"),
        ("def f(a):\n    return a * 2\n", "def f(a):\n    return a * 2.0\n"),
        ("def f(a):\n    return 1\n", "def f(a):\n    return True\n"),
        ("def f(a):\n    return None\n", "def f(a):\n    return\n"),
        ("def f(a):\n    return 0.0\n", "def f(a):\n    return -0.0\n"),
        ("def f(a):\n    return 'x'\n", "def f(a):\n    return b'x'\n"),
        ("def f(a, b):\n    return a\n", "def f(b, a):\n    return a\n"),
        ("def f(a):\n    yield a\n", "def f(a):\n    return a\n"),
        ("f = lambda a: a + 1\n", "f = lambda a: a + 2\n"),
    ],
)
def test_a_changed_body_counts(project: Project, before: str, after: str) -> None:
    assert reading(project, pipeline=before).digest != reading(project, pipeline=after).digest


@pytest.mark.parametrize(
    "module",
    [
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    limit: int = 1\n",
        "from pydantic import BaseModel\nclass P(BaseModel):\n    limit: int = 1\n",
        "from enum import Enum\nclass P(Enum):\n    limit = 1\n",
        "from typing import NamedTuple\nclass P(NamedTuple):\n    limit: int = 1\n",
    ],
    ids=["dataclass", "pydantic", "enum", "namedtuple"],
)
def test_a_class_counts_with_its_fields(project: Project, module: str) -> None:
    text = module + "def f(a):\n    return P\n"
    before = reading(project, pipeline=text)
    assert not before.notes
    assert reading(project, pipeline=text.replace("limit", "bound")).digest != before.digest
    assert reading(project, pipeline=text.replace("= 1", "= 2")).digest != before.digest


def test_annotations_of_a_class_body_count(project: Project) -> None:
    text = "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\ndef f(a):\n    return P(a)\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("a: int", "a: str")})
    assert found == ("class P in pipeline.py changed",)


def test_arguments_of_a_class_decorator_count(project: Project) -> None:
    text = (
        "from dataclasses import dataclass\n@dataclass(order=False)\nclass P:\n    a: int\ndef f(a):\n    return P(a)\n"
    )
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("False", "True")})


def test_a_docstring_of_a_class_does_not_count(project: Project) -> None:
    text = "class P:\n    '''One.'''\n    a = 1\ndef f(a):\n    return P\n"
    assert not changes(project, {"pipeline": text}, {"pipeline": text.replace("One", "Two")})


def test_lambdas_of_one_line_are_not_mistaken_for_each_other(project: Project) -> None:
    text = "g, f = (lambda a: a + 1), (lambda a: a + 2)\n"
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a + 2", "a + 3")})


def test_a_class_passed_as_configuration_counts_with_its_methods(project: Project) -> None:
    text = """
        from pydantic import BaseModel
        class Rules(BaseModel):
            limit: int = 1
            def twice(self):
                return self.limit * 2
        def f(a, rules: Rules):
            return rules.twice()
    """
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("* 2", "* 3")})
    assert found == ("code of twice in pipeline.py changed",)


def test_a_table_of_lambdas_counts(project: Project) -> None:
    text = "TABLE = {\n    'a': lambda x: x + 1,\n    'b': lambda x: x + 2,\n}\ndef f(a):\n    return TABLE['b'](a)\n"
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("x + 2", "x + 3")})
