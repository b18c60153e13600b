"""Sources: files that exist outside. Headwater reads and observes them and never writes them.

A source is observed by what is in its files, not by their dates: touching a file changes nothing, patching it in place
makes exactly that stale which reads what was patched.
"""

import polars as pl

from flights.partitions import DAYS, MONTHS
from headwater import Column, check, source

# These files write a missing value as NA. How a file is read is part of what it says, so such options are recorded
# with every observation: reading it in another way makes what depends on it stale.
NULLS = ["NA"]

FLIGHTS = {
    "year": pl.Int16,
    "month": pl.Int8,
    "day": pl.Int8,
    "dep_time": pl.Int16,
    "sched_dep_time": pl.Int16,
    "dep_delay": pl.Int16,
    "arr_time": pl.Int16,
    "sched_arr_time": pl.Int16,
    "arr_delay": pl.Int16,
    "carrier": pl.String,
    "flight": pl.Int32,
    "tailnum": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "air_time": pl.Int16,
    "distance": pl.Int32,
    "hour": pl.Int8,
    "minute": pl.Int8,
    "time_hour": pl.Datetime("us", "UTC"),
}

# One file for the whole year, yet observed day by day: `partition_by` names the column that tells to which day a row
# belongs. `time_hour` is a moment in UTC; the definition of DAYS knows when a day begins in New York.
flights = source(
    "raw/flights",
    files="data/flights.csv",
    schema=FLIGHTS,
    partitions=DAYS,
    partition_by="time_hour",
    description="Every flight that was to leave EWR, JFK or LGA in 2013.",
    columns={
        # A tag for what can identify an aircraft; `headwater lineage raw/flights:tailnum --down` shows where it goes.
        "tailnum": Column("Registration of the aircraft", tags=("aircraft",)),
        "time_hour": Column("Scheduled departure, cut to the hour, in UTC"),
        "dep_delay": Column("Minutes late at departure; negative is early, null is cancelled"),
        "arr_delay": Column("Minutes late at arrival; null where the flight was cancelled or diverted"),
    },
    null_values=NULLS,
)

# Hourly readings at the three airports, observed month by month.
weather = source(
    "raw/weather",
    files="data/weather.csv",
    schema={
        "origin": pl.String,
        "year": pl.Int16,
        "month": pl.Int8,
        "day": pl.Int8,
        "hour": pl.Int8,
        "temp": pl.Float64,
        "dewp": pl.Float64,
        "humid": pl.Float64,
        "wind_dir": pl.Int16,
        "wind_speed": pl.Float64,
        "wind_gust": pl.Float64,
        "precip": pl.Float64,
        "pressure": pl.Float64,
        "visib": pl.Float64,
        "time_hour": pl.Datetime("us", "UTC"),
    },
    partitions=MONTHS,
    partition_by="time_hour",
    description="Hourly weather at the three airports, in imperial units.",
    null_values=NULLS,
)

# Three small files of reference data. Without schema= the types would be found from the data; with it, `headwater
# validate` can check every column down to the last mart before there is any data.
planes = source(
    "raw/planes",
    files="data/planes.csv",
    schema={
        "tailnum": pl.String,
        "year": pl.Int16,
        "type": pl.String,
        "manufacturer": pl.String,
        "model": pl.String,
        "engines": pl.Int8,
        "seats": pl.Int16,
        "speed": pl.Int16,
        "engine": pl.String,
    },
    description="Aircraft by registration, from the FAA's registry.",
    columns={"tailnum": Column("Registration of the aircraft", tags=("aircraft",))},
    checks=[check.unique("tailnum")],
    null_values=NULLS,
)

airports = source(
    "raw/airports",
    files="data/airports.csv",
    schema={
        "faa": pl.String,
        "name": pl.String,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "alt": pl.Int32,
        "tz": pl.Int8,
        "dst": pl.String,
        "tzone": pl.String,
    },
    description="Airports by FAA code.",
    checks=[check.unique("faa"), check.between("lat", -90, 90)],
    null_values=NULLS,
)

airlines = source(
    "raw/airlines",
    files="data/airlines.csv",
    schema={"carrier": pl.String, "name": pl.String},
    description="Carriers by two-letter code.",
    checks=[check.unique("carrier")],
)
