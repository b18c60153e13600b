"""Holds a run to its read set: what the plan did not ask for when it was read raises when it is touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NoReturn

import polars as pl
from polars.selectors import by_name

from lineage.columns.placeholder import DtypeLike, InsidePolarsError, as_dtype
from lineage.columns.polars_oracle import leaf_columns


def guarded(frame: pl.LazyFrame, read_set: Collection[str], schema: Mapping[str, DtypeLike]) -> pl.LazyFrame:
    """The frame with its full schema, in which every column outside the read set raises if it is computed.

    Unread columns become expressions that projection pushdown takes out, so a scan reads the same columns and
    takes the same filters as without the guard.

    Arguments:
        frame: the input's data.
        read_set: the columns that may be read; pseudo-columns in it are ignored.
        schema: the input's columns and dtypes, in order.

    Raises:
        LineageError: when the result is collected and a column outside the read set is computed (HW205).
    """
    allowed = set(read_set)
    if schema and allowed.isdisjoint(schema):
        # To count rows polars may compute one column after all; which one is its choice.
        allowed.update(_counted(schema))
    unread: dict[pl.DataType, list[str]] = {}
    for name, dtype in schema.items():
        if name not in allowed:
            unread.setdefault(as_dtype(dtype), []).append(name)
    if not unread:
        return frame
    return frame.with_columns(
        by_name(names).map_batches(_refuse, return_dtype=dtype, is_elementwise=True) for dtype, names in unread.items()
    )


def _counted(schema: Mapping[str, DtypeLike]) -> list[str]:
    """The columns that polars computes only to count the rows of a frame of this schema."""
    frame = pl.LazyFrame(schema={name: as_dtype(dtype) for name, dtype in schema.items()})
    row = next(name for name in map(str, range(len(schema) + 1)) if name not in schema)
    return leaf_columns(frame.with_row_index(row).select(pl.len()), lambda _: row).get(row, [])


def _refuse(series: pl.Series) -> NoReturn:
    raise InsidePolarsError(
        "HW205",
        f"column {series.name!r} was read, but the plan did not ask for it when it was derived",
        where=series.name,
        why="a run is held to its read set, because only that is compared to tell whether it is stale",
        hint="the function builds another plan on data than on a placeholder: annotate its input as pl.DataFrame",
    )
