"""What a function returned, as a frame, and held to what its asset promises."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import polars as pl

from assets_core.asset import Asset
from assets_core.column_lineage import ORDER, ROWS
from assets_core.errors import DataError, did_you_mean
from assets_core.partitions import Partition, columns_of
from lineage.dtypes import parse_dtype
from lineage.presentable import presentable
from materializers.slots import row_places, surely_within

_SHOWN_ROWS = 5
_STANDS_FOR = {ROWS: "stands for the rows of a table", ORDER: "stands for the order of its rows"}


def check_names(names: Iterable[str], whose: str, where: str) -> None:
    """Refuses columns that could not be told from something else.

    Arguments:
        whose: the asset's or source's key.

    Raises:
        DataError: HW340.
    """
    for name in names:
        if means := _STANDS_FOR.get(name) or _meant_by_form(name):
            raise DataError(
                "HW340",
                f"{whose} has a column called {name!r}, and no column can be called so",
                where=where,
                why=f"{name!r} {means}",
                hint="give it another name where the table is made; of a source, or leave it out of schema=",
            )


def _meant_by_form(name: str) -> str:
    if "\0" in name:
        return "holds a NUL, with which a name ends in databases"
    return "stands for a pattern to polars" if name.startswith("^") and name.endswith("$") else ""


def collected(rows: pl.DataFrame | pl.LazyFrame, *, few: bool = False) -> pl.DataFrame:
    """The rows in memory.

    Arguments:
        few: a plan is over so few rows that to stream them, as polars would, costs more than to compute it.
    """
    if isinstance(rows, pl.DataFrame):
        return rows
    chosen = os.environ.get("POLARS_ENGINE_AFFINITY")  # by the user, who knows better
    return rows.collect(engine="in-memory" if few and not chosen else "auto")


def as_frame(result: Any, asset: Asset[..., Any], *, few: bool = False) -> pl.DataFrame:
    """A function's result as a polars frame.

    Takes a LazyFrame, DataFrame, pyarrow table or record batch, pandas frame, or an iterable of record batches.

    Arguments:
        few: see ``collected``.

    Raises:
        DataError: HW332, it is nothing of these; HW337, a pandas frame has data in its index.
    """
    if isinstance(result, pl.LazyFrame):
        return collected(result, few=few)
    if isinstance(result, pl.DataFrame):
        return result
    import pyarrow as pa  # late: most results are frames of polars, and it takes a tenth of a second

    if isinstance(result, pa.Table | pa.RecordBatch):
        return _from_arrow(result, asset)
    if type(result).__module__.split(".", 1)[0] == "pandas" and hasattr(result, "columns"):
        _refuse_named_index(result, asset)
        return pl.from_pandas(result)
    if isinstance(result, Iterable) and not isinstance(result, str | bytes | dict):
        batches = list(result)
        if batches and all(isinstance(batch, pa.RecordBatch) for batch in batches):
            return _from_arrow(pa.Table.from_batches(batches), asset)
    raise DataError(
        "HW332",
        f"{asset.key} returned {type(result).__name__}, which is no table",
        where=asset.where,
        hint="return a polars LazyFrame or DataFrame, a pyarrow Table, a pandas DataFrame or record batches",
    )


def _refuse_named_index(frame: Any, asset: Asset[..., Any]) -> None:
    """An index with a name is data, as ``groupby`` leaves it, and would be lost; one without is a row number."""
    names = [str(name) for name in frame.index.names if name is not None]
    if names:
        raise DataError(
            "HW337",
            f"{asset.key} returned a pandas frame with {', '.join(names)} in its index, which is not stored",
            where=asset.where,
            hint="return frame.reset_index() to have them as columns, or frame.reset_index(drop=True)",
        )


def _from_arrow(table: Any, asset: Asset[..., Any]) -> pl.DataFrame:
    made = pl.from_arrow(table)
    if isinstance(made, pl.DataFrame):
        return made
    raise DataError("HW332", f"{asset.key} returned Arrow data that is no table", where=asset.where)


def held_to(
    frame: pl.DataFrame | pl.LazyFrame,
    asset: Asset[..., Any],
    partition: Partition | None,
    *,
    key: tuple[str, ...] = (),
) -> None:
    """Refuses a result that breaks a promise of its asset: schema, key, partition.

    Arguments:
        frame: a lazy one is read in bounded memory, unless it breaks a promise.
        key: columns that were found to identify its rows.

    Raises:
        DataError: HW333, it has no columns; HW334, other columns or types than declared; HW335, ``unique_key`` is not
            unique; HW336, rows outside the slot's partition.
    """
    schema = frame.collect_schema()
    if not schema:
        raise DataError("HW333", f"{asset.key} returned a table without columns", where=asset.where)
    if asset.schema is not None:
        _hold_to_schema(schema, asset)
    if asset.unique_key and not identified(asset, key):
        _hold_to_key(frame, asset)
    if asset.partition_by is not None and asset.partitions is not None and partition is not None:
        _hold_to_partition(frame, asset, partition)


def identified(asset: Asset[..., Any], key: tuple[str, ...]) -> bool:
    """Whether the asset's ``unique_key`` is unique where the columns ``key`` were found to identify the rows."""
    return bool(key) and set(key) <= set(asset.unique_key)


def _hold_to_schema(schema: pl.Schema, asset: Asset[..., Any]) -> None:
    declared = {name: parse_dtype(dtype) for name, dtype in asset.schema or ()}
    problems = [f"{name}: missing" for name in declared if name not in schema]
    problems += [f"{name}: not declared" for name in schema if name not in declared]
    problems += [
        f"{name}: {schema[name]} instead of {dtype}"
        for name, dtype in declared.items()
        if name in schema and schema[name] != dtype
    ]
    if problems:
        raise DataError(
            "HW334",
            f"{asset.key} does not have the schema it declares",
            where=asset.where,
            why="\n".join(problems[:12]),
            hint="change the code, or the declared schema",
        )


def _hold_to_key(frame: pl.DataFrame | pl.LazyFrame, asset: Asset[..., Any]) -> None:
    columns = frame.collect_schema().names()
    missing = [name for name in asset.unique_key if name not in columns]
    if missing:
        raise DataError(
            "HW335",
            f"{asset.key} has no column {missing[0]!r} of its unique_key",
            where=asset.where,
            hint=did_you_mean(missing[0], columns),
        )
    key = collected(frame.select(asset.unique_key))
    twice = key.is_duplicated()
    if twice.any():
        rows = presentable(key.filter(twice).unique(maintain_order=True).head(_SHOWN_ROWS)).rows()
        raise DataError(
            "HW335",
            f"the unique_key {', '.join(asset.unique_key)} of {asset.key} is not unique",
            where=asset.where,
            why=f"{twice.sum()} rows share their key, for example {rows}",
            hint="mend the code, or declare a key that is unique",
        )


def _hold_to_partition(frame: pl.DataFrame | pl.LazyFrame, asset: Asset[..., Any], partition: Partition) -> None:
    columns, there = columns_of(asset.partition_by), frame.collect_schema().names()
    if asset.partition_by is None or asset.partitions is None:
        return
    for column in columns:
        if column not in there:
            raise DataError(
                "HW336",
                f"{asset.key} has no column {column!r}, its partition_by",
                where=asset.where,
                hint=did_you_mean(column, there),
            )
    rows = collected(frame.select(columns))
    if len(columns) == 1 and surely_within(rows.to_series(), asset.partitions, partition.key):
        return
    outside = row_places(rows, asset.partition_by, asset.partitions, [partition.key]).is_null()
    if outside.any():
        values = rows.filter(outside).select(columns).unique(maintain_order=True).head(_SHOWN_ROWS)
        shown = [", ".join(map(str, row)) for row in presentable(values).iter_rows()]
        raise DataError(
            "HW336",
            f"{asset.key}@{partition.key} has {outside.sum()} rows that belong to another partition",
            where=asset.where,
            why=f"{', '.join(columns)} is {(', ' if len(columns) == 1 else '; ').join(shown)} there",
            hint="filter the rows to context.partition, or read the inputs by partition",
        )
