"""Names in a DuckDB warehouse, and the views by which other tools see what is published."""

from __future__ import annotations

import duckdb

from assets_core.keys import Slot
from assets_core.records import Stored
from materializers.storage.escape import escape


def note_publication(cursor: duckdb.DuckDBPyConnection, env: str, slot: Slot, stored: Stored | None) -> None:
    """Notes which table a slot shows in an environment; None for no longer any."""
    cursor.execute(
        "delete from headwater.published where env = ? and asset = ? and partition is not distinct from ?",
        [env, slot.asset, slot.partition],
    ).fetchall()
    if stored is not None:
        cursor.execute(
            "insert into headwater.published values (?, ?, ?, ?)", [env, slot.asset, slot.partition, stored.location]
        ).fetchall()


def renew_view(cursor: duckdb.DuckDBPyConnection, env: str, asset: str) -> None:
    """Makes the view of an asset anew from what was noted: its partitions below each other, columns by name."""
    view = f"{face(env)}.{quoted(_name(asset))}"
    ids = cursor.execute(
        "select id from headwater.published where env = ? and asset = ? order by partition", [env, asset]
    ).fetchall()
    if not ids:
        cursor.execute(f"drop view if exists {view}").fetchall()
        return
    union = " union all by name ".join(f"select * from {table_name(row[0])}" for row in ids)  # noqa: S608 -- quoted
    cursor.execute(f"create or replace view {view} as {union}").fetchall()


def face(env: str) -> str:
    """The quoted name of the schema that holds an environment's views."""
    return quoted(f"env_{_name(env)}")


def _name(text: str) -> str:
    """The text itself, marked where it has capitals: DuckDB takes names that differ only in case for one."""
    mark = escape(text).partition("+")[2]
    return f"{text}+{mark}" if mark else text


def table_name(id: str) -> str:  # noqa: A002 -- the record's word
    """The qualified and quoted name of the table of one materialization."""
    return f"headwater.{quoted(id)}"


def quoted(name: str) -> str:
    """Any text as an identifier."""
    return '"' + name.replace('"', '""') + '"'
