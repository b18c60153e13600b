"""The inputs of a step, as its code is given them."""

from __future__ import annotations

from typing import Any

import polars as pl

from assets_core.asset import Form
from assets_core.column_lineage import ORDER
from assets_core.errors import DataError
from lineage.columns.guard import guarded
from lineage.dtypes import parse_dtype
from materializers.results import collected
from materializers.step_task import TaskInput
from materializers.workplace import Workplace

FEW_ROWS = 10_000
"""What reads no more rows of each input is computed at once: to set up streaming takes longer."""
_EXACT = 2**53
"""Floats hold every whole number up to here."""


def few(one: TaskInput) -> bool:
    """Whether an input is known to be small; of a large file nobody may have counted the rows."""
    return 0 < one.row_count <= FEW_ROWS


def queried(one: TaskInput, place: Workplace) -> pl.DataFrame:
    """An input of a query with the columns that it reads; with any one of them where it only counts rows."""
    names = [name for name in one.read_set or () if name != ORDER]
    frame = _scan(one, place)
    return collected(frame if one.read_set is None else frame.select(names or pl.nth(0)), few=few(one))


def given(one: TaskInput, place: Workplace) -> Any:
    """An input in the form that the function's annotation asks for; a plan of it is held to its read set.

    Raises:
        DataError: HW330, it is asked for as a path, or as a pandas frame that would hold other numbers.
    """
    frame = _scan(one, place)
    if one.form in (Form.LAZY, Form.UNKNOWN):
        if one.read_set is None:
            return frame
        return guarded(frame, one.read_set, {name: parse_dtype(dtype) for name, dtype in one.schema})
    rows = collected(frame, few=few(one))
    if one.form is Form.ARROW:
        return rows.to_arrow()
    if one.form is Form.PANDAS:
        return _as_pandas(rows, one)
    if one.form is Form.PATH:
        raise DataError(
            "HW330",
            f"the input {one.key} cannot be given as a path",
            where=one.name,
            hint="annotate it as pl.LazyFrame, pl.DataFrame, pandas.DataFrame or pyarrow.Table",
        )
    return rows


def _as_pandas(rows: pl.DataFrame, one: TaskInput) -> Any:
    for column in rows:
        if not isinstance(column.dtype, pl.Int64 | pl.UInt64) or not column.null_count():
            continue
        values: Any = column.drop_nulls()
        if len(values) and max(-values.min(), values.max()) > _EXACT:
            raise DataError(
                "HW330",
                f"the input {one.key} cannot be given as a pandas frame",
                where=one.name,
                why=f"column {column.name!r} has nulls: its numbers become floats, and some are too large for them",
                hint="annotate it as pl.DataFrame or pyarrow.Table, or fill the nulls before",
            )
    return rows.to_pandas()


def _scan(one: TaskInput, place: Workplace) -> pl.LazyFrame:
    """The rows of an input, all columns; none where no slot lies in the window that is read."""
    if one.rows:
        kept = place.handed_over.rows(one.rows)
        return place.tables.scan(one.rows, one.read_set) if kept is None else kept
    return pl.LazyFrame(schema={name: parse_dtype(dtype) for name, dtype in one.schema})
