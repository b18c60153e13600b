"""Tables that lie below each other in one frame."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def table_numbers(heights: Sequence[int]) -> pl.Series:
    """For each row of the frame the number of its table.

    Arguments:
        heights: the numbers of rows of the tables, in their order.
    """
    numbers = [pl.Series([number], dtype=pl.UInt32).new_from_index(0, height) for number, height in enumerate(heights)]
    return pl.concat(numbers, rechunk=True) if numbers else pl.Series(dtype=pl.UInt32)
