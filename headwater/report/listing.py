"""The assets of a project, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assets_core.asset import Asset, Definition
from assets_core.keys import Slot
from assets_core.partitions import word_of
from assets_core.staleness import SlotState, Verdict
from headwater.report.slots import slot_count
from headwater.report.status import count_states
from headwater.report.style import Style, clean
from headwater.report.table import Cell, state_cell, table
from headwater.report.words import counted, number

_WORST_FIRST = (
    SlotState.BLOCKED,
    SlotState.MISSING,
    SlotState.STALE,
    SlotState.HELD,
    SlotState.ORPHANED,
    SlotState.ACCEPTED,
    SlotState.FRESH,
)


def ls_document(definitions: Iterable[Definition], verdicts: Mapping[Slot, Verdict], root: str = "") -> dict[str, Any]:
    """``{"assets": [{"asset", "kind", "partitions", "slots", "states", "description", ...}]}``."""
    by_key = _by_key(verdicts)
    return {
        "assets": [
            {
                "asset": one.key,
                "kind": kind_of(one),
                "partitions": word_of(one.partitions) or None,
                "slots": len(by_key.get(one.key, ())),
                "states": count_states(by_key.get(one.key, {})),
                "description": one.description,
                "owners": list(one.owners),
                "tags": dict(one.tags),
                "where": place_of(one, root),
            }
            for one in definitions
        ]
        + _gone_documents(by_key)
    }


def ls_text(definitions: Iterable[Definition], verdicts: Mapping[Slot, Verdict], title: str, style: Style) -> str:
    """One line for each asset or source: its kind, its partitions, its state and what it is."""
    listed = list(definitions)
    by_key = _by_key(verdicts)
    assets = sum(isinstance(one, Asset) for one in listed)
    head = f"{title}: {counted(assets, 'asset')}, {counted(len(listed) - assets, 'source')}"
    rows = [_row(one, by_key.get(one.key, {})) for one in listed]
    rows += [[key, "", slot_count(slots), state_summary(slots), "gone from the code"] for key, slots in _gone(by_key)]
    titles = ("asset", "kind", "partitions", "state", "description")
    return "\n".join([head, "", *table(rows, style, head=titles, flexible=4)])


def place_of(definition: Definition, root: str) -> str:
    """Where it is declared, as ``file:line``, told from the project's folder."""
    return definition.where.removeprefix(f"{root}/")


def kind_of(definition: Definition) -> str:
    """``python``, ``sql`` or ``source``."""
    return definition.kind if isinstance(definition, Asset) else "source"


def state_summary(verdicts: Mapping[Slot, Verdict]) -> Cell:
    """The worst state among slots, and how many of them are in it if not all."""
    counts = count_states(verdicts)
    for state in _WORST_FIRST:
        count = counts.get(str(state), 0)
        if count:
            part = "" if count == len(verdicts) else f" {number(count)} of {number(len(verdicts))}"
            return Cell(f"{state}{part}", state_cell(str(state)).colour)
    return Cell("")


def _row(one: Definition, verdicts: Mapping[Slot, Verdict]) -> list[str | Cell]:
    word = word_of(one.partitions)
    plural = word if word in ("static", "dynamic", "cron") or " " in word else f"{word}s"
    slices = counted(len(verdicts), word, plural) if verdicts and word else f"by {word}" if word else ""
    summary = clean(one.description.strip().split("\n")[0])
    return [one.key, kind_of(one), slices, state_summary(verdicts), summary]


def _gone(by_key: Mapping[str, dict[Slot, Verdict]]) -> list[tuple[str, dict[Slot, Verdict]]]:
    """The assets that have slots and no definition."""
    return [
        (key, slots) for key, slots in by_key.items() if all(one.state is SlotState.ORPHANED for one in slots.values())
    ]


def _gone_documents(by_key: Mapping[str, dict[Slot, Verdict]]) -> list[dict[str, Any]]:
    blank: dict[str, Any] = {"kind": None, "partitions": None, "description": "", "owners": [], "tags": {}, "where": ""}
    return [{"asset": key, **blank, "slots": len(slots), "states": count_states(slots)} for key, slots in _gone(by_key)]


def _by_key(verdicts: Mapping[Slot, Verdict]) -> dict[str, dict[Slot, Verdict]]:
    by_key: dict[str, dict[Slot, Verdict]] = {}
    for slot, verdict in verdicts.items():
        by_key.setdefault(slot.asset, {})[slot] = verdict
    return by_key
