"""Versions of many tables in one pass are those of the tables one by one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import polars as pl
import pytest

from lineage.fingerprint import SMALL_ROWS, add_projections, data_version
from lineage.fingerprint_many import data_versions, projections


def tables(random: Random, sizes: list[int]) -> list[pl.DataFrame]:
    """Tables of one schema, with nulls, floats, texts, lists and structs, and an id that is unique in each."""
    return [
        pl.DataFrame(
            {
                "id": random.sample(range(10 * size + 1), size),
                "part": [random.choice("ab") for _ in range(size)],
                "value": [random.choice([None, 0.1, -0.0, 1e300]) for _ in range(size)],
                "many": [[random.randint(0, 3)] for _ in range(size)],
                "both": [{"p": random.randint(0, 2), "q": None} for _ in range(size)],
            },
            schema={
                "id": pl.Int64,
                "part": pl.String,
                "value": pl.Float64,
                "many": pl.List(pl.Int64),
                "both": pl.Struct({"p": pl.Int64, "q": pl.String}),
            },
        )
        for size in sizes
    ]


SIZES = [SMALL_ROWS + 200, 3, SMALL_ROWS, SMALL_ROWS + 1, 0, 2 * SMALL_ROWS, 1]


@pytest.mark.parametrize("key", [("id",), ("id", "part"), (), ("part",), ("nowhere",)])
@pytest.mark.parametrize("ordered", [False, True])
def test_versions_are_those_of_the_tables_alone(key: tuple[str, ...], ordered: bool) -> None:
    frames = tables(Random(1), SIZES)
    read_sets = [("id", "#"), ("part", "value")]
    previous: list[tuple[str, ...]] = [("id",)] * len(frames)
    together = data_versions(frames, unique_key=key, previous_keys=previous, read_sets=read_sets, ordered=ordered)
    assert together == [
        data_version(frame, unique_key=key, previous_key=("id",), read_sets=read_sets, ordered=ordered)
        for frame in frames
    ]


def test_a_key_that_fails_in_one_table_is_left_to_each_of_them() -> None:
    frames = tables(Random(2), [SMALL_ROWS + 5, SMALL_ROWS + 6])
    frames[1] = pl.concat([frames[1], frames[1].head(1)])
    found = data_versions(frames, unique_key=("id",))
    assert found == [data_version(frame, unique_key=("id",)) for frame in frames]
    assert [one.key for one in found] == [("id",), ()]


def test_projections_are_those_of_the_tables_alone() -> None:
    frames = tables(Random(3), SIZES)
    names = ("part", "value")
    found = projections(pl.concat(frames).select(names), SIZES, names)
    assert min(SIZES) <= SMALL_ROWS < max(SIZES)
    for rows, digest in zip(frames, found, strict=True):
        alone = add_projections(replace(data_version(rows), key=(), columns={}), rows, [names])
        assert alone.projections[names] == digest
