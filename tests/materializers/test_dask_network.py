"""A run on a Dask cluster of several machines, each a network namespace with an address of its own; some are lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headwater import Project
from tests.materializers.dask_cluster import start_scheduler, start_worker, wait_for_workers
from tests.materializers.executor_bench import Meddler, write_project

WORKERS = 3
IMPATIENT = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "15s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "30s",
}
"""How soon a silent worker counts as lost: in minutes if Dask is left to itself."""


@dataclass
class Network:
    """Machines on one switch.

    Arguments:
        links: by machine, the end of its cable at the switch.
    """

    name: str
    links: dict[str, str] = field(default_factory=dict)

    def address(self, number: int) -> str:
        """The address of a machine; 1 is this one."""
        return f"10.213.{os.getpid() % 250}.{number}"

    def add(self, number: int) -> str:
        """A machine more; gives its namespace."""
        space, ours, theirs = f"{self.name}n{number}", f"{self.name}o{number}", f"{self.name}t{number}"
        _ip("netns", "add", space)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        _ip("link", "set", theirs, "netns", space)
        _ip("link", "set", ours, "master", self.name, "up")
        _ip("-n", space, "addr", "add", f"{self.address(number)}/24", "dev", theirs)
        _ip("-n", space, "link", "set", theirs, "up")
        _ip("-n", space, "link", "set", "lo", "up")
        self.links[space] = ours
        return space

    def cut(self, space: str) -> None:
        """Pulls a machine's cable."""
        _ip("link", "set", self.links[space], "down")

    def mend(self, space: str) -> None:
        """Plugs it in again."""
        _ip("link", "set", self.links[space], "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def network() -> Iterator[Network]:
    """A switch to which this machine is connected."""
    if shutil.which("ip") is None:
        pytest.skip("ip of iproute2 is not installed")
    made = Network(f"hw{os.getpid() % 100_000}")
    try:
        _ip("link", "add", made.name, "type", "bridge")
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"network namespaces are not permitted here: {refused.stderr.strip()}")
    try:
        _ip("addr", "add", f"{made.address(1)}/24", "dev", made.name)
        _ip("link", "set", made.name, "up")
        yield made
    finally:
        for space in made.links:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", made.name], check=False, capture_output=True)


LATTICE = """
WIDTH, DEPTH = 6, 5

def make(layer, place):
    key = f"l{layer}/a{place}"
    if layer == 0:
        @asset(key=key)
        def root() -> pl.DataFrame:
            time.sleep(0.4)
            return pl.DataFrame({"id": range(50), "value": [place * 0.5] * 50})
        return

    @asset(key=key, inputs={"a": f"l{layer - 1}/a{place}", "b": f"l{layer - 1}/a{(place + 1) % WIDTH}"})
    def node(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
        time.sleep(0.4)
        return a.join(b, on="id").select("id", value=pl.col("value") + pl.col("value_right"))

for layer in range(DEPTH):
    for place in range(WIDTH):
        make(layer, place)
"""
SLOTS = 30


def _contents(project: Project) -> dict[str, object]:
    shown = project.catalog.published(project.env)
    return {str(slot): (made.version, made.recipe and made.recipe.id) for slot, made in shown.items()}


@pytest.fixture(scope="module")
def from_scratch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the run gives where nothing is lost."""
    root = tmp_path_factory.mktemp("calm")
    write_project(root, LATTICE)
    with Project.load(root) as project:
        assert project.materialize().counts == {"succeeded": SLOTS}
        return _contents(project)


def test_a_killed_worker_and_a_cut_link_change_nothing_of_what_is_published(
    tmp_path: Path, network: Network, from_scratch: dict[str, object]
) -> None:
    spaces = [network.add(10 + number) for number in range(WORKERS + 1)]
    with ExitStack() as ending:
        folder = tmp_path / "dask"
        folder.mkdir()
        _, address = start_scheduler(
            folder, network.address(10), ending, within=("ip", "netns", "exec", spaces[0]), settings=IMPATIENT
        )
        workers = [
            start_worker(
                folder,
                number,
                address,
                ending,
                within=("ip", "netns", "exec", spaces[number]),
                host=network.address(10 + number),
                settings=IMPATIENT,
            )
            for number in range(1, WORKERS + 1)
        ]
        wait_for_workers(address, WORKERS)
        root = tmp_path / "project"
        write_project(root, LATTICE, f'[executor]\nkind = "dask"\naddress = "{address}"\n')
        meddler = Meddler(
            {
                5: workers[0].kill,
                14: lambda: network.cut(spaces[2]),
                26: lambda: network.mend(spaces[2]),
            }
        )
        with Project.load(root) as project:
            result = project.materialize(reporter=meddler)

            assert result.counts == {"succeeded": SLOTS}, [one.error for one in result.steps if one.error]
            assert workers[0].poll() is not None
            assert sorted(meddler.settled_slots) == sorted(from_scratch)
            assert _contents(project) == from_scratch
            assert project.verify().ok
            assert _publications(project) == dict.fromkeys(from_scratch, 1)
        scheduler = (folder / "scheduler.log").read_text(encoding="utf-8")
        assert "name: worker-1 " in scheduler.partition("Remove worker")[2]
        assert "name: worker-2 " in scheduler.partition("Remove worker")[2]


def _publications(project: Project) -> dict[str, int]:
    """How often each slot was published, as the catalog has it."""
    counted: dict[str, int] = {}
    for one in project.catalog.publications(project.env):
        counted[str(one.slot)] = counted.get(str(one.slot), 0) + 1
    return counted
