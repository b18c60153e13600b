"""Data as text and JSON, and the manifest as text."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl

from headwater.report.data import data_document, data_text
from headwater.report.document import document, encode, plain
from headwater.report.style import Style

STYLE = Style()
FRAME = pl.DataFrame({"name": ["a", None], "n": [1, 200], "x": [0.1 + 0.2, float("nan")]})


def test_numbers_stand_at_the_right_and_nulls_are_named() -> None:
    assert data_text(FRAME, 10, STYLE).splitlines() == [
        "name        n        x",
        "String  Int64  Float64",
        "a           1      0.3",
        "null      200      nan",
    ]


def test_more_rows_than_asked_for_are_announced() -> None:
    assert data_text(FRAME, 1, STYLE).endswith("\n\nthe first 1 row: --head N shows more")


def test_columns_that_do_not_fit_are_counted() -> None:
    frame = pl.DataFrame({f"column_{n:02d}": ["some text"] for n in range(12)})
    text = data_text(frame, 10, STYLE)
    assert max(map(len, text.splitlines())) <= 80
    assert "5 more columns (column_07" in text


def test_no_column_is_left_out_in_a_pipe() -> None:
    frame = pl.DataFrame({f"column_{n:02d}": ["some text"] for n in range(12)})
    assert "column_11" in data_text(frame, 10, Style(width=None)).splitlines()[0]


def test_text_in_data_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in data_text(pl.DataFrame({"\x1b[2J": ["\x1b[31m\n"]}), 10, STYLE)


def test_a_frame_without_rows_says_so() -> None:
    assert data_text(FRAME.head(0), 10, STYLE).splitlines()[-1] == "no rows"


def test_values_that_json_lacks_become_text() -> None:
    values = {
        "decimal": Decimal("1.10"),
        "day": dt.date(2013, 1, 1),
        "moment": dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC),
        "time": dt.time(5),
        "span": dt.timedelta(minutes=1),
        "bytes": b"\x00\xff",
        "floats": [float("nan"), float("inf"), -float("inf"), 1.5],
        "nested": {"a": (1, {2})},
    }
    assert plain(values) == {
        "decimal": "1.10",
        "day": "2013-01-01",
        "moment": "2013-01-01T05:00:00+00:00",
        "time": "05:00:00",
        "span": 60.0,
        "bytes": "00ff",
        "floats": ["NaN", "Infinity", "-Infinity", 1.5],
        "nested": {"a": [1, [2]]},
    }


def test_every_polars_type_can_be_written() -> None:
    frame = pl.DataFrame(
        {
            "list": [[1, 2]],
            "struct": [{"a": dt.date(2013, 1, 1)}],
            "decimal": pl.Series([Decimal("1.5")], dtype=pl.Decimal(10, 2)),
            "category": pl.Series(["x"], dtype=pl.Categorical),
            "bytes": [b"ab"],
            "duration": [dt.timedelta(seconds=1)],
            "null": [None],
            "array": pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2)),
        }
    )
    written = json.loads(encode(document(data_document(frame, 1), project=None, env=None, ok=True)))
    assert written["rows"] == [[[1, 2], {"a": "2013-01-01"}, "1.50", "x", "6162", 1.0, None, [1, 2]]]
