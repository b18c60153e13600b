"""Environment variables, files and library versions that code names enter its source digest."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets_core.declare import asset
from lineage.code import SourceReader, changed_parts
from lineage.code_modules import distribution_of
from lineage.derive import Derived, read_source
from tests.lineage.code_project import Project, changes, code_project, reading


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with code_project(tmp_path) as made:
        yield made


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


def test_versions_of_distributions_reached_count_but_not_that_of_polars(project: Project) -> None:
    text = "import pydantic, polars as pl, json\ndef f(a):\n    return pl.lit(1), pydantic.VERSION, json.dumps(a)\n"
    found = reading(project, pipeline=text)
    assert [part.name for part in found.reached] == ["pydantic"]


def test_a_name_that_stands_for_another_library_function_counts(project: Project) -> None:
    text = "from math import floor as rounding\ndef f(a):\n    return rounding(a)\n"
    found = changes(project, {"pipeline": text}, {"pipeline": text.replace("floor", "ceil")})
    assert found == ("what pipeline.rounding stands for changed",)


@pytest.mark.parametrize(
    "text",
    [
        "import polars as pl\ndef f(a):\n    return a.join(pl.read_csv('extra.csv'), on='k')\n",
        "def f(a):\n    return open('extra.csv').read()\n",
        "from pathlib import Path\ndef f(a):\n    return Path('extra.csv').read_text()\n",
        "import pathlib\ndef f(a):\n    with pathlib.Path('extra.csv').open() as file:\n        return file.read()\n",
        "import polars as pl\nNAME = 'extra.csv'\ndef f(a):\n    return pl.scan_csv(NAME)\n",
        "import polars as pl\ndef f(a):\n    return pl.read_csv('extra*.csv')\n",
        "def f(a):\n    import pandas as pd\n    with open('extra.csv') as file:\n        return pd.read_csv(file)\n",
        "import pandas as pd\ndef f(a):\n    return pd.read_csv(filepath_or_buffer='extra.csv')\n",
        "from pathlib import Path\nFILE = Path('extra.csv')\ndef f(a):\n    return FILE.read_text()\n",
        "from pathlib import Path\nX = Path(__file__).parent / 'extra.csv'\ndef f(a):\n    return X.open().read()\n",
        "from pathlib import Path\nD = Path(__file__).parent\ndef f(a):\n    return (D / 'extra.csv').read_text()\n",
        "from pathlib import Path\ndef f(a):\n    return open(Path(__file__).resolve().parent / 'extra.csv')\n",
        "import os\ndef f(a):\n    p = os.path.dirname(__file__)\n    q = p + '/extra.csv'\n    return open(str(q))\n",
        "import io\ndef f(a):\n    return io.open('extra.csv').read()\n",
        "import os\ndef f(a):\n    return open(os.path.join(os.path.dirname(__file__), 'extra.csv')).read()\n",
        "import polars as pl\nNAME = 'extra'\ndef f(a):\n    return pl.read_csv(f'{NAME}.csv')\n",
        "import polars as pl\nFILES = {'all': 'extra'}\ndef f(a):\n    return pl.read_csv(FILES['all'] + '.csv')\n",
        "import gzip\ndef f(a):\n    return gzip.open('extra.csv').read()\n",
        "import gzip\nNAME = 'extra.csv'\ndef f(a):\n    return gzip.open(NAME, 'rt').read()\n",
        "import gzip\nNAME = 'extra.csv'\ndef f(a):\n    return gzip.open(NAME).read()\n",
        "import gzip\nNAME = 'extra.csv'\ndef f(a):\n    return gzip.open(NAME, mode='rt').read()\n",
        "import configparser\ndef f(a):\n    p = configparser.ConfigParser()\n    p.read('extra.csv')\n    return p\n",
        "from bz2 import open as unpacked\nNAME = 'extra.csv'\ndef f(a):\n    return unpacked(NAME).read()\n",
        "import codecs\ndef f(a):\n    return codecs.open('extra.csv', encoding='latin-1').read()\n",
        "from zipfile import ZipFile\nNAME = 'extra.csv'\ndef f(a):\n    return ZipFile(NAME).namelist()\n",
        "import tarfile\ndef f(a):\n    return tarfile.open('extra.csv', 'r:gz').getnames()\n",
        "import xml.etree.ElementTree as ET\ndef f(a):\n    return ET.parse('extra.csv')\n",
        "import runpy\ndef f(a):\n    return runpy.run_path('extra.csv')['x']\n",
        "import numpy as np\ndef f(a):\n    return np.loadtxt('extra.csv')\n",
        "import polars as pl\ndef f(a):\n    return pl.read_lines('extra.csv')\n",
    ],
)
def test_an_undeclared_file_is_noted_and_counts_by_its_bytes(project: Project, text: str) -> None:
    (project.root / "extra.csv").write_text("k\n1\n")
    before = reading(project, pipeline=text)
    assert any("which is none of its inputs" in note for note in before.notes)
    (project.root / "extra.csv").write_text("k\n2\n")
    (found,) = changed_parts(before, project.read())
    assert found.startswith(("file extra", "files of extra"))
    assert found.endswith(" changed")


def test_a_file_that_a_plan_held_by_a_value_scans_counts(project: Project) -> None:
    (project.root / "rates.csv").write_text("k\n1\n")
    text = """
        from pathlib import Path
        import polars as pl
        TABLES = {"rates": pl.scan_csv(Path(__file__).parent / "rates.csv").select("k")}
        def f(a):
            return a.join(TABLES["rates"].collect(), on="k")
    """
    before = reading(project, pipeline=text)
    assert any("scans rates.csv, which is none of the inputs" in note for note in before.notes)
    assert changed_parts(before, project.read()) == ()
    (project.root / "rates.csv").write_text("k\n2\n")
    (found,) = changed_parts(before, project.read())
    assert found.startswith("value of pipeline.TABLES changed")


def test_a_folder_that_code_opens_as_a_file_is_not_read_through(project: Project) -> None:
    (project.root / "parts").mkdir()
    before = reading(project, pipeline="def f(a):\n    return open('parts').read()\n")
    (project.root / "parts" / "new.csv").write_text("x")
    assert changed_parts(before, project.read()) == ()


def test_a_variable_that_may_be_anything_is_taken_for_no_path(project: Project) -> None:
    text = "def f(a):\n    p = 'extra.csv'\n    for p in a:\n        open(p)\n"
    assert reading(project, pipeline=text).notes == ()


@pytest.mark.parametrize("package", ["'kit'", "kit"])
def test_a_file_of_a_package_counts(project: Project, package: str) -> None:
    (project.root / "kit").mkdir()
    (project.root / "kit" / "__init__.py").write_text("")
    (project.root / "kit" / "query.sql").write_text("select 1")
    project.modules.add("kit")
    text = f"""
        from importlib.resources import files
        import kit
        def f(a):
            return files({package}).joinpath("query.sql").read_text()
    """
    before = reading(project, pipeline=text)
    (project.root / "kit" / "query.sql").write_text("select 2")
    assert changed_parts(before, project.read()) == ("file kit/query.sql changed",)


def test_what_another_call_makes_is_asked_for_no_file_here(project: Project) -> None:
    text = "def f(a, client):\n    return client('warehouse').read_csv('orders'), client('x').read_text()\n"
    (project.root / "warehouse").mkdir()
    before = reading(project, pipeline=text)
    (project.root / "warehouse" / "new").write_text("x")
    assert changed_parts(before, project.read()) == ()
    assert before.notes == ()


@pytest.mark.parametrize("use", ["write_text('x')", "exists()", "open('w')", "open(mode='a')", "unlink()"])
def test_a_file_that_code_writes_or_only_names_does_not_count(project: Project, use: str) -> None:
    (project.root / "extra.csv").write_text("k\n1\n")
    text = f"from pathlib import Path\ndef f(a):\n    Path('extra.csv').{use}\n    return a, Path(__file__).parent\n"
    before = reading(project, pipeline=text)
    (project.root / "extra.csv").write_text("k\n2\n")
    assert changed_parts(before, project.read()) == ()


@pytest.mark.parametrize(
    "use",
    [
        "gzip.open(NAME, 'wt')",
        "zipfile.ZipFile(NAME, 'w')",
        "tarfile.open(NAME, mode='x:gz')",
        "zipfile.ZipFile(NAME, mode=a)",
        "gzip.open(NAME, mode='wt')",
    ],
)
def test_an_archive_that_code_writes_does_not_count(project: Project, use: str) -> None:
    (project.root / "extra.csv").write_text("1")
    text = f"import gzip, tarfile, zipfile\nNAME = 'extra.csv'\ndef f(a):\n    {use}\n    return a\n"
    before = reading(project, pipeline=text)
    (project.root / "extra.csv").write_text("2")
    assert changed_parts(before, project.read()) == ()


@pytest.mark.parametrize("place", ["parts", "parts/*.csv", "parts/**/*.csv", "ABSOLUTE/parts/*.csv", "ABSOLUTE/parts"])
def test_a_new_file_of_a_folder_or_pattern_counts(project: Project, place: str) -> None:
    place = place.replace("ABSOLUTE", str(project.root))
    (project.root / "parts").mkdir()
    (project.root / "parts" / "1.csv").write_text("k\n1\n")
    before = reading(project, pipeline=f"import polars as pl\ndef f(a):\n    return pl.read_csv({place!r})\n")
    assert changed_parts(before, project.read()) == ()
    (project.root / "parts" / "2.csv").write_text("k\n2\n")
    (found,) = changed_parts(before, project.read())
    assert found == f"files of {place.removeprefix(f'{project.root}/')} changed"


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("(HERE / 'parts').glob('*.sql')", "parts/*.sql"),
        ("HERE.rglob('*.sql')", "**/*.sql"),
        ("Path(__file__).parent.joinpath('parts').iterdir()", "parts"),
        ("map(Path, glob.glob('parts/*.sql'))", "parts/*.sql"),
        ("(HERE / 'parts' / one for one in os.listdir(HERE / 'parts'))", "parts"),
    ],
)
def test_files_that_code_lists_and_reads_count(project: Project, use: str, name: str) -> None:
    (project.root / "parts" / "__pycache__").mkdir(parents=True)
    (project.root / "parts" / "1.sql").write_text("select 1")
    text = f"""
        import glob, os
        from pathlib import Path
        HERE = Path(__file__).parent
        def f(a):
            return [one.read_text() for one in sorted({use})]
    """
    before = reading(project, pipeline=text)
    assert before.notes == (f"pipeline.f reads {name}, which is none of its inputs: declare it as a source",)
    (project.root / "parts" / "__pycache__" / "made.sql").write_text("x")
    assert changed_parts(before, project.read()) == ()
    (project.root / "parts" / "1.sql").write_text("select 2")
    assert changed_parts(before, project.read()) == (f"files of {name} changed",)
    (project.root / "parts" / "1.sql").write_text("select 1")
    (project.root / "parts" / "2.sql").write_text("select 2")
    assert changed_parts(before, project.read()) == (f"files of {name} changed",)


@pytest.mark.parametrize("use", ["one.unlink()", "one.write_text(one.read_text())", "print(one)"])
def test_files_that_code_lists_and_does_not_only_read_are_its_own_affair(project: Project, use: str) -> None:
    (project.root / "parts").mkdir()
    (project.root / "parts" / "1.sql").write_text("select 1")
    text = (
        f"from pathlib import Path\ndef f(a):\n    for one in Path('parts').iterdir():\n        {use}\n    return a\n"
    )
    before = reading(project, pipeline=text)
    (project.root / "parts" / "1.sql").write_text("select 2")
    assert changed_parts(before, project.read()) == ()


def test_another_version_of_a_library_is_named(project: Project) -> None:
    installed = project.root / "site-packages"
    (installed / "acme_lib").mkdir(parents=True)
    (installed / "acme_lib" / "__init__.py").write_text("def g(a):\n    return a\n")
    sys.path.insert(0, str(installed))
    found = []
    try:
        for version in ("1.0", "2.0"):
            info = installed / "acme_lib-1.dist-info"
            info.mkdir(exist_ok=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme_lib\nVersion: {version}\n")
            distribution_of.cache_clear()
            found.append(reading(project, pipeline="from acme_lib import g\ndef f(a):\n    return g(a)\n"))
    finally:
        sys.path.remove(str(installed))
        sys.modules.pop("acme_lib", None)
    assert changed_parts(*found) == ("distribution acme_lib changed from 1.0 to 2.0",)


@pytest.mark.parametrize("file", ["acme_bare.py", "acme_bare/__init__.py", "acme_bare/inner/part.py"])
def test_a_library_without_a_version_counts_by_its_content(project: Project, file: str) -> None:
    installed = project.root / "site-packages"
    (installed / file).parent.mkdir(parents=True, exist_ok=True)
    if "/" in file:
        (installed / "acme_bare" / "__init__.py").write_text("")
    sys.path.insert(0, str(installed))
    found = []
    try:
        for text in ("def g(a):\n    return a\n", "def g(a):\n    return 2 * a\n", "def g(a):\n    return 2 * a\n"):
            (installed / file).write_text(text)
            distribution_of.cache_clear()
            importlib.invalidate_caches()
            inside = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            found.append(reading(project, pipeline=f"def f(a):\n    from {inside} import g\n    return g(a)\n"))
    finally:
        sys.path.remove(str(installed))
        distribution_of.cache_clear()
    (changed,) = changed_parts(*found[:2])
    assert changed.startswith("distribution acme_bare changed from content ")
    assert changed_parts(*found[1:]) == ()


def test_secrets_inside_a_table_are_not_shown(project: Project) -> None:
    text = "LOGIN = {'user': 'a', 'password': 'hidden'}\ndef f(a):\n    return LOGIN\n"
    assert "hidden" not in "".join(part.shown for part in reading(project, pipeline=text).parts)


@pytest.mark.parametrize("mode", ["'w'", "mode='a'", "'r+'", "a"])
def test_a_file_that_is_written_is_not_taken_for_an_input(project: Project, mode: str) -> None:
    found = reading(project, pipeline=f"def f(a):\n    open('out.csv', {mode}).write(a)\n")
    assert not found.notes
    assert not found.reached


def test_the_environment_held_by_an_object_is_noted_and_not_taken_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import os\nclass C:\n    source = os.environ\ndef f(a):\n    return C\n"
    before = reading(project, pipeline=text)
    monkeypatch.setenv("HEADWATER_TEST_OTHER", "1")
    assert before.notes
    assert project.read().digest == before.digest


@pytest.mark.parametrize(
    "text",
    [
        "from pathlib import Path\ndef f(a):\n    p = Path('own.txt')\n    p.write_text(p.read_text() + '1')\n",
        "def f(a):\n    n = open('own.txt').read()\n    open('own.txt', 'w').write(n)\n",
        "import polars as pl\ndef f(a):\n    a.write_csv('own.txt')\n    return pl.read_csv('own.txt')\n",
    ],
)
def test_a_file_that_the_same_code_writes_does_not_count(project: Project, text: str) -> None:
    (project.root / "own.txt").write_text("k\n1\n")
    before = reading(project, pipeline=text)
    (project.root / "own.txt").write_text("k\n2\n")
    assert changed_parts(before, project.read()) == ()
    assert before.outside == ()


@pytest.mark.parametrize(
    "use",
    [
        "os.environ['HEADWATER_TEST_OWN'] = '1'",
        "del os.environ['HEADWATER_TEST_OWN']",
        "os.environ['HEADWATER_TEST_OWN'] = os.environ.get('HEADWATER_TEST_OWN', '') + '1'",
        "os.environ['HEADWATER_TEST_OWN'] += '1'",
    ],
)
def test_a_variable_that_the_same_code_sets_does_not_count(
    project: Project, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    before = reading(project, pipeline=f"import os\ndef f(a):\n    {use}\n    return a\n")
    monkeypatch.setenv("HEADWATER_TEST_OWN", "2")
    assert project.read().digest == before.digest
    assert before.notes == ()


@pytest.mark.parametrize("place", ["/", "", ".", "..", "/**/*.csv", "../**/*.csv", "ROOT", "ROOT/../**/*.csv"])
def test_a_folder_that_holds_the_whole_project_is_not_looked_through(
    project: Project, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    place = place.replace("ROOT", str(project.root))
    (project.root / "old.csv").write_text("x")
    before = reading(project, pipeline=f"import polars as pl\ndef f(a):\n    return pl.read_csv({place!r})\n")
    assert len(before.notes) == 1
    (project.root / "new.csv").write_text("x")
    assert changed_parts(before, project.read()) == ()


def test_a_pattern_through_the_project_counts(project: Project) -> None:
    (project.root / "old.csv").write_text("x")
    before = reading(project, pipeline="import polars as pl\ndef f(a):\n    return pl.read_csv('**/*.csv')\n")
    (project.root / "new.csv").write_text("x")
    assert changed_parts(before, project.read()) == ("files of **/*.csv changed",)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\udcff"])
def test_a_name_that_no_file_can_have_is_missing(project: Project, name: str) -> None:
    found = reading(project, pipeline=f"def f(a):\n    return open({name!r}).read()\n")
    assert [part.kind for part in found.outside] == ["file"]
    assert project.read().digest == found.digest


def test_a_change_outside_is_seen_while_the_project_is_loaded_and_a_global_that_was_filled_in_is_not(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_TEST_LIMIT", "1")
    project.write(pipeline="import os\nCACHE = {}\ndef f():\n    return CACHE, os.environ['HEADWATER_TEST_LIMIT']\n")
    module = project.load()
    made = Derived(project.root)
    made.reader = SourceReader(project.root, project.cache)
    before = read_source(asset(module.f), (), made)
    module.CACHE["client"] = 1
    assert read_source(asset(module.f), (), made) is before
    monkeypatch.setenv("HEADWATER_TEST_LIMIT", "2")
    after = read_source(asset(module.f), (), made)
    assert changed_parts(before, after) == ("environment variable HEADWATER_TEST_LIMIT changed",)
