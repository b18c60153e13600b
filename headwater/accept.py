"""Accepting: a change of code is not to touch what is published; what is made from now on is made by the new code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assets_core import planning
from assets_core.errors import UsageError
from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.staleness import Reason, ReasonCode, code_now
from assets_core.states import AssetStates
from assets_core.versions import CodeVersion
from headwater.backfill import Backfill, in_range
from headwater.beside import abandon_dead_runs, refuse_frozen, refuse_if_busy
from headwater.environments import Left, run_of
from headwater.use_cases import within
from lineage.catalog.values import Accept, Change, Verb
from lineage.code_record import to_text
from lineage.derive import read_source, with_source
from materializers.ids import new_id
from materializers.observe import gather, input_schemas

if TYPE_CHECKING:
    from headwater.project import Project

_BESIDE = frozenset({ReasonCode.UPSTREAM_STALE, ReasonCode.CHECK_FAILED, ReasonCode.ACCEPTED})
"""Reasons that are no difference of the slot's own recipe: whether what it reads is made anew shows later, and what a
check kept aside is what the new code made."""
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Accepted:
    """What stays as it is although the code is another now, or would.

    Arguments:
        slots: those of which nothing but the code differs.
        left: slots whose code differs and something else too, with that; they stay stale.
        changes: by asset key, what differs between the code that made them and the code now, a sentence each.
        run_id: by which it was recorded; None if it was not done.
    """

    slots: tuple[Slot, ...]
    left: tuple[Left, ...]
    changes: Mapping[str, tuple[str, ...]]
    reason: str
    run_id: str | None = None


def accept(
    project: Project,
    select: str = "",
    *,
    reason: str,
    partition: str | None = None,
    backfill: Backfill | None = None,
    exclude: str = "",
    command: str = "",
    dry_run: bool = False,
) -> Accepted:
    """See ``Project.accept``."""
    if not (dry_run or reason.strip()):
        raise UsageError("HW676", "accepting needs a reason", hint="--reason TEXT; every manifest concerned shows it")
    refuse_frozen(project)
    abandon_dead_runs(project)
    refuse_if_busy(project)
    project.refresh()
    keys = _with_siblings(project, project.select(select, exclude=exclude))
    known = gather(project.scene, keys, datetime.now(UTC), new_id())
    known.raise_errors()
    facts = known.facts
    chosen: Mapping[str, Collection[str | None]] = {}
    if partition is not None:
        chosen = within(project, keys, partition, facts)
    elif backfill is not None:
        chosen = in_range(project.graph.definitions, keys, backfill.first, backfill.last, facts.now)
        if backfill.first or backfill.last:  # what the range says nothing of was not asked for
            chosen = {key: chosen.get(key, ()) for key in keys}
    slots: list[Slot] = []
    left: list[Left] = []
    changes: dict[str, dict[str, None]] = {}
    for states in planning.states(keys, facts).assets.values():
        for found, reasons in _changed_code(states, chosen.get(states.key)):
            others = [one.message for one in reasons if one.code is not ReasonCode.CODE_CHANGED]
            if others:
                left.extend(Left(slot, "; ".join(others[:_TOLD])) for slot in found)
                continue
            slots.extend(found)
            for one in reasons:
                changes.setdefault(states.key, {}).update(dict.fromkeys(one.details.get("changes", ())))
    if not slots:
        why = f"{left[0].slot}: {left[0].reason}" if left else ""
        raise UsageError(
            "HW677", "there is nothing to accept: no published slot differs in its code and in nothing else",
            where=select, why=why, hint="headwater status --why says what differs",
        )  # fmt: skip
    told = {key: tuple(found) for key, found in changes.items()}
    if dry_run:
        return Accepted(tuple(slots), tuple(left), told, reason)
    run = run_of(project.env, command, reason, f"accept {select}".strip())
    project.catalog.change(Change(run, Verb.ACCEPT, accept=tuple(_accepts(project, facts, slots))))
    return Accepted(tuple(slots), tuple(left), told, reason, run.id)


def _with_siblings(project: Project, keys: Sequence[str]) -> list[str]:
    """The keys, and those that the same calls make: one call makes all of them or none."""
    graph = project.graph
    wanted = {one.key for key in keys for one in graph.makers[graph.asset(key).maker]}
    return [key for key in graph.definitions if key in wanted]


def _changed_code(
    states: AssetStates, partitions: Collection[str | None] | None
) -> Iterator[tuple[list[Slot], list[Reason]]]:
    """The slots within the partitions whose code differs, with all that differs."""
    wanted = None if partitions is None else set(partitions)
    for code, places in states.by_code().items():
        reasons = [one for one in states.verdicts[code].reasons if one.code not in _BESIDE]
        if any(one.code is ReasonCode.CODE_CHANGED for one in reasons):
            keys = [states.partitions[place] for place in places]
            yield [Slot(states.key, one) for one in keys if wanted is None or one in wanted], reasons


def _accepts(project: Project, facts: Facts, slots: Sequence[Slot]) -> Iterator[Accept]:
    """The acceptances, each under the key that the record was made under."""
    facts.published.fetch(slots)
    codes: dict[tuple[str, CodeVersion], tuple[CodeVersion, str]] = {}
    for slot in slots:
        made = facts.published[slot]
        now = code_now(slot, made, facts)
        if now is None:  # its code differs, so it is known
            continue
        if (slot.asset, now) not in codes:
            asset = facts.graph.asset(slot.asset)
            inputs = input_schemas(facts.graph, asset, facts)
            full = with_source(asset, now, inputs, project.scene.derived)
            text = to_text(asset, read_source(asset, inputs, project.scene.derived))
            codes[slot.asset, now] = (full, text)
        code, text = codes[slot.asset, now]
        yield Accept(made.slot, made.id, code, text)
