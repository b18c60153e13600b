"""Partition definitions of every kind for property tests, with clock changes within their reach."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from assets_core.partitions import (
    Cron,
    Daily,
    Dynamic,
    Hourly,
    Monthly,
    Multi,
    Partitions,
    Quarterly,
    Static,
    Timed,
    Weekly,
    Yearly,
)

NOW = datetime(2018, 3, 26, 12, tzinfo=UTC)
"""A day after clocks changed in Europe, and weeks after they did in Brazil, at midnight."""
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks changed at midnight
    "America/Havana",  # midnight comes twice
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
]
SCHEDULES = ["0 6 * * *", "30 2 * * *", "0 0 * * MON", "0 */6 * * *", "0 0 1,15 * *", "15 1,2,3 * * *"]
STARTS = st.dates(date(2018, 2, 10), date(2018, 3, 24))


@st.composite
def timed(draw: st.DrawFn) -> Timed:
    """Slices of time that reach from some weeks before ``NOW`` to it or beyond, of any width and zone."""
    zone, start = draw(st.sampled_from(ZONES)), draw(STARTS)
    end = draw(st.none() | st.dates(date(2018, 3, 25), date(2018, 4, 4)))
    offset = draw(st.sampled_from(["0", "6h", "2d"]))
    if draw(st.integers(0, 6)) == 0:
        end = None if end is None else date(2018, 4, 9)  # every schedule fires until then
        return Cron(draw(st.sampled_from(SCHEDULES)), start, end, timezone=zone, offset=offset)
    make = draw(st.sampled_from([Hourly, Daily, Weekly, Monthly, Quarterly, Yearly]))
    if make is Monthly:
        start, end = start.replace(day=1), None if end is None else date(2018, 5, 1)
    if make in (Quarterly, Yearly):
        start, end = date(draw(st.sampled_from([2016, 2018])), 1, 1), None if end is None else date(2019, 1, 1)
    return make(start, end, timezone=zone, offset=offset)


@st.composite
def static(draw: st.DrawFn) -> Static:
    """Some of six names."""
    return Static(draw(st.lists(st.sampled_from("ABCDEF"), min_size=1, unique=True)))


@st.composite
def dynamic(draw: st.DrawFn) -> Dynamic:
    """One name, with the same keys wherever it is used, as a project fills them in."""
    return Dynamic(draw(st.sampled_from(["feeds", "none"]))).filled({"feeds": ["A", "C", "Z"]})


@st.composite
def multi(draw: st.DrawFn) -> Multi:
    """Two or three dimensions, of which at most one grows."""
    when = draw(timed())
    kinds = {"date": when, "region": draw(static() | dynamic())}
    if draw(st.booleans()):
        kinds["kind"] = draw(static())
    names = draw(st.permutations(list(kinds)))
    return Multi(**{name: kinds[name] for name in names})


def definitions() -> st.SearchStrategy[Partitions]:
    """Any definition."""
    return timed() | static() | dynamic() | multi()
