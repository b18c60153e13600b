"""Two records of one slot compared: schema, code, inputs, settings and checks, from the catalog alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assets_core.check import CheckResult
from assets_core.column_lineage import ROWS
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Materialization, Schema
from assets_core.versions import as_read, changed_columns, same_code
from lineage.catalog.packing import unpack_id
from lineage.catalog.store import Catalog
from lineage.code_record import changes_between, source_text


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """What differs in the columns: ``retyped`` holds name, type before and type after."""

    added: Schema = ()
    removed: Schema = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    reordered: bool = False

    @property
    def equal(self) -> bool:
        """Whether there is no difference."""
        return not (self.added or self.removed or self.retyped or self.reordered)


@dataclass(frozen=True, slots=True)
class CodeDiff:
    """What differs in the code.

    Arguments:
        changed: whether it computes something else by what was recorded; a text may differ and compute the same.
        changes: what differs, a sentence each.
        text: a unified diff of the source; empty where it is the same or was not kept.
    """

    changed: bool = False
    changes: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """A named value before and after; None where there was or is none."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class SlotRead:
    """One slot of an input that was read in another state: its columns that differ, ``*`` for the number of rows."""

    partition: str | None
    before: str | None
    after: str | None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputDiff:
    """What differs in what was read of one input.

    Arguments:
        before, after: the asset that the name stood for; None where it was no input.
        columns_added, columns_removed: of the read set.
        slots: those that were read in another state, or only once.
    """

    name: str
    before: str | None
    after: str | None
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    slots: tuple[SlotRead, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordDiff:
    """What differs between two records."""

    schema: SchemaDiff
    code: CodeDiff
    inputs: tuple[InputDiff, ...]
    config: tuple[ValueDiff, ...]
    settings: tuple[ValueDiff, ...]
    checks: tuple[ValueDiff, ...]
    same_rows: bool
    """Whether the versions say that the rows are the same; if not, they may be."""

    @property
    def equal(self) -> bool:
        """Whether nothing but the rows may differ."""
        values = (self.inputs, self.config, self.settings, self.checks)
        return self.schema.equal and not self.code.changed and not any(values)


def diff_records(catalog: Catalog, before: Materialization, after: Materialization) -> RecordDiff:
    """Compares what was recorded with two materializations or observations, in some reads of the catalog."""
    old, new = before.recipe, after.recipe
    return RecordDiff(
        diff_schema(before.schema, after.schema),
        _code(catalog, before, after),
        _inputs(catalog, old, new),
        _values(old.config if old else {}, new.config if new else {}),
        _values(old.settings if old else {}, new.settings if new else {}),
        _checks(before.checks, after.checks),
        _same_rows(before, after),
    )


def ids_like(catalog: Catalog, beginning: str) -> list[str]:
    """The ids of all materializations and observations that begin like this, at most some; a look at the index."""
    digits = beginning.replace("-", "")
    low, high = (bytes.fromhex(digits.ljust(32, fill)) for fill in "0f")
    with catalog.reading() as connection:
        rows = connection.execute("select id from materialization where id between ? and ? limit 10", (low, high))
        return [found for row in rows if (found := unpack_id(row[0])).startswith(beginning)]


def diff_schema(before: Schema, after: Schema) -> SchemaDiff:
    """Compares two schemas; columns count as reordered if those that both have stand in another order."""
    old, new = dict(before), dict(after)
    both = [name for name in old if name in new]
    return SchemaDiff(
        tuple((name, new[name]) for name in new if name not in old),
        tuple((name, old[name]) for name in old if name not in new),
        tuple((name, old[name], new[name]) for name in both if old[name] != new[name]),
        both != [name for name in new if name in old],
    )


def _code(catalog: Catalog, before: Materialization, after: Materialization) -> CodeDiff:
    if before.recipe is None or after.recipe is None:
        return CodeDiff()
    same = same_code(before.recipe.code, after.recipe.code)
    if same is None:
        same = before.recipe.code.id == after.recipe.code.id
    old, new = catalog.code_source(before.id), catalog.code_source(after.id)
    changes = changes_between(old, new)
    if before.recipe.asset != after.recipe.asset and old and new and not changes:
        same = True  # keys enter code versions; after a rename the parts tell
    text = "" if old == new else _unified(source_text(old), source_text(new), before.id[:13], after.id[:13])
    return CodeDiff(not same, changes, text)


def _unified(before: str, after: str, old_name: str, new_name: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old_name, new_name, lineterm="")
    return "\n".join(lines)


def _inputs(catalog: Catalog, before: Recipe | None, after: Recipe | None) -> tuple[InputDiff, ...]:
    old = {one.name: one for one in before.inputs} if before else {}
    new = {one.name: one for one in after.inputs} if after else {}
    ids = {part.materialization for one in (*old.values(), *new.values()) for part in one.parts}
    records = catalog.materializations(sorted(ids), lineage=False)
    found = []
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was is None or now is None or was.asset != now.asset:
            found.append(InputDiff(name, was.asset if was else None, now.asset if now else None))
            continue
        added = tuple(column for column in now.read_set if column not in was.read_set)
        removed = tuple(column for column in was.read_set if column not in now.read_set)
        slots = tuple(_slots(was, now, records))
        if added or removed or slots:
            found.append(InputDiff(name, was.asset, now.asset, added, removed, slots))
    return tuple(found)


def _slots(before: RecipeInput, after: RecipeInput, records: Mapping[str, Materialization]) -> Iterable[SlotRead]:
    old = {part.partition: part for part in before.parts}
    new = {part.partition: part for part in after.parts}
    read = tuple(dict.fromkeys([*before.read_set, *after.read_set]))
    for partition in dict.fromkeys([*old, *new]):
        was, now = old.get(partition), new.get(partition)
        if was is None or now is None:
            yield SlotRead(partition, was and was.materialization, now and now.materialization)
        elif was.materialization != now.materialization and was.version != now.version:
            columns = _changed(was, now, read, records)
            if columns:
                yield SlotRead(partition, was.materialization, now.materialization, columns)


def _changed(
    was: InputPart, now: InputPart, read: tuple[str, ...], records: Mapping[str, Materialization]
) -> tuple[str, ...]:
    old, new = records.get(was.materialization), records.get(now.materialization)
    if old is None or new is None:
        return read or (ROWS,)
    return changed_columns(old.version, new.version, read)


def _values(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ValueDiff, ...]:
    pairs = ((name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
    return tuple(ValueDiff(name, old, new) for name, old, new in pairs if old != new)


def _checks(before: Iterable[CheckResult], after: Iterable[CheckResult]) -> tuple[ValueDiff, ...]:
    """Checks whose results differ: ``passed``, ``failed``, or what it said of how many rows failed."""
    return _values(_told(before), _told(after))


def _told(results: Iterable[CheckResult]) -> dict[str, str]:
    return {one.name: "passed" if one.passed else f"failed: {one.message}" for one in results}


def _same_rows(before: Materialization, after: Materialization) -> bool:
    if before.stored is not None and after.stored is not None and before.stored.digest == after.stored.digest:
        return True
    names = tuple(name for name, _ in before.schema)
    return before.schema == after.schema and (
        as_read(before.version, names) == as_read(after.version, names) is not None
    )
