"""Partition definitions: the slices of an asset, their keys and their windows in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from assets_core.errors import DefinitionError, UsageError, did_you_mean


class Partition(NamedTuple):
    """One slice: its key, and where it is a slice of time its window, ``start`` included, ``end`` not."""

    key: str
    start: datetime | None = None
    end: datetime | None = None


class Unit(StrEnum):
    """The width of a time window."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Static:
    """Named slices that do not change by themselves.

    Arguments:
        names: the partition keys, in the order in which they are shown and run.

    Raises:
        DefinitionError: HW120, no key, a key twice, or a key with ``..``, ``@`` or a comma in it.
    """

    names: tuple[str, ...]
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __init__(self, names: Iterable[str]) -> None:
        listed = () if isinstance(names, str) else tuple(names)
        bad = [
            name for name in listed if not isinstance(name, str) or not name or set(name) & set("@,") or ".." in name
        ]
        if not listed or bad or len(set(listed)) != len(listed):
            raise DefinitionError(
                "HW120",
                "Static needs distinct partition keys",
                why=f"these cannot be keys: {bad}" if bad else "",
                hint="Static(['EU', 'US']); keys hold no '@', ',' or '..'",
            )
        object.__setattr__(self, "names", listed)
        object.__setattr__(self, "_places", {name: place for place, name in enumerate(listed)})

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys; ``now`` does not matter here."""
        return self.names

    def index(self, key: str) -> int:
        """The place of a key in the definition, counted from 0.

        Raises:
            UsageError: HW610, there is no such key.
        """
        try:
            return self._places[key]
        except KeyError:
            raise UsageError("HW610", f"no partition {key!r}", hint=did_you_mean(key, self.names)) from None

    def partition(self, key: str) -> Partition:
        """The slice of a key; it has no window."""
        self.index(key)
        return Partition(key)


@dataclass(frozen=True)
class TimePartitions:
    """Windows of one width on a calendar, from ``start`` up to ``end``, which is excluded.

    Arguments:
        unit: the width.
        start: local beginning of the first window, without offset.
        end: local end of the last one; None for a definition that grows: then only windows that have ended count.
        timezone: IANA name of the calendar's time zone.

    A day is a calendar day of that zone and so may have 23 or 25 hours. Hours are real hours: the one that a clock
    change leaves out has no key, and the one that comes twice has two, the second with its offset written out.
    """

    unit: Unit
    start: datetime
    end: datetime | None = None
    timezone: str = "UTC"
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _bound: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_zone", ZoneInfo(self.timezone))
        except (KeyError, ValueError, OSError):
            raise DefinitionError(
                "HW121", f"{self.timezone!r} is no time zone", hint="use an IANA name such as 'Europe/Berlin'"
            ) from None
        if self.end is not None and self.end <= self.start:
            raise DefinitionError(
                "HW122",
                f"partitions end at {self.end:%Y-%m-%d} but start at {self.start:%Y-%m-%d}",
                hint="the end is exclusive and lies after the start",
            )
        object.__setattr__(self, "_bound", 0 if self.end is None else self._count_up_to(self.end))

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys, oldest first.

        Arguments:
            now: with offset; an open definition ends with the last window that had ended by then.
        """
        return _keys(self, self.count(now))

    def count(self, now: datetime) -> int:
        """The number of windows there are."""
        return max(0, self._place_of_moment(now)) if self.end is None else self._bound

    def index(self, key: str) -> int:
        """The place of a key, counted from 0; keys after an open end have one too.

        Raises:
            UsageError: HW610, the text is no key of this definition.
        """
        try:
            place = self._parse(key)
        except (ValueError, OverflowError):
            place = -1
        if self.key_at(place) != key:
            raise self._unknown(key)
        return place

    def _unknown(self, key: str) -> UsageError:
        first, last = self._key(0), "" if self.end is None else self._key(self._bound - 1)
        return UsageError(
            "HW610",
            f"no partition {key!r}",
            hint=f"keys look like {first!r} and run {f'from {first} to {last}' if last else f'from {first} on'}",
        )

    def key_at(self, place: int) -> str | None:
        """The key at a place, None before the first window or after the last of a bounded definition."""
        if place < 0 or (self.end is not None and place >= self._bound):
            return None
        return self._key(place)

    def partition(self, key: str) -> Partition:
        """The slice of a key with its window, both ends with offset."""
        return Partition(key, *self.span(key))

    def span(self, key: str) -> tuple[datetime, datetime]:
        """Start (included) and end (excluded) of a key's window, both with offset."""
        place = self.index(key)
        try:
            return self._begin(place), self._begin(place + 1)
        except (ValueError, OverflowError):  # the last window that a calendar can hold
            raise self._unknown(key) from None

    def place_at(self, moment: datetime) -> int:
        """The place of the window that contains a moment with offset; negative before the first."""
        return self._place_of_moment(moment)

    def _key(self, place: int) -> str:
        if self.unit is Unit.MONTH:
            months = self.start.year * 12 + self.start.month - 1 + place
            return f"{months // 12:04d}-{months % 12 + 1:02d}"
        if self.unit is not Unit.HOUR:
            days = place * 7 if self.unit is Unit.WEEK else place
            return (self.start + timedelta(days=days)).date().isoformat()
        begin = self._begin(place)
        text = f"{begin:%Y-%m-%dT%H:%M}"
        if begin.fold:
            offset = f"{begin:%z}"
            return f"{text}{offset[:3]}:{offset[3:]}"
        return text

    def _begin(self, place: int) -> datetime:
        start, zone = self.start, self._zone
        if self.unit is Unit.HOUR:
            first = start.replace(tzinfo=zone).astimezone(UTC)
            return (first + timedelta(hours=place)).astimezone(zone)
        if self.unit is Unit.MONTH:
            months = start.year * 12 + start.month - 1 + place
            return datetime(months // 12, months % 12 + 1, 1, tzinfo=zone)
        days = place * 7 if self.unit is Unit.WEEK else place
        return (start + timedelta(days=days)).replace(tzinfo=zone)

    def _count_up_to(self, end: datetime) -> int:
        just_before = timedelta(microseconds=1)
        if self.unit is Unit.HOUR:  # in real time: the hour before the end may be one that comes twice
            return self._place_of_moment(end.replace(tzinfo=self._zone).astimezone(UTC) - just_before) + 1
        return self._place_of_local(end - just_before) + 1

    def _parse(self, key: str) -> int:
        if self.unit is Unit.MONTH:
            if len(key) != 7:
                raise ValueError(key)
            return self._place_of_local(datetime.strptime(key, "%Y-%m"))  # noqa: DTZ007 -- a local month
        local = datetime.fromisoformat(key)
        if local.tzinfo is not None:
            return self._place_of_moment(local)
        if self.unit is Unit.HOUR:
            return self._place_of_moment(local.replace(tzinfo=self._zone))
        return self._place_of_local(local)

    def _place_of_moment(self, moment: datetime) -> int:
        if self.unit is Unit.HOUR:
            first = self.start.replace(tzinfo=self._zone).astimezone(UTC)
            return (moment.astimezone(UTC) - first) // timedelta(hours=1)
        return self._place_of_local(moment.astimezone(self._zone).replace(tzinfo=None))

    def _place_of_local(self, local: datetime) -> int:
        if self.unit is Unit.MONTH:
            return (local.year - self.start.year) * 12 + local.month - self.start.month
        days = (local - self.start).days
        return days // 7 if self.unit is Unit.WEEK else days


@lru_cache(maxsize=32)
def _keys(definition: TimePartitions, count: int) -> tuple[str, ...]:
    return tuple([definition._key(place) for place in range(count)])


Partitions = Static | TimePartitions
"""Any partition definition."""

Moment = str | date | datetime


def Hourly(start: Moment, end: Moment | None = None, *, timezone: str = "UTC") -> TimePartitions:  # noqa: N802 -- reads as a type in declarations
    """Real hours from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02-01T05:00``."""
    return TimePartitions(Unit.HOUR, _local(start, Unit.HOUR), _end(end, Unit.HOUR), timezone)


def Daily(start: Moment, end: Moment | None = None, *, timezone: str = "UTC") -> TimePartitions:  # noqa: N802 -- reads as a type in declarations
    """Calendar days from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02-01``."""
    return TimePartitions(Unit.DAY, _local(start, Unit.DAY), _end(end, Unit.DAY), timezone)


def Weekly(start: Moment, end: Moment | None = None, *, timezone: str = "UTC") -> TimePartitions:  # noqa: N802 -- reads as a type in declarations
    """Weeks that begin on the weekday of ``start``; keys are their first day, ``2013-02-04``."""
    return TimePartitions(Unit.WEEK, _local(start, Unit.WEEK), _end(end, Unit.WEEK), timezone)


def Monthly(start: Moment, end: Moment | None = None, *, timezone: str = "UTC") -> TimePartitions:  # noqa: N802 -- reads as a type in declarations
    """Calendar months from ``start`` to ``end`` (exclusive, None for open); keys are ``2013-02``."""
    return TimePartitions(Unit.MONTH, _local(start, Unit.MONTH), _end(end, Unit.MONTH), timezone)


def _end(moment: Moment | None, unit: Unit) -> datetime | None:
    return None if moment is None else _local(moment, unit)


def _local(moment: Moment, unit: Unit) -> datetime:
    if isinstance(moment, str):
        text = f"{moment}-01" if len(moment) == 7 else moment
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise DefinitionError(
                "HW123", f"{moment!r} is no date", hint="write '2013-01-01' or '2013-01-01T05:00'"
            ) from None
    elif not isinstance(moment, date):
        raise DefinitionError("HW123", f"{moment!r} is no date", hint="write '2013-01-01' or '2013-01-01T05:00'")
    elif not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 -- local to the definition's zone
    off_grid = moment.minute or moment.second or moment.microsecond
    if unit is not Unit.HOUR:
        off_grid = off_grid or moment.hour
    if unit is Unit.MONTH:
        off_grid = off_grid or moment.day != 1
    if moment.tzinfo is not None or off_grid:
        raise DefinitionError(
            "HW123",
            f"partitions by the {unit} cannot begin or end at {moment.isoformat()}",
            hint="give a local time without offset that lies on the grid, and the zone as timezone=",
        )
    return moment


def select_range(definition: Partitions, text: str, now: datetime) -> list[str]:
    """The keys that a person named: one key, or ``A..B`` with both ends included and either end open.

    Raises:
        UsageError: HW610, an end is no key of the definition; HW611, the range is reversed or empty.
    """
    first, dots, last = text.partition("..")
    keys = definition.keys(now)
    if not dots:
        if not text:
            definition.index(text)
        return [keys[_range_end(definition, text, keys, 0)]]
    low = _range_end(definition, first, keys, 0)
    high = _range_end(definition, last, keys, len(keys) - 1)
    if low > high:
        raise UsageError("HW611", f"the range {text!r} is empty", hint="write it from the earlier key to the later one")
    return list(keys[low : high + 1])


def _range_end(definition: Partitions, key: str, keys: Sequence[str], otherwise: int) -> int:
    if not key:
        return otherwise
    place = definition.index(key)
    if place >= len(keys):
        raise UsageError(
            "HW610", f"partition {key!r} has not ended yet", hint=f"the last one is {keys[-1]!r}" if keys else ""
        )
    return place


def ranges(keys: Iterable[str], definition: Partitions) -> list[str]:
    """Compact text for a set of keys: neighbours joined to ``A..B``, in the order of the definition."""
    places = sorted((definition.index(key), key) for key in set(keys))
    found: list[list[tuple[int, str]]] = []
    for item in places:
        if found and found[-1][-1][0] == item[0] - 1:
            found[-1].append(item)
        else:
            found.append([item])
    return [run[0][1] if len(run) == 1 else f"{run[0][1]}..{run[-1][1]}" for run in found]


def last_place(definition: TimePartitions, end: datetime) -> int:
    """The place of the last window that begins before ``end``, in real time: before it an hour may come twice."""
    return definition.place_at(end.astimezone(UTC) - timedelta(microseconds=1))
