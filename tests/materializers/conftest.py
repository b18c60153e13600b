"""Executors of every kind to try things on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from materializers.executors.options import ExecutorOptions
from tests.materializers.dask_cluster import DaskCluster, dask_cluster
from tests.materializers.executor_bench import Bench, opened, write_project
from tests.materializers.executor_projects import NASTY


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler and two workers, each a process of its own, for all tests that need no other."""
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as made:
        yield made


@pytest.fixture
def options(request: pytest.FixtureRequest) -> ExecutorOptions:
    """How the executor of the test's kind is opened, with two attempts at once."""
    kind = request.param
    address = request.getfixturevalue("cluster").address if kind == "dask" else ""
    return ExecutorOptions(kind=kind, workers=2, address=address)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[ExecutorOptions], Bench]]:
    """One executor of each kind for all tests that do not edit the project."""
    made: dict[str, Bench] = {}
    with ExitStack() as closing:

        def open_once(options: ExecutorOptions) -> Bench:
            if options.kind not in made:
                root = tmp_path_factory.mktemp(options.kind)
                write_project(root, NASTY)
                made[options.kind] = closing.enter_context(opened(root, options))
            return made[options.kind]

        yield open_once


@pytest.fixture
def nasty(options: ExecutorOptions, benches: Callable[[ExecutorOptions], Bench]) -> Bench:
    """The project of functions that misbehave, on the executor of the test's kind."""
    return benches(options)
