"""A small project as a user would write it; test_typed_sample.py holds what mypy --strict says of it.

A comment "reveals" gives the type that mypy must find on that line, a comment "error" the error that it must report
there, and nowhere else.
"""

from pathlib import Path
from typing import reveal_type

import polars as pl

import headwater
from headwater import (
    Column,
    Config,
    Context,
    Daily,
    Input,
    Monthly,
    Out,
    Project,
    Resource,
    Retry,
    Run,
    asset,
    check,
    multi_asset,
    source,
    sql_asset,
    window,
)

days = Daily("2013-01-01", "2013-01-08")
months = Monthly("2013-01", "2014-01", timezone="America/New_York")

orders_csv = source(
    "raw/orders",
    files=["data/orders.csv"],
    schema={"id": pl.Int64, "day": pl.Date},
    partitions=days,
    partition_by="day",
    checks=[check.not_null("id")],
    null_values=["NA"],
)


class Threshold(Config):
    minimum: int = 10


class Api(Resource):
    token: str = ""


@asset
def plain(raw_orders: pl.LazyFrame) -> pl.LazyFrame:
    return raw_orders


@asset(
    key="staging/orders",
    inputs={"raw": orders_csv, "week": Input("raw/orders", partitions=window(-6, 0))},
    partitions=days,
    partition_by="day",
    unique_key="id",
    columns={"id": Column("Order", tags=("order",))},
    checks=[check.unique("id")],
    run=Run(retry=Retry(attempts=3)),
)
def orders(raw: pl.LazyFrame, week: pl.LazyFrame, threshold: Threshold) -> pl.LazyFrame:
    return raw.filter(pl.col("id") > threshold.minimum)


@asset(key="marts/eager")
def eager(staging_orders: pl.DataFrame, context: Context, api: Api) -> pl.DataFrame:
    reveal_type(context.attempt)  # reveals: int
    context.add_metadata(rows=staging_orders.height)
    return staging_orders


@multi_asset(outputs={"good": Out("staging/good"), "bad": "staging/bad"})
def split(raw_orders: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {"good": raw_orders, "bad": raw_orders.clear()}


counted = sql_asset("marts/counted", "select count(*) as n from staging.orders", unique_key=["n"])

frame = pl.LazyFrame({"id": [1]})
reveal_type(plain(frame))  # reveals: polars.lazyframe.frame.LazyFrame
reveal_type(orders(frame, frame, Threshold(minimum=3)))  # reveals: polars.lazyframe.frame.LazyFrame
reveal_type(split(frame.collect()))  # reveals: dict[str, polars.dataframe.frame.DataFrame]
reveal_type(counted.key)  # reveals: str
print(headwater.unheard_of)  # error: attr-defined
plain("no frame")  # error: arg-type
orders(frame, frame)  # error: call-arg
Daily(2013)  # error: arg-type
check.unique(["id"])  # error: arg-type


@asset(partition=days)  # error: call-overload
def misspelt(raw_orders: pl.LazyFrame) -> pl.LazyFrame:
    return raw_orders


def run_it(folder: Path) -> bool:
    with Project.load(folder, env="dev") as project:
        return project.materialize("+marts/counted").ok
