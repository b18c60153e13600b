"""To which slot a row belongs, by the value of its partition column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import polars as pl

from assets_core.errors import DataError
from assets_core.partitions import Dynamic, Multi, Partitions, Static, Timed, TimePartitions, Unit

_NO_PLACE = pl.Series([None], dtype=pl.UInt32)
_DAY_SECONDS = 86_400
_A_SECOND: Mapping[str, int] = MappingProxyType({"ms": 10**3, "us": 10**6, "ns": 10**9})
_OFFSET = r"(?i):\d\d(\.\d+)?\s?(Z|[+-]\d\d(:?\d\d)?)$"


def row_places(
    frame: pl.DataFrame, partition_by: str | Mapping[str, str], definition: Partitions, keys: Sequence[str]
) -> pl.Series:
    """For each row the place of its key in ``keys``; null where it belongs to none of them. See ``places``.

    Arguments:
        partition_by: the column, or for slices of several dimensions the column of each dimension.
        keys: keys of the definition, in its order; of slices of time without gaps.

    Raises:
        DataError: HW318, a column of its type cannot tell the partition.
    """
    if isinstance(partition_by, str) or not isinstance(definition, Multi):
        return places(frame[str(partition_by)], definition, keys)
    parts = [definition.split(definition.index(key)) or () for key in keys]
    known = pl.DataFrame(parts, schema=dict.fromkeys(definition.dimensions, pl.Int64), orient="row")
    rows = {}
    for name, one in definition.dimensions.items():
        numbers = known[name].to_list()
        within = range(min(numbers, default=0), max(numbers, default=-1) + 1)
        found = places(frame[partition_by[name]], one, [one.key_at(place) or "" for place in within])
        rows[name] = found.cast(pl.Int64) + within.start
    known = known.with_columns(place=pl.int_range(pl.len(), dtype=pl.UInt32))
    return pl.DataFrame(rows).join(known, on=list(rows), how="left", maintain_order="left")["place"]


def places(column: pl.Series, definition: Partitions, keys: Sequence[str]) -> pl.Series:
    """For each value of a partition column the place of its key in ``keys``; null where it belongs to none of them.

    Text and integers of named partitions are the keys themselves. For slices of time a Date is a local day, a
    Datetime without zone a local time of the definition's zone, one with zone a moment; text is read as ISO dates or
    times, of which each that carries an offset is a moment, or as keys, an integer as ``20130201`` (``201302`` for
    months and quarters, ``2013`` for years, ``2013020105`` for hours). A local time that a clock change repeats counts
    as the first of the two; one that it leaves out belongs nowhere.

    Arguments:
        keys: keys of the definition, in its order; for slices of time without gaps.

    Returns:
        As many places, counted from 0, as the column has values; of type UInt32.

    Raises:
        DataError: HW318, a column of this type cannot tell the partition.
    """
    if isinstance(definition, Static | Dynamic):
        return _named_places(column, keys)
    if isinstance(definition, Multi):
        raise _cannot_tell(column, "slices of several dimensions are told by a column for each")
    if not keys:
        return _NO_PLACE.new_from_index(0, len(column))
    moments = _moments(column, definition)
    edges = _edges(definition, definition.index(keys[0]), len(keys))
    found = edges.search_sorted(moments, side="right")  # nulls sort first and so find 0
    inside = (found > 0) & (found <= len(keys))
    return (found.cast(pl.Int64) - 1).zip_with(inside, _NO_PLACE.cast(pl.Int64)).cast(pl.UInt32)


def _edges(definition: Timed, first: int, count: int) -> pl.Series:
    """The beginnings of windows that follow each other and the end of the last: as ``_moments`` gives values."""
    places = range(first, first + count + 1)
    if _absolute(definition):
        seconds = pl.Series([definition.instant(place) for place in places], dtype=pl.Int64)
        return (seconds * 1_000_000).cast(pl.Datetime("us"))
    local: list[datetime] = [definition.begin(place).replace(tzinfo=None) for place in places]
    return pl.Series(local, dtype=pl.Datetime("us"))


def _named_places(column: pl.Series, keys: Sequence[str]) -> pl.Series:
    dtype = column.dtype
    if not (dtype.is_integer() or dtype in (pl.String, pl.Boolean) or isinstance(dtype, pl.Categorical | pl.Enum)):
        raise _cannot_tell(column, "named partitions are told by text or integers")
    known = pl.DataFrame({"key": list(keys), "place": range(len(keys))}, schema={"key": pl.String, "place": pl.UInt32})
    rows = pl.DataFrame({"key": column.cast(pl.String)})
    return rows.join(known, on="key", how="left", maintain_order="left")["place"]


def surely_within(column: pl.Series, definition: Partitions, key: str) -> bool:
    """Whether every value of a partition column belongs to one key, where the lowest and the highest tell.

    Takes a tenth of what ``places`` takes for a hundred rows. Where it is False, ``places`` has to tell.
    """
    if column.has_nulls():
        return False
    if isinstance(definition, Static | Dynamic):
        return column.dtype == pl.String and column.min() == column.max() == key
    dtype = column.dtype
    if isinstance(definition, Multi) or not (dtype == pl.Date or isinstance(dtype, pl.Datetime)):
        return False
    physical = column.to_physical()
    low, high = physical.min(), physical.max()
    if not isinstance(low, int) or not isinstance(high, int):
        return column.is_empty()
    low, high = (_seconds(one, dtype) for one in (low, high))
    place = definition.index(key)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        alike = _absolute(definition) or _runs_evenly(definition, low, high)
        return alike and definition.place_of(low) == place == definition.place_of(high)
    if _absolute(definition):
        return False
    try:
        begin, end = (definition.begin(one).replace(tzinfo=UTC).timestamp() for one in (place, place + 1))
    except (ValueError, OverflowError):  # the last window that a calendar can hold
        return False
    return begin <= low and high < end


def _seconds(physical: int, dtype: pl.DataType) -> int:
    """Whole seconds since 1970 of what polars keeps for a Date or Datetime."""
    if not isinstance(dtype, pl.Datetime):
        return physical * _DAY_SECONDS
    return physical // _A_SECOND[dtype.time_unit]


def _runs_evenly(definition: Timed, low: int, high: int) -> bool:
    """Whether local days follow each other between two moments of one day: a clock that is set back may end a day,
    and begin it again.
    """
    if not isinstance(definition, TimePartitions) or definition.unit is not Unit.DAY:
        return False
    zone = ZoneInfo(definition.timezone)
    try:
        first, last = (datetime.fromtimestamp(one, zone).utcoffset() for one in (low, high))
    except (ValueError, OverflowError, OSError):
        return False
    return first == last and high - low < 2 * _DAY_SECONDS


def unread(column: pl.Series, definition: Partitions) -> pl.Series:
    """Which values of a partition column are there and yet are no dates or times that ``places`` can read.

    Arguments:
        definition: of named partitions, whose keys any value can be, none is unread.

    Returns:
        As many booleans as the column has values.
    """
    if not isinstance(definition, Timed):
        return pl.repeat(False, len(column), eager=True)
    return _moments(column, definition).is_null() & column.is_not_null()


def _moments(column: pl.Series, definition: Timed) -> pl.Series:
    """The values as naive datetimes in microseconds: UTC for hours, local time of the definition for what begins at
    midnight."""
    dtype = column.dtype
    if dtype == pl.String:
        return _of_texts(column, definition)
    if dtype.is_integer():
        column = _from_digits(column.cast(pl.String), getattr(definition, "unit", None))
    elif dtype == pl.Null:
        column = column.cast(pl.Datetime("us"))
    elif not (dtype == pl.Date or isinstance(dtype, pl.Datetime)):
        raise _cannot_tell(column, "slices of time are told by dates, datetimes, ISO texts or integers")
    return _of_times(column, definition)


def _of_times(column: pl.Series, definition: Timed) -> pl.Series:
    """See ``_moments``; of dates and datetimes."""
    zone, dtype = definition.timezone, column.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        wanted = "UTC" if _absolute(definition) else zone
        return column.dt.convert_time_zone(wanted).dt.replace_time_zone(None).cast(pl.Datetime("us"))
    local = column.cast(pl.Datetime("us"))
    if not _absolute(definition):
        return local
    moments = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _of_texts(column: pl.Series, definition: Timed) -> pl.Series:
    """See ``_moments``; of ISO texts, each a moment if it carries an offset, else a local time; null where neither."""
    carries = column.str.contains(_OFFSET)
    local = _written_out(column.set(carries, None))
    times = _read(local.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")), local)
    if not carries.any():
        return _of_times(times, definition)
    nothing = times.clear(len(times)).dt.replace_time_zone("UTC")
    moments = _read(nothing, column.set(~carries, None), "%#z")
    return _of_times(moments, definition).zip_with(carries, _of_times(times, definition))


def _read(times: pl.Series, texts: pl.Series, offset: str = "") -> pl.Series:
    """The times, and where there is none what a text says in any of the ISO forms.

    Arguments:
        offset: the form of an offset, which every text has that is read so.
    """
    for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"):
        if times.null_count() == texts.null_count():
            break
        read = texts.str.to_datetime(form + offset, time_unit="us", strict=False)
        times = times.zip_with(times.is_not_null(), read)
    return times


def _from_digits(digits: pl.Series, unit: Unit | None) -> pl.Series:
    """Dates written as numbers; null where there is no such date.

    Arguments:
        unit: the width of the windows; None for those of a schedule, which begin at any minute.
    """
    if unit is None:
        return digits.str.pad_end(12, "0").str.to_datetime("%Y%m%d%H%M", time_unit="us", strict=False)
    if unit is Unit.HOUR:
        return (digits + "00").str.to_datetime("%Y%m%d%H%M", time_unit="us", strict=False)
    kept = {Unit.MONTH: 6, Unit.QUARTER: 6, Unit.YEAR: 4}.get(unit, 8)
    whole = digits if kept == 8 else digits.str.head(kept) + "0101"[kept - 4 :]
    return whole.str.to_date("%Y%m%d", strict=False)


def _written_out(column: pl.Series) -> pl.Series:
    """Keys of years, quarters and months as the date on which they begin; other texts as they are."""
    key = pl.lit(column)
    quarter = key.str.extract(r"^\d{4}-Q([1-4])$").cast(pl.Int32)
    month = (quarter * 3 - 2).cast(pl.String).str.zfill(2)
    return pl.select(
        pl.when(quarter.is_not_null())
        .then(key.str.head(5) + month + "-01")
        .when(key.str.len_chars() == 7)
        .then(key + "-01")
        .when(key.str.len_chars() == 4)
        .then(key + "-01-01")
        .otherwise(key)
    ).to_series()


def _absolute(definition: Timed) -> bool:
    """Whether slices are told apart by moments: a local time can come twice, a local day cannot."""
    return not isinstance(definition, TimePartitions) or definition.unit is Unit.HOUR


def _cannot_tell(column: pl.Series, why: str) -> DataError:
    return DataError(
        "HW318",
        f"the column {column.name!r} of type {column.dtype} cannot tell the partition of a row",
        why=why,
        hint="name another column as partition_by=, or declare its type with schema=",
    )
