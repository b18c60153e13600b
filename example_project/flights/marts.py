"""Marts: what people look at. More of them are in ../sql/marts, one query a file."""

import pandas as pd
import polars as pl

from flights.partitions import DAYS, MONTHS
from headwater import Column, Config, Input, asset, check, sql_asset, window


def share(part: str, whole: str) -> pl.Expr:
    """One column over another, null where there is nothing to divide by: 0/0 would be NaN and spoil every mean.

    A helper is part of what an asset computes: change this one, and the assets that call it become stale.
    """
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


@asset(
    key="marts/rolling_week",
    partitions=DAYS,
    inputs={"week": Input("staging/flights", partitions=window(-6, 0))},  # this day and the six before it
    unique_key=["day", "origin"],
    checks=[check.between("delayed_share", 0, 1)],
)
def rolling_week(week: pl.LazyFrame) -> pl.LazyFrame:
    """Departures of the trailing seven days by airport, a row a day and airport."""
    return week.group_by("origin").agg(
        day=pl.col("flight_date").max(),
        flights=pl.len(),
        cancelled=pl.col("cancelled").sum(),
        delayed_share=(pl.col("dep_delay") >= 15).mean(),
    )


@asset(
    key="marts/route_months",
    partitions=MONTHS,
    unique_key=["month", "origin", "dest"],
    checks=[check.not_null("origin", "dest")],
)
def route_months(marts_flight_facts: pl.LazyFrame) -> pl.LazyFrame:
    """Flights, cancellations and punctuality by route and month."""
    return marts_flight_facts.group_by("month", "origin", "dest").agg(
        flights=pl.len(),
        cancelled=pl.col("cancelled").sum(),
        arrived=pl.col("on_time").is_not_null().sum(),
        on_time=pl.col("on_time").sum(),
        delay_minutes=pl.col("arr_delay").cast(pl.Int64).sum(),
        distance=pl.col("distance").max(),
    )


@asset(
    key="marts/route_scorecard",
    unique_key=["origin", "dest"],
    checks=[
        check.between("on_time_share", 0, 1),
        # Fires: four airports in the Caribbean are missing from the airports file.
        check.foreign_key("dest", "staging/airports", "airport", severity="warn"),
    ],
)
def route_scorecard(marts_route_months: pl.LazyFrame, staging_airports: pl.LazyFrame) -> pl.LazyFrame:
    """Routes over the whole year: an asset without partitions reads every partition of its input."""
    routes = marts_route_months.group_by("origin", "dest").agg(
        pl.col("flights", "cancelled", "arrived", "on_time", "delay_minutes").sum(), pl.col("distance").max()
    )
    names = staging_airports.select(dest="airport", destination="name")
    return routes.join(names, on="dest", how="left").select(
        "origin",
        "dest",
        "destination",
        "distance",
        "flights",
        on_time_share=share("on_time", "arrived"),
        cancelled_share=share("cancelled", "flights"),
        mean_delay=share("delay_minutes", "arrived"),
    )


@asset(
    key="marts/aircraft_scorecard",
    unique_key="tailnum",
    columns={"tailnum": Column("Registration of the aircraft", tags=("aircraft",))},
    checks=[
        check.not_null("tailnum"),
        # Fires: one aircraft in five is not in the registry's extract, or has no year there.
        check.foreign_key("tailnum", "staging/planes", severity="warn"),
    ],
)
def aircraft_scorecard(marts_aircraft_months: pl.LazyFrame, staging_planes: pl.LazyFrame) -> pl.LazyFrame:
    """Every aircraft that flew from New York: how much, how punctually, and what it is."""
    year = marts_aircraft_months.group_by("tailnum").agg(
        pl.col("flights", "arrived", "on_time", "miles", "air_minutes").sum()
    )
    return year.join(staging_planes, on="tailnum", how="left").select(
        "tailnum",
        "manufacturer",
        "model",
        "seats",
        "flights",
        "miles",
        age=2013 - pl.col("built"),
        on_time_share=share("on_time", "arrived"),
        mean_mph=share("miles", "air_minutes") * 60,
    )


@asset(key="marts/seasonality", unique_key="month", checks=[check.row_count(12, 12)])
def seasonality(marts_carrier_months: pd.DataFrame) -> pd.DataFrame:
    """Cancelled flights by month and carrier as a table for people, in pandas.

    What pandas does cannot be read off a plan, so its lineage is opaque: every column is taken to depend on every
    column that was handed in. Headwater says so instead of guessing.
    """
    wide = marts_carrier_months.pivot_table(index="month", columns="carrier", values="cancelled", aggfunc="sum")
    return wide.fillna(0).astype("int64").reset_index()


class WorstRoutes(Config):
    """How many flights a route needs to be judged: a value bound in the query below."""

    minimum_flights: int = 50


sql_asset(
    "marts/worst_routes",
    """
    select origin, dest, destination, flights, mean_delay
    from marts.route_scorecard
    where flights >= :minimum_flights
    qualify rank() over (order by mean_delay desc) <= 20
    """,
    config=WorstRoutes,
    description="The twenty routes that arrive latest on average.",
    unique_key=["origin", "dest"],
    checks=[check.row_count(20, 20)],
)
