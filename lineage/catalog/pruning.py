"""Marking stored data as going to be deleted."""

from __future__ import annotations

from collections.abc import Collection

from assets_core.errors import RefusedError
from lineage.catalog.batch import Batch
from lineage.catalog.packing import storable, unpack_id
from lineage.catalog.schema import Kind
from lineage.catalog.values import Retired

POINTED = "select materialization from current union select blocked from current"
"""The entries of all records that an environment shows, or would look at as the last result that was set aside."""
_UNDER_WAY = """
select r.id, e.name from run r join environment e on e.number = r.environment
where r.sequence <> ? and not exists (select 1 from run_end x where x.run = r.sequence) order by r.sequence limit 1
"""


def mark_pruned(batch: Batch, materialization_ids: Collection[str], reason: str, run_id: str) -> list[str]:
    """Marks records whose data is going to be deleted, in one transaction with a look at who needs them.

    Arguments:
        run_id: the run on whose behalf it is done.

    Returns:
        The ids that were marked; left out is what an environment points at by now.

    Raises:
        RefusedError: HW750, another run is under way, which may be about to publish any of it.
    """
    own = batch.intern.run(run_id)
    other = batch.connection.execute(_UNDER_WAY, (own,)).fetchone()
    if other is not None:
        raise RefusedError(
            "HW750", f"run {unpack_id(other[0])[:13]} is under way in {other[1]}", hint="wait until it has ended"
        )
    pointed = {row[0] for row in batch.connection.execute(POINTED)}
    marked = []
    for identifier in materialization_ids:
        entry = batch.intern.materialization(identifier)
        if entry not in pointed:
            batch.add(Kind.RETIREMENT, entry, Retired.PRUNED.value, storable(reason), own)
            marked.append(identifier)
    return marked
