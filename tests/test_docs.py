"""The documentation says what the code does: what it shows runs, what it names exists, what is generated is current."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import get_overloads

import pytest

from headwater import config, sql_files
from headwater.cli.index import AUDIT, COMMANDS, ENV, RUNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("example_project/*.md")]
)
BIN = Path(sys.executable).parent


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced code blocks of some languages."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for language, block in fenced if language in languages]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# -- the README's first asset, done as it is written -----------------------------------------------------------------


def run(folder: Path, *words: str) -> str:
    """What a command prints on standard output, run in a folder; it must succeed."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    environment.pop("HEADWATER_ENV", None)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the README's first asset, materialized."""
    folder = tmp_path_factory.mktemp("first")
    (setup,) = blocks(README, "sh")
    (code,) = blocks(README, "python")
    run(folder, "bash", "-euc", setup)
    (folder / "shop.py").write_text(code, encoding="utf-8")
    run(folder, "headwater", "materialize")
    return folder


def test_the_memories_that_concepts_names_are_forgotten_without_loss(first: Path) -> None:
    concepts = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r'sqlite3 \.headwater/catalog\.db "([^"]*)"', concepts)
    before = run(first, "headwater", "status")

    with sqlite3.connect(first / ".headwater" / "catalog.db") as raw:
        assert raw.execute("select count(*) from current where judged is not null").fetchone()[0]
        raw.executescript(statements)
        assert not raw.execute("select count(*) from standing").fetchone()[0]
    raw.close()

    assert run(first, "headwater", "status") == before
    assert "intact" in run(first, "headwater", "audit", "verify")


def test_the_first_asset_of_the_readme_has_ten_lines() -> None:
    (code,) = blocks(README, "python")

    assert len([line for line in code.splitlines() if line.strip()]) <= 10


def test_the_first_asset_of_the_readme_gives_its_table_and_its_lineage(first: Path) -> None:
    assert re.search(r"FR\s+15\b", run(first, "headwater", "data", "marts/revenue"))
    assert "raw/orders:amount" in run(first, "headwater", "lineage", "marts/revenue:total")


def test_rewording_its_docstring_leaves_the_first_asset_fresh(first: Path, tmp_path: Path) -> None:
    project = copied(first, tmp_path)
    edit(project / "shop.py", "Revenue by country.", "What every country paid.")

    assert "nothing to do" in run(project, "headwater", "plan")


def test_the_plan_after_a_change_reads_as_the_readme_shows_it(first: Path, tmp_path: Path) -> None:
    project = copied(first, tmp_path)
    edit(project / "shop.py", "> 0", ">= 10")
    shown = next(block for block in blocks(README, "console") if "plan --why" in block)

    assert run(project, "headwater", "plan", "--why").strip() == shown.partition("\n")[2].strip()


def copied(project: Path, target: Path) -> Path:
    """The project in a folder of its own, its state included."""
    made = target / "first"
    run(target, "cp", "-a", str(project), str(made))
    return made


def edit(path: Path, old: str, new: str) -> None:
    """Replaces one text in a file, which must have it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# -- what pages name exists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    known = {name for section in COMMANDS.values() for name in section}
    below = {"audit": AUDIT, "runs": RUNS, "env": ENV}
    options = r"(?: -C \S+| --env \S+| -q| --json)*"
    called = re.findall(
        rf"(?<![.\w])headwater{options} ([a-z]+)(?: ([a-z]+))?", commands(page.read_text(encoding="utf-8"))
    )

    assert [command for command, _ in called if command not in known] == []
    assert [
        f"{command} {word}"
        for command, word in called
        if command in below and word and word not in {name for section in below[command].values() for name in section}
    ] == []


def commands(text: str) -> str:
    """What a page shows as shell commands: in fenced blocks, indented, or in backticks."""
    fenced = blocks(text, "", "console", "sh", "yaml", "ini")
    indented = re.findall(r"^    (headwater .*)$", text, re.MULTILINE)
    quoted = re.findall(r"`(headwater [^`\n]*)`", text)
    return "\n".join([*fenced, *indented, *quoted])


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_python_that_a_page_shows_uses_names_that_exist(page: Path) -> None:
    import headwater

    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "headwater":
                assert [alias.name for alias in node.names if not hasattr(headwater, alias.name)] == []


def test_the_settings_that_the_documentation_shows_are_accepted() -> None:
    (shown,) = blocks((ROOT / "docs" / "project.md").read_text(encoding="utf-8"), "toml")
    settings = config.overlaid(config.parse(tomllib.loads(shown), "docs/project.md"), "prod")

    assert settings.config["marts/routes"] == {"minutes": 15}


@pytest.mark.parametrize("page", ["assets.md", "coming-from.md"])
def test_the_sql_assets_that_the_documentation_shows_are_accepted(page: str) -> None:
    shown = [
        block for block in blocks((ROOT / "docs" / page).read_text(encoding="utf-8"), "sql") if "headwater" in block
    ]

    assert [sql_files.declare("marts/delays", block, where=page).key for block in shown] == ["marts/delays"]


def test_the_index_of_the_documentation_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert {page for page in pages if f"]({page})" not in index} == set()


# -- what is made from the code is current ---------------------------------------------------------------------------


def test_the_diagram_of_a_steps_states_is_made_from_the_table(generate: ModuleType) -> None:
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")

    assert generate.state_diagram() in page, "run: make docs"


def test_the_page_of_errors_lists_every_code_of_the_source_and_no_other(generate: ModuleType) -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (HW\d{3}) \|", page, re.MULTILINE))

    assert listed == generate.codes_in_source(), "run: make docs"


def test_the_tables_of_performance_are_made_from_what_was_measured() -> None:
    from docs import performance

    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")

    assert [marker for marker, text in performance.parts().items() if text not in page] == [], "run: make docs"


def test_every_code_comes_with_a_sentence(generate: ModuleType) -> None:
    explained = {one.code for one in generate.errors() if one.says}

    assert generate.codes_in_source() - explained == set(), "put them into IN_OTHER_WORDS of docs/generate.py"


def test_every_reason_for_staleness_is_explained() -> None:
    from assets_core.staleness import ReasonCode

    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")

    assert [str(code) for code in ReasonCode if f"`{code}`" not in page] == []


def test_every_option_of_an_asset_is_explained() -> None:
    from assets_core.declare import asset

    page = (ROOT / "docs" / "assets.md").read_text(encoding="utf-8")
    options = {name for one in get_overloads(asset) for name in inspect.signature(one).parameters} - {"function"}

    assert {name for name in options if not re.search(rf"^\| .*`{name}`.* \|", page, re.MULTILINE)} == set()


def test_every_check_is_explained() -> None:
    from lineage.checks.rules import KINDS

    page = (ROOT / "docs" / "assets.md").read_text(encoding="utf-8")

    assert [kind for kind in KINDS if f"`{kind}(" not in page] == []
