"""The ordered migrations of the catalog: the shape of the file, step by step, each frozen once released."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lineage.catalog.schema import APPLICATION_ID

CATALOG_VERSION = 9
"""The number of migrations this release knows; kept in the file as ``user_version``."""

_EVIDENCE = """
create table log (
    sequence integer primary key, covers integer not null, at integer not null, hash blob not null);
create table head (one integer primary key check (one = 1), sequence integer not null, hash blob not null);

create table environment (number integer primary key, name text not null unique);
create table slot (number integer primary key, asset text not null, partition text);
create unique index slot_name on slot (asset, ifnull(partition, ''));
create table content (number integer primary key, digest blob not null unique, body blob not null);
create table reading (
    number integer primary key, fingerprint integer not null,
    materialization integer not null references materialization, partition text, version blob not null);
create index reading_fingerprint on reading (fingerprint);

create table run (
    sequence integer primary key references log, id blob not null unique,
    environment integer not null references environment, started integer not null, actor text not null,
    command text not null, selection text not null, process integer references content);
create table run_end (
    sequence integer primary key references log, run integer not null references run, state text not null,
    ended integer not null, counts integer references content, reason text not null);
create index run_end_run on run_end (run);

create table materialization (
    sequence integer primary key references log, id blob not null unique, slot integer not null references slot,
    kind integer not null, run integer not null references run, created integer not null,
    schema integer not null references content, rows integer, shape integer not null references content, digests blob,
    blocked integer not null, seconds real not null, cpu_seconds real not null,
    storage text, location text, bytes integer, digest blob,
    lineage integer references content, checks integer references content, metadata integer references content,
    recipe blob, recipe_slot integer references slot, window text, code integer references content,
    inputs integer references content, parts blob, settings integer references content,
    source integer references content);
create index materialization_slot on materialization (slot);
create index materialization_recipe on materialization (substr(recipe, 1, 8)) where recipe is not null;

create table publication (
    sequence integer primary key references log, environment integer not null references environment,
    slot integer not null references slot, materialization integer references materialization,
    previous integer references materialization, run integer not null references run);
create index publication_slot on publication (slot, environment);

create table step (
    sequence integer primary key references log, run integer not null references run,
    slot integer not null references slot, state text not null, reasons integer references content,
    materialization integer references materialization, error integer references content,
    attempts integer not null, seconds real not null, output blob);
create index step_run on step (run);
create index step_slot on step (slot);

create table later_check (
    sequence integer primary key references log, materialization integer not null references materialization,
    run integer references run, results integer not null references content);
create index later_check_materialization on later_check (materialization);

create table retirement (
    sequence integer primary key references log, materialization integer not null references materialization,
    how text not null, reason text not null, run integer references run);
create index retirement_materialization on retirement (materialization);
"""

_STATE = """
create table current (
    environment integer not null references environment, slot integer not null references slot,
    materialization integer references materialization, publication integer references publication,
    step integer references step, blocked integer references materialization,
    primary key (environment, slot)) without rowid;
create table heartbeat (run integer primary key references run, at integer not null);
create table output (digest blob primary key, body blob not null) without rowid;
create table file_digest (
    path text primary key, size integer not null, mtime_ns integer not null, ctime_ns integer not null,
    inode integer not null, digest text not null) without rowid;
create table derivation (key text primary key, body blob not null) without rowid;
create table projection (
    materialization integer not null references materialization, columns text not null, digest text not null,
    primary key (materialization, columns)) without rowid;
"""

_ENVIRONMENTS = """
create table change (
    sequence integer primary key references log, run integer not null references run, verb text not null,
    environment integer not null references environment, origin integer references environment,
    seen integer, frozen integer not null);
create index change_environment on change (environment);

create table hold (
    sequence integer primary key references log, run integer not null references run,
    environment integer not null references environment, slot integer not null references slot,
    held integer not null);
create index hold_slot on hold (environment, slot);
"""

_JUDGED = """
create table standing (number integer primary key, digest text not null unique, about text not null);
alter table current add column id blob;
alter table current add column judged integer references standing;
alter table current add column basis blob;
update current set id = (select m.id from materialization m where m.sequence = current.materialization);
"""
"""What a slot shows in little, and under which standing it was last found fresh: memory, not evidence."""
_PARTITION_KEYS = """
create table partition_key (
    sequence integer primary key references log, run integer not null references run, name text not null,
    key text not null, retired integer not null);
create index partition_key_name on partition_key (name, key);
"""
_CLAIMS = """
alter table run add column asked integer references content;
alter table run add column parent integer references run;
create table claim (
    environment text not null, asset text not null, partition text not null, run blob not null,
    call integer not null, pool text, primary key (environment, asset, partition)) without rowid;
create index claim_run on claim (run);
create index claim_pool on claim (pool) where pool is not null;
create table request (
    run integer primary key references run, at integer not null, how text not null, actor text not null);
"""
_ACCEPTANCES = """
create table acceptance (
    sequence integer primary key references log, run integer not null references run,
    environment integer not null references environment, slot integer not null references slot,
    materialization integer not null references materialization, code integer not null references content,
    source integer references content, decided integer not null references run);
create index acceptance_slot on acceptance (environment, slot);
create index acceptance_materialization on acceptance (materialization);
"""
_FACES = """
create table face_behind (
    environment text not null, storage text not null, asset text not null, partition text not null,
    primary key (environment, storage, asset, partition)) without rowid;
"""
_BLOCKED = "create index current_blocked on current (environment) where blocked is not null"
"""Few slots of very many have something set aside."""

_APPEND_ONLY_1 = (
    "log environment slot content reading run run_end materialization publication step later_check retirement"
)
_APPEND_ONLY_2 = "change hold"
_APPEND_ONLY_3 = "partition_key"
_APPEND_ONLY_4 = "acceptance"
_APPEND_ONLY_5 = "output"


def migrate(connection: sqlite3.Connection) -> None:
    """Brings a catalog to this release's shape, all or nothing.

    The outer transaction is immediate, so of two processes that migrate at once the second finds nothing to do;
    inside it every migration and the row that says it was applied share a savepoint.
    Importing sqlite-utils takes about 0.1 s, which is why callers look at ``user_version`` first; it takes three times
    as long where numpy and pandas are installed, which it imports to know the types of their numbers.

    Arguments:
        connection: in autocommit mode, without an open transaction.
    """
    with _without("numpy", "pandas"):
        from sqlite_utils import Database, Migrations

    migrations = Migrations("headwater")

    @migrations()
    def evidence(db: Any) -> None:
        _make(db, _EVIDENCE + _STATE, _APPEND_ONLY_1)
        db.execute("insert into head (one, sequence, hash) values (1, 0, zeroblob(32))")

    @migrations()
    def environments(db: Any) -> None:
        _make(db, _ENVIRONMENTS, _APPEND_ONLY_2)

    @migrations()
    def judged(db: Any) -> None:
        _make(db, _JUDGED, "")

    @migrations()
    def partition_keys(db: Any) -> None:
        _make(db, _PARTITION_KEYS, _APPEND_ONLY_3)

    @migrations()
    def claims(db: Any) -> None:
        _make(db, _CLAIMS, "")

    @migrations()
    def acceptances(db: Any) -> None:
        _make(db, _ACCEPTANCES, _APPEND_ONLY_4)

    @migrations()
    def blocked(db: Any) -> None:
        _make(db, _BLOCKED, "")

    @migrations()
    def outputs(db: Any) -> None:
        _make(db, "", _APPEND_ONLY_5)

    @migrations()
    def faces(db: Any) -> None:
        _make(db, _FACES, "")

    connection.execute("begin immediate")
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {CATALOG_VERSION}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


@contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Imports inside find none of these modules, unless they were imported before."""
    kept_out = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]  # to import None is an ImportError
    try:
        yield
    finally:
        for name in kept_out:
            sys.modules.pop(name, None)


def guards(table: str) -> dict[str, str]:
    """The triggers, by name, that make a table refuse to change or delete rows."""
    return {
        f"{table}_no_{verb}": (
            f"create trigger {table}_no_{verb} before {verb} on {table}"
            f" begin select raise(abort, '{table} is append-only'); end"
        )
        for verb in ("update", "delete")
    }


def _make(db: Any, script: str, append_only: str) -> None:
    for statement in _statements(script):
        db.execute(statement)
    for table in append_only.split():
        for statement in guards(table).values():
            db.execute(statement)


def _statements(script: str) -> list[str]:
    # Not executescript: it would commit the transaction that the migration must share.
    return [statement.strip() for statement in script.split(";") if statement.strip()]
