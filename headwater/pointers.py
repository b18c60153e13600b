"""Pointers by the keys that assets have now: what was published under a former key and its present one are one slot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from assets_core.errors import UsageError
from assets_core.keys import Slot
from assets_core.published import Published
from assets_core.records import Materialization
from assets_core.renames import called_before, renames_of, under_present_keys
from lineage.catalog.values import Move, Pointer
from materializers.observe import glances_now

if TYPE_CHECKING:
    from headwater.project import Project

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Pointers:
    """What an environment shows or showed.

    A record stays with the key that it was made under, so the pointer that shows it is that key's; what people see,
    and what is decided on, is one pointer a slot of the present keys.

    Arguments:
        recorded: by slot as the catalog has it.
        renames: by former key, the present one.
        shown: by slot under the present keys.
    """

    env: str
    recorded: Mapping[Slot, Pointer]
    renames: Mapping[str, str]
    shown: Mapping[Slot, Pointer] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", under_present_keys(self.recorded, self.renames))

    def id_of(self, slot: Slot) -> str | None:
        """The id of what a slot shows; None for nothing."""
        pointer = self.shown.get(slot)
        return None if pointer is None else pointer.materialization

    def moves(self, slot: Slot, made: Materialization | None) -> list[Move]:
        """The moves after which a slot shows a record, and nothing under the other keys that its asset had."""
        found = []
        for one in called_before(slot, self.renames):
            pointer = self.recorded.get(one)
            before = None if pointer is None else pointer.materialization
            after = made.id if made is not None and made.slot == one else None
            if before != after:
                found.append(Move(self.env, one, after, before))
        return found


def pointers_of(project: Project, env: str, *, as_of: int | None = None) -> Pointers:
    """What an environment shows, or showed after some entry of the log."""
    return Pointers(env, project.catalog.pointers(env, as_of=as_of), renames_of(project.graph.definitions))


def with_former(project: Project, keys: Collection[str]) -> set[str]:
    """The keys, and those that their assets had before."""
    renames = renames_of(project.graph.definitions)
    return {*keys, *(former for former, key in renames.items() if key in keys)}


def recorded_key(project: Project, text: str) -> str:
    """The key of an asset or source as a person may write it; also one that is gone from the code and not from records.

    Raises:
        UsageError: HW602, there is none.
    """
    try:
        return project.graph.find(text).key
    except UsageError:
        if text in renames_of(project.graph.definitions) or not project.catalog.publications(asset=text):
            raise
        return text


def records_shown(
    project: Project,
    keys: Collection[str] | None = None,
    *,
    env: str | None = None,
    as_of: datetime | int | None = None,
    lineage: bool = True,
) -> dict[Slot, Materialization]:
    """The records that slots show, under the keys that their assets have now.

    Arguments:
        keys: only of these assets; None for all.
        env: the environment; the project's if not given.
        as_of: a moment, or an entry of the log; now if not given.
        lineage: whether the records carry their lineage.
    """
    wanted = None if keys is None else with_former(project, keys)
    found = project.catalog.published(env or project.env, assets=wanted, as_of=as_of, lineage=lineage)
    return under_present_keys(found, renames_of(project.graph.definitions))


def shown_in(project: Project, env: str, keys: Collection[str]) -> Published:
    """What slots of these assets show in an environment, under the keys that they have now, without the records."""
    glances = project.catalog.glances(env, with_former(project, keys))
    return Published(glances=glances_now(glances, renames_of(project.graph.definitions)))


def current(project: Project, shown: Mapping[Slot, Shown], env: str | None = None) -> dict[Slot, Shown]:
    """Of what slots show, that of the slots which their definitions have now, in the order of the definitions.

    The others are orphaned: of an earlier definition, or of keys that were retired. Nothing reads them. Only a frozen
    environment keeps to the definitions that it was made with: there the others follow, in the order of their keys.

    Arguments:
        env: the environment that shows it; the project's if not given.
    """
    now = datetime.now(UTC)
    assets = {slot.asset for slot in shown}
    slots: list[Slot] = []
    for key, definition in project.graph.definitions.items():
        if key in assets:
            keys = (None,) if definition.partitions is None else definition.partitions.keys(now)
            slots.extend(Slot(key, one) for one in keys)
    if project.catalog.frozen(env or project.env):
        slots.extend(sorted(shown, key=lambda slot: (slot.asset, slot.partition or "")))
    return {slot: shown[slot] for slot in slots if slot in shown}
