"""Help: what every command and option says of itself, what the docs say of it, and what asking for it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from assets_core.staleness import SlotState
from headwater.cli.app import program
from headwater.cli.group import LazyGroup

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "commands.md"


def commands(group: LazyGroup = program, before: str = "headwater") -> Iterator[tuple[str, click.Command, str]]:
    """Every command with its full name and its line in the overview."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{before} {name}", command, group.entries[name].help
        if isinstance(command, LazyGroup):
            yield from commands(command, f"{before} {name}")


ALL = list(commands())


def params(command: click.Command) -> list[click.Parameter]:
    return command.get_params(click.Context(command))


@pytest.mark.parametrize(("name", "command", "line"), ALL, ids=[name for name, _, _ in ALL])
def test_the_overview_says_what_the_command_says_of_itself(name: str, command: click.Command, line: str) -> None:
    assert command.help is not None
    assert command.help.split("\n\n")[0].replace("\n", " ").strip() == line


@pytest.mark.parametrize(("name", "command", "line"), ALL, ids=[name for name, _, _ in ALL])
def test_every_option_and_argument_has_help(name: str, command: click.Command, line: str) -> None:
    assert [param.name for param in params(command) if not getattr(param, "help", None)] == []


@pytest.mark.parametrize(("name", "command", "line"), ALL, ids=[name for name, _, _ in ALL])
def test_every_command_takes_the_common_options(name: str, command: click.Command, line: str) -> None:
    given = {option for param in params(command) for option in param.opts}
    assert given >= {"-C", "--env", "--json", "--yes", "-q", "-v", "--version", "--help"}


def section(name: str) -> str:
    """The part of docs/commands.md about one command."""
    found = re.search(rf"^#+ `{re.escape(name)}`\n(.*?)(?=^#+ |\Z)", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize(("name", "command", "line"), ALL, ids=[name for name, _, _ in ALL])
def test_the_reference_has_every_command_and_option(name: str, command: click.Command, line: str) -> None:
    text = section(name)
    common = {option for param in program.params for option in param.opts}
    own = {
        option
        for param in params(command)
        for option in (*param.opts, *param.secondary_opts)
        if isinstance(param, click.Option) and option not in common and option not in ("-h", "--help")
    }
    missing = {option for option in own if not re.search(rf"`{re.escape(option)}\b", text)}
    assert (bool(text), missing) == (True, set())


def test_the_reference_has_no_command_that_does_not_exist() -> None:
    named = set(re.findall(r"^#+ `(headwater [^`]+)`$", DOCS.read_text(), re.MULTILINE))
    assert named == {name for name, _, _ in ALL}


def test_the_reference_has_no_option_that_does_not_exist() -> None:
    common = {option for param in program.params for option in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
    unknown = {}
    for name, command, _ in ALL:
        own = {option for param in params(command) for option in (*param.opts, *param.secondary_opts)}
        rows = re.findall(r"^\| `(-[^`\s]*)", section(name), re.MULTILINE)
        extra = set(rows) - own - common
        if extra:
            unknown[name] = extra
    assert unknown == {}


def test_the_reference_has_every_common_option() -> None:
    text = DOCS.read_text()
    missing = [opt for param in program.params for opt in param.opts if f"`{opt}" not in text]
    assert missing == []


def test_the_help_of_status_names_every_state() -> None:
    text = {name: command.help or "" for name, command, _ in ALL}["headwater status"]
    assert [state for state in SlotState if not re.search(rf"\b{state}\b", text)] == []


@pytest.mark.parametrize("words", [("materialize",), ("backfill",), ("runs", "resume")])
def test_what_says_how_many_steps_run_at_a_time_names_the_settings(hw, words: tuple[str, ...]) -> None:
    assert "[executor] workers" in " ".join(hw(*words, "--help").out.split())


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
    )


@pytest.mark.parametrize("words", [["--help"], ["materialize", "--help"], ["runs", "--help"], ["--version"]])
def test_help_imports_no_heavy_library(words: list[str]) -> None:
    code = (
        "import sys\nfrom headwater.cli.app import run\nrun(sys.argv[1:])\n"
        "heavy = {'polars', 'duckdb', 'pydantic', 'networkx', 'rich', 'sqlglot', 'pyarrow', 'sqlite3'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    assert python("-c", code, *words).stdout.splitlines()[-1] == "HEAVY []"


def test_the_overview_imports_no_command() -> None:
    code = (
        "import sys\nfrom headwater.cli.app import run\nfrom headwater.cli.index import COMMANDS\nrun(['--help'])\n"
        "known = {entry.module for section in COMMANDS.values() for entry in section.values()}\n"
        "print('IMPORTED', sorted(known & set(sys.modules)))"
    )
    assert python("-c", code).stdout.splitlines()[-1] == "IMPORTED []"


def test_help_costs_at_most_0_35_seconds_of_cpu() -> None:
    before = os.times()
    python("-c", "import sys; from headwater.cli import main; sys.exit(main())", "--help")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent <= 0.35


@pytest.mark.parametrize(("name", "command", "line"), ALL, ids=[name for name, _, _ in ALL])
def test_help_fits_80_columns(name: str, command: click.Command, line: str) -> None:
    context = click.Context(command, info_name=name, terminal_width=80)
    assert [text for text in command.get_help(context).splitlines() if len(text) > 80] == []
