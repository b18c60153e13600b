"""Steps that are ready, brought together to calls, and the calls let in as far as pools and memory allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assets_core.admission import Admission, Limits, Needs
from assets_core.asset import Run
from materializers.gathering import Gathering

Call = tuple[int, ...]
"""Places of the steps that one call computes; it is known by the first of them."""


class Calls:
    """The calls of one run that have not begun, and what those that were let in have taken.

    Arguments:
        batches: places of the steps that belong together, as the plan has them.
        run_of: how the step at a place is to be carried out.
        turn_of: what the step at a place is ordered by where nothing else tells.
    """

    def __init__(
        self, batches: Sequence[Call], limits: Limits, run_of: Callable[[int], Run], turn_of: Callable[[int], int]
    ) -> None:
        self._gathering = Gathering(batches)
        self._admission = Admission(limits)
        self._run_of = run_of
        self._turn_of = turn_of
        self._offered: dict[int, Call] = {}
        self.lengths: Sequence[float] = ()
        """By place, how much work hangs on a step; empty where the order does not matter."""

    def wants(self, place: int) -> None:
        """A step is to be computed: in its batch as soon as all of that is decided, else alone."""
        self.offer(self._gathering.wants(place))

    def leaves(self, place: int) -> None:
        """A step ended: the others of its batch wait for it no more."""
        self.offer(self._gathering.leaves(place))

    def offer(self, call: Call) -> None:
        """Lets these steps be computed by one call as soon as there is room for it; fine if there are none."""
        if not call:
            return
        self._offered[call[0]] = call
        run = self._run_of(call[0])
        length = max(self.lengths[place] for place in call) if self.lengths else 0.0
        self._admission.offer(
            call[0], (-run.priority, -length, self._turn_of(call[0])), Needs(run.pool, run.memory_bytes)
        )

    def admit(self, most: int) -> list[Call]:
        """At most so many calls that may go ahead now, in the order of their ranks."""
        return [self._offered.pop(first) for first in self._admission.admit(most)]

    def keep(self, call: Call, rest: Call) -> None:
        """Of a call that was let in, only these steps go ahead together."""
        if rest:
            self._admission.hand_on(call[0], rest[0])
        else:
            self._admission.done(call[0])

    def done(self, place: int) -> None:
        """Gives back what the call that is known by this step had taken; fine if there is none."""
        self._admission.done(place)

    def clear(self) -> None:
        """Forgets all that have not been let in."""
        self._admission.clear()
        self._offered.clear()
