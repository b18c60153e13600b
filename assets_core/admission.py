"""Which of the steps that are ready may go ahead now: by rank, as far as pools and memory allow.

No threads, no clock. The engine offers steps, takes those that are let in, and says when one is done.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from assets_core.plan import Plan, Step


class Needs(NamedTuple):
    """What a step takes while it runs.

    Arguments:
        pool: the pool in which it takes a place; None for none.
        memory: bytes it says that it needs; 0 where it says nothing.
    """

    pool: str | None = None
    memory: int = 0


Rank = tuple[float, ...]
"""Of two steps, the one of the smaller rank goes first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the steps of one run may take together.

    Arguments:
        pools: places by pool.
        memory: bytes; None for any amount.
    """

    pools: Mapping[str, int] = field(default_factory=dict)
    memory: int | None = None


class Admission:
    """Lets steps in.

    Steps with the same needs wait in one line, so that what is at the head of a full pool holds up nobody else. What
    waits for memory holds up all others that say what they need, or a big one would wait for ever.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[tuple[str | None, bool], list[tuple[Rank, int]]] = {}
        self._needs: dict[int, Needs] = {}
        self._inside: set[int] = set()
        self._taken: dict[str, int] = {}
        self._memory = 0

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def offer(self, place: int, rank: Rank, needs: Needs) -> None:
        """Puts a step that is ready into its line."""
        self._needs[place] = needs
        heapq.heappush(self._lines.setdefault((needs.pool, needs.memory > 0), []), (rank, place))

    def admit(self, most: int) -> list[int]:
        """The places of at most so many steps that may go ahead now, in the order of their ranks."""
        found: list[int] = []
        shut: set[tuple[str | None, bool]] = set()
        while len(found) < most:
            open_lines = [(line[0], name) for name, line in self._lines.items() if line and name not in shut]
            if not open_lines:
                break
            (_, place), name = min(open_lines)
            if self._fits(self._needs[place]):
                heapq.heappop(self._lines[name])
                self._enter(place)
                found.append(place)
            elif self._has_place(self._needs[place].pool):
                shut.update(one for one in self._lines if one[1])
            else:
                shut.add(name)
        return found

    def done(self, place: int) -> None:
        """Gives back what a step that was let in had taken; fine if it was not."""
        if place in self._inside:
            self._inside.discard(place)
            pool, memory = self._needs.pop(place)
            self._memory -= memory
            if pool is not None:
                self._taken[pool] -= 1

    def hand_on(self, place: int, to: int) -> None:
        """Lets a step have what another one that was let in had taken."""
        if place in self._inside:
            self._inside.discard(place)
            self._inside.add(to)
            self._needs[to] = self._needs.pop(place)

    def clear(self) -> None:
        """Forgets all that wait."""
        self._lines.clear()

    def _fits(self, needs: Needs) -> bool:
        limit = self._limits.memory
        # What needs more than there is goes alone: better slow than never.
        roomy = limit is None or not needs.memory or not self._memory or self._memory + needs.memory <= limit
        return roomy and self._has_place(needs.pool)

    def _has_place(self, pool: str | None) -> bool:
        return pool is None or self._taken.get(pool, 0) < self._limits.pools.get(pool, 1)

    def _enter(self, place: int) -> None:
        self._inside.add(place)
        pool, memory = self._needs[place]
        self._memory += memory
        if pool is not None:
            self._taken[pool] = self._taken.get(pool, 0) + 1


def path_lengths(plan: Plan, seconds: Callable[[Step], float]) -> list[float]:
    """By place, how long the longest chain of steps takes that begins with the step and ends with the plan.

    Arguments:
        seconds: how long a step takes by itself.
    """
    lengths = [0.0] * len(plan.steps)
    behind = [0.0] * len(plan.steps)
    for place in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[place]
        lengths[place] = behind[place] + seconds(step)
        for upstream in step.after:
            behind[upstream] = max(behind[upstream], lengths[place])
    return lengths


def typical_seconds(known: Mapping[str, float]) -> Callable[[Step], float]:
    """How long a step takes, as far as past runs tell; what never ran is taken to be like the others.

    Arguments:
        known: seconds of one slot, by asset key.
    """
    otherwise = sum(known.values()) / len(known) if known else 1.0
    return lambda step: known.get(step.slot.asset, otherwise)
