"""Column lineage of a polars LazyFrame, with no project at all."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets_core.column_lineage import ColumnLineage
from assets_core.errors import LineageError
from lineage.columns.plan import MAX_NODES, check_is_lazy, read_frame
from lineage.columns.plan_bytes import expanded_nodes, serialized
from lineage.columns.polars_leaves import LeafNames


def polars_lineage(frame: pl.LazyFrame, *, inputs: Mapping[str, str] | None = None) -> ColumnLineage:
    """The column lineage of a lazy frame.

    Arguments:
        frame: a plan built on placeholders, on scans of files, or on both.
        inputs: names for scanned paths, each with the path, folder or pattern that was scanned; a scan without a
            name is an input named by its path.

    Returns:
        which columns of which inputs can influence which output columns. It may claim too much, and then says
        so in its warnings; it does not miss one.

    Raises:
        UsageError: it is not a LazyFrame (HW204).
        LineageError: the plan does not type-check (HW220 to HW224), polars expands it beyond all bounds or
            panics on it (HW207), or the installed polars writes plans that are not understood (HW206).
    """
    check_is_lazy(frame)
    named = {name: str(path) for name, path in (inputs or {}).items()}
    if expanded_nodes(serialized(frame)) > MAX_NODES:
        raise LineageError(
            "HW207",
            f"polars expands this plan to more than {MAX_NODES} nodes",
            why="whatever is used twice is planned twice, so a chain of self-joins doubles at each of them",
            hint="collect an intermediate result, or store it as an asset of its own",
        )
    try:
        return read_frame(frame, LeafNames(frame, named), {}).lineage
    except pl.exceptions.PanicException as error:
        raise LineageError("HW207", f"polars panics on this plan: {error}") from error
