"""Which steps of a batch wait for the others to settle, and which ones one call then computes together."""

from __future__ import annotations

from collections.abc import Sequence


class Gathering:
    """Brings the steps of each batch together again once every one of them is known to be computed or not.

    Arguments:
        batches: places of the steps that belong together, as the plan has them.
    """

    def __init__(self, batches: Sequence[tuple[int, ...]]) -> None:
        self._batch_of = {place: number for number, places in enumerate(batches) for place in places}
        self._open = [set(places) for places in batches]
        self._wanted: list[list[int]] = [[] for _ in batches]

    def wants(self, place: int) -> tuple[int, ...]:
        """A step is to be computed; gives the steps that can start now, together with it or for lack of a batch alone.

        Nothing while other steps of its batch are not decided.
        """
        number = self._batch_of.get(place)
        if number is None:
            return (place,)
        self._wanted[number].append(place)
        return self._decided(number, place)

    def leaves(self, place: int) -> tuple[int, ...]:
        """A step ended or goes its own way; gives the steps that can start now because they waited for it alone."""
        number = self._batch_of.pop(place, None)
        if number is None:
            return ()
        if place in self._wanted[number]:
            self._wanted[number].remove(place)
        return self._decided(number, place)

    def _decided(self, number: int, place: int) -> tuple[int, ...]:
        waiting = self._open[number]
        if place not in waiting:
            return ()
        waiting.discard(place)
        if waiting:
            return ()
        for one in self._wanted[number]:  # from now on each of them is asked for as a step alone
            self._batch_of.pop(one, None)
        return tuple(self._wanted[number])
