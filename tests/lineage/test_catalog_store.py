"""Opening the catalog: made whole or not at all, refused when it is not one, never silently made anew."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from assets_core.errors import StorageError, UsageError
from assets_core.keys import Slot
from assets_core.records import AttemptLog, RunRecord, RunState, StepRecord
from assets_core.versions import CodeVersion
from lineage.catalog.migrate import CATALOG_VERSION, guards, migrate
from lineage.catalog.schema import APPEND_ONLY, TABLES
from lineage.catalog.store import Catalog
from lineage.catalog.values import Accept, Change, Outcome, Retired, Verb
from lineage.file_systems import file_system
from tests.lineage.catalog_samples import NOW, begun, made_of, record

SLOT = Slot("raw/a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


def filled(path: Path) -> None:
    """A catalog with a row in every table of evidence."""
    with Catalog.open(path, durability="none") as catalog:
        begun(catalog)
        source = made_of("1", SLOT)
        record(catalog, source, made_of("2", Slot("b"), [source]))
        said = StepRecord("run", SLOT, "failed", logs=(AttemptLog("", "Traceback"),))
        catalog.commit("dev", "run", [Outcome(steps=(said,))], NOW)
        catalog.add_check_results("1", (), run_id="run", at=NOW)
        catalog.retire(["2"], Retired.PRUNED, reason="", run_id="run", at=NOW)
        catalog.end_run("run", catalog.runs()[0].state, ended=NOW, counts={})
        change = RunRecord("change", "dev", RunState.SUCCEEDED, NOW, "ada", "headwater env rollback", "")
        catalog.change(Change(change, Verb.ROLLBACK, hold=(SLOT,)))
        newer = replace(change, id="newer")
        catalog.change(Change(newer, Verb.ACCEPT, accept=(Accept(SLOT, "1", CodeVersion(pinned="2"), "text"),)))
        added = RunRecord("added", "dev", RunState.SUCCEEDED, NOW, "ada", "headwater partitions add", "")
        catalog.record_keys(added, "customers", ["acme"], retired=False)


def read_everything(path: Path) -> None:
    """Reads every table."""
    with Catalog.open(path) as catalog:
        catalog.published("dev")
        catalog.runs()
        catalog.log(-1)


def test_what_was_recorded_is_there_after_reopening(path: Path) -> None:
    with Catalog.open(path) as catalog:
        begun(catalog)
        record(catalog, made_of("1", SLOT))
    with Catalog.open(path) as catalog:
        assert catalog.published("dev").keys() == {SLOT}


def test_its_folder_is_made(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "a" / "b" / "catalog.sqlite") as catalog:
        assert catalog.head().sequence == 0


def test_nothing_is_made_where_nothing_shall_be(path: Path) -> None:
    with pytest.raises(StorageError, match="HW410"):
        Catalog.open(path, create=False)
    assert not path.exists()


def test_making_it_leaves_no_other_file_behind(path: Path) -> None:
    Catalog.open(path).close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"these are notes, not a database, and long enough to look at" * 40])
def test_a_file_that_is_no_catalog_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StorageError, match="HW411"):
        Catalog.open(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("create table log (message text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="HW411"):
        Catalog.open(path)
    assert path.read_bytes() == before


def test_a_damaged_catalog_is_refused_and_left_alone(path: Path) -> None:
    filled(path)
    content = bytearray(path.read_bytes())
    content[200:] = b"\xff" * (len(content) - 200)
    path.write_bytes(content)
    with pytest.raises(StorageError, match="HW412"):
        Catalog.open(path)
    assert path.read_bytes() == content


def test_a_catalog_cut_short_is_damaged(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)
    with pytest.raises(StorageError, match="HW412"):
        read_everything(path)


def test_a_catalog_of_a_newer_release_is_refused(path: Path) -> None:
    filled(path)
    raw = sqlite3.connect(path)
    raw.execute(f"pragma user_version = {CATALOG_VERSION + 1}")
    raw.close()
    with pytest.raises(StorageError, match="HW413"):
        Catalog.open(path)


def test_a_catalog_that_lost_its_file_but_not_its_log_is_not_made_anew(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"committed pages")
    with pytest.raises(StorageError, match="HW412"):
        Catalog.open(path)
    assert not path.exists()


def test_a_catalog_deleted_while_it_is_open_does_not_come_back_empty(path: Path) -> None:
    errors: list[BaseException] = []

    def read() -> None:
        try:
            catalog.published("dev")
        except StorageError as error:
            errors.append(error)

    with Catalog.open(path) as catalog:
        path.unlink()
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert [error.args[0] for error in errors] == ["HW410"]
    assert not path.exists()


@pytest.mark.parametrize("becomes", ["gone", "another"])
def test_nothing_is_recorded_in_a_catalog_that_is_no_longer_at_its_place(path: Path, becomes: str) -> None:
    with Catalog.open(path.with_name("backup")):
        pass
    with Catalog.open(path) as catalog:
        begun(catalog)
        if becomes == "gone":
            path.unlink()
        else:
            path.with_name("backup").replace(path)
        with pytest.raises(StorageError, match="HW410"):
            record(catalog, made_of("1", SLOT))
        with pytest.raises(StorageError, match="HW410"):
            catalog.published("dev")


def test_a_place_where_no_file_can_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="HW410"):
        Catalog.open(tmp_path / "file" / "catalog.sqlite")


def test_a_full_disk_loses_nothing_that_was_committed(path: Path) -> None:
    with Catalog.open(path) as catalog:
        begun(catalog)
        record(catalog, made_of("1", SLOT))
        with catalog.reading() as connection:
            pages = connection.execute("pragma page_count").fetchone()[0]
            connection.execute(f"pragma max_page_count = {pages + 1}")
        many = [made_of(f"big {n}", Slot("big", f"{n}" * 400)) for n in range(200)]
        with pytest.raises(StorageError, match="HW415"):
            record(catalog, *many)
        assert catalog.published("dev").keys() == {SLOT}


def test_a_closed_catalog_says_so(path: Path) -> None:
    catalog = Catalog.open(path)
    catalog.close()
    catalog.close()
    with pytest.raises(StorageError, match="HW418"):
        catalog.runs()


def test_an_unknown_durability_is_wrong_use(path: Path) -> None:
    with pytest.raises(UsageError, match="HW640"):
        Catalog.open(path, durability="some")


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["delete from {0}", "update {0} set {1} = {1}"])
def test_the_file_itself_refuses_to_change_evidence(path: Path, table: str, change: str) -> None:
    filled(path)
    raw = sqlite3.connect(path)
    assert raw.execute(f"select count(*) from {table}").fetchone()[0] > 0
    (column,) = raw.execute(f"select name from pragma_table_info('{table}') where cid = 0").fetchone()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change.format(table, column))
    raw.close()


def test_a_catalog_of_an_earlier_release_keeps_its_logs_from_being_deleted_once_it_is_opened(path: Path) -> None:
    filled(path)
    raw = sqlite3.connect(path, isolation_level=None)
    for trigger in guards("output"):
        raw.execute(f"drop trigger {trigger}")
    raw.execute("delete from _sqlite_migrations where name = 'outputs'")
    raw.execute("pragma user_version = 7")
    Catalog.open(path).close()
    assert raw.execute("pragma user_version").fetchone()[0] == CATALOG_VERSION
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute("delete from output")
    raw.close()


def test_every_table_of_evidence_has_the_columns_that_are_hashed(path: Path) -> None:
    Catalog.open(path).close()
    raw = sqlite3.connect(path)
    for table in TABLES.values():
        columns = [row[1] for row in raw.execute(f"pragma table_info({table.name})")]
        assert tuple(columns) == table.names
    raw.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("create table step (already there)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(raw)
    assert [row[0] for row in raw.execute("select name from sqlite_master where type = 'table'")] == ["step"]
    assert raw.execute("pragma user_version").fetchone()[0] == 0
    raw.close()


def test_migrating_twice_is_migrating_once(path: Path) -> None:
    raw = sqlite3.connect(path, isolation_level=None)
    migrate(raw)
    migrate(raw)
    applied = raw.execute("select name from _sqlite_migrations where migration_set = 'headwater'").fetchall()
    assert len(applied) == CATALOG_VERSION
    raw.close()


def test_opening_an_existing_catalog_does_not_load_the_migration_library(path: Path) -> None:
    Catalog.open(path).close()
    program = (
        "import sys; from pathlib import Path; from lineage.catalog.store import Catalog;"
        f"Catalog.open(Path({str(path)!r})).close(); print('sqlite_utils' in sys.modules, 'polars' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_processes_that_make_it_at_once_share_it(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from lineage.catalog.store import Catalog;"
        "from tests.lineage.catalog_samples import begun;"
        f"sys.stdin.read(1); begun(Catalog.open(Path({str(path)!r})), sys.argv[1])"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program, f"run-{n}"], stdin=subprocess.PIPE, text=True)
        for n in range(3)
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("x")
        run.stdin.flush()
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    with Catalog.open(path, create=False) as catalog:
        assert {run.id for run in catalog.runs()} == {"run-0", "run-1", "run-2"}


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/mnt/share/project", "nfs4"), ("/mnt/share on/x", "cifs"), ("/mnt/shared", "ext4"), ("/home/x", "ext4")],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nserver:/x /mnt/share nfs4 rw 0 0\n//s/y /mnt/share\\040on cifs rw 0 0\n")
    assert file_system(Path(folder), mounts) == kind


def test_an_unknown_table_of_mounts_refuses_nothing(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "no mounts") == ""
