"""A project that is mounted read-only, as a backup or an auditor's copy may be: everything that only reads works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk

MOUNTED = ["unshare", "--user", "--map-root-user", "--mount"]
NOT_HERE = shutil.which("unshare") is None or subprocess.run([*MOUNTED, "true"], check=False).returncode != 0
SCRIPT = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@"
"""
PROJECT = """
@asset
def a() -> pl.DataFrame:
    return pl.DataFrame({"x": [1, 2]})

@asset
def b(a: pl.LazyFrame) -> pl.LazyFrame:
    return a.with_columns(y=pl.col("x") * 2)
"""

pytestmark = pytest.mark.skipif(NOT_HERE, reason="file systems cannot be mounted here, as Linux lets it some users")


def read_only(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command says in the project of a folder while that is mounted read-only."""
    program = "import sys; from headwater.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "-C", str(folder), *words]
    return subprocess.run(
        [*MOUNTED, "sh", "-c", SCRIPT, "sh", str(folder), *command],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip


@pytest.fixture(params=["parquet", "duckdb"])
def made(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    storage = f'[storage.default]\nkind = "{request.param}"\npath = "stored.{request.param}"\n'
    desk.write("headwater.toml", f'[project]\nname = "desk"\nmodules = ["definitions"]\n{storage}')
    desk.define(PROJECT)
    assert desk.materialize().ok
    desk.close()
    return desk


@pytest.fixture
def logged(desk: Desk) -> Iterator[Desk]:
    """A project that is open: as long as it is, what it commits stays in the log of its catalog."""
    desk.define(PROJECT)
    with desk.project as project:
        project.materialize()
        assert (desk.root / ".headwater" / "catalog.db-wal").stat().st_size > 0
        yield desk


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status"], "2 fresh"),
        (["plan"], "nothing to do"),
        (["lineage", "b"], "a:x"),
        (["data", "b"], "4"),
        (["runs"], "succeeded"),
        (["audit", "verify"], "intact"),
    ],
)
def test_what_only_reads_works(made: Desk, words: list[str], says: str) -> None:
    done = read_only(made.root, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


@pytest.mark.parametrize("words", [["status"], ["ls"], ["plan"], ["materialize", "--dry-run"], ["preview", "b"]])
def test_code_that_the_catalog_does_not_know_yet_is_looked_at(made: Desk, words: list[str]) -> None:
    made.edit("definitions.py", "* 2", "* 3")
    done = read_only(made.root, *words)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_found_fresh_once_more_is_said_and_not_remembered(made: Desk) -> None:
    made.edit("definitions.py", 'pl.col("x") * 2', 'pl.col( "x" ) * 2')
    done = read_only(made.root, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 fresh" in done.stdout


def test_a_catalog_whose_log_was_not_written_back_is_read_with_it(logged: Desk) -> None:
    done = read_only(logged.root, "data", "b")
    assert done.returncode == 0, done.stderr
    assert "4" in done.stdout


def test_a_log_without_its_index_is_refused_and_never_left_out(logged: Desk, tmp_path: Path) -> None:
    shutil.copytree(logged.root, tmp_path / "torn", ignore=shutil.ignore_patterns("torn", "*-shm"))
    done = read_only(tmp_path / "torn", "status")
    assert done.returncode == 1
    assert "copy the project to where it can be written" in done.stderr


def test_what_writes_is_refused_with_what_to_do(made: Desk) -> None:
    made.edit("definitions.py", "[1, 2]", "[5, 7]")
    done = read_only(made.root, "materialize")
    assert done.returncode == 1
    assert "HW410" in done.stderr
    assert "copy the project to where it can be written" in done.stderr
