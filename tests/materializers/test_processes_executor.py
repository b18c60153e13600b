"""Processes that carry attempts out: when they start, how long they live, what they are sent."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from assets_core.errors import UsageError
from headwater import Project, secrets, workplaces
from headwater.backfill import Backfill
from headwater.workplaces import workplace
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import open_executor
from materializers.executors.shipping import ship
from materializers.executors.threads import ThreadsExecutor
from tests.materializers.executor_bench import bench, write_project

SAYS_WHO = """
Path(__file__).with_name(f"loaded-{os.getpid()}").touch()

class Api(Resource):
    def open(self) -> None:
        Path(__file__).with_name(f"opened-{os.getpid()}").touch()
    def close(self) -> None:
        Path(__file__).with_name(f"closed-{os.getpid()}").touch()

@asset
def who(context: Context, api: Api) -> pl.DataFrame:
    context.add_metadata(process=os.getpid())
    return pl.DataFrame({"n": [1]})

@asset
def hoards(context: Context) -> pl.DataFrame:
    global kept
    kept = bytearray(os.urandom(1)) * 300_000_000
    context.add_metadata(process=os.getpid())
    return pl.DataFrame({"n": [1]})

@asset
def asks_sigint() -> pl.DataFrame:
    return pl.DataFrame({"ignored": [signal.getsignal(signal.SIGINT) is signal.SIG_IGN]})
"""


def processes(root: Path, **options: int) -> list[int]:
    """The processes in which five attempts were carried out, one after another."""
    write_project(root, SAYS_WHO)
    with bench(root, ExecutorOptions(kind="processes", workers=1, **options)) as made:  # type: ignore[arg-type]
        found = [made.attempt("who").made[0].metadata["process"] for _ in range(5)]
        made.executor.close()
    return found


def pids(root: Path, what: str) -> set[int]:
    return {int(path.name.rpartition("-")[2]) for path in root.glob(f"{what}-*")}


def test_a_process_is_warm_for_many_attempts_and_closes_its_resources_at_the_end(tmp_path: Path) -> None:
    found = processes(tmp_path)

    assert len(set(found)) == 1
    assert os.getpid() not in found
    assert pids(tmp_path, "loaded") == {*found, os.getpid()}
    assert pids(tmp_path, "opened") == pids(tmp_path, "closed") == set(found)


def test_a_process_is_replaced_after_so_many_attempts(tmp_path: Path) -> None:
    found = processes(tmp_path, recycle_after_steps=2)

    assert [found.count(one) for one in dict.fromkeys(found)] == [2, 2, 1]
    assert pids(tmp_path, "closed") == set(found)


def test_a_process_that_holds_too_much_memory_is_replaced(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO)
    options = ExecutorOptions(kind="processes", workers=1, recycle_after_bytes=300_000_000)
    with bench(tmp_path, options) as made:
        light = [made.attempt("who").made[0].metadata["process"] for _ in range(2)]
        heavy = made.attempt("hoards").made[0].metadata["process"]
        after = made.attempt("who").made[0].metadata["process"]

    assert light == [heavy, heavy]
    assert after != heavy


def test_what_a_step_sets_of_its_process_is_not_there_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_TEST_KEPT", "1")
    write_project(
        tmp_path,
        """
        @asset
        def sets() -> pl.DataFrame:
            del os.environ["HEADWATER_TEST_KEPT"]
            os.environ["HEADWATER_TEST_NEW"] = "2"
            os.chdir("/")
            return pl.DataFrame({"n": [os.getpid()]})

        @asset
        def asks(sets: pl.DataFrame) -> pl.DataFrame:
            kept, new = os.environ.get("HEADWATER_TEST_KEPT"), os.environ.get("HEADWATER_TEST_NEW")
            same = pl.col("n") == os.getpid()
            return sets.with_columns(same=same, kept=pl.lit(kept), new=pl.lit(new), at=pl.lit(os.getcwd()))
        """,
        '[executor]\nkind = "processes"\nworkers = 1\n',
    )  # fmt: skip
    with Project.load(tmp_path) as project:
        assert project.materialize().ok
        found = project.scan("asks").drop("n").collect()
    assert found.to_dicts() == [{"same": True, "kept": "1", "new": None, "at": os.getcwd()}]


def test_an_interrupt_on_the_terminal_does_not_reach_the_processes(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO)
    with bench(tmp_path, ExecutorOptions(kind="processes", workers=1)) as made:
        made.attempt("who")
        (worker,) = pids(tmp_path, "opened")
        result = made.attempt("asks_sigint")

        assert os.getpgid(worker) != os.getpgid(os.getpid())
        assert made.project.tables.scan(result.made).collect()["ignored"].to_list() == [True]


SLOW = """
@asset
def slow() -> pl.DataFrame:
    Path(__file__).with_name("began").write_text(str(os.getpid()))
    time.sleep(6)
    Path(__file__).with_name("woke").touch()
    return pl.DataFrame({"n": [1]})
"""


def test_when_the_run_is_killed_its_processes_end_too(tmp_path: Path) -> None:
    write_project(tmp_path, SLOW)
    run = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("headwater")),
            "-C",
            str(tmp_path),
            "materialize",
            "--executor",
            "processes",
        ],
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "began").exists() and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    worker = int((tmp_path / "began").read_text())
    time.sleep(7)

    assert not (tmp_path / "woke").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_program_without_a_main_guard_may_run_processes(tmp_path: Path) -> None:
    write_project(tmp_path / "project", "@asset\ndef one() -> pl.DataFrame:\n    return pl.DataFrame({'n': [1]})\n")
    program = tmp_path / "program.py"
    program.write_text(
        dedent(f"""
            from headwater import Project, secrets, workplaces
            with Project.load({str(tmp_path / "project")!r}) as project:
                print(project.materialize(executor="processes", workers=1).counts)
        """)
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True)

    assert done.stdout == "{'succeeded': 1}\n"


DAYS = """
days = Daily("2023-01-01", "2024-01-01")
rows = source("raw/rows", files="rows.parquet", partitions=days, partition_by="day")

@asset(inputs={"rows": Input("raw/rows", partitions=all_partitions())}, unique_key=["day"])
def year(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.group_by("day").agg(pl.col("text").str.len_bytes().sum())
"""


def test_a_task_is_small_whatever_the_size_of_its_inputs_and_its_record(tmp_path: Path) -> None:
    import datetime

    import polars as pl

    write_project(tmp_path, DAYS)
    definitions = tmp_path / "definitions.py"
    imports = "from headwater import Daily, Input, all_partitions\n"
    definitions.write_text(imports + definitions.read_text(encoding="utf-8"), encoding="utf-8")
    dates = pl.date_range(datetime.date(2023, 1, 1), datetime.date(2023, 12, 31), eager=True)
    frame = pl.DataFrame({"day": dates, "text": ["x" * 10_000] * 365})
    frame.write_parquet(tmp_path / "rows.parquet", compression="uncompressed")
    with bench(tmp_path, ExecutorOptions()) as made, workplace(made.project) as place:
        task = made.task("year")
        payload = ship(task, place)

    assert len(task.inputs[0].rows) == 365
    assert len(pickle.dumps(task)) - len(payload) > 40_000
    assert len(payload) / 365 < 250


def test_nothing_is_pickled_for_threads(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        """
        class Local(Config):
            model_config = {"arbitrary_types_allowed": True, "frozen": True}
            number: object = lambda: 3

        @asset(run=Run())
        def called(config: Local) -> pl.DataFrame:
            return pl.DataFrame({"n": [config.number()]})
        """,
    )
    with bench(tmp_path, ExecutorOptions(workers=1)) as made:
        assert isinstance(made.executor, ThreadsExecutor)
        assert made.attempt("called").error is None


def test_a_worker_with_other_libraries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, SAYS_WHO)
    here = workplaces._versions()
    monkeypatch.setattr(workplaces, "_versions", lambda: {**here, "polars": "1.0.0"})
    with bench(tmp_path, ExecutorOptions(kind="processes", workers=1)) as made:
        error = made.attempt("who").error

    assert error is not None
    assert error.code == "HW524"
    assert f"polars {here['polars']}, and the run was planned with 1.0.0" in error.message


def test_a_project_that_a_worker_cannot_load_fails_its_steps_and_says_why(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO + '\nif Path(__file__).with_name("late").exists():\n    raise OSError("gone")\n')
    with bench(tmp_path, ExecutorOptions(kind="processes", workers=1)) as made:
        (tmp_path / "late").touch()
        errors = [made.attempt("who").error for _ in range(2)]

    assert [error and error.code for error in errors] == ["HW145", "HW145"]
    assert "gone" in (errors[0].message if errors[0] else "")


def test_secrets_that_only_the_run_knows_are_masked_in_what_comes_back(tmp_path: Path) -> None:
    write_project(
        tmp_path, "@asset\ndef tells() -> pl.DataFrame:\n    raise ValueError(print('hush-hush') or 'hush-hush')\n"
    )
    secrets.remember("hush-hush")
    with bench(tmp_path, ExecutorOptions(kind="processes", workers=1)) as made:
        result = made.attempt("tells")

    assert result.error is not None
    assert (result.log.output, result.error.message) == ("****\n", "****")
    assert "hush" not in result.error.traceback.replace("print('hush-hush')", "").replace("'hush-hush')", "")


def test_an_unknown_kind_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO)
    with Project.load(tmp_path) as project, workplace(project) as place, pytest.raises(UsageError) as raised:
        open_executor(ExecutorOptions(kind="process"), place)

    assert raised.value.code == "HW652"
    assert raised.value.hint == "did you mean 'processes'?"


def test_a_run_on_an_unknown_kind_is_not_begun(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO)
    with Project.load(tmp_path) as project:
        with pytest.raises(UsageError, match="HW652"):
            project.materialize(executor="thread")

        assert project.runs() == []


def test_an_environment_may_have_an_executor_of_its_own(tmp_path: Path) -> None:
    write_project(tmp_path, SAYS_WHO, '[env.prod.executor]\nkind = "processes"\nworkers = 3\n')
    with Project.load(tmp_path, env="prod") as project:
        assert (project.settings.executor.kind, project.settings.executor.workers) == ("processes", 3)
    with Project.load(tmp_path, env="dev") as project:
        assert project.settings.executor.kind == "threads"


def test_backfills_and_runs_that_resume_them_are_carried_out_where_it_was_asked(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        """
        @asset(partitions=Daily("2024-01-01", "2024-01-03"))
        def daily(context: Context) -> pl.DataFrame:
            if context.partition.key == "2024-01-02" and not Path(__file__).with_name("mended").exists():
                raise ValueError("not yet")
            context.add_metadata(process=os.getpid())
            return pl.DataFrame({"n": [1]})
        """,
    )
    with Project.load(tmp_path) as project:
        first = project.backfill("daily", Backfill(), executor="processes", workers=1)
        (tmp_path / "mended").touch()
        second = project.resume(first.run_id or "")
        shown = project.catalog.published(project.env).values()
        asked = project.run(second.run_id or "")[0].asked

    assert (first.counts, second.counts) == ({"succeeded": 1, "failed": 1}, {"succeeded": 1})
    assert os.getpid() not in {made.metadata["process"] for made in shown}
    assert (asked["executor"], asked["workers"]) == ("processes", 1)
