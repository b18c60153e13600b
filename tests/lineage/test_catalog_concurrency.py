"""Several processes and threads on one catalog: nobody is locked out, nothing is lost, nobody sees half a commit."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from assets_core.keys import Slot
from lineage.audit import verify
from lineage.catalog.store import Catalog
from lineage.catalog.values import Outcome
from tests.lineage.catalog_samples import NOW, begun, made_of, outcome_of, record

WRITER = """
import sys, time
from pathlib import Path
from assets_core.keys import Slot
from lineage.catalog.store import Catalog
from tests.lineage.catalog_samples import NOW, begun, made_of, outcome_of

name, path = sys.argv[1], Path(sys.argv[2])
catalog = Catalog.open(path, durability="relaxed")
run = begun(catalog, name)
commits = lost = 0
end = time.monotonic() + 2
while time.monotonic() < end:
    shared = catalog.published("dev", assets=["shared"]).get(Slot("shared"))
    own = made_of(f"{name}-own-{commits}", Slot(f"own/{name}", str(commits)), run_id=run)
    contested = made_of(f"{name}-shared-{commits}", Slot("shared"), run_id=run)
    report = catalog.commit("dev", run, [outcome_of(own), outcome_of(contested, shared and shared.id)], NOW)
    commits += 1
    lost += len(report.lost)
print(commits, lost)
"""


def test_four_writing_processes_are_never_locked_out_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path).close()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"writer-{n}", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    commits = lost = 0
    for writer in writers:
        output, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
        done, gone = map(int, output.split())
        assert done > 0
        commits += done
        lost += gone
    with Catalog.open(path) as catalog:
        shown = catalog.published("dev")
        assert len(shown) == commits + 1
        assert len(catalog.publications(slot=Slot("shared"))) == commits - lost
        assert verify(catalog, lambda stored: None, data=False).findings == ()


def test_a_reader_in_another_thread_sees_whole_commits_only(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            shown = catalog.published("dev")
            seen.append((sum(slot.asset == "a" for slot in shown), sum(slot.asset == "b" for slot in shown)))

    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as catalog:
        begun(catalog)
        thread = threading.Thread(target=read)
        thread.start()
        for n in range(100):
            record(catalog, made_of(f"a{n}", Slot("a", str(n))), made_of(f"b{n}", Slot("b", str(n))))
        stop.set()
        thread.join()
    assert seen
    assert all(first == second for first, second in seen)


def test_threads_that_write_wait_for_each_other(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for n in range(20):
            made = made_of(f"{name}{n}", Slot(name, str(n)))
            catalog.commit(
                "dev", "run", [Outcome((made,)), outcome_of(made_of(f"{name}-{n}", Slot(name, str(n))))], NOW
            )

    with Catalog.open(tmp_path / "catalog.sqlite", durability="none") as catalog:
        begun(catalog)
        threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(catalog.published("dev")) == 60
        assert verify(catalog, lambda stored: None, data=False).ok


def test_a_writer_killed_in_the_middle_leaves_every_commit_it_was_told_of(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from assets_core.keys import Slot;"
        "from lineage.catalog.store import Catalog; from tests.lineage.catalog_samples import begun, made_of, record\n"
        "catalog = Catalog.open(Path(sys.argv[1])); begun(catalog)\n"
        "for n in range(100000):\n"
        "    made = [made_of(f'{n}-{k}', Slot('a', f'{n}-{k}')) for k in range(20)]\n"
        "    print(record(catalog, *made).sequence, flush=True)\n"
    )
    path = tmp_path / "catalog.sqlite"
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(10)]
    writer.kill()
    told.extend(int(line) for line in writer.stdout.read().splitlines() if line)
    writer.wait()
    with Catalog.open(path, create=False) as catalog:
        report = verify(catalog, lambda stored: None, data=False)
        assert report.ok
        assert report.head.sequence >= max(told)
        assert len(catalog.published("dev")) % 20 == 0
        assert [run.id for run in catalog.live_runs()] == ["run"]
