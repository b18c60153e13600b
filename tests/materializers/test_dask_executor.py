"""What is the Dask executor's own: its cluster, its resources, workers that are lost."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from assets_core.errors import RunError
from headwater import Project
from headwater.workplaces import workplace
from materializers.executors import dask
from materializers.executors.options import ExecutorOptions
from materializers.executors.registry import open_executor
from tests.materializers.dask_cluster import dask_cluster, start_scheduler, start_worker, wait_for_workers
from tests.materializers.executor_bench import Meddler, bench, write_project

DEFINITIONS = """
@asset
def sound(context: Context) -> pl.DataFrame:
    context.add_metadata(process=os.getpid(), folder=os.path.dirname(__file__))
    return pl.DataFrame({"n": [1]})

@asset
def marks_and_sleeps() -> pl.DataFrame:
    with open(Path(__file__).with_name("began"), "a") as file:
        file.write(f"{os.getppid()}\\n")
    time.sleep(3)
    return pl.DataFrame({"n": [1]})
"""


def refused(root: Path, options: ExecutorOptions) -> RunError:
    with Project.load(root) as project, workplace(project) as place, pytest.raises(RunError) as raised:
        open_executor(options, place)
    return raised.value


def _listening_to_the_world() -> set[str]:
    """The ports of this process at which it can be reached from outside."""
    connections = psutil.Process().net_connections(kind="tcp")
    return {str(one.laddr) for one in connections if one.status == "LISTEN" and not one.laddr.ip.startswith("127.")}


def test_without_an_address_there_is_a_cluster_of_the_runs_own_that_nobody_else_can_reach(tmp_path: Path) -> None:
    write_project(tmp_path, DEFINITIONS)
    before = _listening_to_the_world()
    with bench(tmp_path, ExecutorOptions(kind="dask", workers=2)) as made:
        assert made.executor.workers == 2
        assert made.attempt("sound").error is None
        assert _listening_to_the_world() == before


def test_an_address_where_nobody_answers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1.0)
    write_project(tmp_path, DEFINITIONS)

    error = refused(tmp_path, ExecutorOptions(kind="dask", address="tcp://127.0.0.1:9"))

    assert error.code == "HW525"
    assert "tcp://127.0.0.1:9" in error.what


def test_only_workers_that_offer_what_is_asked_for_are_given_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 5.0)
    write_project(tmp_path / "project", DEFINITIONS)
    with ExitStack() as ending:
        _, address = start_scheduler(tmp_path, "127.0.0.1", ending)
        start_worker(tmp_path, 1, address, ending)
        start_worker(tmp_path, 2, address, ending, more=("--resources", "bigmem=1"))
        wait_for_workers(address, 2)

        error = refused(tmp_path / "project", ExecutorOptions("dask", address=address, resources={"gpu": 1}))
        with bench(tmp_path / "project", ExecutorOptions("dask", address=address, resources={"bigmem": 1})) as made:
            assert made.executor.workers == 1
            assert made.attempt("sound").error is None

    assert error.code == "HW525"
    assert "gpu" in error.why


def test_workers_may_have_the_project_in_another_folder_if_it_is_the_same(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write_project(here, DEFINITIONS, f'[storage.default]\npath = "{tmp_path / "data"}"\n')
    shutil.copytree(here, there)
    with dask_cluster(tmp_path, workers=1) as cluster:
        options = ExecutorOptions(kind="dask", address=cluster.address, project=str(there))
        with bench(here, options) as made:
            result = made.attempt("sound")
            assert result.made[0].metadata["folder"] == str(there)
            assert made.project.tables.scan(result.made).collect()["n"].to_list() == [1]
        (there / "definitions.py").write_text((here / "definitions.py").read_text().replace("[1]", "[2]"))
        with bench(here, options) as made:
            error = made.attempt("sound").error

    assert error is not None
    assert error.code == "HW523"


def test_a_run_whose_scheduler_is_lost_ends_and_keeps_what_it_published(tmp_path: Path) -> None:
    root = tmp_path / "project"
    chain = "".join(
        f"""
@asset{f'(inputs={{"before": "step_{number - 1}"}})' if number else ""}
def step_{number}({"before: pl.DataFrame" if number else ""}) -> pl.DataFrame:
    time.sleep(0.5)
    return pl.DataFrame({{"n": [{number}]}})
"""
        for number in range(6)
    )
    with dask_cluster(tmp_path, workers=2) as cluster:
        write_project(root, chain, f'[executor]\nkind = "dask"\naddress = "{cluster.address}"\n')
        with Project.load(root) as project:
            result = project.materialize(reporter=Meddler({2: cluster.scheduler.kill}))
            published = {str(slot) for slot in project.catalog.published(project.env)}
            assert project.verify().ok
            finished = project.materialize(executor="threads")

    assert result.counts == {"succeeded": 2, "failed": 1, "upstream_failed": 3}
    assert [one.error and one.error.code for one in result.steps if one.state == "failed"] == ["HW521"]
    assert published == {"step_0", "step_1"}
    assert finished.counts == {"succeeded": 4}


def test_the_attempt_of_a_killed_worker_is_carried_out_by_another_and_comes_back_once(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write_project(root, DEFINITIONS)
    with (
        dask_cluster(tmp_path, workers=2) as cluster,
        bench(root, ExecutorOptions(kind="dask", address=cluster.address)) as made,
    ):
        made.submit("marks_and_sleeps")
        until = time.monotonic() + 60
        while not (root / "began").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)
        first = int((root / "began").read_text())
        next(one for one in cluster.workers if one.pid == first).kill()
        result = made.results(1)["marks_and_sleeps"]
        time.sleep(4)

        assert result.error is None
        assert len((root / "began").read_text().split()) == 2
        assert made.executor.wait(0.1) == []
        # The process of the killed worker ended with it, before it could store anything.
        assert [file.stem for file in made.stored_files("marks_and_sleeps")] == [result.made[0].id]
