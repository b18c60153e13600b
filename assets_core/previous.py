"""Assets that read their own slot before: ``previous=`` names the parameter, or the table of the query, bound to it.

The slot before is the one before it in the definition; the first slot reads an empty table of the declared schema. So
slots are made one after the other and oldest first, and a change of one makes those after it stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from assets_core.asset import Asset, Input
from assets_core.errors import DefinitionError, HeadwaterError, UsageError, did_you_mean
from assets_core.mappings import Window
from assets_core.partitions import Cron, TimePartitions


def previous_input(asset: Asset[..., Any]) -> Input:
    """The slot before, as an input."""
    return Input(asset.key, Window(-1, -1))


def previous_errors(asset: Asset[..., Any], names: Iterable[str]) -> Iterator[HeadwaterError]:
    """What is wrong with an asset's ``previous=``, if it has one.

    Arguments:
        names: its parameters that may be inputs, or the tables of its query.
    """
    if asset.previous is None:
        return
    known = list(names)
    if asset.previous not in known:
        what = "table of the query" if asset.sql is not None else "parameter of the function"
        yield _error(asset, f"names {asset.previous!r}, which is no {what}", did_you_mean(asset.previous, known))
    if asset.previous in asset.inputs:
        yield _error(asset, f"and inputs= both bind {asset.previous!r}", "leave one of them out")
    if not isinstance(asset.partitions, TimePartitions | Cron):
        yield _error(asset, "needs partitions that follow each other in time", 'partitions=Daily("2013-01-01")')
    if asset.schema is None:
        yield _error(asset, "needs schema=: the first slot reads an empty table of it", "schema={'id': pl.Int64, ...}")


def reverse_errors(assets: Iterable[Asset[..., Any]]) -> Iterator[HeadwaterError]:
    """Why slots of these assets cannot be made newest first."""
    for asset in assets:
        if asset.previous is not None:
            yield UsageError(
                "HW650",
                f"{asset.key} reads its own slot before, so its slots cannot be made newest first",
                where=asset.where,
                hint="leave --reverse out",
            )


def _error(asset: Asset[..., Any], what: str, hint: str) -> DefinitionError:
    return DefinitionError("HW192", f"{asset.key}: previous= {what}", where=asset.where, hint=hint)
