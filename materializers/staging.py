"""How a result is versioned as it is stored beside the published data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypedDict

import polars as pl

from assets_core.asset import Asset
from assets_core.check import Check
from assets_core.errors import HeadwaterError
from assets_core.keys import Slot
from assets_core.records import Stored
from assets_core.versions import DataVersion
from lineage.checks.evaluate import in_passing
from lineage.fingerprint import tally_for
from lineage.fingerprint_large import Tally
from lineage.fingerprint_tolerance import steady_version
from materializers.step_task import Shown, TaskOutput
from materializers.storage.protocol import Storage
from materializers.tables import Tables


class Ways(TypedDict):
    """How the version of a result is taken: see ``fingerprint.data_version``."""

    unique_key: Sequence[str]
    previous_key: Sequence[str]
    read_sets: Collection[tuple[str, ...]]
    ordered: bool


def ways_of(asset: Asset[..., Any], shown: Shown | None, read_sets: Collection[tuple[str, ...]]) -> Ways:
    """How an asset's results are versioned, so that they compare with what its slot shows."""
    previous = () if shown is None else shown.version.key
    return Ways(unique_key=asset.unique_key, previous_key=previous, read_sets=read_sets, ordered=asset.ordered)


def write_in_passing(
    storage: Storage,
    slot: Slot,
    id: str,  # noqa: A002 -- the record's word
    plan: pl.LazyFrame,
    ways: Ways,
    checks: Sequence[Check],
) -> tuple[Stored, Tally]:
    """Writes a plan's result while it is computed, and adds up for its version and checks; nothing is held whole."""
    schema = plan.collect_schema()
    tally = tally_for(schema, **ways, conditions=in_passing(checks, schema))
    return storage.write(slot, id, plan, tally), tally


def steady(
    version: DataVersion,
    frame: pl.DataFrame | pl.LazyFrame,
    asset: Asset[..., Any],
    output: TaskOutput,
    tables: Tables,
) -> DataVersion:
    """The version in which floats that hardly moved keep what they had."""
    shown = output.shown
    if shown is None:
        return version

    def original_of(materialization: str, columns: Collection[str]) -> pl.DataFrame | None:
        at = output.originals.get(materialization)
        try:
            if at is None:
                return None
            rows = tables.scan([at])
            return rows.select(name for name in rows.collect_schema() if name in columns).collect()
        except (HeadwaterError, OSError, pl.exceptions.PolarsError):
            return None

    return steady_version(version, frame, shown.version, shown.id, original_of, tolerance=asset.tolerance)
