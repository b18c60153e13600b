"""What is special to the DuckDB storage: views for other tools, one process at a time, and the canonical digest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets_core.errors import StorageError
from assets_core.keys import Slot
from materializers.storage.canonical import CanonicalDigest
from materializers.storage.duckdb import DuckDBStorage

FRAME = pl.DataFrame({"n": [1, 2, 3], "s": ["a", None, "c"]})


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[DuckDBStorage]:
    opened = DuckDBStorage("wh", tmp_path / "wh.duckdb")
    yield opened
    opened.close()


def ask(storage: DuckDBStorage, sql: str) -> list[tuple[object, ...]]:
    """As another tool would: with the file closed here."""
    storage.close()
    with duckdb.connect(str(storage.path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_face_is_a_view_over_all_published_partitions(storage: DuckDBStorage) -> None:
    slots = [Slot("staging/flights", day) for day in ("2013-01-01", "2013-01-02")]
    stored = [storage.write(slot, f"id{n}", FRAME) for n, slot in enumerate(slots)]
    storage.publish("dev", dict(zip(slots, stored, strict=True)))
    assert ask(storage, 'select count(*) from env_dev."staging/flights"') == [(6,)]


def test_the_face_follows_publication_slot_by_slot(storage: DuckDBStorage) -> None:
    one, two = Slot("a", "1"), Slot("a", "2")
    storage.publish("dev", {one: storage.write(one, "i", FRAME), two: storage.write(two, "j", FRAME)})
    storage.publish("dev", {two: storage.write(two, "k", FRAME.head(1))})
    assert ask(storage, "select count(*) from env_dev.a") == [(4,)]
    storage.publish("dev", {one: None, two: None})
    assert ask(storage, "select * from duckdb_views() where schema_name = 'env_dev'") == []


def test_partitions_of_different_columns_are_joined_by_name(storage: DuckDBStorage) -> None:
    one, two = Slot("a", "1"), Slot("a", "2")
    published = {one: storage.write(one, "i", FRAME), two: storage.write(two, "j", FRAME.select("s"))}
    storage.publish("dev", published)
    assert ask(storage, "select n from env_dev.a order by n") == [(1,), (2,), (3,), (None,), (None,), (None,)]


def test_environments_have_faces_of_their_own(storage: DuckDBStorage) -> None:
    slot = Slot("a")
    storage.publish("dev", {slot: storage.write(slot, "i", FRAME)})
    storage.publish("Dev", {slot: storage.write(slot, "j", FRAME.head(1))})
    storage.unpublish("dev")
    assert ask(storage, 'select count(*) from "env_Dev+1".a') == [(1,)]


def test_durations_and_enums_are_plain_numbers_and_texts_to_others(storage: DuckDBStorage) -> None:
    frame = pl.DataFrame({"d": pl.Series([5], dtype=pl.Duration("ms")), "e": pl.Series(["x"], dtype=pl.Enum(["x"]))})
    storage.publish("dev", {Slot("a"): storage.write(Slot("a"), "i", frame)})
    assert ask(storage, "select d, e from env_dev.a") == [(5, "x")]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [1], "A": [2]}),
        pl.DataFrame({"": [1]}),
        pl.DataFrame(),
        pl.DataFrame({"s": [{"x": 1, "X": 2}]}),
    ],
    ids=["names that differ in case", "an empty name", "no columns", "fields that differ in case"],
)
def test_what_a_table_cannot_hold_is_refused_before_writing(storage: DuckDBStorage, frame: pl.DataFrame) -> None:
    with pytest.raises(StorageError) as raised:
        storage.write(Slot("a"), "i", frame)
    assert raised.value.code == "HW424"
    assert storage.unreferenced([]) == []


def test_a_file_that_another_process_has_open_is_said_to_be_in_use(storage: DuckDBStorage) -> None:
    storage.write(Slot("a"), "i", FRAME)
    storage.close()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(storage.path)!r}); print(1, flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(StorageError, match="in use by another process") as raised:
            storage.write(Slot("a"), "j", FRAME)
        assert raised.value.code == "HW429"
    finally:
        holder.communicate(b"\n", timeout=20)
    assert storage.write(Slot("a"), "j", FRAME).bytes > 0


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wh.duckdb"
    path.write_bytes(b"my holiday pictures" * 1000)
    with pytest.raises(StorageError, match="no DuckDB database") as raised:
        DuckDBStorage("wh", path).write(Slot("a"), "i", FRAME)
    assert raised.value.code == "HW429"
    assert path.read_bytes() == b"my holiday pictures" * 1000


def test_a_changed_row_shows_in_the_digest(storage: DuckDBStorage) -> None:
    stored = storage.write(Slot("a"), "i", FRAME)
    ask(storage, "update headwater.i set s = 'z' where n = 3")
    assert storage.present([stored]) == [True]
    assert storage.digest(stored) != stored.digest


def test_a_dropped_table_is_missing(storage: DuckDBStorage) -> None:
    stored = storage.write(Slot("a"), "i", FRAME)
    ask(storage, "drop table headwater.i")
    assert storage.present([stored]) == [False]
    with pytest.raises(StorageError, match="HW425"):
        storage.scan(stored)


def test_a_table_dropped_after_planning_fails_loudly(storage: DuckDBStorage) -> None:
    lazy = storage.scan(storage.write(Slot("a"), "i", FRAME))
    ask(storage, "drop table headwater.i")
    with pytest.raises(Exception, match="HW425"):
        lazy.collect()


def test_a_lazy_frame_survives_closing(storage: DuckDBStorage) -> None:
    lazy = storage.scan(storage.write(Slot("a"), "i", FRAME))
    storage.close()
    assert_frame_equal(lazy.collect(), FRAME)


def test_the_digest_does_not_depend_on_how_rows_are_batched() -> None:
    frame = pl.DataFrame(
        {
            "text": ["", "ab", None, "c"] * 5,
            "list": [[1, None], None, [], [2]] * 5,
            "struct": [{"x": 1, "y": "z"}, None, {"x": None, "y": None}, {"x": 2, "y": ""}] * 5,
            "flag": [True, None, False, True] * 5,
        }
    )
    whole = frame.to_arrow().combine_chunks()
    digests = set()
    for size in (1, 3, 7, 20):
        found = CanonicalDigest("x")
        found.add(whole.to_batches(max_chunksize=size))
        digests.add(found.hexdigest())
    assert len(digests) == 1


def test_the_digest_ignores_what_lies_under_nulls() -> None:
    hidden = pl.DataFrame({"n": [1, 2]}).with_columns(n=pl.when(pl.col("n") == 1).then("n"))
    plain = pl.DataFrame({"n": [1, None]}, schema={"n": pl.Int64})
    digests = []
    for frame in (hidden, plain):
        found = CanonicalDigest("x")
        found.add(frame.to_arrow().to_batches())
        digests.append(found.hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["", None], [None, ""]),
        ([[1], [2]], [[1, 2], []]),
        ([[None], []], [[], [None]]),
        ([{"a": None}], [None]),
    ],
)
def test_values_that_lie_alike_in_memory_have_different_digests(one: list[object], other: list[object]) -> None:
    dtype = pl.Series(one + other).dtype
    digests = []
    for values in (one, other):
        found = CanonicalDigest("x")
        found.add(pl.DataFrame({"v": pl.Series(values, dtype=dtype)}).to_arrow().to_batches())
        digests.append(found.hexdigest())
    assert digests[0] != digests[1]
