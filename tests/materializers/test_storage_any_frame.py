"""Frames nobody thought of: what a storage takes it gives back, and what it cannot give back it does not take."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from assets_core.errors import StorageError
from assets_core.keys import Slot
from materializers.storage.registry import open_storage


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_any_frame_comes_back_as_it_was_or_is_refused(kind: str) -> None:
    with TemporaryDirectory() as folder:
        storage = open_storage("main", {"kind": kind, "path": f"data.{kind}"}, Path(folder))
        ids = iter(range(10_000))

        @settings(max_examples=60, deadline=None)
        @given(dataframes(max_cols=4, max_size=12))
        def holds(frame: pl.DataFrame) -> None:
            try:
                stored = storage.write(Slot("a"), f"id{next(ids)}", frame)
            except StorageError as error:
                if error.code != "HW424":
                    raise
                with pytest.raises(StorageError):
                    storage.check(frame.schema)
                return
            back = storage.scan(stored).collect()
            assert back.schema == frame.schema
            assert_frame_equal(back, frame)
            assert storage.digest(stored) == stored.digest

        holds()
        storage.close()
