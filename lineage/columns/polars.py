"""Column lineage of a polars LazyFrame, with no project at all."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets_core.column_lineage import ColumnLineage
from lineage.columns.plan import LeafNames, check_is_lazy, read_frame


def polars_lineage(frame: pl.LazyFrame, *, inputs: Mapping[str, str] | None = None) -> ColumnLineage:
    """The column lineage of a lazy frame.

    Arguments:
        frame: a plan built on placeholders, on scans of files, or on both.
        inputs: names for scanned paths; a path without a name is an input named by the path itself.

    Returns:
        which columns of which inputs can influence which output columns. It may claim too much, and then says
        so in its warnings; it does not miss one.

    Raises:
        UsageError: it is not a LazyFrame (HW204).
        LineageError: the plan does not type-check.
    """
    check_is_lazy(frame)
    named = {str(path): name for name, path in (inputs or {}).items()}
    return read_frame(frame, LeafNames(named), {}).lineage
