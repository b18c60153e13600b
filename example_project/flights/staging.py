"""Staging: the same facts with clean names, types and units.

An asset is a function from tables to a table. A parameter is an input: `raw_flights` is the asset `raw/flights`. With
`pl.LazyFrame` in and out, Headwater reads the function's plan without running it: it then knows which columns the
asset depends on, and that a refactored function which builds the same plan has changed nothing.
"""

import polars as pl

from flights.partitions import DAYS, MONTHS, NEW_YORK
from flights.raw import planes as raw_planes
from headwater import Column, Out, Run, asset, check, multi_asset


@asset(
    key="staging/flights",
    partitions=DAYS,
    partition_by="time_hour",
    unique_key=["time_hour", "carrier", "flight", "origin"],
    # A call computes a month of days and the result is split by `time_hour`: the rows, checks and records of each day
    # are what they would be alone. `headwater show flights` says that this is proven, as nothing here mixes rows.
    run=Run(batch="month"),
    columns={
        "tailnum": Column("Registration of the aircraft", tags=("aircraft",)),
        "flight_date": Column("Day of the scheduled departure, in New York"),
        "speed_mph": Column("Mean speed over the great circle, miles an hour"),
    },
    checks=[
        # A failing check is blocking unless it says otherwise: the day is kept aside, the old data stays published.
        check.not_null("flight_date", "carrier", "origin", "dest"),
        check.accepted_values("origin", ["EWR", "JFK", "LGA"]),
        check.between("dep_delay", -60, 1440),
        # This one fires on four days of 2013: somebody mistyped a time, or the jet stream was very kind.
        check.between("speed_mph", 50, 600, severity="warn", name="speed is plausible"),
    ],
)
def flights(raw_flights: pl.LazyFrame) -> pl.LazyFrame:
    """One row a scheduled flight, with what became of it."""
    return raw_flights.select(
        flight_date=pl.date("year", "month", "day"),
        time_hour="time_hour",
        hour="hour",
        carrier="carrier",
        flight="flight",
        tailnum="tailnum",
        origin="origin",
        dest="dest",
        dep_delay=pl.col("dep_delay").cast(pl.Int32),
        arr_delay=pl.col("arr_delay").cast(pl.Int32),
        air_time=pl.col("air_time").cast(pl.Int32),
        distance="distance",
        speed_mph=pl.col("distance") / pl.col("air_time") * 60,
        cancelled=pl.col("dep_time").is_null(),
        diverted=pl.col("dep_time").is_not_null() & pl.col("arr_delay").is_null(),
    )


@asset(
    key="staging/weather",
    partitions=MONTHS,
    partition_by="time_hour",
    unique_key=["origin", "time_hour"],
    run=Run(batch="year"),
    checks=[
        check.not_null("origin", "time_hour"),
        check.between("humidity", 0, 100),
        # Fires every month: barometers were out of order for about a tenth of the hours.
        check.not_null("pressure_hpa", severity="warn"),
    ],
)
def weather(raw_weather: pl.LazyFrame) -> pl.LazyFrame:
    """Hourly weather at the three airports, in metric units."""
    local = pl.col("time_hour").dt.convert_time_zone(NEW_YORK)
    return raw_weather.select(
        origin="origin",
        time_hour="time_hour",
        local_hour=local.dt.hour(),
        temperature_c=(pl.col("temp") - 32) / 1.8,
        humidity="humid",
        wind_kmh=pl.col("wind_speed") * 1.609344,
        rain_mm=pl.col("precip") * 25.4,
        visibility_km=pl.col("visib") * 1.609344,
        pressure_hpa="pressure",
    )


PLANES = {
    "tailnum": pl.String,
    "model": pl.String,
    "engines": pl.Int8,
    "seats": pl.Int16,
    "built": pl.Int16,
    "manufacturer": pl.String,
}


# One call, two tables, published together. `inputs=` binds a parameter to something by hand: here to the object.
@multi_asset(
    inputs={"registry": raw_planes},
    outputs={
        "dated": Out(
            "staging/planes",
            schema=PLANES,  # a contract: results that differ fail, and what reads it can be checked without data
            unique_key=("tailnum",),
            columns={"tailnum": Column("Registration of the aircraft", tags=("aircraft",))},
            checks=(check.not_null("built"), check.between("built", 1950, 2013), check.row_count(3000)),
        ),
        "undated": Out(
            "staging/planes_undated",
            schema=PLANES,
            unique_key=("tailnum",),
            description="Planes of unknown age.",
        ),
    },
)
def planes(registry: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Planes with the year they were built in; those without one are put beside, not thrown away."""
    # The function takes DataFrames, so it is ordinary eager code: it runs when its step runs, and its code is
    # compared by what it says, followed through the functions that it calls.
    makers = {"AIRBUS INDUSTRIE": "AIRBUS", "MCDONNELL DOUGLAS AIRCRAFT CO": "MCDONNELL DOUGLAS"}
    clean = registry.select(
        "tailnum",
        "model",
        "engines",
        "seats",
        built=pl.col("year"),
        manufacturer=pl.col("manufacturer").replace(makers).str.to_titlecase(),
    )
    known = pl.col("built").is_not_null()
    return {"dated": clean.filter(known), "undated": clean.filter(~known)}
