"""Whatever is changed, removed or added behind the catalog's back is found."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets_core.errors import DataError, StorageError
from assets_core.keys import Slot
from assets_core.records import AttemptLog, RunRecord, RunState, StepRecord, Stored
from assets_core.versions import CodeVersion
from lineage.audit import AuditReport, Fault, log, verify
from lineage.catalog.chain import START, Canon, entry_hash, reading_digest
from lineage.catalog.migrate import guards
from lineage.catalog.schema import APPEND_ONLY, INTERNED, TABLES, Kind
from lineage.catalog.store import Catalog
from lineage.catalog.values import Accept, Change, Head, Move, Outcome, Publish, Retired, Verb
from lineage.catalog.verification import Names
from tests.lineage.catalog_samples import NOW, PASSED, begun, later, made_of, outcome_of, record

RAW, STAGING, MART = Slot("raw/a"), Slot("staging/b", "2013-01-01"), Slot("marts/c")
CHECKED = (*APPEND_ONLY, "head", "current")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with several rows in every table, and the data it speaks of."""
    folder = tmp_path_factory.mktemp("audited")
    path = folder / "catalog.sqlite"
    with Catalog.open(path, durability="none") as catalog:
        begun(catalog)
        source = made_of("1", RAW)
        staging = replace(made_of("2", STAGING, [source]), metadata={"note": "x"})
        logs = (AttemptLog("printed"),)
        first = outcome_of(staging, source="select 1")
        catalog.commit("dev", "run", [outcome_of(source)], NOW)
        catalog.commit("dev", "run", [replace(first, steps=(replace(first.steps[0], logs=logs),))], later(1))
        mart = made_of("3", MART, [staging, source])
        record(catalog, mart, at=later(2))
        again = made_of("4", MART, [staging, source], code="2")
        record(catalog, again, at=later(3))
        record(catalog, made_of("5", MART, [staging, source], code="3", blocked=True), at=later(4))
        catalog.add_check_results("1", [PASSED], run_id="run", at=later(5))
        catalog.add_check_results("2", [replace(PASSED, passed=False)], run_id=None, at=later(5))
        for made in ("3", "5"):
            catalog.retire([made], Retired.WITHDRAWN, reason="wrong", run_id="run", at=later(6))
        begun(catalog, "prod run", "prod", later(7))
        catalog.commit("prod", "prod run", [Outcome(publish=(Publish(MART, "4", None),))], later(8))
        failed = StepRecord("prod run", RAW, "failed", logs=(AttemptLog("", "Traceback"),))
        catalog.commit("prod", "prod run", [Outcome(steps=(failed,))], later(8))
        for change in changes():
            catalog.change(change)
        added, gone = (
            RunRecord(f"keys {n}", "dev", RunState.SUCCEEDED, later(8), "ada", "partitions", "") for n in range(2)
        )
        catalog.record_keys(added, "customers", ["acme", "globex"], retired=False)
        catalog.record_keys(gone, "customers", ["acme"], retired=True)
        catalog.end_run("run", RunState.SUCCEEDED, ended=later(9), counts={"succeeded": 3})
        catalog.end_run("prod run", RunState.FAILED, ended=later(9), counts={}, reason="one failed")
    return path


def changes() -> Iterator[Change]:
    """An environment made with two pointers, rolled back in one slot, which is held and then released."""
    runs = [RunRecord(f"change {n}", "copy", RunState.SUCCEEDED, later(8), "ada", "env", "") for n in range(4)]
    moves = (Move("copy", RAW, "1", None), Move("copy", STAGING, "2", None))
    yield Change(runs[0], Verb.CREATE, "dev", 9, moves=moves)
    yield Change(runs[1], Verb.ROLLBACK, moves=(Move("copy", STAGING, None, "2"),), hold=(STAGING, RAW))
    yield Change(runs[2], Verb.RELEASE, release=(RAW,))
    accept = Accept(RAW, "1", CodeVersion(pinned="2"), "select 2")
    yield Change(runs[3], Verb.ACCEPT, accept=(accept, accept._replace(decided="change 0")))


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(filled, tmp_path / "catalog.sqlite"))


def audited(path: Path, *, anchor: Head | None = None) -> AuditReport:
    with Catalog.open(path, create=False) as catalog:
        return verify(catalog, lambda stored: stored.digest, anchor=anchor)


def codes(report: AuditReport) -> set[str]:
    return {finding.code for finding in report.findings}


def tamper(path: Path, *statements: str | tuple[str, Sequence[Any]]) -> None:
    """Carries statements out as somebody would who knows the file: guards away, and back in place afterwards."""
    raw = sqlite3.connect(path, isolation_level=None)
    for table in APPEND_ONLY:
        for name in guards(table):
            raw.execute(f"drop trigger {name}")
    for statement in statements:
        raw.execute(*((statement,) if isinstance(statement, str) else statement))
    for table in APPEND_ONLY:
        for statement in guards(table).values():
            raw.execute(statement)
    raw.close()


def columns_of_every_table() -> Iterator[tuple[str, str]]:
    for table in TABLES.values():
        for name in table.names:
            yield table.name, name
    yield from (("log", name) for name in ("sequence", "covers", "at", "hash"))
    yield from (("head", name) for name in ("sequence", "hash"))
    yield from (("environment", name) for name in ("number", "name"))
    yield from (("slot", name) for name in ("number", "asset", "partition"))
    yield from (("content", name) for name in ("number", "digest", "body"))
    yield from (("reading", name) for name in ("number", "fingerprint", "materialization", "partition", "version"))
    for name in ("environment", "slot", "materialization", "publication", "step", "blocked", "id"):
        yield "current", name
    yield from (("output", name) for name in ("digest", "body"))


def changed(value: object) -> object:
    """Another value of the same type."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, float):
        return value + 0.5
    if isinstance(value, int):
        return value + 1
    return 1


def test_an_untouched_catalog_is_sound(path: Path) -> None:
    report = audited(path)
    assert report.findings == ()
    assert report.ok
    assert report.records == report.head.sequence >= 15
    assert report.files == 4


def test_every_table_has_rows_to_tamper_with(path: Path) -> None:
    raw = sqlite3.connect(path)
    assert all(raw.execute(f"select count(*) from {table}").fetchone()[0] >= 1 for table in CHECKED)
    raw.close()


@pytest.mark.parametrize(("table", "column"), list(columns_of_every_table()))
def test_a_changed_value_is_found(path: Path, table: str, column: str) -> None:
    raw = sqlite3.connect(path)
    key = {"current": "environment * 1000 + slot", "output": "digest"}.get(table, "rowid")
    order = f"{column} is null, {key} desc"
    row, value = raw.execute(f"select {key}, {column} from {table} order by {order} limit 1").fetchone()
    raw.close()
    new = changed(value)
    if column == "number" or (table in APPEND_ONLY and column == "sequence"):
        new = 1000
    if table == "current" and column in ("environment", "slot"):
        new = 1000
    tamper(path, (f"update {table} set {column} = ? where {key} = ?", (new, row)))
    assert not audited(path).ok


OF_ANY_TYPE = [
    (table, column) for table, column in columns_of_every_table() if column not in ("number", "sequence")
] + [("head", "sequence")]
"""The others are numbers by which SQLite finds a row, and it keeps nothing else there."""


@pytest.mark.parametrize(("table", "column"), OF_ANY_TYPE)
@pytest.mark.parametrize("value", ["'x'", "x'ff'", "cast(x'ff' as text)"], ids=["text", "blob", "no UTF-8"])
def test_a_value_of_another_type_is_found_and_not_stumbled_over(
    path: Path, table: str, column: str, value: str
) -> None:
    which = f"{column} = (select max({column}) from {table})"
    tamper(path, f"update {table} set {column} = {value} where {which} or {column} is null")
    with Catalog.open(path, create=False) as catalog:
        assert codes(verify(catalog, lambda stored: None)) & {Fault.ALTERED, Fault.POINTER}


@pytest.mark.parametrize(
    "alteration",
    [
        "update log set hash = 'x' where sequence = 3",
        "update slot set asset = cast(asset as blob) where number = 1",
        "update materialization set location = 'a' || char(0) where id = '3'",
        "update materialization set storage = cast(storage as blob) where id = '3'",
        "drop table current",
    ],
)
def test_what_cannot_be_read_hides_no_other_finding(path: Path, alteration: str) -> None:
    tamper(path, "update materialization set rows = 11 where id = '4'")
    found = audited(path).findings
    tamper(path, alteration)
    assert set(found) < set(audited(path).findings)


@pytest.mark.parametrize("table", CHECKED)
@pytest.mark.parametrize("which", ["first", "last"])
def test_a_deleted_row_is_found(path: Path, table: str, which: str) -> None:
    key = {"current": "environment * 1000 + slot", "output": "digest"}.get(table, "rowid")
    order = "" if which == "first" else "desc"
    tamper(path, f"delete from {table} where {key} = (select {key} from {table} order by {key} {order} limit 1)")
    assert not audited(path).ok


@pytest.mark.parametrize("table", [*(one.name for one in TABLES.values()), "log"])
def test_an_inserted_row_is_found(path: Path, table: str) -> None:
    tamper(
        path,
        f"create temp table forged as select * from {table} order by sequence desc limit 1",
        "update forged set sequence = 1000",
        "update forged set id = 'forged'" if table in ("run", "materialization") else "select 1",
        f"insert into {table} select * from forged",
    )
    report = audited(path)
    assert codes(report) & {Fault.INSERTED, Fault.MISSING, Fault.DANGLING}


@pytest.mark.parametrize("column", ["storage", "location", "digest", "bytes", "shape", "slot", "code", "parts"])
def test_an_emptied_value_is_found_and_not_stumbled_over(path: Path, column: str) -> None:
    raw = sqlite3.connect(path)
    rows = raw.execute("select sql from sqlite_master where name = 'materialization'").fetchone()[0]
    raw.close()
    if f"{column} integer not null" in rows:
        tamper(path, f"update materialization set {column} = -1 where id = '3'")
    else:
        tamper(path, f"update materialization set {column} = null where id = '3'")
    assert Fault.ALTERED in codes(audited(path))


def test_an_inserted_text_that_no_record_uses_is_found(path: Path) -> None:
    tamper(path, "insert into content (number, digest, body) values (1000, x'00', '{}')")
    assert Fault.ALTERED in codes(audited(path))


@pytest.mark.parametrize(("table", "row"), [("environment", "1000, 'ghost'"), ("slot", "1000, 'ghost', null")])
def test_an_inserted_name_that_no_record_uses_is_found(path: Path, table: str, row: str) -> None:
    tamper(path, f"insert into {table} values ({row})")
    (finding,) = audited(path).findings
    assert (finding.code, finding.where) == (Fault.INSERTED, f"{table} 1000")


def test_a_slot_that_was_looked_at_and_not_recorded_leaves_no_name_behind(path: Path) -> None:
    unseen = Slot("raw/unseen")
    with Catalog.open(path) as catalog:
        begun(catalog, "next")
        catalog.commit("dev", "next", [Outcome(publish=(Publish(unseen, None, None),))], later(10))
        assert audited(path).ok
        record(catalog, made_of("6", unseen, run_id="next"), run_id="next", at=later(11))
    assert audited(path).ok


def test_a_finding_names_the_entry_and_the_slot(path: Path) -> None:
    tamper(path, "update materialization set rows = 11 where id = '3'")
    (finding,) = audited(path).findings
    assert finding.code == Fault.ALTERED
    assert "materialization" in finding.where
    assert str(MART) in finding.where


def test_one_change_is_one_finding_and_not_one_for_all_that_follows(path: Path) -> None:
    tamper(path, "update step set state = 'skipped' where sequence = (select min(sequence) from step)")
    assert len(audited(path).findings) == 1


def test_a_check_result_made_to_pass_is_found(path: Path) -> None:
    raw = sqlite3.connect(path)
    (passed,) = raw.execute("select checks from materialization where id = '1'").fetchone()
    raw.close()
    tamper(path, ("update later_check set results = ? where results != ?", (passed, passed)))
    assert codes(audited(path)) == {Fault.ALTERED}


def test_entries_cut_off_the_end_are_found(path: Path) -> None:
    tamper(
        path,
        "delete from log where sequence > 12",
        *(f"delete from {one.name} where sequence > 12" for one in TABLES.values()),
    )
    assert Fault.MISSING in codes(audited(path))


def test_a_cut_whose_traces_are_covered_is_found_against_a_noted_head(path: Path) -> None:
    head = audited(path).head
    cut = head.sequence - 2  # the two ends of runs: nothing else speaks of them
    tamper(
        path,
        f"delete from log where sequence > {cut}",
        f"delete from run_end where sequence > {cut}",
        "delete from content where number not in (select process from run where process is not null)"
        " and body like '{\"succeeded\"%'",
        f"update head set sequence = {cut}, hash = (select hash from log where sequence = {cut})",
    )
    assert audited(path).ok
    assert codes(audited(path, anchor=head)) == {Fault.MISSING}


def test_a_history_hashed_anew_is_found_against_a_noted_head(path: Path) -> None:
    head = audited(path).head
    tamper(path, "update materialization set rows = 11 where id = '3'", *_hashed_anew(path, rows_of_3=11))
    assert audited(path).ok
    assert codes(audited(path, anchor=head)) == {Fault.ALTERED}


def test_a_log_that_went_on_still_passes_through_a_noted_head(path: Path) -> None:
    head = audited(path).head
    with Catalog.open(path) as catalog:
        begun(catalog, "next")
    assert audited(path, anchor=head).ok


def test_missing_guards_are_found(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("drop trigger publication_no_delete")
    raw.close()
    assert codes(audited(path)) == {Fault.UNGUARDED}


def test_a_foreign_trigger_is_found(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("create trigger mine after insert on run begin select 1; end")
    raw.close()
    assert codes(audited(path)) == {Fault.UNGUARDED}


def test_a_pointer_moved_without_a_publication_is_found(path: Path) -> None:
    tamper(path, "update current set materialization = (select sequence from materialization where id = '3')")
    report = audited(path)
    assert codes(report) == {Fault.POINTER}
    assert any(str(MART) in finding.where for finding in report.findings)


@pytest.mark.parametrize("identifier", ["x'00'", "'3'", "null"])
def test_a_slot_that_names_another_materialization_than_it_points_at_is_found(path: Path, identifier: str) -> None:
    shows = "materialization = (select sequence from materialization where id = '4')"
    tamper(path, f"update current set id = {identifier} where {shows}")
    assert codes(audited(path)) == {Fault.POINTER}


def test_a_slot_that_names_a_materialization_and_points_at_none_is_found(path: Path) -> None:
    tamper(path, "update current set id = '1' where materialization is null")
    assert codes(audited(path)) == {Fault.POINTER}


def test_what_is_remembered_to_be_quick_is_no_evidence(path: Path) -> None:
    tamper(
        path,
        "insert into standing values (1000, 'forged', 'forged')",
        "insert into derivation values ('forged', 'forged')",
        "insert into projection select sequence, 'forged', 'forged' from materialization",
        "insert into file_digest values ('forged', 1, 1, 1, 1, 'forged')",
        "update current set judged = 1000, basis = x'00'",
    )
    assert audited(path).ok


def test_missing_and_altered_data_are_found(path: Path) -> None:
    def digest_of(stored: Stored) -> str | None:
        if stored.location.endswith("/2.parquet"):
            return None
        if stored.location.endswith("/4.parquet"):
            raise DataError("HW300", "cannot be read")
        return "other" if stored.location.endswith("/3.parquet") else stored.digest

    with Catalog.open(path) as catalog:
        report = verify(catalog, digest_of)
        assert [finding.code for finding in report.findings] == [
            Fault.DATA_MISSING,
            Fault.DATA_ALTERED,
            Fault.DATA_MISSING,
        ]
        assert report.files == 2
        assert verify(catalog, digest_of, data=False).ok


def test_data_that_was_pruned_may_be_gone(path: Path) -> None:
    with Catalog.open(path) as catalog:
        catalog.retire(["2", "3", "4", "5"], Retired.PRUNED, reason="old", run_id=None, at=later(20))

        def unreadable(stored: Stored) -> str | None:
            raise DataError("HW300", "cannot be read")

        for digest_of in (lambda stored: None, unreadable):
            report = verify(catalog, digest_of)
            assert report.ok
            assert report.files == 0


def test_a_deleted_log_of_a_step_is_found_and_the_step_named(path: Path) -> None:
    tamper(path, "delete from output where digest = (select output from step where state = 'failed')")
    (finding,) = audited(path).findings
    assert finding.code == Fault.MISSING
    assert finding.where.endswith(f"step of {RAW}")


def test_a_damaged_page_is_a_finding_or_an_explained_error(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.rindex(b"headwater materialize")
    content[place - 3000 : place] = b"\x07" * 3000
    path.write_bytes(content)
    assert not audited(path).ok


def test_the_log_tells_who_did_what_newest_first(path: Path) -> None:
    with Catalog.open(path) as catalog:
        entries = log(catalog, -1)
    sequences = [entry.sequence for entry in entries]
    assert sequences == sorted(sequences, reverse=True)
    assert set(sequences) == set(range(1, sequences[0] + 1))
    assert {entry.kind for entry in entries} == {table.name for table in TABLES.values()}
    assert {entry.actor for entry in entries if entry.run_id is not None} == {"ada"}


def test_the_log_of_one_asset_holds_everything_about_it(path: Path) -> None:
    with Catalog.open(path) as catalog:
        entries = log(catalog, 100, MART.asset)
    assert {entry.slot for entry in entries} == {MART}
    assert [(one.env, one.detail) for one in entries if one.kind == "publication"] == [
        ("prod", ""),
        ("dev", "instead of 3"),
        ("dev", ""),
    ]
    assert [one.detail for one in entries if one.kind == "retirement"] == ["withdrawn: wrong", "withdrawn: wrong"]


def test_the_log_is_bounded(path: Path) -> None:
    with Catalog.open(path) as catalog:
        assert len(log(catalog, 3)) == 3


def _hashed_anew(path: Path, *, rows_of_3: int) -> list[tuple[str, Sequence[Any]]]:
    """The updates by which somebody who knows the rules makes the chain fit an altered record."""
    raw = sqlite3.connect(path)
    names = Names(
        dict(raw.execute("select number, name from environment")),
        {number: (asset, part) for number, asset, part in raw.execute("select * from slot")},
        dict(raw.execute("select number, digest from content")),
        {row[0]: reading_digest(*row[2:]) for row in raw.execute("select * from reading")},
    )
    canon, previous, updates = Canon(names), START, []
    for sequence, covers, at in raw.execute("select sequence, covers, at from log order by sequence").fetchall():
        content = b""
        for kind in (kind for kind in Kind if covers & kind):
            table = TABLES[kind]
            query = f"select {', '.join(table.names)} from {table.name} where sequence = {sequence}"
            values = list(raw.execute(query).fetchone()[1:])
            if table.name == "materialization" and values[0] == "3":
                values[table.names.index("rows") - 1] = rows_of_3
            content += canon.content(kind, values)
        previous = entry_hash(previous, sequence, covers, at, content)
        updates.append(("update log set hash = ? where sequence = ?", (previous, sequence)))
    raw.close()
    return [*updates, ("update head set hash = ?", (previous,))]


def test_writing_on_after_the_note_of_the_end_is_gone_is_refused(path: Path) -> None:
    tamper(path, "delete from head")
    with Catalog.open(path) as catalog, pytest.raises(StorageError, match="HW412"):
        begun(catalog, "next")


def test_interned_tables_are_among_those_that_are_tampered_with() -> None:
    assert set(INTERNED) <= {table for table, _ in columns_of_every_table()}
