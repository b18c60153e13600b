"""Tables whose versions the tests compare, each in a size for either way of fingerprinting."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from lineage.fingerprint import SMALL_ROWS, data_version

SIZES = [100, SMALL_ROWS + 100]


def table(rows: int) -> pl.DataFrame:
    """A key, and columns of many types with nulls in them."""
    return pl.DataFrame(
        {
            "id": [(number * 7919) % 1_000_003 for number in range(rows)],
            "amount": [None if number % 11 == 0 else number * 0.25 for number in range(rows)],
            "label": [None if number % 13 == 0 else "abcd"[number % 4] * (number % 5) for number in range(rows)],
            "flag": [number % 3 == 0 for number in range(rows)],
            "day": [date(2013, 1, 1) + timedelta(days=number % 50) for number in range(rows)],
            "price": [Decimal(number % 17) / 4 for number in range(rows)],
            "tags": [["x", None][: number % 3] for number in range(rows)],
            "pair": [{"a": number % 4, "b": None if number % 2 else 0.5} for number in range(rows)],
        },
        schema_overrides={"price": pl.Decimal(10, 2)},
    )


def with_cell(frame: pl.DataFrame, row: int, column: str, value: Any) -> pl.DataFrame:
    values = frame.get_column(column).to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))


def versions_of(values: list[Any], dtype: Any, rows: int) -> str:
    """The version of a column that holds the values, then the first one again and again."""
    filled = values + [values[0]] * (rows - len(values))
    frame = pl.DataFrame({"id": range(rows), "x": pl.Series(filled, dtype=dtype)})
    return data_version(frame, unique_key=["id"]).columns["x"]
