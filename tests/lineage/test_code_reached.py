"""Source digests follow code to helpers, classes and values however they are reached, and to nothing else."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.code import changed_parts
from tests.lineage.code_project import HELPERS, PIPELINE, Project, changes, code_project, reading


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with code_project(tmp_path) as made:
        yield made


WAYS = {
    "from import as": """
        from helpers import double as d
        def f(a):
            return d(a)
    """,
    "module alias": """
        import helpers as h
        def f(a):
            return h.double(a)
    """,
    "import from inside": """
        def f(a):
            from helpers import double
            return double(a)
    """,
    "import inside": """
        def f(a):
            import helpers
            return helpers.double(a)
    """,
    "import as inside": """
        def f(a):
            import helpers as h
            return h.double(a)
    """,
    "passed on": """
        from helpers import double
        def f(a):
            return list(map(double, a))
    """,
    "in a table": """
        from helpers import double
        TABLE = {'double': double}
        def f(a):
            return TABLE['double'](a)
    """,
    "lambda": """
        from helpers import double
        f = lambda a: double(a)
    """,
    "partial": """
        import functools, helpers
        f2 = functools.partial(helpers.double, 3)
        def f(a):
            return f2()
    """,
    "getattr of a module": """
        import helpers
        def f(a):
            return getattr(helpers, 'dou' + 'ble')(a)
    """,
    "default": """
        import helpers
        def f(a, use=helpers.double):
            return use(a)
    """,
    "lru_cache": """
        import functools, helpers
        @functools.lru_cache
        def g(a):
            return helpers.double(a)
        def f(a):
            return g(a)
    """,
    "method": """
        import helpers
        class C:
            def go(self, a):
                return helpers.double(a)
        def f(a):
            return C().go(a)
    """,
    "property": """
        import helpers
        class C:
            @property
            def go(self):
                return helpers.double(1)
        def f(a):
            return C().go
    """,
    "cached property of a property": """
        import functools, helpers
        class C:
            @property
            @functools.cache
            def go(self):
                return helpers.double(1)
        def f(a):
            return C().go
    """,
    "cached call": """
        import functools, helpers
        class C:
            @functools.lru_cache
            def __call__(self, a):
                return helpers.double(a)
        c = C()
        def f(a):
            return c(a)
    """,
    "class of a dotted annotation": """
        from __future__ import annotations
        import types, helpers
        class C:
            def go(self):
                return helpers.double(1)
        space = types.SimpleNamespace(C=C)
        def f(a: space.C):
            return a.go()
    """,
    "expression": """
        import helpers
        import polars as pl
        E = pl.col("x").map_batches(helpers.double, return_dtype=pl.Int64)
        def f(a):
            return a.select(E)
    """,
    "expression in a list": """
        import helpers
        import polars as pl
        E = [pl.col("x").map_batches(helpers.double, return_dtype=pl.Int64)]
        def f(a):
            return a.select(E)
    """,
    "plan": """
        import helpers
        import polars as pl
        P = pl.LazyFrame({"x": [1]}).select(pl.col("x").map_batches(helpers.double, return_dtype=pl.Int64))
        def f(a):
            return P
    """,
    "base class": """
        import helpers
        class B:
            def go(self, a):
                return helpers.double(a)
        class C(B):
            pass
        def f(a):
            return C().go(a)
    """,
    "instance": """
        import helpers
        class C:
            def __call__(self, a):
                return helpers.double(a)
        c = C()
        def f(a):
            return c(a)
    """,
    "factory": """
        import helpers
        def make():
            def g(a):
                return helpers.double(a)
            return g
        f = make()
    """,
    "closure cell": """
        import helpers
        def make(fn):
            def g(a):
                return fn(a)
            return g
        f = make(helpers.double)
    """,
    "inner function": """
        import helpers
        def f(a):
            def g(b):
                return helpers.double(b)
            return [g(x) for x in a]
    """,
    "recursion": """
        import helpers
        def f(a):
            return g(a)
        def g(a):
            return f(a) if a else helpers.double(a)
    """,
}


def test_a_helper_that_is_not_used_does_not_count(project: Project) -> None:
    assert (
        changes(project, {"helpers": HELPERS, "pipeline": PIPELINE}, {"helpers": HELPERS.replace("x * 3", "x")}) == ()
    )


@pytest.mark.parametrize("pipeline", WAYS.values(), ids=WAYS)
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


LIBRARY = """
    import functools
    def plain(function):
        def inner(*given):
            return function(*given)
        return inner
    def then(post, **options):
        def decorate(function):
            @functools.wraps(function)
            def inner(*given):
                return post(function(*given), **options)
            return inner
        return decorate
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [("a + 1", "a + 2"), ("a - 1", "a - 2"), ("'k': 1", "'k': 2"), ("a + 3", "a + 4"), ("int", "str")],
)
def test_what_a_decorator_of_a_library_is_given_counts(project: Project, before: str, after: str) -> None:
    (project.root / "site-packages").mkdir()
    (project.root / "site-packages" / "wrappers.py").write_text(textwrap.dedent(LIBRARY))
    sys.path.insert(0, str(project.root / "site-packages"))
    project.modules.add("wrappers")
    text = """
        import wrappers
        def post(a, options):
            return a + 1
        @wrappers.then(post, options={'k': 1})
        def g(a: int):
            return a - 1
        @wrappers.plain
        def h(a):
            return a + 3
        def f(a):
            return g(h(a))
    """
    try:
        assert changes(project, {"pipeline": text}, {"pipeline": text}) == ()
        assert changes(project, {"pipeline": text}, {"pipeline": text.replace(before, after)})
    finally:
        sys.path.remove(str(project.root / "site-packages"))


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
    text = """
        from registry import HANDLERS, register
        @register
        def one(a):
            return a + 1
        def f(a):
            return HANDLERS['one'](a)
    """
    found = changes(project, {"registry": registry, "pipeline": text}, {"pipeline": text.replace("a + 1", "a + 2")})
    assert found == ("code of one in pipeline.py changed",)


def test_a_mutated_instance_counts(project: Project) -> None:
    project.write(
        pipeline="""
        class Settings:
            def __init__(self):
                self.limit = 1
        S = Settings()
        def f(a):
            return S.limit
    """
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
    text = """
        import polars as pl
        E = pl.col('a') + 1
        D = pl.DataFrame({'a': [1]})
        T = pl.Int8
        def f(a):
            return E, D, T
    """
    first = reading(project, pipeline=text)
    assert not first.notes
    for old, new in (("+ 1", "+ 2"), ("[1]", "[2]"), ("Int8", "Int16")):
        assert len(changed_parts(first, reading(project, pipeline=text.replace(old, new)))) == 1


def test_an_asset_called_by_another_is_followed(project: Project) -> None:
    text = """
        from assets_core.declare import asset
        @asset(key='x', owners=['a'])
        def g(a):
            return a + 1
        def f(a):
            return g(a)
    """
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a + 1", "a + 2")}) == (
        "code of g in pipeline.py changed",
    )
    assert not changes(project, {"pipeline": text}, {"pipeline": text.replace("owners=['a']", "description='b'")})


def test_a_helper_in_a_package_without_init_is_found(project: Project) -> None:
    (project.root / "loose").mkdir()
    helper = project.root / "loose" / "deep.py"
    helper.write_text("def g(a):\n    return a + 1\n")
    project.modules |= {"loose", "loose.deep"}
    before = reading(project, pipeline="import loose.deep\ndef f(a):\n    return loose.deep.g(a)\n")
    helper.write_text("def g(a):\n    return a + 2\n")
    assert changed_parts(before, project.read()) == ("code of g in loose/deep.py changed",)


def test_an_attribute_set_on_a_function_counts(project: Project) -> None:
    text = "def g(a):\n    return g.limit\ng.limit = 1\ndef f(a):\n    return g(a)\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("limit = 1", "limit = 2")})
    assert found == ("value of pipeline.g.limit changed from 1 to 2",)


def test_generic_functions_count_with_what_is_registered(project: Project) -> None:
    text = """
        import functools
        @functools.singledispatch
        def g(a):
            return a
        @g.register
        def _(a: int):
            return a + 1
        def f(a):
            return g(a)
    """
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a + 1", "a + 2")})
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("a: int", "a: str")})


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\ndef f(a):\n    return importlib.import_module('helpers').double(a)\n",
        "import importlib\ndef f(a):\n    return importlib.import_module(name='helpers').double(a)\n",
        "import importlib\nNAME = 'helpers'\ndef f(a):\n    return importlib.import_module(NAME).double(a)\n",
        "import sys, helpers\ndef f(a):\n    return sys.modules['helpers'].double(a)\n",
        "import sys, helpers\ndef f(a):\n    return sys.modules.get('helpers').double(a)\n",
        "import sys\nfrom helpers import double\ndef f(a):\n    return getattr(sys.modules[__name__], 'double')(a)\n",
    ],
    ids=["text", "keyword", "constant", "loaded", "loaded, get", "the module itself"],
)
def test_a_module_got_by_a_constant_name_is_followed_whole(project: Project, text: str) -> None:
    found = changes(project, {"helpers": HELPERS, "pipeline": text}, {"helpers": HELPERS.replace("x * 2", "x + x")})
    assert "code of double in helpers.py changed" in found


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\ndef g(a):\n    return importlib.import_module('.rules', __package__).rate(a)\n",
        "from . import rules\ndef g(a):\n    import kit\n    return getattr(kit, 'rules').rate(a)\n",
    ],
    ids=["imported by a relative name", "part of a package handed on"],
)
def test_a_module_of_a_package_is_followed(project: Project, text: str) -> None:
    package = project.root / "kit"
    package.mkdir()
    (package / "__init__.py").write_text(text)
    (package / "rules.py").write_text("def rate(x):\n    return x * 2\n")
    project.modules |= {"kit", "kit.rules"}
    before = reading(project, pipeline="import kit\ndef f(a):\n    return kit.g(a)\n")
    (package / "rules.py").write_text("def rate(x):\n    return x * 3\n")
    assert changed_parts(before, project.read()) == ("code of rate in kit/rules.py changed", "module kit.rules changed")


@pytest.mark.parametrize(
    "text",
    [
        "import helpers\ndef f(a):\n    return helpers.__dict__['double'](a)\n",
        "import helpers\nNAMES = vars(helpers)\ndef f(a):\n    return NAMES['double'](a)\n",
        "from helpers import double\nNAMES = globals()\ndef f(a):\n    return NAMES['double'](a)\n",
    ],
    ids=["asked for", "held", "of the module itself"],
)
def test_the_names_of_a_module_are_followed_and_the_same_in_every_process(project: Project, text: str) -> None:
    files = {"helpers": HELPERS, "pipeline": text}
    assert changes(project, files, files) == ()
    found = changes(project, files, {"helpers": HELPERS.replace("x * 2", "x + x")})
    assert "code of double in helpers.py changed" in found


@pytest.mark.parametrize("argument", ["f'rules_{a}'", "'.rules', 'kit'"])
def test_a_module_whose_name_cannot_be_told_is_noted(project: Project, argument: str) -> None:
    read = reading(project, pipeline=f"import importlib\ndef f(a):\n    importlib.import_module({argument})\n")
    assert read.notes == ("pipeline.f imports a module whose name is computed",)


def test_code_that_is_made_at_run_time_is_noted(project: Project) -> None:
    assert reading(project, pipeline="def f(a):\n    return eval(a)\n").notes == (
        "pipeline.f calls eval: what that reaches is not captured",
    )


def test_a_partial_as_the_assets_function_counts_with_its_arguments(project: Project) -> None:
    text = "import functools\ndef g(a, n):\n    return a + n\nf = functools.partial(g, n=1)\n"
    before = reading(project, pipeline=text)
    assert reading(project, pipeline=text.replace("n=1", "n=2")).digest != before.digest
    assert reading(project, pipeline=text.replace("a + n", "a - n")).digest != before.digest


def test_objects_that_raise_when_looked_at_give_a_note(project: Project) -> None:
    text = """
        class Odd:
            def __getattribute__(self, name):
                raise ValueError(name)
            def __reduce_ex__(self, protocol):
                raise ValueError
        ODD = Odd()
        def f(a):
            return ODD
    """
    first, second = reading(project, pipeline=text), project.read()
    assert first.notes
    assert first.digest == second.digest


def test_a_source_that_code_names_counts_by_its_key_and_not_by_its_place(project: Project) -> None:
    text = "from assets_core.declare import source\nS = source('raw/a', files='a.csv')\ndef f(a):\n    return S.key\n"
    assert not changes(project, {"pipeline": text}, {"pipeline": "\n\n" + text})
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace("raw/a", "raw/b")})


def test_subclasses_that_code_asks_for_count(project: Project) -> None:
    rules = """
        class Rule:
            @classmethod
            def all(cls):
                return cls.__subclasses__()
    """
    more = """
        from rules import Rule
        class Twice(Rule):
            def of(self, a):
                return a * 2
        def made():
            class Plus(Rule):
                def of(self, a):
                    return a + 1
            return Plus
        Plus = made()
    """
    text = """
        from rules import Rule
        import more
        def f(a):
            return [rule().of(a) for rule in Rule.all()]
    """
    files = {"rules": rules, "more": more, "pipeline": text}
    assert changes(project, files, files) == ()
    for before, after in (("a * 2", "a * 3"), ("a + 1", "a + 2")):
        assert changes(project, files, {"more": more.replace(before, after)}) == ("code of of in more.py changed",)


@pytest.mark.filterwarnings("ignore:.*verrid.*")
@pytest.mark.parametrize(
    ("register", "use"),
    [
        ("pl.api.register_expr_namespace", "a.select(pl.col('x').by_expr.twice())"),
        ("pl.api.register_dataframe_namespace", "a.filter(x=1).by_frame.twice()"),
        ("pd.api.extensions.register_dataframe_accessor", "a.to_pandas().by_pandas.twice()"),
    ],
)
def test_a_namespace_registered_with_a_library_counts_where_it_is_used(
    project: Project, register: str, use: str
) -> None:
    name = use.split(".")[-2]
    text = f"""
        import pandas as pd, polars as pl
        @{register}("{name}")
        class Scaled:
            def __init__(self, of):
                self.of = of
            def twice(self):
                return self.of * 2
        def f(a):
            return {use}
    """
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("self.of * 2", "self.of * 3")})
    assert found == ("code of twice in pipeline.py changed",)
    unused = text.replace(use, "a")
    assert changes(project, {"pipeline": unused}, {"pipeline": unused.replace("of * 2", "of * 3")}) == ()


def test_a_function_that_polars_calls_counts(project: Project) -> None:
    text = """
        import polars as pl
        def udf(x):
            return x + 1
        def f(a):
            return a.with_columns(pl.col("v").map_elements(udf, return_dtype=pl.Int64))
    """
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("x + 1", "x + 2")})
    assert found == ("code of udf in pipeline.py changed",)


def test_a_parameter_named_like_an_attribute_or_a_global_is_not_taken_for_the_global(project: Project) -> None:
    text = "width = 1\ndef f(a, width):\n    return [b.width + width for b in a]\n"
    found = reading(project, pipeline=text)
    assert not found.reached
    assert not found.notes


def test_types_of_annotations_count_by_what_they_say(project: Project) -> None:
    text = "from typing import Literal, TypeVar\nT = TypeVar('T')\nKIND = Literal['a']\ndef f(a):\n    return KIND, T\n"
    before = reading(project, pipeline=text)
    assert not before.notes
    assert reading(project, pipeline=text.replace("['a']", "['b']")).digest != before.digest


STATES = {
    "state of a decorator's object": (
        """
        import functools
        class scaled:
            def __init__(self, f, k):
                functools.update_wrapper(self, f)
                self.k = k
            def __call__(self, a):
                return self.__wrapped__(a) * self.k
        def same(a):
            return a
        two = scaled(same, 2)
        def f(a):
            return two(a)
        """,
        "scaled(same, 2)",
        "scaled(same, 3)",
    ),
    "value of an enumeration without a text": (
        """
        import enum
        Colour = enum.Enum("Colour", {"RED": 1})
        def f(a):
            return Colour.RED.value
        """,
        '"RED": 1',
        '"RED": 2',
    ),
    "what a namespace holds": (
        """
        import types
        import polars as pl
        SPACE = types.SimpleNamespace(frame=pl.DataFrame({"x": [*range(50), 1, *range(50)]}))
        def f(a):
            return SPACE.frame
        """,
        "1, *range(50)",
        "2, *range(50)",
    ),
}


ANNOTATED = """
    from typing import Annotated, Callable, Literal
    import pydantic
    def twice(x):
        return x * 2
    Number = list[Annotated[int, pydantic.AfterValidator(twice)]] | None
    Word = Literal["a"]
    Made = Callable[[int], str]
    class Row(pydantic.BaseModel):
        x: Number
        y: Word
        z: Made
    def f(a):
        return Row(x=[a])
"""


@pytest.mark.parametrize(("before", "after"), [("x * 2", "x * 3"), ('"a"', '"b"'), ("[int], str", "[str], int")])
def test_what_annotated_types_hold_counts(project: Project, before: str, after: str) -> None:
    first = reading(project, pipeline=ANNOTATED)
    assert first.notes == ()
    kept = [project.load() for _ in range(2)]  # so that the functions made next lie at other addresses
    assert changed_parts(first, project.read()) == ()
    assert changed_parts(first, reading(project, pipeline=ANNOTATED.replace(before, after)))
    assert kept


def test_a_type_adapter_counts_by_its_type(project: Project) -> None:
    text = """
        import pydantic
        class Row(pydantic.BaseModel):
            x: int
        ROWS = pydantic.TypeAdapter(list[Row])
        def f(a):
            return ROWS.validate_python(a)
    """
    first = reading(project, pipeline=text)
    kept = project.load()  # so that the class made next lies at another address
    assert changed_parts(first, project.read()) == ()
    assert changed_parts(first, reading(project, pipeline=text.replace("x: int", "x: str")))
    assert kept


@pytest.mark.parametrize("name", STATES)
def test_the_value_that_an_object_holds_counts(project: Project, name: str) -> None:
    text, before, after = STATES[name]
    assert changes(project, {"pipeline": text}, {"pipeline": text}) == ()
    assert changes(project, {"pipeline": text}, {"pipeline": text.replace(before, after)})


TABLE = """
    import dataclasses, enum, json, pathlib
    import pydantic
    table = json.loads((pathlib.Path(__file__).parent / "table.json").read_text())
    def rate():
        return globals()["table"]["rate"]
"""


@pytest.mark.parametrize(
    "text",
    [
        """
    class Rates(enum.Enum):
        EU = rate()
    def f(a):
        return a * Rates.EU.value
        """,
        """
    @dataclasses.dataclass(slots=True)
    class Rates:
        eu: int = rate()
    def f(a):
        return a * Rates().eu
        """,
        """
    @dataclasses.dataclass
    class Rates:
        eu: int = dataclasses.field(default_factory=lambda known=rate(): known)
    def f(a):
        return a * Rates().eu
        """,
        """
    class Rates(pydantic.BaseModel):
        eu: int = rate()
    def f(a):
        return a * Rates().eu
        """,
    ],
    ids=["enumeration", "slots", "default factory", "pydantic"],
)
def test_a_value_that_a_class_computes_for_a_member_or_field_counts(project: Project, text: str) -> None:
    (project.root / "table.json").write_text('{"rate": 2}')
    before = reading(project, pipeline=TABLE + text)
    assert changed_parts(before, project.read()) == ()
    (project.root / "table.json").write_text('{"rate": 3}')
    assert len(changed_parts(before, project.read())) == 1


def test_a_namespace_with_sets_and_objects_is_the_same_in_every_process(project: Project) -> None:
    text = """
        import types
        class P: ...
        SPACE = types.SimpleNamespace(p=P(), tags={"a", "b"})
        def f(a):
            return SPACE.p
    """
    assert changes(project, {"pipeline": text}, {"pipeline": text}) == ()
