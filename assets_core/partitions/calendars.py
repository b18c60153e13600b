"""How slices of a calendar are declared: ``Hourly`` to ``Yearly``."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from assets_core.durations import duration
from assets_core.errors import DefinitionError
from assets_core.partitions.time_windows import TimePartitions, Unit

Moment = str | date | datetime
"""A local date or time: an ISO text, a ``date``, or a ``datetime`` without offset."""
Length = str | timedelta
"""A length of time: ``6h``, ``2d``, or a ``timedelta``."""


def Hourly(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Real hours from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02-01T05:00``."""
    return _made(Unit.HOUR, start, end, timezone, offset)


def Daily(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Calendar days from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02-01``."""
    return _made(Unit.DAY, start, end, timezone, offset)


def Weekly(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Weeks that begin on the weekday of ``start``; keys are their first day, ``2013-02-04``."""
    return _made(Unit.WEEK, start, end, timezone, offset)


def Monthly(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Calendar months from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02``."""
    return _made(Unit.MONTH, start, end, timezone, offset)


def Quarterly(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Quarters from January, April, July and October on; keys, and ``start`` and ``end`` too, are ``2013-Q1``."""
    return _made(Unit.QUARTER, start, end, timezone, offset)


def Yearly(  # noqa: N802 -- reads as a type in declarations
    start: Moment, end: Moment | None = None, *, timezone: str = "UTC", offset: Length = "0"
) -> TimePartitions:
    """Calendar years from ``start`` to ``end`` (exclusive, None for open); keys are ``2013``."""
    return _made(Unit.YEAR, start, end, timezone, offset)


def _made(unit: Unit, start: Moment, end: Moment | None, timezone: str, offset: Length) -> TimePartitions:
    late = duration(offset, what="the offset of partitions")
    return TimePartitions(unit, _on_grid(start, unit), None if end is None else _on_grid(end, unit), timezone, late)


def local_time(moment: Moment) -> datetime:
    """A local time without offset, as people write it: ``2013``, ``2013-Q1``, ``2013-02``, a date, a time.

    Raises:
        DefinitionError: HW123, it is none of these.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(_written_out(moment))
        except ValueError:
            raise _no_date(moment) from None
    if not isinstance(moment, date):
        raise _no_date(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 -- local to the definition's zone
    if moment.tzinfo is not None:
        raise DefinitionError(
            "HW123",
            f"partitions cannot begin or end at {moment.isoformat()}, which has an offset",
            hint="give a local time, and the zone as timezone=",
        )
    return moment


def _written_out(text: str) -> str:
    year, _, quarter = text.partition("-Q")
    if quarter in ("1", "2", "3", "4"):
        return f"{year}-{3 * int(quarter) - 2:02d}-01"
    return f"{text}-01-01" if len(text) == 4 else f"{text}-01" if len(text) == 7 else text


def _no_date(moment: object) -> DefinitionError:
    return DefinitionError("HW123", f"{moment!r} is no date", hint="write '2013-01-01' or '2013-01-01T05:00'")


def _on_grid(moment: Moment, unit: Unit) -> datetime:
    local = local_time(moment)
    off_grid = bool(local.minute or local.second or local.microsecond)
    if unit is not Unit.HOUR:
        off_grid = off_grid or bool(local.hour)
    if unit in (Unit.MONTH, Unit.QUARTER, Unit.YEAR):
        off_grid = off_grid or local.day != 1
    if unit is Unit.QUARTER:
        off_grid = off_grid or local.month % 3 != 1
    if unit is Unit.YEAR:
        off_grid = off_grid or local.month != 1
    if off_grid:
        raise DefinitionError(
            "HW123",
            f"partitions by the {unit} cannot begin or end at {local.isoformat()}",
            hint="give a local time without offset that lies on the grid, and the zone as timezone=",
        )
    return local
