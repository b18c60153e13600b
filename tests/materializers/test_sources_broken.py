"""Broken files: the error names file and line, and nothing of the file is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from assets_core.declare import source
from assets_core.errors import DataError
from materializers.files import MemoryDigests
from materializers.sources import observe

GOOD = "id,name,size\n" + "".join(f"{n},name {n},{n}.5\n" for n in range(1, 4000))
DECLARED = {"id": pl.Int64, "name": pl.String, "size": pl.Float64}


def look(root: Path, files: str, **options: object) -> DataError:
    with pytest.raises(DataError) as raised:
        observe(
            source("raw/a", files=files, **options),  # type: ignore[arg-type]
            root=root,
            cache=root / "cache",
            digests=MemoryDigests(),
            previous={},
            now=datetime(2026, 1, 1, tzinfo=UTC),
            run_id="run",
        )
    return raised.value


@pytest.mark.parametrize("schema", [None, DECLARED], ids=["inferred", "declared"])
@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("7,short\n", "2 fields"),
        ("7\n", "one field"),
        ("\n", "no fields"),
        ("7,long,1,2\n", "4 fields"),
        ('7,"never closed,1\n', "quotes do not close"),
        (b"7,\xff\xfe,1\n", "no UTF-8"),
    ],
    ids=["short", "very short", "empty line", "long", "open quote", "bytes"],
)
def test_a_broken_row_is_named_by_file_and_line(
    tmp_path: Path, row: str | bytes, why: str, schema: Mapping[str, object] | None
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(GOOD.encode() + (row if isinstance(row, bytes) else row.encode()) + b"8,fine,1\n")
    error = look(tmp_path, "a.csv", schema=schema)
    assert error.code == "HW314"
    assert error.where == f"{path}:4001"
    assert why in error.why


@pytest.mark.parametrize("quoted", [False, True])
def test_a_row_of_too_few_fields_is_found_among_quoted_ones_too(tmp_path: Path, quoted: bool) -> None:
    text = 'a,b\n"two\nlines, one row",1\n' if quoted else "a,b\nx,1\n"
    (tmp_path / "a.csv").write_text(text + "only\ny,2\n")
    assert look(tmp_path, "a.csv").where.endswith(":4" if quoted else ":3")


def test_a_file_cut_off_in_its_last_row_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD.rstrip("\n").rpartition(",")[0])
    assert look(tmp_path, "a.csv").where.endswith(":4000")


def test_a_value_of_another_type_than_declared_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD + "x17,name,1\n")
    error = look(tmp_path, "a.csv", schema=DECLARED)
    assert error.where.endswith(":4001")
    assert "'x17' in column 'id' is no Int64" in error.why


def test_lines_are_counted_with_comments_and_quoted_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('# made\nid,t\n# more\n1,"a\nb"\nx,y\n')
    error = look(tmp_path, "a.csv", schema={"id": pl.Int64, "t": pl.String}, comment_prefix="#")
    assert error.where.endswith(":6")


def test_the_broken_one_of_several_files_is_named(tmp_path: Path) -> None:
    for name in ("a1", "a2", "a3"):
        (tmp_path / f"{name}.csv").write_text("id\n1\n")
    (tmp_path / "a2.csv").write_text("id\none\n")
    error = look(tmp_path, "a*.csv", schema={"id": pl.Int64})
    assert error.where == f"{tmp_path / 'a2.csv'}:2"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"id": 1,', "no JSON"),
        ('{"id": 1} more', "no JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"id": "x"}', "Int64"),
        ('{"id": 1.5}', "Int64"),
    ],
)
def test_a_broken_json_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1}\n\n' * 100 + line + '\n{"id": 2}\n')
    error = look(tmp_path, "a.jsonl", schema={"id": pl.Int64})
    assert (error.code, error.where) == ("HW314", f"{path}:201")
    assert why in error.why


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        (pl.Int8, "127", "128"),
        (pl.UInt16, "1", "-1"),
        (pl.Time, '"05:00:00"', '"late"'),
        (pl.Array(pl.Int64, 2), "[1,2]", "[]"),
    ],
    ids=str,
)
def test_a_json_value_that_its_type_cannot_hold_is_a_broken_row(
    tmp_path: Path, dtype: pl.DataType, good: str, bad: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"a":{text}}}\n' for text in (good, bad, good)))
    error = look(tmp_path, "a.jsonl", schema={"a": dtype})
    assert (error.code, error.where) == ("HW314", f"{path}:2")


def test_lines_are_counted_behind_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": 1}\n{"id": "x"}\n')
    assert look(tmp_path, "a.jsonl", schema={"id": pl.Int64}).where == f"{path}:2"


def test_a_json_file_cut_off_is_broken_without_a_declared_schema_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"id": 2')
    assert look(tmp_path, "a.jsonl").where.endswith(":2")


@pytest.mark.parametrize("damage", ["cut", "flip", "header", "empty", "text"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, damage: str) -> None:
    frame = pl.DataFrame({"n": range(10_000), "s": [str(n) for n in range(10_000)]})
    frame.write_parquet(tmp_path / "a1.parquet")
    path = tmp_path / "a2.parquet"
    frame.write_parquet(path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[5:2000] = bytes(1995)
    changed = {"cut": data[: len(data) // 2], "flip": data, "header": data[4:], "empty": b"", "text": b"id,name\n1,x\n"}
    path.write_bytes(changed[damage])
    error = look(tmp_path, "a*.parquet")
    assert error.code == "HW315"
    assert "a2.parquet" in error.what


def test_an_empty_csv_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    error = look(tmp_path, "a.csv")
    assert error.code == "HW315"
    assert "empty" in error.why
