"""Working beside other runs: claiming slots in the catalog, and taking over what others publish meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from assets_core.facts import Facts
from assets_core.keys import Slot
from assets_core.published import unpack_id
from lineage.catalog.values import Claimed, Want
from materializers.observe import Scene

LOOK_SECONDS = 0.2
"""How often a run that waits for others looks how far they are."""
BURY_SECONDS = 2.0
"""How often it looks whether those it waits for are still alive."""


class Neighbourhood:
    """The other runs of an environment, as one run sees them.

    Arguments:
        facts: moved on by what others publish.
        since: the entry of the catalog's log up to which the facts are known to be whole.
        bury: marks runs whose process is gone as abandoned, and gives a sentence on each.
    """

    def __init__(self, scene: Scene, facts: Facts, run_id: str, since: int, bury: Callable[[], Sequence[str]]) -> None:
        self._scene = scene
        self._facts = facts
        self._run_id = run_id
        self._since = since
        self._bury = bury
        self._looked = 0.0
        self._buried = time.monotonic()
        self.moves = 0
        """Counts how often the facts were moved on: what was judged before that is to be judged again."""
        self.published: set[Slot] = set()
        """What others have published since the run began."""

    def claim(self, wants: Sequence[Want], let_go: Collection[Slot] = ()) -> Claimed:
        """Claims slots; from then on nobody else publishes them, and the facts on them hold."""
        answer = self._scene.catalog.claim(self._scene.env, self._run_id, wants, let_go, self._since)
        self._take_over(answer.moved, answer.sequence)
        return answer

    def look(self) -> Mapping[Slot, str]:
        """The slots that others are at, with the ids of their runs; the facts are moved on to that moment."""
        self._looked = time.monotonic()
        seen = self._scene.catalog.neighbours(self._scene.env, self._run_id, self._since)
        self._take_over(seen.moved, seen.sequence)
        return seen.claimed

    def patience(self) -> float:
        """Seconds until it is time to look again."""
        return max(0.0, self._looked + LOOK_SECONDS - time.monotonic())

    def bury_dead(self) -> Sequence[str]:
        """Marks runs that crashed as abandoned, which gives back what they had claimed; a sentence on each."""
        if time.monotonic() - self._buried < BURY_SECONDS:
            return ()
        self._buried = time.monotonic()
        return self._bury()

    def _take_over(self, moved: Mapping[Slot, str | None], sequence: int) -> None:
        self._since = sequence
        facts = self._facts
        here = {slot: made for slot, made in moved.items() if slot.asset in facts.graph.definitions}
        shown = {slot: None if (one := facts.published.id_of(slot)) is None else unpack_id(one) for slot in here}
        changed = {slot: made for slot, made in here.items() if made != shown[slot]}
        if not changed:
            return
        wanted = [made for made in changed.values() if made is not None]
        records = self._scene.catalog.materializations(wanted, lineage=False)
        for slot, made in changed.items():
            if made is None:
                facts.published.pop(slot, None)
            else:
                facts.published[slot] = records[made]
                self.published.add(slot)
                facts.absent.discard(slot)
                facts.aside.pop(slot, None)
        self.moves += 1
