"""What every storage must do, run over all of them from one fixture."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets_core.errors import StorageError
from assets_core.keys import Slot
from assets_core.records import Stored
from materializers.storage.protocol import Storage
from materializers.storage.registry import open_storage

SLOT = Slot("staging/flights", "2013-02-01")
FRAME = pl.DataFrame({"id": [1, 2, 3], "carrier": ["UA", None, "AA"], "delay": [1.5, float("nan"), -0.0]})
Open = Callable[[Path], Storage]


def _parquet(root: Path) -> Storage:
    return open_storage("main", {"kind": "parquet", "path": "data"}, root)


def _relaxed(root: Path) -> Storage:
    return open_storage("main", {"kind": "parquet", "durability": "relaxed", "compression": "lz4"}, root)


def _duckdb(root: Path) -> Storage:
    return open_storage("main", {"kind": "duckdb", "path": "data/warehouse.duckdb"}, root)


@pytest.fixture(params=[_parquet, _relaxed, _duckdb], ids=["parquet", "parquet-relaxed", "duckdb"])
def open_at(request: pytest.FixtureRequest) -> Open:
    return request.param


@pytest.fixture
def storage(open_at: Open, tmp_path: Path) -> Iterator[Storage]:
    opened = open_at(tmp_path)
    yield opened
    opened.close()


DTYPES: dict[str, pl.Series] = {
    "int8": pl.Series([-128, 127, None], dtype=pl.Int8),
    "int64": pl.Series([-(2**63), 2**63 - 1, None], dtype=pl.Int64),
    "int128": pl.Series([-(2**127), 2**127 - 1, None], dtype=pl.Int128),
    "uint64": pl.Series([0, 2**64 - 1, None], dtype=pl.UInt64),
    "uint128": pl.Series([0, 2**128 - 1, None], dtype=pl.UInt128),
    "float16": pl.Series([1.5, float("nan"), None], dtype=pl.Float16),
    "float32": pl.Series([0.1, float("-inf"), None], dtype=pl.Float32),
    "float64": pl.Series([-0.0, float("nan"), None], dtype=pl.Float64),
    "boolean": pl.Series([True, False, None]),
    "string": pl.Series(["", "é\0\U0001f600 'x' \"y\"", None]),
    "binary": pl.Series([b"", b"\x00\xff", None]),
    "date": pl.Series([date(1, 1, 1), date(9999, 12, 31), None]),
    "time": pl.Series([time(0), time(23, 59, 59, 999_999), None]),
    "time in nanoseconds": pl.Series([1, 86_399_999_999_999, None]).cast(pl.Time),
    "datetime ms": pl.Series([datetime(1, 1, 1), datetime(9999, 12, 31), None], dtype=pl.Datetime("ms")),
    "datetime us": pl.Series([datetime(1, 1, 1), datetime(9999, 12, 31), None], dtype=pl.Datetime("us")),
    "datetime ns": pl.Series([1, -1, None]).cast(pl.Datetime("ns")),
    "datetime ms in a zone": pl.Series([1, -1, None]).cast(pl.Datetime("ms", "Europe/Berlin")),
    "datetime us in a zone": pl.Series([1, -1, None]).cast(pl.Datetime("us", "America/New_York")),
    "datetime ns in a zone": pl.Series([1, -1, None]).cast(pl.Datetime("ns", "Asia/Kolkata")),
    "datetime in UTC": pl.Series([1, -1, None]).cast(pl.Datetime("us", "UTC")),
    "duration ms": pl.Series([timedelta(days=-1), timedelta(milliseconds=1), None], dtype=pl.Duration("ms")),
    "duration us": pl.Series([timedelta(days=40), timedelta(microseconds=1), None], dtype=pl.Duration("us")),
    "duration ns": pl.Series([1, -1, None]).cast(pl.Duration("ns")),
    "decimal": pl.Series([Decimal("1.50"), Decimal("-99999999.99"), None], dtype=pl.Decimal(10, 2)),
    "wide decimal": pl.Series([Decimal("0.00001"), None], dtype=pl.Decimal(38, 5)),
    "categorical": pl.Series(["b", "a", None], dtype=pl.Categorical),
    "enum": pl.Series(["b", "a", None], dtype=pl.Enum(["b", "a", "never"])),
    "null": pl.Series([None, None], dtype=pl.Null),
    "list": pl.Series([[1, None], [], None], dtype=pl.List(pl.Int64)),
    "list of lists": pl.Series([[["x"], None, []], None], dtype=pl.List(pl.List(pl.String))),
    "list of enums": pl.Series([["q", None], [], None], dtype=pl.List(pl.Enum(["p", "q"]))),
    "list of durations": pl.Series([[timedelta(1), None], None], dtype=pl.List(pl.Duration("ms"))),
    "list of times in a zone": pl.Series([[datetime(2020, 1, 1), None], None], dtype=pl.List(pl.Datetime("us"))).cast(
        pl.List(pl.Datetime("us", "Europe/Berlin"))
    ),
    "array": pl.Series([[1, None], None], dtype=pl.Array(pl.Int64, 2)),
    "array of categories": pl.Series([["a", "b"], None], dtype=pl.Array(pl.Categorical, 2)),
    "matrix": pl.Series([[[1, 2], [3, 4]], None], dtype=pl.Array(pl.Int8, (2, 2))),
    "struct": pl.Series([{"a": 1, "b": ["x"]}, {"a": None, "b": None}, None]),
    "struct of enums": pl.Series([{"e": "p"}, {"e": None}, None], dtype=pl.Struct({"e": pl.Enum(["p"])})),
    "list of structs": pl.Series(
        [[{"d": timedelta(1), "c": "z"}, None], [], None],
        dtype=pl.List(pl.Struct({"d": pl.Duration("us"), "c": pl.Categorical})),
    ),
}


@pytest.mark.parametrize("name", DTYPES)
def test_every_type_comes_back_as_it_was_after_reopening(open_at: Open, tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"value": DTYPES[name]})
    first = open_at(tmp_path)
    stored = first.write(SLOT, "full", frame)
    empty = first.write(SLOT, "empty", frame.clear())
    first.close()
    again = open_at(tmp_path)
    assert_frame_equal(again.scan(stored).collect(), frame)
    assert_frame_equal(again.scan(empty).collect(), frame.clear())
    assert again.scan(stored).collect_schema() == frame.schema
    again.close()


@pytest.mark.parametrize("name", DTYPES)
def test_every_type_is_read_from_several_at_once(storage: Storage, name: str) -> None:
    frame = pl.DataFrame({"value": DTYPES[name]})
    stored = [storage.write(SLOT, "a", frame), storage.write(SLOT, "b", frame.clear()), storage.write(SLOT, "c", frame)]
    for schema in (None, frame.schema):
        assert_frame_equal(storage.scan_many(stored, schema).collect(), pl.concat([frame, frame]))


def test_signed_zero_and_nan_keep_their_bits(storage: Storage) -> None:
    back = storage.scan(storage.write(SLOT, "a", FRAME)).collect()
    assert back["delay"].reinterpret(dtype=pl.UInt64).to_list() == FRAME["delay"].reinterpret(dtype=pl.UInt64).to_list()


def test_a_lazy_frame_is_stored_as_its_result(storage: Storage) -> None:
    lazy = pl.LazyFrame({"n": range(250_000)}).with_columns(square=pl.col("n") ** 2)
    stored = storage.write(SLOT, "a", lazy)
    assert_frame_equal(storage.scan(stored).collect(), lazy.collect())


def test_what_is_stored_can_be_read_while_its_successor_is_written(storage: Storage) -> None:
    first = storage.write(SLOT, "a", pl.DataFrame({"n": range(300_000)}))
    second = storage.write(SLOT, "b", storage.scan(first).with_columns(m=pl.col("n") * 2))
    both = storage.scan(first).join(storage.scan(second), on="n")
    third = storage.write(SLOT, "c", both)
    assert storage.scan(third).select(pl.col("m").sum()).collect().item() == 299_999 * 300_000


def test_row_order_is_kept(storage: Storage) -> None:
    frame = pl.DataFrame({"n": range(300_000)}).sample(fraction=1.0, shuffle=True, seed=7)
    assert_frame_equal(storage.scan(storage.write(SLOT, "a", frame)).collect(), frame)


def test_an_error_of_the_plan_comes_through_and_leaves_nothing(storage: Storage) -> None:
    lazy = pl.LazyFrame({"text": ["1", "x"]}).with_columns(pl.col("text").cast(pl.Int64))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        storage.write(SLOT, "a", lazy)
    assert storage.unreferenced([]) == []


def test_an_error_of_a_function_in_the_plan_leaves_nothing(storage: Storage) -> None:
    def fail(frame: pl.DataFrame) -> pl.DataFrame:
        raise ValueError("mine")

    lazy = FRAME.lazy().map_batches(fail, schema=FRAME.schema)
    with pytest.raises(Exception, match="mine") as raised:
        storage.write(SLOT, "a", lazy)
    assert not isinstance(raised.value, StorageError)
    assert storage.unreferenced([]) == []


def test_an_id_is_used_once(storage: Storage) -> None:
    stored = storage.write(SLOT, "a", FRAME)
    with pytest.raises(StorageError) as raised:
        storage.write(SLOT, "a", FRAME.clear())
    assert raised.value.code == "HW422"
    assert_frame_equal(storage.scan(stored).collect(), FRAME)


def test_python_objects_are_refused_before_anything_is_written(storage: Storage) -> None:
    frame = pl.DataFrame({"fine": [1], "thing": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(StorageError, match="thing") as raised:
        storage.write(SLOT, "a", frame)
    assert raised.value.code == "HW424"
    assert storage.unreferenced([]) == []


def test_a_type_that_is_refused_when_written_is_refused_by_its_schema_alone(storage: Storage) -> None:
    with pytest.raises(StorageError, match="HW424"):
        storage.check(pl.Schema({"thing": pl.List(pl.Struct({}))}))


def test_a_record_names_storage_size_and_digest(storage: Storage) -> None:
    stored = storage.write(SLOT, "a", FRAME)
    assert stored.storage == "main"
    assert stored.bytes > 0
    assert len(stored.digest) == 64
    assert storage.digest(stored) == stored.digest


def test_equal_rows_have_equal_digests_and_others_do_not(storage: Storage) -> None:
    first = storage.write(SLOT, "a", FRAME)
    chunked = pl.concat([FRAME.head(1), FRAME.tail(2)], rechunk=False)
    assert storage.write(SLOT, "b", chunked.rechunk()).digest == first.digest
    for id_, other in {
        "value": FRAME.with_columns(pl.col("id") + 1),
        "null": FRAME.with_columns(carrier=pl.Series(["UA", "", "AA"])),
        "order": FRAME.reverse(),
        "name": FRAME.rename({"id": "key"}),
        "type": FRAME.with_columns(pl.col("id").cast(pl.Int32)),
        "rows": FRAME.head(2),
        "zero": FRAME.with_columns(pl.col("delay").abs()),
    }.items():
        assert storage.write(SLOT, id_, other).digest != first.digest, id_


def test_what_is_asked_for_is_what_is_read(storage: Storage) -> None:
    lazy = storage.scan(storage.write(SLOT, "a", FRAME))
    assert lazy.select("carrier").collect().columns == ["carrier"]
    assert lazy.select("delay", "id").collect().columns == ["delay", "id"]
    assert lazy.filter(pl.col("id") > 1).select("carrier").collect()["carrier"].to_list() == [None, "AA"]
    assert lazy.select(pl.len()).collect().item() == 3
    assert lazy.filter(pl.col("id") > 1).head(1).collect()["id"].to_list() == [2]
    assert lazy.sort("id", descending=True).head(2).collect()["id"].to_list() == [3, 2]
    assert lazy.tail(1).collect()["id"].to_list() == [3]
    assert lazy.join(lazy, on="id").collect().height == 3


def test_several_are_read_below_each_other_in_the_order_given(storage: Storage) -> None:
    parts = [storage.write(Slot("a", str(n)), f"id{n}", pl.DataFrame({"n": [n, n]})) for n in range(5)]
    lazy = storage.scan_many([parts[3], parts[0], parts[4]])
    assert lazy.collect()["n"].to_list() == [3, 3, 0, 0, 4, 4]
    assert lazy.head(3).collect()["n"].to_list() == [3, 3, 0]
    assert lazy.select(pl.len()).collect().item() == 6


def test_reading_several_of_different_columns_fails(storage: Storage) -> None:
    one = storage.write(SLOT, "a", pl.DataFrame({"n": [1]}))
    for id_, other in {
        "more": pl.DataFrame({"n": [1], "extra": [1]}),
        "fewer": pl.DataFrame({"m": [1]}),
        "type": pl.DataFrame({"n": [1.5]}),
    }.items():
        two = storage.write(SLOT, id_, other)
        for both in ([one, two], [two, one]):
            with pytest.raises((StorageError, pl.exceptions.PolarsError)):
                storage.scan_many(both).collect()


def test_reading_none_gives_the_schema_without_rows(storage: Storage) -> None:
    assert_frame_equal(storage.scan_many([], FRAME.schema).collect(), FRAME.clear())


def test_presence_is_told_for_many_at_once(storage: Storage) -> None:
    here = storage.write(SLOT, "a", FRAME)
    gone = storage.write(SLOT, "b", FRAME)
    never = replace(here, location=here.location.replace("a", "z"))
    assert storage.present([here, gone, never]) == [True, True, False]
    storage.delete(gone)
    assert storage.present([gone, here]) == [False, True]


def test_nothing_is_present_where_nothing_was_ever_written(open_at: Open, tmp_path: Path) -> None:
    storage = open_at(tmp_path / "fresh")
    assert storage.present([Stored("main", "x", 1, "")]) == [False]
    assert storage.unreferenced([]) == []
    assert not (tmp_path / "fresh").exists()


def test_deleted_data_is_gone_and_deleting_again_is_fine(storage: Storage) -> None:
    stored = storage.write(SLOT, "a", FRAME)
    storage.delete(stored)
    storage.delete(stored)
    for read in (storage.scan, storage.digest):
        with pytest.raises(StorageError) as raised:
            read(stored)
        assert raised.value.code == "HW425"


def test_what_no_record_names_is_found_and_can_be_deleted(storage: Storage) -> None:
    known = storage.write(SLOT, "a", FRAME)
    left = storage.write(SLOT, "b", FRAME)
    found = storage.unreferenced([known.location])
    assert [one.location for one in found] == [left.location]
    storage.delete(found[0])
    assert storage.present([known, left]) == [True, False]


def test_a_face_is_no_leftover(storage: Storage) -> None:
    stored = storage.write(SLOT, "a", FRAME)
    storage.publish("dev", {SLOT: stored})
    assert storage.unreferenced([stored.location]) == []


def test_a_face_tells_how_many_slots_of_an_asset_it_holds(storage: Storage) -> None:
    assert storage.faced("dev", "a") == 0
    slots = [Slot("a", key) for key in ("2013-02-01", "EU", "eu")]
    stored = {slot: storage.write(slot, f"id{n}", FRAME) for n, slot in enumerate(slots)}
    storage.publish("dev", {**stored, Slot("a/b"): storage.write(Slot("a/b"), "b", FRAME)})
    assert [storage.faced("dev", key) for key in ("a", "a/b", "b")] == [3, 1, 0]
    storage.publish("dev", {Slot("a", "EU"): None, Slot("a", "US"): None})
    assert (storage.faced("dev", "a"), storage.faced("prod", "a")) == (2, 0)
    storage.unpublish("dev")
    assert storage.faced("dev", "a") == 0


def test_threads_write_and_read_at_once(storage: Storage) -> None:
    start = threading.Barrier(8)

    def work(n: int) -> int:
        start.wait()
        stored = [storage.write(Slot("a", f"{n}"), f"{n}-{i}", pl.DataFrame({"n": [n], "i": [i]})) for i in range(5)]
        storage.settle(stored)
        return int(storage.scan_many(stored).select(pl.col("n").sum()).collect().item())

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [5 * n for n in range(8)]
    assert len(storage.unreferenced([])) == 40


NASTY = ["../../etc/passwd", "..", ".", "a/b", "a\\b", "EU", "eu", "é", "e\u0301", "x" * 300, "x" * 299 + "y", "a'b\"c",
         "2013-02-01T05:00+01:00", "nul", "CON.txt", "tail.", " ", "a*?[b]", "%2e", "~", "{n}", "-rf"]  # fmt: skip


def test_partition_keys_of_any_kind_stay_apart_and_inside(open_at: Open, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    storage = open_at(tmp_path / "root")
    stored = {key: storage.write(Slot("a", key), f"id{n}", pl.DataFrame({"k": [key]})) for n, key in enumerate(NASTY)}
    storage.publish("dev", {Slot("a", key): one for key, one in stored.items()})
    for key, one in stored.items():
        assert storage.scan(one).collect().item() == key
    storage.close()
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_asset_keys_that_look_alike_stay_apart(storage: Storage) -> None:
    keys = ["a/b", "a.b", "a-b", "a_b", "A/b", "a/B", "_env", "_env/dev", "a/b.parquet", "a/b.parquet/data", "a"]
    stored = {key: storage.write(Slot(key), f"id{n}", pl.DataFrame({"k": [key]})) for n, key in enumerate(keys)}
    storage.publish("dev", {Slot(key): one for key, one in stored.items()})
    assert [storage.scan(stored[key]).collect().item() for key in keys] == keys
    assert storage.unreferenced([one.location for one in stored.values()]) == []


def test_column_names_of_any_kind_are_kept(storage: Storage) -> None:
    frame = pl.DataFrame({'say "hi"': [1], "select": [2], "a;b--": [3], "é": [4], " ": [5], "rowid": [6]})
    assert_frame_equal(storage.scan(storage.write(SLOT, "a", frame)).collect(), frame)


def test_what_one_process_stored_another_reads(open_at: Open, tmp_path: Path) -> None:
    first = open_at(tmp_path)
    stored = first.write(SLOT, "a", FRAME)
    first.settle([stored])
    first.close()
    second = open_at(tmp_path)
    assert second.digest(stored) == stored.digest
    assert second.present([stored]) == [True]
    second.close()


def test_an_unwritable_place_is_named(open_at: Open, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    storage = open_at(tmp_path)
    with pytest.raises(StorageError) as raised:
        storage.write(SLOT, "a", FRAME)
    assert raised.value.code in ("HW423", "HW429")
    assert str(tmp_path / "data") in raised.value.where
    assert (tmp_path / "data").read_text() == "a file where the folder should be"


_KILLED = """
import sys, time
from pathlib import Path
import polars as pl
from assets_core.keys import Slot
from materializers.storage.registry import open_storage
storage = open_storage("main", {"kind": sys.argv[1], "path": sys.argv[2]}, Path(sys.argv[3]))
stored = storage.write(Slot("a"), "whole", pl.DataFrame({"n": [1, 2, 3]}))
storage.settle([stored])

def slow(frame):
    if frame["n"][0] > 400_000:
        print(repr(stored), flush=True)
        time.sleep(60)
    return frame

parts = [pl.LazyFrame({"n": range(k * 100_000, k * 100_000 + 100_000)}).map_batches(slow) for k in range(9)]
storage.write(Slot("a"), "half", pl.concat(parts))
"""


@pytest.mark.parametrize(("kind", "path"), [("parquet", "data"), ("duckdb", "data/warehouse.duckdb")])
def test_a_process_killed_while_writing_loses_nothing_that_was_stored(tmp_path: Path, kind: str, path: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", _KILLED, kind, path, tmp_path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    stored = eval(child.stdout.readline(), {"Stored": Stored})
    child.kill()
    child.wait(20)
    storage = open_storage("main", {"kind": kind, "path": path}, tmp_path)
    assert storage.digest(stored) == stored.digest
    assert storage.scan(stored).collect()["n"].to_list() == [1, 2, 3]
    for left in storage.unreferenced([stored.location]):
        storage.delete(left)
    assert storage.unreferenced([stored.location]) == []
    assert storage.present([storage.write(Slot("a"), "half", FRAME)]) == [True]
    storage.close()


_DISK_BYTES = 3_000_000


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A place with room for three megabytes: a file system of that size or, without the right, a limit on files."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(place)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield place
        subprocess.run(["umount", "-l", place], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_DISK_BYTES, before[1]))
    yield place
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
def test_a_full_disk_loses_nothing_and_leaves_nothing_half_written(open_at: Open, full_disk: Path, lazy: bool) -> None:
    storage = open_at(full_disk)
    stored = storage.write(SLOT, "a", FRAME)
    big = pl.select(n=pl.int_range(3_000_000).hash()).select("n", m=pl.col("n").reverse())
    with pytest.raises(StorageError) as raised:
        storage.write(SLOT, "b", big.lazy() if lazy else big)
    assert raised.value.code == "HW423"
    assert_frame_equal(storage.scan(stored).collect(), FRAME)
    assert [one.location for one in storage.unreferenced([stored.location])] == []
    storage.close()
    again = open_at(full_disk)
    assert again.digest(stored) == stored.digest
    again.close()
