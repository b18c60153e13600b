"""Whether a slot is fresh, and every reason why it is not. Nothing else decides, and nothing explains apart from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assets_core.asset import Asset
from assets_core.check import Severity
from assets_core.column_lineage import ORDER, ROWS
from assets_core.facts import AssetFacts, Facts, make_recipe
from assets_core.graph import BoundInput
from assets_core.keys import Slot
from assets_core.published import pack_id
from assets_core.recipe import InputPart, Recipe, RecipeInput
from assets_core.records import Acceptance, Materialization, Schema
from assets_core.renames import as_called_now
from assets_core.versions import CodeVersion, changed_columns, same_code

FILE = "file:"
"""Begins the names of settings that are digests of files which the code reads although they are none of its inputs."""
MATCHED = "matched columns"
"""The setting that is a digest of what selectors match, of code whose version does not say it."""


class SlotState(StrEnum):
    """The state of a slot in an environment."""

    FRESH = "fresh"
    ACCEPTED = "accepted"
    """Made by other code than there is now, which somebody accepted; otherwise fresh, and for its readers just that."""
    STALE = "stale"
    MISSING = "missing"
    BLOCKED = "blocked"
    HELD = "held"
    """Kept as it is until somebody lets it go: never planned, whatever differs."""
    ORPHANED = "orphaned"
    """Its asset is gone from the code; it is shown as it was until the environment is dropped."""


class ReasonCode(StrEnum):
    """What kind of difference makes a slot stale."""

    MISSING = "missing"
    CODE_CHANGED = "code_changed"
    ACCEPTED = "accepted"
    INPUT_CHANGED = "input_changed"
    INPUT_SCHEMA_CHANGED = "input_schema_changed"
    INPUT_SLOTS_CHANGED = "input_slots_changed"
    INPUT_MISSING = "input_missing"
    CONFIG_CHANGED = "config_changed"
    SETTINGS_CHANGED = "settings_changed"
    FILE_CHANGED = "file_changed"
    WINDOW_CHANGED = "window_changed"
    OUTPUT_MISSING = "output_missing"
    CHECK_OUTSTANDING = "check_outstanding"
    CHECK_FAILED = "check_failed"
    VOLATILE = "volatile"
    FORCED = "forced"
    UPSTREAM_STALE = "upstream_stale"
    HELD = "held"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True)
class Reason:
    """One difference between the recorded recipe and the one that would be used now.

    Arguments:
        message: one sentence for people.
        details: the same for programs: ``input``, ``asset``, ``columns``, ``before``, ``after``, ``names``.
    """

    code: ReasonCode
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The reason as the JSON documents carry it."""
        return {"code": str(self.code), "message": self.message, **self.details}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a slot and the reasons for it; a fresh slot has none."""

    state: SlotState
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, reasons: Sequence[Reason]) -> Verdict:
        """The verdict on a slot that shows something, by all that differs."""
        if not reasons:
            return FRESH
        accepted = all(one.code is ReasonCode.ACCEPTED for one in reasons)
        return cls(SlotState.ACCEPTED if accepted else SlotState.STALE, differences_first(reasons))


def differences_first(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons with acceptances last: these tell of a difference that does not count."""
    return tuple(sorted(reasons, key=lambda one: one.code is ReasonCode.ACCEPTED))


FRESH = Verdict(SlotState.FRESH)
MISSING = Verdict(SlotState.MISSING, (Reason(ReasonCode.MISSING, "nothing is published in this environment"),))
"""The verdict on a slot that shows nothing and of which nothing was set aside."""


def judge(slot: Slot, facts: Facts) -> Verdict:
    """Compares the recipe recorded with what a slot shows with the one that would be used now.

    Inputs are taken as they are published: whether those are fresh themselves is the plan's to add. Used for the
    plan, and again for a step when its inputs have settled.
    """
    if slot in facts.held:
        return Verdict(SlotState.HELD, (Reason(ReasonCode.HELD, facts.held[slot]),))
    asset = facts.graph.asset(slot.asset)
    shown = facts.published.get(slot)
    if shown is None or shown.recipe is None:
        return _not_published(slot, facts)
    verdict = Verdict.of(list(_differences(slot, asset, shown, shown.recipe, facts)))
    blocked = _blocked(slot, asset, facts) if verdict.state is SlotState.STALE else ()
    return Verdict(SlotState.BLOCKED, (*verdict.reasons, *blocked)) if blocked else verdict


def _not_published(slot: Slot, facts: Facts) -> Verdict:
    blocked = _blocked(slot, facts.graph.asset(slot.asset), facts)
    return Verdict(SlotState.BLOCKED, (*MISSING.reasons, *blocked)) if blocked else MISSING


def _blocked(slot: Slot, asset: Asset[..., Any], facts: Facts) -> tuple[Reason, ...]:
    """The reason why making the slot now would be stopped by a check again; empty if nothing says so.

    That is: the result that was set aside has the recipe that would be used now, and a check that stopped it is
    declared as blocking to this day. Where all of them were relaxed, the data set aside may be published after all.
    """
    aside = facts.aside.get(slot)
    if aside is None or aside.recipe is None:
        return ()
    declared = {check.rule for check in asset.checks if check.severity is Severity.BLOCKING}
    failed = [result.name for result in aside.checks if result.blocks and result.rule in declared]
    recipe = make_recipe(slot, facts) if failed else None
    if recipe is None or recipe.id != aside.recipe.id:
        return ()
    message = f"its last result was set aside: {', '.join(failed)} failed"
    return (Reason(ReasonCode.CHECK_FAILED, message, {"names": failed, "materialization": aside.id}),)


def _differences(
    slot: Slot, asset: Asset[..., Any], shown: Materialization, recorded: Recipe, facts: Facts
) -> Iterable[Reason]:
    if slot in facts.absent:
        yield Reason(ReasonCode.OUTPUT_MISSING, "its stored data is gone or damaged")
    yield from _volatility(slot, asset, shown, facts)
    yield from shared_differences(slot, shown, recorded, facts)
    recorded = as_called_now(recorded, facts.graph.inputs[slot.asset], asset.deps, facts.renames)
    before = {one.name: one for one in recorded.inputs}
    for bound in facts.graph.inputs[slot.asset]:
        yield from _parts_differ(slot, bound, before.get(bound.name), facts)
    for dep in asset.deps:
        yield from _dep_differences(dep, before.get(f"deps:{dep}"), facts)
    yield from _window_difference(slot, asset, recorded)


def shared_differences(slot: Slot, shown: Materialization, recorded: Recipe, facts: Facts) -> Iterable[Reason]:
    """What differs apart from the slot's window and from what its inputs show: the same for all slots of the asset
    whose records are alike in everything but their data."""
    own, asset = facts.assets[slot.asset], facts.graph.asset(slot.asset)
    config = list(_changed_values(ReasonCode.CONFIG_CHANGED, "config", recorded.config, own.config))
    if _code_differs(slot, shown, recorded, facts):
        changes = _pinned_otherwise(recorded, own) or list(facts.code_changes(shown))
        accepted = _acceptance(slot, shown, facts)
        if accepted is not None:
            yield _accepted_code(slot.asset, accepted, changes)
        elif changes or not config:  # a plan holds the values of its config: those alone may be what differs
            yield _changed_code(asset, changes, planned=recorded.code.plan is not None)
    yield from config
    recorded = as_called_now(recorded, facts.graph.inputs[slot.asset], asset.deps, facts.renames)
    yield from _changed_values(ReasonCode.SETTINGS_CHANGED, "setting", recorded.settings, own.settings)
    before = {one.name: one for one in recorded.inputs}
    for bound in facts.graph.inputs[slot.asset]:
        yield from _input_differs(slot, bound, before.get(bound.name), facts)
    for dep in asset.deps:
        if f"deps:{dep}" not in before:
            about = {"input": f"deps:{dep}", "asset": dep}
            yield Reason(ReasonCode.INPUT_SLOTS_CHANGED, f"now ordered after {dep}", about)
    yield from _dropped_inputs(slot, asset, recorded, facts)
    passed = {result.rule for result in shown.checks if result.passed}
    ran = {result.rule for result in shown.checks}
    for check in asset.checks:
        if check.severity is Severity.BLOCKING and check.rule not in passed:
            word = "failed on this data" if check.rule in ran else "has not run on this data"
            yield Reason(ReasonCode.CHECK_OUTSTANDING, f"check {check.name} {word}", {"names": [check.name]})


def _pinned_otherwise(recorded: Recipe, own: AssetFacts) -> list[str]:
    """That ``version=`` is another; where it is given on either side, nothing else of the code counts."""
    before, now = recorded.code.pinned, None if own.derivation is None else own.derivation.code.pinned
    if before == now:
        return []
    return [f"version is {'none' if now is None else repr(now)}, it was {'none' if before is None else repr(before)}"]


_OTHER_COLUMNS = ": its query is the same, but what it says of columns, as by *, stands for others now"
_OTHER_PLAN = (  # the clock, random numbers, the order of a set, a file read while it is built
    ": its plan comes out otherwise although its source is the same: its selectors match other columns, or it is not"
    " the same each time (see headwater validate)"
)


def _changed_code(asset: Asset[..., Any], changes: list[str], *, planned: bool) -> Reason:
    told = f": {'; '.join(changes[:3])}" if changes else ""
    if planned and not changes:
        told = _OTHER_PLAN if asset.sql is None else _OTHER_COLUMNS
    about = {"asset": asset.key, "changes": changes}
    return Reason(ReasonCode.CODE_CHANGED, f"code of {asset.key} changed{told}", about)


def _accepted_code(asset: str, accepted: Acceptance, changes: list[str]) -> Reason:
    told = f": {'; '.join(changes[:3])}" if changes else ""
    by = f"accepted {accepted.at:%Y-%m-%d %H:%M} UTC by {accepted.actor}: {accepted.reason}"
    return Reason(
        ReasonCode.ACCEPTED,
        f"made by older code of {asset}, {by} (changed since{told})",
        {
            "asset": asset, "changes": changes, "run": accepted.run_id, "actor": accepted.actor,
            "at": accepted.at.isoformat(), "reason": accepted.reason,
        },
    )  # fmt: skip


def _volatility(slot: Slot, asset: Asset[..., Any], shown: Materialization, facts: Facts) -> Iterable[Reason]:
    """The one reason that time takes part in, and only where a person asked for it."""
    if not asset.volatile:
        return
    if asset.final_after is not None and asset.partitions is not None and slot.partition is not None:
        end = asset.partitions.partition(slot.partition).end
        if end is not None and shown.created >= end + asset.final_after:
            return
    if asset.max_age is None:
        yield Reason(ReasonCode.VOLATILE, "declared volatile: its result may differ although nothing known changed")
    elif facts.now - shown.created >= asset.max_age:
        yield Reason(
            ReasonCode.VOLATILE,
            f"declared volatile: its result is older than {asset.max_age}",
            {"before": shown.created.isoformat()},
        )


def _code_differs(slot: Slot, shown: Materialization, recorded: Recipe, facts: Facts) -> bool:
    """Whether the code computes something else; keys enter code versions, so a rename is looked through first."""
    derivation = facts.assets[slot.asset].derivation
    if derivation is None or same_code(recorded.code, derivation.code):
        return False
    former = facts.former_code(slot.asset, shown) if facts.renames else None
    return former is None or not same_code(recorded.code, former)


def _acceptance(slot: Slot, shown: Materialization, facts: Facts) -> Acceptance | None:
    """How it was accepted, last, that a slot shows what other code made than the one there is now."""
    known = facts.accepted.get(pack_id(shown.id), ()) if facts.accepted else ()
    now = code_now(slot, shown, facts) if known else None
    return None if now is None else next((one for one in reversed(known) if same_code(one.code, now)), None)


def code_now(slot: Slot, shown: Materialization, facts: Facts) -> CodeVersion | None:
    """The code version of an asset now, under the names of when something that it shows was made."""
    former = facts.former_code(slot.asset, shown) if facts.renames else None
    derivation = facts.assets[slot.asset].derivation
    return former if former is not None or derivation is None else derivation.code


def _window_difference(slot: Slot, asset: Asset[..., Any], recorded: Recipe) -> Iterable[Reason]:
    if asset.partitions is None or slot.partition is None:
        return
    window = asset.partitions.partition(slot.partition).window
    if window != recorded.window:
        yield Reason(
            ReasonCode.WINDOW_CHANGED,
            "its partition's window in time changed",
            {"before": list(recorded.window), "after": list(window)},
        )


def _changed_values(
    code: ReasonCode, word: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterable[Reason]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new and name.startswith(FILE):
            yield _changed_file(name.removeprefix(FILE), old, new)
        elif name == MATCHED:
            if old is not None and new is not None and old != new:  # else it is the code that is of another kind
                yield Reason(code, "its selectors match other columns", {"name": name, "before": old, "after": new})
        elif old != new:
            change = f"{word} {name} changed from {old or 'unset'} to {new or 'unset'}"
            yield Reason(code, change, {"name": name, "before": old, "after": new})


def _changed_file(path: str, old: str | None, new: str | None) -> Reason:
    what = "is read now" if old is None else "is no longer read" if new is None else "changed"
    message = f"file {path}, which is none of its inputs, {what}"
    return Reason(ReasonCode.FILE_CHANGED, message, {"name": path, "before": old, "after": new})


def _dropped_inputs(slot: Slot, asset: Asset[..., Any], recorded: Recipe, facts: Facts) -> Iterable[Reason]:
    named = {bound.name for bound in facts.graph.inputs[slot.asset]} | {f"deps:{dep}" for dep in asset.deps}
    for one in recorded.inputs:
        if one.name not in named:
            ordered = one.name == f"deps:{one.asset}"
            message = f"input {one.name} is no longer read, was {one.asset}"
            yield Reason(
                ReasonCode.INPUT_SLOTS_CHANGED,
                f"no longer ordered after {one.asset}" if ordered else message,
                {"input": one.name, "asset": one.asset, "before": one.asset},
            )


def _input_differs(slot: Slot, bound: BoundInput, recorded: RecipeInput | None, facts: Facts) -> Iterable[Reason]:
    """What differs in an input as a whole: another table than was read, or other columns."""
    about = {"input": bound.name, "asset": bound.key}
    if recorded is None or recorded.asset != bound.key:
        old = "nothing" if recorded is None else recorded.asset
        message = f"input {bound.name} is now {bound.key}, was {old}"
        yield Reason(ReasonCode.INPUT_SLOTS_CHANGED, message, {**about, "before": old})
        return
    columns = facts.read_set(slot.asset, bound)
    if columns is not None and recorded.columns != columns:
        yield from _schema_differences(recorded, columns, about, facts)


def _parts_differ(slot: Slot, bound: BoundInput, recorded: RecipeInput | None, facts: Facts) -> Iterable[Reason]:
    """What differs in the slots of an input, where the input itself is what it was."""
    if recorded is None or any(_input_differs(slot, bound, recorded, facts)):
        return
    about = {"input": bound.name, "asset": bound.key}
    columns = facts.read_set(slot.asset, bound)
    if columns is None:  # not known yet: what was read is what is compared
        columns = recorded.columns
    before = {part.partition: part for part in recorded.parts}
    now = facts.reads(slot, bound)
    yield from _slots_differ(before, now, about, facts)
    read_set = tuple(name for name, _ in columns)
    common = [slot.partition for slot in now if slot.partition in before]
    if ORDER in read_set and common != [partition for partition in before if partition in set(common)]:
        message = f"the partitions of {bound.key} are in another order"
        yield Reason(ReasonCode.INPUT_SLOTS_CHANGED, message, {**about, "partitions": common})
    same_set = recorded.columns == columns
    for upstream in now:
        part = before.get(upstream.partition)
        if part is None or pack_id(part.materialization) == facts.published.id_of(upstream):
            continue
        made = facts.published.get(upstream)
        if made is None:
            continue
        changed = _changed(part, made, read_set, same_set, facts)
        if changed:
            yield Reason(
                ReasonCode.INPUT_CHANGED,
                # Of a source that is compared by its bytes nobody can tell which column it was.
                f"files of {upstream} changed" if made.version.content else f"{upstream}: {_listed(changed)} changed",
                {
                    **about,
                    "partition": upstream.partition,
                    "columns": list(changed),
                    "before": part.materialization,
                    "after": made.id,
                },
            )


def _schema_differences(
    recorded: RecipeInput, columns: Schema, about: Mapping[str, Any], facts: Facts
) -> Iterable[Reason]:
    """What differs in columns that were read: one gone from the input, another type, another order.

    A read set that grew or shrank while the input still has those columns is no such difference.
    """
    key, there = recorded.asset, dict(facts.schema(recorded.asset) or ())
    before = {name: dtype for name, dtype in recorded.columns if name not in (ROWS, ORDER)}
    now = {name: dtype for name, dtype in columns if name not in (ROWS, ORDER)}
    gone = [name for name in before if name not in there]
    retyped = [name for name in before if name in now and name in there and before[name] != now[name]]
    if gone:
        yield Reason(
            ReasonCode.INPUT_SCHEMA_CHANGED, f"{key} has no {_listed(gone)} any more", {**about, "columns": gone}
        )
    if retyped:
        message = f"type of {key}: {', '.join(retyped)} changed"
        yield Reason(ReasonCode.INPUT_SCHEMA_CHANGED, message, {**about, "columns": retyped})
    moved = [name for name in before if name in now]
    if moved != [name for name in now if name in before]:
        message = f"order of the columns of {key} changed"
        yield Reason(ReasonCode.INPUT_SCHEMA_CHANGED, message, {**about, "columns": moved})


def _changed(
    part: InputPart, made: Materialization, read_set: tuple[str, ...], same_set: bool, facts: Facts
) -> tuple[str, ...]:
    """The columns of a read set that differ between what was read and what is published; empty if none does."""
    now = facts.version_of(made, read_set)
    if same_set and now is not None and part.version == now:
        return ()
    old = facts.recorded.get(part.materialization)
    if old is None:
        return read_set or (ROWS,)
    if not same_set and now is not None and facts.version_of(old, read_set) == now:
        return ()
    return changed_columns(old.version, made.version, read_set) or read_set or (ROWS,)


def _slots_differ(
    before: Mapping[str | None, InputPart], now: list[Slot], about: Mapping[str, Any], facts: Facts
) -> Iterable[Reason]:
    missing = [slot for slot in now if slot not in facts.published]
    if missing:
        what = "could not be observed"
        if about["asset"] not in facts.unobserved:
            what = f"{'is' if len(missing) == 1 else 'are'} not published"
        yield Reason(
            ReasonCode.INPUT_MISSING,
            f"{_listed([str(slot) for slot in missing])} {what}",
            {**about, "partitions": [slot.partition for slot in missing]},
        )
    added = [slot.partition for slot in now if slot.partition not in before and slot in facts.published]
    gone = sorted(set(before) - {slot.partition for slot in now}, key=str)
    for word, partitions in (("new", added), ("no longer read", gone)):
        if partitions:
            yield Reason(
                ReasonCode.INPUT_SLOTS_CHANGED,
                f"{about['asset']}: {_listed([str(one) for one in partitions])} {word}",
                {**about, "partitions": partitions},
            )


def _dep_differences(dep: str, recorded: RecipeInput | None, facts: Facts) -> Iterable[Reason]:
    if recorded is None:
        return
    about = {"input": f"deps:{dep}", "asset": dep}
    before = {part.partition: part for part in recorded.parts}
    now = facts.waits_for(dep)
    yield from _slots_differ(before, now, about, facts)
    for upstream in now:
        part = before.get(upstream.partition)
        if part is None or pack_id(part.materialization) == facts.published.id_of(upstream):
            continue
        made = facts.published.get(upstream)
        if made is None:
            continue
        if facts.version_of(made, tuple(name for name, _ in made.schema)) != part.version:
            yield Reason(ReasonCode.INPUT_CHANGED, f"{upstream} changed", {**about, "partition": upstream.partition})


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    rest = len(shown) - 3
    return ", ".join(shown[:3]) + (f" and {rest} more" if rest > 0 else "")
