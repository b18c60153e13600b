"""The one table that most others stand on: a row a flight, with the weather of its hour and a verdict."""

import polars as pl

from flights.partitions import MONTHS
from headwater import Column, Config, Run, asset, check


class Punctuality(Config):
    """What counts as on time. Filled from `[config."marts/flight_facts"]` of headwater.toml."""

    on_time_minutes: int = 15


@asset(
    key="marts/flight_facts",
    partitions=MONTHS,  # its inputs: the days of staging/flights in that month, and the month of staging/weather
    partition_by="time_hour",
    unique_key=["time_hour", "carrier", "flight", "origin"],
    run=Run(
        batch="quarter"
    ),  # proven too: the two inputs meet only where `time_hour`, their partition column, is equal
    columns={
        "tailnum": Column("Registration of the aircraft", tags=("aircraft",)),
        "on_time": Column("Whether it arrived less than the threshold late; null where it did not arrive"),
    },
    checks=[
        check.expression("cancelled or diverted or on_time is not null"),
        # Fires where the weather station was silent for an hour in which somebody flew.
        check.not_null("wind_kmh", severity="warn", name="every flight has its weather"),
    ],
)
def flight_facts(
    staging_flights: pl.LazyFrame, staging_weather: pl.LazyFrame, punctuality: Punctuality
) -> pl.LazyFrame:
    """One row a flight: what became of it, in which weather, and whether it was on time."""
    weather = staging_weather.select("origin", "time_hour", "wind_kmh", "rain_mm", "visibility_km")
    return (
        staging_flights.drop("speed_mph")
        .join(weather, on=["origin", "time_hour"], how="left")
        .with_columns(
            month=pl.col("flight_date").dt.truncate("1mo"),
            on_time=pl.col("arr_delay") < punctuality.on_time_minutes,
        )
    )
