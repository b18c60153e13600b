"""One attempt at one step as values: what is read, what is made. Nothing big, nothing open, fit for another process.

Assets stand in it by key; a ``Workplace`` has the objects behind the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from assets_core.asset import Form
from assets_core.column_lineage import ColumnLineage
from assets_core.keys import Slot
from assets_core.partitions import Partition
from assets_core.recipe import Recipe
from assets_core.records import Materialization, RecordKind, Schema, Stored
from assets_core.versions import DataVersion
from lineage.code import Part

if TYPE_CHECKING:  # it imports pydantic
    from assets_core.settings import Config


class RowsAt(NamedTuple):
    """Where the rows of one slot lie: a materialization or observation without its evidence."""

    slot: Slot
    kind: RecordKind
    schema: Schema
    stored: Stored | None


def rows_of(made: Materialization) -> RowsAt:
    """Where the rows of a record lie."""
    return RowsAt(made.slot, made.kind, made.schema, made.stored)


class Shown(NamedTuple):
    """What a slot shows: the id of its materialization, and that one's data version."""

    id: str
    version: DataVersion


@dataclass(frozen=True)
class TaskInput:
    """One input of a step, pinned.

    Arguments:
        schema: all its columns; ``read_set``: those that may be read, None for all.
        rows: one entry a slot, none where no slot lies in the window that is read.
        row_count: how many rows there are, as far as that is recorded.
    """

    name: str
    key: str
    form: Form
    schema: Schema
    read_set: tuple[str, ...] | None
    rows: tuple[RowsAt, ...]
    row_count: int = 0


@dataclass(frozen=True)
class TaskOutput:
    """One slot that a step makes.

    Arguments:
        recipe: as it was when the step was dispatched, its inputs pinned; None where the task runs elsewhere, because
            only the record needs it, and that is completed here.
        lineage: as it was derived; None for the same reason.
        read_sets: what its known readers read, so that versions for them are made along.
        shown: what the slot shows, whose key is tried first and whose float columns may keep their versions.
        originals: by id, the data of those earlier materializations of the slot from which versions shown now come.
        adopt: an earlier materialization of the same recipe whose data is only checked again, not computed.
        read_on: whether assets of the same plan read it.
    """

    slot: Slot
    recipe: Recipe | None
    lineage: ColumnLineage | None
    read_sets: tuple[tuple[str, ...], ...] = ()
    shown: Shown | None = None
    originals: Mapping[str, RowsAt] = field(default_factory=dict)
    adopt: Materialization | None = None
    read_on: bool = False


@dataclass(frozen=True)
class StepTask:
    """All that one attempt at one step needs besides a workplace.

    Arguments:
        outputs: its slots; the first asset's function is called.
        inputs: in the order of the function's parameters.
        lookups: by key, the published rows of assets and sources in which checks look values up.
        partitions: of a batch, the partitions of its slots, in their order; ``partition`` is None then.
        reached: what the code reaches besides code, as the recipe has it; nothing where that does not count.
        trials: of a batch that is not proven to be local, the tasks of a slot or two of it alone, to compare with.
    """

    outputs: tuple[TaskOutput, ...]
    inputs: tuple[TaskInput, ...]
    run_id: str
    attempt: int
    partition: Partition | None
    config: Config | None = None
    lookups: Mapping[str, tuple[RowsAt, ...]] = field(default_factory=dict)
    partitions: tuple[Partition, ...] = ()
    reached: tuple[Part, ...] = ()
    trials: tuple[StepTask, ...] = ()
