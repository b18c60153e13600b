"""Tests of assets: an asset is called as the function that it is, with a few rows. No engine and no data are needed.

cd example_project && pytest
"""

import polars as pl
from flights.marts import rolling_week, share
from flights.staging import planes


def test_a_share_of_nothing_is_null_and_not_nan() -> None:
    frame = pl.DataFrame({"on_time": [3, 0], "arrived": [4, 0]})

    assert frame.select(share("on_time", "arrived")).to_series().to_list() == [0.75, None]


def test_the_rolling_week_counts_by_airport() -> None:
    week = pl.LazyFrame(
        {
            "origin": ["EWR", "EWR", "JFK"],
            "flight_date": ["2013-01-01", "2013-01-02", "2013-01-02"],
            "cancelled": [False, True, False],
            "dep_delay": [20, None, 3],
        }
    )

    made = rolling_week(week).sort("origin").collect()

    assert made["flights"].to_list() == [2, 1]
    assert made["delayed_share"].to_list() == [1.0, 0.0]


def test_no_plane_is_lost() -> None:
    registry = pl.DataFrame(
        {
            "tailnum": ["N1", "N2"],
            "model": ["A320", "737"],
            "engines": [2, 2],
            "seats": [150, 160],
            "year": [1999, None],
            "manufacturer": ["AIRBUS INDUSTRIE", "BOEING"],
        }
    )

    made = planes(registry)

    assert {name: frame["tailnum"].to_list() for name, frame in made.items()} == {"dated": ["N1"], "undated": ["N2"]}
