"""Which assets can be computed in batches of slots: what a definition must have for it, said before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from assets_core.asset import Asset
from assets_core.errors import DefinitionError, HeadwaterError, did_you_mean
from assets_core.mappings import PartitionMapping, Window
from assets_core.partitions import Dynamic, Multi, Static

WINDOWS = ("day", "week", "month", "quarter", "year")
"""The calendar windows that slots can be batched by."""


def batch_errors(
    asset: Asset[..., Any], reads: Iterable[tuple[str, PartitionMapping | None]]
) -> Iterator[HeadwaterError]:
    """What is wrong with an asset's ``batch=``, if it has one.

    Arguments:
        reads: the key of each of its inputs, with the mapping that it asks for.
    """
    batch = asset.run.batch
    if batch is None:
        return
    wrong = bad_batch(batch)
    if wrong is not None:
        what, hint = wrong
        yield DefinitionError("HW190", f"{asset.key}: {what}", where=asset.where, hint=hint)
        return
    for why, hint in _obstacles(asset, reads):
        yield DefinitionError("HW191", f"{asset.key} cannot be batched: {why}", where=asset.where, hint=hint)


def bad_batch(batch: object) -> tuple[str, str] | None:
    """What is wrong with a batch size or window by itself, and a hint; None if nothing is."""
    if isinstance(batch, bool) or not isinstance(batch, int | str):
        return f"batch={batch!r} is neither a number of slots nor a window", "write batch=200 or batch='month'"
    if isinstance(batch, int):
        return (f"batch={batch} is no number of slots", "it is 1 at least") if batch < 1 else None
    if batch in WINDOWS:
        return None
    near = did_you_mean(batch, WINDOWS)
    return f"batch={batch!r} is no calendar window", near or f"one of {', '.join(WINDOWS)}, or a number of slots"


def _obstacles(
    asset: Asset[..., Any], reads: Iterable[tuple[str, PartitionMapping | None]]
) -> Iterator[tuple[str, str]]:
    if asset.partitions is None:
        yield "it has no partitions", "give it partitions= and partition_by=, or leave batch= out"
        return
    if isinstance(asset.partitions, Multi):
        yield "its partitions have several dimensions", "leave batch= out"
    if asset.partition_by is None:
        yield (
            "nothing tells to which partition a row of its result belongs",
            'partition_by="day" names the column by which the result is split',
        )
    if isinstance(asset.run.batch, str) and isinstance(asset.partitions, Static | Dynamic):
        yield "its partitions are no slices of time", "give a number of slots: batch=20"
    if asset.output:
        yield "a multi_asset is one call a slot", "leave batch= out"
    if asset.previous is not None:
        yield "each of its slots reads the one before", "leave batch= out"
        return
    for key, window in reads:
        if isinstance(window, Window) and window != Window(0, 0):
            yield (
                f"its input {key} is a window({window.first}, {window.last}), so one row belongs to several slots",
                "leave batch= out, or read the input as it is partitioned",
            )
