"""Windows of one width on a calendar: hours, days, weeks, months, quarters and years."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions.partition import Partition

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = 2**53
"""An instant or a place beyond all that a calendar can hold; as negative number, before all of it."""
_EDGE = FAR // 2
_DAY_SECONDS = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECOND = timedelta(seconds=1)
_HOURS = [f"T{hour:02d}" for hour in range(24)]
_DAYS_OF_MONTH = [f"{day:02d}" for day in range(1, 32)]


class Unit(StrEnum):
    """The width of a time window."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_DAYS = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}


@dataclass(frozen=True)
class TimePartitions:
    """Windows of one width on a calendar, from ``start`` up to ``end``, which is excluded.

    Arguments:
        unit: the width.
        start: local beginning of the first window, without offset.
        end: local end of the last one; None for a definition that grows: then only windows that have ended count.
        timezone: IANA name of the calendar's time zone.
        offset: how long after its end a window of a growing definition counts, for data that comes late.

    A day is a calendar day of that zone and so may have 23 or 25 hours. Hours are real hours: the one that a clock
    change leaves out has no key, and the one that comes twice has two, the second with its offset written out.
    """

    unit: Unit
    start: datetime
    end: datetime | None = None
    timezone: str = "UTC"
    offset: timedelta = timedelta()
    bound: int | None = field(init=False, repr=False, compare=False)
    """How many windows there will ever be; None for a definition that grows."""
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _first: int = field(init=False, repr=False, compare=False)
    _made: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        zone = zone_of(self.timezone)
        object.__setattr__(self, "_zone", zone)
        object.__setattr__(self, "_first", instant_of(self.start.replace(tzinfo=zone)))
        if self.end is not None and self.end <= self.start:
            raise DefinitionError(
                "HW122",
                f"partitions end at {self.end:%Y-%m-%d} but start at {self.start:%Y-%m-%d}",
                hint="the end is exclusive and lies after the start",
            )
        object.__setattr__(self, "bound", None if self.end is None else self._count_up_to(self.end))

    def __reduce__(self) -> tuple[object, ...]:
        return TimePartitions, (self.unit, self.start, self.end, self.timezone, self.offset)

    # -- what every definition answers ------------------------------------------------------------------------------

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys, oldest first; made once and kept, about 0.3 microseconds each.

        Arguments:
            now: with offset; an open definition ends with the last window that had ended by then.
        """
        count, made = self.count(now), self._made
        if len(made) > count:
            return made[:count]
        if len(made) < count:
            made = (*made, *self._keys(len(made), count))
            object.__setattr__(self, "_made", made)
        return made

    def count(self, now: datetime) -> int:
        """The number of windows there are."""
        return max(0, self.place_at(now - self.offset)) if self.bound is None else self.bound

    def find(self, key: str) -> int | None:
        """The place of a key, counted from 0; None if the text is no key of this definition."""
        try:
            place = self._guessed(key) if self._made and self.unit is Unit.HOUR else None
            place = self._parse(key) if place is None else place
        except (ValueError, OverflowError):
            return None
        return place if self.key_at(place) == key else None

    def index(self, key: str) -> int:
        """The place of a key, counted from 0; keys after an open end have one too.

        Raises:
            UsageError: HW610, the text is no key of this definition.
        """
        place = self.find(key)
        if place is None:
            raise self._unknown(key)
        return place

    def key_at(self, place: int) -> str | None:
        """The key at a place, None before the first window or after the last of a bounded definition."""
        if 0 <= place < len(self._made):
            return self._made[place]
        if place < 0 or (self.bound is not None and place >= self.bound):
            return None
        return self._key(place)

    def partition(self, key: str) -> Partition:
        """The slice of a key with its window, both ends with offset."""
        return Partition(key, *self.span(key))

    # -- what slices of time answer ---------------------------------------------------------------------------------

    def span(self, key: str) -> tuple[datetime, datetime]:
        """Start (included) and end (excluded) of a key's window, both with offset."""
        place = self.index(key)
        try:
            return self.begin(place), self.begin(place + 1)
        except (ValueError, OverflowError):  # the last window that a calendar can hold
            raise self._unknown(key) from None

    def begin(self, place: int) -> datetime:
        """The beginning of the window at a place, in local time with offset."""
        if self.unit is Unit.HOUR:
            return (EPOCH + timedelta(seconds=self._first + 3600 * place)).astimezone(self._zone)
        day = date.fromordinal(self._day(place))
        return datetime(day.year, day.month, day.day, tzinfo=self._zone)

    def place_at(self, moment: datetime) -> int:
        """The place of the window that contains a moment with offset; negative before the first."""
        return self.place_of(instant_of(moment))

    def instant(self, place: int) -> int:
        """The beginning of the window at a place, in seconds since 1970; ``FAR`` where the calendar ends."""
        if self.unit is Unit.HOUR:
            return self._first + 3600 * place if abs(place) < _EDGE // 3600 else FAR if place > 0 else -FAR
        try:
            day = self._day(place)
            if self.timezone == "UTC":
                date.fromordinal(day)
                return (day - _EPOCH_DAY) * _DAY_SECONDS
            local = date.fromordinal(day)
            shift = datetime(local.year, local.month, local.day, tzinfo=self._zone).utcoffset() or timedelta()
            return (day - _EPOCH_DAY) * _DAY_SECONDS - shift // _SECOND
        except (ValueError, OverflowError):
            return FAR if place > 0 else -FAR

    def place_of(self, instant: int) -> int:
        """The place of the window that contains an instant in seconds since 1970."""
        if not -_EDGE < instant < _EDGE:
            return FAR if instant > 0 else -FAR
        if self.unit is Unit.HOUR:
            return (instant - self._first) // 3600
        if self.timezone == "UTC":
            return self._place_of_day(instant // _DAY_SECONDS + _EPOCH_DAY)
        try:
            return self._place_of_day(datetime.fromtimestamp(instant, self._zone).toordinal())
        except (ValueError, OverflowError):
            return FAR if instant > 0 else -FAR

    def same_grid(self, other: object) -> bool:
        """Whether the windows at equal places are equal, as far as both go."""
        return isinstance(other, TimePartitions) and (self.unit, self.timezone, self.start) == (
            other.unit,
            other.timezone,
            other.start,
        )

    # -- how it is computed -----------------------------------------------------------------------------------------

    def _day(self, place: int) -> int:
        """The day, as ordinal, on which the window at a place begins; not for hours."""
        days = _DAYS.get(self.unit)
        if days is not None:
            return self.start.toordinal() + days * place
        months = self.start.year * 12 + self.start.month - 1 + _MONTHS[self.unit] * place
        return date(months // 12, months % 12 + 1, 1).toordinal()

    def _place_of_day(self, day: int) -> int:
        days = _DAYS.get(self.unit)
        if days is not None:
            return (day - self.start.toordinal()) // days
        try:
            local = date.fromordinal(day)
        except (ValueError, OverflowError):
            return FAR if day > 0 else -FAR
        months = (local.year - self.start.year) * 12 + local.month - self.start.month
        return months // _MONTHS[self.unit]

    def _count_up_to(self, end: datetime) -> int:
        if self.unit is Unit.HOUR:  # in real time: the hour before the end may be one that comes twice
            return self.place_of(instant_of(end.replace(tzinfo=self._zone)) - 1) + 1
        return self._place_of_day((end - timedelta(microseconds=1)).toordinal()) + 1

    def _key(self, place: int) -> str:
        if self.unit is Unit.HOUR:
            return hour_key(self.begin(place))
        months = _MONTHS.get(self.unit)
        if months is None:
            return date.fromordinal(self._day(place)).isoformat()
        year, month = divmod(self.start.year * 12 + self.start.month - 1 + months * place, 12)
        if self.unit is Unit.YEAR:
            return f"{year:04d}"
        return f"{year:04d}-Q{month // 3 + 1}" if self.unit is Unit.QUARTER else f"{year:04d}-{month + 1:02d}"

    def _keys(self, first: int, count: int) -> list[str]:
        """The keys from one place up to another."""
        if self.unit is Unit.HOUR:
            return self._hour_keys(first, count)
        if self.unit is Unit.DAY:
            return _day_keys(self._day(first), self._day(0) + count)
        return [self._key(place) for place in range(first, count)]

    def _hour_keys(self, first: int, count: int) -> list[str]:
        """Keys of hours, a day's worth at once wherever no clock changed for a day before and after."""
        found: list[str] = []
        zone, step = self._zone, 24
        tails_at: dict[int, list[str]] = {}
        begins = [self._first + 3600 * place for place in range(first - step, count + 2 * step, step)]
        shifts = [datetime.fromtimestamp(one, zone).utcoffset() or timedelta() for one in begins]
        for number, place in enumerate(range(first, count, step), start=1):
            size = min(step, count - place)
            local = datetime.fromtimestamp(begins[number], zone)
            if shifts[number - 1] == shifts[number] == shifts[number + 1] and not local.second:
                tails = tails_at.get(local.minute)
                if tails is None:
                    tails = tails_at[local.minute] = [f"{hour}:{local.minute:02d}" for hour in _HOURS]
                today, tomorrow = local.date().isoformat(), (local + timedelta(days=1)).date().isoformat()
                found += [today + tail for tail in tails[local.hour : local.hour + size]]
                found += [tomorrow + tail for tail in tails[: max(0, local.hour + size - step)]]
            else:
                found += [self._key(one) for one in range(place, place + size)]
        return found

    def _parse(self, key: str) -> int:
        if self.unit is Unit.HOUR:
            local = datetime.fromisoformat(key)
            return self.place_at(local if local.tzinfo is not None else local.replace(tzinfo=self._zone))
        if self.unit in _DAYS:
            return self._place_of_day(date.fromisoformat(key).toordinal())
        year, _, rest = key.partition("-")
        month = 1 if self.unit is Unit.YEAR else int(rest.removeprefix("Q"))
        month = 3 * month - 2 if self.unit is Unit.QUARTER else month
        return self._place_of_day(date(int(year), month, 1).toordinal())

    def _guessed(self, key: str) -> int | None:
        """The place of an hour among the keys that were made, if counting local hours leads to it or next to it."""
        hours = date.fromisoformat(key[:10]).toordinal() * 24 + int(key[11:13])
        guess = hours - self.start.toordinal() * 24 - self.start.hour
        near = (guess, guess - 1, guess + 1)
        return next((place for place in near if 0 <= place < len(self._made) and self._made[place] == key), None)

    def _unknown(self, key: str) -> UsageError:
        first, last = self._key(0), "" if self.bound is None else self._key(self.bound - 1)
        return UsageError(
            "HW610",
            f"no partition {key!r}",
            hint=f"keys look like {first!r} and run {f'from {first} to {last}' if last else f'from {first} on'}"
            + self._near(key),
        )

    def _near(self, key: str) -> str:
        """The key of the window that contains the moment which a text names, if it names one."""
        try:
            named = datetime.fromisoformat(key)
            place = self.place_at(named if named.tzinfo is not None else named.replace(tzinfo=self._zone))
        except (ValueError, OverflowError):
            return ""
        if self.bound is not None:
            place = min(place, self.bound - 1)
        return f"; the nearest is {self.key_at(max(place, 0))}"


def _day_keys(first: int, last: int) -> list[str]:
    """The days from one ordinal up to another, a month's worth at once."""
    found: list[str] = []
    while first < last:
        day = date.fromordinal(first)
        rest = monthrange(day.year, day.month)[1] - day.day + 1
        size, month = min(rest, last - first), f"{day.year:04d}-{day.month:02d}-"
        found += [month + text for text in _DAYS_OF_MONTH[day.day - 1 : day.day - 1 + size]]
        first += size
    return found


def hour_key(begin: datetime) -> str:
    """The key of a window that begins at a local time: with its offset if that time comes for the second time.

    Seconds are in it where there are some, as after a clock change by 44 minutes and 30 seconds.
    """
    shown = begin if begin.fold else begin.replace(tzinfo=None)
    return shown.isoformat(timespec="seconds" if begin.second else "minutes")


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        DefinitionError: HW121, there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError, AttributeError):
        raise DefinitionError(
            "HW121", f"{name!r} is no time zone", hint="use an IANA name such as 'Europe/Berlin'"
        ) from None


def instant_of(moment: datetime) -> int:
    """A moment with offset in whole seconds since 1970, rounded down."""
    return (moment - EPOCH) // _SECOND
