"""``diff``: two materializations, two moments or two environments compared, slot by slot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from assets_core.errors import DataError, HeadwaterError, StorageError, UsageError, did_you_mean
from assets_core.keys import Slot, parse_slot
from assets_core.partitions import plain_key
from assets_core.records import Materialization, RecordKind
from assets_core.renames import called_before, present_slot, renames_of
from headwater.pointers import recorded_key, records_shown, with_former
from headwater.use_cases import moment_of, refuse_unknown_partition
from lineage.catalog.values import Retired
from lineage.diff import RecordDiff, diff_records, ids_like
from lineage.diff_rows import SAMPLE, RowsDiff, diff_rows

if TYPE_CHECKING:
    from headwater.project import Project

ROWS_OF_SLOTS = 20
"""Of so many slots that differ the rows are compared if not said otherwise."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{0,27}")
Shown = Mapping[Slot, Materialization]


@dataclass(frozen=True, slots=True)
class SlotDiff:
    """One slot on the two sides.

    Arguments:
        before, after: the records; None where there is none.
        records: what differs between them; None where there is only one.
        rows: what differs in the rows; None where they were not compared.
        note: why rows were not compared.
    """

    slot: Slot
    before: Materialization | None
    after: Materialization | None
    records: RecordDiff | None = None
    rows: RowsDiff | None = None
    note: str = ""

    @property
    def change(self) -> str:
        """``added``, ``removed``, ``changed``, or ``same`` where two records hold the same."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "same" if self._same else "changed"

    @property
    def _same(self) -> bool:
        one = self.records
        rows = self.rows.equal if self.rows is not None else one is not None and one.same_rows
        return one is not None and rows and one.equal


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two sides.

    Arguments:
        kind: ``materializations``, ``slots``, ``moments`` or ``environments``.
        before, after: what the sides are called.
        slots: those that show different records, in the order of their keys.
        unchanged: how many slots show the same record on both sides.
    """

    kind: str
    before: str
    after: str
    slots: tuple[SlotDiff, ...]
    unchanged: int = 0


def diff(
    project: Project,
    before: str | None = None,
    after: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    select: str = "",
    rows: bool | None = None,
    sample: int = SAMPLE,
) -> Diff:
    """Compares two sides.

    Arguments:
        before, after: ids of materializations (or how they begin), slots as they are published, or two environments.
            One slot or asset alone is compared with what it showed before it was last published, or between the
            moments.
        since, until: two moments of this environment; the second is now if not given.
        select: with environments or moments, only these assets.
        rows: whether rows are compared; if not said, of up to ``ROWS_OF_SLOTS`` slots.
        sample: how many rows of a kind to give.

    Raises:
        UsageError: HW672, a side is not known; HW673, two assets; HW674, the words do not go together; HW610, there is
            no such partition; HW614, one slot has to be named; HW615, it is not published.
    """
    compare = _Comparison(project, rows, sample)
    if since is not None or until is not None:
        if after is not None or since is None:
            raise UsageError(
                "HW674", "a diff of two moments is of one asset or of all", hint="diff ASSET --from T1 --to T2"
            )
        if before is not None and select:
            raise UsageError("HW674", "--select goes with two moments of all assets", hint="leave it out")
        return compare.moments(before, since, until, select)
    if before is None:
        raise UsageError("HW674", "nothing to compare", hint="name two environments, two ids, or an asset")
    known = set(project.catalog.environments()) | set(project.settings.env) | {project.env}
    if before in known and after in known:
        return compare.environments(before, after, select)
    if select:
        raise UsageError("HW674", "--select goes with two environments or two moments", hint="leave it out")
    if after is None:
        return compare.last_change(before)
    return compare.two(before, after, known)


class _Comparison:
    """Compares slots of one project."""

    def __init__(self, project: Project, rows: bool | None, sample: int) -> None:
        self.project = project
        self.catalog = project.catalog
        self.rows = rows
        self.sample = sample

    def environments(self, before: str, after: str, select: str) -> Diff:
        """What every slot shows in two environments."""
        old, new = (self._shown(env, self._keys(select)) for env in (before, after))
        return self._sides("environments", before, after, old, new)

    def moments(self, what: str | None, since: str, until: str | None, select: str) -> Diff:
        """What slots of this environment showed at two moments."""
        wanted = None if what is None else self._slot(what)
        keys = self._keys(select) if wanted is None else {wanted.asset}
        first, last = moment_of(self.project, since), None if until is None else moment_of(self.project, until)
        if last is not None and last < first:
            raise UsageError("HW674", f"{until} is before {since}", hint="write the earlier moment as --from")
        old = self._shown(self.project.env, keys, first)
        new = self._shown(self.project.env, keys, last)
        if wanted is not None and wanted.partition is not None:
            old, new = ({wanted: side[wanted]} if wanted in side else {} for side in (old, new))
            if not (old or new):
                self._refuse_unknown(wanted)
        return self._sides("moments", since, until or "now", old, new)

    def last_change(self, what: str) -> Diff:
        """What the last publication of slots changed."""
        wanted = self._slot(what)
        new = self._shown(self.project.env, {wanted.asset})
        if wanted.partition is not None:
            new = {wanted: new[wanted]} if wanted in new else {}
        if not new:
            self._refuse_unknown(wanted)
            raise UsageError(
                "HW615",
                f"{wanted} is not published in {self.project.env}",
                hint=f"headwater materialize +{wanted.asset}",
            )
        last = self._shown_before(wanted.asset)
        ids = [one for one in last.values() if one is not None]
        records = self.catalog.materializations(ids)
        old = {slot: records[before] for slot, before in last.items() if before in records and slot in new}
        return self._sides("moments", "before", "now", old, new)

    def two(self, before: str, after: str, environments: set[str]) -> Diff:
        """Two records, each named by its id or by the slot that shows it."""
        sides = [self._record(text, environments) for text in (before, after)]
        kind = "slots" if not all(_ID.fullmatch(one) for one in (before, after)) else "materializations"
        old, new = sides
        if old.slot.asset != new.slot.asset and not self._renamed(old.slot.asset, new.slot.asset):
            raise UsageError(
                "HW673", f"{old.slot} and {new.slot} are two assets: there is nothing to compare",
                hint="headwater data shows the rows of each",
            )  # fmt: skip
        found = () if old.id == new.id else (self._pair(new.slot, old, new, rows=self.rows is not False),)
        return Diff(kind, before, after, found, int(old.id == new.id))

    def _shown(self, env: str, keys: set[str] | None, as_of: datetime | None = None) -> dict[Slot, Materialization]:
        """What an environment shows or showed, under the keys that assets have now."""
        return records_shown(self.project, keys, env=env, as_of=as_of)

    def _shown_before(self, asset: str) -> dict[Slot, str | None]:
        """By slot of an asset, the id of what it showed before what it shows now."""
        renames = renames_of(self.project.graph.definitions)
        keys = with_former(self.project, {asset})
        moves = [one for key in keys for one in self.catalog.publications(self.project.env, asset=key)]
        moves.sort(key=attrgetter("sequence"))
        pointers: dict[Slot, str | None] = {}
        now: dict[Slot, str | None] = {}
        before: dict[Slot, str | None] = {}
        for _, together in groupby(moves, key=attrgetter("run_id")):
            touched: dict[Slot, None] = {}
            for one in together:
                pointers[one.slot] = one.materialization
                touched[present_slot(one.slot, renames)] = None
            for slot in touched:  # a move from one key to another is one
                made = next((found for one in called_before(slot, renames) if (found := pointers.get(one))), None)
                if made != now.get(slot):
                    before[slot], now[slot] = now.get(slot), made
        return before

    def _sides(self, kind: str, before: str, after: str, old: Shown, new: Shown) -> Diff:
        slots = sorted({*old, *new}, key=lambda slot: (slot.asset, slot.partition or ""))
        apart = [slot for slot in slots if slot not in old or slot not in new or old[slot].id != new[slot].id]
        rows = self.rows if self.rows is not None else len(apart) <= ROWS_OF_SLOTS
        pairs = tuple(self._pair(slot, old.get(slot), new.get(slot), rows=rows) for slot in apart)
        return Diff(kind, before, after, pairs, len(slots) - len(apart))

    def _pair(self, slot: Slot, old: Materialization | None, new: Materialization | None, *, rows: bool) -> SlotDiff:
        if old is None or new is None:
            return SlotDiff(slot, old, new)
        records = diff_records(self.catalog, old, new)
        if not rows:
            return SlotDiff(
                slot, old, new, records, None, "" if records.same_rows else "rows were not compared: --rows"
            )
        if records.same_rows and old.version.rows is not None:
            same = RowsDiff((), old.version.rows, new.version.rows or 0)
            return SlotDiff(slot, old, new, records, same)
        for one in (old, new):
            note = self._unreadable(one)
            if note:
                return SlotDiff(slot, old, new, records, None, note)
        try:
            before, after = (self.project.tables.scan([one]).collect() for one in (old, new))
        except (StorageError, DataError) as error:
            return SlotDiff(slot, old, new, records, None, f"rows were not compared: {error.what}")
        return SlotDiff(
            slot, old, new, records, diff_rows(before, after, self._key(slot, old, new), sample=self.sample)
        )

    def _unreadable(self, made: Materialization) -> str:
        """Why the rows of a record cannot be read any more; empty if they can."""
        if any(one.how is Retired.PRUNED for one in self.catalog.retirements(made.id)):
            return f"rows were not compared: the data of {made.id[:13]} was pruned"
        if made.kind is RecordKind.OBSERVATION and made.stored is None:
            return "rows were not compared: a source that is read in place keeps no earlier rows"
        return ""

    def _key(self, slot: Slot, old: Materialization, new: Materialization) -> list[tuple[str, ...]]:
        """The columns that may tell rows apart: those declared, then those found unique when the data was made."""
        declared = self.project.graph.definitions.get(slot.asset)
        keys = [declared.unique_key] if declared is not None else []
        return [key for key in (*keys, new.version.key, old.version.key) if key]

    def _keys(self, select: str) -> set[str] | None:
        return set(self.project.select(select, assets_only=False)) if select else None

    def _slot(self, text: str) -> Slot:
        slot = parse_slot(text)
        key = recorded_key(self.project, slot.asset)
        found = self.project.graph.definitions.get(key)
        return Slot(key, plain_key(found.partitions, slot.partition) if found and slot.partition else slot.partition)

    def _record(self, text: str, environments: set[str]) -> Materialization:
        if _ID.fullmatch(text):
            return self._by_id(text)
        slot = parse_slot(text)
        if slot.asset not in self.project.graph.definitions and text in environments:
            raise UsageError("HW674", f"{text} is an environment: the other side must be one too", hint="diff dev prod")
        try:
            wanted = self._slot(text)
        except HeadwaterError as error:
            names = [*environments, *self.project.graph.definitions]
            raise UsageError(
                "HW672", f"{text!r} is no environment, asset or id of a materialization",
                hint=did_you_mean(text, names) or error.hint,
            ) from None  # fmt: skip
        shown = self._shown(self.project.env, {wanted.asset})
        if wanted not in shown:
            self._refuse_unknown(wanted)
            if shown and wanted.partition is None:
                raise UsageError("HW614", f"{wanted} is partitioned", hint=f"name one slot: {[*shown][-1]}")
            raise UsageError(
                "HW615", f"{wanted} is not published in {self.project.env}",
                hint=f"headwater materialize +{wanted.asset}",
            )  # fmt: skip
        return shown[wanted]

    def _refuse_unknown(self, wanted: Slot) -> None:
        """Refuses a slot that nothing shows and that its definition does not have."""
        definition = self.project.graph.definitions.get(wanted.asset)
        if wanted.partition is not None and definition is not None:
            refuse_unknown_partition(definition, wanted.partition)

    def _by_id(self, text: str) -> Materialization:
        ids = ids_like(self.catalog, text)
        if len(ids) != 1:
            hint = "headwater audit log ASSET lists those of an asset" if not ids else "give more of its id"
            raise UsageError("HW672", f"{len(ids) or 'no'} materializations begin with {text!r}", hint=hint)
        return self.catalog.materializations(ids)[ids[0]]

    def _renamed(self, before: str, after: str) -> bool:
        found = self.project.graph.definitions.get(after)
        return before in getattr(found, "renamed_from", ())
