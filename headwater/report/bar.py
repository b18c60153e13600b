"""The states of many partitions as one bar of text."""

from __future__ import annotations

from collections.abc import Iterable

from assets_core.staleness import SlotState
from assets_core.states import AssetStates
from headwater.report.style import Style

WIDTH = 48
SIGNS = {
    SlotState.BLOCKED: "x",
    SlotState.MISSING: "\u2591",
    SlotState.STALE: "\u2592",
    SlotState.HELD: "\u2593",
    SlotState.ACCEPTED: "\u25a0",
    SlotState.FRESH: "\u2588",
}
"""What stands for a state, the worst first."""


def bar(states: AssetStates, style: Style) -> str:
    """One sign for each partition, oldest first, or for several neighbours the sign of the worst of them."""
    count = len(states.codes)
    wide = min(WIDTH, count)
    drawn = []
    for place in range(wide):
        codes = set(states.codes[place * count // wide : (place + 1) * count // wide])
        found = {states.verdicts[code].state for code in codes}
        worst = next(state for state in SIGNS if state in found)
        drawn.append((worst, SIGNS[worst]))
    return "".join(style.state(str(state), sign) for state, sign in drawn)


def legend(occurring: Iterable[str]) -> str:
    """What the signs of the states that occur mean."""
    wanted = set(occurring)
    return "  ".join(f"{sign} {state}" for state, sign in reversed(SIGNS.items()) if str(state) in wanted)
