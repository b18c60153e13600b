"""Source digests change with whatever an asset's code reaches, and with nothing else."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lineage.code import SourceReader, SourceReading, changed_parts, source_digest
from lineage.code_sources import SourceCache


class Project:
    """A project folder whose modules are imported anew at every reading, as a new process would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, str] = {}
        self.cache = SourceCache()
        self.modules: set[str] = set()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            self.files[name] = textwrap.dedent(text)
            (self.root / f"{name}.py").write_text(self.files[name])

    def load(self, name: str = "pipeline") -> ModuleType:
        for module in self.modules:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        self.modules |= set(self.files)
        self.cache = SourceCache()
        with self.cache.recording(self.root):
            return importlib.import_module(name)

    def read(self, name: str = "f", **bindings: str) -> SourceReading:
        return self.of(getattr(self.load(), name), **bindings)

    def of(self, function: Any, **bindings: str) -> SourceReading:
        return source_digest(function, project_root=self.root, bindings=bindings, cache=self.cache)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Project(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


def reading(project: Project, **files: str) -> SourceReading:
    project.write(**files)
    return project.read()


def changes(project: Project, before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    return changed_parts(reading(project, **before), reading(project, **after))


HELPERS = """
    import json
    LIMIT = 10
    def double(x):
        return x * 2
    def unused(x):
        return x * 3
"""
PIPELINE = """
    import helpers
    def f(a):
        return helpers.double(a) + helpers.LIMIT
"""


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


def test_a_changed_helper_is_named_with_its_file(project: Project) -> None:
    after = {"helpers": HELPERS.replace("x * 2", "x + x")}
    assert changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, after) == (
        "code of double in helpers.py changed",
    )


def test_a_helper_that_is_not_used_does_not_count(project: Project) -> None:
    assert (
        changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, {"helpers": HELPERS.replace("x * 3", "x")}) == ()
    )


def test_a_changed_constant_of_another_module_is_named_with_both_values(project: Project) -> None:
    after = {"helpers": HELPERS.replace("10", "11")}
    found = changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, after)
    assert found == ("value of helpers.LIMIT changed from 10 to 11",)


@pytest.mark.parametrize(
    "pipeline",
    [
        "from helpers import double as d\ndef f(a):\n    return d(a)\n",
        "import helpers as h\ndef f(a):\n    return h.double(a)\n",
        "def f(a):\n    from helpers import double\n    return double(a)\n",
        "def f(a):\n    import helpers\n    return helpers.double(a)\n",
        "def f(a):\n    import helpers as h\n    return h.double(a)\n",
        "from helpers import double\ndef f(a):\n    return list(map(double, a))\n",
        "from helpers import double\nTABLE = {'double': double}\ndef f(a):\n    return TABLE['double'](a)\n",
        "from helpers import double\nf = lambda a: double(a)\n",
        "import functools, helpers\nf2 = functools.partial(helpers.double, 3)\ndef f(a):\n    return f2()\n",
        "import helpers\ndef f(a):\n    return getattr(helpers, 'dou' + 'ble')(a)\n",
        "import helpers\ndef f(a, use=helpers.double):\n    return use(a)\n",
        "import functools, helpers\n@functools.lru_cache\ndef g(a):\n    return helpers.double(a)\ndef f(a):\n    return g(a)\n",
        "import helpers\nclass C:\n    def go(self, a):\n        return helpers.double(a)\ndef f(a):\n    return C().go(a)\n",
        "import helpers\nclass C:\n    @property\n    def go(self):\n        return helpers.double(1)\ndef f(a):\n    return C().go\n",
        "import helpers\nclass B:\n    def go(self, a):\n        return helpers.double(a)\nclass C(B):\n    pass\ndef f(a):\n    return C().go(a)\n",
        "import helpers\nclass C:\n    def __call__(self, a):\n        return helpers.double(a)\nc = C()\ndef f(a):\n    return c(a)\n",
        "import helpers\ndef make():\n    def g(a):\n        return helpers.double(a)\n    return g\nf = make()\n",
        "import helpers\ndef make(fn):\n    def g(a):\n        return fn(a)\n    return g\nf = make(helpers.double)\n",
        "import helpers\ndef f(a):\n    def g(b):\n        return helpers.double(b)\n    return [g(x) for x in a]\n",
        "import helpers\ndef f(a):\n    return g(a)\ndef g(a):\n    return f(a) if a else helpers.double(a)\n",
    ],
    ids=[
        "from import as", "module alias", "import from inside", "import inside", "import as inside", "passed on", "in a table", "lambda",
        "partial", "getattr of a module", "default", "lru_cache", "method", "property", "base class", "instance", "factory", "closure cell",
        "inner function", "recursion",
    ],
)  # fmt: skip
def test_a_helper_is_found_however_it_is_reached(project: Project, pipeline: str) -> None:
    after = {"helpers": HELPERS.replace("x * 2", "x + x")}
    found = changes(project, {"helpers": HELPERS, "pipeline": pipeline}, after)
    assert "code of double in helpers.py changed" in found


def test_a_decorator_of_the_project_counts_and_what_it_wraps_too(project: Project) -> None:
    pipeline = """
        import functools
        def scaled(by):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(a):
                    return function(a) * by
                return wrapper
            return decorate
        @scaled(by=2)
        def g(a):
            return a + 1
        def f(a):
            return g(a)
    """
    first = reading(project, pipeline=pipeline).digest
    for changed in ("by=3", "a + 2", "* by * by"):
        original = {"by=3": "by=2", "a + 2": "a + 1", "* by * by": "* by"}[changed]
        assert reading(project, pipeline=pipeline.replace(original, changed)).digest != first


def test_an_environment_variable_counts_by_value(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (
        "import os\ndef f(a):\n    return os.environ['HEADWATER_TEST_LIMIT']\n",
        "import os\ndef f(a):\n    return os.environ.get('HEADWATER_TEST_LIMIT', 3)\n",
        "import os\ndef f(a):\n    return os.getenv('HEADWATER_TEST_LIMIT')\n",
        "from os import environ as e\ndef f(a):\n    return e['HEADWATER_TEST_LIMIT']\n",
        "from os import getenv\nNAME = 'HEADWATER_TEST_LIMIT'\ndef f(a):\n    return getenv(NAME)\n",
        "def f(a):\n    import os\n    return os.getenv('HEADWATER_TEST_LIMIT')\n",
        "import os\ndef f(a):\n    return 'HEADWATER_TEST_LIMIT' in os.environ\n",
    ):
        monkeypatch.setenv("HEADWATER_TEST_LIMIT", "1")
        before = reading(project, pipeline=text)
        monkeypatch.setenv("HEADWATER_TEST_LIMIT", "2")
        after = project.of(project.load().f)
        assert changed_parts(before, after) == ("environment variable HEADWATER_TEST_LIMIT changed",), text


def test_an_environment_variable_that_is_a_module_constant_counts(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import os\nLIMIT = int(os.environ['HEADWATER_TEST_LIMIT'])\ndef f(a):\n    return a < LIMIT\n"
    monkeypatch.setenv("HEADWATER_TEST_LIMIT", "1")
    before = reading(project, pipeline=text)
    monkeypatch.setenv("HEADWATER_TEST_LIMIT", "2")
    assert changed_parts(before, project.read()) == ("value of pipeline.LIMIT changed from 1 to 2",)


def test_the_value_of_an_environment_variable_is_not_shown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TEST_LIMIT", "very secret")
    text = "import os\nAPI_TOKEN = 'very secret'\ndef f(a):\n    return os.environ['HEADWATER_TEST_LIMIT'], API_TOKEN\n"
    assert "very secret" not in "".join(part.shown for part in reading(project, pipeline=text).parts)


def test_an_environment_variable_of_a_computed_name_is_noted(project: Project) -> None:
    text = "import os\ndef f(a):\n    return os.environ['A' + a]\n"
    assert any("environment variable" in note for note in reading(project, pipeline=text).notes)


def test_a_global_from_a_json_file_counts(project: Project) -> None:
    text = """
        import json, pathlib
        TABLE = json.loads((pathlib.Path(__file__).parent / "table.json").read_text())
        def f(a):
            return TABLE[a]
    """
    (project.root / "table.json").write_text('{"a": [1, 2]}')
    before = reading(project, pipeline=text)
    (project.root / "table.json").write_text('{"a": [1, 3]}')
    assert len(changed_parts(before, project.read())) == 1


def test_functions_registered_by_a_decorator_count(project: Project) -> None:
    registry = "HANDLERS = {}\ndef register(fn):\n    HANDLERS[fn.__name__] = fn\n    return fn\n"
    text = "from registry import HANDLERS, register\n@register\ndef one(a):\n    return a + 1\ndef f(a):\n    return HANDLERS['one'](a)\n"
    found = changes(project, {"registry": registry, "pipeline": text}, {"pipeline": text.replace("a + 1", "a + 2")})
    assert found == ("code of one in pipeline.py changed",)


def test_a_mutated_instance_counts(project: Project) -> None:
    project.write(
        pipeline="class Settings:\n    def __init__(self):\n        self.limit = 1\nS = Settings()\ndef f(a):\n    return S.limit\n"
    )
    module = project.load()
    before = project.of(module.f)
    module.S.limit = 2
    assert len(changed_parts(before, project.of(module.f))) == 1


def test_a_mutated_class_attribute_counts(project: Project) -> None:
    project.write(pipeline="class Settings:\n    limits = []\ndef f(a):\n    return Settings.limits\n")
    module = project.load()
    before = project.of(module.f)
    module.Settings.limits.append(1)
    assert changed_parts(before, project.of(module.f)) == ("value of pipeline.Settings.limits changed from [] to [1]",)


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


def test_versions_of_distributions_reached_count_but_not_that_of_polars(project: Project) -> None:
    text = "import pydantic, polars as pl, json\ndef f(a):\n    return pl.lit(1), pydantic.VERSION, json.dumps(a)\n"
    found = reading(project, pipeline=text)
    assert [part.name for part in found.reached] == ["pydantic"]


def test_a_name_that_stands_for_another_library_function_counts(project: Project) -> None:
    text = "from math import floor as rounding\ndef f(a):\n    return rounding(a)\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("floor", "ceil")})
    assert found == ("what pipeline.rounding stands for changed",)


def test_a_module_that_is_edited_after_its_import_is_read_as_it_was_imported(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    function = project.load().f
    before = project.of(function)
    (project.root / "pipeline.py").write_text("def f(a):\n    return a * 3\n")
    assert project.of(function).digest == before.digest
    assert project.cache.edited() == [str(project.root / "pipeline.py")]


def test_an_edit_of_equal_length_within_a_second_is_seen(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    assert project.load().f(1) == 2
    status = (project.root / "pipeline.py").stat()
    project.write(pipeline="def f(a):\n    return a * 3\n")
    os.utime(project.root / "pipeline.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert project.load().f(1) == 3


def test_a_function_whose_file_does_not_tell_its_code_is_noted_and_read_from_the_compiled_code(
    project: Project,
) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    function = project.load().f
    (project.root / "pipeline.py").write_text("def f(a):\n    return a * 3\n")
    found = source_digest(function, project_root=project.root, bindings={}, cache=SourceCache())
    assert any("compiled code" in note for note in found.notes)


def test_a_module_imported_without_recording_is_read_from_its_file(project: Project) -> None:
    project.write(pipeline="def f(a):\n    return a * 2\n")
    recorded = project.read()
    plain = source_digest(project.load().f, project_root=project.root, bindings={}, cache=SourceCache())
    assert plain == recorded


@pytest.mark.parametrize("function", [len, print, str.upper, eval("lambda a: a + 1"), dict], ids=str)
def test_code_without_source_gets_a_version_and_no_exception(function: Any, tmp_path: Path) -> None:
    first, second = (source_digest(function, project_root=tmp_path, bindings={}) for _ in range(2))
    assert first.digest == second.digest


def test_lambdas_of_one_line_are_not_mistaken_for_each_other(project: Project) -> None:
    text = "g, f = (lambda a: a + 1), (lambda a: a + 2)\n"
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a + 2", "a + 3")})


def test_a_moved_checkout_and_another_hash_seed_change_nothing(tmp_path: Path) -> None:
    text = """
        import helpers
        WORDS = {"alpha", "beta", "gamma", "delta"}
        class C:
            words = frozenset(WORDS)
        INSTANCE = C()
        INSTANCE.more = WORDS
        def f(a):
            return [w for w in a if w in WORDS or w in {"one", "two", "three"}], helpers.double(a), C, INSTANCE
    """
    script = (
        "import sys, pathlib; root = pathlib.Path(sys.argv[1]); sys.path.insert(0, str(root));"
        "from lineage.code import source_digest; from lineage.code_sources import DEFAULT_CACHE\n"
        "with DEFAULT_CACHE.recording(root):\n    import pipeline\n"
        "found = source_digest(pipeline.f, project_root=root, bindings={'a': 'x'})\n"
        "print(found.digest, [part[:5] for part in map(lambda p: (p.kind, p.name, p.digest, p.file), found.parts)])"
    )
    outputs = set()
    for seed in ("1", "2", "3"):
        root = tmp_path / f"checkout{seed}"
        root.mkdir()
        (root / "pipeline.py").write_text(textwrap.dedent(text))
        (root / "helpers.py").write_text(textwrap.dedent(HELPERS))
        done = subprocess.run(
            [sys.executable, "-c", script, str(root)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_values_that_are_hard_to_capture_give_a_note_or_a_stable_version(project: Project) -> None:
    text = """
        import threading, logging, re, decimal, datetime, pathlib, functools, collections
        LOCK = threading.Lock()
        LOG = logging.getLogger(__name__)
        PATTERN = re.compile("x+")
        LOOP = []
        LOOP.append(LOOP)
        COUNTS = collections.Counter("aab")
        DEFAULTS = collections.defaultdict(list, {"a": [1]})
        def generator():
            yield 1
        GENERATOR = generator()
        def f(a):
            return LOCK, LOG, PATTERN, LOOP, COUNTS, DEFAULTS, GENERATOR
    """
    first, second = reading(project, pipeline=text), project.read()
    assert first.digest == second.digest
    assert [note for note in first.notes if "generator" in note]
    for old, new in (('"x+"', '"y+"'), ('"aab"', '"abb"'), ("[1]", "[2]")):
        assert reading(project, pipeline=text.replace(old, new)).digest != first.digest


def test_polars_objects_count_by_value(project: Project) -> None:
    text = "import polars as pl\nE = pl.col('a') + 1\nD = pl.DataFrame({'a': [1]})\nT = pl.Int8\ndef f(a):\n    return E, D, T\n"
    first = reading(project, pipeline=text)
    assert not first.notes
    for old, new in (("+ 1", "+ 2"), ("[1]", "[2]"), ("Int8", "Int16")):
        assert len(changed_parts(first, reading(project, pipeline=text.replace(old, new)))) == 1


def test_an_asset_called_by_another_is_followed(project: Project) -> None:
    text = "from assets_core.declare import asset\n@asset(key='x', owners=['a'])\ndef g(a):\n    return a + 1\ndef f(a):\n    return g(a)\n"
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a + 1", "a + 2")}) == (
        "code of g in pipeline.py changed",
    )
    assert not changes(project, {"pipeline": text}, {"pipeline": text.replace("owners=['a']", "description='b'")})


def test_one_reader_serves_many_functions_of_a_factory_apart(project: Project) -> None:
    project.write(
        helpers=HELPERS,
        pipeline="import helpers\ndef make(n):\n    def f(a):\n        return helpers.double(a) + n\n    return f\nALL = [make(n) for n in range(50)]\n",
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
