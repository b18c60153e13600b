"""Windows from one firing of a cron schedule to the next."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from assets_core.durations import duration
from assets_core.errors import DefinitionError, UsageError
from assets_core.partitions.calendars import Length, Moment, local_time
from assets_core.partitions.partition import Partition
from assets_core.partitions.time_windows import FAR, hour_key, instant_of, zone_of

_EDGE = FAR // 2
_MANY = 4
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Firings:
    """The firings that are known so far: never changed, only replaced by more of the same."""

    instants: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    places: dict[str, int] = field(default_factory=dict)
    ended: bool = False


@dataclass(frozen=True)
class Cron:
    """Windows from one firing of a cron schedule to the next; keys are the local time at which they begin.

    Clock changes are as in Debian's cron: what is scheduled at a fixed time fires once a day, at the next minute there
    is where the clock jumps over it; what is scheduled every so many minutes or hours follows real time.

    Arguments:
        schedule: minute, hour, day of month, month, day of week; ``0 6 * * MON-FRI``.
        start: local time; the first window begins with the first firing at it or after it.
        end: local time; the last window is the one whose beginning lies before it. None for a definition that grows:
            then only windows that have ended count.
        timezone: IANA name of the schedule's time zone.
        offset: how long after its end a window of a growing definition counts, for data that comes late.

    Raises:
        DefinitionError: HW115, the schedule is malformed or never fires; HW121 to HW123, zone, end or start; HW127.
    """

    schedule: str
    start: datetime
    end: datetime | None
    timezone: str
    offset: timedelta
    bound: int | None = field(init=False, repr=False, compare=False)
    """How many windows there will ever be; None for a definition that grows."""
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _known: _Firings = field(init=False, repr=False, compare=False)
    _made: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)
    _in_a_day: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        schedule: str,
        start: Moment,
        end: Moment | None = None,
        *,
        timezone: str = "UTC",
        offset: Length = "0",
    ) -> None:
        put = object.__setattr__
        put(self, "schedule", " ".join(schedule.split()) if isinstance(schedule, str) else schedule)
        put(self, "timezone", timezone)
        put(self, "_zone", zone_of(timezone))
        put(self, "start", local_time(start))
        put(self, "end", None if end is None else local_time(end))
        put(self, "offset", duration(offset, what="the offset of partitions"))
        put(self, "_known", _Firings())
        self._refuse_malformed()
        if self.end is not None and self.end <= self.start:
            raise DefinitionError(
                "HW122",
                f"partitions end at {self.end} but start at {self.start}",
                hint="the end is exclusive and lies after the start",
            )
        if not self._reached(lambda instants: len(instants) > 0).instants:
            raise DefinitionError("HW115", f"the schedule {self.schedule!r} never fires")
        put(self, "bound", None if self.end is None else self._count_before(self._instant_at(self.end)))
        if self.bound == 0:
            raise DefinitionError("HW122", f"{self.schedule!r} does not fire between {self.start} and {self.end}")

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (self.schedule, self.start, self.end, self.timezone, self.offset)

    # -- what every definition answers ------------------------------------------------------------------------------

    def keys(self, now: datetime) -> Sequence[str]:
        """All keys, oldest first; made once and kept.

        Arguments:
            now: with offset; an open definition ends with the last window that had ended by then.
        """
        count = self.count(now)
        made = self._made
        if len(made) != count:
            made = self._reached(lambda instants: len(instants) >= count).keys[:count]
            object.__setattr__(self, "_made", made)
        return made

    def count(self, now: datetime) -> int:
        """The number of windows there are."""
        return max(0, self.place_at(now - self.offset)) if self.bound is None else self.bound

    def find(self, key: str) -> int | None:
        """The place of a key, counted from 0; None if the text is no key of this definition."""
        place = self._known.places.get(key)
        if place is None:
            place = self._looked_for(key)
        return place if place is not None and (self.bound is None or place < self.bound) else None

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
        if place < 0 or (self.bound is not None and place >= self.bound):
            return None
        keys = self._reached(lambda instants: len(instants) > place).keys
        return keys[place] if place < len(keys) else None

    def partition(self, key: str) -> Partition:
        """The slice of a key with its window, both ends with offset."""
        return Partition(key, *self.span(key))

    # -- what slices of time answer ---------------------------------------------------------------------------------

    def span(self, key: str) -> tuple[datetime, datetime]:
        """Start (included) and end (excluded) of a key's window, both with offset."""
        place = self.index(key)
        try:
            return self.begin(place), self.begin(place + 1)
        except (ValueError, OverflowError):  # the schedule does not fire again
            raise self._unknown(key) from None

    def begin(self, place: int) -> datetime:
        """The beginning of the window at a place, in local time with offset."""
        return datetime.fromtimestamp(self.instant(place), self._zone)

    def place_at(self, moment: datetime) -> int:
        """The place of the window that contains a moment with offset; -1 before the first."""
        return self.place_of(instant_of(moment))

    def instant(self, place: int) -> int:
        """The beginning of the window at a place, in seconds since 1970; all time before the first is window -1."""
        if place < 0:
            return -FAR
        if place >= _EDGE:
            return FAR
        instants = self._reached(lambda known: len(known) > place).instants
        return instants[place] if place < len(instants) else FAR

    def place_of(self, instant: int) -> int:
        """The place of the window that contains an instant in seconds since 1970."""
        if instant >= _EDGE:
            return FAR
        return bisect_right(self._reached(lambda known: known[-1] > instant).instants, instant) - 1

    def same_grid(self, other: object) -> bool:
        """Whether the windows at equal places are equal, as far as both go."""
        return isinstance(other, Cron) and (self.schedule, self.timezone, self.start) == (
            other.schedule,
            other.timezone,
            other.start,
        )

    # -- firings ----------------------------------------------------------------------------------------------------

    def _refuse_malformed(self) -> None:
        try:
            if len(self.schedule.split()) != 5:
                raise CronSimError("Wrong number of fields")
            CronSim(self.schedule, self.start)
            object.__setattr__(self, "_in_a_day", _in_a_day(self.schedule))
        except (CronSimError, AttributeError) as error:
            raise DefinitionError(
                "HW115",
                f"{self.schedule!r} is no cron schedule",
                why=str(error),
                hint="five fields: minute, hour, day of month, month, day of week; '0 6 * * MON-FRI'",
            ) from None

    def _instant_at(self, local: datetime) -> int:
        return instant_of(local.replace(tzinfo=self._zone))

    def _count_before(self, instant: int) -> int:
        return bisect_left(self._reached(lambda known: known[-1] >= instant).instants, instant)

    def _reached(self, enough: Callable[[Sequence[int]], bool]) -> _Firings:
        """The known firings, after making more until there are enough or no more.

        Two threads may make the same ones at once; what either leaves here is right.
        """
        known = self._known
        if (known.instants and enough(known.instants)) or known.ended:
            return known
        instants, keys, ended = [*known.instants], [*known.keys], True
        plenty = len(instants) * 5 // 4  # what is asked for one by one is made in bulk
        for instant, key in self._after(instants[-1] if instants else self._instant_at(self.start) - 1):
            instants.append(instant)
            keys.append(key)
            if len(instants) > plenty and enough(instants):
                ended = False
                break
        places = {**known.places, **{keys[place]: place for place in range(len(known.keys), len(keys))}}
        found = _Firings(tuple(instants), tuple(keys), places, ended)
        object.__setattr__(self, "_known", found)
        return found

    def _after(self, last: int) -> Iterator[tuple[int, str]]:
        """Each firing after an instant with its key; a whole day at once where it has many and no clock changes."""
        zone = self._zone
        try:
            while True:
                for fired in CronSim(self.schedule, datetime.fromtimestamp(last, zone)):
                    instant = instant_of(fired)
                    if instant <= last:  # a time that the clock jumps over is moved to the next, which may fire anyway
                        continue
                    last, local = instant, datetime.fromtimestamp(instant, zone)
                    yield instant, hour_key(local)
                    if len(self._in_a_day) >= _MANY and _quiet(local, zone):
                        begin = instant - 3600 * local.hour - 60 * local.minute
                        day = local.date().isoformat()
                        for second, text in self._in_a_day:
                            if begin + second > instant:
                                last = begin + second
                                yield last, f"{day}T{text}"
                        break
                else:
                    return
        except (ValueError, OverflowError):  # the calendar ends
            return

    def _looked_for(self, key: str) -> int | None:
        """The place of a key that is not among the known firings; the rest are made only if there is such a one."""
        try:
            local = datetime.fromisoformat(key)
            instant = instant_of(local if local.tzinfo is not None else local.replace(tzinfo=self._zone))
            if instant < self._known.instants[0] or next(self._after(instant - 1), None) != (instant, key):
                return None
        except (ValueError, OverflowError):
            return None
        if self.end is not None and instant >= self._instant_at(self.end):
            return None
        return self.place_of(instant)

    def _unknown(self, key: str) -> UsageError:
        first = self.key_at(0) or ""
        last = "" if self.bound is None else self.key_at(self.bound - 1)
        return UsageError(
            "HW610",
            f"no partition {key!r}",
            hint=f"keys look like {first!r} and run {f'from {first} to {last}' if last else f'from {first} on'}"
            + self._near(key),
        )

    def _near(self, key: str) -> str:
        """The key of the window that contains the moment which a text names, if it names one near what is known."""
        try:
            named = datetime.fromisoformat(key)
            instant = instant_of(named if named.tzinfo is not None else named.replace(tzinfo=self._zone))
        except (ValueError, OverflowError):
            return ""
        if instant > self._known.instants[-1] + 366 * 86_400:
            return ""
        place = max(self.place_of(instant), 0)
        return f"; the nearest is {self.key_at(place if self.bound is None else min(place, self.bound - 1))}"


def _made(schedule: str, start: datetime, end: datetime | None, timezone: str, offset: timedelta) -> Cron:
    return Cron(schedule, start, end, timezone=timezone, offset=offset)


def _in_a_day(schedule: str) -> tuple[tuple[int, str], ...]:
    """The times of a day at which a schedule fires if it fires on that day: seconds after midnight, and as text."""
    minute, hour = schedule.split()[:2]
    found = []
    midnight = datetime(2000, 1, 1)  # noqa: DTZ001 -- a day on which no clock changes
    for fired in CronSim(f"{minute} {hour} * * *", midnight - timedelta(seconds=1)):
        if fired - midnight >= _DAY:
            break
        found.append(((fired - midnight) // timedelta(seconds=1), f"{fired:%H:%M}"))
    return tuple(found)


def _quiet(local: datetime, zone: ZoneInfo) -> bool:
    """Whether no clock changes on the day of a moment, nor on the day before, whose hours it could repeat."""
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    return (midnight - _DAY).utcoffset() == midnight.utcoffset() == (midnight + _DAY).utcoffset()
