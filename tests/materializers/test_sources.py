"""Sources that are read in place: observed by the content of their files, read strictly."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets_core.asset import Source
from assets_core.declare import source
from assets_core.errors import DataError, DefinitionError
from assets_core.keys import Slot
from assets_core.records import Materialization, RecordKind
from materializers.files import FileState, MemoryDigests
from materializers.sources import Observation, confirm, observe, scan_source

NOW = datetime(2026, 1, 2, tzinfo=UTC)


Options = Mapping[str, object]


class Place:
    """A project folder with its digests and what was observed last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests = MemoryDigests()
        self.previous: dict[Slot, Materialization] = {}

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def observe(self, declared: Source) -> Observation:
        seen = observe(
            declared,
            root=self.root,
            cache=self.root / "cache",
            digests=self.digests,
            previous=self.previous,
            now=NOW,
            run_id="run",
        )
        self.previous = {one.slot: one for one in seen.materializations}
        return seen

    def read(self, declared: Source) -> pl.DataFrame:
        seen = self.observe(declared).materializations
        frame = scan_source(declared, seen, root=self.root, cache=self.root / "cache").collect()
        confirm(declared, seen, root=self.root, digests=self.digests, aside={})
        return frame


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def version(seen: Observation) -> str | None:
    return seen.materializations[0].version.content


def test_an_observation_says_what_the_files_hold(place: Place) -> None:
    place.file("data/a.csv", "id,name\n1,x\n2,\n")
    (one,) = place.observe(source("raw/a", files="data/a.csv")).materializations
    assert one.slot == Slot("raw/a")
    assert one.kind is RecordKind.OBSERVATION
    assert one.stored is None
    assert one.schema == (("id", "Int64"), ("name", "String"))
    assert one.version.rows == 2
    assert list(one.metadata["files"]) == ["data/a.csv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,name\n1,x\n2,\n"),
        ("a.jsonl", '{"id":1,"name":"x"}\n{"id":2}\n'),
        ("a.ndjson", '{"id":1,"name":"x"}\n\n{"id":2,"name":null}\n'),
    ],
)
def test_every_format_is_read(place: Place, name: str, content: str) -> None:
    place.file(name, content)
    assert_frame_equal(place.read(source("a", files=name)), pl.DataFrame({"id": [1, 2], "name": ["x", None]}))


def test_parquet_is_read_with_its_own_types(place: Place) -> None:
    frame = pl.DataFrame({"d": [date(2020, 1, 1)], "e": pl.Series(["x"], dtype=pl.Enum(["x"]))})
    frame.write_parquet(place.root / "a.parquet")
    assert_frame_equal(place.read(source("a", files="a.parquet")), frame)


def test_an_untouched_file_is_the_same_record_and_is_not_read_again(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    os.utime(path, ns=(0, 0))
    declared = source("a", files="a.csv")
    first = place.observe(declared)
    known = place.digests.get(str(path), _state(path))
    place.digests.put(str(path), _state(path), known or first.materializations[0].metadata["files"]["a.csv"])
    path.chmod(0o000)  # a root user may read it all the same
    state = _state(path)
    place.digests.put(str(path), state, first.materializations[0].metadata["files"]["a.csv"])
    assert place.observe(declared).materializations[0] is first.materializations[0]


def _state(path: Path) -> FileState:
    stat = path.stat()
    return FileState(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def test_a_touched_file_with_the_same_bytes_is_the_same_version(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    declared = source("a", files="a.csv")
    first = place.observe(declared).materializations[0]
    os.utime(path, ns=(1, 1))
    path.write_bytes(path.read_bytes())
    assert place.observe(declared).materializations[0] is first


def test_a_file_patched_in_place_is_seen_though_size_and_mtime_stay(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    declared = source("a", files="a.csv")
    first = version(place.observe(declared))
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(3)
        file.write(b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert version(place.observe(declared)) != first


def test_a_file_replaced_by_renaming_is_seen(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    declared = source("a", files="a.csv")
    first = version(place.observe(declared))
    place.file("b.csv", "id\n2\n").rename(path)
    assert version(place.observe(declared)) != first


@pytest.mark.parametrize(
    "change",
    [
        {"null_values": "NA"},
        {"try_parse_dates": True},
        {"schema": {"id": pl.Int32, "name": pl.String}},
        {"schema_overrides": {"id": pl.Int32}},
        {"files": "*.csv", "null_values": ["NA"]},
    ],
)
def test_read_options_and_schema_are_part_of_the_version(place: Place, change: dict[str, object]) -> None:
    place.file("a.csv", "id,name\n1,x\n")
    first = version(place.observe(source("a", files="a.csv")))
    assert version(place.observe(source("a", **{"files": "a.csv", **change}))) != first  # type: ignore[arg-type]


def test_the_name_of_a_file_is_part_of_the_version_and_its_folder_is_not(tmp_path: Path) -> None:
    versions = set()
    for folder, name in (("one", "a.csv"), ("two", "a.csv"), ("two", "b.csv")):
        place = Place(tmp_path / folder)
        place.file(name, "id\n1\n")
        versions.add(version(place.observe(source("a", files=name))))
    assert len(versions) == 2


def test_a_glob_is_read_in_the_order_of_names(place: Place) -> None:
    for name in ("b", "a", "sub/c"):
        place.file(f"data/{name}.csv", f"v\n{name}\n")
    read = place.read(source("a", files="data/**/*.csv"))
    assert read["v"].to_list() == ["a", "b", "sub/c"]


def test_a_further_file_of_a_glob_is_a_new_version(place: Place) -> None:
    place.file("a1.csv", "v\n1\n")
    declared = source("a", files="a*.csv")
    first = version(place.observe(declared))
    place.file("a2.csv", "v\n1\n")
    assert version(place.observe(declared)) != first


def test_several_paths_are_one_source_and_a_file_counts_once(place: Place) -> None:
    place.file("a.csv", "v\n1\n")
    place.file("b.csv", "v\n2\n")
    read = place.read(source("a", files=["b.csv", "a.csv", "*.csv"]))
    assert read["v"].to_list() == [1, 2]


def test_a_name_with_magic_characters_is_a_file_if_there_is_one(place: Place) -> None:
    place.file("a[1].csv", "v\n1\n")
    assert place.read(source("a", files="a[1].csv"))["v"].to_list() == [1]


@pytest.mark.parametrize(("ending", "content"), [("csv", "v\n1\n"), ("jsonl", '{"v":1}\n')])
def test_folders_and_files_may_have_magic_characters_in_their_names(tmp_path: Path, ending: str, content: str) -> None:
    place = Place(tmp_path / "[project]*")
    place.file(f"a[1]*.{ending}", content)
    assert place.read(source("a", files=f"a*.{ending}"))["v"].to_list() == [1]


def test_a_packed_file_is_read_and_checked_unpacked(place: Place) -> None:
    place.file("a.csv.gz", gzip.compress(b"v,w\n1,2\n"))
    assert place.read(source("a", files="a.csv.gz", format="csv"))["w"].to_list() == [2]
    place.file("a.csv.gz", gzip.compress(b"v,w\n1,2\n3\n"))
    with pytest.raises(DataError) as raised:
        place.observe(source("a", files="a.csv.gz", format="csv"))
    assert raised.value.where.endswith("a.csv.gz:3")


def test_a_missing_file_is_named_with_the_nearest(place: Place) -> None:
    place.file("data/flights.csv", "v\n1\n")
    with pytest.raises(DataError) as raised:
        place.observe(source("a", files="data/flihgts.csv"))
    assert raised.value.code == "HW310"
    assert "data/flihgts.csv" in raised.value.what
    assert raised.value.hint == "did you mean 'flights.csv'?"
    assert "test_sources.py" in raised.value.where


def test_a_glob_that_matches_nothing_is_an_error(place: Place) -> None:
    place.file("flights_2013.csv", "v\n1\n")
    with pytest.raises(DataError, match="no file matches") as raised:
        place.observe(source("a", files="flight_*.csv"))
    assert "flights_2013.csv" in raised.value.hint


def test_numbers_are_inferred_from_the_last_row_too(place: Place) -> None:
    place.file("a.csv", "n,t\n" + "1,1\n" * 5000 + "1.5,x\n")
    read = place.read(source("a", files="a.csv"))
    assert read.schema == {"n": pl.Float64, "t": pl.String}


def test_dates_are_dates_only_if_all_are(place: Place) -> None:
    place.file(
        "a.csv",
        "d,e,t\n" + "2020-01-01,2020-01-01,2013-01-01T10:00:00Z\n" * 2000 + "2020-01-02,NA,NA\n2020-01-03,soon,NA\n",
    )
    read = place.read(source("a", files="a.csv", try_parse_dates=True, null_values="NA"))
    assert read.schema == {"d": pl.Date, "e": pl.String, "t": pl.Datetime("us", "UTC")}
    assert read["e"][-1] == "soon"
    assert read["t"].null_count() == 2


def test_types_are_widened_over_all_files(place: Place) -> None:
    place.file("a.csv", "n,m\n1,1\n")
    place.file("b.csv", "m,n\nx,2.5\n")
    read = place.read(source("a", files="*.csv"))
    assert_frame_equal(read, pl.DataFrame({"n": [1.0, 2.5], "m": ["1", "x"]}))


def test_a_file_without_values_says_nothing_of_types(place: Place) -> None:
    place.file("1.csv", "n,d\n")
    place.file("2.csv", "n,d\n1,2020-01-01\n")
    place.file("3.csv", "n,d\n,\n")
    read = place.read(source("a", files="*.csv", try_parse_dates=True))
    assert read.to_dict(as_series=False) == {"n": [1, None], "d": [date(2020, 1, 1), None]}


def test_types_that_do_not_mix_become_text(place: Place) -> None:
    place.file("1.csv", "a,b\n1,true\n")
    place.file("2.csv", "a,b\n2020-01-01,7\n")
    read = place.read(source("a", files="*.csv", try_parse_dates=True))
    assert read.to_dict(as_series=False) == {"a": ["1", "2020-01-01"], "b": ["true", "7"]}


def test_json_objects_may_leave_fields_out(place: Place) -> None:
    place.file("1.jsonl", '{"a":1}\n')
    place.file("2.jsonl", '{"b":"x","a":2.5}\n{"b":null}\n')
    place.file("3.jsonl", "")
    read = place.read(source("a", files="*.jsonl"))
    assert read.to_dict(as_series=False) == {"a": [1.0, 2.5, None], "b": [None, "x", None]}


@pytest.mark.parametrize("schema", [None, {"a": pl.Int64}], ids=["inferred", "declared"])
def test_a_byte_order_mark_is_no_part_of_the_text(place: Place, schema: Mapping[str, pl.DataType] | None) -> None:
    place.file("1.jsonl", b'\xef\xbb\xbf{"a":1}\n{"a":2}\n')
    place.file("2.jsonl", '{"a":3}\n')
    place.file("1.csv", b"\xef\xbb\xbfa\n1\n2\n")
    place.file("2.csv", "a\n3\n")
    for ending in ("jsonl", "csv"):
        read = place.read(source("a", files=f"*.{ending}", schema=schema))  # type: ignore[arg-type]
        assert read.to_dict(as_series=False) == {"a": [1, 2, 3]}


def test_files_of_different_columns_are_refused(place: Place) -> None:
    place.file("1.csv", "a,b\n1,2\n")
    place.file("2.csv", "a,c\n1,2\n")
    with pytest.raises(DataError) as raised:
        place.observe(source("a", files="*.csv"))
    assert raised.value.code == "HW313"
    assert raised.value.where.endswith("2.csv")
    assert "it lacks 'b' and it also has 'c'" in raised.value.why


def test_files_without_any_column_are_refused_unless_columns_are_declared(place: Place) -> None:
    place.file("a.jsonl", "{}\n{}\n")
    with pytest.raises(DataError, match="the files of the source a have no column") as raised:
        place.observe(source("a", files="a.jsonl"))
    assert raised.value.code == "HW313"
    read = place.read(source("a", files="a.jsonl", schema={"a": pl.Int64}))
    assert read.to_dict(as_series=False) == {"a": [None, None]}


@pytest.mark.parametrize("other", [pl.DataFrame({"a": [1.5]}), pl.DataFrame({"b": [1]})], ids=["type", "name"])
def test_parquet_files_have_the_same_types(place: Place, other: pl.DataFrame) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(place.root / "1.parquet")
    other.write_parquet(place.root / "2.parquet")
    with pytest.raises(DataError) as raised:
        place.observe(source("a", files="*.parquet"))
    assert raised.value.code == "HW313"


def test_a_declared_schema_finds_columns_by_name(place: Place) -> None:
    place.file("a.csv", "b,a\nx,1\n")
    read = place.read(source("a", files="a.csv", schema={"a": pl.Int8, "b": "String"}))
    assert_frame_equal(read, pl.DataFrame({"a": [1], "b": ["x"]}, schema={"a": pl.Int8, "b": pl.String}))


def test_a_declared_column_that_is_missing_is_an_error(place: Place) -> None:
    place.file("a.csv", "a\n1\n")
    with pytest.raises(DataError, match="zz"):
        place.observe(source("a", files="a.csv", schema={"a": pl.Int8, "zz": pl.Int8}))


def test_a_parquet_column_of_another_type_than_declared_is_an_error(place: Place) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(place.root / "a.parquet")
    with pytest.raises(DataError, match="is Int64, and declared as Int8"):
        place.observe(source("a", files="a.parquet", schema={"a": pl.Int8}))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_columns_that_are_not_declared_are_left_unread(place: Place, ending: str) -> None:
    frame = pl.DataFrame({"b": [1], "a": ["x"]})
    write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[ending]
    write(place.root / f"a.{ending}")
    read = place.read(source("a", files=f"a.{ending}", schema={"a": pl.String}))
    assert read.to_dict(as_series=False) == {"a": ["x"]}


def test_folders_in_the_project_are_columns_and_those_above_it_are_refused(tmp_path: Path) -> None:
    declared = source("a", files="data/**/*.parquet", hive_partitioning=True)
    for root in ("one", "z=7/two"):
        for year in (1, 2):
            folder = tmp_path / root / f"data/y={year}"
            folder.mkdir(parents=True)
            pl.DataFrame({"n": [year * 10]}).write_parquet(folder / "x.parquet")
    assert Place(tmp_path / "one").read(declared).to_dict(as_series=False) == {"n": [10, 20], "y": [1, 2]}
    with pytest.raises(DefinitionError, match="the folder z=7 for a column, which lies above the project") as raised:
        Place(tmp_path / "z=7/two").observe(declared)
    assert raised.value.code == "HW161"
    outside = source("a", files=str(tmp_path / "one/data/**/*.parquet"), hive_partitioning=True)
    assert Place(tmp_path / "z=7/two").read(outside).columns == ["n", "y"]


@pytest.mark.parametrize("names", ["12", "21"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_column_that_only_one_of_the_files_has_is_left_unread_too(place: Place, ending: str, names: str) -> None:
    frames = pl.DataFrame({"a": [1], "s": ["x"]}), pl.DataFrame({"b": [2], "a": [2], "s": ["y"]})
    for name, frame in zip(names, frames, strict=True):
        write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[ending]
        write(place.root / f"{name}.{ending}")
    read = place.read(source("a", files=f"*.{ending}", schema={"a": pl.Int64, "s": pl.String}))
    assert read.sort("a").rows() == [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        (pl.Int8, "-7", -7),
        (pl.Int16, "300", 300),
        (pl.UInt8, "255", 255),
        (pl.UInt16, "65535", 65535),
        (pl.Time, '"05:06:07"', time(5, 6, 7)),
        (pl.Duration("ms"), "1500", timedelta(seconds=1.5)),
    ],
    ids=str,
)
def test_json_lines_are_read_as_types_that_polars_reader_does_not_know(
    place: Place, dtype: pl.DataType, text: str, value: object
) -> None:
    place.file("a.jsonl", f'{{"a":{text}}}\n{{"a":null}}\n')
    expected = pl.DataFrame({"a": [value, None]}, schema={"a": dtype})
    assert_frame_equal(place.read(source("a", files="a.jsonl", schema={"a": dtype})), expected)
    assert_frame_equal(place.read(source("b", files="a.jsonl", schema_overrides={"a": dtype})), expected)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a;b\n1;2\n", {"separator": ";"}, {"a": [1], "b": [2]}),
        ("a,b\nNA,x\n", {"null_values": "NA"}, {"a": [None], "b": ["x"]}),
        ("a,b\n-,NA\n", {"null_values": {"b": "NA"}}, {"a": ["-"], "b": [None]}),
        ("# hi\na,b\n# ho\n1,2\n", {"comment_prefix": "#"}, {"a": [1], "b": [2]}),
        ("junk\na,b\n1,2\n", {"skip_rows": 1}, {"a": [1], "b": [2]}),
        ("a,b\nunits,m\n1,2\n", {"skip_rows_after_header": 1}, {"a": [1], "b": [2]}),
        ("1,2\n", {"has_header": False}, {"column_0": [1], "column_1": [2]}),
        ("a,b\n'x,y',2\n", {"quote_char": "'"}, {"a": ["x,y"], "b": [2]}),
        ('a,b\n"x,2\n', {"quote_char": None}, {"a": ['"x'], "b": [2]}),
        ("a;b\n1,5;2\n", {"separator": ";", "decimal_comma": True}, {"a": [1.5], "b": [2]}),
        ("a,b\n1,2,3\n4\n", {"truncate_ragged_lines": True}, {"a": [1, 4], "b": [2, None]}),
        ("a,b\n1,\xe9\n", {"encoding": "utf8-lossy"}, {"a": [1], "b": ["\ufffd"]}),
        ('a,b\r\n1,"x\r\ny"\r\n', {}, {"a": [1], "b": ["x\r\ny"]}),
    ],
)
def test_read_options_do_what_they_do_in_polars(
    place: Place, content: str, options: Options, expected: dict[str, list[object]]
) -> None:
    place.file("a.csv", content.encode("latin-1"))
    read = place.read(source("a", files="a.csv", **options))  # type: ignore[arg-type]
    assert read.to_dict(as_series=False) == expected


@pytest.mark.parametrize(
    ("name", "options", "code", "hint"),
    [
        ("a.csv", {"null_value": "NA"}, "HW160", "did you mean 'null_values'?"),
        ("a.jsonl", {"separator": ";"}, "HW160", "schema_overrides"),
        ("a.csv", {"skip_rows": True}, "HW161", "int"),
        ("a.csv", {"has_header": "yes"}, "HW161", "bool"),
        ("a.csv", {"encoding": "latin-1"}, "HW161", "utf8-lossy"),
        ("a.csv", {"schema_overrides": {"a": "Int65"}}, "HW181", "Int64"),
        ("a.csv", {"schema_overrides": {"aa": "Int8"}}, "HW161", "did you mean 'a'?"),
        ("a.csv", {"null_values": {"b": "NA"}}, "HW161", "there are a"),
        ("a.csv", {"separator": "::"}, "HW161", "one character"),
        ("a.csv", {"quote_char": "«"}, "HW161", "one character"),
        ("a.csv", {"skip_rows": -1}, "HW161", "not negative"),
    ],
)
def test_a_wrong_read_option_is_refused(place: Place, name: str, options: Options, code: str, hint: str) -> None:
    place.file(name, "a\n1\n")
    with pytest.raises(DefinitionError) as raised:
        place.observe(source("a", files=name, **options))  # type: ignore[arg-type]
    assert raised.value.code == code
    assert hint in raised.value.hint


def test_a_file_that_changes_between_observing_and_reading_is_noticed(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    declared = source("a", files="a.csv")
    seen = place.observe(declared).materializations
    path.write_text("id\n2\n")
    with pytest.raises(DataError) as raised:
        confirm(declared, seen, root=place.root, digests=place.digests, aside={})
    assert raised.value.code == "HW316"


def test_a_file_that_is_touched_between_observing_and_reading_is_fine(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    declared = source("a", files="a.csv")
    seen = place.observe(declared).materializations
    os.utime(path, ns=(5, 5))
    confirm(declared, seen, root=place.root, digests=place.digests, aside={})


class MeddlingDigests(MemoryDigests):
    """Changes a file right after it was digested, as a writer at work would."""

    def __init__(self, meddle: Callable[[int], None]) -> None:
        super().__init__()
        self.meddle = meddle
        self.count = 0

    def get(self, path: str, state: FileState) -> str | None:
        self.count += 1
        self.meddle(self.count)
        return super().get(path, state)


def test_a_file_that_changes_while_it_is_read_is_read_again(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    place.digests = MeddlingDigests(lambda count: path.write_text("id\n1\n2\n") and None if count == 1 else None)
    assert place.observe(source("a", files="a.csv")).materializations[0].version.rows == 2


def test_a_file_that_keeps_changing_fails_clearly(place: Place) -> None:
    path = place.file("a.csv", "id\n1\n")
    place.digests = MeddlingDigests(lambda count: path.write_text("id\n" + "1\n" * count) and None)
    with pytest.raises(DataError) as raised:
        place.observe(source("a", files="a.csv"))
    assert raised.value.code == "HW312"


def test_empty_files_with_a_declared_schema_have_no_rows(place: Place) -> None:
    place.file("a.csv", "id\n")
    assert place.read(source("a", files="a.csv", schema={"id": pl.Int64})).height == 0
