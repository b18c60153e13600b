"""What cannot be sent to another process is said by name, whichever executor would send it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets_core.errors import RunError
from headwater import Project
from headwater.workplaces import workplace
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import open_executor
from tests.materializers.executor_bench import bench, desk, isolated_kinds, write_project
from tests.materializers.executor_projects import NASTY, UNSHIPPABLE


@isolated_kinds
def test_a_config_that_cannot_be_sent_is_named(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, UNSHIPPABLE, options) as made:
        error = made.attempt("holds").error

    assert error is not None
    assert error.code == "HW522"
    assert "'lock' in the Config of holds" in error.message
    assert "threads" in error.hint


@isolated_kinds
def test_metadata_that_cannot_be_sent_back_is_named(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, UNSHIPPABLE, options) as made:
        error = made.attempt("odd_metadata").error
        after = made.attempt("sound")

    assert error is not None
    assert error.code == "HW522"
    assert "metadata 'lock' is a lock" in error.message
    assert after.error is None


@isolated_kinds
def test_a_project_of_definitions_at_hand_is_refused_before_anything_runs(
    tmp_path: Path, options: ExecutorOptions
) -> None:
    settings = {"kind": options.kind, "address": options.address}
    project = Project.of([], path=tmp_path, executor=settings)
    with workplace(project) as place, pytest.raises(RunError, match=r"Project\.of") as raised:
        open_executor(options, place)

    assert raised.value.code == "HW522"
    assert "Project.load" in raised.value.hint


@isolated_kinds
def test_a_storage_for_one_process_is_refused_by_name(tmp_path: Path, options: ExecutorOptions) -> None:
    write_project(
        tmp_path,
        "@asset(storage='house')\ndef held() -> pl.DataFrame:\n    return pl.DataFrame({'n': [1]})\n",
        '[storage.house]\nkind = "duckdb"\n',
    )
    with bench(tmp_path, options) as made:
        error = made.attempt("held").error

    assert error is not None
    assert error.code == "HW522"
    assert "'house'" in error.message
    assert "threads" in error.hint


@isolated_kinds
def test_code_that_was_edited_after_the_run_began_is_not_run(tmp_path: Path, options: ExecutorOptions) -> None:
    with desk(tmp_path, NASTY, options) as made:
        text = (tmp_path / "definitions.py").read_text(encoding="utf-8")
        (tmp_path / "definitions.py").write_text(text.replace("[1, 2]", "[1, 3]"), encoding="utf-8")
        error = made.attempt("sound").error

    assert error is not None
    assert error.code == "HW523"
    assert "definitions.py was edited after the run began" in error.message


RATES = """
from pathlib import Path
RATE = int((Path(__file__).parent / "rate.txt").read_text())

@asset
def eager() -> pl.DataFrame:
    return pl.DataFrame({"n": [RATE]})

@asset
def lazy(eager: pl.LazyFrame) -> pl.LazyFrame:
    return eager.filter(pl.col("n") < 1000 if RATE else False)

@asset(version="1")
def pinned() -> pl.DataFrame:
    return pl.DataFrame({"n": [RATE]})
"""


@isolated_kinds
def test_a_value_that_came_out_otherwise_when_a_worker_loaded_the_project_is_named(
    tmp_path: Path, options: ExecutorOptions
) -> None:
    (tmp_path / "rate.txt").write_text("10")
    with desk(tmp_path, RATES, options) as made:
        (tmp_path / "rate.txt").write_text("99")
        error = made.attempt("eager").error
        pinned = made.attempt("pinned")

    assert error is not None
    assert error.code == "HW523"
    assert "value of definitions.RATE changed from 10 to 99" in error.message
    assert pinned.error is None


def test_a_value_that_does_not_enter_a_plan_may_come_out_otherwise(tmp_path: Path) -> None:
    write_project(tmp_path, RATES)
    (tmp_path / "rate.txt").write_text("10")
    with Project.load(tmp_path) as project:
        assert project.materialize("eager", executor="threads").ok
        (tmp_path / "rate.txt").write_text("99")
        assert project.materialize("lazy", executor="processes").ok


CLIENT = """
_client = None
class Client:
    def rate(self):
        return 3

def rate():
    global _client
    if _client is None:
        _client = Client()
    return _client.rate()

@asset
def base() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@asset
def first(base: pl.LazyFrame) -> pl.LazyFrame:
    return base.with_columns(m=pl.lit(rate()))

@asset
def second(first: pl.DataFrame) -> pl.DataFrame:
    return first.with_columns(o=pl.lit(rate()))
"""


def test_a_global_that_a_plan_fills_in_when_it_is_built_is_no_change_of_code(tmp_path: Path) -> None:
    write_project(tmp_path, CLIENT)
    for steps in (3, 0):
        with Project.load(tmp_path) as project:
            result = project.materialize(executor="processes")
            assert result.ok
            assert len(result.steps) == steps
            assert not project.plan().steps


REGION = """
import os

def region():
    return os.environ.setdefault("HEADWATER_TEST_REGION", "eu")

@asset
def first() -> pl.DataFrame:
    return pl.DataFrame({"r": [region()]})

@asset
def second(first: pl.DataFrame) -> pl.DataFrame:
    return first.with_columns(s=pl.lit(region()))
"""


def test_a_variable_that_a_step_sets_in_a_worker_does_not_refuse_the_next_step_there(tmp_path: Path) -> None:
    write_project(tmp_path, REGION)
    with Project.load(tmp_path) as project:
        assert project.materialize(executor="processes", workers=1).ok
        assert not project.plan().steps
