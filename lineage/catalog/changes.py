"""Changing environments on purpose: creating, promoting, rolling back, dropping, withdrawing; each one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from sqlite3 import Connection

from assets_core.errors import RefusedError
from assets_core.keys import Slot
from assets_core.records import RunRecord, RunState
from lineage.catalog.batch import Batch, Current
from lineage.catalog.coding import code_text
from lineage.catalog.faces import note_face
from lineage.catalog.packing import pack_id, storable, to_json
from lineage.catalog.schema import Kind
from lineage.catalog.values import Change, Move, Retired, Verb

_FROZEN = (
    "select frozen from change where environment = ? and verb in ('create', 'drop') order by sequence desc limit 1"
)
_LIVE = (
    "select r.id from run r where r.environment = ?"
    " and not exists (select 1 from run_end x where x.run = r.sequence) limit 1"
)
_RETIRED = "select materialization from retirement where materialization in (select value from json_each(?))"
_EVEN_IF_FROZEN = (Verb.DROP, Verb.WITHDRAW)
_EVEN_BESIDE_A_RUN = (Verb.RELEASE, Verb.WITHDRAW)
"""What a run need not be alone for: it compares before it publishes, and neither of them publishes anything new."""


def add_run(batch: Batch, run: RunRecord) -> int:
    """Adds the beginning of a run and gives its entry."""
    process = batch.intern.content(to_json(dict(run.process))) if run.process else None
    asked = batch.intern.content(to_json(dict(run.asked))) if run.asked else None
    entry = batch.add(
        Kind.RUN,
        pack_id(run.id),
        batch.intern.environment(run.env),
        batch.at,
        storable(run.actor),
        storable(run.command),
        storable(run.selection),
        process,
        asked,
        None if run.parent is None else batch.intern.run(run.parent),
    )
    batch.intern.note_run(run.id, entry)
    return entry


def refuse_frozen(connection: Connection, environment: int, name: str) -> None:
    """Refuses to touch an environment that was made to stay as it is.

    Raises:
        RefusedError: HW704.
    """
    row = connection.execute(_FROZEN, (environment,)).fetchone()
    if row is not None and row[0]:
        raise RefusedError(
            "HW704",
            f"the environment {name!r} is frozen: nothing in it changes",
            hint=f"headwater env drop {name} removes it whole",
        )


def refuse_busy(connection: Connection, environment: int, name: str) -> None:
    """Refuses to do what needs an environment that no run is at work in.

    Raises:
        RefusedError: HW701.
    """
    if connection.execute(_LIVE, (environment,)).fetchone():
        raise RefusedError("HW701", f"a run is at work in {name}", hint="wait until it has ended; headwater runs")


def make_change(batch: Batch, change: Change) -> None:
    """Records a change and moves its pointers.

    Raises:
        RefusedError: HW704 the environment is frozen; HW701 a run is at work in it; HW703 a slot does not show what
            was seen, or what it is to show was taken out of use meanwhile. Nothing is recorded then.
    """
    run, intern = change.run, batch.intern
    environment = intern.environment(run.env)
    if change.verb not in _EVEN_IF_FROZEN:
        refuse_frozen(batch.connection, environment, run.env)
    if change.verb not in _EVEN_BESIDE_A_RUN:
        refuse_busy(batch.connection, environment, run.env)
    entry = add_run(batch, run)
    counts = intern.content(to_json({"moved": len(change.moves)})) if change.moves else None
    batch.add_beside(entry, Kind.RUN_END, entry, RunState.SUCCEEDED.value, batch.at, counts, storable(run.reason))
    origin = None if change.origin is None else intern.environment(change.origin)
    batch.add_beside(entry, Kind.CHANGE, entry, change.verb.value, environment, origin, change.seen, int(change.frozen))
    for identifier in change.withdraw:
        withdrawn = intern.materialization(identifier)
        batch.add(Kind.RETIREMENT, withdrawn, Retired.WITHDRAWN.value, storable(run.reason), entry)
    moved: dict[Slot, int] = {}
    currents = []
    for env, moves in groupby(sorted(change.moves, key=attrgetter("env")), key=attrgetter("env")):
        current = Current(batch.connection, intern.environment(env))
        currents.append(current)
        asked = [*moves]
        entries = dict(_moved(batch, current, intern.environment(env), entry, asked, change.withdraw))
        if origin is not None:
            there = Current(batch.connection, origin)
            current.judge_like(there, [intern.slot(move.slot) for move in asked])
        if env == run.env:
            moved = entries
    for slots, held in ((change.hold, 1), (change.release, 0)):
        for slot in slots:
            batch.add_beside(moved.get(slot), Kind.HOLD, entry, environment, intern.slot(slot), held)
    _accept(batch, entry, environment, change)
    for (env, storage), behind in change.faces.items():
        note_face(batch.connection, env, storage, behind, behind=True)
    batch.flush()
    for current in currents:
        current.flush()


def _accept(batch: Batch, entry: int, environment: int, change: Change) -> None:
    """Records that slots stay as they are although the code is another now; after the pointers were moved."""
    intern = batch.intern
    moved = {move.slot: move.materialization for move in change.moves if move.env == change.run.env}
    current = Current(batch.connection, environment)
    for slot, identifier, code, source, decided in change.accept:
        number, made = intern.slot(slot), intern.materialization(identifier)
        if identifier != moved[slot] if slot in moved else current.shown(number) != made:
            raise _moved_meanwhile(slot, change.run.env)
        batch.add(
            Kind.ACCEPTANCE,
            entry,
            environment,
            number,
            made,
            intern.value("code", code, code_text),
            intern.value("text", source, str) if source else None,
            entry if decided is None else intern.run(decided),
        )


def _moved_meanwhile(slot: Slot, env: str) -> RefusedError:
    return RefusedError(
        "HW703",
        f"{slot} in {env} was changed by somebody else meanwhile; nothing was done",
        hint="the same command again looks anew",
    )


def _moved(
    batch: Batch, current: Current, environment: int, run: int, moves: Sequence[Move], withdrawn: tuple[str, ...]
) -> Iterator[tuple[Slot, int]]:
    """Moves the pointers of one environment, and gives the entry of each move."""
    intern = batch.intern
    current.fetch([intern.slot(move.slot) for move in moves])
    targets = [None if move.materialization is None else intern.materialization(move.materialization) for move in moves]
    found = batch.connection.execute(_RETIRED, (to_json([one for one in targets if one is not None]),))
    retired = {entry for (entry,) in found}
    for (env, slot, materialization, expected), target in zip(moves, targets, strict=True):
        number = intern.slot(slot)
        seen = None if expected is None else intern.materialization(expected)
        shown = current.shown(number)
        if shown != seen or target in retired or materialization in withdrawn:
            raise _moved_meanwhile(slot, env)
        publication = batch.add(Kind.PUBLICATION, environment, number, target, shown, run)
        current.show(number, target, publication, materialization)
        yield slot, publication
