"""Which slots of an input the slots of an asset read, by their places in the two definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

Places = Sequence[int]


@dataclass(frozen=True, slots=True)
class Spans:
    """How all slots of one asset read one input.

    Arguments:
        same: each slot reads just the slot at its own place.
        whole: each slot reads all slots of the input that there are, however many come to be.
        each: otherwise, by the reader's place, the places that are read; a place that the input does not have is -1.
    """

    same: bool = False
    whole: bool = False
    each: Sequence[Places] = ()


def touched(spans: Spans, flags: bytearray, readers: int) -> bytearray:
    """For every reader whether any slot that it reads is flagged.

    Arguments:
        flags: by place of the input, 1 or 0.
        readers: how many slots the reading asset has.
    """
    if spans.same:
        return flags
    if spans.whole:
        return bytearray([1 if any(flags) else 0]) * readers
    if not any(flags):
        return bytearray(readers)
    before = [0, *accumulate(flags)]
    found = bytearray(readers)
    for place, span in enumerate(spans.each):
        if isinstance(span, range) and span.step == 1:
            found[place] = bool(span) and before[span.stop] > before[span.start]
        else:
            found[place] = any(one >= 0 and flags[one] for one in span)
    return found
