"""To which slot a row belongs, by the value of its partition column."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets_core.errors import DataError
from assets_core.partitions import Partitions, Static, TimePartitions, Unit

_NO_PLACE = pl.Series([None], dtype=pl.UInt32)


def places(column: pl.Series, definition: Partitions, keys: Sequence[str]) -> pl.Series:
    """For each value of a partition column the place of its key in ``keys``; null where it belongs to none of them.

    Text and integers of static partitions are the keys themselves. For slices of time a Date is a local day, a
    Datetime without zone a local time of the definition's zone, one with zone a moment; text is read as ISO dates or
    times, an integer as ``20130201`` (``201302`` for months, ``2013020105`` for hours). A local hour that a clock
    change repeats counts as the first of the two; one that it leaves out belongs nowhere.

    Arguments:
        keys: keys of the definition, in its order; for slices of time without gaps.

    Returns:
        As many places, counted from 0, as the column has values; of type UInt32.

    Raises:
        DataError: HW318, a column of this type cannot tell the partition.
    """
    if isinstance(definition, Static):
        return _static_places(column, keys)
    if not keys:
        return _NO_PLACE.new_from_index(0, len(column))
    moments = _moments(column, definition)
    spans = [definition.span(key) for key in keys]
    edges = pl.Series([*(begin for begin, _ in spans), spans[-1][1]], dtype=pl.Datetime("us", definition.timezone))
    edges = edges.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if _absolute(definition) else _local(edges)
    found = edges.search_sorted(moments, side="right")  # nulls sort first and so find 0
    inside = (found > 0) & (found <= len(keys))
    return (found.cast(pl.Int64) - 1).zip_with(inside, _NO_PLACE.cast(pl.Int64)).cast(pl.UInt32)


def _static_places(column: pl.Series, keys: Sequence[str]) -> pl.Series:
    dtype = column.dtype
    if not (dtype.is_integer() or dtype in (pl.String, pl.Boolean) or isinstance(dtype, pl.Categorical | pl.Enum)):
        raise _cannot_tell(column, "static partitions are told by text or integers")
    known = pl.DataFrame({"key": list(keys), "place": range(len(keys))}, schema={"key": pl.String, "place": pl.UInt32})
    rows = pl.DataFrame({"key": column.cast(pl.String)})
    return rows.join(known, on="key", how="left", maintain_order="left")["place"]


def _moments(column: pl.Series, definition: TimePartitions) -> pl.Series:
    """The values as naive datetimes in microseconds: UTC for hours, local time of the definition for the rest."""
    zone, dtype = definition.timezone, column.dtype
    if dtype == pl.String:
        column = _parsed(column)
    elif dtype.is_integer():
        column = _from_digits(column.cast(pl.String), definition.unit)
    elif dtype == pl.Null:
        column = column.cast(pl.Datetime("us"))
    elif not (dtype == pl.Date or isinstance(dtype, pl.Datetime)):
        raise _cannot_tell(column, "slices of time are told by dates, datetimes, ISO texts or integers")
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        wanted = "UTC" if _absolute(definition) else zone
        return column.dt.convert_time_zone(wanted).dt.replace_time_zone(None).cast(pl.Datetime("us"))
    local = column.cast(pl.Datetime("us"))
    if not _absolute(definition):
        return local
    moments = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _from_digits(digits: pl.Series, unit: Unit) -> pl.Series:
    """Dates written as numbers; null where there is no such date."""
    if unit is Unit.HOUR:
        return (digits + "00").str.to_datetime("%Y%m%d%H%M", time_unit="us", strict=False)
    whole = digits.str.head(6) + "01" if unit is Unit.MONTH else digits
    return whole.str.to_date("%Y%m%d", strict=False)


def _parsed(column: pl.Series) -> pl.Series:
    """ISO texts as moments where they carry an offset, else as local times; null where they are neither."""
    if column.str.contains(r"\d(Z|[+-]\d\d:?\d\d)$").any():
        return column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    whole = pl.select(
        pl.when(column.str.len_chars() == 7).then(column + "-01").otherwise(column)  # a month's key
    ).to_series()
    dates = whole.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"):
        if not dates.null_count():
            break
        dates = dates.zip_with(dates.is_not_null(), whole.str.to_datetime(form, time_unit="us", strict=False))
    return dates


def _absolute(definition: TimePartitions) -> bool:
    """Whether slices are told apart by moments: a local hour can come twice, a local day cannot."""
    return definition.unit is Unit.HOUR


def _local(moments: pl.Series) -> pl.Series:
    return moments.dt.replace_time_zone(None)


def _cannot_tell(column: pl.Series, why: str) -> DataError:
    return DataError(
        "HW318",
        f"the column {column.name!r} of type {column.dtype} cannot tell the partition of a row",
        why=why,
        hint="name another column as partition_by=, or declare its type with schema=",
    )
