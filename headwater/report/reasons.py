"""Reasons of many slots, one line a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from assets_core.keys import Slots
from assets_core.staleness import Reason, ReasonCode
from headwater.report.slots import PartitionsOf, key_span, wide_span
from headwater.report.style import Style, clean
from headwater.report.table import paragraph
from headwater.report.words import listed

Pairs = Iterable[tuple[Slots, Reason]]
"""Slots of one asset, and a reason that they have."""
_COLUMNS_SHOWN = 12
_SETS_SHOWN = 4


@dataclass(slots=True)
class ReasonGroup:
    """One reason that several slots share.

    Arguments:
        asset: the input it is about, empty if it is about none.
        tail: the end of the sentence when it is about an input.
        columns: the input's columns that differ.
        partitions: the input's partitions that came or went.
    """

    code: str
    message: str
    asset: str = ""
    tail: str = ""
    columns: tuple[str, ...] = ()
    partitions: dict[str, None] = field(default_factory=dict)
    slots: list[Slots] = field(default_factory=list)

    def sentence(self, partitions_of: PartitionsOf) -> str:
        """The reason in one sentence, without the slots that have it."""
        if self.partitions:
            return f"{self.asset}: {key_span(self.partitions, partitions_of(self.asset))} {self.tail}"
        if self.columns:
            return f"{self.asset}: {listed(self.columns, _COLUMNS_SHOWN)} {self.tail}"
        return self.message


def group_reasons(pairs: Pairs) -> list[ReasonGroup]:
    """Joins what is the same reason for several slots, in the order of first appearance."""
    groups: dict[tuple[Any, ...], ReasonGroup] = {}
    for slot, reason in pairs:
        fresh = _group_of(reason)
        key = (fresh.code, fresh.message, fresh.asset, fresh.tail, fresh.columns)
        group = groups.setdefault(key, fresh)
        group.partitions.update(fresh.partitions)
        group.slots.append(slot)
    return _few_sets(list(groups.values()))


def reason_lines(pairs: Pairs, partitions_of: PartitionsOf, style: Style, indent: str = "      ") -> list[str]:
    """The lines of ``--why``: a reason each, with the partitions that have it."""
    lines: list[str] = []
    for group in group_reasons(pairs):
        sentence, where = clean(group.sentence(partitions_of)), wide_span(group.slots, partitions_of)
        together = f"{indent}{sentence}  {where}".rstrip()
        if style.width is None or len(together) <= style.width:
            lines.append(f"{indent}{sentence}  {style.dim(where)}" if where else together)
            continue
        lines.extend(paragraph(sentence, style, indent))
        lines.extend(paragraph(where, style, f"{indent}    ") if where else [])
    return lines


def main_reason(pairs: Pairs, partitions_of: PartitionsOf) -> str:
    """The first reason, and how many others there are."""
    groups = group_reasons(pairs)
    if not groups:
        return ""
    # That something upstream is not fresh either goes without saying where there is a reason of its own.
    others = len([group for group in groups[1:] if group.code != ReasonCode.UPSTREAM_STALE])
    rest = f" (and {others} more)" if others else ""
    return clean(groups[0].sentence(partitions_of)) + rest


def reason_from(recorded: Mapping[str, Any]) -> Reason:
    """A reason read back from its JSON form; it may have a code of another version."""
    details = {name: value for name, value in recorded.items() if name not in ("code", "message")}
    return Reason(cast(ReasonCode, recorded["code"]), str(recorded["message"]), details)


def _group_of(reason: Reason) -> ReasonGroup:
    details, code = reason.details, str(reason.code)
    asset = str(details.get("asset", ""))
    if reason.code == ReasonCode.INPUT_CHANGED:
        columns = tuple(str(one) for one in details.get("columns", ()))
        return ReasonGroup(code, "" if columns else f"{asset} changed", asset, "changed", columns)
    partitions = [str(one) for one in details.get("partitions", ()) if one is not None]
    if partitions and asset:
        return ReasonGroup(code, "", asset, _tail(reason), partitions=dict.fromkeys(partitions))
    return ReasonGroup(code, reason.message, asset)


def _tail(reason: Reason) -> str:
    if reason.code == ReasonCode.INPUT_MISSING:
        return "not published" if reason.message.endswith("not published") else "could not be observed"
    return "no longer read" if reason.message.endswith("no longer read") else "new"


def _few_sets(groups: list[ReasonGroup]) -> list[ReasonGroup]:
    """Where one input changed in many different sets of columns, one group with all of them."""
    sets: dict[tuple[str, str], list[ReasonGroup]] = {}
    for group in groups:
        if group.columns:
            sets.setdefault((group.code, group.asset), []).append(group)
    result: list[ReasonGroup] = []
    for group in groups:
        alike = sets.get((group.code, group.asset), [])
        if not group.columns or len(alike) <= _SETS_SHOWN:
            result.append(group)
        elif group is alike[0]:
            columns = tuple(dict.fromkeys(name for one in alike for name in one.columns))
            slots = [slot for one in alike for slot in one.slots]
            result.append(ReasonGroup(group.code, "", group.asset, "changed", columns, slots=slots))
    return result
